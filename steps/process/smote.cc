#include "steps/process/smote.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "steps/process/operation.h"
#include "steps/table/block_source.h"
#include "steps/table/collect.h"
#include "steps/table/moments.h"

namespace penstock {
namespace {

constexpr std::size_t kRowsAtOnce = 16;  // between two looks at whether to stop

// Whether values lie on a line, so that there is something between two of them.
bool IsNumber(const ColumnInfo& info) {
  return (info.type == ColumnType::kDouble || info.type == ColumnType::kInteger) &&
         info.kind == ColumnKind::kNumeric;
}

// Of an even count the mean of the middle two.
double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return values[middle - 1] + (values[middle] - values[middle - 1]) / 2;
}

Status CheckNumbers(const Column& column, const SmoteRows::Where& where) {
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    if (std::isfinite(column.numbers[i])) continue;
    return InvalidArgument(where(i, column.info.name) + ": smote: the number is " +
                           (column.missing(i) ? "missing; use impute before"
                                              : "infinite, and so far from every other"));
  }
  return Status::Ok();
}

}  // namespace

Result<SmoteRows> SmoteRows::Make(const Table& table, const Roles& roles, const Where& where) {
  SmoteRows smote(table);
  smote.roles_ = roles;
  const auto rows = static_cast<std::size_t>(table.rows);
  std::vector<const Column*> numbers;
  std::vector<StringValues> nominal;
  std::vector<double> deviations;
  for (const Column& column : table.columns) {
    if (!roles.is_feature(column.info.name)) continue;
    if (!IsNumber(column.info)) {
      smote.nominal_names_.push_back(column.info.name);
      nominal.push_back(AsTexts(column));
      continue;
    }
    PENSTOCK_RETURN_IF_ERROR(CheckNumbers(column, where));
    numbers.push_back(&column);
    const Moments moments = Moments::Of(column.numbers);
    deviations.push_back(std::sqrt(moments.m2 / static_cast<double>(moments.count)));
    // Distances, too, are sums of squares.
    if (!std::isfinite(deviations.back() * deviations.back())) {
      return InvalidArgument("smote: the numbers of column \"" + column.info.name +
                             "\" are too large for distances; scale them before");
    }
  }
  if (!deviations.empty()) {
    const double median = Median(std::move(deviations));
    if (median * median > 0) smote.penalty_ = median * median;
  }
  smote.numbers_ = numbers.size();
  smote.points_.reserve(rows * numbers.size());
  smote.codes_.reserve(rows * nominal.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (const Column* column : numbers) smote.points_.push_back(column->numbers[i]);
    for (const StringValues& values : nominal) smote.codes_.push_back(values.codes[i]);
  }
  return smote;
}

std::vector<int32_t> SmoteRows::Nearest(std::size_t base, std::size_t k) const {
  struct Near {
    double distance;
    int32_t row;
  };
  const std::size_t nominal = nominal_names_.size();
  const double* const point = points_.data() + base * numbers_;
  const int32_t* const codes = codes_.data() + base * nominal;
  std::vector<Near> nearest;
  for (std::size_t i = 0; i < static_cast<std::size_t>(table_->rows); ++i) {
    if (i == base) continue;
    const double most = nearest.size() < k ? INFINITY : nearest.back().distance;
    double distance = 0;
    const int32_t* const other_codes = codes_.data() + i * nominal;
    for (std::size_t j = 0; j < nominal; ++j) {
      if (other_codes[j] != codes[j]) distance += penalty_;
    }
    const double* const other = points_.data() + i * numbers_;
    for (std::size_t j = 0; j < numbers_ && distance < most; ++j) {
      distance += (other[j] - point[j]) * (other[j] - point[j]);
    }
    // Of rows that are equally near, the first stays.
    if (nearest.size() == k && !(distance < most)) continue;
    const auto place =
        std::upper_bound(nearest.begin(), nearest.end(), distance,
                         [](double value, const Near& near) { return value < near.distance; });
    nearest.insert(place, {distance, static_cast<int32_t>(i)});
    if (nearest.size() > k) nearest.pop_back();
  }
  std::vector<int32_t> rows;
  rows.reserve(nearest.size());
  for (const Near& near : nearest) rows.push_back(near.row);
  return rows;
}

Result<std::vector<std::vector<int32_t>>> SmoteRows::Neighbours(const std::vector<int32_t>& bases,
                                                                int64_t k,
                                                                const TableOptions& options) const {
  std::vector<std::vector<int32_t>> neighbours(static_cast<std::size_t>(table_->rows));
  const std::size_t pieces = (bases.size() + kRowsAtOnce - 1) / kRowsAtOnce;
  PENSTOCK_RETURN_IF_ERROR(ForEachIndex(static_cast<int64_t>(pieces), options, [&](int64_t piece) {
    const std::size_t begin = static_cast<std::size_t>(piece) * kRowsAtOnce;
    for (std::size_t i = begin; i < std::min(begin + kRowsAtOnce, bases.size()); ++i) {
      const auto base = static_cast<std::size_t>(bases[i]);
      neighbours[base] = Nearest(base, static_cast<std::size_t>(k));
    }
    return Status::Ok();
  }));
  return neighbours;
}

int32_t SmoteRows::Majority(std::size_t feature, const std::vector<int32_t>& neighbours) const {
  const auto code = [&](int32_t row) {
    return codes_[static_cast<std::size_t>(row) * nominal_names_.size() + feature];
  };
  int32_t best = neighbours.front();
  std::ptrdiff_t most = 0;
  for (const int32_t row : neighbours) {
    const auto count = std::count_if(neighbours.begin(), neighbours.end(),
                                     [&](int32_t other) { return code(other) == code(row); });
    if (count <= most) continue;
    most = count;
    best = row;
  }
  return best;
}

Column SmoteRows::Interpolated(const Column& column, const std::vector<SmotePick>& picks) const {
  Column made;
  made.info = column.info;
  made.numbers.reserve(picks.size());
  for (const SmotePick& pick : picks) {
    const double from = column.numbers[static_cast<std::size_t>(pick.base)];
    const double to = column.numbers[static_cast<std::size_t>(pick.neighbour)];
    double value =
        std::clamp(from + pick.gap * (to - from), std::min(from, to), std::max(from, to));
    if (column.info.type == ColumnType::kInteger) value = std::floor(value + 0.5);
    made.numbers.push_back(value + 0.0);
  }
  return made;
}

Table SmoteRows::MakeRows(const std::vector<SmotePick>& picks,
                          const std::vector<std::vector<int32_t>>& neighbours,
                          const std::vector<ColumnInfo>& columns) const {
  std::vector<int32_t> bases;
  bases.reserve(picks.size());
  for (const SmotePick& pick : picks) bases.push_back(pick.base);
  Table made;
  made.rows = static_cast<int64_t>(picks.size());
  for (const ColumnInfo& info : columns) {
    const Column& column = *table_->Find(info.name);
    const auto nominal = std::find(nominal_names_.begin(), nominal_names_.end(), info.name);
    if (std::find(roles_.id.begin(), roles_.id.end(), info.name) != roles_.id.end()) {
      Column missing;
      missing.info = column.info;
      missing.info.nullable = true;
      if (column.is_text()) {
        missing.strings.codes.assign(picks.size(), -1);
      } else {
        missing.numbers.assign(picks.size(), kMissing);
      }
      made.columns.push_back(std::move(missing));
    } else if (!roles_.is_feature(info.name)) {
      made.columns.push_back(ChooseRows(column, bases, info.name == roles_.label));
    } else if (nominal == nominal_names_.end()) {
      made.columns.push_back(Interpolated(column, picks));
    } else {
      const auto feature = static_cast<std::size_t>(nominal - nominal_names_.begin());
      std::vector<int32_t> sources;
      sources.reserve(picks.size());
      for (std::size_t i = 0; i < picks.size(); ++i) {
        // New rows of one base come one after the other.
        const bool same = i > 0 && picks[i - 1].base == picks[i].base;
        sources.push_back(
            same ? sources.back()
                 : Majority(feature, neighbours[static_cast<std::size_t>(picks[i].base)]));
      }
      made.columns.push_back(ChooseRows(column, sources));
    }
  }
  return made;
}

}  // namespace penstock
