// approve, reject: of model versions, and of steps that wait for a person.

#include <charconv>
#include <iostream>

#include "client/cli/cli.h"
#include "client/cli/names.h"

namespace penstock::cli {
namespace {

Result<int> DecideModel(Connection& connection, const std::string& name, const std::string& comment,
                        bool approve) {
  PENSTOCK_ASSIGN_OR_RETURN(const ModelName model, ParseModelName(name));
  if (model.version == 0) {
    return WrongUse("name the version, as in " + model.group + "/1");
  }
  pb::DecideModelVersionRequest request;
  request.set_group(model.group);
  request.set_version(model.version);
  request.set_comment(comment);
  using Stub = pb::ModelService::Stub;
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ModelVersion decided,
      connection.Call(connection.models(),
                      approve ? &Stub::ApproveModelVersion : &Stub::RejectModelVersion, request));
  std::cout << decided.group() << "/" << decided.version() << " is "
            << pb::ModelVersion::Status_Name(decided.status()) << "\n";
  return kDone;
}

Result<int> DecideStep(Connection& connection, const std::string& run, const std::string& step,
                       const std::string& comment, bool approve) {
  pb::DecideApprovalRequest request;
  request.set_run_id(run);
  request.set_step(step);
  request.set_comment(comment);
  request.set_approve(approve);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::DecideApprovalResponse answer,
      connection.Call(connection.runs(), &pb::RunService::Stub::DecideApproval, request));
  std::cout << "step " << answer.step().name() << " is "
            << pb::Step::State_Name(answer.step().state()) << ": " << answer.step().message()
            << "\n";
  return kDone;
}

void AddDecision(CLI::App& app, Cli& cli, const std::string& verb, const std::string& help,
                 bool approve) {
  CLI::App* command = app.add_subcommand(verb, help);
  auto target = std::make_shared<std::string>();
  auto step = std::make_shared<std::string>();
  auto comment = std::make_shared<std::string>();
  command->add_option("target", *target, "GROUP/VERSION, as in census-income/1; or RUN with STEP")
      ->required();
  command->add_option("step", *step, "the approval step of RUN");
  command->add_option("--comment", *comment, "why; kept with the decision");
  command->callback(cli.Command([=](Connection& connection) -> Result<int> {
    if (!step->empty()) return DecideStep(connection, *target, *step, *comment, approve);
    return DecideModel(connection, *target, *comment, approve);
  }));
}

}  // namespace

void AddModelCommands(CLI::App& app, Cli& cli) {
  AddDecision(app, cli, "approve", "approve a model version, or a step that waits for it", true);
  AddDecision(app, cli, "reject", "reject a model version, or a step that waits for approval",
              false);
}

}  // namespace penstock::cli
