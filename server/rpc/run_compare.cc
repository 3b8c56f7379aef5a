// What two runs made, and where it differs what they ran in.

#include <map>
#include <set>
#include <unordered_map>

#include "base/digest.h"
#include "base/text.h"
#include "server/rpc/rerun.h"

namespace penstock {
namespace {

// Texts by name: "outputs.model" → "sha256:…".
using Facts = std::map<std::string, std::string>;

std::string Text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

void Flatten(const Json& json, const std::string& path, Facts& facts) {
  if (!json.is_object()) {
    if (!path.empty()) facts[path] = Text(json);
    return;
  }
  for (const auto& [name, value] : json.items()) {
    Flatten(value, path.empty() ? name : path + "." + name, facts);
  }
}

Facts FactsOf(const StepRecord& step) {
  Facts facts;
  // What was kept is the same as made.
  const bool kept = step.state == StepState::kCached;
  facts["state"] = Name(kept ? StepState::kSucceeded : step.state);
  if (!step.branch.empty()) facts["branch"] = step.branch;
  for (const auto& [name, ref] : step.result.outputs) {
    facts["outputs." + name] = FormatDigest(ref.digest);
  }
  // With all digits: the same is what has the same bits.
  for (const auto& [name, value] : step.result.metrics) {
    facts["metrics." + name] = FormatDouble(value);
  }
  for (const auto& [name, value] : step.result.values) facts["values." + name] = Text(value);
  return facts;
}

// Both sides of what `all` or only the differences are. True where nothing differs.
bool AddComparisons(const Facts& before, const Facts& after, bool all,
                    google::protobuf::RepeatedPtrField<v1::Comparison>* out) {
  std::set<std::string> names;
  for (const Facts* facts : {&before, &after}) {
    for (const auto& [name, text] : *facts) names.insert(name);
  }
  bool same = true;
  for (const std::string& name : names) {
    const auto one = before.find(name);
    const auto other = after.find(name);
    const bool equal = one != before.end() && other != after.end() && one->second == other->second;
    same = same && equal;
    if (equal && !all) continue;
    v1::Comparison* added = out->Add();
    added->set_what(name);
    if (one != before.end()) added->set_before(one->second);
    if (other != after.end()) added->set_after(other->second);
    added->set_same(equal);
  }
  return same;
}

// Of the attempt that made the step's result, wherever that was; empty where nothing is known.
Result<Facts> EnvironmentOf(MetadataReader& reader, const RunRecord& run, const StepRecord& step) {
  int64_t row = run.row;
  StepIndex index = step.index;
  if (const Json& hit = JsonMember(step.cache, "hit"); hit.is_object()) {
    const Result<RunRecord> source = reader.FindRun(JsonString(hit, "run"));
    if (source.status().code() == StatusCode::kNotFound) return Facts();
    PENSTOCK_RETURN_IF_ERROR(source.status());
    PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader.ListSteps(source->row));
    for (const StepRecord& each : steps) {
      if (each.name == JsonString(hit, "step")) index = each.index;
    }
    row = source->row;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const auto attempts, reader.ListAttempts(row, index));
  Facts facts;
  for (const AttemptRecord& attempt : attempts) {
    if (attempt.rank > 0) continue;  // the result is that of the first
    const Result<Json> environment = ParseJson(attempt.environment);
    if (!environment.ok()) continue;
    facts.clear();
    Flatten(*environment, "", facts);
  }
  return facts;
}

struct Side {
  RunRecord run;
  std::vector<StepRecord> steps;
  std::unordered_map<std::string, const StepRecord*> by_name;
};

Result<Side> Load(MetadataReader& reader, const std::string& id) {
  Side side;
  PENSTOCK_ASSIGN_OR_RETURN(side.run, reader.FindRun(id));
  PENSTOCK_ASSIGN_OR_RETURN(side.steps, reader.ListSteps(side.run.row));
  for (const StepRecord& step : side.steps) side.by_name[step.name] = &step;
  return side;
}

const StepRecord* FindIn(const Side& side, const std::string& name) {
  const auto found = side.by_name.find(name);
  return found == side.by_name.end() ? nullptr : found->second;
}

Status Compare(MetadataReader& reader, const Side& one, const StepRecord* before, const Side& other,
               const StepRecord* after, v1::StepComparison* out) {
  out->set_step(before != nullptr ? before->name : after->name);
  out->set_kept(after != nullptr && after->state == StepState::kCached);
  // What failed there and has effects is left out here: nothing is known of it.
  if (other.run.origin.verify && before != nullptr && after != nullptr &&
      after->state == StepState::kSkipped && after->ready_at.set()) {
    out->set_kept(true);
    out->set_same(true);
    return Status::Ok();
  }
  out->set_same(AddComparisons(before != nullptr ? FactsOf(*before) : Facts(),
                               after != nullptr ? FactsOf(*after) : Facts(), /*all=*/true,
                               out->mutable_values()));
  if (out->same() || before == nullptr || after == nullptr) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(const Facts then, EnvironmentOf(reader, one.run, *before));
  PENSTOCK_ASSIGN_OR_RETURN(const Facts now, EnvironmentOf(reader, other.run, *after));
  AddComparisons(then, now, /*all=*/false, out->mutable_environment());
  return Status::Ok();
}

}  // namespace

Status CompareRuns(MetadataReader& reader, const v1::CompareRunsRequest& request,
                   v1::CompareRunsResponse* response) {
  PENSTOCK_ASSIGN_OR_RETURN(const Side run, Load(reader, request.run_id()));
  std::string other_id = request.other_run_id();
  if (other_id.empty()) other_id = run.run.origin.run.value();
  if (other_id.empty()) {
    return InvalidArgument("otherRunId: run " + run.run.id.value() +
                           " goes on from no other; name the run that it is compared with");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const Side other, Load(reader, other_id));
  response->set_run_id(run.run.id.value());
  response->set_other_run_id(other.run.id.value());
  response->set_same(true);
  const auto add = [&](const StepRecord* before, const StepRecord* after) {
    v1::StepComparison* added = response->add_steps();
    const Status status = Compare(reader, other, before, run, after, added);
    response->set_same(response->same() && added->same());
    return status;
  };
  for (const StepRecord& step : other.steps) {
    PENSTOCK_RETURN_IF_ERROR(add(&step, FindIn(run, step.name)));
  }
  for (const StepRecord& step : run.steps) {
    if (FindIn(other, step.name) == nullptr) PENSTOCK_RETURN_IF_ERROR(add(nullptr, &step));
  }
  return Status::Ok();
}

}  // namespace penstock
