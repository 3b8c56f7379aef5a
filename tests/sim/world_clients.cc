// What people and programs ask of the coordinator.

#include <algorithm>

#include "base/digest.h"
#include "server/definition/definition.h"
#include "steps/catalog/catalog.h"
#include "storage/metadata/retention_sweep.h"
#include "tests/sim/engine_probe.h"
#include "tests/sim/world.h"

namespace penstock::sim {
namespace {

const Principal kAda("user:ada");

}  // namespace

bool World::IsTransient(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kDeadlineExceeded ||
         status.code() == StatusCode::kResourceExhausted;
}

const History::Run* World::RunFor(const Json& with, bool live) const {
  std::vector<const History::Run*> fitting;
  for (const auto& [row, run] : auditor_->told().runs) {
    if (IsTerminal(run.state) != live && !run.id.empty()) fitting.push_back(&run);
  }
  if (fitting.empty()) return nullptr;
  return fitting[static_cast<std::size_t>(JsonInt(with, "run")) % fitting.size()];
}

void World::Put(const Json& with) {
  const std::string text = JsonString(with, "text");
  CommitArtifactCommand command;
  command.ref = {
      .digest = Sha256(text),
      .type = ParseArtifactType(JsonString(with, "type", "file")).value_or(ArtifactType::kFile),
      .size = static_cast<int64_t>(text.size())};
  command.principal = kAda;
  blobs_.Put(command.ref.digest, schedule_.now());
  uploads_[command.ref.digest] = with;
  const Time asked = schedule_.clock().Now();
  Ask<ArtifactRecord, CommitArtifactCommand>(
      &Engine::CommitArtifact, command,
      [this, asked, digest = command.ref.digest](const ArtifactRecord&) {
        const Time made = std::min(asked, schedule_.clock().Now());
        auditor_->told().held_until[digest] = made + Micros(limits::kClientHold);
      });
  HoldArtifactsCommand hold;
  hold.digests = {command.ref.digest};
  hold.principal = kAda;
  schedule_.After(std::chrono::seconds(1), [this, hold] {
    Ask<Done, HoldArtifactsCommand>(&Engine::HoldArtifacts, hold, nullptr);
  });
}

void World::Apply(const Json& with) {
  Result<CheckedDefinition> checked =
      CheckDefinitionDocument(JsonMember(with, "definition"), Catalog::BuiltIn());
  if (!checked.ok()) {
    std::string text = "a definition was made that is not valid: " + checked.status().message();
    for (const Problem& problem : checked.status().problems()) {
      text += "\n  " + problem.path + ": " + problem.message;
    }
    auditor_->Fail(text);
  }
  RegisterPipelineCommand command;
  command.version.name = PipelineName(checked->spec.name);
  command.version.digest = checked->digest;
  command.version.definition = checked->canonical;
  command.version.source = checked->canonical;
  command.version.step_count = static_cast<int32_t>(checked->spec.steps.size());
  command.principal = kAda;
  Ask<RegisterPipelineAnswer, RegisterPipelineCommand>(
      &Engine::RegisterPipeline, command, [this](const RegisterPipelineAnswer& answer) {
        auditor_->told().pipelines[{answer.version.name.value(), answer.version.version}] =
            answer.version.digest.value();
      });
}

void World::DeletePipeline(const Json& with) {
  Ask<Done, DeletePipelineCommand>(&Engine::DeletePipeline,
                                   {PipelineName(JsonString(with, "pipeline")), kAda}, nullptr);
}

SubmitRunCommand World::SubmissionOf(const Json& with) {
  SubmitRunCommand command;
  command.pipeline = PipelineName(JsonString(with, "pipeline"));
  command.principal = kAda;
  command.idempotency_key = "key-" + std::to_string(next_key_++);
  command.no_cache = JsonBool(with, "no_cache");
  command.queue = JsonString(with, "queue");
  command.group = JsonString(with, "group");
  command.group_limit = static_cast<int32_t>(JsonInt(with, "group_limit"));
  if (with.contains("priority")) command.priority = with["priority"].get<int32_t>();
  for (const auto& [name, value] : JsonMember(with, "parameters").items()) {
    command.parameters[name] = value;
  }
  return command;
}

void World::SubmitOnce(const SubmitRunCommand& command) {
  Ask<SubmitRunAnswer, SubmitRunCommand>(&Engine::SubmitRun, command,
                                         [this](const SubmitRunAnswer& answer) {
                                           History& told = auditor_->told();
                                           if (!told.deleted.contains(answer.run.id))
                                             told.submitted.insert(answer.run.id);
                                         });
}

void World::Submit(const Json& with) {
  const SubmitRunCommand command = SubmissionOf(with);
  SubmitOnce(command);
  if (JsonBool(with, "again")) {
    schedule_.After(std::chrono::milliseconds(5), [this, command] { SubmitOnce(command); });
  }
}

void World::Cancel(const Json& with) {
  const History::Run* run = RunFor(with, /*live=*/true);
  if (run == nullptr) return;
  CancelRunCommand command{.run = run->id, .principal = kAda, .now = JsonBool(with, "now")};
  Ask<RunRecord, CancelRunCommand>(&Engine::CancelRun, command, [this](const RunRecord& answer) {
    auditor_->told().cancelled.insert(answer.id);
  });
  if (!JsonBool(with, "then_now")) return;
  command.now = true;
  schedule_.After(std::chrono::milliseconds(50), [this, command] {
    Ask<RunRecord, CancelRunCommand>(&Engine::CancelRun, command, nullptr);
  });
}

// Every approval that waits.
void World::Decide(const Json& with) {
  if (!coordinator_->up()) return;
  Statement statement = std::move(*coordinator_->committed().Prepare(
      "SELECT r.run_id, s.name FROM steps s JOIN runs r ON r.id = s.run "
      "WHERE s.type = 'approval' AND s.state = 4 AND r.state IN (1, 2, 3)"));
  while (*statement.Step()) {
    DecideApprovalCommand command;
    command.run = RunId(std::string(statement.Text(0)));
    command.step = statement.Text(1);
    command.approve = JsonBool(with, "approve");
    command.principal = kAda;
    Ask<StepRecord, DecideApprovalCommand>(&Engine::DecideApproval, command, nullptr);
  }
}

void World::Retry(const Json& with) {
  if (!coordinator_->up()) return;
  const History::Run* run = RunFor(with, /*live=*/false);
  if (run == nullptr) return;
  Statement statement = std::move(*coordinator_->committed().Prepare(
      "SELECT pipeline, pipeline_version FROM runs WHERE run_id = ?"));
  statement.Bind(1, run->id.value());
  if (!*statement.Step()) return;  // retention took it
  SubmitRunCommand command;
  command.pipeline = PipelineName(std::string(statement.Text(0)));
  command.version = static_cast<int32_t>(statement.Int(1));
  command.principal = kAda;
  command.idempotency_key = "key-" + std::to_string(next_key_++);
  command.origin.run = run->id;
  command.origin.afresh = JsonBool(with, "afresh") || JsonBool(with, "verify");
  command.origin.verify = JsonBool(with, "verify");
  if (!command.origin.afresh && !run->steps.empty() && !JsonBool(with, "all")) {
    Statement step = std::move(*coordinator_->committed().Prepare(
        "SELECT s.name FROM steps s JOIN runs r ON r.id = s.run WHERE r.run_id = ? AND "
        "s.parent = -1 ORDER BY s.idx LIMIT 1 OFFSET ?"));
    step.Bind(1, run->id.value());
    step.Bind(2, static_cast<int64_t>(JsonInt(with, "run") % 3));
    if (*step.Step()) command.origin.again = {std::string(step.Text(0))};
  }
  if (JsonBool(with, "override")) {
    Statement step = std::move(*coordinator_->committed().Prepare(
        "SELECT s.name FROM steps s JOIN runs r ON r.id = s.run WHERE r.run_id = ? AND "
        "s.type = 'noop' AND s.parent = -1 LIMIT 1"));
    step.Bind(1, run->id.value());
    if (*step.Step()) {
      command.overrides[std::string(step.Text(0))] = Json{{"with", {{"message", "changed"}}}};
    }
  }
  if (JsonBool(with, "wrong")) command.overrides["no-such-step"] = Json{{"with", {{"x", 1}}}};
  SubmitOnce(command);
}

void World::Rerun(const Json& with) {
  Json command = with;
  command["afresh"] = true;
  Retry(command);
}

void World::Explain(const Json& with) {
  const History::Run* run = RunFor(with, /*live=*/true);
  if (run == nullptr || run->steps.empty()) return;
  ExplainCommand command;
  command.run = run->id;
  const auto count = static_cast<StepIndex>(run->steps.size());
  command.step = static_cast<StepIndex>(JsonInt(with, "step") % count);
  // One that is ready and waits has the most to say.
  for (StepIndex i = 0; i < count; ++i) {
    const StepIndex at = (command.step + i) % count;
    if (run->steps[static_cast<std::size_t>(at)].state != StepState::kReady) continue;
    command.step = at;
    break;
  }
  Ask<std::vector<Explanation>, ExplainCommand>(&Engine::ExplainStep, command,
                                                [this](const std::vector<Explanation>& answer) {
                                                  for (const Explanation& each : answer)
                                                    coverage_.OnReason(each.reason);
                                                });
}

void World::PutSecret(const Json& with) {
  Ask<SecretRecord, PutSecretCommand>(&Engine::PutSecret,
                                      {JsonString(with, "name"), JsonString(with, "value"), kAda},
                                      [this](const SecretRecord& answer) {
                                        int32_t& version = auditor_->told().secrets[answer.name];
                                        version = std::max(version, answer.version);
                                      });
}

void World::DeleteSecret(const Json& with) {
  Ask<Done, DeleteSecretCommand>(&Engine::DeleteSecret, {JsonString(with, "name"), kAda}, nullptr);
}

void World::OrderWorker(const Json& with) {
  using Order = OrderWorkerCommand::Order;
  OrderWorkerCommand command;
  command.worker = WorkerFor(with).id();
  const std::string order = JsonString(with, "order");
  command.order = order == "cordon"  ? Order::kCordon
                  : order == "drain" ? Order::kDrain
                                     : Order::kUncordon;
  if (command.order == Order::kDrain && JsonInt(with, "deadline_ms") > 200) {
    command.deadline = std::chrono::milliseconds(JsonInt(with, "deadline_ms"));
  }
  command.principal = kAda;
  Ask<WorkerView, OrderWorkerCommand>(&Engine::OrderWorker, command, nullptr);
}

void World::ListWorkers(const Json&) {
  if (!coordinator_->up()) return;
  coordinator_->Post(&Engine::ListWorkers, [this](const Result<std::vector<WorkerView>>& answer) {
    if (!answer.ok()) return;
    for (const WorkerView& view : *answer) {
      if (view.backlog < 0 || view.running < 0) {
        auditor_->Fail("worker " + view.info.id.value() + " is shown with less than nothing");
      }
    }
  });
}

void World::RegisterModel(const Json& with) {
  const std::string text = JsonString(with, "text");
  Put(Json{{"text", text}, {"type", "model"}});
  schedule_.After(std::chrono::milliseconds(300), [this, digest = Sha256(text)] {
    RegisterModelCommand command;
    command.group = GroupName("group-1");
    command.model = digest;
    command.status = ModelStatus::kApproved;
    command.principal = kAda;
    Ask<ModelVersionRecord, RegisterModelCommand>(
        &Engine::RegisterModel, command, [this](const ModelVersionRecord& answer) {
          auditor_->told().models[{answer.group.value(), answer.version}] =
              answer.model.digest.value();
        });
  });
}

void World::Promote(const Json& with) {
  PromoteModelCommand command;
  command.group = GroupName("group-1");
  command.version = static_cast<int32_t>(JsonInt(with, "version"));
  if (command.version == 0) command.version = 1;
  command.alias = "champion";
  if (with.contains("expected")) command.expected = with["expected"].get<int32_t>();
  command.principal = kAda;
  Ask<ModelVersionRecord, PromoteModelCommand>(&Engine::PromoteModel, command, nullptr);
}

void World::DecideModel(const Json& with) {
  DecideModelCommand command;
  command.group = GroupName("group-1");
  command.version = static_cast<int32_t>(JsonInt(with, "version"));
  command.status = JsonBool(with, "approve") ? ModelStatus::kApproved : ModelStatus::kRejected;
  command.principal = kAda;
  Ask<ModelVersionRecord, DecideModelCommand>(&Engine::DecideModel, command, nullptr);
}

void World::AccessToken(const Json& with) {
  const std::string name = JsonString(with, "name");
  if (JsonBool(with, "revoke")) {
    Ask<Done, RevokeTokenCommand>(&Engine::RevokeToken, {name, kAda}, nullptr);
    return;
  }
  CreateTokenCommand command;
  command.token.name = name;
  command.token.hash = Sha256(name + std::to_string(next_key_++));
  command.token.created_by = kAda;
  Ask<TokenRecord, CreateTokenCommand>(
      &Engine::CreateToken, command,
      [this](const TokenRecord& answer) { auditor_->told().access_tokens.insert(answer.name); });
}

void World::Collect(const Json&) {
  CollectNext(std::make_shared<RetentionSweep>(options_.retention, schedule_.clock().Now()));
}

void World::CollectNext(const std::shared_ptr<RetentionSweep>& sweep) {
  if (!coordinator_->up()) return;
  coordinator_->Post<bool, std::shared_ptr<RetentionSweep>>(
      &Engine::Collect, sweep, [this, sweep](const Result<bool>& more) {
        if (!more.ok()) return;
        if (!*more) return RemoveBytes();
        schedule_.After(std::chrono::milliseconds(1), [this, sweep] { CollectNext(sweep); });
      });
}

// As the operations thread does after a sweep: what no row needs, a grace after its last use.
void World::RemoveBytes() {
  if (!coordinator_->up()) return;
  std::set<std::string> needed;
  for (const char* sql : {"SELECT digest FROM artifacts", "SELECT digest FROM holds"}) {
    Statement statement = std::move(*coordinator_->committed().Prepare(sql));
    while (*statement.Step()) needed.emplace(statement.Text(0));
  }
  const Tick now = schedule_.now();
  std::erase_if(blobs_.blobs(), [&](const auto& blob) {
    return !needed.contains(blob.first.value()) && now - blob.second > options_.retention.grace;
  });
}

// What is refused, and must change nothing.
void World::Mistake(const Json& with) {
  const std::string kind = JsonString(with, "kind");
  SubmitRunCommand command = SubmissionOf(with);
  if (kind == "key") {
    SubmitOnce(command);
    command.no_cache = !command.no_cache;
  } else if (kind == "queue") {
    command.queue = "nowhere";
  } else if (kind == "parameter") {
    command.parameters["nothing-of-that-name"] = 1;
  } else if (kind == "override") {
    return Retry(Json{{"run", JsonInt(with, "run")}, {"afresh", true}, {"wrong", true}});
  } else if (kind == "worker") {
    OrderWorkerCommand order;
    order.worker = WorkerId("nobody");
    order.principal = kAda;
    Ask<WorkerView, OrderWorkerCommand>(&Engine::OrderWorker, order, nullptr);
    return;
  } else if (kind == "model") {
    RegisterModelCommand model;
    model.group = GroupName("group-1");
    model.model = Sha256("dataset 0");
    model.principal = kAda;
    Ask<ModelVersionRecord, RegisterModelCommand>(&Engine::RegisterModel, model, nullptr);
    return;
  } else {
    command.version = 1'000;
  }
  schedule_.After(std::chrono::milliseconds(20), [this, command] { SubmitOnce(command); });
}

}  // namespace penstock::sim
