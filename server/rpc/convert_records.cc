#include "server/rpc/auth.h"
#include "server/rpc/convert.h"

// The numbers of the API's states are those of the model's; a cast is the conversion.
namespace penstock {

static_assert(static_cast<int>(RunState::kCancelled) == v1::Run::CANCELLED);
static_assert(static_cast<int>(RunState::kPending) == v1::Run::PENDING);
static_assert(static_cast<int>(StepState::kCached) == v1::Step::CACHED);
static_assert(static_cast<int>(StepState::kRetryWait) == v1::Step::RETRY_WAIT);
static_assert(static_cast<int>(AttemptState::kLost) == v1::Attempt::LOST);
static_assert(static_cast<int>(ModelStatus::kRejected) == v1::ModelVersion::Rejected);

void ToProto(const PipelineVersionRecord& version, bool with_definition, v1::Pipeline* out) {
  out->set_name(version.name.value());
  out->set_version(version.version);
  out->set_description(version.description);
  out->set_digest(FormatDigest(version.digest));
  ProvenanceToProto(version.principal, version.created_at, out->mutable_created());
  out->set_step_count(version.step_count);
  if (!with_definition) return;
  out->set_definition_json(version.definition);
  out->set_source(version.source);
}

void ToProto(const RunRecord& run, v1::Run* out) {
  out->set_run_id(run.id.value());
  out->set_name(run.name);
  out->set_pipeline(run.pipeline.value());
  out->set_pipeline_version(run.pipeline_version);
  out->set_state(static_cast<v1::Run::State>(run.state));
  out->set_message(run.message);
  if (run.parameters.is_object()) {
    for (const auto& [name, value] : run.parameters.items()) {
      ValueToProto(value, &(*out->mutable_parameters())[name]);
    }
  }
  out->mutable_tags()->insert(run.tags.begin(), run.tags.end());
  ProvenanceToProto(run.principal, run.created_at, out->mutable_created());
  if (run.started_at.set()) *out->mutable_started_at() = TimeToProto(run.started_at);
  if (run.ended_at.set()) *out->mutable_ended_at() = TimeToProto(run.ended_at);
  out->set_revision(run.revision);
  v1::StepCounts* counts = out->mutable_counts();
  counts->set_total(run.counts.total);
  counts->set_waiting(run.counts.waiting);
  counts->set_active(run.counts.active);
  counts->set_succeeded(run.counts.succeeded);
  counts->set_failed(run.counts.failed);
  counts->set_skipped(run.counts.skipped);
  counts->set_cancelled(run.counts.cancelled);
  out->set_max_parallel_steps(run.max_parallel_steps);
  out->set_origin_run_id(run.origin.run.value());
  out->set_verify(run.origin.verify);
  out->set_afresh(run.origin.afresh);
  for (const std::string& step : run.origin.again) out->add_rerun_steps(step);
  for (const auto& [step, change] : run.overrides.items()) {
    v1::StepOverride& added = (*out->mutable_overrides())[step];
    for (const auto& [name, text] : JsonMember(change, "inputs").items()) {
      (*added.mutable_inputs())[name] = text.get<std::string>();
    }
    if (const Json& with = JsonMember(change, "with"); with.is_object()) {
      ValueToProto(with, added.mutable_with());
    }
  }
  out->set_group(run.group);
  out->set_group_max_active(run.group_limit);
  out->set_queue(run.queue);
  out->set_priority(run.priority);
  out->set_no_cache(run.no_cache);
  for (const std::string& step : run.no_cache_steps) out->add_no_cache_steps(step);
  out->mutable_pins()->insert(run.pins.begin(), run.pins.end());
}

void ToProto(const StepRecord& step, const std::vector<std::string>& names, v1::Step* out) {
  out->set_name(step.name);
  out->set_index(step.index);
  out->set_type(step.type);
  out->set_algorithm(step.algorithm);
  out->set_state(static_cast<v1::Step::State>(step.state));
  out->set_attempt(step.attempt);
  out->set_worker(step.worker);
  out->set_cause(std::string(Name(step.cause)));
  out->set_message(step.message);
  if (step.ready_at.set()) *out->mutable_ready_at() = TimeToProto(step.ready_at);
  if (step.started_at.set()) *out->mutable_started_at() = TimeToProto(step.started_at);
  if (step.ended_at.set()) *out->mutable_ended_at() = TimeToProto(step.ended_at);
  out->mutable_metrics()->insert(step.result.metrics.begin(), step.result.metrics.end());
  for (const auto& [name, ref] : step.result.outputs)
    ToProto(ref, &(*out->mutable_outputs())[name]);
  out->set_progress(step.progress);
  out->set_progress_note(step.progress_note);
  if (step.expected_end.set()) *out->mutable_expected_end() = TimeToProto(step.expected_end);
  out->set_branch(step.branch);
  out->set_model_version(step.model_version);
  if (step.parent >= 0 && static_cast<std::size_t>(step.parent) < names.size()) {
    out->set_parent(names[static_cast<std::size_t>(step.parent)]);
  }
  if (step.item >= 0) out->set_item(step.item);
  if (const Json& hit = JsonMember(step.cache, "hit"); hit.is_object()) {
    out->set_cached_run_id(JsonString(hit, "run"));
    out->set_cached_step(JsonString(hit, "step"));
  }
  out->set_preemptions(step.preemptions);
  if (step.checkpoint) ToProto(*step.checkpoint, out->mutable_checkpoint());
  for (const auto& [name, value] : step.result.values) {
    ValueToProto(value, &(*out->mutable_values())[name]);
  }
  for (const StepIndex index : step.depends_on) {
    if (index >= 0 && static_cast<std::size_t>(index) < names.size()) {
      out->add_depends_on(names[static_cast<std::size_t>(index)]);
    }
  }
}

void ToProto(const AttemptRecord& attempt, v1::Attempt* out) {
  out->set_number(attempt.number);
  out->set_state(static_cast<v1::Attempt::State>(attempt.state));
  out->set_worker(attempt.worker.value());
  out->set_cause(std::string(Name(attempt.cause)));
  out->set_message(attempt.message);
  if (attempt.leased_at.set()) *out->mutable_leased_at() = TimeToProto(attempt.leased_at);
  if (attempt.started_at.set()) *out->mutable_started_at() = TimeToProto(attempt.started_at);
  if (attempt.ended_at.set()) *out->mutable_ended_at() = TimeToProto(attempt.ended_at);
  out->set_exit_code(attempt.exit_code);
  out->set_peak_memory(attempt.peak_memory);
  out->set_cpu_seconds(attempt.cpu_seconds);
  out->set_rank(attempt.rank);
  out->set_address(attempt.address);
  if (const auto environment = ParseJson(attempt.environment); environment.ok()) {
    ValueToProto(*environment, out->mutable_environment());
  }
}

void ToProto(const RunGroup& group, v1::RunGroup* out) {
  const auto count = [&group](RunState state) {
    const auto found = group.runs.find(state);
    return found == group.runs.end() ? 0 : found->second;
  };
  out->set_group(group.name);
  out->set_pipeline(group.pipeline.value());
  out->set_max_active(group.limit);
  for (const auto& [state, runs] : group.runs) out->set_total(out->total() + runs);
  out->set_pending(count(RunState::kPending));
  out->set_running(count(RunState::kRunning) + count(RunState::kCancelling));
  out->set_succeeded(count(RunState::kSucceeded));
  out->set_failed(count(RunState::kFailed));
  out->set_cancelled(count(RunState::kCancelled));
  *out->mutable_created_at() = TimeToProto(group.created_at);
}

void ToProto(const ArtifactRecord& artifact, v1::Artifact* out) {
  ToProto(artifact.ref, out->mutable_ref());
  ProvenanceToProto(artifact.principal, artifact.created_at, out->mutable_created());
  out->set_run_id(artifact.run.value());
  out->set_step(artifact.step);
  out->set_output(artifact.output);
  out->set_file_count(artifact.file_count);
}

void ToProto(const ModelGroupRecord& group, v1::ModelGroup* out) {
  out->set_name(group.name.value());
  out->set_description(group.description);
  out->set_version_count(group.version_count);
  out->set_latest_version(group.latest_version);
  out->set_latest_approved_version(group.latest_approved_version);
  out->mutable_aliases()->insert(group.aliases.begin(), group.aliases.end());
  ProvenanceToProto(group.principal, group.created_at, out->mutable_created());
}

void ToProto(const ModelVersionRecord& version, v1::ModelVersion* out) {
  out->set_group(version.group.value());
  out->set_version(version.version);
  out->set_status(static_cast<v1::ModelVersion::Status>(version.status));
  ToProto(version.model, out->mutable_model());
  if (version.report) ToProto(*version.report, out->mutable_report());
  out->mutable_metrics()->insert(version.metrics.begin(), version.metrics.end());
  out->set_run_id(version.run.value());
  out->set_step(version.step);
  out->set_pipeline(version.pipeline.value());
  out->set_pipeline_version(version.pipeline_version);
  out->set_description(version.description);
  ProvenanceToProto(version.principal, version.created_at, out->mutable_created());
  if (version.decided_at.set()) {
    ProvenanceToProto(version.decided_by, version.decided_at, out->mutable_decided());
  }
  out->set_comment(version.comment);
  for (const std::string& alias : version.aliases) out->add_aliases(alias);
}

void ToProto(const TokenRecord& token, Time last_used, v1::Token* out) {
  out->set_name(token.name);
  out->set_role(std::string(RoleName(token.role)));
  ProvenanceToProto(token.created_by, token.created_at, out->mutable_created());
  if (token.revoked_at.set()) *out->mutable_revoked_at() = TimeToProto(token.revoked_at);
  if (last_used.set()) *out->mutable_last_used() = TimeToProto(last_used);
}

}  // namespace penstock
