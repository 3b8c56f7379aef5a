#ifndef PENSTOCK_SERVER_CORE_EXPRESSION_H_
#define PENSTOCK_SERVER_CORE_EXPRESSION_H_

// References in definitions: "${steps.train.outputs.model}", "${a ?? b}", "$${" for a literal "${".
// Of a map step, `steps.S.outputs.O` is the list over its items, `steps.S.outputs.O.mean` (std, min,
// max, count) a number, and `steps.S.best(O, max).P` the output P of the item with the highest O.
//
// A text that is one reference and nothing else keeps the value's type; references inside longer
// text are joined as text. `??` takes the first alternative that is neither skipped nor absent; the
// last one may be a value: "${steps.e.report.comparison.delta ?? 1}", "${run.state ?? 'RUNNING'}".
// Pure.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace penstock {

struct Reference {
  enum class Kind {
    kParameter,  // parameters.NAME
    kSecret,     // secrets.NAME
    kOutput,     // steps.STEP.outputs.NAME
    kMetric,     // steps.STEP.metrics.NAME
    kReport,     // steps.STEP.report.PATH
    kBest,       // steps.STEP.best(OUTPUT, max|min).NAME
    kRun,        // run.id, run.name, run.startedAt, run.pipeline; in onExit run.state, run.message
    kItem,       // item, item.index, item.FIELD
    kLiteral,    // behind "??": a number, true, false or 'text'
  };
  Kind kind = Kind::kParameter;
  std::string step;   // of kOutput, kMetric, kReport, kBest
  std::string name;   // of the parameter, output, metric or run field; the report's path
  std::string text;   // as written, without "${" and "}"
  std::string field = {};  // kOutput: the aggregate, or nothing; kBest: the output that is compared
  bool lowest = false;     // kBest: the lowest is the best
  Json literal = {};       // kLiteral
  friend bool operator==(const Reference&, const Reference&) = default;
};

// One "${…}": alternatives in order.
struct Expression {
  std::vector<Reference> alternatives;
};

// A text cut into literals and expressions.
struct Template {
  struct Part {
    std::string literal;
    Expression expression;  // without alternatives: the part is `literal`
    bool is_expression() const { return !expression.alternatives.empty(); }
  };
  std::vector<Part> parts;
  // The whole text is one expression: the value's type is kept.
  bool is_single() const { return parts.size() == 1 && parts[0].is_expression(); }
  bool has_expressions() const;
};

// What can be asked of the list of a map's outputs: "mean", "std" …
const std::vector<std::string>& Aggregates();
// That aggregate over the numbers of a list, nulls left out; std is of the sample (n - 1). Null
// where it is undefined: no numbers, or one for std.
Json Aggregate(const std::string& name, const Json& list);

// kInvalidArgument with what is wrong and how references are written.
Result<Template> ParseTemplate(std::string_view text);

// A reference that was found in a tree of values, with where.
struct FoundReference {
  Reference reference;
  std::string path;      // "steps[2].inputs.data"
  bool guarded = false;  // has an alternative beside it ("??"): may be absent
};
// Appends every reference in `value`; each one that cannot be parsed becomes a problem.
void CollectReferences(const Json& value, const std::string& path,
                       std::vector<FoundReference>& found, std::vector<Problem>& problems);

// What a reference means at the moment.
struct Lookup {
  enum class State {
    kValue,     // `value`
    kAbsent,    // there is no such thing (yet), or its step was skipped or failed
    kUndefined  // it is there and null or NaN
  };
  State state = State::kAbsent;
  Json value;
  std::string why;  // kAbsent, kUndefined: for messages ("step prepare was skipped")
};

// Is not asked for literals.
class Scope {
 public:
  virtual ~Scope() = default;
  virtual Lookup Find(const Reference& reference) const = 0;
};

// As a reference inside longer text has it.
std::string AsText(const Json& value);

// Replaces every reference in a tree of values. kFailedPrecondition (ABSENT) for one that means
// nothing and has no alternative; an undefined value resolves to null. Keys are not resolved.
Result<Json> Resolve(const Json& value, const Scope& scope);

// The meaning of one text that is a single expression, for conditions: its last lookup.
Lookup Evaluate(const Expression& expression, const Scope& scope);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_EXPRESSION_H_
