#ifndef PENSTOCK_STEPS_PROCESS_HASHED_COLUMNS_H_
#define PENSTOCK_STEPS_PROCESS_HASHED_COLUMNS_H_

// Which column a text is hashed to, and with which sign. A value.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace penstock {

class HashedColumns {
 public:
  // The parameters n_columns (by default `columns`), seed and signed. kInvalidArgument, with `op`:
  // n_columns is not from 1 to 65,536.
  static Result<HashedColumns> FromJson(const Json& spec, std::string_view op, int32_t columns);

  struct Place {
    int32_t column = 0;
    double sign = 1;
  };
  // Column: MixBits(high + MixBits(~seed)) mod n; sign: the lowest bit of MixBits(low + MixBits(
  // ~seed)), where `high` and `low` are HashText's.
  Place PlaceOf(std::string_view text) const;

  int32_t columns() const { return columns_; }
  // "job.hash0".
  static std::string NameOf(const std::string& column, int32_t index);

 private:
  int32_t columns_ = 1;
  uint64_t salt_ = 0;
  bool signed_ = true;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_HASHED_COLUMNS_H_
