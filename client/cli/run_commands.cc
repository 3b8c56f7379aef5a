// run, cancel, logs.

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "client/cli/attempts.h"
#include "client/cli/cli.h"
#include "client/cli/follow.h"
#include "client/cli/names.h"
#include "client/cli/parameters.h"
#include "client/cli/rank_lines.h"
#include "storage/model/limits.h"

namespace penstock::cli {
namespace {

struct RunOptions {
  std::string pipeline;
  std::string file;
  std::vector<std::string> parameters;
  std::string name;
  std::vector<std::string> tags;
  std::string idempotency_key;
  bool no_cache = false;
  std::vector<std::string> no_cache_steps;
  std::string queue;
  std::optional<int32_t> priority;
  bool wait = false;
  bool follow = false;
};

Result<pb::Pipeline> ApplyOrFind(Connection& connection, const RunOptions& options) {
  using Stub = pb::PipelineService::Stub;
  if (options.file.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const PipelineRef ref, ParsePipelineRef(options.pipeline));
    pb::GetPipelineRequest request;
    request.set_name(ref.name);
    request.set_version(ref.version);
    return connection.Call(connection.pipelines(), &Stub::GetPipeline, request);
  }
  PENSTOCK_ASSIGN_OR_RETURN(std::string text, ReadDefinition(options.file));
  pb::RegisterPipelineRequest request;
  request.mutable_definition()->set_text(std::move(text));
  PENSTOCK_ASSIGN_OR_RETURN(
      pb::RegisterPipelineResponse registered,
      connection.Call(connection.pipelines(), &Stub::RegisterPipeline, request));
  // An unchanged definition was warned of when it was made.
  if (registered.created()) PrintWarnings(registered.warnings(), options.file);
  return std::move(*registered.mutable_pipeline());
}

Result<int> RunPipeline(Connection& connection, const RunOptions& options) {
  if (options.file.empty() == options.pipeline.empty()) {
    return WrongUse("name a pipeline or give its file: penstock run NAME[@VERSION] | -f FILE");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const pb::Pipeline pipeline, ApplyOrFind(connection, options));
  pb::SubmitRunRequest request;
  request.set_pipeline(pipeline.name());
  request.set_pipeline_version(pipeline.version());
  request.set_name(options.name);
  // A key of our own makes a retry of the call safe.
  request.set_idempotency_key(!options.idempotency_key.empty() ? options.idempotency_key
                                                               : RandomHex(16, Random::Secure()));
  request.set_queue(options.queue);
  if (options.priority) request.set_priority(*options.priority);
  request.set_no_cache(options.no_cache);
  for (const std::string& step : options.no_cache_steps) request.add_no_cache_steps(step);
  for (const std::string& tag : options.tags) {
    PENSTOCK_ASSIGN_OR_RETURN(auto assignment, ParseAssignment(tag, "--tag KEY=VALUE"));
    (*request.mutable_tags())[assignment.first] = assignment.second;
  }
  PENSTOCK_RETURN_IF_ERROR(BindParameters(connection, options.parameters, DefinitionOf(pipeline),
                                          *request.mutable_parameters()));
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::SubmitRunResponse submitted,
      connection.Call(connection.runs(), &pb::RunService::Stub::SubmitRun, request));
  return AwaitSubmitted(connection, submitted, options.wait, options.follow);
}

struct LogOptions {
  std::string run;
  std::string step;
  int attempt = 0;
  int rank = -1;  // all of them
  bool follow = false;
};

// The steps that have been tried more than once, with their attempts. kNotFound where the options
// name an attempt that a step never had.
Result<std::map<std::string, std::vector<pb::Attempt>>> AttemptsToShow(Connection& connection,
                                                                       const LogOptions& options) {
  pb::GetRunRequest request;
  request.set_run_id(options.run);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::Run run,
      connection.Call(connection.runs(), &pb::RunService::Stub::GetRun, request));
  std::map<std::string, std::vector<pb::Attempt>> attempts;
  int most = 0;
  bool found = options.step.empty();
  for (const pb::Step& step : run.steps()) {
    if (!options.step.empty() && step.name() != options.step) continue;
    found = true;
    most = std::max(most, step.attempt());
    if (step.attempt() < 2) continue;
    PENSTOCK_ASSIGN_OR_RETURN(attempts[step.name()],
                              ListAttempts(connection, run.run_id(), step.name()));
  }
  if (found && options.attempt > most && !options.follow) {
    return NotFound("there is no attempt " + std::to_string(options.attempt) + " of " +
                    (options.step.empty() ? "any step" : "step " + options.step) + " in " +
                    run.run_id() + "; the last is " + std::to_string(most));
  }
  return attempts;
}

// "train, attempt 2 FAILED, STEP_ERROR: no label": what stands above an attempt's log.
std::string LogHeader(const pb::ReadLogsResponse& chunk, const std::vector<pb::Attempt>& attempts) {
  std::string header = chunk.step();
  if (attempts.empty() && chunk.attempt() == 1) return header;
  header += ", attempt " + std::to_string(chunk.attempt());
  if (const pb::Attempt* attempt = DecisiveAttempt(attempts, chunk.attempt())) {
    header += " " + pb::Attempt::State_Name(attempt->state());
    if (const std::string why = WhyEnded(*attempt); !why.empty()) header += ", " + why;
  }
  return header;
}

Result<int> ShowLogs(Connection& connection, const LogOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto attempts, AttemptsToShow(connection, options));
  pb::ReadLogsRequest request;
  request.set_run_id(options.run);
  request.set_step(options.step);
  request.set_attempt(options.attempt);
  request.set_follow(options.follow);
  if (options.rank >= 0) request.set_rank(options.rank);
  const auto context = connection.Context(Micros(0));
  const auto reader = connection.runs().ReadLogs(context.get(), request);
  pb::ReadLogsResponse chunk;
  std::pair<std::string, int> last;
  RankLines lines;
  bool any = false;
  bool line_ended = true;
  while (reader->Read(&chunk)) {
    const auto several = attempts.find(chunk.step());
    const bool header = options.step.empty() || several != attempts.end() || chunk.attempt() > 1;
    if (const std::pair now(chunk.step(), static_cast<int>(chunk.attempt())); now != last) {
      last = now;
      std::cout << lines.Rest();
      if (header && options.attempt == 0) {
        std::cout << (line_ended ? "" : "\n") << "=== "
                  << LogHeader(chunk, several != attempts.end() ? several->second
                                                                : std::vector<pb::Attempt>())
                  << " ===\n";
      }
    }
    any = any || !chunk.data().empty();
    if (chunk.ranks() > 1 && options.rank < 0) {
      std::cout << lines.Add(chunk.rank(), chunk.data()) << std::flush;
      line_ended = true;
      continue;
    }
    if (!chunk.data().empty()) line_ended = chunk.data().back() == '\n';
    std::cout << chunk.data() << std::flush;
  }
  std::cout << lines.Rest();
  PENSTOCK_RETURN_IF_ERROR(connection.Translate(reader->Finish()));
  if (!any) std::cerr << "nothing was written\n";
  return kDone;
}

void AddRun(CLI::App& app, Cli& cli) {
  CLI::App* command =
      app.add_subcommand("run", "start a run; prints its id and nothing else on stdout");
  auto options = std::make_shared<RunOptions>();
  command->add_option("pipeline", options->pipeline, "NAME or NAME@VERSION");
  command->add_option("-f,--file", options->file,
                      "apply this definition first (unchanged, it is the same version)");
  command
      ->add_option("-p,--parameter", options->parameters,
                   "NAME=VALUE, or NAME=@PATH to upload a file or folder; a dataset may also be "
                   "an address that a worker reads: https://…, s3://bucket/key, s3://bucket/prefix/ "
                   "or file:///…; may be given several times")
      ->allow_extra_args(false);
  command->add_option("--name", options->name, "what to call the run");
  command->add_option("--tag", options->tags, "KEY=VALUE, to find it by")->allow_extra_args(false);
  command->add_option("--idempotency-key", options->idempotency_key,
                      "the same key again answers with the same run");
  command->add_flag("--no-cache", options->no_cache, "use no results of earlier runs");
  command->add_option("--no-cache-step", options->no_cache_steps,
                      "the same for this step, as the definition names it");
  command->add_option("--queue", options->queue,
                      "whose share of the workers it takes (the definition's, or default)");
  command->add_option("--priority", options->priority,
                      "within the queue, -1000 to 1000; higher goes first (the definition's, or 0)");
  command->add_flag("--wait", options->wait, "until it has ended; exit 0 only if it succeeded");
  command->add_flag("--follow", options->follow, "wait, and show its steps on stderr");
  command->callback(
      cli.Command([options](Connection& connection) { return RunPipeline(connection, *options); }));
}

Result<int> CancelRun(Connection& connection, const pb::CancelRunRequest& request) {
  using Stub = pb::RunService::Stub;
  pb::GetRunRequest find;
  find.set_run_id(request.run_id());
  PENSTOCK_ASSIGN_OR_RETURN(const pb::Run before,
                            connection.Call(connection.runs(), &Stub::GetRun, find));
  if (before.state() >= pb::Run::SUCCEEDED) {
    std::cerr << "run " << before.run_id() << " had ended already: it is "
              << pb::Run::State_Name(before.state()) << "\n";
    return kDone;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const pb::CancelRunResponse answer,
                            connection.Call(connection.runs(), &Stub::CancelRun, request));
  std::cerr << "run " << answer.run().run_id() << " is "
            << pb::Run::State_Name(answer.run().state()) << "\n";
  return kDone;
}

// Those that have not begun first, the newest of them before the others: none takes the place of
// one that was stopped.
Result<int> CancelTagged(Connection& connection, const std::string& tag,
                         pb::CancelRunRequest request) {
  using Stub = pb::RunService::Stub;
  PENSTOCK_ASSIGN_OR_RETURN(const auto assignment, ParseAssignment(tag, "--tag KEY=VALUE"));
  pb::ListRunsRequest list;
  list.mutable_page()->set_page_size(1000);
  (*list.mutable_tags())[assignment.first] = assignment.second;
  int count = 0;
  for (const pb::Run::State state : {pb::Run::PENDING, pb::Run::RUNNING}) {
    list.clear_states();
    list.add_states(state);
    list.mutable_page()->clear_page_token();
    do {
      PENSTOCK_ASSIGN_OR_RETURN(const pb::ListRunsResponse page,
                                connection.Call(connection.runs(), &Stub::ListRuns, list));
      for (const pb::Run& run : page.runs()) {
        request.set_run_id(run.run_id());
        PENSTOCK_RETURN_IF_ERROR(
            connection.Call(connection.runs(), &Stub::CancelRun, request).status());
        ++count;
      }
      list.mutable_page()->set_page_token(page.next_page_token());
    } while (!list.page().page_token().empty());
  }
  std::cerr << count << " runs are being cancelled\n";
  return kDone;
}

void AddCancel(CLI::App& app, Cli& cli) {
  CLI::App* command = app.add_subcommand("cancel", "stop a run, or all runs with a tag");
  auto run = std::make_shared<std::string>();
  auto tag = std::make_shared<std::string>();
  auto comment = std::make_shared<std::string>();
  command->add_option("run", *run, "its id, as `get runs` lists it");
  command->add_option("--tag", *tag, "all runs with this tag that have not ended, KEY=VALUE");
  command->add_option("--comment", *comment, "why");
  auto now = std::make_shared<bool>(false);
  command->add_flag("--now", *now, "stop its onExit steps, too");
  command->callback(cli.Command([=](Connection& connection) -> Result<int> {
    if (run->empty() == tag->empty()) {
      return WrongUse("name a run or a tag: penstock cancel RUN | --tag KEY=VALUE");
    }
    pb::CancelRunRequest request;
    request.set_run_id(*run);
    request.set_comment(*comment);
    request.set_now(*now);
    return tag->empty() ? CancelRun(connection, request) : CancelTagged(connection, *tag, request);
  }));
}

void AddLogs(CLI::App& app, Cli& cli) {
  CLI::App* command = app.add_subcommand("logs", "what a run's steps wrote, live or long after");
  auto options = std::make_shared<LogOptions>();
  command->add_option("run", options->run, "its id, as `get runs` lists it")->required();
  command->add_option("step", options->step, "one step; all of them without it");
  command->add_option("--attempt", options->attempt, "one attempt, from 1")
      ->check(CLI::Range(1, 1'000'000).description(""));
  command
      ->add_option("--rank", options->rank,
                   "one rank of a step on several nodes, from 0; all of them without it, each "
                   "line with its rank")
      ->check(CLI::Range(0, limits::kMaxGangNodes - 1).description(""));
  command->add_flag("-f,--follow", options->follow, "until the step, or the run, has ended");
  command->callback(
      cli.Command([options](Connection& connection) { return ShowLogs(connection, *options); }));
}

}  // namespace

void AddRunCommands(CLI::App& app, Cli& cli) {
  AddRun(app, cli);
  AddCancel(app, cli);
  AddLogs(app, cli);
}

}  // namespace penstock::cli
