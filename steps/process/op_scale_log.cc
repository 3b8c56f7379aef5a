// log: the natural logarithm of numbers plus an offset, log(x + offset); log1p for offset 1. offset
// auto moves the smallest training value to 1, where it is below: max(0, 1 - minimum). Missing
// values stay missing.

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/fold.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"
#include "steps/process/numbers.h"

namespace penstock {
namespace {

constexpr char kOp[] = "log";

// What becomes of values that have no logarithm: x + offset <= 0.
enum class Below { kError, kMissing, kClip };

struct Offset {
  double offset = 0;
  std::optional<double> floor;  // the smallest training value that has a logarithm; for kClip
};

double LogOf(double value, double offset) {
  return offset == 1 ? std::log1p(value) : std::log(value + offset);
}

class Log : public ColumnOperation<Offset> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Log>(new Log(spec));
    const Json& offset = JsonMember(spec, "offset");
    op->auto_ = offset.is_string() && offset.get<std::string>() == "auto";
    const bool number = offset.is_number() && std::isfinite(offset.get<double>());
    if (!offset.is_null() && !op->auto_ && !number) {
      return InvalidArgument("log: offset must be a number or auto, not " + DumpJson(offset));
    }
    if (number) op->offset_ = offset.get<double>();
    const std::string below = JsonString(spec, "below", "error");
    op->below_ = below == "missing" ? Below::kMissing
                 : below == "clip"  ? Below::kClip
                                    : Below::kError;
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Offset>& fitted) override {
    PENSTOCK_RETURN_IF_ERROR(RequireNumbers(
        data, names, kOp, "only numbers have logarithms; choose columns by {kind: numeric}"));
    for (Offset& column : fitted) column.offset = offset_;
    if (auto_) PENSTOCK_RETURN_IF_ERROR(LearnOffsets(data, names, fitted));
    return below_ == Below::kClip ? LearnFloors(data, names, fitted) : Status::Ok();
  }

  Json FittedToJson(const Offset& fitted) const override {
    return {{"offset", fitted.offset}, {"floor", fitted.floor ? Json(*fitted.floor) : Json()}};
  }
  Result<Offset> FittedFromJson(const Json& json) const override {
    Offset fitted;
    PENSTOCK_ASSIGN_OR_RETURN(fitted.offset, FittedNumber(json, "offset", kOp));
    if (JsonMember(json, "floor").is_null()) return fitted;
    PENSTOCK_ASSIGN_OR_RETURN(fitted.floor, FittedNumber(json, "floor", kOp));
    if (*fitted.floor + fitted.offset > 0) return fitted;
    return BadFitted(kOp, "floor has no logarithm");
  }

  Status Change(Column&& column, const Offset& fitted, const AppliedRows& rows,
                std::vector<Column>& out) const override {
    PENSTOCK_RETURN_IF_ERROR(CheckNumeric(column, kOp));
    for (std::size_t i = 0; i < column.numbers.size(); ++i) {
      double& value = column.numbers[i];
      if (!(value + fitted.offset <= 0)) continue;
      if (below_ == Below::kError || (below_ == Below::kClip && !fitted.floor)) {
        return NoLogarithm(column, i, fitted, rows);
      }
      value = below_ == Below::kClip ? *fitted.floor : kMissing;
    }
    PENSTOCK_RETURN_IF_ERROR(ChangeNumbers(
        column, kOp, rows, [&](double value) { return LogOf(value, fitted.offset); }));
    out.push_back(std::move(column));
    return Status::Ok();
  }

 private:
  explicit Log(const Json& spec) : ColumnOperation(spec) {}

  static Status LearnOffsets(const FitData& data, const std::vector<std::string>& names,
                             std::vector<Offset>& fitted) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<NumberRange> ranges, LearnRanges(data, names));
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (ranges[i].count == 0) {
        return InvalidArgument("log: column \"" + names[i] +
                               "\" has no value in the training rows, so offset auto is undefined; "
                               "give a number, or drop the column");
      }
      fitted[i].offset = std::max(0.0, 1 - ranges[i].minimum);
      // 1 - minimum may have lost what is small beside it.
      if (!(ranges[i].minimum + fitted[i].offset > 0)) {
        fitted[i].offset = std::nextafter(-ranges[i].minimum, HUGE_VAL);
      }
      if (std::isfinite(fitted[i].offset)) continue;
      return InvalidArgument("log: column \"" + names[i] + "\" has the training value " +
                             NumberText(ranges[i].minimum) +
                             ", too far below 0 for offset auto; clip it with outliers");
    }
    return Status::Ok();
  }

  static Status LearnFloors(const FitData& data, const std::vector<std::string>& names,
                            std::vector<Offset>& fitted) {
    std::unordered_map<std::string, double> offsets;
    for (std::size_t i = 0; i < names.size(); ++i) offsets[names[i]] = fitted[i].offset;
    using Floor = std::optional<double>;
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Floor> floors,
                              (FoldColumns<Floor>(
                                  data, names,
                                  [&](const Column& column) {
                                    const double offset = offsets.at(column.info.name);
                                    Floor floor;
                                    for (const double value : column.numbers) {
                                      const bool counts =
                                          std::isfinite(value) && value + offset > 0;
                                      if (counts && (!floor || value < *floor)) floor = value + 0.0;
                                    }
                                    return floor;
                                  },
                                  [](Floor& all, Floor&& block) {
                                    if (block && (!all || *block < *all)) all = block;
                                  })));
    for (std::size_t i = 0; i < names.size(); ++i) fitted[i].floor = floors[i];
    return Status::Ok();
  }

  static Status NoLogarithm(const Column& column, std::size_t i, const Offset& fitted,
                            const AppliedRows& rows) {
    return InvalidArgument(rows.Where(i, column.info.name) + ": " + column.text(i) +
                           " has no logarithm with offset " + NumberText(fitted.offset) +
                           "; give a larger offset, or below: missing or clip (to the smallest "
                           "training value that has one)");
  }

  bool auto_ = false;
  double offset_ = 1;
  Below below_ = Below::kError;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeLog(const Json& spec) {
  return Log::Make(spec);
}

}  // namespace penstock
