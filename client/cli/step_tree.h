#ifndef PENSTOCK_CLIENT_CLI_STEP_TREE_H_
#define PENSTOCK_CLIENT_CLI_STEP_TREE_H_

// The steps of a run in the order in which people read them: what is inside a map or a called
// pipeline ("cv[3].fit", "child.prepare") stands right behind it. Of a large map only those inside
// are shown that are under way or failed: its own line says how far it is.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "client/cli/connection.h"

namespace penstock::cli {

class StepTree {
 public:
  // Adds the step, or what became of it.
  void Put(const pb::Step& step);
  std::size_t size() const { return steps_.size(); }

  // Inside a map that is too large to be shown whole.
  bool InLargeMap(const pb::Step& step) const;
  // Those to show; `hidden`: how many others there are. Pointers last until the next Put.
  std::vector<const pb::Step*> Shown(std::size_t* hidden) const;

 private:
  void Walk(const std::string& parent, std::vector<const pb::Step*>& shown) const;

  std::map<int, pb::Step> steps_;                  // by index
  std::map<std::string, std::set<int>> children_;  // by the parent's name; "": the run's own
  std::map<std::string, std::size_t> inside_;      // by outermost map: steps inside
};

// LEASED, RUNNING, or between two attempts.
bool IsActive(const pb::Step& step);

// "cv" of "cv[3].fit": the outermost map around a step; empty where there is none.
std::string MapAround(const pb::Step& step);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_STEP_TREE_H_
