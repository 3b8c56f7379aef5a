#ifndef PENSTOCK_STEPS_XGB_XGB_H_
#define PENSTOCK_STEPS_XGB_XGB_H_

// XGBoost's C library behind owned handles and Status: matrices and boosters. No XGBoost type or
// exception leaves this folder.
//
// Threads: a Matrix and a Booster belong to one thread at a time; Booster::Predict alone may be
// called from several at once. Results depend on the data, the parameters and the seed, not on the
// number of threads.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "steps/api/model.h"

namespace penstock::xgb {

// "1.7.4".
std::string LibraryVersion();

// Which columns hold nothing but 0 and 1, with at least half zeros: what one-hot encoding makes.
std::vector<bool> IndicatorColumns(const Features& features);

// Data in XGBoost's own layout. Movable.
class Matrix {
 public:
  struct Options {
    int threads = 1;
    // For columns that are marked, zeros are left out, as if missing: on one-hot data a matrix of
    // an eighth of the size and half the training time. A booster that was trained on such a
    // matrix must be mended by MendIndicatorSplits before it sees anything else. Empty: none.
    std::vector<bool> drop_zeros;
  };

  // Copies `features` once, as float32. NaN is missing; kInvalidArgument names the column and row
  // of a value that float32 cannot hold (infinite, or beyond 3.4e38).
  static Result<Matrix> Create(const Features& features, const Options& options);

  // One value a row.
  Status SetLabels(std::span<const double> labels);
  Status SetWeights(std::span<const double> weights);

  int64_t rows() const { return rows_; }
  int columns() const { return columns_; }
  void* handle() const { return handle_.get(); }

 private:
  using Handle = std::unique_ptr<void, void (*)(void*)>;
  Matrix(Handle handle, int64_t rows, int columns)
      : handle_(std::move(handle)), rows_(rows), columns_(columns) {}

  Handle handle_;
  int64_t rows_ = 0;
  int columns_ = 0;
};

// The scores of some rows: row-major, rows × columns.
struct Scores {
  int64_t rows = 0;
  int columns = 1;
  std::span<const float> values;  // valid until the next call on the same thread
};

class Booster {
 public:
  // `matrices` are the ones that Update, Evaluate and Scores will see; their running scores are
  // cached. They must outlive the booster.
  static Result<Booster> Create(const std::vector<const Matrix*>& matrices);
  // From what Save wrote, in either format.
  static Result<Booster> Load(std::string_view bytes);

  Status SetParameter(const std::string& name, const std::string& value);
  // Any text; kept in the saved model.
  Status SetFeatureNames(const std::vector<std::string>& names);

  // One boosting round; `round` counts up from 0.
  Status Update(int round, const Matrix& train);
  // The metrics set as eval_metric on one matrix, in the order in which they were set.
  Result<std::vector<std::pair<std::string, double>>> Evaluate(int round, const Matrix& matrix);
  // Transformed scores (probabilities for logistic objectives) of a matrix given to Create.
  Result<Scores> ScoresOf(const Matrix& matrix);

  // Transformed scores of `features`, rows × columns; the same bits whatever `threads` is.
  Result<std::vector<float>> Predict(const Features& features, int threads) const;

  // A booster of the first `rounds` rounds.
  Result<Booster> FirstRounds(int rounds) const;
  Result<int> Rounds() const;

  // XGBoost's own formats; the same bytes for the same model.
  enum class Format { kJson, kUbj };
  Result<std::string> Save(Format format) const;

  // Mean gain of the splits on each feature, by position; only features that are used.
  Result<std::map<int, double>> GainByFeature() const;

 private:
  using Handle = std::unique_ptr<void, void (*)(void*)>;
  explicit Booster(Handle handle) : handle_(std::move(handle)) {}

  Handle handle_;
};

// Makes a booster that was trained with Options::drop_zeros treat 0 as 0. A split on a column of
// zeros-left-out and ones separates the ones from what is missing; in the result it reads "x < 1",
// zeros left, and a missing value goes with the zeros. `trained` is not changed; the result has no
// cached matrices and predicts for full data what `trained` predicts with zeros left out.
Result<Booster> MendIndicatorSplits(const Booster& trained, const std::vector<bool>& drop_zeros);

}  // namespace penstock::xgb

#endif  // PENSTOCK_STEPS_XGB_XGB_H_
