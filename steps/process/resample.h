#ifndef PENSTOCK_STEPS_PROCESS_RESAMPLE_H_
#define PENSTOCK_STEPS_PROCESS_RESAMPLE_H_

// What operations share that give classes another share of the training rows: how many rows of each
// there are, how many there are to be, and which. Private to steps/process. Deterministic by seed
// on every machine.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "steps/process/draft.h"

namespace penstock {

// How many rows each class is to have: no class more than `ratio` times the rows of another, or
// each its share of all.
struct ResampleSpec {
  double ratio = 1;
  std::map<std::string, double> shares;  // by class; empty: by ratio
  uint64_t seed = 0;
};

// `ratio`, `shares` and `seed` of an entry. kInvalidArgument for a value that one cannot have.
Result<ResampleSpec> ResampleSpecFromJson(const Json& spec);

// The training rows of each class (copies count), by index. kInvalidArgument where the label is
// missing or a number.
Result<std::vector<int64_t>> CountClasses(const Draft& draft, std::string_view op);

// How many rows each class is to have, where rows go (none more than before) or come (none less).
// Classes without a row keep none. kInvalidArgument: shares that name other classes than those that
// have rows; more than 1,000 rows for one.
Result<std::vector<int64_t>> FewerRows(const ResampleSpec& spec, std::string_view op,
                                       const std::vector<std::string>& classes,
                                       const std::vector<int64_t>& counts);
Result<std::vector<int64_t>> MoreRows(const ResampleSpec& spec, std::string_view op,
                                      const std::vector<std::string>& classes,
                                      const std::vector<int64_t>& counts);

// Calls `visit` for each training row (one that is there several times: as often), in order and on
// this thread; `block` and `position` say which row of the training rows' table it is.
struct TrainingLabel {
  int64_t row = 0;  // of the frame
  int64_t block = 0;
  int32_t position = 0;
  std::size_t of_class = 0;
};
Status ForEachTrainingLabel(const Draft& draft,
                            const std::function<void(const TrainingLabel&)>& visit);

// Draws exactly `wanted` rows of each class, each set of them equally likely: selection sampling
// (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S).
class ClassDrawer {
 public:
  // `op` keeps the drawings of different operations with one seed apart.
  ClassDrawer(std::vector<int64_t> sizes, std::vector<int64_t> wanted, uint64_t seed,
              std::string_view op);
  // Whether the next row, which is of that class, is drawn.
  bool Draw(std::size_t of_class);

 private:
  SeededRandom random_;
  std::vector<int64_t> rows_left_;
  std::vector<int64_t> wanted_;
};

// The generator of an operation with that seed.
SeededRandom RandomOf(std::string_view op, uint64_t seed);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_RESAMPLE_H_
