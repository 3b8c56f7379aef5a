#include <xgboost/c_api.h>

#include <algorithm>
#include <cmath>
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

// The first row whose value float32 cannot hold, or -1. NaN is fine.
int64_t FirstUnfit(const std::vector<double>& column) {
  constexpr double kMost = std::numeric_limits<float>::max();
  bool unfit = false;
  for (const double value : column) unfit |= std::abs(value) > kMost;
  if (!unfit) return -1;
  const auto found = std::find_if(column.begin(), column.end(),
                                  [](double value) { return std::abs(value) > kMost; });
  return found - column.begin();
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

bool Kept(double value, bool drop_zero) {
  return !std::isnan(value) && !(drop_zero && value == 0.0);
}

// The rows whose value is kept, in order; without a branch, since which ones is hard to predict.
std::vector<uint32_t> KeptRows(const std::vector<double>& column, bool drop_zero) {
  std::vector<uint32_t> rows(column.size() + 1);
  size_t count = 0;
  for (size_t i = 0; i < column.size(); ++i) {
    rows[count] = static_cast<uint32_t>(i);
    count += Kept(column[i], drop_zero) ? 1 : 0;
  }
  rows.resize(count);
  rows.shrink_to_fit();
  return rows;
}

// Compressed rows, filled column after column, so that each row's columns are in order.
Result<void*> CreateSparse(const Features& features, const Matrix::Options& options) {
  const size_t rows = static_cast<size_t>(features.rows);
  const size_t columns = features.columns.size();
  if (rows >= std::numeric_limits<uint32_t>::max()) {
    return ResourceExhausted("more than 4 billion rows; train on a sample");
  }
  std::vector<std::vector<uint32_t>> kept(columns);
  std::vector<uint64_t> offsets(rows + 1, 0);
  for (size_t j = 0; j < columns; ++j) {
    kept[j] = KeptRows(features.columns[j], options.drop_zeros[j]);
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
    const auto count = [&column](size_t end) {
      int64_t zeros = 0, ones = 0;
      for (size_t i = 0; i < end; ++i) {
        zeros += column[i] == 0.0 ? 1 : 0;
        ones += column[i] == 1.0 ? 1 : 0;
      }
      return std::pair(zeros, zeros + ones == static_cast<int64_t>(end));
    };
    // Most columns of numbers show themselves in their first few.
    const bool likely = count(std::min<size_t>(column.size(), 64)).second;
    const auto [zeros, indicator] =
        likely ? count(column.size()) : std::pair<int64_t, bool>(0, false);
    indicators.push_back(indicator && 2 * zeros >= features.rows);
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
