// admin token create|list|revoke, backup, restore, check, gc, rotate-secrets-key.

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <memory>

#include "base/text.h"
#include "client/cli/cli.h"

namespace penstock::cli {
namespace {

// Lets penstockd do it with a data directory whose coordinator is down: the database is its alone.
// Comes back only where that fails; the exit code.
int RunOffline(std::vector<std::string> arguments, const std::string& data_dir) {
  const std::string program = ProgramFolder() + "/penstockd";
  arguments.insert(arguments.begin(), program);
  arguments.insert(arguments.end(), {"--data-dir", data_dir});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  return Fail(ErrnoStatus(errno, "starting " + program));
}

constexpr char kDataDirHelp[] =
    "do it here, while the coordinator of this folder is down; without it, the running one does it";

// Waits as long as it takes.
template <typename Request, typename Response>
Result<Response> CallPatiently(Connection& connection,
                               grpc::Status (pb::AdminService::Stub::*method)(grpc::ClientContext*,
                                                                              const Request&,
                                                                              Response*),
                               const Request& request) {
  Response response;
  const auto context = connection.Context(Micros(0));
  const Status status =
      connection.Translate((connection.admin().*method)(context.get(), request, &response));
  if (!status.ok()) return status;
  return response;
}

int PrintBackup(const pb::BackupResponse& made) {
  std::cerr << made.new_blobs() << " of " << made.blobs() << " files are new ("
            << FormatSize(made.new_bytes()) << ")";
  if (made.removed_snapshots() > 0) {
    std::cerr << "; " << made.removed_snapshots() << " older snapshots removed";
  }
  std::cerr << "\n";
  std::cout << made.snapshot() << "\n";
  if (made.missing_count() == 0) return kDone;
  for (const std::string& missing : made.missing()) std::cerr << "missing: " << missing << "\n";
  std::cerr << "error: the coordinator itself lacks " << made.missing_count()
            << " files, so the backup does, too (penstock admin check)\n";
  return kWorkFailed;
}

void AddBackup(CLI::App& admin, Cli& cli) {
  CLI::App* command = admin.add_subcommand(
      "backup", "add a snapshot of database, artifacts and logs to a folder of backups");
  auto directory = std::make_shared<std::string>();
  auto keep = std::make_shared<int>(0);
  auto data_dir = std::make_shared<std::string>();
  command
      ->add_option("directory", *directory,
                   "folder on the coordinator's machine, made where it is missing; it takes "
                   "what it does not have yet")
      ->required();
  command->add_option("--keep", *keep, "then remove all but the newest N snapshots; 0: none")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--data-dir", *data_dir, kDataDirHelp);
  command->callback([=, &cli] {
    const std::string whole = std::filesystem::absolute(*directory).lexically_normal().string();
    if (!data_dir->empty()) {
      cli.exit_code =
          RunOffline({"--admin-backup", whole, "--keep", std::to_string(*keep)}, *data_dir);
      return;
    }
    cli.Command([=](Connection& connection) -> Result<int> {
      pb::BackupRequest request;
      request.set_directory(whole);
      request.set_keep(*keep);
      PENSTOCK_ASSIGN_OR_RETURN(
          const pb::BackupResponse made,
          CallPatiently(connection, &pb::AdminService::Stub::Backup, request));
      return PrintBackup(made);
    })();
  });
}

void AddRestore(CLI::App& admin, Cli& cli) {
  CLI::App* command = admin.add_subcommand(
      "restore", "make a data directory of a backup, for a coordinator that is yet to start");
  auto backup = std::make_shared<std::string>();
  auto data_dir = std::make_shared<std::string>();
  auto allow = std::make_shared<bool>(false);
  command
      ->add_option("backup", *backup,
                   "a folder of backups (its newest snapshot), or one of its snapshots")
      ->required();
  command->add_option("--data-dir", *data_dir, "the new folder: missing, or empty")->required();
  command->add_flag("--allow-missing", *allow,
                    "also where bytes of artifacts are missing or damaged in the backup");
  command->callback([=, &cli] {
    std::vector<std::string> arguments = {"--admin-restore", *backup};
    if (*allow) arguments.emplace_back("--allow-missing");
    cli.exit_code = RunOffline(std::move(arguments), *data_dir);
  });
}

void AddCheck(CLI::App& admin, Cli& cli) {
  CLI::App* command = admin.add_subcommand(
      "check", "look whether database, references, states and artifacts are sound");
  auto verify = std::make_shared<bool>(false);
  auto repair = std::make_shared<bool>(false);
  auto data_dir = std::make_shared<std::string>();
  auto format = std::make_shared<Format>(Format::kTable);
  command->add_flag("--verify", *verify, "read all bytes of all artifacts");
  CLI::Option* folder = command->add_option("--data-dir", *data_dir, kDataDirHelp);
  command->add_flag("--repair", *repair, "mend what can be mended; with --data-dir")->needs(folder);
  AddFormat(command, format);
  command->callback([=, &cli] {
    if (!data_dir->empty()) {
      std::vector<std::string> arguments = {"--admin-check"};
      if (*verify) arguments.emplace_back("--verify");
      if (*repair) arguments.emplace_back("--repair");
      cli.exit_code = RunOffline(std::move(arguments), *data_dir);
      return;
    }
    cli.Command([=](Connection& connection) -> Result<int> {
      pb::CheckRequest request;
      request.set_verify(*verify);
      PENSTOCK_ASSIGN_OR_RETURN(const pb::CheckResponse report,
                                CallPatiently(connection, &pb::AdminService::Stub::Check, request));
      const int code = report.findings().empty() ? kDone : kWorkFailed;
      if (*format != Format::kTable) {
        std::cout << Render(report, *format);
        return code;
      }
      for (const auto& finding : report.findings()) {
        std::cout << finding.check() << ": " << finding.message() << "\n";
      }
      std::cerr << report.artifacts() << " artifacts in " << report.blobs() << " files; ";
      if (code == kDone) {
        std::cerr << "all is well\n";
      } else {
        std::cerr << report.findings_size()
                  << " things are wrong; stop the coordinator and mend them with --data-dir DIR "
                     "--repair\n";
      }
      return code;
    })();
  });
}

void AddRotate(CLI::App& admin, Cli& cli) {
  CLI::App* command = admin.add_subcommand(
      "rotate-secrets-key", "seal all secrets with a new key, while the coordinator is down");
  auto data_dir = std::make_shared<std::string>();
  command->add_option("--data-dir", *data_dir, "the coordinator's folder")->required();
  command->callback(
      [=, &cli] { cli.exit_code = RunOffline({"--admin-rotate-secrets-key"}, *data_dir); });
}

void AddGc(CLI::App& admin, Cli& cli) {
  CLI::App* command = admin.add_subcommand(
      "gc", "delete what retention does not keep, now: runs, artifacts, their bytes and logs");
  auto dry = std::make_shared<bool>(false);
  auto format = std::make_shared<Format>(Format::kTable);
  command->add_flag("--dry-run", *dry, "say what would go, and delete nothing");
  AddFormat(command, format);
  command->callback(cli.Command([=](Connection& connection) -> Result<int> {
    pb::CollectRequest request;
    request.set_dry_run(*dry);
    PENSTOCK_ASSIGN_OR_RETURN(const pb::CollectResponse report,
                              CallPatiently(connection, &pb::AdminService::Stub::Collect, request));
    if (*format != Format::kTable) {
      std::cout << Render(report, *format);
      return kDone;
    }
    for (const std::string& run : report.run_ids()) std::cout << run << "\n";
    std::cerr << (*dry ? "would delete " : "deleted ") << report.runs() << " runs, "
              << report.artifacts() << " artifacts (" << FormatSize(report.artifact_bytes())
              << "); removed from the disk: " << report.blobs() << " files ("
              << FormatSize(report.blob_bytes()) << "), " << report.journals() << " logs\n";
    return kDone;
  }));
}

void AddTokenCreate(CLI::App& token, Cli& cli) {
  CLI::App* command = token.add_subcommand("create", "make a token and print its secret, once");
  auto name = std::make_shared<std::string>();
  auto role = std::make_shared<std::string>("user");
  auto data_dir = std::make_shared<std::string>();
  command->add_option("name", *name, "whose it is: the principal is user:NAME or worker:NAME")
      ->required();
  command->add_option("--role", *role, "what it may do")
      ->transform(OneOf({"admin", "user", "worker"}))
      ->type_name("admin|user|worker")
      ->capture_default_str();
  command->add_option("--data-dir", *data_dir,
                      "make it here, while the coordinator of this folder is down; the folder "
                      "must be there");
  command->callback([=, &cli] {
    if (!data_dir->empty()) {
      cli.exit_code = RunOffline({"--admin-token-create", *name, "--role", *role}, *data_dir);
      return;
    }
    cli.Command([=](Connection& connection) -> Result<int> {
      pb::CreateTokenRequest request;
      request.set_name(*name);
      request.set_role(*role);
      PENSTOCK_ASSIGN_OR_RETURN(
          const pb::CreateTokenResponse created,
          connection.Call(connection.admin(), &pb::AdminService::Stub::CreateToken, request));
      std::cerr << "keep it: it is shown this once\n";
      std::cout << created.secret() << "\n";
      return kDone;
    })();
  });
}

}  // namespace

void AddAdminCommands(CLI::App& app, Cli& cli) {
  CLI::App* admin =
      app.add_subcommand("admin", "for operators: tokens, backups, checks, retention");
  admin->require_subcommand(1);
  CLI::App* token = admin->add_subcommand("token", "who may talk to the coordinator");
  token->require_subcommand(1);
  AddTokenCreate(*token, cli);
  AddBackup(*admin, cli);
  AddRestore(*admin, cli);
  AddCheck(*admin, cli);
  AddGc(*admin, cli);
  AddRotate(*admin, cli);

  CLI::App* list = token->add_subcommand("list", "the tokens, without their secrets");
  auto format = std::make_shared<Format>(Format::kTable);
  AddFormat(list, format);
  list->callback(cli.Command([format](Connection& connection) -> Result<int> {
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::ListTokensResponse tokens,
        connection.Call(connection.admin(), &pb::AdminService::Stub::ListTokens,
                        pb::ListTokensRequest()));
    if (*format != Format::kTable) {
      std::cout << Render(tokens, *format);
      return kDone;
    }
    Table table({"NAME", "ROLE", "CREATED", "BY", "REVOKED"});
    for (const pb::Token& each : tokens.tokens()) {
      table.Add({each.name(), each.role(), LocalTime(each.created().time()),
                 each.created().principal(), LocalTime(each.revoked_at())});
    }
    std::cout << table.Text();
    return kDone;
  }));

  CLI::App* revoke = token->add_subcommand("revoke", "refuse a token from now on");
  auto name = std::make_shared<std::string>();
  revoke->add_option("name", *name, "its name, as `token list` shows it")->required();
  revoke->callback(cli.Command([name](Connection& connection) -> Result<int> {
    pb::RevokeTokenRequest request;
    request.set_name(*name);
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::RevokeTokenResponse revoked,
        connection.Call(connection.admin(), &pb::AdminService::Stub::RevokeToken, request));
    static_cast<void>(revoked);
    std::cerr << "token " << *name << " is refused from now on\n";
    return kDone;
  }));
}

}  // namespace penstock::cli
