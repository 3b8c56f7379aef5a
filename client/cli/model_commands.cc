// approve, reject: of model versions, and of steps that wait for a person; promote.

#include <iostream>

#include "client/cli/cli.h"
#include "client/cli/names.h"

namespace penstock::cli {
namespace {

std::string ByWhom(const pb::Provenance& decided) {
  if (decided.principal().empty()) return {};
  return " (" + decided.principal() + ", " + LocalTime(decided.time()) + ")";
}

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

Result<int> Promote(Connection& connection, const std::string& name, const std::string& alias) {
  PENSTOCK_ASSIGN_OR_RETURN(const ModelName model, ParseModelName(name));
  if (model.version == 0) return WrongUse("name the version, as in " + model.group + "/1");
  using Stub = pb::ModelService::Stub;
  pb::GetModelVersionRequest find;
  find.set_group(model.group);
  find.set_alias(alias);
  const auto before = connection.Call(connection.models(), &Stub::GetModelVersion, find);
  pb::PromoteModelVersionRequest request;
  request.set_group(model.group);
  request.set_version(model.version);
  request.set_alias(alias);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ModelVersion promoted,
      connection.Call(connection.models(), &Stub::PromoteModelVersion, request));
  std::cout << promoted.group() << "/" << promoted.version() << " is " << alias;
  if (before.ok() && before->version() != promoted.version()) {
    std::cout << "; it was " << before->group() << "/" << before->version();
  } else if (before.ok()) {
    std::cout << " already";
  }
  std::cout << "\n";
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
  CLI::App* command = app.add_subcommand("promote", "make an alias stand for a model version");
  auto model = std::make_shared<std::string>();
  auto alias = std::make_shared<std::string>();
  command->add_option("model", *model, "GROUP/VERSION, as in census-income/1")->required();
  command
      ->add_option("--alias", *alias,
                   "the alias, such as champion: definitions say model:GROUP@champion")
      ->required();
  command->callback(cli.Command(
      [=](Connection& connection) -> Result<int> { return Promote(connection, *model, *alias); }));
}

}  // namespace penstock::cli
