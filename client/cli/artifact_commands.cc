// artifacts put|get, data head|schema|export.

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>

#include "base/subprocess.h"
#include "base/text.h"
#include "client/cli/cli.h"
#include "client/cli/transfer.h"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;

void AddPut(CLI::App& artifacts, Cli& cli) {
  CLI::App* command =
      artifacts.add_subcommand("put", "upload a file or a folder; prints its digest");
  auto path = std::make_shared<std::string>();
  auto type = std::make_shared<std::string>("dataset");
  command->add_option("path", *path)->required();
  command->add_option("--type", *type, "dataset, model, transform, report or file")
      ->check(CLI::IsMember({"dataset", "model", "transform", "report", "file"}))
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

// A folder of its own that goes with the object.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (fs::temp_directory_path() / "penstock-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Tables are read by the program that has the engine for it: penstock-worker.
Result<int> RunWorkerTool(const std::vector<std::string>& arguments) {
  SubprocessOptions options{.arguments = {ProgramFolder() + "/penstock-worker"}};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  PENSTOCK_ASSIGN_OR_RETURN(Subprocess tool, Subprocess::Start(options));
  const ProcessEnd end = tool.Wait();
  return end.signal == 0 ? end.exit_code : kWorkFailed;
}

Result<int> WithData(Connection& connection, const std::string& name,
                     const std::function<Result<int>(const std::string&)>& use) {
  // A path of this machine needs no server.
  if (fs::exists(name)) return use(name);
  PENSTOCK_ASSIGN_OR_RETURN(const pb::Artifact artifact, FindArtifact(connection, name));
  const ScratchFolder scratch;
  if (scratch.path().empty()) return ErrnoStatus(errno, "making a temporary folder");
  const fs::path place = scratch.path() / "data";
  PENSTOCK_RETURN_IF_ERROR(Download(connection, artifact, place));
  return use(place.string());
}

void AddData(CLI::App& app, Cli& cli) {
  CLI::App* data = app.add_subcommand("data", "look into datasets");
  data->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  const char* help = "a digest, RUN/STEP/OUTPUT, or a path of this machine";

  CLI::App* head = data->add_subcommand("head", "the first rows");
  auto rows = std::make_shared<int>(10);
  head->add_option("dataset", *name, help)->required();
  head->add_option("-n,--rows", *rows)->check(CLI::Range(1, 100'000))->capture_default_str();
  head->callback(cli.Command([=](Connection& connection) {
    return WithData(connection, *name, [&](const std::string& path) {
      return RunWorkerTool({"--data-head", path, "--rows", std::to_string(*rows)});
    });
  }));

  CLI::App* schema = data->add_subcommand("schema", "columns, kinds, roles, row count");
  schema->add_option("dataset", *name, help)->required();
  schema->callback(cli.Command([=](Connection& connection) {
    return WithData(connection, *name, [&](const std::string& path) {
      return RunWorkerTool({"--data-schema", path});
    });
  }));

  CLI::App* to_csv = data->add_subcommand("export", "all rows as CSV");
  auto output = std::make_shared<std::string>();
  to_csv->add_option("dataset", *name, help)->required();
  to_csv->add_option("-o,--output", *output, "the file to make; its ending names the format")
      ->required();
  to_csv->callback(cli.Command([=](Connection& connection) {
    return WithData(connection, *name, [&](const std::string& path) {
      return RunWorkerTool({"--data-export", path, "--output", *output});
    });
  }));
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
