#include "steps/process/covariance.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <utility>

#include "steps/process/learn.h"
#include "steps/table/block_source.h"

namespace penstock {
namespace {

// In four sums, which the compiler may compute side by side, added in a fixed order.
double Dot(const double* a, const double* b, std::size_t count) {
  double sums[4] = {0, 0, 0, 0};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

Result<CrossProducts> LearnCrossProducts(const FitData& data, const std::vector<std::string>& names,
                                         std::string_view op) {
  constexpr std::size_t kTile = 512;  // rows of all columns that a cache holds
  const std::size_t size = names.size();
  CrossProducts all;
  all.rows = data.rows();
  if (all.rows == 0) return InvalidArgument(std::string(op) + ": there are no training rows");
  PENSTOCK_ASSIGN_OR_RETURN(all.means, LearnMeans(data, names));
  all.sums.assign(size * size, 0);
  const auto work = [&](int64_t block, const Table& table, std::vector<double>* sums) -> Status {
    sums->assign(size * size, 0);
    std::vector<const double*> columns;
    for (const std::string& name : names) columns.push_back(table.Find(name)->numbers.data());
    std::vector<double> tile(size * kTile);
    for (std::size_t begin = 0; begin < static_cast<std::size_t>(table.rows); begin += kTile) {
      const std::size_t count = std::min(kTile, static_cast<std::size_t>(table.rows) - begin);
      for (std::size_t j = 0; j < size; ++j) {
        for (std::size_t i = 0; i < count; ++i) {
          const double value = columns[j][begin + i];
          if (!std::isfinite(value)) {
            return InvalidArgument(data.Where(block, begin + i, names[j]) + ": the value is " +
                                   (std::isnan(value) ? "missing" : "infinite") + ", which " +
                                   std::string(op) +
                                   " cannot use; impute or clip it first, or drop the row");
          }
          tile[j * kTile + i] = value - all.means[j];
        }
      }
      for (std::size_t j = 0; j < size; ++j) {
        for (std::size_t k = j; k < size; ++k) {
          (*sums)[j * size + k] += Dot(&tile[j * kTile], &tile[k * kTile], count);
        }
      }
    }
    return Status::Ok();
  };
  PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<double>>(
      data, names, work, [&](int64_t, std::vector<double>&& sums) {
        for (std::size_t i = 0; i < sums.size(); ++i) all.sums[i] += sums[i];
      }));
  for (std::size_t j = 0; j < size; ++j) {
    for (std::size_t k = 0; k < j; ++k) all.sums[j * size + k] = all.sums[k * size + j];
  }
  return all;
}

Result<Eigenvectors> SymmetricEigenvectors(const std::vector<double>& matrix, std::size_t size) {
  const auto n = static_cast<Eigen::Index>(size);
  const Eigen::Map<const Eigen::MatrixXd> map(matrix.data(), n, n);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(map);
  if (solver.info() != Eigen::Success || !solver.eigenvalues().allFinite()) {
    return InvalidArgument("the values are too large to find their components; scale them first");
  }
  Eigenvectors found;
  found.vectors.reserve(size * size);
  for (Eigen::Index i = n - 1; i >= 0; --i) {  // ascending there
    found.values.push_back(std::max(solver.eigenvalues()[i], 0.0));
    const Eigen::VectorXd vector = solver.eigenvectors().col(i);
    Eigen::Index largest = 0;
    vector.cwiseAbs().maxCoeff(&largest);
    const double sign = vector[largest] < 0 ? -1 : 1;
    for (Eigen::Index j = 0; j < n; ++j) found.vectors.push_back(sign * vector[j] + 0.0);
  }
  return found;
}

}  // namespace penstock
