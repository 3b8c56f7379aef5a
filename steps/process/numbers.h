#ifndef PENSTOCK_STEPS_PROCESS_NUMBERS_H_
#define PENSTOCK_STEPS_PROCESS_NUMBERS_H_

// What operations that make numbers of numbers share. Pure functions; private to steps/process.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/process/chain.h"
#include "steps/table/table.h"

namespace penstock {

// kInvalidArgument where a column that was numeric when the transform was fitted is text.
Status CheckNumeric(const Column& column, std::string_view op);

// Whether an operation lost a number: of a finite one it made none that is finite, or of an
// infinite one NaN.
inline bool IsLost(double from, double to) {
  return (std::isfinite(from) && !std::isfinite(to)) || (!std::isnan(from) && std::isnan(to));
}
// What to say of it.
Status LostNumber(const Column& column, std::size_t i, std::string_view op,
                  const AppliedRows& rows);

// Gives a column of doubles the numbers `function(number)`; missing ones stay missing.
// kInvalidArgument names the first that is lost.
template <typename Function>
Status ChangeNumbers(Column& column, std::string_view op, const AppliedRows& rows,
                     const Function& function) {
  PENSTOCK_RETURN_IF_ERROR(CheckNumeric(column, op));
  column.info.type = ColumnType::kDouble;
  // Piece by piece and without branches, so that compilers can vectorise what is simple.
  std::array<double, 512> made;
  for (std::size_t first = 0; first < column.numbers.size(); first += made.size()) {
    const std::size_t count = std::min(made.size(), column.numbers.size() - first);
    double* const numbers = column.numbers.data() + first;
    bool lost = false;
    for (std::size_t i = 0; i < count; ++i) {
      made[i] = std::isnan(numbers[i]) ? numbers[i] : function(numbers[i]);
      lost |= IsLost(numbers[i], made[i]);
    }
    for (std::size_t i = 0; i < count && lost; ++i) {
      if (IsLost(numbers[i], made[i])) return LostNumber(column, first + i, op, rows);
    }
    std::copy_n(made.begin(), count, numbers);
  }
  return Status::Ok();
}

// Parts of what was fitted. kInvalidArgument: it is not as it was written.
Result<double> FittedNumber(const Json& fitted, std::string_view key, std::string_view op);
Result<std::vector<double>> FittedNumbers(const Json& list, std::string_view op);
Status BadFitted(std::string_view op, std::string_view what);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_NUMBERS_H_
