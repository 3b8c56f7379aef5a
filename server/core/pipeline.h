#ifndef PENSTOCK_SERVER_CORE_PIPELINE_H_
#define PENSTOCK_SERVER_CORE_PIPELINE_H_

// A pipeline's definition, checked and normalised.
//
// ParsePipeline judges everything that can be judged without parameters' values: structure, names,
// references, types of inputs, step parameters against the catalogue, cycles. All problems come in
// one answer. CanonicalDefinition gives the stored form (defaults filled in, versions pinned),
// which parses to an equal specification. Pure.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "server/core/retry.h"
#include "steps/catalog/catalog.h"
#include "storage/model/ids.h"

namespace penstock {

struct ParameterSpec {
  enum class Type { kString, kInteger, kNumber, kBoolean, kEnum, kList, kDataset };
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
  std::map<std::string, std::string> labels;
};

enum class When { kAllSucceeded, kNoneFailed, kAllDone, kAnySucceeded };

struct StepInput {
  std::string name;
  std::vector<Json> sources;  // texts: a reference or an artifact each
  bool is_list = false;
  bool optional = false;  // its port is not required
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
  std::optional<Micros> timeout;
  bool continue_on_failure = false;
  Json condition;  // `if`
  std::vector<std::string> then_steps;
  std::vector<std::string> else_steps;

  // "process" or "train/xgboost": the step's name in the catalogue.
  std::string key() const { return algorithm.empty() ? type : type + "/" + algorithm; }
  // import: the path that a worker must be able to read; else empty.
  std::string data_path() const;
};

struct PipelineSpec {
  std::string name;
  std::string description;
  std::vector<ParameterSpec> parameters;  // by name
  int32_t max_parallel_steps = 0;         // 0: no limit
  std::vector<StepSpec> steps;            // in the order of definition
  std::map<std::string, std::string> tags;

  const ParameterSpec* FindParameter(const std::string& name) const;
  // -1 where there is none.
  StepIndex FindStep(const std::string& name) const;
};

// kInvalidArgument (INVALID_DEFINITION) with every problem. `warnings`, where given, gets what is
// suspicious and not wrong.
Result<PipelineSpec> ParsePipeline(const Json& document, const Catalog& catalog,
                                   std::vector<Problem>* warnings = nullptr);

// The normalised document.
Json CanonicalDefinition(const PipelineSpec& spec);

std::string_view Name(ParameterSpec::Type type);
std::string_view Name(When when);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_PIPELINE_H_
