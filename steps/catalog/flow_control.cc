// The steps that shape a run: map, pipeline, approval, wait.

#include "base/text.h"
#include "steps/catalog/builtin.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

}  // namespace

StepSchema MapSchema() {
  StepSchema schema;
  schema.key = "map";
  schema.version = "1";
  schema.control = true;
  schema.summary = "Runs its `steps` once for each item of a list.";
  schema.help =
      "`over` is a list, a parameter that is one, {range: N} (0 to N-1), {from, to, step} (`to` "
      "included), or a list in an earlier step's report; at most 10,000 items. The steps inside may "
      "use ${item}, ${item.FIELD} and ${item.index}, and whatever the steps around the map left. "
      "`maxConcurrency` bounds how many items run at a time, `toleratedFailures` (a number or "
      "\"5%\") how many may fail. `retry`, `timeout` and `resources` of the map are the defaults of "
      "the steps inside. `outputs` name what each item gives; outside there is then "
      "steps.MAP.outputs.NAME (the list of those that succeeded), steps.MAP.outputs.NAME.mean, "
      "std, min, max, count, and steps.MAP.best(NAME, max).OTHER (also .item and .index).";
  return schema;
}

StepSchema PipelineSchema() {
  StepSchema schema;
  schema.key = "pipeline";
  schema.version = "1";
  schema.control = true;
  schema.summary = "Runs another pipeline as a part of this run.";
  schema.help =
      "`pipeline` is NAME or NAME@VERSION; without a version it is the newest when the run starts. "
      "`parameters` are given to it, and what it names under `outputs` is then "
      "steps.STEP.outputs.NAME. It is cancelled with the run. A pipeline cannot call itself, "
      "neither directly nor through others.";
  return schema;
}

StepSchema ApprovalSchema() {
  StepSchema schema;
  schema.key = "approval";
  schema.version = "1";
  schema.control = true;
  schema.has_side_effects = true;
  schema.summary = "Waits until a person approves or rejects: penstock approve RUN STEP.";
  schema.values = {{.name = "by", .help = "Who decided."},
                   {.name = "comment", .help = "What the person said."}};
  schema.help =
      "Approved, it succeeds; rejected, it fails with REJECTED. `outputs.by` and `outputs.comment` "
      "say who and why.";
  schema.parameters = {{.name = "message",
                        .kind = Kind::kString,
                        .help = "What the person is asked; may hold references.",
                        .default_value = "",
                        .maximum = 4096},
                       {.name = "timeout",
                        .kind = Kind::kString,
                        .help = "How long to wait: 24h. Without it, for ever."},
                       {.name = "on_timeout",
                        .kind = Kind::kEnum,
                        .help = "What no answer means.",
                        .default_value = "reject",
                        .choices = {"reject", "approve"}}};
  schema.check = [](const Json& parameters, const std::string& path,
                    std::vector<Problem>& problems) {
    CheckDuration(parameters, "timeout", path, problems);
  };
  return schema;
}

StepSchema WaitSchema() {
  StepSchema schema;
  schema.key = "wait";
  schema.version = "1";
  schema.control = true;
  schema.summary = "Waits for a time, without occupying a worker.";
  schema.parameters = {
      {.name = "duration", .kind = Kind::kString, .help = "How long: 90s, 12h."},
      {.name = "until",
       .kind = Kind::kString,
       .help = "Until when: 2027-01-31T06:00:00Z. A time that has passed is no wait."}};
  schema.check = [](const Json& parameters, const std::string& path,
                    std::vector<Problem>& problems) {
    CheckDuration(parameters, "duration", path, problems);
    const Json& until = JsonMember(parameters, "until");
    if (until.is_null() == JsonMember(parameters, "duration").is_null()) {
      problems.push_back({path, "give either duration or until"});
    } else if (until.is_string() && !HoldsReference(until)) {
      if (const Result<Time> time = ParseTime(until.get<std::string>()); !time.ok()) {
        problems.push_back({path + ".until", time.status().message()});
      }
    }
  };
  return schema;
}

void CheckDuration(const Json& parameters, const char* name, const std::string& path,
                   std::vector<Problem>& problems) {
  const Json& value = JsonMember(parameters, name);
  if (!value.is_string() || HoldsReference(value)) return;
  if (const Result<Micros> parsed = ParseDuration(value.get<std::string>()); !parsed.ok()) {
    problems.push_back({path + "." + name, parsed.status().message()});
  }
}

}  // namespace penstock
