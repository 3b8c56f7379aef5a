#ifndef PENSTOCK_STEPS_PROCESS_COVARIANCE_H_
#define PENSTOCK_STEPS_PROCESS_COVARIANCE_H_

// Principal components of columns of numbers.

#include <string>
#include <vector>

#include "base/result.h"
#include "steps/process/fit_data.h"

namespace penstock {

// Of p columns, row by row: sums over the rows of (x_i - mean_i) * (x_j - mean_j).
struct CrossProducts {
  std::vector<double> means;
  std::vector<double> sums;  // p × p, symmetric
  int64_t rows = 0;
};

// Two passes: means by compensated sums, then products about them, of each block by itself and
// added in the order of the blocks; the same bits for any number of threads. O(rows × p²).
// kInvalidArgument, with `op`: a cell is missing or infinite, or there is no row. Precondition:
// `names` are columns of numbers.
Result<CrossProducts> LearnCrossProducts(const FitData& data, const std::vector<std::string>& names,
                                         std::string_view op);

// Eigenvectors of a symmetric matrix (p × p) of finite numbers, those of the largest eigenvalues
// first, of length 1, each with the sign that makes its largest entry positive (of equally large
// ones the first), and the eigenvalues; those below 0 by rounding are 0. O(p³): Householder's
// tridiagonal form and implicit QR (Golub and Van Loan, Matrix Computations, 8.3).
struct Eigenvectors {
  std::vector<double> values;
  std::vector<double> vectors;  // p × p: one a row
};
Result<Eigenvectors> SymmetricEigenvectors(const std::vector<double>& matrix, std::size_t size);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_COVARIANCE_H_
