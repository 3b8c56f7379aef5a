#ifndef PENSTOCK_TESTS_FAULT_CRASH_CASES_H_
#define PENSTOCK_TESTS_FAULT_CRASH_CASES_H_

// The cases of crash_coordinator_test and crash_worker_test: each fault point of a daemon, hit by
// hit. Included by one file of a program.

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/fault/fault_points.h"
#include "tests/fault/run_life.h"

namespace penstock {

inline std::vector<FaultPoint> PointsOf(LifeOptions::Watched watched, bool can_fail = false) {
  std::vector<FaultPoint> points;
  for (const FaultPoint& point : kFaultPoints) {
    const bool watches =
        watched == LifeOptions::Watched::kWorker ? point.worker : point.coordinator;
    if (watches && (point.can_fail || !can_fail)) points.push_back(point);
  }
  return points;
}

class CrashTest : public testing::TestWithParam<FaultPoint> {
 protected:
  // An untouched life, for what it comes to and how often each point is hit. Once a program.
  static const Life& Untouched(LifeOptions::Watched watched) {
    static const Life life = LiveThrough({.watched = watched});
    return life;
  }

  // A life in which the point does that at each of the hits comes to the same as an untouched one.
  static void TryEach(LifeOptions::Watched watched, const std::string& action, bool ends) {
    const std::string point(GetParam().name);
    const Life& untouched = Untouched(watched);
    ASSERT_FALSE(HasFailure()) << "an untouched life";
    const Sample sample = action == "crash" ? Sample::kFew : Sample::kOne;
    const std::set<int64_t> hits = HitsToTry(untouched, point, sample);
    ASSERT_FALSE(hits.empty()) << point << " is never hit in an untouched life";
    // A log that cannot be written is not what a run is for.
    const bool keeps_logs = action != "eio" || !point.starts_with("journal.");
    std::vector<LifeOptions> all;
    for (const int64_t hit : hits) {
      all.push_back({.watched = watched,
                     .faults = point + "=" + action + "@" + std::to_string(hit),
                     .keeps_logs = keeps_logs});
    }
    const std::vector<Life> lives = LiveThroughAll(all);
    auto life = lives.begin();
    for (const int64_t hit : hits) {
      SCOPED_TRACE(action + "@" + std::to_string(hit));
      EXPECT_EQ(life->results, untouched.results);
      // How often a point is hit depends on what comes together: late hits may not come at all.
      const bool once = GetParam().at_once && watched == LifeOptions::Watched::kWorker;
      EXPECT_TRUE(!ends || hit > (once ? 1 : 3) || life->crashes == 1) << "nothing crashed";
      EXPECT_LE(life->crashes, 1);
      ++life;
    }
  }
};

class FailingDiskTest : public CrashTest {};

inline std::string NameOf(const testing::TestParamInfo<FaultPoint>& info) {
  std::string name(info.param.name);
  for (char& c : name) {
    if (c == '.') c = '_';
  }
  return name;
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_FAULT_CRASH_CASES_H_
