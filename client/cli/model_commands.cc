// approve, reject.

#include <charconv>
#include <iostream>

#include "client/cli/cli.h"
#include "client/cli/names.h"

namespace penstock::cli {
namespace {

void AddDecision(CLI::App& app, Cli& cli, const std::string& verb, const std::string& help,
                 bool approve) {
  CLI::App* command = app.add_subcommand(verb, help);
  auto name = std::make_shared<std::string>();
  auto comment = std::make_shared<std::string>();
  command->add_option("model", *name, "GROUP/VERSION, as in census-income/1")->required();
  command->add_option("--comment", *comment, "why; kept with the decision");
  command->callback(cli.Command([=](Connection& connection) -> Result<int> {
    PENSTOCK_ASSIGN_OR_RETURN(const ModelName model, ParseModelName(*name));
    if (model.version == 0) {
      return WrongUse("name the version, as in " + model.group + "/1");
    }
    pb::DecideModelVersionRequest request;
    request.set_group(model.group);
    request.set_version(model.version);
    request.set_comment(*comment);
    using Stub = pb::ModelService::Stub;
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::ModelVersion decided,
        connection.Call(connection.models(),
                        approve ? &Stub::ApproveModelVersion : &Stub::RejectModelVersion, request));
    std::cout << decided.group() << "/" << decided.version() << " is "
              << pb::ModelVersion::Status_Name(decided.status()) << "\n";
    return kDone;
  }));
}

}  // namespace

void AddModelCommands(CLI::App& app, Cli& cli) {
  AddDecision(app, cli, "approve", "approve a model version", true);
  AddDecision(app, cli, "reject", "reject a model version", false);
}

}  // namespace penstock::cli
