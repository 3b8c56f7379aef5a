#ifndef PENSTOCK_SERVER_CORE_OVERRIDES_H_
#define PENSTOCK_SERVER_CORE_OVERRIDES_H_

// What single steps of one run are given in place of what the definition says. A pipeline with
// other inputs and parameters is another definition: overrides are written into the stored one, and
// what comes out is judged and compiled like any. So edges follow the new inputs, and every problem
// is found at submission. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "server/core/pipeline.h"

namespace penstock {

// The way to a step in its definition, from its name in a run: "cv[3].fit" → "cv.fit".
std::string DefinitionPath(std::string_view step_name);

// Whether the step, or a map or pipeline around it, is one of `names`, which are names of a run's
// steps or ways in the definition: "cv[3].fit" is meant by itself, "cv[3]", "cv.fit" and "cv".
bool IsNamed(const std::string& step_name, const std::vector<std::string>& names);

// The form of overrides: {"fit": {"inputs": {NAME: text}, "with": {…}}}. Appends problems.
void CheckOverridesForm(const Json& overrides, std::vector<Problem>& problems);

// Those for steps inside of what `way` leads to ("child."), by their way from there.
Json OverridesBelow(const Json& overrides, std::string_view way);

// A pipeline step on the way to a step that is overridden.
struct OverriddenCall {
  std::string way;  // from the definition at hand: "child" or "cv.child"
  std::string pipeline;
  int32_t version = 0;  // 0: without one
};

// `spec` with `overrides`, whose ways begin in it. `calls`, where given, gets the pipelines that
// the others lead into. Appends to `problems`, with paths "overrides.fit.with.max_depth", what is
// wrong: a way that leads nowhere, a step that no worker runs, and whatever is wrong with a
// definition; the result counts only where there are none.
PipelineSpec ApplyOverrides(const PipelineSpec& spec, const Json& overrides, const Catalog& catalog,
                            std::vector<OverriddenCall>* calls, std::vector<Problem>& problems);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_OVERRIDES_H_
