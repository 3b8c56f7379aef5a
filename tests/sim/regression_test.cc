// Scripts that once showed something wrong, cut short (penstock-sim --shrink --seed N). They replay
// what happened then as long as workers and network behave as they did; the bugs themselves have
// tests of their own in tests/unit/engine.

#include <gtest/gtest.h>

#include "base/log.h"
#include "tests/sim/world.h"

namespace penstock::sim {
namespace {

class RegressionTest : public testing::Test {
 protected:
  RegressionTest() { spdlog::set_level(spdlog::level::off); }
  static std::string ViolationOf(std::string_view text) {
    const Result<Script> script = Script::Parse(text);
    EXPECT_TRUE(script.ok()) << script.status();
    return script.ok() ? RunScript(*script).violation : "";
  }
};
