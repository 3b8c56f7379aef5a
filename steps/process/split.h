#ifndef PENSTOCK_STEPS_PROCESS_SPLIT_H_
#define PENSTOCK_STEPS_PROCESS_SPLIT_H_

// Divides rows into named parts. Pure: the same rows, fractions and seed give the same parts on
// every machine (SeededRandom, xoshiro256**; no floating-point order).

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"

namespace penstock {

struct SplitSpec {
  // How rows are divided: at random; the earliest first, by the column with the role time; by a
  // hash of a key, which gives a row the same part whatever other rows there are.
  enum class By { kRandom, kTime, kHash };
  struct Part {
    std::string name;
    double fraction = 0;
  };
  std::vector<Part> parts;  // train first, test last, the others between in order of their names
  int32_t folds = 0;        // 0: parts by fractions; else train and validation of one fold
  int32_t fold = 0;         // from 0
  uint64_t seed = 0;
  std::string stratify;  // a column; empty: none
  By by = By::kRandom;
  std::vector<std::string> key;  // columns that are hashed; empty: those with the role id

  bool empty() const { return parts.empty() && folds == 0; }
};

// `split` of a process step: fractions by name (none: 80 % train, 10 % validation, 10 % test), or
// kFold and fold; `seed`, `stratify`, `by`, `key`. No object: an empty one.
Result<SplitSpec> SplitSpecFromJson(const Json& split);

// Uniform in [0, bound) without bias: rejects the incomplete last round.
uint64_t Below(SeededRandom& random, uint64_t bound);

// How many of `rows` each fraction gets: the whole parts of rows × fraction, and the rows that are
// left, one each, to the largest remainders (Hamilton's method; ties to the first). What the
// fractions leave below 1 stays over.
std::vector<int64_t> LargestRemainder(int64_t rows, const std::vector<double>& fractions);

// Draws the part of each row, one after the other: each part gets exactly its LargestRemainder count
// of all rows, and of each stratum its share, rounded up or down. Every such division is equally
// likely. Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S) for
// several parts: O(parts) a row, and no memory for the rows.
class PartDrawer {
 public:
  // `sizes`: rows of each stratum.
  PartDrawer(const std::vector<int64_t>& sizes, const std::vector<double>& fractions,
             uint64_t seed);
  // The part of the next row, which is of `stratum`: an index into the fractions, or -1 for none.
  // Precondition: not called more often than the stratum has rows.
  int32_t Draw(std::size_t stratum);

 private:
  SeededRandom random_;
  std::vector<std::vector<int64_t>> left_;  // by stratum and part; the last for none
  std::vector<int64_t> rows_left_;          // by stratum
};

// For each row the part that it goes to, or -1, so that rows that belong together stay together:
// all rows of a group (0, 1, 2 …; one number a row) go to the same part. Groups are drawn in random order, each to the part that misses most rows, so that
// counts are as near to the fractions as the sizes of the groups let them. O(rows + groups ×
// parts).
//
// K-fold splits are these with K equal fractions: which fold a row is in does not depend on the
// fold that is asked for.
std::vector<int32_t> AssignGroups(const std::vector<int32_t>& groups,
                                  const std::vector<double>& fractions, uint64_t seed);

// The part of a row by the hash of its key, as a number from 0 to 1 (exclusive): the first whose
// fraction, with those before it, is above that; or -1.
int32_t PartOfHash(double hash, const std::vector<double>& fractions);

// The parts of rows by when they were observed (no NaN): the earliest go to the first part. Rows of the same time stay together, in the part
// that the first of them goes to.
std::vector<int32_t> AssignByTime(const std::vector<double>& times,
                                  const std::vector<double>& fractions);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_SPLIT_H_
