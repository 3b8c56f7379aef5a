#ifndef PENSTOCK_TESTS_SIM_DEFINITIONS_H_
#define PENSTOCK_TESTS_SIM_DEFINITIONS_H_

// Random valid pipelines over every feature of the definition language that the engine acts on.

#include <string>
#include <vector>

#include "base/json.h"
#include "tests/sim/dice.h"

namespace penstock::sim {

// Names of mutexes stand in the names of the steps that take them, where they are known before the
// run: "…-mx-NAME". Empty: none is told.
std::string MutexInName(const std::string& step_name);

// A definition document. `callable`: pipelines that it may call, all without parameters that must
// be given; `datasets`, `models`: artifact addresses to build on.
// `registers`: with steps that register models, which nobody ever removes.
Json MakeDefinition(Dice& dice, const std::string& name, const std::vector<std::string>& callable,
                    const std::vector<std::string>& datasets, bool registers = true);

// Steps that a run of it has on workers: of each map those of one item, of what it calls none.
int CountWorkerSteps(const Json& definition);

// Values for the parameters that a run of any of these definitions may be given.
Json MakeParameters(Dice& dice);

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_DEFINITIONS_H_
