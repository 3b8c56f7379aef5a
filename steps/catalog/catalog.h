#ifndef PENSTOCK_STEPS_CATALOG_CATALOG_H_
#define PENSTOCK_STEPS_CATALOG_CATALOG_H_

// What step types and algorithms exist, and what each takes and gives: the one source for
// validation at submission, for `penstock get steps` / `describe step`, and for the defaults that a
// stored definition is filled with. Schemas only: nothing here runs a step. Immutable after main
// has started, thread-safe.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "storage/model/states.h"

namespace penstock {

// The shape of one parameter. Objects nest `fields`; lists have one `element`.
struct ParameterSchema {
  enum class Kind { kString, kInteger, kNumber, kBoolean, kEnum, kList, kObject, kMap, kAny };

  std::string name;
  Kind kind = Kind::kAny;
  std::string help;  // one or two sentences, with units and ranges
  bool required = false;
  bool nullable = false;          // null is a value of its own
  Json default_value;             // null: none
  std::optional<double> minimum;  // numbers: bounds; strings and lists: length
  std::optional<double> maximum;
  bool exclusive_minimum = false;
  bool exclusive_maximum = false;
  std::vector<std::string> choices;                // kEnum
  std::vector<ParameterSchema> fields;             // kObject
  std::shared_ptr<const ParameterSchema> element;  // kList, and the values of kMap
};

struct PortSchema {
  std::string name;
  ArtifactType type = ArtifactType::kFile;
  bool required = true;
  std::string unless = {};   // another input: where that is given, this one is not required
  bool many = false;         // accepts a list of references
  bool needs_label = false;  // the dataset must have a label role
  bool named = false;        // the result says what the artifact is called: GROUP/VERSION
  std::string help;
};

// Names of inputs that stand under `files` in a definition: "file:train.py".
inline constexpr std::string_view kAttachmentPrefix = "file:";

// What workers say of how they can keep a program apart: "bubblewrap" or "none".
inline constexpr std::string_view kIsolationLabel = "penstock.isolation";

// Whether they run container images, "available" or "none", and with what, "podman" or "docker".
inline constexpr std::string_view kContainerLabel = "penstock.containers";
inline constexpr std::string_view kContainersRun = "available";
inline constexpr std::string_view kEngineLabel = "penstock.containers.engine";

struct MetricSchema {
  std::string name;
  std::string help;  // definition, range, direction
};

struct StepSchema {
  std::string key;       // "process", "train/xgboost"
  std::string version;   // "1"; pinned into stored definitions as algorithm@version
  std::string summary;   // one line
  std::string help;      // a paragraph or more, Markdown
  bool control = false;  // decided by the engine; never leased
  bool has_side_effects = false;
  // Equal inputs and parameters give an equal result, which may be used again.
  bool cacheable = false;
  bool depends_on_threads = false;  // the result does
  bool gang = false;                // may run on several nodes at once: resources.nodes
  std::vector<PortSchema> inputs;
  std::optional<PortSchema> any_input;   // an input of any other name, of A-Z a-z 0-9 - _
  std::optional<PortSchema> attachment;  // a member of `files`, named as its file will be
  std::vector<PortSchema> outputs;       // fixed outputs
  std::vector<MetricSchema> metrics;  // closed table; empty: the step reports no scalars
  std::vector<MetricSchema> values;   // outputs that are no artifacts: texts and numbers
  std::vector<ParameterSchema> parameters;
  // Those that may name secrets: the step neither keeps nor shows them.
  std::vector<std::string> secrets_in;
  // Outputs that depend on the parameters (process: one dataset a key of `split`); may be empty.
  std::function<std::vector<PortSchema>(const Json& parameters)> outputs_for;
  // Why the result of a step with these parameters is never used again, as in "its definition says
  // side_effects"; empty where it may be. Absent: as `cacheable` says.
  std::function<std::string(const Json& parameters)> effects_for;
  // Labels that a worker must carry for these parameters; may be empty.
  std::function<std::map<std::string, std::string>(const Json& parameters)> labels_for;
  // Which of the inputs that are given go together, with each other and with the parameters.
  // Appends problems whose paths start at `path`, the step's.
  std::function<void(const std::set<std::string>& inputs, const Json& parameters,
                     const std::string& path, std::vector<Problem>&)>
      check_inputs;
  // What the shapes cannot say ("positive is not among classes"). `parameters` may hold references
  // ("${...}") anywhere: those parts are not judged. Appends problems whose paths start at `path`.
  std::function<void(const Json& parameters, const std::string& path, std::vector<Problem>&)> check;
};

class Catalog {
 public:
  explicit Catalog(std::vector<StepSchema> schemas);  // a key given twice aborts

  // "process" or "train/xgboost"; nullptr when unknown.
  const StepSchema* Find(std::string_view key) const;
  std::vector<const StepSchema*> All() const;
  // The algorithms below "train/", sorted: "linear-learner", "xgboost".
  std::vector<std::string> Algorithms() const;

  // Everything that is built in; lives for ever.
  static const Catalog& BuiltIn();

 private:
  std::map<std::string, StepSchema, std::less<>> schemas_;
};

// The port that an input of this name goes into; nullptr where the step has none.
const PortSchema* FindInput(const StepSchema& schema, std::string_view name);

// Checks `parameters` (an object, or null for none) against the schema: unknown keys (naming the
// nearest), missing ones, kinds, bounds, choices, then schema.check. A string that holds "${" is
// taken as a reference and passes any kind. Appends to `problems` with paths below `path`
// ("steps[2].with"). Returns the parameters with defaults filled in at every level.
Json CheckParameters(const StepSchema& schema, const Json& parameters, const std::string& path,
                     std::vector<Problem>& problems);

// "string", "integer" and so on.
std::string_view Name(ParameterSchema::Kind kind);

// Whether a string holds a reference ("${", but not the literal "$${").
bool HoldsReference(const Json& value);

// The schema of a step as JSON Schema (draft-07) over its parameters, with "description"s.
Json ParametersAsJsonSchema(const StepSchema& schema);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_CATALOG_CATALOG_H_
