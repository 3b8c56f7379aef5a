// retry, explain, diff: what follows a run that did not go as it should.

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include "base/json.h"
#include "base/random.h"
#include "client/cli/cli.h"
#include "client/cli/follow.h"
#include "client/cli/parameters.h"

namespace penstock::cli {
namespace {

struct RetryOptions {
  std::string run;
  std::vector<std::string> from;
  std::string idempotency_key;
  bool wait = false;
  bool follow = false;
};

Result<int> Retry(Connection& connection, const RetryOptions& options) {
  pb::RetryRunRequest request;
  request.set_run_id(options.run);
  for (const std::string& step : options.from) request.add_from(step);
  request.set_idempotency_key(!options.idempotency_key.empty() ? options.idempotency_key
                                                               : RandomHex(16, Random::Secure()));
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::SubmitRunResponse submitted,
      connection.Call(connection.runs(), &pb::RunService::Stub::RetryRun, request));
  return AwaitSubmitted(connection, submitted, options.wait, options.follow);
}

Result<int> Explain(Connection& connection, const std::string& run, const std::string& step,
                    Format format) {
  pb::ExplainStepRequest request;
  request.set_run_id(run);
  request.set_step(step);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ExplainStepResponse answer,
      connection.Call(connection.runs(), &pb::RunService::Stub::ExplainStep, request));
  if (format != Format::kTable) {
    std::cout << Render(answer, format);
    return kDone;
  }
  std::cout << answer.step().name() << " is " << pb::Step::State_Name(answer.step().state()) << "\n";
  for (const pb::Explanation& reason : answer.explanations()) {
    std::cout << "  " << reason.reason() << "  " << reason.message() << "\n";
  }
  if (answer.explanations().empty()) std::cout << "  nothing is known beyond that\n";
  return kDone;
}

Result<pb::Run> GetRun(Connection& connection, const std::string& id) {
  pb::GetRunRequest request;
  request.set_run_id(id);
  return connection.Call(connection.runs(), &pb::RunService::Stub::GetRun, request);
}

Result<pb::Pipeline> GetDefinition(Connection& connection, const pb::Run& run) {
  pb::GetPipelineRequest request;
  request.set_name(run.pipeline());
  request.set_version(run.pipeline_version());
  return connection.Call(connection.pipelines(), &pb::PipelineService::Stub::GetPipeline, request);
}

// Everything that two runs can differ in, as texts by path.
using Facts = std::map<std::string, std::string>;

void Flatten(const Json& json, const std::string& path, Facts& facts) {
  if (json.is_structured() && !json.empty()) {
    for (const auto& [key, value] : json.items()) {
      // Steps are told apart by their names, wherever they stand in the list.
      const std::string name = json.is_array() ? JsonString(value, "name") : key;
      Flatten(value, path + (name.empty() ? "[" + key + "]" : "." + name), facts);
    }
    return;
  }
  facts[path] = json.is_string() ? json.get<std::string>() : DumpJson(json);
}

Facts FactsOf(const pb::Run& run, const Json& definition) {
  Facts facts;
  facts["pipeline"] = run.pipeline() + "@" + std::to_string(run.pipeline_version());
  facts["state"] = pb::Run::State_Name(run.state());
  Flatten(definition, "definition", facts);
  for (const auto& [name, value] : run.parameters()) {
    facts["parameters." + name] = value.ShortDebugString();
  }
  for (const auto& [way, change] : run.overrides()) {
    for (const auto& [name, text] : change.inputs()) {
      facts["overrides." + way + ".inputs." + name] = text;
    }
    for (const auto& [name, value] : change.with().map().fields()) {
      facts["overrides." + way + ".with." + name] = ShowValue(value);
    }
  }
  for (const pb::Step& step : run.steps()) {
    const std::string path = "steps." + step.name();
    // What was taken from an earlier run is the same as made.
    const auto state = step.state() == pb::Step::CACHED ? pb::Step::SUCCEEDED : step.state();
    facts[path + ".state"] = pb::Step::State_Name(state);
    for (const auto& [name, value] : step.metrics()) {
      facts[path + ".metrics." + name] = FormatMetric(value);
    }
    for (const auto& [name, ref] : step.outputs()) facts[path + ".outputs." + name] = ref.digest();
  }
  return facts;
}

// Of steps that made something else: what they ran in, where that differs.
Status AddEnvironments(Connection& connection, const std::string& one, const std::string& other,
                       Table& table) {
  pb::CompareRunsRequest request;
  request.set_run_id(other);
  request.set_other_run_id(one);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::CompareRunsResponse answer,
      connection.Call(connection.runs(), &pb::RunService::Stub::CompareRuns, request));
  for (const pb::StepComparison& step : answer.steps()) {
    for (const pb::Comparison& part : step.environment()) {
      table.Add({"steps." + step.step() + ".environment." + part.what(),
                 part.before().empty() ? "-" : part.before(),
                 part.after().empty() ? "-" : part.after()});
    }
  }
  return Status::Ok();
}

Result<int> DiffRuns(Connection& connection, const std::string& one, const std::string& other) {
  std::vector<Facts> facts;
  for (const std::string& id : {one, other}) {
    PENSTOCK_ASSIGN_OR_RETURN(const pb::Run run, GetRun(connection, id));
    PENSTOCK_ASSIGN_OR_RETURN(const pb::Pipeline pipeline, GetDefinition(connection, run));
    PENSTOCK_ASSIGN_OR_RETURN(const Json definition, ParseJson(pipeline.definition_json()));
    facts.push_back(FactsOf(run, definition));
  }
  std::set<std::string> paths;
  for (const Facts& each : facts) {
    for (const auto& [path, value] : each) paths.insert(path);
  }
  Table table({"WHAT", one, other});
  for (const std::string& path : paths) {
    std::vector<std::string> row = {path};
    for (const Facts& each : facts) {
      const auto found = each.find(path);
      row.push_back(found == each.end() ? "-" : found->second);
    }
    if (row[1] != row[2]) table.Add(std::move(row));
  }
  PENSTOCK_RETURN_IF_ERROR(AddEnvironments(connection, one, other, table));
  if (table.empty()) {
    std::cout << "the runs are alike in definition, parameters, data and metrics\n";
  } else {
    std::cout << table.Text();
  }
  return kDone;
}

}  // namespace

void AddRerunCommands(CLI::App& app, Cli& cli) {
  CLI::App* retry = app.add_subcommand(
      "retry", "go on from a run that failed: a new run that keeps what succeeded");
  auto options = std::make_shared<RetryOptions>();
  retry->add_option("run", options->run, "the run, which has ended")->required();
  retry->add_option("--from", options->from,
                    "run this step again though it succeeded, and what depends on it");
  retry->add_option("--idempotency-key", options->idempotency_key,
                    "the same key again answers with the same run");
  retry->add_flag("--wait", options->wait, "until it has ended; exit 0 only if it succeeded");
  retry->add_flag("--follow", options->follow, "wait, and show its steps on stderr");
  retry->callback(cli.Command([=](Connection& connection) { return Retry(connection, *options); }));

  CLI::App* explain = app.add_subcommand(
      "explain", "why a step waits, was cached or not, skipped, tried again, or failed");
  auto run = std::make_shared<std::string>();
  auto step = std::make_shared<std::string>();
  auto format = std::make_shared<Format>(Format::kTable);
  explain->add_option("run", *run, "the run")->required();
  explain->add_option("step", *step, "the step, as in fit or cv[3].fit")->required();
  AddFormat(explain, format);
  explain->callback(cli.Command(
      [=](Connection& connection) { return Explain(connection, *run, *step, *format); }));

  CLI::App* diff = app.add_subcommand("diff", "what differs between two runs");
  struct DiffOptions {
    std::string kind;
    std::string one;
    std::string other;
  };
  auto compared = std::make_shared<DiffOptions>();
  diff->add_option("kind", compared->kind, "run")->required()->transform(OneOf({"run"}));
  diff->add_option("one", compared->one, "a run")->required();
  diff->add_option("other", compared->other, "another run")->required();
  diff->callback(cli.Command([=](Connection& connection) {
    return DiffRuns(connection, compared->one, compared->other);
  }));
}

}  // namespace penstock::cli
