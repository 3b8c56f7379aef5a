// approve, reject.

#include <iostream>

#include "client/cli/cli.h"
#include "client/cli/names.h"

namespace penstock::cli {
namespace {

std::string ByWhom(const pb::Provenance& decided) {
  if (decided.principal().empty()) return {};
  return " (" + decided.principal() + ", " + LocalTime(decided.time()) + ")";
}

Result<int> Decide(Connection& connection, const pb::DecideModelVersionRequest& request,
                   bool approve) {
  using Stub = pb::ModelService::Stub;
  pb::GetModelVersionRequest find;
  find.set_group(request.group());
  find.set_version(request.version());
  PENSTOCK_ASSIGN_OR_RETURN(const pb::ModelVersion before,
                            connection.Call(connection.models(), &Stub::GetModelVersion, find));
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ModelVersion decided,
      connection.Call(connection.models(),
                      approve ? &Stub::ApproveModelVersion : &Stub::RejectModelVersion, request));
  const std::string status = pb::ModelVersion::Status_Name(decided.status());
  std::cout << decided.group() << "/" << decided.version();
  if (before.status() == decided.status()) {
    std::cout << " was " << status << " already" << ByWhom(before.decided()) << "\n";
  } else if (before.status() == pb::ModelVersion::PendingManualApproval) {
    std::cout << " is " << status << "\n";
  } else {
    std::cout << " is " << status << "; it was " << pb::ModelVersion::Status_Name(before.status())
              << ByWhom(before.decided()) << "\n";
  }
  return kDone;
}

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
    return Decide(connection, request, approve);
  }));
}

}  // namespace

void AddModelCommands(CLI::App& app, Cli& cli) {
  AddDecision(app, cli, "approve", "approve a model version", true);
  AddDecision(app, cli, "reject", "reject a model version", false);
}

}  // namespace penstock::cli
