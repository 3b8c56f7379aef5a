// Placement and leases: the part of RunManager that hands steps to workers.

#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "server/core/model_address.h"
#include "server/core/retry.h"
#include "server/core/secret_refs.h"
#include "server/engine/run_manager.h"
#include "server/engine/run_scope.h"
#include "steps/catalog/catalog.h"
#include "storage/model/source_address.h"

namespace penstock {
namespace {

// Files of a folder are called NAME/FILE.
std::string NameOfSource(const std::string& address) {
  std::string name = ShownSource(address);
  if (name.ends_with('/') && !name.ends_with("//")) name.pop_back();
  return name;
}

// What messages call an input: the name that came with an upload, the address that it was read from,
// or the reference that brought it.
std::string DisplayName(const std::string& address, const Json& source) {
  if (IsDatasetSource(address)) return NameOfSource(address);
  if (const auto mark = address.find('#'); mark != std::string::npos) {
    return address.substr(mark + 1);
  }
  return source.is_string() ? source.get<std::string>() : address;
}

}  // namespace

void RunManager::PlaceReady() {
  do {
    if (admit_due_) BeginWaiting();
    while (const std::optional<Placer::Placement> placement = placer_.Next()) {
      const auto found = runs_.find(placement->run);
      Session* session = sessions_.Find(placement->session);
      PENSTOCK_CHECK(found != runs_.end() && session != nullptr);
      if (placement->others.empty()) {
        Lease(*found->second, placement->step, *session);
      } else {
        LeaseGang(*found->second, *placement);
      }
    }
    // A step that cannot be leased may end its run; one that gives way may do so at once.
  } while (admit_due_ || PreemptForWaiting());
}

Json RunManager::SourceOf(const LiveRun& run, StepIndex index) {
  Json source = Json::object();
  for (const char* name : {"uri", "endpoint"}) {
    const Json& text = JsonMember(run.spec(index).parameters, name);
    const Result<Json> value = Resolve(text, RunScope(run, run.frame(index)));
    if (value.ok()) source[name] = *value;
  }
  return source;
}

// A step goes where its source may be read. What is wrong with it fails it when it is placed.
void RunManager::AddNeedsOfSource(const LiveRun& run, StepIndex index, Needs& needs) {
  if (run.spec(index).type == "import") needs.data_source = SourceToRead(SourceOf(run, index));
}

Result<std::string> RunManager::MutexOf(const LiveRun& run, StepIndex index) {
  const StepSpec& spec = run.spec(index);
  if (spec.mutex.is_null()) return std::string();
  Result<Json> value = Resolve(spec.mutex, RunScope(run, run.frame(index)));
  if (!value.ok()) return value.status().WithContext("mutex");
  std::string name = value->is_string() ? value->get<std::string>() : DumpJson(*value);
  if (!name.empty() && name.size() <= limits::kMaxMutexBytes) return name;
  return InvalidArgument("mutex: must be a name of 1 to " +
                         std::to_string(limits::kMaxMutexBytes) + " bytes, and is \"" +
                         TruncateUtf8(name, 40) + "\"");
}

std::unique_ptr<LiveAttempt> RunManager::MakeAttempt(LiveRun& run, StepIndex index,
                                                     const WorkerId& worker, int32_t rank) {
  auto attempt = std::make_unique<LiveAttempt>();
  attempt->run = &run;
  attempt->fresh = true;
  attempt->record.step = index;
  attempt->record.number = run.step(index).attempt;
  attempt->record.rank = rank;
  attempt->record.token =
      AttemptToken(RandomHex(16, context_.random) + "." + context_.store().incarnation());
  attempt->record.worker = worker;
  attempt->record.leased_at = context_.now;
  by_token_[attempt->record.token] = attempt.get();
  by_worker_[worker].insert(attempt.get());
  token_changes_.added.emplace_back(attempt->record.token,
                                    AttemptKey{run.record.id, index, attempt->record.number, rank});
  return attempt;
}

LiveAttempt& RunManager::NewAttempt(LiveRun& run, StepIndex index, const WorkerId& worker) {
  ++run.step(index).attempt;
  std::unique_ptr<LiveAttempt>& attempt = run.attempts[index];
  attempt = MakeAttempt(run, index, worker, /*rank=*/0);
  run.touched_attempts.push_back(index);
  placer_.Occupy(run.record.row, index, NeedsOf(run.spec(index)), MutexOf(run, index).value_or(""));
  return *attempt;
}

bool RunManager::TakeOver(LiveRun& run, StepIndex index) {
  StepRecord& step = run.step(index);
  ++step.infra_failures;
  Apply(run, index, StepEvent::kLeaseLost);
  if (step.infra_failures < run.spec(index).retry.max_losses) return true;
  Apply(run, index, StepEvent::kDecided);
  Finish(run, index,
         {StepEvent::kFail, Cause::kWorkerLost,
          "its worker was cut off each time that it was tried (" +
              std::to_string(step.infra_failures) + " attempts were lost)"});
  Settle(run);
  return false;
}

// Another try begins at nothing.
void RunManager::ForgetProgress(const LiveRun& run, StepRecord& step) {
  step.progress = 0;
  step.progress_note.clear();
  step.expected_end = {};
  events_.progress().Set(run.record.id, step);
}

void RunManager::Lease(LiveRun& run, StepIndex index, Session& session) {
  StepRecord& step = run.step(index);
  if (const auto old = run.attempts.find(index); old != run.attempts.end()) {
    // From here on its reports are stale.
    EndAttempt(*old->second, AttemptEvent::kLost, Cause::kWorkerLost,
               "its lease ran out and another worker took over");
    if (!TakeOver(run, index)) return;
  }
  LeasedAttempt lease;
  Status status = BuildLease(run, index, &lease);
  if (status.ok()) status = OpenSecrets(&lease);
  lease.fence_execution = IsFenced(run, index);
  if (!status.ok()) {
    Apply(run, index, StepEvent::kDecided);
    Finish(run, index, {StepEvent::kFail, Cause::kBadReference, status.message()});
    Settle(run);
    return;
  }
  LiveAttempt& attempt = NewAttempt(run, index, session.info.id);
  lease.attempt = attempt.record.number;
  lease.token = attempt.record.token;
  Apply(run, index, StepEvent::kPlaced);
  step.worker = session.info.id.value();
  ForgetProgress(run, step);
  NotePlaces(lease, session.info.id);
  sessions_.Assign(session, attempt, std::make_shared<const LeasedAttempt>(std::move(lease)));
}

Status RunManager::BuildLease(LiveRun& run, StepIndex index, LeasedAttempt* lease) {
  const StepSpec& spec = run.spec(index);
  const RunFrame& frame = run.frame(index);
  const RunScope scope(run, frame);
  lease->run = run.record.id;
  lease->step_name = run.step(index).name;
  lease->step = index;
  lease->type = spec.type;
  lease->algorithm = spec.algorithm;
  lease->version = spec.version;
  lease->cpus = spec.resources.cpus;
  lease->memory = spec.resources.memory;
  lease->gpus = spec.resources.gpus;
  lease->timeout = spec.timeout;
  lease->idle_timeout = spec.idle_timeout;
  lease->report_paths = frame.plan->report_paths(index - frame.base);
  lease->principal = run.record.principal;
  lease->pipeline = run.record.pipeline;
  lease->fence_execution = spec.fenced_execution();
  lease->checkpoint = run.step(index).checkpoint;

  PENSTOCK_ASSIGN_OR_RETURN(Json parameters, ResolveKeepingSecrets(spec, scope, &lease->secrets));
  // What came from other steps has only now a value that can be judged.
  std::vector<Problem> problems;
  const StepSchema* schema = context_.catalog.Find(spec.key());
  parameters = CheckParameters(*schema, parameters, "", problems);
  if (!problems.empty()) {
    return InvalidArgument("parameter " + problems.front().path + ": " + problems.front().message);
  }
  lease->parameters_json = DumpJson(parameters);
  // Files are judged by the coordinator's data roots where datasets are named, and nowhere else.
  if (const std::string uri = spec.type == "import" ? JsonString(parameters, "uri") : "";
      uri.starts_with("file:") && scope.FindImport(uri) != index) {
    return InvalidArgument("with.uri: \"" + TruncateUtf8(uri, 100) +
                           "\" is a file; name it as an input or a dataset parameter instead");
  }

  for (const StepInput& input : spec.inputs) {
    LeaseInput leased;
    leased.name = input.name;
    for (const Json& source : input.sources) {
      Result<Json> value = Resolve(source, scope);
      if (!value.ok()) {
        if (input.optional) continue;
        return value.status().WithContext("input " + input.name);
      }
      PENSTOCK_RETURN_IF_ERROR(AddInput(run, frame, *value, source, &leased));
    }
    lease->inputs.push_back(std::move(leased));
  }
  return Status::Ok();
}

// A list (of a map's items) is each of its members.
Status RunManager::AddInput(LiveRun& run, const RunFrame& frame, const Json& value,
                            const Json& source, LeaseInput* input) {
  if (value.is_array()) {
    for (const Json& member : value) {
      PENSTOCK_RETURN_IF_ERROR(AddInput(run, frame, member, source, input));
    }
    return Status::Ok();
  }
  if (input->artifacts.size() >= static_cast<std::size_t>(limits::kMaxMapItems)) {
    return InvalidArgument("input " + input->name + " has more than " +
                           std::to_string(limits::kMaxMapItems) + " artifacts");
  }
  std::string address = value.is_string() ? value.get<std::string>() : DumpJson(value);
  if (address.starts_with(kModelScheme)) {
    const auto pin = run.record.pins.find(address);
    if (pin == run.record.pins.end()) {
      return InvalidArgument("input " + input->name + " is \"" + TruncateUtf8(address, 100) +
                             "\", which was not looked up when the run started; name models in the "
                             "definition itself");
    }
    if (pin->second.empty()) return Status::Ok();  // it may be lacking, and is
    address = pin->second;
  }
  PENSTOCK_ASSIGN_OR_RETURN(ArtifactRef ref, FindArtifact(run, frame, address, input->name));
  const auto producer = run.producers.find(ref.digest);
  const bool imported = producer != run.producers.end() &&
                        run.spec(producer->second).type == "import" &&
                        address.starts_with("artifact:") && address.find('#') == std::string::npos;
  // The name says which format it has.
  input->display_names.push_back(
      imported ? NameOfSource(JsonString(SourceOf(run, producer->second), "uri"))
               : DisplayName(address, source));
  input->artifacts.push_back(std::move(ref));
  return Status::Ok();
}

Result<ArtifactRef> RunManager::FindArtifact(LiveRun& run, const RunFrame& frame,
                                             const std::string& address,
                                             const std::string& input) {
  constexpr std::string_view kScheme = "artifact:";
  if (const StepIndex import = RunScope(run, frame).FindImport(address); import >= 0) {
    const StepResult& result = run.step(import).result;
    const auto found = result.outputs.find("data");
    if (found != result.outputs.end()) return found->second;
  }
  if (!address.starts_with(kScheme)) {
    return InvalidArgument("input " + input + " is \"" + TruncateUtf8(address, 100) +
                           "\", not an artifact; give an output of a step or artifact:sha256:…");
  }
  PENSTOCK_ASSIGN_OR_RETURN(
      const Digest digest,
      ParseDigest(address.substr(kScheme.size(), address.find('#') - kScheme.size())));
  if (const auto producer = run.producers.find(digest); producer != run.producers.end()) {
    const StepResult& result = run.step(producer->second).result;
    for (const auto& [name, ref] : result.outputs) {
      if (ref.digest == digest) return ref;
    }
  }
  const Result<ArtifactRecord> record = context_.Read().GetArtifact(digest);
  // The step must not fail for it: the turn is taken back.
  if (IsDatabaseFailure(record.status())) context_.Note(record.status());
  if (!record.ok()) return record.status();
  return record->ref;
}

}  // namespace penstock
