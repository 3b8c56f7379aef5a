#ifndef PENSTOCK_STEPS_PROCESS_CATEGORIES_H_
#define PENSTOCK_STEPS_PROCESS_CATEGORIES_H_

// What operations that encode categories share. Pure functions.

#include <cstdint>
#include <string>
#include <vector>

#include "steps/process/learn.h"

namespace penstock {

using Categories = std::vector<std::string>;  // distinct

// For each entry of the dictionary its index in `categories`, or -1.
std::vector<int32_t> IndexOf(const std::vector<std::string>& dictionary,
                             const Categories& categories);

// How often a value must occur to be none of the rare ones: at least `min_count` times, and in at
// least `min_share` of the rows that have a value.
double LeastCount(const TextCounts& counts, int64_t min_count, double min_share);

// Which of `folds` a row of the data is in, by the row's number and the seed alone.
int32_t FoldOf(int64_t row, int64_t seed, int32_t folds);

// What the indicator of rare values is called.
inline std::string RareName(const std::string& column) {
  return column + "=(rare)";
}

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_CATEGORIES_H_
