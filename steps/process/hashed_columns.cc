#include "steps/process/hashed_columns.h"

#include "steps/table/hashing.h"

namespace penstock {
namespace {

constexpr int64_t kMostColumns = 65'536;

}  // namespace

Result<HashedColumns> HashedColumns::FromJson(const Json& spec, std::string_view op,
                                              int32_t columns) {
  const int64_t count = JsonInt(spec, "n_columns", columns);
  if (count < 1 || count > kMostColumns) {
    return InvalidArgument(std::string(op) + ": n_columns must be from 1 to " +
                           std::to_string(kMostColumns) + ", not " + std::to_string(count));
  }
  HashedColumns hashed;
  hashed.columns_ = static_cast<int32_t>(count);
  hashed.salt_ = MixBits(~static_cast<uint64_t>(JsonInt(spec, "seed")));
  hashed.signed_ = JsonBool(spec, "signed", true);
  return hashed;
}

HashedColumns::Place HashedColumns::PlaceOf(std::string_view text) const {
  const Hash128 hash = HashText(text);
  Place place;
  place.column = static_cast<int32_t>(MixBits(hash.high + salt_) % static_cast<uint64_t>(columns_));
  if (signed_ && (MixBits(hash.low + salt_) & 1) != 0) place.sign = -1;
  return place;
}

std::string HashedColumns::NameOf(const std::string& column, int32_t index) {
  std::string name = column;
  name.append(".hash").append(std::to_string(index));
  return name;
}

}  // namespace penstock
