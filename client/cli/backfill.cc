// backfill: one run a value, and how they do.

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <optional>
#include <set>
#include <thread>

#include "base/digest.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "client/cli/backfill_values.h"
#include "client/cli/cli.h"
#include "client/cli/names.h"
#include "client/cli/parameters.h"
#include "storage/model/limits.h"

namespace penstock::cli {
namespace {

constexpr char kTag[] = "backfill";
// Which of a backfill's runs it is, so that one that broke off makes only what is missing.
constexpr char kKeyTag[] = "backfill.key";
constexpr std::size_t kMaxRunName = 200;

struct BackfillOptions {
  std::string pipeline;
  std::vector<std::string> over;
  std::vector<std::string> parameters;
  std::string id;
  std::string name;
  std::vector<std::string> tags;
  std::string queue;
  std::optional<int32_t> priority;
  int max_active = 1;
  bool no_cache = false;
  bool reverse = false;
  bool dry_run = false;
  bool wait = false;
};

// What is said when the user breaks off; set before anything is submitted.
std::string& BreakOffText() {
  static std::string text;
  return text;
}

void OnInterrupt(int) {
  const std::string& text = BreakOffText();
  static_cast<void>(!write(STDERR_FILENO, text.data(), text.size()));
  _exit(130);
}

std::string KeyOf(const Values& values) {
  Json json = Json::object();
  for (const auto& [name, value] : values) json[name] = value;
  return Sha256(DumpJson(json)).value().substr(0, 32);
}

// What is there of the backfill: keys, and the version of the pipeline that it runs.
struct Known {
  std::set<std::string> keys;
  std::string pipeline;
  int32_t version = 0;
};

Result<Known> FindKnown(Connection& connection, const std::string& id) {
  Known known;
  pb::ListRunsRequest request;
  request.mutable_page()->set_page_size(1000);
  (*request.mutable_tags())[kTag] = id;
  do {
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::ListRunsResponse page,
        connection.Call(connection.runs(), &pb::RunService::Stub::ListRuns, request));
    for (const pb::Run& run : page.runs()) {
      const auto key = run.tags().find(kKeyTag);
      if (key != run.tags().end()) known.keys.insert(key->second);
      known.pipeline = run.pipeline();
      known.version = run.pipeline_version();
    }
    request.mutable_page()->set_page_token(page.next_page_token());
  } while (!request.page().page_token().empty());
  return known;
}

Status CheckNames(const Json& definition, const std::vector<Values>& runs) {
  std::vector<std::string> known;
  for (const auto& [name, spec] : JsonMember(definition, "parameters").items()) {
    known.push_back(name);
  }
  for (const auto& [name, value] : runs.front()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return WrongUse("the pipeline has no parameter \"" + name + "\"" + Suggestion(name, known));
  }
  const std::string on_limit = JsonString(definition, "onLimit");
  const int64_t limit = JsonInt(definition, "maxActiveRuns");
  if (on_limit.empty() || limit == 0 || static_cast<int64_t>(runs.size()) <= limit) {
    return Status::Ok();
  }
  return WrongUse("the pipeline has maxActiveRuns " + std::to_string(limit) + " with onLimit " +
                  on_limit + ", which would drop most of " + std::to_string(runs.size()) +
                  " runs; apply it with onLimit: queue, or go over less at a time");
}

Result<pb::SubmitRunRequest> CommonRequest(Connection& connection, const BackfillOptions& options,
                                           const pb::Pipeline& pipeline) {
  pb::SubmitRunRequest request;
  request.set_pipeline(pipeline.name());
  request.set_pipeline_version(pipeline.version());
  request.set_no_cache(options.no_cache);
  request.set_queue(options.queue);
  if (options.priority) request.set_priority(*options.priority);
  request.set_group(options.id);
  request.set_group_max_active(options.max_active);
  for (const std::string& tag : options.tags) {
    PENSTOCK_ASSIGN_OR_RETURN(auto assignment, ParseAssignment(tag, "--tag KEY=VALUE"));
    (*request.mutable_tags())[assignment.first] = assignment.second;
  }
  (*request.mutable_tags())[kTag] = options.id;
  PENSTOCK_RETURN_IF_ERROR(BindParameters(connection, options.parameters, DefinitionOf(pipeline),
                                          *request.mutable_parameters()));
  return request;
}

// One after the other: the order of submission is that in which they begin.
Result<int> SubmitMissing(Connection& connection, const BackfillOptions& options,
                          const pb::SubmitRunRequest& common, const Json& definition,
                          const std::vector<Values>& runs, const std::set<std::string>& known) {
  int made = 0;
  for (const Values& values : runs) {
    const std::string key = KeyOf(values);
    if (known.contains(key)) continue;
    pb::SubmitRunRequest request = common;
    for (const auto& [name, value] : values) {
      SetValue(TypedValue(definition, name, value), (*request.mutable_parameters())[name]);
    }
    (*request.mutable_tags())[kKeyTag] = key;
    const std::string name = options.name.empty() ? common.pipeline() : options.name;
    request.set_name(TruncateUtf8(name + " " + Describe(values), kMaxRunName));
    request.set_idempotency_key(options.id + "-" + key);
    const auto submitted =
        connection.Call(connection.runs(), &pb::RunService::Stub::SubmitRun, request);
    if (!submitted.ok()) {
      return submitted.status().WithContext(
          "run " + Describe(values) + " (" + std::to_string(made) +
          " were submitted before it; the same command with --id " + options.id +
          " makes those that are missing)");
    }
    ++made;
  }
  return made;
}

std::string Summary(const pb::RunGroup& group) {
  std::string text =
      std::to_string(group.succeeded()) + " of " + std::to_string(group.total()) + " succeeded";
  for (const auto& [count, what] :
       {std::pair{group.failed(), "failed"}, std::pair{group.cancelled(), "cancelled"},
        std::pair{group.running(), "running"}, std::pair{group.pending(), "waiting"}}) {
    if (count > 0) text += ", " + std::to_string(count) + " " + what;
  }
  return text;
}

// Tells of each change until all have ended.
Result<int> Await(Connection& connection, const std::string& id) {
  pb::ListRunGroupsRequest request;
  request.set_group(id);
  std::string told;
  while (true) {
    const auto list =
        connection.Call(connection.runs(), &pb::RunService::Stub::ListRunGroups, request);
    if (list.ok() && list->groups().empty()) return kDone;
    if (list.ok()) {
      const pb::RunGroup& group = list->groups(0);
      if (std::string now = Summary(group); now != told) {
        std::cerr << id << ": " << now << "\n";
        told = std::move(now);
      }
      if (group.pending() + group.running() == 0) {
        return group.succeeded() == group.total() ? kDone : kWorkFailed;
      }
    } else if (list.status().code() != StatusCode::kUnavailable) {
      return list.status();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

Result<pb::Pipeline> FindPipeline(Connection& connection, const std::string& name,
                                  const Known& known) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineRef ref, ParsePipelineRef(name));
  if (!known.pipeline.empty() && ref.name != known.pipeline) {
    return WrongUse("that backfill is of pipeline " + known.pipeline + ", not " + ref.name);
  }
  pb::GetPipelineRequest request;
  request.set_name(ref.name);
  // What is missing is made as the rest was, also where there is a newer version.
  request.set_version(ref.version == 0 ? known.version : ref.version);
  return connection.Call(connection.pipelines(), &pb::PipelineService::Stub::GetPipeline, request);
}

Result<int> Backfill(Connection& connection, BackfillOptions options) {
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<Values> runs, Combine(options.over));
  if (options.reverse) std::reverse(runs.begin(), runs.end());
  Known known;
  if (!options.id.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(known, FindKnown(connection, options.id));
  } else {
    options.id = "backfill-" + RandomHex(5, Random::Secure());
  }
  PENSTOCK_ASSIGN_OR_RETURN(const pb::Pipeline pipeline,
                            FindPipeline(connection, options.pipeline, known));
  const Json definition = DefinitionOf(pipeline);
  PENSTOCK_RETURN_IF_ERROR(CheckNames(definition, runs));
  if (options.dry_run) {
    for (const Values& values : runs) {
      if (!known.keys.contains(KeyOf(values))) std::cout << Describe(values) << "\n";
    }
    std::cerr << "nothing was submitted (--dry-run)\n";
    return kDone;
  }
  BreakOffText() =
      "\nthe runs that were submitted go on; go on watching, and submit what is "
      "missing, with --id " +
      options.id + " (penstock cancel --tag backfill=" + options.id + " stops them)\n";
  std::signal(SIGINT, OnInterrupt);
  PENSTOCK_ASSIGN_OR_RETURN(const pb::SubmitRunRequest common,
                            CommonRequest(connection, options, pipeline));
  std::cout << options.id << std::endl;
  PENSTOCK_ASSIGN_OR_RETURN(
      const int made, SubmitMissing(connection, options, common, definition, runs, known.keys));
  std::cerr << made << " runs were submitted";
  if (static_cast<std::size_t>(made) < runs.size()) {
    std::cerr << ", " << runs.size() - static_cast<std::size_t>(made) << " were there already";
  }
  std::cerr << "; see them: penstock get backfills " << options.id << "\n";
  return options.wait ? Await(connection, options.id) : Result<int>(kDone);
}

}  // namespace

Result<int> GetBackfills(Connection& connection, const std::string& id, int limit, Format format) {
  pb::ListRunGroupsRequest request;
  request.set_group(id);
  request.mutable_page()->set_page_size(std::min(limit, limits::kMaxPageSize));
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ListRunGroupsResponse list,
      connection.Call(connection.runs(), &pb::RunService::Stub::ListRunGroups, request));
  if (format != Format::kTable) {
    std::cout << Render(list, format);
    return kDone;
  }
  if (list.groups().empty() && !id.empty()) {
    return NotFound("there is no backfill \"" + id +
                    "\"; penstock get backfills lists those that "
                    "there are");
  }
  Table table({"BACKFILL", "PIPELINE", "RUNS", "AT A TIME", "STARTED"});
  const Time now = Clock::Real().Now();
  for (const pb::RunGroup& group : list.groups()) {
    table.Add({group.group(), group.pipeline(), Summary(group),
               group.max_active() == 0 ? "any" : std::to_string(group.max_active()),
               Age(group.created_at(), now)});
  }
  if (table.empty()) {
    std::cerr << "no backfills yet; penstock backfill PIPELINE --over NAME=a,b,c makes one\n";
  } else {
    std::cout << table.Text();
  }
  return kDone;
}

void AddBackfillCommand(CLI::App& app, Cli& cli) {
  CLI::App* command =
      app.add_subcommand("backfill", "one run for each value of a list, a range or a time");
  auto options = std::make_shared<BackfillOptions>();
  const auto several = [&](const char* name, std::vector<std::string>& into, const char* help) {
    return command->add_option(name, into, help)->allow_extra_args(false);
  };
  command->add_option("pipeline", options->pipeline, "NAME or NAME@VERSION")->required();
  several("--over", options->over,
          "NAME=a,b,c, NAME=1..10[:STEP] or NAME=2026-01-01..2026-01-31[:1d|:1h|:1w]; given "
          "several times: every combination")
      ->required();
  several("-p,--parameter", options->parameters, "NAME=VALUE or NAME=@PATH, the same for all runs");
  command->add_option("--id", options->id,
                      "of a backfill that broke off: makes only the runs that are missing");
  command->add_option("--name", options->name, "what to call the runs (the pipeline's name)");
  several("--tag", options->tags, "KEY=VALUE, for all runs");
  command->add_option("--queue", options->queue, "whose share of the workers they take");
  command->add_option("--priority", options->priority, "within the queue, -1000 to 1000");
  command->add_option("--max-active", options->max_active, "so many go on at a time; 0: any number")
      ->check(CLI::Range(0, limits::kMaxActiveRuns).description(""))
      ->capture_default_str();
  command->add_flag("--no-cache", options->no_cache, "use no results of earlier runs");
  command->add_flag("--reverse", options->reverse, "begin with the last value");
  command->add_flag("--dry-run", options->dry_run, "print the values, and submit nothing");
  command->add_flag("--wait", options->wait, "until all have ended; exit 0 only if all succeeded");
  command->callback(
      cli.Command([=](Connection& connection) { return Backfill(connection, *options); }));
}

}  // namespace penstock::cli
