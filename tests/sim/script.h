#ifndef PENSTOCK_TESTS_SIM_SCRIPT_H_
#define PENSTOCK_TESTS_SIM_SCRIPT_H_

// What is done to a simulated cluster, and when: made from a seed, written as text, cut short.
//
//   world {"seed":7,"workers":[…],"weather":{…},…}
//   0.010 apply {"definition":{…}}
//   0.250 submit {"pipeline":"p1"}
//   3.000 kill-coordinator {"power":true,"down_ms":800}

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace penstock::sim {

struct Action {
  Micros at{0};
  std::string what;
  Json with = Json::object();
};

struct Script {
  Json world = Json::object();
  std::vector<Action> actions;  // by time

  std::string ToText() const;
  static Result<Script> Parse(std::string_view text);
};

// Workers, weather, options and actions of some simulated minutes.
Script MakeScript(uint64_t seed);

// The same for so many simulated hours under a light, steady load.
Script MakeSoak(uint64_t seed, int hours);

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_SCRIPT_H_
