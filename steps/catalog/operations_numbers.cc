// Operations that put numbers into bins and find outliers among them.

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

// A parameter that has a use with one method alone.
void CheckUse(const Json& entry, const char* parameter, const char* key, const std::string& method,
              const std::string& path, std::vector<Problem>& problems) {
  const std::string given = JsonString(entry, key, method);
  if (JsonMember(entry, parameter).is_null() || given == method || HoldsReference(given)) return;
  problems.push_back({path + "." + parameter, "has no use with " + std::string(key) + " " + given});
}

void CheckEdges(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const Json& edges = JsonMember(entry, "edges");
  if (!edges.is_array()) return;
  for (std::size_t i = 1; i < edges.size(); ++i) {
    if (!edges[i].is_number() || !edges[i - 1].is_number() || edges[i - 1] < edges[i]) continue;
    problems.push_back(
        {path + ".edges[" + std::to_string(i) + "]", "must be above the edge before"});
  }
}

void CheckLabels(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const Json& labels = JsonMember(entry, "labels");
  if (!labels.is_array()) return;
  const std::string at = path + ".labels";
  if (JsonString(entry, "output", "code") == "code") {
    problems.push_back({at, "has no use with output code"});
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (labels[i] != labels[j] || HoldsReference(labels[i])) continue;
      problems.push_back({at + "[" + std::to_string(i) + "]", "is there twice"});
      break;
    }
  }
  const Json& edges = JsonMember(entry, "edges");
  const Json& count = JsonMember(entry, "bins");
  int64_t bins = count.is_null() ? 5 : JsonInt(entry, "bins");  // 0: not known yet
  if (edges.is_array()) bins = static_cast<int64_t>(edges.size()) - 1;
  if (!edges.is_array() && JsonString(entry, "method") == "edges") bins = 0;
  if (bins > 0 && static_cast<int64_t>(labels.size()) != bins) {
    problems.push_back(
        {at, "are " + std::to_string(labels.size()) + " for " + std::to_string(bins) + " bins"});
  }
}

void CheckBin(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const bool given = JsonString(entry, "method") == "edges";
  const bool edges = !JsonMember(entry, "edges").is_null();
  if (given && !edges) problems.push_back({path + ".edges", "is missing: method edges needs them"});
  if (!given && edges) problems.push_back({path + ".edges", "has a use with method edges only"});
  if (given && !JsonMember(entry, "bins").is_null()) {
    problems.push_back({path + ".bins", "has no use with method edges"});
  }
  CheckEdges(entry, path, problems);
  CheckLabels(entry, path, problems);
}

void CheckOutliers(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  CheckUse(entry, "threshold", "method", "z_score", path, problems);
  CheckUse(entry, "factor", "method", "iqr", path, problems);
  CheckUse(entry, "lower", "method", "quantile", path, problems);
  CheckUse(entry, "upper", "method", "quantile", path, problems);
  const double lower = JsonDouble(entry, "lower", 0.01);
  if (JsonString(entry, "method") == "quantile" && !(lower < JsonDouble(entry, "upper", 0.99))) {
    problems.push_back({path + ".lower", "must be below upper"});
  }
}

OperationSchema BinSchema() {
  OperationSchema bin;
  bin.learns = true;
  bin.schema = EntrySchema(
      "bin",
      "Numbers as the interval that they lie in. Values outside of the training rows' range, or of "
      "the edges, are in the first or the last interval.",
      {ColumnsParameter(true),
       ChoiceParameter("method",
                       "equal_width: from the smallest to the largest training value. quantile: as "
                       "many training values in each. edges: as given.",
                       {"equal_width", "quantile", "edges"}),
       {.name = "bins",
        .kind = Kind::kInteger,
        .help = "How many intervals (5 where left out); fewer where edges coincide.",
        .minimum = 2,
        .maximum = 10'000},
       {.name = "edges",
        .kind = Kind::kList,
        .help = "method edges: rising, one more than there are intervals.",
        .minimum = 2,
        .maximum = 10'001,
        .element = ElementOf({.name = "edge", .kind = Kind::kNumber})},
       ChoiceParameter("closed",
                       "Which side of an interval belongs to it: left as numpy.histogram, right as "
                       "pandas.cut.",
                       {"left", "right"}),
       ChoiceParameter("output",
                       "code: 0, 1, 2 …; label: a category such as \"[10, 20)\"; one_hot: a column "
                       "NAME=LABEL of 0 and 1 for each interval.",
                       {"code", "label", "one_hot"}),
       {.name = "labels",
        .kind = Kind::kList,
        .help = "What intervals are called, in order, instead of \"[10, 20)\".",
        .minimum = 1,
        .maximum = 10'000,
        .element = ElementOf({.name = "label", .kind = Kind::kString})}});
  bin.schema.check = CheckBin;
  return bin;
}

OperationSchema OutliersSchema() {
  ParameterSchema method = ChoiceParameter(
      "method",
      "Outliers are further from the mean than threshold standard deviations (z_score), further "
      "outside of the quartiles than factor interquartile ranges (iqr), or outside of the "
      "quantiles "
      "lower and upper (quantile), all of the training rows.",
      {"z_score", "iqr", "quantile"});
  method.required = true;
  method.default_value = Json();
  const auto number = [](std::string name, std::string help) {
    return ParameterSchema{.name = std::move(name),
                           .kind = Kind::kNumber,
                           .help = std::move(help),
                           .minimum = 0,
                           .maximum = 1e6,
                           .exclusive_minimum = true};
  };
  const auto share = [](std::string name, std::string help) {
    return ParameterSchema{.name = std::move(name),
                           .kind = Kind::kNumber,
                           .help = std::move(help),
                           .minimum = 0,
                           .maximum = 1};
  };
  OperationSchema outliers;
  outliers.learns = true;
  outliers.schema = EntrySchema(
      "outliers", "Finds numbers far from the others in their column.",
      {ColumnsParameter(true), method,
       number("threshold", "z_score: standard deviations (n - 1); 3 where left out."),
       number("factor", "iqr: interquartile ranges; 1.5 where left out."),
       share("lower", "quantile: a share from 0 to 1; 0.01 where left out."),
       share("upper", "quantile: a share from 0 to 1; 0.99 where left out."),
       ChoiceParameter("action",
                       "clip: they become the nearest value that is none. drop: training rows with "
                       "one are left out, other rows stay. mark: a column NAME=(outlier) of 0 and "
                       "1. missing: they become missing.",
                       {"clip", "drop", "mark", "missing"})});
  outliers.schema.check = CheckOutliers;
  return outliers;
}

}  // namespace

std::vector<OperationSchema> NumberOperations() {
  return {BinSchema(), OutliersSchema()};
}

}  // namespace penstock
