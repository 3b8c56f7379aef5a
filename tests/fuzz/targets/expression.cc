// References and conditions: a template that is written out means the same when it is read again,
// and whatever it is asked for, the answer is a value or a Status.

#include "server/core/expression.h"

#include "base/digest.h"
#include "base/text.h"
#include "server/core/condition.h"
#include "server/core/pipeline.h"
#include "steps/catalog/catalog.h"
#include "storage/model/limits.h"
#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {
namespace {

// Every reference means something of its own: one of the kinds of values, or that there is none.
class SomeScope : public Scope {
 public:
  Lookup Find(const Reference& reference) const override {
    FUZZ_EXPECT(reference.kind != Reference::Kind::kLiteral, reference.text);
    static const std::vector<Json> kValues = {nullptr,
                                              true,
                                              3,
                                              -2.5,
                                              1e300,
                                              "text",
                                              "${parameters.a}",
                                              Json::array({1, 2, nullptr, "x"}),
                                              Json{{"a", {1, 2}}},
                                              Json::array(),
                                              INT64_MIN,
                                              UINT64_MAX};
    const std::size_t which = Sha256(reference.text).value().at(0) % (kValues.size() + 2);
    if (which == kValues.size()) return {Lookup::State::kAbsent, {}, "it is not there"};
    if (which > kValues.size()) return {Lookup::State::kUndefined, {}, "it is null"};
    if (!reference.field.empty()) {
      return {Lookup::State::kValue, Aggregate(reference.field, kValues[7]), {}};
    }
    return {Lookup::State::kValue, kValues[which], {}};
  }
};

std::string Written(const Template& parsed) {
  std::string text;
  for (const Template::Part& part : parsed.parts) {
    if (part.is_expression()) {
      std::vector<std::string> alternatives;
      for (const Reference& each : part.expression.alternatives) alternatives.push_back(each.text);
      text += "${" + Join(alternatives, " ?? ") + "}";
      continue;
    }
    for (std::size_t at = 0; at < part.literal.size(); ++at) {
      if (part.literal.compare(at, 2, "${") == 0) text += '$';
      text += part.literal[at];
    }
  }
  return text;
}

void CheckTemplate(const std::string& text) {
  std::vector<FoundReference> found;
  std::vector<Problem> problems;
  CollectReferences(Json(text), "p", found, problems);
  const Result<Template> parsed = ParseTemplate(text);
  FUZZ_EXPECT(parsed.ok() == problems.empty(), text);
  if (!parsed.ok()) {
    ExpectRefusal(parsed.status());
    return;
  }
  FUZZ_EXPECT(parsed->has_expressions() == HoldsReference(Json(text)), text);
  const Result<Template> again = ParseTemplate(Written(*parsed));
  FUZZ_EXPECT(again.ok() && again->parts.size() == parsed->parts.size(), Written(*parsed));
  for (std::size_t i = 0; i < parsed->parts.size(); ++i) {
    FUZZ_EXPECT(again->parts[i].literal == parsed->parts[i].literal, text);
    FUZZ_EXPECT(again->parts[i].expression.alternatives == parsed->parts[i].expression.alternatives,
                text);
  }
  const Result<Json> resolved = Resolve(Json(text), SomeScope());
  if (!resolved.ok()) {
    ExpectRefusal(resolved.status());
    return;
  }
  if (!parsed->is_single()) FUZZ_EXPECT(resolved->is_string(), text);
  if (parsed->parts.empty()) FUZZ_EXPECT(*resolved == text, text);
  if (parsed->parts.size() == 1 && !parsed->is_single()) {
    FUZZ_EXPECT(*resolved == parsed->parts[0].literal, text);
  }
}

void CheckTree(const Json& json) {
  std::vector<Problem> problems;
  CheckCondition(json, "if", problems);
  for (const Problem& problem : problems) {
    FUZZ_EXPECT(problem.path.starts_with("if") && !problem.message.empty(), problem.message);
  }
  if (problems.empty()) {
    const Result<ConditionOutcome> outcome = EvaluateCondition(json, SomeScope());
    if (!outcome.ok()) ExpectRefusal(outcome.status());
  }
  const Result<Json> resolved = Resolve(json, SomeScope());
  if (!resolved.ok()) ExpectRefusal(resolved.status());
  if (json.is_array()) {
    for (const std::string& name : Aggregates()) Aggregate(name, json);
  }
  const Result<Json> items = ExpandItems(json);
  if (!items.ok()) {
    ExpectRefusal(items.status());
  } else {
    FUZZ_EXPECT(items->is_array() && items->size() <= limits::kMaxMapItems, DumpJson(json));
  }
}

}  // namespace

int FuzzExpression(std::string_view bytes) {
  // Definitions are UTF-8 before anybody looks for references.
  if (!IsUtf8(bytes)) return -1;
  CheckTemplate(std::string(bytes));
  const Result<Json> json = ParseJson(bytes);
  if (json.ok()) CheckTree(*json);
  return 0;
}

}  // namespace penstock::fuzz
