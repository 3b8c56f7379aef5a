// artifacts put|get. (data_commands.h has data.)

#include <iostream>
#include <memory>

#include "base/text.h"
#include "client/cli/cli.h"
#include "client/cli/data_commands.h"
#include "client/cli/transfer.h"

namespace penstock::cli {
namespace {

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

}  // namespace

void AddArtifactCommands(CLI::App& app, Cli& cli) {
  CLI::App* artifacts = app.add_subcommand("artifacts", "files by content: upload and download");
  artifacts->require_subcommand(1);
  AddPut(*artifacts, cli);
  AddGet(*artifacts, cli);
  AddDataCommands(app, cli);
}

}  // namespace penstock::cli
