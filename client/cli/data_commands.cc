#include "client/cli/data_commands.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>

#include "base/digest.h"
#include "base/text.h"
#include "client/cli/data_view.h"
#include "client/cli/local_worker.h"
#include "client/cli/remote_data.h"
#include "client/cli/scratch.h"
#include "client/cli/transfer.h"
#include "server/definition/definition.h"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;

struct DataOptions {
  std::string name;
  std::string read;
  int rows = 10;
  Format format = Format::kTable;
  std::string output;
  std::string form;
  bool force = false;
};

// Whether the name looks like a path rather than RUN/STEP/OUTPUT or a digest.
bool LooksLikePath(const std::string& name) {
  return !name.starts_with("model:") && !name.starts_with("artifact:") &&
         (name.starts_with('/') || name.starts_with('.') ||
          std::count(name.begin(), name.end(), '/') != 2) &&
         !ParseDigest(name).ok();
}

// Rows are in datasets, and perhaps in files as they were uploaded.
Status CheckHoldsRows(const pb::Artifact& artifact, const std::string& name) {
  const std::string& type = artifact.ref().type();
  if (type == "dataset" || type == "file") return Status::Ok();
  return WrongUse(name + " is a " + type + ", not a dataset: it has no rows; its files: penstock " +
                  "artifacts get " + name + " -o PATH");
}

// The text of --read as a step's `read`, judged as one; null where there is none.
Result<Json> ParseRead(const std::string& text) {
  if (text.empty()) return Json();
  const Result<DefinitionText> parsed = ParseDefinitionText(text);
  if (!parsed.ok()) return WrongUse("--read: " + parsed.status().message());
  std::vector<Problem> problems;
  const Json checked = CheckParameters(*Catalog::BuiltIn().Find("profile"),
                                       {{"read", parsed->document}}, "", problems);
  if (!problems.empty()) {
    return WrongUse("--read is not what `read` of a process step takes, as in " +
                    std::string("--read '{header: false, nulls: [\"?\"]}'"))
        .WithProblems(std::move(problems));
  }
  return JsonMember(checked, "read");
}

// What all commands do first: names judged, the reader of tables started, a scratch folder made.
class DataCommand {
 public:
  DataCommand(Connection& connection, const DataOptions& options)
      : connection_(connection), options_(options) {}

  Status Start() {
    PENSTOCK_ASSIGN_OR_RETURN(read_, ParseRead(options_.read));
    std::error_code error;
    local_ = fs::exists(options_.name, error);
    if (!local_ && LooksLikePath(options_.name)) {
      return WrongUse("there is no file or folder " + options_.name +
                      " here; other data are named by a digest, or RUN/STEP/OUTPUT");
    }
    if (!local_) {
      PENSTOCK_ASSIGN_OR_RETURN(artifact_, FindArtifact(connection_, options_.name));
      PENSTOCK_RETURN_IF_ERROR(CheckHoldsRows(artifact_, options_.name));
    }
    PENSTOCK_ASSIGN_OR_RETURN(Scratch scratch, Scratch::MakeFolder());
    scratch_ = std::make_unique<Scratch>(std::move(scratch));
    PENSTOCK_ASSIGN_OR_RETURN(LocalWorker worker, LocalWorker::Start());
    worker_ = std::make_unique<LocalWorker>(std::move(worker));
    return Status::Ok();
  }

  // The answer about all of the data, which are fetched where they are not here.
  Result<Json> Ask(Json request) {
    fs::path path = options_.name;
    if (!local_) {
      path = scratch_->path() / "data";
      PENSTOCK_RETURN_IF_ERROR(Download(connection_, artifact_, path));
    }
    return AskAbout(path, std::move(request));
  }

  Result<Json> AskForHead(const Json& request) {
    // Which files are read may hang on all of their names.
    if (local_ || !read_.is_null()) return Ask(request);
    return HeadOfArtifact(connection_, artifact_, JsonInt(request, "rows"), scratch_->path(),
                          [&](const fs::path& path) { return AskAbout(path, request); });
  }

 private:
  Result<Json> AskAbout(const fs::path& path, Json request) {
    std::error_code error;
    if (!read_.is_null() && fs::exists(path / "dataset.json", error)) {
      return WrongUse("--read says how files are read; " + options_.name +
                      " is a dataset, which says that itself");
    }
    request["path"] = fs::absolute(path).string();
    request["name"] = options_.name;
    request["read"] = read_;
    request["scratch"] = scratch_->path().string();
    return worker_->Call(request);
  }

  Connection& connection_;
  const DataOptions& options_;
  bool local_ = false;
  pb::Artifact artifact_;
  Json read_;
  // The other program ends before what it writes to goes.
  std::unique_ptr<Scratch> scratch_;
  std::unique_ptr<LocalWorker> worker_;
};

Result<int> ShowHead(Connection& connection, const DataOptions& options) {
  DataCommand command(connection, options);
  PENSTOCK_RETURN_IF_ERROR(command.Start());
  const bool json = options.format == Format::kJson;
  PENSTOCK_ASSIGN_OR_RETURN(
      const Json head,
      command.AskForHead({{"do", "head"}, {"rows", options.rows}, {"texts", !json}}));
  if (json) {
    std::cout << DumpJsonPretty(HeadJson(head)) << "\n";
    return kDone;
  }
  std::cout << HeadText(head, OutputWidth());
  const std::size_t rows = JsonMember(head, "rows").size();
  if (rows == 0) {
    std::cerr << "there are no rows\n";
  } else if (const int64_t total = JsonInt(head, "total"); total > static_cast<int64_t>(rows)) {
    std::cerr << rows << " of " << total << " rows\n";
  }
  return kDone;
}

Result<int> ShowSchema(Connection& connection, const DataOptions& options) {
  DataCommand command(connection, options);
  PENSTOCK_RETURN_IF_ERROR(command.Start());
  PENSTOCK_ASSIGN_OR_RETURN(const Json schema, command.Ask({{"do", "schema"}}));
  if (options.format == Format::kJson) {
    std::cout << DumpJsonPretty(SchemaJson(schema)) << "\n";
  } else {
    std::cout << SchemaText(schema);
  }
  return kDone;
}

// What a file of this name is to hold.
struct Form {
  std::string format;
  std::string compression = "none";
};

Result<Form> FormOf(const DataOptions& options) {
  static const std::vector<std::string> kFormats = {"csv", "tsv", "jsonl", "json", "parquet"};
  Form form;
  fs::path name = fs::path(options.output).filename();
  const std::string last = name.extension().string();
  if (last == ".gz") form.compression = "gzip";
  if (last == ".zst") form.compression = "zstd";
  if (form.compression != "none") name = name.stem();
  std::string ending = name.extension().string();
  if (!ending.empty()) ending.erase(0, 1);
  form.format = !options.form.empty() ? options.form : ending.empty() ? "csv" : ending;
  if (std::find(kFormats.begin(), kFormats.end(), form.format) == kFormats.end()) {
    return WrongUse("\"" + form.format + "\" is no format to write" +
                    Suggestion(form.format, kFormats) + "; --format says it whatever the name is");
  }
  if (form.format == "parquet" && form.compression != "none") {
    return WrongUse("Parquet is compressed by itself; name the file without " + last);
  }
  return form;
}

// Whether the file can be made, before anything is fetched for it.
Status CheckOutput(const std::string& output, bool force) {
  std::error_code error;
  if (fs::is_directory(output, error)) {
    return WrongUse(output + " is a folder; name the file to make");
  }
  if (!force && fs::exists(fs::symlink_status(output, error))) {
    return WrongUse(output + " is there already; --force overwrites it");
  }
  fs::path folder = fs::path(output).parent_path();
  if (folder.empty()) folder = ".";
  if (!fs::is_directory(folder, error)) {
    return WrongUse("there is no folder " + folder.string() + " to make " + output + " in");
  }
  if (access(folder.c_str(), W_OK) != 0) {
    return WrongUse(output + " cannot be made: the folder does not let you write");
  }
  return Status::Ok();
}

// Gives the whole file its name.
Status GiveName(const fs::path& part, const fs::path& output, bool force) {
  if (!force &&
      renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, output.c_str(), RENAME_NOREPLACE) == 0) {
    return Status::Ok();
  }
  if (!force && errno == EEXIST) {
    return WrongUse(output.string() + " was made by somebody meanwhile; --force overwrites it");
  }
  // Some file systems know no such rename.
  if (!force && errno != EINVAL && errno != ENOSYS) return ErrnoStatus(errno, output.string());
  return rename(part.c_str(), output.c_str()) == 0 ? Status::Ok()
                                                   : ErrnoStatus(errno, output.string());
}

Result<int> ExportData(Connection& connection, const DataOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const Form form, FormOf(options));
  PENSTOCK_RETURN_IF_ERROR(CheckOutput(options.output, options.force));
  DataCommand command(connection, options);
  PENSTOCK_RETURN_IF_ERROR(command.Start());
  // Beside its place, so that a half of it never has its name.
  const fs::path whole(options.output);
  const Scratch part(whole.parent_path() /
                     ("." + whole.filename().string() + ".part-" + std::to_string(getpid())));
  PENSTOCK_ASSIGN_OR_RETURN(const Json answer,
                            command.Ask({{"do", "export"},
                                         {"file", fs::absolute(part.path()).string()},
                                         {"format", form.format},
                                         {"compression", form.compression}}));
  PENSTOCK_RETURN_IF_ERROR(GiveName(part.path(), whole, options.force));
  std::cerr << JsonInt(answer, "rows") << " rows in " << options.output << "\n";
  return kDone;
}

constexpr char kNameHelp[] = "a digest, RUN/STEP/OUTPUT, or a file or folder of this machine";
constexpr char kReadHelp[] =
    "how to read files, as `read` of a process step has it: '{header: false, nulls: [\"?\"]}'";

// Also "json" alone where YAML would be too much.
void AddTableOrJson(CLI::App* command, const std::shared_ptr<DataOptions>& options) {
  command
      ->add_option_function<std::string>(
          "-o,--output",
          [options](const std::string& name) {
            options->format = name == "json" ? Format::kJson : Format::kTable;
          },
          "how to show it")
      ->transform(OneOf({"table", "json"}))
      ->type_name("table|json");
}

void AddHead(CLI::App& data, Cli& cli) {
  CLI::App* command = data.add_subcommand("head", "the first rows");
  auto options = std::make_shared<DataOptions>();
  command->add_option("dataset", options->name, kNameHelp)->required();
  command->add_option("-n,--rows", options->rows, "how many")
      ->check(CLI::Range(1, 100'000).description(""))
      ->capture_default_str();
  command->add_option("--read", options->read, kReadHelp)->type_name("YAML");
  AddTableOrJson(command, options);
  command->footer(
      "Missing values are shown as ∅, in JSON as null. On a terminal what has no room is left "
      "out.\n"
      "\n"
      "  penstock data head census.csv\n"
      "  penstock data head run-01M8…/prepare/train -n 3 -o json\n"
      "  penstock data head adult.data --read '{header: false, nulls: [\"?\"]}'");
  command->callback(
      cli.Command([options](Connection& connection) { return ShowHead(connection, *options); }));
}

void AddSchema(CLI::App& data, Cli& cli) {
  CLI::App* command =
      data.add_subcommand("schema", "columns: kinds, missing and distinct values, examples, roles");
  auto options = std::make_shared<DataOptions>();
  command->add_option("dataset", options->name, kNameHelp)->required();
  command->add_option("--read", options->read, kReadHelp)->type_name("YAML");
  AddTableOrJson(command, options);
  command->footer(
      "All rows are read. Distinct values are counted up to 1,000. Kinds are told from the "
      "values:\n"
      "numeric, categorical, text, date, id; those of a dataset are as it says. A step takes\n"
      "columns for numeric or categorical unless its read.columns say otherwise.\n"
      "\n"
      "  penstock data schema census.csv\n"
      "  penstock data schema run-01M8…/prepare/train -o json");
  command->callback(
      cli.Command([options](Connection& connection) { return ShowSchema(connection, *options); }));
}

void AddExport(CLI::App& data, Cli& cli) {
  CLI::App* command = data.add_subcommand("export", "all rows as one file for other tools");
  auto options = std::make_shared<DataOptions>();
  command->add_option("dataset", options->name, kNameHelp)->required();
  command
      ->add_option(
          "-o,--output", options->output,
          "the file to make; its ending names the format, .gz or .zst behind it compresses")
      ->required();
  command->add_option("--format", options->form, "whatever the file is called; CSV without ending")
      ->transform(OneOf({"csv", "tsv", "jsonl", "json", "parquet"}))
      ->type_name("csv|tsv|jsonl|json|parquet");
  command->add_option("--read", options->read, kReadHelp)->type_name("YAML");
  command->add_flag("--force", options->force, "overwrite the file where it is there already");
  command->footer(
      "The file appears when it is whole. Data may be larger than memory.\n"
      "\n"
      "  penstock data export run-01M8…/evaluate/predictions -o predictions.csv\n"
      "  penstock data export prices.csv -o prices.parquet\n"
      "  penstock data export sha256:5f1c… -o rows.jsonl.gz");
  command->callback(
      cli.Command([options](Connection& connection) { return ExportData(connection, *options); }));
}

}  // namespace

void AddDataCommands(CLI::App& app, Cli& cli) {
  CLI::App* data = app.add_subcommand("data", "look into data, here or in the store");
  data->require_subcommand(1);
  AddHead(*data, cli);
  AddSchema(*data, cli);
  AddExport(*data, cli);
}

}  // namespace penstock::cli
