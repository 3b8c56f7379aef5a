// admin token create|list|revoke.

#include <unistd.h>

#include <iostream>
#include <memory>

#include "client/cli/cli.h"

namespace penstock::cli {
namespace {

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
      // The database is the coordinator's alone: it makes the token itself.
      const std::string program = ProgramFolder() + "/penstockd";
      execl(program.c_str(), program.c_str(), "--admin-token-create", name->c_str(), "--role",
            role->c_str(), "--data-dir", data_dir->c_str(), static_cast<char*>(nullptr));
      cli.exit_code = Fail(ErrnoStatus(errno, "starting " + program));
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
  CLI::App* admin = app.add_subcommand("admin", "for operators: tokens");
  admin->require_subcommand(1);
  CLI::App* token = admin->add_subcommand("token", "who may talk to the coordinator");
  token->require_subcommand(1);
  AddTokenCreate(*token, cli);

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
