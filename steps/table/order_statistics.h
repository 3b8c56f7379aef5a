#ifndef PENSTOCK_STEPS_TABLE_ORDER_STATISTICS_H_
#define PENSTOCK_STEPS_TABLE_ORDER_STATISTICS_H_

// Exact quantiles of columns of any length, in bounded memory.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "steps/table/block_source.h"

namespace penstock {

// Bits that sort as the numbers do; -0 is 0. Not for NaN.
uint64_t OrderedBits(double value);
double FromOrderedBits(uint64_t bits);

struct QuantileRequest {
  std::size_t column = 0;  // position in the source; of numbers
  int64_t finite = 0;      // how many finite values it has
};

// The quantiles `shares` (0 to 1) of the finite values of each column, as numpy's "linear" method
// has them: at (n - 1) * share, between the two neighbours. Empty for a column without values.
//
// Radix selection over ordered bits, 16 at a time: values are counted by their highest bits until
// those that may be asked for fit into memory (2^20 a column), and these are sorted. At most four
// passes over the rows; of `budget` bytes of memory for several columns, more where they do not fit
// at once. The result does not depend on it.
Result<std::vector<std::vector<double>>> Quantiles(const BlockSource& source,
                                                   const std::vector<QuantileRequest>& requests,
                                                   const std::vector<double>& shares,
                                                   int64_t budget);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_ORDER_STATISTICS_H_
