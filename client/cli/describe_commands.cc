// describe pipeline|run|step|model|worker|artifact NAME.

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "client/cli/attempts.h"
#include "client/cli/cli.h"
#include "client/cli/follow.h"
#include "client/cli/names.h"
#include "client/cli/parameters.h"
#include "client/cli/progress.h"
#include "client/cli/step_tree.h"

namespace penstock::cli {
namespace {

struct DescribeOptions {
  std::string kind;
  std::string name;
  std::string step;
  std::shared_ptr<Format> format = std::make_shared<Format>(Format::kTable);
};

void Line(std::string_view label, const std::string& value) {
  if (value.empty()) return;
  std::string padded(label);
  padded.resize(std::max<std::size_t>(padded.size() + 1, 14), ' ');
  std::cout << padded << value << "\n";
}

std::string WhoAndWhen(const pb::Provenance& provenance) {
  if (provenance.principal().empty()) return {};
  return provenance.principal() + ", " + LocalTime(provenance.time());
}

std::string Metrics(const google::protobuf::Map<std::string, double>& metrics) {
  std::string text;
  for (const auto& [name, value] : Sorted(metrics)) {
    text += (text.empty() ? "" : ", ") + name + " " + FormatMetric(value);
  }
  return text;
}

template <typename Message>
bool ShowRaw(const DescribeOptions& options, const Message& message) {
  if (*options.format == Format::kTable) return false;
  std::cout << Render(message, *options.format);
  return true;
}

Result<int> DescribePipeline(Connection& connection, const DescribeOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineRef ref, ParsePipelineRef(options.name));
  pb::GetPipelineRequest request;
  request.set_name(ref.name);
  request.set_version(ref.version);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::Pipeline pipeline,
      connection.Call(connection.pipelines(), &pb::PipelineService::Stub::GetPipeline, request));
  if (ShowRaw(options, pipeline)) return kDone;
  Line("Pipeline", pipeline.name() + "@" + std::to_string(pipeline.version()));
  Line("Description", pipeline.description());
  Line("Created", WhoAndWhen(pipeline.created()));
  Line("Digest", pipeline.digest());
  std::cout << "\n" << pipeline.source();
  if (!pipeline.source().ends_with('\n')) std::cout << "\n";
  return kDone;
}

// What a map gathered ("auc 0.87 (0.86 to 0.88)"), or a called pipeline gave.
std::string ShowGathered(const pb::Step& step) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : Sorted(step.values())) {
    double sum = 0;
    double lowest = INFINITY;
    double highest = -INFINITY;
    int numbers = 0;
    for (const pb::Value& item : value.list().items()) {
      const bool integer = item.kind_case() == pb::Value::kInteger;
      if (!integer && item.kind_case() != pb::Value::kNumber) continue;
      const double number = integer ? static_cast<double>(item.integer()) : item.number();
      sum += number;
      lowest = std::min(lowest, number);
      highest = std::max(highest, number);
      ++numbers;
    }
    if (numbers > 0) {
      texts.push_back(name + " " + FormatMetric(sum / numbers) + " (" + FormatMetric(lowest) +
                      " to " + FormatMetric(highest) + ")");
    } else if (value.kind_case() == pb::Value::kList) {
      texts.push_back(name + " of " + std::to_string(value.list().items_size()) + " items");
    } else {
      texts.push_back(name + " " + TruncateUtf8(ShowValue(value), 80));
    }
  }
  return Join(texts, ", ");
}

void ShowSteps(const pb::Run& run, const StepTree& tree, Time now) {
  Table table({"STEP", "TYPE", "STATE", "TRY", "TOOK", "WORKER", "RESULT"});
  std::size_t hidden = 0;
  for (const pb::Step* each : tree.Shown(&hidden)) {
    const pb::Step& step = *each;
    const std::string type =
        step.algorithm().empty() ? step.type() : step.type() + "/" + step.algorithm();
    const bool warned = step.state() == pb::Step::SUCCEEDED && step.branch().empty();
    std::string result = warned ? "" : step.message();
    if (!step.model_version().empty()) result = step.model_version();
    if (result.empty()) result = Metrics(step.metrics());
    if (!step.branch().empty()) result = step.branch() + ": " + step.message();
    if (result.empty()) result = ShowGathered(step);
    if (result.empty() && step.state() == pb::Step::RUNNING) result = ProgressOf(step, now);
    table.Add({step.name(), type, Coloured(pb::Step::State_Name(step.state())),
               step.attempt() > 0 ? std::to_string(step.attempt()) : "",
               Lasted(step.started_at(), step.ended_at(), now), step.worker(), result});
  }
  std::cout << "\n" << table.Text();
  if (hidden > 0) {
    std::cout << "… and " << hidden << " steps inside maps that neither run nor failed (-o json "
              << "shows all)\n";
  }
  for (const std::string& warning : WarningsOf(run)) std::cout << warning << "\n";
}

// Of steps that were tried more than once: how each try ended.
Status ShowAttempts(Connection& connection, const pb::Run& run, Time now) {
  Table table({"STEP", "TRY", "STATE", "TOOK", "WORKER", "WHY IT ENDED"});
  for (const pb::Step& step : run.steps()) {
    if (step.attempt() < 2) continue;
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<pb::Attempt> attempts,
                              ListAttempts(connection, run.run_id(), step.name()));
    for (const pb::Attempt& attempt : attempts) {
      const std::string rank =
          attempt.address().empty() ? "" : ", rank " + std::to_string(attempt.rank());
      table.Add({step.name(), std::to_string(attempt.number()) + rank,
                 Coloured(pb::Attempt::State_Name(attempt.state())),
                 Lasted(attempt.started_at(), attempt.ended_at(), now), attempt.worker(),
                 WhyEnded(attempt)});
    }
  }
  if (!table.empty()) std::cout << "\n" << table.Text();
  return Status::Ok();
}

void ShowOutputs(const pb::Run& run, const StepTree& tree) {
  Table table({"OUTPUT", "TYPE", "SIZE", "DIGEST"});
  for (const pb::Step& step : run.steps()) {
    if (tree.InLargeMap(step)) continue;
    for (const auto& [name, ref] : Sorted(step.outputs())) {
      table.Add({step.name() + "/" + name, ref.type(), FormatSize(ref.size()), ref.digest()});
    }
  }
  if (!table.empty()) std::cout << "\n" << table.Text();
}

// "model:census@champion = census/3".
std::string Pin(const std::string& name, const std::string& meaning) {
  if (meaning.empty()) return name + " = none";
  const auto mark = meaning.find('#');
  return name + " = " + (mark == std::string::npos ? meaning : meaning.substr(mark + 1));
}

// "fit: inputs.train = artifact:sha256:…".
void ShowOverrides(const pb::Run& run) {
  for (const auto& [way, change] : Sorted(run.overrides())) {
    for (const auto& [name, text] : Sorted(change.inputs())) {
      Line("Overridden", way + ": inputs." + name + " = " + text);
    }
    for (const auto& [name, value] : Sorted(change.with().map().fields())) {
      Line("Overridden", way + ": with." + name + " = " + ShowValue(value));
    }
  }
}

std::string Origin(const pb::Run& run) {
  if (run.origin_run_id().empty()) return {};
  if (run.verify()) return run.origin_run_id() + ", which it verifies";
  const std::vector<std::string> again(run.rerun_steps().begin(), run.rerun_steps().end());
  return run.origin_run_id() + (again.empty() ? "" : ", with " + Join(again, ", ") + " again");
}

Result<int> DescribeRun(Connection& connection, const DescribeOptions& options) {
  if (!options.step.empty()) {
    return DescribeRunStep(connection, options.name, options.step, *options.format);
  }
  pb::GetRunRequest request;
  request.set_run_id(options.name);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::Run run,
      connection.Call(connection.runs(), &pb::RunService::Stub::GetRun, request));
  if (ShowRaw(options, run)) return kDone;
  const Time now = Clock::Real().Now();
  Line("Run", run.run_id() + (run.name().empty() ? "" : "  (" + run.name() + ")"));
  Line("Pipeline", run.pipeline() + "@" + std::to_string(run.pipeline_version()));
  Line("State", Coloured(pb::Run::State_Name(run.state())));
  Line("Message", run.message());
  Line("Queue", run.queue() + (run.priority() == 0 ? "" : ", priority " + std::to_string(run.priority())));
  Line("Created", WhoAndWhen(run.created()));
  Line("Took", Lasted(run.started_at(), run.ended_at(), now));
  Line("Goes on from", Origin(run));
  ShowOverrides(run);
  for (const auto& [name, value] : Sorted(run.parameters())) {
    Line("Parameter", name + " = " + ShowValue(value));
  }
  for (const auto& [key, value] : Sorted(run.tags())) Line("Tag", key + "=" + value);
  for (const auto& [name, meaning] : Sorted(run.pins())) Line("Pinned", Pin(name, meaning));
  StepTree tree;
  for (const pb::Step& step : run.steps()) tree.Put(step);
  ShowSteps(run, tree, now);
  PENSTOCK_RETURN_IF_ERROR(ShowAttempts(connection, run, now));
  ShowOutputs(run, tree);
  return kDone;
}

Result<int> DescribeStep(Connection& connection, const DescribeOptions& options) {
  pb::GetStepTypeRequest request;
  request.set_key(options.name);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::StepType type,
      connection.Call(connection.catalog(), &pb::CatalogService::Stub::GetStepType, request));
  if (ShowRaw(options, type)) return kDone;
  std::cout << type.key() << "@" << type.version() << "  " << type.summary() << "\n";
  if (!type.help().empty()) std::cout << "\n" << type.help() << "\n";
  const auto ports = [](const char* title, const auto& list) {
    if (list.empty()) return;
    std::cout << "\n" << title << "\n";
    Table table({"NAME", "TYPE", "", "WHAT"});
    for (const pb::StepType::Port& port : list) {
      std::string note = port.required() ? "required" : "optional";
      if (port.many()) note += ", several";
      table.Add({port.name(), port.type(), note, port.help()});
    }
    std::cout << table.Text();
  };
  ports("Inputs", type.inputs());
  ports("Outputs", type.outputs());
  if (!type.metrics().empty()) {
    std::cout << "\nMetrics\n";
    for (const pb::StepType::Metric& metric : type.metrics()) {
      std::cout << "  " << metric.name() << ": " << metric.help() << "\n";
    }
  }
  if (type.parameters().empty()) return kDone;
  std::cout << "\nParameters\n";
  for (const pb::StepType::Parameter& parameter : type.parameters()) {
    std::cout << "  " << parameter.name() << "  " << parameter.kind();
    if (parameter.required()) std::cout << ", required";
    if (!parameter.default_json().empty()) std::cout << ", default " << parameter.default_json();
    if (!parameter.bounds().empty()) std::cout << ", " << parameter.bounds();
    if (!parameter.choices().empty()) {
      std::cout << ", one of "
                << Join({parameter.choices().begin(), parameter.choices().end()}, " | ");
    }
    std::cout << "\n";
    if (!parameter.help().empty()) std::cout << "      " << parameter.help() << "\n";
  }
  return kDone;
}

Result<int> DescribeModel(Connection& connection, const DescribeOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const ModelName name, ParseModelName(options.name));
  pb::GetModelVersionRequest request;
  request.set_group(name.group);
  request.set_version(name.version);
  request.set_alias(name.alias);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ModelVersion model,
      connection.Call(connection.models(), &pb::ModelService::Stub::GetModelVersion, request));
  if (ShowRaw(options, model)) return kDone;
  const std::string id = model.group() + "/" + std::to_string(model.version());
  Line("Model", id);
  Line("Status", Coloured(pb::ModelVersion::Status_Name(model.status())));
  Line("Aliases", Join({model.aliases().begin(), model.aliases().end()}, ", "));
  Line("Description", model.description());
  Line("Created", WhoAndWhen(model.created()));
  if (!model.run_id().empty()) {
    Line("Made by", model.run_id() + "/" + model.step() + " of " + model.pipeline() + "@" +
                        std::to_string(model.pipeline_version()));
  }
  Line("Decided", WhoAndWhen(model.decided()));
  Line("Comment", model.comment());
  Line("Model files", model.model().digest() + "  (" + FormatSize(model.model().size()) + ")");
  if (model.has_report()) Line("Report", model.report().digest());
  if (!model.metrics().empty()) {
    std::cout << "\n";
    Table table({"METRIC", "VALUE"});
    for (const auto& [metric, value] : Sorted(model.metrics()))
      table.Add({metric, FormatMetric(value)});
    std::cout << table.Text();
  }
  std::cout << "\nIts files: penstock artifacts get model:" << id << " -o FOLDER\n";
  if (model.status() == pb::ModelVersion::PendingManualApproval) {
    std::cout << "It waits for approval: penstock approve " << id << "\n";
  }
  return kDone;
}

Result<int> DescribeWorker(Connection& connection, const DescribeOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ListWorkersResponse list,
      connection.Call(connection.workers(), &pb::WorkerService::Stub::ListWorkers,
                      pb::ListWorkersRequest()));
  std::vector<std::string> names;
  for (const pb::Worker& worker : list.workers()) {
    const pb::WorkerInfo& info = worker.info();
    names.push_back(info.worker_id());
    if (info.worker_id() != options.name) continue;
    if (ShowRaw(options, worker)) return kDone;
    Line("Worker", info.worker_id());
    Line("State", StateOf(worker) +
                      (worker.cordoned() ? ", as " + worker.ordered_by() + " said" : ""));
    if (worker.has_drain_deadline()) Line("Drained by", LocalTime(worker.drain_deadline()));
    Line("Host", info.host() + ", pid " + std::to_string(info.pid()));
    Line("Version", info.version() + (worker.skew() ? ", not the server's" : ""));
    Line("Connected", LocalTime(worker.connected_at()));
    Line("Last seen", LocalTime(worker.last_seen()));
    Line("CPUs", FormatDouble(worker.cpus_used()) + " of " + FormatDouble(info.cpus()) + " used");
    Line("Memory", FormatSize(worker.memory_used()) + " of " + FormatSize(info.memory()) +
                       " promised, limited by " + info.memory_limiter());
    Line("GPUs", std::to_string(worker.gpus_used()) + " of " + std::to_string(info.gpus()));
    for (int i = 0; i < info.gpu_names_size(); ++i) {
      if (!info.gpu_names(i).empty()) Line("GPU " + std::to_string(i), info.gpu_names(i));
    }
    if (info.port_count() > 0) {
      Line("Ranks", "listen on " + info.address() + ", ports " + std::to_string(info.first_port()) +
                        "-" + std::to_string(info.first_port() + info.port_count() - 1));
    }
    Line("Running", std::to_string(worker.running()) + ", " + std::to_string(worker.backlog()) +
                        " waiting on it");
    for (const auto& [key, value] : Sorted(info.labels())) Line("Label", key + "=" + value);
    for (const auto& [key, value] : Sorted(info.taints())) Line("Taint", key + "=" + value);
    for (const std::string& root : info.data_roots()) Line("Data root", root);
    for (const std::string& rule : info.data_sources()) Line("Data source", rule);
    Line("Steps", Join({info.steps().begin(), info.steps().end()}, ", "));
    return kDone;
  }
  return NotFound("there is no worker \"" + options.name + "\"" + Suggestion(options.name, names));
}

Result<int> DescribeArtifact(Connection& connection, const DescribeOptions& options) {
  pb::GetArtifactRequest request;
  request.set_digest(options.name);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::Artifact artifact,
      connection.Call(connection.artifacts(), &pb::ArtifactService::Stub::GetArtifact, request));
  if (ShowRaw(options, artifact)) return kDone;
  Line("Artifact", artifact.ref().digest());
  Line("Type", artifact.ref().type());
  Line("Size", FormatSize(artifact.ref().size()));
  Line("Created", WhoAndWhen(artifact.created()));
  if (!artifact.run_id().empty()) {
    Line("Made by", artifact.run_id() + "/" + artifact.step() + "/" + artifact.output());
  }
  if (artifact.files_size() > 0) {
    std::cout << "\n";
    Table table({"FILE", "SIZE", "DIGEST"});
    for (const pb::ArtifactFile& file : artifact.files()) {
      table.Add({file.path(), FormatSize(file.size()), file.digest()});
    }
    std::cout << table.Text();
  }
  return kDone;
}

}  // namespace

void AddDescribeCommands(CLI::App& app, Cli& cli) {
  CLI::App* command = app.add_subcommand(
      "describe", "show one pipeline, run, step type, model, worker or artifact in full");
  auto options = std::make_shared<DescribeOptions>();
  command->add_option("kind", options->kind, "what it is")
      ->required()
      ->type_name("pipeline|run|step|model|worker|artifact");
  command
      ->add_option("name", options->name,
                   "NAME[@VERSION], run id, train/xgboost, GROUP/VERSION, worker, digest")
      ->required();
  command->add_option("step", options->step,
                      "run: one of its steps, with each try at it and what that ran in");
  AddFormat(command, options->format);
  command->callback(cli.Command([options](Connection& connection) -> Result<int> {
    using Handler = Result<int> (*)(Connection&, const DescribeOptions&);
    static const std::map<std::string, Handler> kKinds = {
        {"pipeline", DescribePipeline}, {"run", DescribeRun},       {"step", DescribeStep},
        {"model", DescribeModel},       {"worker", DescribeWorker}, {"artifact", DescribeArtifact}};
    std::string kind = options->kind;
    if (kind.ends_with('s') && !kKinds.contains(kind)) kind.pop_back();
    const auto found = kKinds.find(kind);
    if (found != kKinds.end() && kind != "run" && !options->step.empty()) {
      return WrongUse("\"" + options->step + "\" is one word too many for describe " + kind);
    }
    if (found == kKinds.end()) {
      return WrongUse(
          "\"" + options->kind + "\" cannot be described" +
          Suggestion(options->kind, {"pipeline", "run", "step", "model", "worker", "artifact"}));
    }
    return found->second(connection, *options);
  }));
}

}  // namespace penstock::cli
