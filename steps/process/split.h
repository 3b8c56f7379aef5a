#ifndef PENSTOCK_STEPS_PROCESS_SPLIT_H_
#define PENSTOCK_STEPS_PROCESS_SPLIT_H_

// Divides rows into named parts at random. Pure: the same rows, fractions and seed give the same
// parts on every machine (SeededRandom, xoshiro256**; Fisher-Yates; no floating-point order).

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace penstock {

struct SplitSpec {
  struct Part {
    std::string name;
    double fraction = 0;
  };
  std::vector<Part> parts;  // in order of their names
  int32_t folds = 0;        // 0: parts by fractions; else train and validation of one fold
  int32_t fold = 0;         // from 0
  uint64_t seed = 0;
  std::string stratify;  // a column; empty: none

  bool empty() const { return parts.empty() && folds == 0; }
};

// `split` of a process step: fractions by name, or kFold and fold; `seed`, `stratify`.
Result<SplitSpec> SplitSpecFromJson(const Json& split);

// How many of `rows` each fraction gets: the whole parts of rows × fraction, and the rows that are
// left, one each, to the largest remainders (Hamilton's method; ties to the first). What the
// fractions leave below 1 stays over.
std::vector<int64_t> LargestRemainder(int64_t rows, const std::vector<double>& fractions);

// For each of `rows` rows the part that it goes to (index into `fractions`), or -1 where it goes to
// none. Each part gets exactly its LargestRemainder count of all rows. `strata`: the stratum of
// each row (0, 1, 2 …; any order), or empty; then each part's count of a stratum is its share of
// the stratum, rounded up or down. O(rows).
std::vector<int32_t> AssignParts(int64_t rows, const std::vector<double>& fractions, uint64_t seed,
                                 const std::vector<int32_t>& strata);

// The same for rows that belong together: all rows of a group (0, 1, 2 …; one number a row) go to
// the same part. Groups are drawn in random order, each to the part that misses most rows, so that
// counts are as near to the fractions as the sizes of the groups let them. O(rows + groups ×
// parts).
//
// K-fold splits are these with K equal fractions: which fold a row is in does not depend on the
// fold that is asked for.
std::vector<int32_t> AssignGroups(const std::vector<int32_t>& groups,
                                  const std::vector<double>& fractions, uint64_t seed);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_SPLIT_H_
