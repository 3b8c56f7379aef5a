// rerun: a run again, whole or in part, changed or to see whether the same comes out.

#include <iostream>
#include <set>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "client/cli/cli.h"
#include "client/cli/follow.h"
#include "client/cli/names.h"
#include "client/cli/parameters.h"
#include "client/cli/transfer.h"
#include "server/core/overrides.h"

namespace penstock::cli {
namespace {

struct RerunOptions {
  std::string run;
  std::vector<std::string> parameters;
  std::vector<std::string> steps;
  std::vector<std::string> inputs;
  std::vector<std::string> with;
  std::string name;
  std::string idempotency_key;
  bool no_cache = false;
  bool verify = false;
  bool wait = false;
  bool follow = false;
  std::shared_ptr<Format> format = std::make_shared<Format>(Format::kTable);
};

// What --input and --with name: "cv.fit.split.seed" is step cv.fit and the rest.
struct Place {
  std::string way;
  std::string rest;
  const pb::Step* step = nullptr;
};

Result<Place> FindPlace(const pb::Run& run, const std::string& text, const std::string& usage) {
  Place place;
  std::vector<std::string> ways;
  for (const pb::Step& step : run.steps()) {
    std::string way = DefinitionPath(step.name());
    ways.push_back(way);
    if (!text.starts_with(way + ".") || way.size() <= place.way.size()) continue;
    place.rest = text.substr(way.size() + 1);
    place.way = std::move(way);
    place.step = &step;
  }
  if (place.step != nullptr && !place.rest.empty()) return place;
  const std::string name = text.substr(0, text.find('.'));
  return WrongUse("\"" + text + "\" does not begin with the name of a step of the run" +
                  Suggestion(name, ways) + "; write " + usage);
}

// The type of artifact that the step takes as this input.
std::string TypeOfInput(Connection& connection, const Place& place) {
  pb::GetStepTypeRequest request;
  const std::string& algorithm = place.step->algorithm();
  request.set_key(place.step->type() +
                  (algorithm.empty() ? "" : "/" + algorithm.substr(0, algorithm.find('@'))));
  const auto type =
      connection.Call(connection.catalog(), &pb::CatalogService::Stub::GetStepType, request);
  if (!type.ok()) return "file";
  for (const pb::StepType::Port& port : type->inputs()) {
    if (port.name() == place.rest) return port.type();
  }
  return "file";
}

Status AddInputs(Connection& connection, const pb::Run& run, const RerunOptions& options,
                 pb::RerunRunRequest& request) {
  const std::string usage = "--input STEP.NAME=artifact:sha256:…, =model:GROUP@VERSION or =@PATH";
  for (const std::string& input : options.inputs) {
    PENSTOCK_ASSIGN_OR_RETURN(auto assignment, ParseAssignment(input, usage));
    PENSTOCK_ASSIGN_OR_RETURN(const Place place, FindPlace(run, assignment.first, usage));
    std::string value = assignment.second;
    if (value.starts_with('@')) {
      const std::string path = value.substr(1);
      PENSTOCK_ASSIGN_OR_RETURN(const pb::ArtifactRef ref,
                                Upload(connection, path, TypeOfInput(connection, place)));
      value = "artifact:" + ref.digest() + "#" + path;
    }
    (*(*request.mutable_overrides())[place.way].mutable_inputs())[place.rest] = value;
  }
  return Status::Ok();
}

Status AddWith(const pb::Run& run, const RerunOptions& options, pb::RerunRunRequest& request) {
  const std::string usage = "--with STEP.KEY=VALUE";
  std::map<std::string, Json> changes;  // by way
  for (const std::string& with : options.with) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto assignment, ParseAssignment(with, usage));
    PENSTOCK_ASSIGN_OR_RETURN(const Place place, FindPlace(run, assignment.first, usage));
    Json* at = &changes[place.way];
    for (const std::string& key : Split(place.rest, '.')) at = &(*at)[key];
    // A number, a list and so on; a text where it is none of them.
    *at = ParseJson(assignment.second).value_or(Json(assignment.second));
  }
  for (const auto& [way, change] : changes) {
    SetValue(change, *(*request.mutable_overrides())[way].mutable_with());
  }
  return Status::Ok();
}

Result<pb::RerunRunRequest> MakeRequest(Connection& connection, const RerunOptions& options) {
  pb::RerunRunRequest request;
  request.set_run_id(options.run);
  request.set_name(options.name);
  request.set_no_cache(options.no_cache);
  request.set_verify(options.verify);
  request.set_idempotency_key(!options.idempotency_key.empty() ? options.idempotency_key
                                                               : RandomHex(16, Random::Secure()));
  for (const std::string& step : options.steps) request.add_steps(step);
  if (!options.inputs.empty() || !options.with.empty()) {
    pb::GetRunRequest find;
    find.set_run_id(options.run);
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::Run run, connection.Call(connection.runs(), &pb::RunService::Stub::GetRun, find));
    PENSTOCK_RETURN_IF_ERROR(AddInputs(connection, run, options, request));
    PENSTOCK_RETURN_IF_ERROR(AddWith(run, options, request));
  }
  if (!options.parameters.empty()) {
    pb::GetRunRequest find;
    find.set_run_id(options.run);
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::Run run, connection.Call(connection.runs(), &pb::RunService::Stub::GetRun, find));
    pb::GetPipelineRequest pipeline;
    pipeline.set_name(run.pipeline());
    pipeline.set_version(run.pipeline_version());
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::Pipeline found,
        connection.Call(connection.pipelines(), &pb::PipelineService::Stub::GetPipeline, pipeline));
    PENSTOCK_RETURN_IF_ERROR(BindParameters(connection, options.parameters, DefinitionOf(found),
                                            *request.mutable_parameters()));
  }
  return request;
}

// What differs, and what it may come from.
void PrintComparison(const pb::CompareRunsResponse& answer) {
  Table table({"STEP", "WHAT", "RESULT", "BEFORE", "NOW"});
  for (const pb::StepComparison& step : answer.steps()) {
    if (step.kept()) {
      table.Add({step.step(), "", "not repeated", "", ""});
      continue;
    }
    for (const pb::Comparison& value : step.values()) {
      // That both succeeded goes without saying where they left something.
      if (value.same() && value.what() == "state" && step.values_size() > 1) continue;
      table.Add({step.step(), value.what(), value.same() ? "same" : "different",
                 value.same() ? "" : value.before(), value.same() ? "" : value.after()});
    }
  }
  std::cout << table.Text();
  for (const pb::StepComparison& step : answer.steps()) {
    for (const pb::Comparison& part : step.environment()) {
      std::cout << step.step() << " ran with another " << part.what() << ": "
                << (part.before().empty() ? "none" : part.before()) << " → "
                << (part.after().empty() ? "none" : part.after()) << "\n";
    }
    if (!step.same() && !step.kept() && step.environment().empty()) {
      std::cout << step.step() << ": nothing is known to differ in what it ran with\n";
    }
  }
}

Result<int> Verify(Connection& connection, const pb::SubmitRunResponse& submitted,
                   const RerunOptions& options) {
  const std::string& id = submitted.run().run_id();
  const bool raw = *options.format != Format::kTable;
  (raw ? std::cerr : std::cout) << id << std::endl;
  PENSTOCK_ASSIGN_OR_RETURN(const pb::Run ended, Follow(connection, id, options.follow, {}));
  PrintEnding(connection, ended);
  pb::CompareRunsRequest request;
  request.set_run_id(id);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::CompareRunsResponse answer,
      connection.Call(connection.runs(), &pb::RunService::Stub::CompareRuns, request));
  if (raw) {
    std::cout << Render(answer, *options.format);
  } else {
    PrintComparison(answer);
  }
  std::cerr << (answer.same() ? "all steps made the same as in " : "not the same as in ")
            << answer.other_run_id() << "\n";
  return answer.same() ? kDone : kWorkFailed;
}

Result<int> Rerun(Connection& connection, const RerunOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const pb::RerunRunRequest request, MakeRequest(connection, options));
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::SubmitRunResponse submitted,
      connection.Call(connection.runs(), &pb::RunService::Stub::RerunRun, request));
  if (options.verify) return Verify(connection, submitted, options);
  return AwaitSubmitted(connection, submitted, options.wait, options.follow);
}

}  // namespace

void AddRerunCommand(CLI::App& app, Cli& cli) {
  CLI::App* command = app.add_subcommand(
      "rerun", "run a run again: all of it, some steps, with changes, or to verify it");
  auto options = std::make_shared<RerunOptions>();
  const auto several = [&](const char* name, std::vector<std::string>& into, const char* help) {
    command->add_option(name, into, help)->allow_extra_args(false);
  };
  command->add_option("run", options->run, "the run, which has ended")->required();
  several("-p,--parameter", options->parameters,
          "NAME=VALUE or NAME=@PATH, in place of the run's; what does not depend on it comes from "
          "the cache");
  several("--step", options->steps,
          "run only this step again, and what depends on it; cv.fit is that step of all items");
  several(
      "--input", options->inputs,
      "STEP.NAME=artifact:sha256:…, =model:GROUP@VERSION or =@PATH, for a step that runs again");
  several("--with", options->with,
          "STEP.KEY=VALUE, a parameter or hyperparameter of a step that runs again (prepare.split."
          "seed=9)");
  command->add_option("--name", options->name, "what to call the new run (as the other)");
  command->add_option("--idempotency-key", options->idempotency_key,
                      "the same key again answers with the same run");
  command->add_flag("--no-cache", options->no_cache, "use no results of earlier runs");
  command->add_flag("--verify", options->verify,
                    "make everything anew as it was, wait, and compare; exit 0 only if all is the "
                    "same");
  command->add_flag("--wait", options->wait, "until it has ended; exit 0 only if it succeeded");
  command->add_flag("--follow", options->follow, "wait, and show its steps on stderr");
  AddFormat(command, options->format);
  command->callback(
      cli.Command([=](Connection& connection) { return Rerun(connection, *options); }));
}

}  // namespace penstock::cli
