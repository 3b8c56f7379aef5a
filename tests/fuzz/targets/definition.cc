// Definitions as users write them: what is accepted is stored as one canonical text, which means
// the same whenever, and in whichever language, it is read again; and it compiles to a plan.

#include "server/definition/definition.h"

#include "server/core/bind.h"
#include "server/core/calls.h"
#include "server/core/overrides.h"
#include "server/core/plan.h"
#include "server/core/secret_refs.h"
#include "storage/model/limits.h"
#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {
namespace {

const Catalog& Steps() {
  return Catalog::BuiltIn();
}

std::string Shown(const Status& status) {
  return status.ToString();
}

void CheckRefusal(const Status& status) {
  ExpectRefusal(status);
  FUZZ_EXPECT(status.code() == StatusCode::kInvalidArgument, Shown(status));
  if (status.reason() != "INVALID_DEFINITION") return;
  FUZZ_EXPECT(!status.problems().empty(), Shown(status));
  FUZZ_EXPECT(status.problems().size() <= limits::kMaxProblemsReported, Shown(status));
  for (const Problem& problem : status.problems()) {
    // Only of a document as a whole can it not be said where the problem is.
    FUZZ_EXPECT(!problem.path.empty() || status.problems().size() <= 3, Shown(status));
  }
}

std::size_t Inputs(const PipelineSpec& spec) {
  std::size_t inputs = 0;
  VisitSteps(spec, [&](const StepSpec& step, const std::string&) { inputs += step.inputs.size(); });
  return inputs;
}

void ExpectSame(const Result<CheckedDefinition>& again, const CheckedDefinition& first,
                const char* how) {
  FUZZ_EXPECT(again.ok(), std::string(how) + ": " + Shown(again.status()) + first.canonical);
  FUZZ_EXPECT(again->canonical == first.canonical,
              std::string(how) + ":\n" + first.canonical + "\n" + again->canonical);
  FUZZ_EXPECT(again->digest == first.digest, how);
  FUZZ_EXPECT(Inputs(again->spec) == Inputs(first.spec), std::string(how) + ": inputs are lost");
}

// Something that each parameter without a default may be.
std::map<std::string, Json> SomeArguments(const PipelineSpec& spec) {
  std::map<std::string, Json> given;
  for (const ParameterSpec& parameter : spec.parameters) {
    if (!parameter.default_value.is_null()) continue;
    Json value = "x";
    switch (parameter.type) {
      case ParameterSpec::Type::kString:
      case ParameterSpec::Type::kSecret:
        break;
      case ParameterSpec::Type::kInteger:
      case ParameterSpec::Type::kNumber:
        value = parameter.minimum ? Json(*parameter.minimum) : Json(parameter.maximum.value_or(1));
        break;
      case ParameterSpec::Type::kBoolean:
        value = true;
        break;
      case ParameterSpec::Type::kEnum:
        value = parameter.values.empty() ? Json() : parameter.values.front();
        break;
      case ParameterSpec::Type::kList:
        value = Json::array({1, "two", nullptr});
        break;
      case ParameterSpec::Type::kDataset:
        value = "file:///data/a.csv";
        break;
    }
    given[parameter.name] = std::move(value);
  }
  return given;
}

// Walks all that a plan says, so that an index that leads nowhere is found.
void WalkPlan(const Plan& plan) {
  for (StepIndex i = 0; i < plan.size(); ++i) {
    for (const Edge& edge : plan.edges(i)) {
      FUZZ_EXPECT(edge.from >= 0 && edge.from < plan.size() && edge.from != i, plan.step(i).type);
    }
    for (const StepIndex next : plan.dependents(i)) {
      FUZZ_EXPECT(next >= 0 && next < plan.size(), plan.step(i).type);
    }
    FUZZ_EXPECT(plan.FindStep(plan.step(i).name.value()) == i, plan.step(i).name.value());
    if (const auto body = plan.body(i); body != nullptr) WalkPlan(*body);
  }
  if (plan.on_exit() != nullptr) WalkPlan(*plan.on_exit());
}

void CompileAndRun(const PipelineSpec& spec) {
  const auto nowhere = [](const std::string&, int32_t*) {
    return Result<std::shared_ptr<const PipelineSpec>>(NotFound("there is no such pipeline"));
  };
  std::map<std::string, std::string> pins;
  if (const Status calls = CheckCalls(spec, nowhere, pins); !calls.ok()) ExpectRefusal(calls);
  const auto plan = Plan::Build(spec, Json(), Steps());
  FUZZ_EXPECT(plan != nullptr, spec.name);
  WalkPlan(*plan);
  const Result<Json> bound = BindParameters(spec, SomeArguments(spec), Steps());
  if (!bound.ok()) {
    CheckRefusal(bound.status());
    return;
  }
  WalkPlan(*Plan::Build(spec, *bound, Steps()));
  const auto secrets = SecretsOfRun(spec, *bound, [](const StepSpec&) {
    return Result<std::shared_ptr<const PipelineSpec>>(NotFound("there is no such pipeline"));
  });
  if (!secrets.ok()) ExpectRefusal(secrets.status());
  std::vector<Problem> problems;
  const Json overrides = {{spec.steps.front().name.value(), {{"with", {{"a", 1}}}}}};
  ApplyOverrides(spec, overrides, Steps(), nullptr, problems);
}

}  // namespace

int FuzzDefinition(std::string_view bytes) {
  const Result<CheckedDefinition> checked = CheckDefinitionText(bytes, Steps());
  if (!checked.ok()) {
    CheckRefusal(checked.status());
    return 0;
  }
  const Result<DefinitionText> text = ParseDefinitionText(bytes);
  FUZZ_EXPECT(text.ok(), Shown(text.status()));
  ExpectSame(CheckDefinitionDocument(text->document, Steps()), *checked, "as a document");
  // What is written out in full may be longer than what a user may send.
  if (const std::string json = DumpJson(text->document);
      json.size() <= limits::kMaxDefinitionBytes) {
    ExpectSame(CheckDefinitionText(json, Steps()), *checked, "as JSON");
  }
  const Result<Json> stored =
      ParseJson(checked->canonical, {.max_bytes = 64 << 20, .max_depth = 64});
  FUZZ_EXPECT(stored.ok(), Shown(stored.status()));
  const Result<PipelineSpec> again = ParsePipeline(*stored, Steps());
  FUZZ_EXPECT(again.ok(), Shown(again.status()) + checked->canonical);
  FUZZ_EXPECT(DumpJson(CanonicalDefinition(*again)) == checked->canonical, checked->canonical);
  FUZZ_EXPECT(Inputs(*again) == Inputs(checked->spec), "stored: inputs are lost");
  if (checked->canonical.size() < limits::kMaxDefinitionBytes - 2) {
    // A comment before it makes YAML of what is JSON.
    ExpectSame(CheckDefinitionText("#\n" + checked->canonical, Steps()), *checked, "as YAML");
  }
  CompileAndRun(*again);
  return 0;
}

}  // namespace penstock::fuzz
