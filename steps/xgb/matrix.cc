#include <xgboost/c_api.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/text.h"
#include "steps/xgb/call.h"
#include "steps/xgb/xgb.h"

namespace penstock::xgb {
namespace {

void FreeMatrix(void* handle) {
  XGDMatrixFree(handle);
}

// The loops over all values work on the bits of doubles: without branches or floating-point
// comparisons the compiler turns them into vector instructions.
constexpr uint64_t kOne = std::bit_cast<uint64_t>(1.0);
constexpr int kExponentBit = 52;  // set in 1.0, not in 0.0

uint64_t Bits(double value) {
  return std::bit_cast<uint64_t>(value);
}

// The first row whose value float32 cannot hold, or -1. NaN is fine.
int64_t FirstUnfit(const std::vector<double>& column) {
  constexpr double kMost = std::numeric_limits<float>::max();
  // Below the most in their upper halves, signs aside: no need to look closer. Each difference is
  // negative, its upper bit set, where the value is not.
  constexpr uint64_t kUpper = std::bit_cast<uint64_t>(kMost) >> 32;
  uint64_t suspect = 0;
  for (const double value : column) suspect |= (kUpper - 1) - ((Bits(value) << 1) >> 33);
  if ((suspect >> 63) == 0) return -1;
  const auto found = std::find_if(column.begin(), column.end(),
                                  [](double value) { return std::abs(value) > kMost; });
  return found == column.end() ? -1 : found - column.begin();
}

Status CheckShape(const Features& features) {
  if (features.rows <= 0) return InvalidArgument("the data have no rows");
  if (features.columns.empty()) return InvalidArgument("the data have no feature columns");
  for (size_t j = 0; j < features.columns.size(); ++j) {
    const std::string name = j < features.names.size() ? features.names[j] : std::to_string(j);
    if (static_cast<int64_t>(features.columns[j].size()) != features.rows) {
      return Internal("feature \"" + name + "\" has " + std::to_string(features.columns[j].size()) +
                      " values for " + std::to_string(features.rows) + " rows");
    }
    if (const int64_t row = FirstUnfit(features.columns[j]); row >= 0) {
      return InvalidArgument("feature \"" + name + "\" holds " +
                             FormatDouble(features.columns[j][static_cast<size_t>(row)]) +
                             " in row " + std::to_string(row + 1) +
                             ", which float32 cannot hold; scale, clip or drop it in process");
    }
  }
  return Status::Ok();
}

// Columns go to XGBoost where they lie: no copy of ours.
Result<void*> CreateDense(const Features& features, int threads) {
  std::vector<void*> columns;
  columns.reserve(features.columns.size());
  for (const std::vector<double>& column : features.columns) {
    columns.push_back(const_cast<double*>(column.data()));  // the library only reads
  }
  std::vector<const char*> types(columns.size(), "float64");
  DMatrixHandle handle = nullptr;
  PENSTOCK_RETURN_IF_ERROR(Check(
      XGDMatrixCreateFromDT(columns.data(), types.data(), static_cast<bst_ulong>(features.rows),
                            static_cast<bst_ulong>(columns.size()), &handle, threads),
      "cannot load the data"));
  return handle;
}

// The rows whose value is kept, in order: not missing and, with `drop_zero`, not 0. `scratch` has
// room for a row more than the column has.
std::vector<uint32_t> KeptRows(const std::vector<double>& column, bool drop_zero,
                               std::vector<uint32_t>& scratch) {
  constexpr size_t kBlock = 8;
  const double* values = column.data();
  uint32_t* rows = scratch.data();
  size_t count = 0;
  for (size_t begin = 0; begin < column.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, column.size());
    if (drop_zero && end == begin + kBlock) {
      uint64_t any = 0;
      for (size_t i = begin; i < begin + kBlock; ++i) any |= Bits(values[i]);
      if (any << 1 == 0) continue;  // all are 0, of either sign
    }
    for (size_t i = begin; i < end; ++i) {
      rows[count] = static_cast<uint32_t>(i);
      count += !std::isnan(values[i]) && !(drop_zero && values[i] == 0.0) ? 1 : 0;
    }
  }
  return {rows, rows + count};
}

// Compressed rows, filled column after column, so that each row's columns are in order.
Result<void*> CreateSparse(const Features& features, const Matrix::Options& options) {
  const size_t rows = static_cast<size_t>(features.rows);
  const size_t columns = features.columns.size();
  if (rows >= std::numeric_limits<uint32_t>::max()) {
    return ResourceExhausted("more than 4 billion rows; train on a sample");
  }
  std::vector<std::vector<uint32_t>> kept(columns);
  std::vector<uint32_t> scratch(rows + 1);
  std::vector<uint64_t> offsets(rows + 1, 0);
  for (size_t j = 0; j < columns; ++j) {
    kept[j] = KeptRows(features.columns[j], options.drop_zeros[j], scratch);
    for (const uint32_t row : kept[j]) ++offsets[row + 1];
  }
  for (size_t i = 0; i < rows; ++i) offsets[i + 1] += offsets[i];
  const size_t entries = offsets[rows];
  std::vector<uint32_t> indices(entries);
  std::vector<float> values(entries);
  std::vector<uint64_t> next(offsets.begin(), offsets.end() - 1);
  for (size_t j = 0; j < columns; ++j) {
    const double* column = features.columns[j].data();
    for (const uint32_t row : kept[j]) {
      const uint64_t at = next[row]++;
      indices[at] = static_cast<uint32_t>(j);
      values[at] = static_cast<float>(column[row]);
    }
    kept[j] = {};
  }
  const int64_t count = static_cast<int64_t>(entries);
  const std::string config =
      "{\"missing\": NaN, \"nthread\": " + std::to_string(options.threads) + "}";
  DMatrixHandle handle = nullptr;
  PENSTOCK_RETURN_IF_ERROR(Check(
      XGDMatrixCreateFromCSR(ArrayInterface(offsets.data(), "<u8", features.rows + 1, 0).c_str(),
                             ArrayInterface(indices.data(), "<u4", count, 0).c_str(),
                             ArrayInterface(values.data(), "<f4", count, 0).c_str(),
                             static_cast<bst_ulong>(features.columns.size()), config.c_str(),
                             &handle),
      "cannot load the data"));
  return handle;
}

Status SetInfo(void* handle, const char* field, std::span<const double> values, int64_t rows) {
  if (static_cast<int64_t>(values.size()) != rows) {
    return Internal("the data have " + std::to_string(rows) + " rows and " +
                    std::to_string(values.size()) + " values of " + field);
  }
  const std::vector<float> narrow(values.begin(), values.end());
  return Check(XGDMatrixSetFloatInfo(handle, field, narrow.data(), narrow.size()),
               std::string("cannot set the ") + field + "s");
}

}  // namespace

std::string LibraryVersion() {
  int major = 0, minor = 0, patch = 0;
  XGBoostVersion(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

std::vector<bool> IndicatorColumns(const Features& features) {
  std::vector<bool> indicators;
  indicators.reserve(features.columns.size());
  for (const std::vector<double>& column : features.columns) {
    // What of each value differs from the 0 or 1 that its exponent's last bit tells.
    const auto scan = [&column](size_t end) {
      uint64_t other = 0, ones = 0;
      for (size_t i = 0; i < end; ++i) {
        const uint64_t bits = Bits(column[i]);
        const uint64_t one = (bits >> kExponentBit) & 1;
        other |= bits ^ (kOne & (0 - one));
        ones += one;
      }
      return std::pair(other == 0, ones);
    };
    // Most columns of numbers show themselves in their first few.
    const bool likely = scan(std::min<size_t>(column.size(), 64)).first;
    const auto [indicator, ones] = likely ? scan(column.size()) : std::pair<bool, uint64_t>();
    indicators.push_back(indicator && 2 * ones <= column.size());
  }
  return indicators;
}

Result<Matrix> Matrix::Create(const Features& features, const Options& options) {
  PENSTOCK_RETURN_IF_ERROR(CheckShape(features));
  const bool sparse = std::find(options.drop_zeros.begin(), options.drop_zeros.end(), true) !=
                      options.drop_zeros.end();
  PENSTOCK_ASSIGN_OR_RETURN(void* handle, sparse ? CreateSparse(features, options)
                                                 : CreateDense(features, options.threads));
  return Matrix(Handle(handle, &FreeMatrix), features.rows,
                static_cast<int>(features.columns.size()));
}

Status Matrix::SetLabels(std::span<const double> labels) {
  return SetInfo(handle_.get(), "label", labels, rows_);
}

Status Matrix::SetWeights(std::span<const double> weights) {
  return SetInfo(handle_.get(), "weight", weights, rows_);
}

}  // namespace penstock::xgb
