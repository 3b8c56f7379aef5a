// impute_knn: a missing number becomes the mean of that column in the k nearest donors, training
// rows that have a value there. As scikit-learn's KNNImputer: the distance of two rows is
// sqrt(columns / shared × sum of squared differences) over the columns that both have; weights are
// equal, or 1 / distance, where donors at distance 0 count alone. Donors that share no column have
// no distance and do not count; without any donor it is the column's mean in all training rows.
// Among equal distances the earlier row counts. Infinite numbers stay, and are compared with none.
//
// Donors are kept in the transform: at most max_donors, drawn by seed, each training row with a
// value equally likely. O(donors × columns) a row that lacks a value.

#include <algorithm>
#include <cmath>
#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"
#include "steps/process/numbers.h"
#include "steps/process/selector.h"
#include "steps/table/hashing.h"

namespace penstock {
namespace {

constexpr char kOp[] = "impute_knn";
constexpr int64_t kMostDonors = 1'000'000;
constexpr int64_t kMostNeighbours = 1'000;
constexpr int64_t kMostCells = 5'000'000;  // of donors, so that a transform stays readable

// A column of the donors, and how it takes part.
struct DonorColumn {
  std::string name;
  double mean = 0;             // of all training rows
  double scale = 1;            // differences are divided by it
  std::vector<double> values;  // one a donor; NaN where it has none
};

class KnnImpute : public Operation {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<KnnImpute>(new KnnImpute(spec));
    const auto limited = [&](const char* key, int64_t otherwise, int64_t most,
                             int64_t* value) -> Status {
      *value = JsonInt(spec, key, otherwise);
      if (*value >= 1 && *value <= most) return Status::Ok();
      return InvalidArgument(std::string("impute_knn: ") + key + " must be from 1 to " +
                             std::to_string(most));
    };
    PENSTOCK_RETURN_IF_ERROR(limited("neighbours", 5, kMostNeighbours, &op->neighbours_));
    PENSTOCK_RETURN_IF_ERROR(limited("max_donors", 10'000, kMostDonors, &op->max_donors_));
    op->by_distance_ = JsonString(spec, "weights", "uniform") == "distance";
    op->standardize_ = JsonBool(spec, "standardize");
    op->seed_ = static_cast<uint64_t>(JsonInt(spec, "seed", 0));
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

  Status Fit(const FitData& data) override {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                              SelectColumns(JsonMember(spec_, "columns"), data.features()));
    PENSTOCK_RETURN_IF_ERROR(RequireNumbers(
        data, names, kOp,
        "only numbers have distances; encode it first, or choose columns by {kind: numeric}"));
    if (static_cast<int64_t>(names.size()) * std::min(max_donors_, data.rows()) > kMostCells) {
      return InvalidArgument("impute_knn: donors have more than " + std::to_string(kMostCells) +
                             " values, in " + std::to_string(names.size()) +
                             " columns; lower max_donors or choose fewer columns");
    }
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<double> means, LearnMeans(data, names));
    std::vector<Moments> moments(names.size());
    if (standardize_) {
      PENSTOCK_ASSIGN_OR_RETURN(moments, LearnMoments(data, names));
    }
    donors_.clear();
    for (std::size_t j = 0; j < names.size(); ++j) {
      if (!std::isfinite(means[j])) {
        return InvalidArgument("impute_knn: column \"" + names[j] + "\" has no " +
                               (std::isnan(means[j]) ? "value" : "finite mean") +
                               " in the training rows, so nothing can be filled in; drop the "
                               "column, or use impute with method: constant");
      }
      const double deviation = std::sqrt(moments[j].m2 / static_cast<double>(moments[j].count));
      const bool spread = std::isfinite(deviation) && deviation > 1e-14 * std::fabs(means[j]);
      donors_.push_back({names[j], means[j] + 0.0, standardize_ && spread ? deviation : 1.0, {}});
    }
    return DrawDonors(data, names);
  }

  std::vector<std::string> columns() const override {
    std::vector<std::string> names;
    for (const DonorColumn& column : donors_) names.push_back(column.name);
    return names;
  }
  bool costly() const override { return true; }

  Status Apply(Table& table, const AppliedRows& rows) const override {
    std::vector<Column*> columns;
    for (const DonorColumn& donor : donors_) {
      PENSTOCK_ASSIGN_OR_RETURN(Column * column, FindColumn(table, donor.name));
      PENSTOCK_RETURN_IF_ERROR(CheckNumeric(*column, kOp));
      columns.push_back(column);
    }
    std::vector<double> row(columns.size());
    for (std::size_t i = 0; i < static_cast<std::size_t>(table.rows); ++i) {
      bool complete = true;
      for (std::size_t j = 0; j < columns.size(); ++j) {
        row[j] = columns[j]->numbers[i];
        complete = complete && !std::isnan(row[j]);
      }
      if (complete) continue;
      const std::vector<double> distances = Distances(row);
      for (std::size_t j = 0; j < columns.size(); ++j) {
        if (!std::isnan(row[j])) continue;
        const double fill = Fill(donors_[j], distances);
        if (!std::isfinite(fill)) {
          return InvalidArgument(rows.Where(i, donors_[j].name) +
                                 ": the mean of its nearest donors is no finite number; clip such "
                                 "large values with outliers before");
        }
        columns[j]->numbers[i] = fill;
      }
    }
    for (Column* column : columns) {
      column->info.type = ColumnType::kDouble;
      column->info.nullable = false;
    }
    return Status::Ok();
  }

  Json ToJson() const override {
    Json json = spec_;
    Json fitted = Json::array();
    for (const DonorColumn& column : donors_) {
      Json values = Json::array();
      for (const double value : column.values) {
        values.push_back(std::isnan(value) ? Json() : Json(value));
      }
      fitted.push_back({{"name", column.name},
                        {"mean", column.mean},
                        {"scale", column.scale},
                        {"donors", std::move(values)}});
    }
    json["fitted"] = std::move(fitted);
    return json;
  }

 private:
  explicit KnnImpute(const Json& spec) : spec_(spec) {}

  Status Restore() {
    const Json& fitted = JsonMember(spec_, "fitted");
    if (fitted.is_null()) return Status::Ok();
    if (!fitted.is_array()) return BadFitted(kOp, "it is no list of columns");
    for (const Json& json : fitted) {
      DonorColumn column;
      column.name = JsonString(json, "name");
      PENSTOCK_ASSIGN_OR_RETURN(column.mean, FittedNumber(json, "mean", kOp));
      PENSTOCK_ASSIGN_OR_RETURN(column.scale, FittedNumber(json, "scale", kOp));
      if (!(column.scale > 0)) return BadFitted(kOp, "scale is not positive");
      const Json& values = JsonMember(json, "donors");
      if (!values.is_array()) return BadFitted(kOp, "donors are absent");
      for (const Json& value : values) {
        const bool number = value.is_number() && std::isfinite(value.get<double>());
        if (!number && !value.is_null()) return BadFitted(kOp, "a donor's value is no number");
        column.values.push_back(number ? value.get<double>() : kMissing);
      }
      if (!donors_.empty() && donors_.front().values.size() != column.values.size()) {
        return BadFitted(kOp, "columns have different numbers of donors");
      }
      donors_.push_back(std::move(column));
    }
    return Status::Ok();
  }

  // A training row that may become a donor: those with the lowest draws do. Rows that are there
  // several times have the same draw and come in their order.
  struct Candidate {
    uint64_t draw = 0;
    int64_t row = 0;
    std::size_t place = 0;  // in its block
    std::vector<double> values;
  };
  static bool IsEarlier(const Candidate& a, const Candidate& b) { return a.row < b.row; }
  void KeepLowest(std::vector<Candidate>& candidates) const {
    if (candidates.size() <= static_cast<std::size_t>(max_donors_)) return;
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) {
                       return a.draw != b.draw ? a.draw < b.draw : IsEarlier(a, b);
                     });
    candidates.resize(static_cast<std::size_t>(max_donors_));
  }

  std::vector<Candidate> DrawIn(const Table& table, const std::vector<std::string>& names,
                                const std::vector<int64_t>& rows) const {
    std::vector<const Column*> columns;
    for (const std::string& name : names) columns.push_back(table.Find(name));
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool any = std::any_of(columns.begin(), columns.end(), [&](const Column* column) {
        return std::isfinite(column->numbers[i]);
      });
      if (!any) continue;
      const uint64_t draw = MixBits(MixBits(seed_) ^ static_cast<uint64_t>(rows[i]));
      candidates.push_back({draw, rows[i], i, {}});
    }
    KeepLowest(candidates);
    for (Candidate& candidate : candidates) {
      for (const Column* column : columns) {
        const double value = column->numbers[candidate.place];
        candidate.values.push_back(std::isfinite(value) ? value + 0.0 : kMissing);
      }
    }
    return candidates;
  }

  Status DrawDonors(const FitData& data, const std::vector<std::string>& names) {
    std::vector<Candidate> drawn;
    PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<Candidate>>(
        data, names,
        [&](int64_t block, const Table& table, std::vector<Candidate>* candidates) {
          *candidates = DrawIn(table, names, data.RowsOf(block));
          return Status::Ok();
        },
        [&](int64_t, std::vector<Candidate>&& candidates) {
          for (Candidate& candidate : candidates) drawn.push_back(std::move(candidate));
          KeepLowest(drawn);
        }));
    std::stable_sort(drawn.begin(), drawn.end(), IsEarlier);
    for (const Candidate& candidate : drawn) {
      for (std::size_t j = 0; j < names.size(); ++j) {
        donors_[j].values.push_back(candidate.values[j]);
      }
    }
    return Status::Ok();
  }

  // Squared distances of a row to all donors; NaN where they share no column.
  std::vector<double> Distances(const std::vector<double>& row) const {
    const std::size_t count = donors_.front().values.size();
    std::vector<double> sums(count);
    std::vector<double> shared(count);
    for (std::size_t j = 0; j < donors_.size(); ++j) {
      if (!std::isfinite(row[j])) continue;
      const double scale = donors_[j].scale;
      const double* const values = donors_[j].values.data();
      for (std::size_t d = 0; d < count; ++d) {
        const double difference = (row[j] - values[d]) / scale;
        const bool there = !std::isnan(values[d]);
        sums[d] += there ? difference * difference : 0;
        shared[d] += there ? 1 : 0;
      }
    }
    const auto all = static_cast<double>(donors_.size());
    for (std::size_t d = 0; d < count; ++d) {
      sums[d] = shared[d] == 0 ? kMissing : sums[d] * (all / shared[d]);
    }
    return sums;
  }

  double Fill(const DonorColumn& column, const std::vector<double>& distances) const {
    std::vector<std::pair<double, std::size_t>> nearest;
    for (std::size_t d = 0; d < distances.size(); ++d) {
      if (std::isnan(distances[d]) || std::isnan(column.values[d])) continue;
      nearest.emplace_back(distances[d], d);
    }
    if (nearest.empty()) return column.mean;
    const std::size_t count = std::min(nearest.size(), static_cast<std::size_t>(neighbours_));
    const auto end = nearest.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(nearest.begin(), end, nearest.end());
    nearest.resize(count);
    double sum = 0;
    double weights = 0;
    for (const auto& [distance, donor] : nearest) {
      const double weight = WeightOf(distance, nearest.front().first);
      sum += weight * column.values[donor];
      weights += weight;
    }
    return sum / weights;
  }

  // In units of the nearest's, so that it is finite.
  double WeightOf(double distance, double nearest) const {
    if (!by_distance_ || distance == nearest) return 1;
    return std::sqrt(nearest / distance);
  }

  Json spec_;
  int64_t neighbours_ = 5;
  int64_t max_donors_ = 10'000;
  bool by_distance_ = false;
  bool standardize_ = false;
  uint64_t seed_ = 0;
  std::vector<DonorColumn> donors_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeImputeKnn(const Json& spec) {
  return KnnImpute::Make(spec);
}

}  // namespace penstock
