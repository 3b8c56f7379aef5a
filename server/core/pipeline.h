#ifndef PENSTOCK_SERVER_CORE_PIPELINE_H_
#define PENSTOCK_SERVER_CORE_PIPELINE_H_

// A pipeline's definition, checked and normalised.
//
// ParsePipeline judges everything that can be judged without parameters' values: structure, names,
// references, types of inputs, step parameters against the catalogue, cycles. All problems come in
// one answer. CanonicalDefinition gives the stored form (defaults filled in, versions pinned),
// which parses to an equal specification. Pure.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "server/core/retry.h"
#include "steps/catalog/catalog.h"
#include "storage/model/ids.h"

namespace penstock {

struct ParameterSpec {
  enum class Type { kString, kInteger, kNumber, kBoolean, kEnum, kList, kDataset, kSecret };
  std::string name;
  Type type = Type::kString;
  Json default_value;  // null: must be given
  std::optional<double> minimum;
  std::optional<double> maximum;
  std::vector<Json> values;  // kEnum
  std::string description;
};

struct Resources {
  double cpus = 1;
  int64_t memory = 0;  // bytes; 0: no limit
  int32_t gpus = 0;
  int32_t nodes = 1;  // workers that run the step together, each with these resources
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> tolerations;  // taints that the worker may have
};

// What becomes of a submission where the pipeline has as many runs as it may have.
enum class OnLimit { kQueue, kSkip, kCancelOldest };

// What keeps two attempts of a step apart.
enum class Fence {
  kResult,     // the later one's result alone counts
  kExecution,  // the earlier one has ended before the later one begins
};

enum class When { kAllSucceeded, kNoneFailed, kAllDone, kAnySucceeded };

// How many items of a map may fail without failing it.
struct Tolerance {
  int64_t items = 0;
  double share = 0;  // of all items, 0 to 1; counts where `items` is 0
  int64_t Of(std::size_t total) const {
    return items > 0 ? items : static_cast<int64_t>(share * static_cast<double>(total) + 1e-9);
  }
  friend bool operator==(const Tolerance&, const Tolerance&) = default;
};

// Whether results of a step may come from earlier runs.
struct CachePolicy {
  bool enabled = true;
  bool all_pipelines = false;    // or this pipeline's runs alone
  std::optional<Micros> expiry;  // results older than this do not count
  friend bool operator==(const CachePolicy&, const CachePolicy&) = default;
};

struct StepInput {
  std::string name;
  std::vector<Json> sources;  // texts: a reference, an artifact or a model of the registry each
  bool is_list = false;
  bool optional = false;  // its port is not required
  bool may_lack = false;  // {ref, optional: true}: what it refers to need not be there
  // Where it stands in the step's definition: "inputs.data", "files.train.py".
  std::string path() const;
};

struct StepSpec {
  StepName name;
  std::string type;
  std::string algorithm;  // "xgboost"; empty where the type has none
  std::string version;    // of the type or the algorithm
  bool control = false;
  std::vector<StepInput> inputs;
  Json parameters = Json::object();  // with/hyperparameters, defaults filled in
  Resources resources;
  std::vector<std::string> depends_on;
  When when = When::kAllSucceeded;
  RetryPolicy retry;
  std::optional<Micros> timeout;       // of an attempt
  std::optional<Micros> idle_timeout;  // without output, metrics or progress
  std::optional<Micros> deadline;      // from ready to the end, all attempts together
  bool continue_on_failure = false;
  CachePolicy cache;
  Json mutex;      // a text: one step with this name runs at a time, over all runs; null: none
  std::optional<Fence> fence;              // as the definition says; see fenced_execution()
  bool preemptible = false;                // may be stopped for the sake of a higher priority
  std::optional<Micros> checkpoint_grace;  // script: from the signal to SIGTERM
  Json condition;  // `if`
  std::vector<std::string> then_steps;
  std::vector<std::string> else_steps;
  // Derived (secret_refs.h): whether `parameters` names secrets, and the parameters of type secret
  // that it does so by.
  bool uses_secrets = false;
  std::set<std::string> secret_parameters;

  // map
  Json over;                            // a list, a reference to one, or {from, to, step}
  int32_t max_concurrency = 0;          // items at a time; 0: no limit
  Tolerance tolerated;                  // failures
  std::vector<StepSpec> steps;          // of one item
  std::map<std::string, Json> outputs;  // of one item, by name

  // pipeline
  std::string pipeline;
  int32_t pipeline_version = 0;  // 0: the newest when the run starts
  std::map<std::string, Json> arguments;

  // Whether an attempt must have ended before another may begin: said so, or implied by a mutex
  // (also over steps) or by declared side effects.
  bool fenced_execution() const;
  // "process" or "train/xgboost": the step's name in the catalogue.
  std::string key() const { return algorithm.empty() ? type : type + "/" + algorithm; }
  // import: the path on the worker's machine that it must be able to read; else empty.
  std::string data_path() const;
};

struct PipelineSpec {
  std::string name;
  std::string description;
  std::vector<ParameterSpec> parameters;  // by name
  int32_t max_parallel_steps = 0;         // 0: no limit
  std::vector<StepSpec> steps;            // in the order of definition
  std::vector<StepSpec> on_exit;          // run when all others have ended, whatever became of them
  std::map<std::string, Json> outputs;    // what a pipeline gives to those that call it, by name
  std::optional<Micros> deadline;         // of a run, from its start
  bool fail_fast = false;                 // the first failure stops the rest
  std::string queue;                      // of its runs; empty: the default queue
  int32_t priority = 0;                   // of its runs within the queue
  int32_t max_active_runs = 0;            // 0: no limit
  OnLimit on_limit = OnLimit::kQueue;
  std::map<std::string, std::string> tags;

  const ParameterSpec* FindParameter(const std::string& name) const;
  // Among the pipeline's own steps; -1 where there is none.
  StepIndex FindStep(const std::string& name) const;
};

// Calls `visit(const StepSpec&, path)` for every step: those of `steps` and `on_exit`, and those
// inside maps, each behind the map. Paths read "steps[2].steps[0]".
void VisitSteps(const PipelineSpec& spec,
                const std::function<void(const StepSpec&, const std::string&)>& visit);

// The items that `over` stands for, once it holds no reference. kInvalidArgument where it is
// neither a list nor a range, or has more than limits::kMaxMapItems.
Result<Json> ExpandItems(const Json& over);

// kInvalidArgument (INVALID_DEFINITION) with every problem. `warnings`, where given, gets what is
// suspicious and not wrong.
Result<PipelineSpec> ParsePipeline(const Json& document, const Catalog& catalog,
                                   std::vector<Problem>* warnings = nullptr);

// The normalised document.
Json CanonicalDefinition(const PipelineSpec& spec);

std::string_view Name(ParameterSpec::Type type);
std::string_view Name(When when);
std::string_view Name(OnLimit on_limit);
std::string_view Name(Fence fence);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_PIPELINE_H_
