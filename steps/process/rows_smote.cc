// smote: rows of the rarer classes that nobody observed, between those that somebody did. SMOTE-NC
// (Chawla, Bowyer, Hall and Kegelmeyer, Journal of Artificial Intelligence Research 16, 2002, 6.1):
// a row lies at random on the line from a row of its class to one of that row's k nearest
// neighbours in the class; of features that are no numbers it has what most of those neighbours
// have. Features that are no numbers and differ add to the squared distance the squared median of
// the standard deviations (population) that the numbers have within the class.
//
// What the paper leaves open: each row gives as many new ones as every other, to one; of equally
// frequent values the nearest neighbour's wins; where the median is 0 or there are no numbers, it
// is 1. Missing is a value of its own for what is no number, and an error for numbers. Columns of
// type boolean are no numbers; those of type integer stay whole.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "steps/process/draft.h"
#include "steps/process/resample.h"
#include "steps/process/row_operation.h"
#include "steps/process/smote.h"
#include "steps/table/collect.h"
#include "steps/table/read_frame.h"

namespace penstock {
namespace {

constexpr int64_t kNeighbours = 5;
constexpr int64_t kMostNeighbours = 100;
constexpr int64_t kMaxRows = 10'000;
constexpr int64_t kMostRows = 1'000'000;

// The rows of one class that new ones are made of.
struct Held {
  Table table;                  // features, then the others
  std::vector<int64_t> origin;  // rows of the frame
};

class Smote : public RowOperation {
 public:
  Smote(ResampleSpec spec, int64_t neighbours, int64_t max_rows)
      : RowOperation(Applies::kTrain),
        spec_(std::move(spec)),
        neighbours_(neighbours),
        max_rows_(max_rows) {}

  Status Run(Draft& draft) const override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int64_t> counts, CountClasses(draft, "smote"));
    const std::vector<std::string> classes = draft.label().classes;
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int64_t> wanted,
                              MoreRows(spec_, "smote", classes, counts));
    PENSTOCK_RETURN_IF_ERROR(draft.Materialise());
    for (std::size_t i = 0; i < classes.size(); ++i) {
      if (wanted[i] == counts[i]) continue;
      if (counts[i] < 2) {
        return InvalidArgument("smote: class \"" + classes[i] +
                               "\" has only 1 training row, and a new one lies between two; "
                               "give more data, or use upsample");
      }
      PENSTOCK_ASSIGN_OR_RETURN(Held held, Hold(draft, i, counts));
      if (counts[i] > held.table.rows) {
        draft.Note("smote: " + std::to_string(held.table.rows) + " of " +
                   std::to_string(counts[i]) + " rows of class \"" + classes[i] +
                   "\" were drawn to learn from (max_rows)");
      }
      PENSTOCK_RETURN_IF_ERROR(AddRows(draft, i, std::move(held), wanted[i] - counts[i]));
      draft.Note("smote: class \"" + classes[i] + "\" has " + std::to_string(counts[i]) +
                 " training rows, and " + std::to_string(wanted[i] - counts[i]) + " were added");
    }
    return Status::Ok();
  }

 private:
  // Different for each class, so that they do not draw alike.
  static std::string Purpose(const char* what, std::size_t of_class) {
    return std::string("smote ").append(what).append(" ").append(std::to_string(of_class));
  }

  // Training rows of the class, drawn where there are too many.
  Result<Held> Hold(const Draft& draft, std::size_t of_class,
                    const std::vector<int64_t>& counts) const {
    const int64_t count = std::min(counts[of_class], max_rows_);
    const FitData data = draft.TrainingRows();
    const auto columns = static_cast<int64_t>(data.columns().size());
    if (count * columns * int64_t{16} > data.budget()) {
      return InvalidArgument(
          "smote: " + std::to_string(count) + " rows of class \"" +
          draft.label().classes[of_class] + "\" with " + std::to_string(columns) +
          " columns do not fit into the step's memory; lower max_rows, drop columns, or raise "
          "resources.memory");
    }
    std::vector<int64_t> sizes(counts.size());
    std::vector<int64_t> wanted(counts.size());
    sizes[of_class] = counts[of_class];
    wanted[of_class] = count;
    ClassDrawer drawer(std::move(sizes), std::move(wanted), spec_.seed, Purpose("rows", of_class));
    std::vector<std::vector<int32_t>> chosen(static_cast<std::size_t>(data.blocks()));
    Held held;
    PENSTOCK_RETURN_IF_ERROR(ForEachTrainingLabel(draft, [&](const TrainingLabel& training) {
      if (training.of_class != of_class || !drawer.Draw(of_class)) return;
      chosen[static_cast<std::size_t>(training.block)].push_back(training.position);
      held.origin.push_back(training.row);
    }));
    std::vector<std::string> names;
    for (const ColumnInfo& column : data.columns()) names.push_back(column.name);
    TableCollector collector;
    PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<Table>(
        data, names,
        [&](int64_t block, const Table& table, Table* rows) {
          const std::vector<int32_t>& choice = chosen[static_cast<std::size_t>(block)];
          rows->rows = static_cast<int64_t>(choice.size());
          for (const Column& column : table.columns) {
            rows->columns.push_back(
                ChooseRows(column, choice, column.info.name == data.roles().label));
          }
          return Status::Ok();
        },
        [&](int64_t, Table&& rows) { collector.Append(std::move(rows)); }));
    held.table = collector.Take();
    return held;
  }

  Status AddRows(Draft& draft, std::size_t of_class, Held held, int64_t count) const {
    const Roles roles = draft.roles();
    PENSTOCK_ASSIGN_OR_RETURN(
        const SmoteRows rows,
        SmoteRows::Make(held.table, roles, [&](std::size_t i, const std::string& column) {
          return draft.Where(held.origin[i], column);
        }));
    // How many new rows each of those held gives.
    const auto size = static_cast<std::size_t>(held.table.rows);
    const auto times = count / held.table.rows;
    ClassDrawer drawer({held.table.rows}, {count % held.table.rows}, spec_.seed,
                       Purpose("bases", of_class));
    std::vector<int64_t> of_base(size);
    std::vector<int32_t> bases;
    for (std::size_t i = 0; i < size; ++i) {
      of_base[i] = times + (drawer.Draw(0) ? 1 : 0);
      if (of_base[i] > 0) bases.push_back(static_cast<int32_t>(i));
    }
    PENSTOCK_ASSIGN_OR_RETURN(
        const auto neighbours,
        rows.Neighbours(bases, std::min<int64_t>(neighbours_, held.table.rows - 1),
                        draft.source().frame.pass()));
    SeededRandom random = RandomOf(Purpose("lines", of_class), spec_.seed);
    std::vector<SmotePick> picks;
    const std::vector<ColumnInfo> columns = draft.source().frame.columns();
    const auto most = static_cast<std::size_t>(BlockRows(columns.size()));
    const auto flush = [&]() -> Status {
      Table made = rows.MakeRows(picks, neighbours, columns);
      picks.clear();
      return draft.Append(std::move(made));
    };
    for (const int32_t base : bases) {
      const auto& near = neighbours[static_cast<std::size_t>(base)];
      for (int64_t i = 0; i < of_base[static_cast<std::size_t>(base)]; ++i) {
        const auto which = static_cast<std::size_t>(Below(random, near.size()));
        picks.push_back({base, near[which], random.NextDouble()});
        if (picks.size() == most) PENSTOCK_RETURN_IF_ERROR(flush());
      }
    }
    return picks.empty() ? Status::Ok() : flush();
  }

  ResampleSpec spec_;
  int64_t neighbours_;
  int64_t max_rows_;
};

// A whole number within bounds; `otherwise` where it is left out.
Result<int64_t> WholeNumber(const Json& spec, const char* name, int64_t least, int64_t most,
                            int64_t otherwise) {
  const Json& value = JsonMember(spec, name);
  if (value.is_null()) return otherwise;
  if (value.is_number_integer() && value >= least && value <= most) return value.get<int64_t>();
  return InvalidArgument(std::string("smote: ") + name + " must be an integer from " +
                         std::to_string(least) + " to " + std::to_string(most));
}

}  // namespace

Result<std::unique_ptr<RowOperation>> MakeSmote(const Json& spec) {
  PENSTOCK_ASSIGN_OR_RETURN(ResampleSpec resample, ResampleSpecFromJson(spec));
  PENSTOCK_ASSIGN_OR_RETURN(const int64_t k,
                            WholeNumber(spec, "k", 1, kMostNeighbours, kNeighbours));
  PENSTOCK_ASSIGN_OR_RETURN(const int64_t max_rows,
                            WholeNumber(spec, "max_rows", 2, kMostRows, kMaxRows));
  return std::unique_ptr<RowOperation>(new Smote(std::move(resample), k, max_rows));
}

}  // namespace penstock
