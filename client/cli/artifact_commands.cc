// artifacts put|get, data head|schema|export.

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <memory>

#include "base/digest.h"
#include "base/subprocess.h"
#include "base/text.h"
#include "client/cli/cli.h"
#include "client/cli/scratch.h"
#include "client/cli/transfer.h"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;

void AddPut(CLI::App& artifacts, Cli& cli) {
  CLI::App* command =
      artifacts.add_subcommand("put", "upload a file or a folder; prints its digest");
  auto path = std::make_shared<std::string>();
  auto type = std::make_shared<std::string>("dataset");
  command->add_option("path", *path, "the file or folder")->required();
  command->add_option("--type", *type, "what it is")
      ->transform(OneOf({"dataset", "model", "transform", "report", "file"}))
      ->type_name("dataset|model|transform|report|file")
      ->capture_default_str();
  command->callback(cli.Command([=](Connection& connection) -> Result<int> {
    PENSTOCK_ASSIGN_OR_RETURN(const pb::ArtifactRef ref, Upload(connection, *path, *type));
    std::cerr << FormatSize(ref.size()) << "; held for an hour, longer once a run uses it\n";
    std::cout << "artifact:" << ref.digest() << "\n";
    return kDone;
  }));
}

void AddGet(CLI::App& artifacts, Cli& cli) {
  CLI::App* command = artifacts.add_subcommand("get", "download an artifact");
  auto name = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>();
  command->add_option("artifact", *name, "a digest, model:GROUP/VERSION or RUN/STEP/OUTPUT")
      ->required();
  command->add_option("-o,--output", *output, "the file or folder to make")->required();
  command->callback(cli.Command([=](Connection& connection) -> Result<int> {
    PENSTOCK_ASSIGN_OR_RETURN(const pb::Artifact artifact, FindArtifact(connection, *name));
    PENSTOCK_RETURN_IF_ERROR(Download(connection, artifact, *output));
    std::cerr << artifact.ref().type() << ", " << FormatSize(artifact.ref().size()) << ", in "
              << *output << "\n";
    return kDone;
  }));
}

// Tables are read by the program that has the engine for it: penstock-worker.
Result<int> RunWorkerTool(const std::vector<std::string>& arguments) {
  SubprocessOptions options{.arguments = {ProgramFolder() + "/penstock-worker"}};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  PENSTOCK_ASSIGN_OR_RETURN(Subprocess tool, Subprocess::Start(options));
  EndWithScratch(tool.pid());
  const ProcessEnd end = tool.Wait();
  EndWithScratch(0);
  return end.signal == 0 ? end.exit_code : kWorkFailed;
}

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

Result<int> WithData(Connection& connection, const std::string& name,
                     const std::function<Result<int>(const std::string&)>& use) {
  // A path of this machine needs no server.
  if (fs::exists(name)) return use(name);
  if (LooksLikePath(name)) {
    return WrongUse("there is no file or folder " + name +
                    " here; other data are named by a digest, or RUN/STEP/OUTPUT");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const pb::Artifact artifact, FindArtifact(connection, name));
  PENSTOCK_RETURN_IF_ERROR(CheckHoldsRows(artifact, name));
  PENSTOCK_ASSIGN_OR_RETURN(const Scratch scratch, Scratch::MakeFolder());
  const fs::path place = scratch.path() / "data";
  PENSTOCK_RETURN_IF_ERROR(Download(connection, artifact, place));
  return use(place.string());
}

// Whether the file can be made, before anything is fetched for it.
Status CheckOutput(const std::string& output, bool force) {
  static const std::vector<std::string> kEndings = {"csv", "tsv", "jsonl", "parquet"};
  std::string ending = fs::path(output).extension().string();
  if (!ending.empty()) ending.erase(0, 1);
  if (!ending.empty() && std::find(kEndings.begin(), kEndings.end(), ending) == kEndings.end()) {
    return WrongUse("\"" + ending + "\" is no format to write" + Suggestion(ending, kEndings));
  }
  std::error_code error;
  if (fs::is_directory(output, error)) {
    return WrongUse(output + " is a folder; name the file to make");
  }
  if (!force && fs::exists(output, error)) {
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

void AddExport(CLI::App& data, Cli& cli, const char* help) {
  CLI::App* command = data.add_subcommand("export", "all rows, as CSV, TSV, JSON lines or Parquet");
  auto name = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>();
  auto force = std::make_shared<bool>(false);
  command->add_option("dataset", *name, help)->required();
  command
      ->add_option("-o,--output", *output,
                   "the file to make; .csv, .tsv, .jsonl or .parquet names the format (CSV where "
                   "it has no ending)")
      ->required();
  command->add_flag("--force", *force, "overwrite the file where it is there already");
  command->callback(cli.Command([=](Connection& connection) -> Result<int> {
    PENSTOCK_RETURN_IF_ERROR(CheckOutput(*output, *force));
    return WithData(connection, *name, [&](const std::string& path) -> Result<int> {
      // Beside its place, so that a half of it never has its name.
      const fs::path whole(*output);
      const Scratch part(whole.parent_path() /
                         ("." + whole.stem().string() + ".part-" + std::to_string(getpid()) +
                          whole.extension().string()));
      PENSTOCK_ASSIGN_OR_RETURN(
          const int code, RunWorkerTool({"--data-export", path, "--output", part.path().string()}));
      if (code != kDone) return code;
      std::error_code error;
      fs::rename(part.path(), whole, error);
      if (error) return InvalidArgument("writing " + *output + ": " + error.message());
      return kDone;
    });
  }));
}

void AddData(CLI::App& app, Cli& cli) {
  CLI::App* data = app.add_subcommand("data", "look into datasets");
  data->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  const char* help = "a digest, RUN/STEP/OUTPUT, or a path of this machine";

  CLI::App* head = data->add_subcommand("head", "the first rows");
  auto rows = std::make_shared<int>(10);
  head->add_option("dataset", *name, help)->required();
  head->add_option("-n,--rows", *rows, "how many")
      ->check(CLI::Range(1, 100'000).description(""))
      ->capture_default_str();
  head->callback(cli.Command([=](Connection& connection) {
    return WithData(connection, *name, [&](const std::string& path) {
      return RunWorkerTool({"--data-head", path, "--rows", std::to_string(*rows)});
    });
  }));

  CLI::App* schema =
      data->add_subcommand("schema", "columns with their kinds, roles, row count, as JSON");
  schema->add_option("dataset", *name, help)->required();
  schema->callback(cli.Command([=](Connection& connection) {
    return WithData(connection, *name, [&](const std::string& path) {
      return RunWorkerTool({"--data-schema", path});
    });
  }));

  AddExport(*data, cli, help);
}

}  // namespace

void AddArtifactCommands(CLI::App& app, Cli& cli) {
  CLI::App* artifacts = app.add_subcommand("artifacts", "files by content: upload and download");
  artifacts->require_subcommand(1);
  AddPut(*artifacts, cli);
  AddGet(*artifacts, cli);
  AddData(app, cli);
}

}  // namespace penstock::cli
