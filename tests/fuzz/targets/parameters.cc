// What steps are given in `with`: by whatever schema it is judged, what is accepted is filled in so
// that it is accepted again, unchanged. The first line names the schema, the rest is JSON.

#include "base/text.h"
#include "steps/catalog/catalog.h"
#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {
namespace {

// What else is asked of a schema, once its parameters are good.
void AskAround(const StepSchema& schema, const Json& filled) {
  if (schema.outputs_for) {
    for (const PortSchema& port : schema.outputs_for(filled)) {
      FUZZ_EXPECT(!port.name.empty(), DumpJson(filled));
    }
  }
  if (schema.labels_for) schema.labels_for(filled);
  if (schema.effects_for) schema.effects_for(filled);
  if (schema.check_inputs) {
    std::set<std::string> inputs;
    std::vector<Problem> problems;
    schema.check_inputs(inputs, filled, "s", problems);
    for (const PortSchema& port : schema.inputs) inputs.insert(port.name);
    schema.check_inputs(inputs, filled, "s", problems);
  }
}

}  // namespace

int FuzzParameters(std::string_view bytes) {
  const auto [head, body] = CutLine(bytes);
  const StepSchema* schema = Catalog::BuiltIn().Find(Trim(head));
  if (schema == nullptr) return -1;
  const Result<Json> given = ParseJson(body);
  if (!given.ok()) {
    ExpectRefusal(given.status());
    return 0;
  }
  std::vector<Problem> problems;
  const Json filled = CheckParameters(*schema, *given, "with", problems);
  for (const Problem& problem : problems) {
    FUZZ_EXPECT(problem.path.starts_with("with") && !problem.message.empty(),
                problem.path + ": " + problem.message);
    FUZZ_EXPECT(IsUtf8(problem.path) && IsUtf8(problem.message), problem.path);
  }
  if (!problems.empty()) return 0;
  std::vector<Problem> more;
  const Json again = CheckParameters(*schema, filled, "with", more);
  FUZZ_EXPECT(more.empty(), more.front().path + ": " + more.front().message + DumpJson(filled));
  FUZZ_EXPECT(DumpJson(again) == DumpJson(filled), DumpJson(filled) + "\n" + DumpJson(again));
  AskAround(*schema, filled);
  return 0;
}

}  // namespace penstock::fuzz
