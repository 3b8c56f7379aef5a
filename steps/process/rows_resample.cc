// downsample and upsample: training rows of classes left out, or there several times.

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "steps/process/draft.h"
#include "steps/process/resample.h"
#include "steps/process/row_operation.h"

namespace penstock {
namespace {

int64_t Sum(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

// How often each row of the frame is there, 0 for training rows.
std::vector<uint32_t> WithoutTraining(const Draft& draft) {
  std::vector<uint32_t> copies = draft.copies();
  if (copies.empty()) copies.assign(static_cast<std::size_t>(draft.rows()), 1);
  for (int64_t row = 0; row < draft.rows(); ++row) {
    if (draft.is_training(row)) copies[static_cast<std::size_t>(row)] = 0;
  }
  return copies;
}

class Downsample : public RowOperation {
 public:
  explicit Downsample(ResampleSpec spec) : RowOperation(Applies::kTrain), spec_(std::move(spec)) {}

  Status Run(Draft& draft) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int64_t> counts, CountClasses(draft, "downsample"));
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int64_t> wanted,
                              FewerRows(spec_, "downsample", draft.label().classes, counts));
    std::vector<uint32_t> copies = WithoutTraining(draft);
    ClassDrawer drawer(counts, wanted, spec_.seed, "downsample");
    PENSTOCK_RETURN_IF_ERROR(ForEachTrainingLabel(draft, [&](const TrainingLabel& training) {
      if (drawer.Draw(training.of_class)) ++copies[static_cast<std::size_t>(training.row)];
    }));
    for (int64_t row = 0; row < draft.rows(); ++row) {
      if (copies[static_cast<std::size_t>(row)] == 0) draft.KeepFromTraining(row);
    }
    if (!draft.copies().empty()) draft.SetCopies(std::move(copies));
    draft.Note("downsample: " + std::to_string(Sum(wanted)) + " of " + std::to_string(Sum(counts)) +
               " training rows stay");
    return Status::Ok();
  }

 private:
  ResampleSpec spec_;
};

class Upsample : public RowOperation {
 public:
  explicit Upsample(ResampleSpec spec) : RowOperation(Applies::kTrain), spec_(std::move(spec)) {}

  Status Run(Draft& draft) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int64_t> counts, CountClasses(draft, "upsample"));
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int64_t> wanted,
                              MoreRows(spec_, "upsample", draft.label().classes, counts));
    // All rows of a class equally often, and as many of them as are left over once more.
    std::vector<uint32_t> times(counts.size());
    std::vector<int64_t> once_more(counts.size());
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      times[i] = static_cast<uint32_t>(wanted[i] / counts[i]);
      once_more[i] = wanted[i] % counts[i];
    }
    std::vector<uint32_t> copies = WithoutTraining(draft);
    ClassDrawer drawer(counts, std::move(once_more), spec_.seed, "upsample");
    PENSTOCK_RETURN_IF_ERROR(ForEachTrainingLabel(draft, [&](const TrainingLabel& training) {
      copies[static_cast<std::size_t>(training.row)] +=
          times[training.of_class] + (drawer.Draw(training.of_class) ? 1 : 0);
    }));
    draft.SetCopies(std::move(copies));
    draft.Note("upsample: " + std::to_string(Sum(counts)) + " training rows became " +
               std::to_string(Sum(wanted)));
    return Status::Ok();
  }

 private:
  ResampleSpec spec_;
};

}  // namespace

Result<std::unique_ptr<RowOperation>> MakeDownsample(const Json& spec) {
  PENSTOCK_ASSIGN_OR_RETURN(ResampleSpec resample, ResampleSpecFromJson(spec));
  return std::unique_ptr<RowOperation>(new Downsample(std::move(resample)));
}
Result<std::unique_ptr<RowOperation>> MakeUpsample(const Json& spec) {
  PENSTOCK_ASSIGN_OR_RETURN(ResampleSpec resample, ResampleSpecFromJson(spec));
  return std::unique_ptr<RowOperation>(new Upsample(std::move(resample)));
}

}  // namespace penstock
