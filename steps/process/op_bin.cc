// bin: numbers as the interval that they lie in. Intervals are of equal width between the smallest
// and the largest training value, hold equal shares of the training values, or have edges that are
// given. The first and the last reach to infinity, so that every number has one. With edges a < b <
// c they are (-inf, b) and [b, inf), as numpy.histogram and scikit-learn's KBinsDiscretizer count;
// with closed: right (-inf, b] and (b, inf), as pandas.cut. Edges that coincide are one.

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/even_quantiles.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"
#include "steps/process/numbers.h"
#include "steps/process/read_spec.h"

namespace penstock {
namespace {

constexpr char kOp[] = "bin";
constexpr int64_t kMostBins = 10'000;

using Edges = std::vector<double>;  // rising; bins between two of them, one where there is just one

class Bin : public ColumnOperation<Edges> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Bin>(new Bin(spec));
    op->method_ = JsonString(spec, "method", "equal_width");
    op->bins_ = JsonInt(spec, "bins", 5);
    op->output_ = JsonString(spec, "output", "code");
    op->right_ = JsonString(spec, "closed", "left") == "right";
    if (op->bins_ < 2 || op->bins_ > kMostBins) {
      return InvalidArgument("bin: bins must be from 2 to " + std::to_string(kMostBins));
    }
    if (op->method_ == "edges") {
      const auto edges = FittedNumbers(JsonMember(spec, "edges"), kOp);
      if (!edges.ok() || edges->size() < 2 || !Rising(*edges)) {
        return InvalidArgument("bin: edges must be at least two numbers, each above the last");
      }
      op->given_ = *edges;
    }
    op->labels_ = TextList(JsonMember(spec, "labels"));
    if (std::set(op->labels_.begin(), op->labels_.end()).size() != op->labels_.size()) {
      return InvalidArgument("bin: labels must differ");
    }
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Edges>& fitted) override {
    PENSTOCK_RETURN_IF_ERROR(RequireNumbers(
        data, names, kOp, "only numbers have bins; choose columns by {kind: numeric}"));
    PENSTOCK_ASSIGN_OR_RETURN(fitted, EdgesOf(data, names));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string column = "bin: column \"" + names[i] + "\" has ";
      if (fitted[i].empty()) {
        return InvalidArgument(column +
                               "no value in the training rows, and so no bins; drop it, "
                               "or give edges");
      }
      PENSTOCK_RETURN_IF_ERROR(CheckLabels(fitted[i], column));
    }
    return Status::Ok();
  }

  Json FittedToJson(const Edges& edges) const override { return edges; }
  Result<Edges> FittedFromJson(const Json& json) const override {
    PENSTOCK_ASSIGN_OR_RETURN(Edges edges, FittedNumbers(json, kOp));
    if (edges.empty() || !Rising(edges)) return BadFitted(kOp, "edges are absent or not rising");
    PENSTOCK_RETURN_IF_ERROR(CheckLabels(edges, "bin: there are "));
    return edges;
  }

  Status Change(Column&& column, const Edges& edges, const AppliedRows&,
                std::vector<Column>& out) const override {
    PENSTOCK_RETURN_IF_ERROR(CheckNumeric(column, kOp));
    if (output_ == "label") {
      out.push_back(Labelled(column, edges));
    } else if (output_ == "one_hot") {
      AddIndicators(column, edges, out);
    } else {
      for (double& value : column.numbers) {
        if (!std::isnan(value)) value = static_cast<double>(BinOf(value, edges));
      }
      out.push_back(
          MakeNumberColumn(column.info.name, std::move(column.numbers), ColumnType::kInteger));
    }
    return Status::Ok();
  }

 private:
  explicit Bin(const Json& spec) : ColumnOperation(spec) {}

  static bool Rising(const Edges& edges) {
    return std::adjacent_find(edges.begin(), edges.end(), std::greater_equal<>()) == edges.end();
  }
  static std::size_t BinsOf(const Edges& edges) {
    return std::max<std::size_t>(edges.size() - 1, 1);
  }

  Status CheckLabels(const Edges& edges, const std::string& what) const {
    if (labels_.empty() || labels_.size() == BinsOf(edges)) return Status::Ok();
    return InvalidArgument(what + std::to_string(BinsOf(edges)) + " bins for " +
                           std::to_string(labels_.size()) +
                           " labels (edges that coincide are one); give as many labels as bins");
  }

  Result<std::vector<Edges>> EdgesOf(const FitData& data,
                                     const std::vector<std::string>& names) const {
    std::vector<Edges> edges(names.size(), given_);
    if (method_ == "edges") return edges;
    if (method_ == "quantile") {
      PENSTOCK_ASSIGN_OR_RETURN(
          edges, LearnEvenQuantiles(data, names, [this](int64_t) { return bins_ + 1; }));
    } else {
      PENSTOCK_ASSIGN_OR_RETURN(const std::vector<NumberRange> ranges, LearnRanges(data, names));
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (ranges[i].count > 0) edges[i] = EqualWidth(ranges[i].minimum, ranges[i].maximum);
      }
    }
    for (Edges& column : edges) {
      for (double& edge : column) edge += 0.0;
      column.erase(std::unique(column.begin(), column.end()), column.end());
    }
    return edges;
  }

  // As numpy.linspace has them.
  Edges EqualWidth(double low, double high) const {
    const auto bins = static_cast<double>(bins_);
    const double step = std::isfinite(high - low) ? (high - low) / bins : high / bins - low / bins;
    Edges edges;
    for (int64_t i = 0; i < bins_; ++i) {
      edges.push_back(std::min(low + static_cast<double>(i) * step, high));
    }
    edges.push_back(high);
    return edges;
  }

  std::size_t BinOf(double value, const Edges& edges) const {
    if (edges.size() < 3) return 0;
    const auto first = edges.begin() + 1;
    const auto last = edges.end() - 1;
    return static_cast<std::size_t>(
        (right_ ? std::lower_bound(first, last, value) : std::upper_bound(first, last, value)) -
        first);
  }

  std::string LabelOf(std::size_t bin, const Edges& edges) const {
    if (!labels_.empty()) return labels_[bin];
    const bool first = bin == 0;
    const bool last = bin + 1 == BinsOf(edges);
    std::string label = first || right_ ? "(" : "[";
    label += first ? "-inf" : NumberText(edges[bin]);
    label += ", ";
    label += last ? "inf" : NumberText(edges[bin + 1]);
    label += last || !right_ ? ")" : "]";
    return label;
  }

  Column Labelled(const Column& column, const Edges& edges) const {
    Column labelled;
    labelled.info.name = column.info.name;
    labelled.info.type = ColumnType::kString;
    labelled.info.kind = ColumnKind::kCategorical;
    auto& [codes, dictionary] = labelled.strings;
    std::vector<int32_t> code_of(BinsOf(edges), -1);
    codes.reserve(column.numbers.size());
    for (const double value : column.numbers) {
      if (std::isnan(value)) {
        codes.push_back(-1);
        continue;
      }
      const std::size_t bin = BinOf(value, edges);
      if (code_of[bin] < 0) {
        code_of[bin] = static_cast<int32_t>(dictionary.size());
        dictionary.push_back(LabelOf(bin, edges));
      }
      codes.push_back(code_of[bin]);
    }
    return labelled;
  }

  void AddIndicators(const Column& column, const Edges& edges, std::vector<Column>& out) const {
    const std::size_t first = out.size();
    for (std::size_t bin = 0; bin < BinsOf(edges); ++bin) {
      std::string name = column.info.name;
      name += "=";
      name += LabelOf(bin, edges);
      out.push_back(MakeNumberColumn(std::move(name), std::vector<double>(column.numbers.size()),
                                     ColumnType::kBoolean));
    }
    for (std::size_t i = 0; i < column.numbers.size(); ++i) {
      if (std::isnan(column.numbers[i])) continue;
      out[first + BinOf(column.numbers[i], edges)].numbers[i] = 1;
    }
  }

  std::string method_;
  int64_t bins_ = 5;
  std::string output_;
  bool right_ = false;
  Edges given_;
  std::vector<std::string> labels_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeBin(const Json& spec) {
  return Bin::Make(spec);
}

}  // namespace penstock
