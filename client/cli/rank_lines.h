#ifndef PENSTOCK_CLIENT_CLI_RANK_LINES_H_
#define PENSTOCK_CLIENT_CLI_RANK_LINES_H_

// What the ranks of a step write at the same time, as lines that say whose each is:
//
//   [0] waits for 2
//   [1] has 3
//
// Not thread-safe.

#include <map>
#include <string>
#include <string_view>

namespace penstock::cli {

class RankLines {
 public:
  // What can be shown now: the lines of this rank that are whole. The rest waits for its end.
  std::string Add(int rank, std::string_view data);
  // The lines that had no end, each with one; nothing is left.
  std::string Rest();

 private:
  std::map<int, std::string> unfinished_;  // by rank
};

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_RANK_LINES_H_
