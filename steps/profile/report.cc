#include "steps/profile/report.h"

#include <cmath>
#include <string>
#include <utility>

#include "base/text.h"

namespace penstock {
namespace {

Json Number(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

Json Share(int64_t count, int64_t all) {
  return {
      {"count", count},
      {"share", all > 0 ? Json(static_cast<double>(count) / static_cast<double>(all)) : Json()}};
}

std::string Cut(const std::string& text) {
  return text.size() > kValueBytes ? TruncateUtf8(text, kValueBytes) + "…" : text;
}

Json Values(const std::vector<TopValue>& values, int64_t all) {
  Json list = Json::array();
  for (const TopValue& value : values) {
    Json entry = Share(value.count, all);
    entry["value"] = Cut(value.value);
    list.push_back(std::move(entry));
  }
  return list;
}

Json NumbersJson(const NumberSummary& numbers) {
  Json undefined = Json::object();
  for (const auto& [name, reason] : numbers.reasons) undefined[name] = reason;
  Json histogram;
  if (!numbers.histogram.edges.empty()) {
    histogram = {{"edges", numbers.histogram.edges}, {"counts", numbers.histogram.counts}};
  }
  Json outliers;
  if (std::isfinite(numbers.fence_low)) {
    outliers = {{"iqr", Share(numbers.outside_fences, numbers.finite)},
                {"z", Share(numbers.far_from_mean, numbers.finite)}};
    outliers["iqr"]["low"] = numbers.fence_low;
    outliers["iqr"]["high"] = numbers.fence_high;
  }
  return {{"mean", Number(numbers.mean)},
          {"standard_deviation", Number(numbers.standard_deviation)},
          {"minimum", Number(numbers.minimum)},
          {"maximum", Number(numbers.maximum)},
          {"p1", Number(numbers.p1)},
          {"p5", Number(numbers.p5)},
          {"q1", Number(numbers.q1)},
          {"median", Number(numbers.median)},
          {"q3", Number(numbers.q3)},
          {"p95", Number(numbers.p95)},
          {"p99", Number(numbers.p99)},
          {"skewness", Number(numbers.skewness)},
          {"kurtosis", Number(numbers.kurtosis)},
          {"zeros", numbers.zeros},
          {"negatives", numbers.negatives},
          {"infinite", numbers.infinite},
          {"histogram", std::move(histogram)},
          {"outliers", std::move(outliers)},
          {"undefined", std::move(undefined)}};
}

Json ColumnJson(const ColumnProfile& column, std::size_t position, int64_t rows) {
  Json json = {{"position", position},
               {"kind", KindOf(column)},
               {"type", Name(column.info.type)},
               {"role", column.role},
               {"count", column.count},
               {"missing", Share(column.missing, rows)},
               {"distinct", {{"count", column.distinct}, {"exact", column.distinct_exact}}}};
  if (column.view == ColumnView::kNumbers) {
    json["numbers"] = NumbersJson(column.numbers);
    return json;
  }
  const TextSummary& texts = column.texts;
  const bool any = column.count > 0;
  json["top"] = Values(texts.top, column.count);
  json["top_reason"] = texts.frequent_only
                           ? Json(
                                 "too many distinct values to count each: only those of at least "
                                 "0.1 % are listed")
                           : Json();
  if (column.view == ColumnView::kDates) {
    json["dates"] = {{"minimum", any ? Json(Cut(texts.first)) : Json()},
                     {"maximum", any ? Json(Cut(texts.last)) : Json()}};
  } else {
    json["length"] = {{"minimum", any ? Json(texts.shortest) : Json()},
                      {"mean", Number(texts.mean_length)},
                      {"maximum", any ? Json(texts.longest) : Json()}};
  }
  return json;
}

class Writer {
 public:
  explicit Writer(const Profile& profile) : profile_(profile) {}

  Json Names(const std::vector<std::size_t>& columns) const {
    Json names = Json::array();
    for (const std::size_t column : columns) names.push_back(NameOf(column));
    return names;
  }
  const std::string& NameOf(std::size_t column) const { return profile_.columns[column].info.name; }

  Json Matrix(const Associations& matrix) const {
    Json rows = Json::array();
    for (std::size_t i = 0; i < matrix.rows.size(); ++i) {
      Json row = Json::array();
      for (std::size_t k = 0; k < matrix.columns.size(); ++k) {
        row.push_back(Number(matrix.at(i, k)));
      }
      rows.push_back(std::move(row));
    }
    return {{"rows", Names(matrix.rows)}, {"columns", Names(matrix.columns)}, {"values", rows}};
  }

  Json Label() const {
    if (!profile_.label) return nullptr;
    const LabelProfile& label = *profile_.label;
    Json associations = Json::array();
    for (const LabelAssociation& each : label.associations) {
      associations.push_back(
          {{"column", NameOf(each.column)}, {"measure", each.measure}, {"value", each.value}});
    }
    return {{"column", NameOf(label.column)},
            {"task", label.classes ? "classes" : "number"},
            {"classes", label.classes ? Values(label.balance, profile_.columns[label.column].count)
                                      : Json::array()},
            {"all_classes", label.all_classes},
            {"associations", std::move(associations)},
            {"reason", label.reason.empty() ? Json() : Json(label.reason)}};
  }

  Json Correlations() const {
    Json strong = Json::array();
    for (const StrongPair& pair : profile_.strong) {
      strong.push_back({{"columns", {NameOf(pair.a), NameOf(pair.b)}},
                        {"measure", pair.measure},
                        {"value", pair.value}});
    }
    return {{"pearson", Matrix(profile_.pearson)},
            {"spearman", Matrix(profile_.spearman)},
            {"cramers_v", Matrix(profile_.cramers_v)},
            {"correlation_ratio", Matrix(profile_.correlation_ratio)},
            {"sample_rows", profile_.sample_rows},
            {"strong", std::move(strong)},
            {"left_out", Names(profile_.left_out)},
            {"undefined",
             "null: fewer than two rows have both values, or one of the columns is constant in "
             "them"}};
  }

 private:
  const Profile& profile_;
};

}  // namespace

std::string KindOf(const ColumnProfile& column) {
  return std::string(Name(column.info.kind));
}

Json ProfileReport(const Profile& profile) {
  const Writer writer(profile);
  Json kinds = Json::object();
  Json columns = Json::object();
  for (std::size_t i = 0; i < profile.columns.size(); ++i) {
    const ColumnProfile& column = profile.columns[i];
    Json& count = kinds[KindOf(column)];
    count = count.is_null() ? 1 : count.get<int64_t>() + 1;
    columns[column.info.name] = ColumnJson(column, i, profile.rows);
  }
  Json hints = Json::array();
  for (const Hint& hint : profile.hints) {
    hints.push_back({{"hint", hint.hint}, {"columns", hint.columns}, {"message", hint.message}});
  }
  const auto width = static_cast<int64_t>(profile.columns.size());
  return {{"format", "penstock-report/1"},
          {"report", "profile"},
          {"rows", profile.rows},
          {"overview",
           {{"columns", width},
            {"cells", profile.rows * width},
            {"missing_cells", Share(profile.missing_cells, profile.rows * width)},
            {"duplicate_rows", Share(profile.duplicate_rows, profile.rows)},
            {"kinds", std::move(kinds)},
            {"roles", RolesToJson(profile.roles)}}},
          {"hints", std::move(hints)},
          {"columns", std::move(columns)},
          {"label", writer.Label()},
          {"correlations", writer.Correlations()}};
}

}  // namespace penstock
