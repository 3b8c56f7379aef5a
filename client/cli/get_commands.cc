// get pipelines|runs|backfills|steps|models|workers|artifacts|secrets [NAME], get metrics RUN STEP.

#include <chrono>
#include <iostream>
#include <memory>
#include <set>
#include <thread>

#include "base/text.h"
#include "client/cli/cli.h"
#include "client/cli/curves.h"
#include "client/cli/names.h"

namespace penstock::cli {
namespace {

struct GetOptions {
  std::string kind;
  std::string name;
  std::string step;
  std::shared_ptr<Format> format = std::make_shared<Format>(Format::kTable);
  int limit = 50;
  std::string pipeline;
  std::vector<std::string> states;
  std::vector<std::string> tags;
  std::string type;
  bool follow = false;
};

constexpr std::chrono::milliseconds kFollowInterval{500};

// Prints `message` as asked, or `table` with what to do when it is empty.
int Show(const GetOptions& options, const google::protobuf::Message& message, const Table& table,
         const std::string& when_empty) {
  if (*options.format != Format::kTable) {
    std::cout << Render(message, *options.format);
  } else if (table.empty()) {
    std::cerr << when_empty << "\n";
  } else {
    std::cout << table.Text();
  }
  return kDone;
}

// Follows pages until `limit` rows are there. `get` answers one page; `rows` is its repeated field.
template <typename Request, typename Response, typename Get, typename Rows>
Result<Response> Pages(Request request, int limit, Get get, Rows rows) {
  Response all;
  while (true) {
    request.mutable_page()->set_page_size(std::min(limit - rows(all)->size(), 1000));
    PENSTOCK_ASSIGN_OR_RETURN(Response page, get(request));
    rows(all)->MergeFrom(*rows(page));
    all.set_next_page_token(page.next_page_token());
    if (page.next_page_token().empty() || rows(all)->size() >= limit) return all;
    request.mutable_page()->set_page_token(page.next_page_token());
  }
}

Result<int> GetPipelines(Connection& connection, const GetOptions& options) {
  using Stub = pb::PipelineService::Stub;
  Table table({"NAME", "VERSION", "STEPS", "CREATED", "BY", "DESCRIPTION"});
  const Time now = Clock::Real().Now();
  const auto fill = [&](const pb::ListPipelinesResponse& list) {
    for (const pb::Pipeline& pipeline : list.pipelines()) {
      table.Add({pipeline.name(), std::to_string(pipeline.version()),
                 std::to_string(pipeline.step_count()), Age(pipeline.created().time(), now),
                 pipeline.created().principal(), pipeline.description()});
    }
  };
  const auto rows = [](auto& list) { return list.mutable_pipelines(); };
  pb::ListPipelinesResponse list;
  if (options.name.empty()) {
    const auto get = [&](const pb::ListPipelinesRequest& request) {
      return connection.Call(connection.pipelines(), &Stub::ListPipelines, request);
    };
    PENSTOCK_ASSIGN_OR_RETURN(list, (Pages<pb::ListPipelinesRequest, pb::ListPipelinesResponse>(
                                        {}, options.limit, get, rows)));
  } else {
    pb::ListPipelineVersionsRequest request;
    request.set_name(options.name);
    const auto get = [&](const pb::ListPipelineVersionsRequest& page) {
      return connection.Call(connection.pipelines(), &Stub::ListPipelineVersions, page);
    };
    PENSTOCK_ASSIGN_OR_RETURN(list,
                              (Pages<pb::ListPipelineVersionsRequest, pb::ListPipelinesResponse>(
                                  request, options.limit, get, rows)));
  }
  fill(list);
  return Show(options, list, table, "no pipelines yet; `penstock apply -f FILE` registers one");
}

std::string Counts(const pb::StepCounts& counts) {
  std::string text =
      std::to_string(counts.succeeded()) + "/" + std::to_string(counts.total()) + " done";
  if (counts.active() > 0) text += ", " + std::to_string(counts.active()) + " active";
  if (counts.failed() > 0) text += ", " + std::to_string(counts.failed()) + " failed";
  if (counts.skipped() > 0) text += ", " + std::to_string(counts.skipped()) + " skipped";
  return text;
}

Result<int> GetRuns(Connection& connection, const GetOptions& options) {
  using Stub = pb::RunService::Stub;
  Table table({"RUN", "NAME", "PIPELINE", "STATE", "STEPS", "STARTED", "TOOK", "BY"});
  const Time now = Clock::Real().Now();
  const auto add = [&](const pb::Run& run) {
    table.Add({run.run_id(), run.name(),
               run.pipeline() + "@" + std::to_string(run.pipeline_version()),
               Coloured(pb::Run::State_Name(run.state())), Counts(run.counts()),
               Age(run.created().time(), now), Lasted(run.started_at(), run.ended_at(), now),
               run.created().principal()});
  };
  if (!options.name.empty()) {
    pb::GetRunRequest request;
    request.set_run_id(options.name);
    PENSTOCK_ASSIGN_OR_RETURN(const pb::Run run,
                              connection.Call(connection.runs(), &Stub::GetRun, request));
    add(run);
    return Show(options, run, table, "");
  }
  pb::ListRunsRequest request;
  request.set_pipeline(options.pipeline);
  for (const std::string& name : options.states) {
    pb::Run::State state;
    if (pb::Run::State_Parse(name, &state)) request.add_states(state);
  }
  for (const std::string& tag : options.tags) {
    PENSTOCK_ASSIGN_OR_RETURN(auto assignment, ParseAssignment(tag, "--tag KEY=VALUE"));
    (*request.mutable_tags())[assignment.first] = assignment.second;
  }
  const auto get = [&](const pb::ListRunsRequest& page) {
    return connection.Call(connection.runs(), &Stub::ListRuns, page);
  };
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ListRunsResponse list,
      (Pages<pb::ListRunsRequest, pb::ListRunsResponse>(
          request, options.limit, get, [](auto& page) { return page.mutable_runs(); })));
  for (const pb::Run& run : list.runs()) add(run);
  return Show(options, list, table, "no runs match; `penstock run PIPELINE` starts one");
}

// Leaves the one of this name; all, where `name` is empty. kNotFound names the nearest.
template <typename List, typename NameOf>
Status KeepNamed(const std::string& name, const std::string& kind, List* list, NameOf name_of) {
  if (name.empty()) return Status::Ok();
  List kept;
  std::vector<std::string> names;
  for (auto& each : *list) {
    names.push_back(name_of(each));
    if (names.back() == name) *kept.Add() = std::move(each);
  }
  if (kept.empty()) {
    return NotFound("there is no " + kind + " \"" + name + "\"" + Suggestion(name, names));
  }
  list->Swap(&kept);
  return Status::Ok();
}

Result<int> GetSteps(Connection& connection, const GetOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(
      pb::ListStepTypesResponse list,
      connection.Call(connection.catalog(), &pb::CatalogService::Stub::ListStepTypes,
                      pb::ListStepTypesRequest()));
  PENSTOCK_RETURN_IF_ERROR(
      KeepNamed(options.name, "step type", list.mutable_step_types(),
                [](const pb::StepType& type) -> const std::string& { return type.key(); }));
  Table table({"STEP", "VERSION", "WHAT IT DOES"});
  for (const pb::StepType& type : list.step_types()) {
    table.Add({type.key(), type.version(), type.summary()});
  }
  return Show(options, list, table, "");
}

Status NoModelGroup(Connection& connection, const std::string& name) {
  pb::ListModelGroupsRequest request;
  request.mutable_page()->set_page_size(1000);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ListModelGroupsResponse list,
      connection.Call(connection.models(), &pb::ModelService::Stub::ListModelGroups, request));
  std::vector<std::string> names;
  for (const pb::ModelGroup& group : list.groups()) names.push_back(group.name());
  return NotFound("there is no model group \"" + name + "\"" + Suggestion(name, names));
}

// "champion 3, shadow 4".
std::string Aliases(const pb::ModelGroup& group) {
  std::vector<std::string> aliases;
  for (const auto& [alias, version] : Sorted(group.aliases())) {
    aliases.push_back(alias + " " + std::to_string(version));
  }
  return Join(aliases, ", ");
}

Result<int> GetModels(Connection& connection, const GetOptions& options) {
  using Stub = pb::ModelService::Stub;
  const Time now = Clock::Real().Now();
  if (options.name.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const pb::ListModelGroupsResponse list,
                              (Pages<pb::ListModelGroupsRequest, pb::ListModelGroupsResponse>(
                                  {}, options.limit,
                                  [&](const pb::ListModelGroupsRequest& request) {
                                    return connection.Call(connection.models(),
                                                           &Stub::ListModelGroups, request);
                                  },
                                  [](auto& page) { return page.mutable_groups(); })));
    Table table({"GROUP", "VERSIONS", "LATEST", "APPROVED", "ALIASES", "CREATED"});
    for (const pb::ModelGroup& group : list.groups()) {
      const int32_t approved = group.latest_approved_version();
      table.Add({group.name(), std::to_string(group.version_count()),
                 std::to_string(group.latest_version()),
                 approved > 0 ? std::to_string(approved) : "none", Aliases(group),
                 Age(group.created().time(), now)});
    }
    return Show(options, list, table, "no models yet; a `register` step makes one");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const ModelName name, ParseModelName(options.name));
  pb::ListModelVersionsResponse list;
  if (name.version > 0 || !name.alias.empty()) {
    pb::GetModelVersionRequest request;
    request.set_group(name.group);
    request.set_version(name.version);
    request.set_alias(name.alias);
    PENSTOCK_ASSIGN_OR_RETURN(
        *list.add_versions(),
        connection.Call(connection.models(), &Stub::GetModelVersion, request));
  } else {
    pb::ListModelVersionsRequest request;
    request.set_group(name.group);
    PENSTOCK_ASSIGN_OR_RETURN(
        list, (Pages<pb::ListModelVersionsRequest, pb::ListModelVersionsResponse>(
                  request, options.limit,
                  [&](const pb::ListModelVersionsRequest& page) {
                    return connection.Call(connection.models(), &Stub::ListModelVersions, page);
                  },
                  [](auto& page) { return page.mutable_versions(); })));
    // A group comes with its first version.
    if (list.versions().empty()) return NoModelGroup(connection, name.group);
  }
  Table table({"MODEL", "STATUS", "ALIASES", "METRICS", "RUN", "CREATED", "BY"});
  for (const pb::ModelVersion& version : list.versions()) {
    std::string metrics;
    for (const char* key : {"auc", "accuracy", "f1", "rmse", "r2"}) {
      const auto found = version.metrics().find(key);
      if (found == version.metrics().end()) continue;
      metrics +=
          (metrics.empty() ? "" : ", ") + std::string(key) + " " + FormatMetric(found->second);
    }
    table.Add({version.group() + "/" + std::to_string(version.version()),
               Coloured(pb::ModelVersion::Status_Name(version.status())),
               Join({version.aliases().begin(), version.aliases().end()}, ", "), metrics,
               version.run_id(), Age(version.created().time(), now),
               version.created().principal()});
  }
  return Show(options, list, table, "");
}

// "2 (NVIDIA H100 80GB HBM3, 79.6 GiB)"; the kinds that there are.
std::string GpusOf(const pb::WorkerInfo& info) {
  const std::set<std::string> names(info.gpu_names().begin(), info.gpu_names().end());
  std::vector<std::string> known;
  for (const std::string& name : names) {
    if (!name.empty()) known.push_back(name);
  }
  return std::to_string(info.gpus()) + (known.empty() ? "" : " (" + Join(known, "; ") + ")");
}

Result<int> GetWorkers(Connection& connection, const GetOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(
      pb::ListWorkersResponse list,
      connection.Call(connection.workers(), &pb::WorkerService::Stub::ListWorkers,
                      pb::ListWorkersRequest()));
  PENSTOCK_RETURN_IF_ERROR(KeepNamed(
      options.name, "worker", list.mutable_workers(),
      [](const pb::Worker& worker) -> const std::string& { return worker.info().worker_id(); }));
  Table table(
      {"WORKER", "STATE", "VERSION", "CPUS", "MEMORY", "GPUS", "RUNNING", "LABELS", "LAST SEEN"});
  const Time now = Clock::Real().Now();
  for (const pb::Worker& worker : list.workers()) {
    const pb::WorkerInfo& info = worker.info();
    std::string labels;
    for (const auto& [key, value] : Sorted(info.labels())) {
      labels += (labels.empty() ? "" : ",") + key + "=" + value;
    }
    table.Add({info.worker_id(), StateOf(worker), info.version() + (worker.skew() ? " (skew)" : ""),
               FormatDouble(worker.cpus_used()) + "/" + FormatDouble(info.cpus()),
               FormatSize(info.memory()), GpusOf(info), std::to_string(worker.running()), labels,
               Age(worker.last_seen(), now)});
  }
  return Show(options, list, table, "no workers; `penstock-worker` starts one");
}

Result<int> GetArtifacts(Connection& connection, const GetOptions& options) {
  pb::ListArtifactsRequest request;
  request.set_type(options.type);
  request.set_run_id(options.name);
  PENSTOCK_ASSIGN_OR_RETURN(const pb::ListArtifactsResponse list,
                            (Pages<pb::ListArtifactsRequest, pb::ListArtifactsResponse>(
                                request, options.limit,
                                [&](const pb::ListArtifactsRequest& page) {
                                  return connection.Call(connection.artifacts(),
                                                         &pb::ArtifactService::Stub::ListArtifacts,
                                                         page);
                                },
                                [](auto& page) { return page.mutable_artifacts(); })));
  Table table({"DIGEST", "TYPE", "SIZE", "MADE BY", "CREATED"});
  const Time now = Clock::Real().Now();
  for (const pb::Artifact& artifact : list.artifacts()) {
    const std::string made = artifact.run_id().empty() ? artifact.created().principal()
                                                       : artifact.run_id() + "/" + artifact.step() +
                                                             "/" + artifact.output();
    // Whole digests: they are what the next command wants.
    table.Add({artifact.ref().digest(), artifact.ref().type(), FormatSize(artifact.ref().size()),
               made, Age(artifact.created().time(), now)});
  }
  return Show(options, list, table, "no artifacts match; `penstock artifacts put PATH` makes one");
}

// Each point as it comes, until the step has ended.
Result<int> FollowMetrics(Connection& connection, const GetOptions& options,
                          pb::ReadMetricsRequest request) {
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::ReadMetricsResponse answer,
        connection.Call(connection.runs(), &pb::RunService::Stub::ReadMetrics, request));
    if (*options.format == Format::kJson) {
      if (answer.series_size() > 0) std::cout << RenderLine(answer) << std::flush;
    } else {
      std::cout << PointLines(answer) << std::flush;
    }
    if (answer.ended()) return kDone;
    request.set_cursor(answer.cursor());
    std::this_thread::sleep_for(kFollowInterval);
  }
}

Result<int> GetSecrets(Connection& connection, const GetOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(
      pb::ListSecretsResponse list,
      connection.Call(connection.secrets(), &pb::SecretService::Stub::ListSecrets,
                      pb::ListSecretsRequest()));
  PENSTOCK_RETURN_IF_ERROR(
      KeepNamed(options.name, "secret", list.mutable_secrets(),
                [](const pb::Secret& secret) -> const std::string& { return secret.name(); }));
  Table table({"SECRET", "VERSION", "CHANGED", "BY", "PROBLEM"});
  const Time now = Clock::Real().Now();
  for (const pb::Secret& secret : list.secrets()) {
    table.Add({secret.name(), std::to_string(secret.version()), Age(secret.changed().time(), now),
               secret.changed().principal(), secret.problem()});
  }
  return Show(options, list, table, "no secrets yet; `penstock secret set NAME` makes one");
}

Result<int> GetMetrics(Connection& connection, const GetOptions& options) {
  if (options.name.empty() || options.step.empty()) {
    return WrongUse("name the run and its step: penstock get metrics RUN STEP");
  }
  pb::ReadMetricsRequest request;
  request.set_run_id(options.name);
  request.set_step(options.step);
  if (options.follow) {
    if (*options.format == Format::kYaml) return WrongUse("--follow prints lines or -o json");
    return FollowMetrics(connection, options, std::move(request));
  }
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ReadMetricsResponse answer,
      connection.Call(connection.runs(), &pb::RunService::Stub::ReadMetrics, request));
  return Show(options, answer, CurveTable(answer),
              "step " + options.step +
                  " logged no series; its last values: penstock describe run " + options.name);
}

Result<int> ListBackfills(Connection& connection, const GetOptions& options) {
  return GetBackfills(connection, options.name, options.limit, *options.format);
}

}  // namespace

CLI::Validator OneOf(const std::vector<std::string>& words) {
  return CLI::Validator(
      [words](std::string& text) -> std::string {
        for (const std::string& word : words) {
          if (CLI::detail::to_lower(text) != CLI::detail::to_lower(word)) continue;
          text = word;
          return {};
        }
        return "\"" + text + "\" is none of " + Join(words, ", ");
      },
      "");
}

void AddFormat(CLI::App* command, std::shared_ptr<Format> format) {
  static const std::map<std::string, Format> kFormats = {
      {"table", Format::kTable}, {"json", Format::kJson}, {"yaml", Format::kYaml}};
  command
      ->add_option_function<std::string>(
          "-o,--output", [format](const std::string& name) { *format = kFormats.at(name); },
          "for people, or for programs: the API's message, stable")
      ->transform(OneOf({"table", "json", "yaml"}))
      ->type_name("table|json|yaml");
}

void AddGetCommands(CLI::App& app, Cli& cli) {
  CLI::App* command = app.add_subcommand(
      "get",
      "list pipelines, runs, backfills, step types, models, workers, artifacts, secrets or a step's "
      "metrics");
  auto options = std::make_shared<GetOptions>();
  command->add_option("kind", options->kind, "what to list")
      ->required()
      ->type_name("pipelines|runs|backfills|steps|models|workers|artifacts|secrets|metrics");
  command->add_option("name", options->name,
                      "one of them (pipelines: its versions; models: a group's; artifacts and "
                      "metrics: a run)");
  command->add_option("step", options->step, "metrics: the step that logged them");
  AddFormat(command, options->format);
  command->add_option("--limit", options->limit, "rows at the most")
      ->check(CLI::Range(1, 100'000).description(""))
      ->capture_default_str();
  command->add_option("--pipeline", options->pipeline, "runs of this pipeline");
  command->add_option("--state", options->states, "runs in this state; may be given several times")
      ->allow_extra_args(false)
      ->transform(OneOf({"PENDING", "RUNNING", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED"}))
      ->type_name("PENDING|RUNNING|CANCELLING|SUCCEEDED|FAILED|CANCELLED");
  command->add_option("--tag", options->tags, "runs with this tag, KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--type", options->type, "artifacts of this type")
      ->transform(OneOf({"dataset", "model", "transform", "report", "file"}))
      ->type_name("dataset|model|transform|report|file");
  command->add_flag("-f,--follow", options->follow,
                    "metrics: each point on a line as it comes, until the step has ended");
  command->callback(cli.Command([options](Connection& connection) -> Result<int> {
    using Handler = Result<int> (*)(Connection&, const GetOptions&);
    static const std::map<std::string, Handler> kKinds = {
        {"pipelines", GetPipelines}, {"pipeline", GetPipelines},
        {"runs", GetRuns},           {"run", GetRuns},
        {"steps", GetSteps},         {"step", GetSteps},
        {"models", GetModels},       {"model", GetModels},
        {"workers", GetWorkers},     {"worker", GetWorkers},
        {"artifacts", GetArtifacts}, {"artifact", GetArtifacts},
        {"secrets", GetSecrets},     {"secret", GetSecrets},
        {"metrics", GetMetrics},     {"metric", GetMetrics},
        {"backfills", ListBackfills}, {"backfill", ListBackfills}};
    const auto found = kKinds.find(options->kind);
    if (found == kKinds.end()) {
      return WrongUse("\"" + options->kind + "\" cannot be listed" +
                      Suggestion(options->kind, {"pipelines", "runs", "steps", "models", "workers",
                                                 "artifacts", "secrets", "metrics", "backfills"}));
    }
    if (!options->step.empty() && found->second != GetMetrics) {
      return WrongUse("\"" + options->step + "\" is one word too many for get " + options->kind);
    }
    if (options->follow && found->second != GetMetrics) {
      return WrongUse("--follow is for get metrics; runs are followed by: penstock logs RUN -f");
    }
    return found->second(connection, *options);
  }));
}

}  // namespace penstock::cli
