#include "steps/profile/hints.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>

#include "base/text.h"
#include "steps/profile/correlations.h"

namespace penstock {
namespace {

constexpr std::size_t kNamed = 5;  // columns that a message names
constexpr std::size_t kNameBytes = 60;

std::string Quoted(const std::string& name) {
  return "\"" + (name.size() > kNameBytes ? TruncateUtf8(name, kNameBytes) + "…" : name) + "\"";
}

// "a", "b" and 3 more.
std::string Listed(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size() && i < kNamed; ++i) {
    text += (i == 0 ? "" : ", ") + parts[i];
  }
  if (parts.size() > kNamed) text += " and " + std::to_string(parts.size() - kNamed) + " more";
  return text;
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", share * 100);
  return text;
}

std::string Rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

class Finder {
 public:
  explicit Finder(const Profile& profile) : profile_(profile) {}

  std::vector<Hint> Find() && {
    if (profile_.rows == 0) {
      Add("NO_ROWS", {}, "There are no rows, and nothing to say of them. Look at the source.");
      return std::move(hints_);
    }
    Leakage();
    Label();
    Rows();
    Columns();
    Correlated();
    return std::move(hints_);
  }

 private:
  void Add(const char* hint, std::vector<std::string> columns, std::string message) {
    hints_.push_back({hint, std::move(columns), std::move(message)});
  }

  const std::string& NameOf(std::size_t column) const { return profile_.columns[column].info.name; }

  void Leakage() {
    if (!profile_.label) return;
    std::vector<std::string> columns;
    std::vector<std::string> parts;
    for (const LabelAssociation& each : profile_.label->associations) {
      if (each.value < (each.measure == "auc" ? kLeakageAuc : kLeakageShare)) continue;
      if (std::find(columns.begin(), columns.end(), NameOf(each.column)) != columns.end()) continue;
      columns.push_back(NameOf(each.column));
      parts.push_back(Quoted(columns.back()) + " (" + each.measure + " " + Rounded(each.value) +
                      ")");
    }
    if (columns.empty()) return;
    Add("TARGET_LEAKAGE", columns,
        Listed(parts) + ": alone nearly enough to tell the label " + Quoted(profile_.roles.label) +
            ". Is it known before the label is? Where it is not, drop it.");
  }

  void Label() {
    if (!profile_.label) return;
    const LabelProfile& label = *profile_.label;
    const ColumnProfile& column = profile_.columns[label.column];
    const std::string name = column.info.name;
    if (column.missing > 0) {
      Add("MISSING_LABELS", {name},
          std::to_string(column.missing) + " rows have no label " + Quoted(name) +
              ". Drop them (labels: {missing: drop}), or mend the source.");
    }
    if (column.count > 0 && column.distinct == 1) {
      Add("ONE_CLASS", {name},
          "The label " + Quoted(name) +
              " has one value: there is nothing to learn. Look at how the rows were chosen.");
      return;
    }
    if (!label.classes || !label.all_classes || label.balance.size() < 2) return;
    const TopValue& rarest = label.balance.back();
    const double share = static_cast<double>(rarest.count) / static_cast<double>(column.count);
    if (share >= kRareClass) return;
    Add("IMBALANCED_CLASSES", {name},
        "Class " + Quoted(rarest.value) + " of the label " + Quoted(name) + " is " +
            Percent(share) +
            " of the rows. Split by it (split: {stratify: …}), and judge by recall, precision or "
            "auc_pr rather than accuracy.");
  }

  void Rows() {
    const auto features =
        std::count_if(profile_.columns.begin(), profile_.columns.end(),
                      [](const ColumnProfile& column) { return column.role == "feature"; });
    const auto rows = static_cast<double>(profile_.rows);
    if (features > 0 && rows < kRowsPerFeature * static_cast<double>(features)) {
      Add("FEW_ROWS", {},
          std::to_string(profile_.rows) + " rows for " + std::to_string(features) +
              " features are fewer than ten each: a model may learn them by heart. Get more rows, "
              "or drop features.");
    }
    if (profile_.duplicate_rows > 0) {
      Add("DUPLICATE_ROWS", {},
          std::to_string(profile_.duplicate_rows) + " rows (" +
              Percent(static_cast<double>(profile_.duplicate_rows) / rows) +
              ") equal an earlier one in all columns. Where that is no accident of coarse data, "
              "deduplicate before the split, so that none is in two parts.");
    }
  }

  void OfColumns(const char* hint, const std::function<bool(const ColumnProfile&)>& is,
                 const std::string& message) {
    std::vector<std::string> columns;
    std::vector<std::string> names;
    for (const ColumnProfile& column : profile_.columns) {
      if (!is(column)) continue;
      columns.push_back(column.info.name);
      names.push_back(Quoted(column.info.name));
    }
    if (!columns.empty()) Add(hint, columns, Listed(names) + message);
  }

  void Columns() {
    const auto rows = static_cast<double>(profile_.rows);
    OfColumns(
        "ALL_MISSING", [](const ColumnProfile& column) { return column.count == 0; },
        ": no value in any row. Drop what is empty, or look at read.nulls.");
    OfColumns(
        "CONSTANT",
        [](const ColumnProfile& column) { return column.constant() && column.role == "feature"; },
        ": one value alone, of which a model learns nothing. Drop it.");
    OfColumns(
        "SPARSE",
        [&](const ColumnProfile& column) {
          return column.count > 0 && static_cast<double>(column.missing) > kSparse * rows;
        },
        ": missing in more than half of the rows. Impute with an indicator, or drop it.");
    OfColumns(
        "UNIQUE",
        [&](const ColumnProfile& column) {
          const bool countable = column.view == ColumnView::kTexts ||
                                 (column.view == ColumnView::kNumbers && column.numbers.whole);
          return column.role == "feature" && countable && column.distinct_exact &&
                 column.info.kind != ColumnKind::kText && profile_.rows > 1 &&
                 column.distinct == profile_.rows;
        },
        ": another value in every row, as identifiers have. Give it the role id, or drop it.");
    OfColumns(
        "MANY_CATEGORIES",
        [&](const ColumnProfile& column) {
          return column.role == "feature" && column.view == ColumnView::kTexts &&
                 column.info.kind == ColumnKind::kCategorical &&
                 column.distinct > kMostCategories && column.distinct < profile_.rows;
        },
        ": more than " + std::to_string(kMostCategories) +
            " categories. One-hot columns would be many: keep the frequent ones, or encode "
            "otherwise.");
    OfColumns(
        "INFINITE_VALUES", [](const ColumnProfile& column) { return column.numbers.infinite > 0; },
        ": infinite numbers, which no figure here counts in. Clip them, or make them missing.");
  }

  void Correlated() {
    std::vector<std::string> columns;
    std::vector<std::string> parts;
    for (const StrongPair& pair : profile_.strong) {
      for (const std::size_t column : {pair.a, pair.b}) {
        if (std::find(columns.begin(), columns.end(), NameOf(column)) == columns.end()) {
          columns.push_back(NameOf(column));
        }
      }
      parts.push_back(Quoted(NameOf(pair.a)) + " and " + Quoted(NameOf(pair.b)) + " (" +
                      pair.measure + " " + Rounded(pair.value) + ")");
    }
    if (parts.empty()) return;
    Add("CORRELATED", columns,
        Listed(parts) +
            ": they say nearly the same. Keep one of each, for linear models above "
            "all.");
  }

  const Profile& profile_;
  std::vector<Hint> hints_;
};

}  // namespace

std::vector<Hint> FindHints(const Profile& profile) {
  return Finder(profile).Find();
}

}  // namespace penstock
