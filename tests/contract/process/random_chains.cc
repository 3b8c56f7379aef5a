#include "tests/contract/process/random_chains.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <utility>

#include "steps/process/chain.h"
#include "steps/process/fit_data.h"
#include "steps/process/operation.h"
#include "steps/process/row_operation.h"
#include "steps/table/read_frame.h"
#include "tests/unit/table/table_files.h"

namespace penstock {
namespace {

// Names and values that are hard to quote, to encode or to tell apart.
const std::vector<std::string> kNames = {"plain",
                                         "UPPER",
                                         "upper",
                                         "two words",
                                         "with,comma",
                                         "new\nline",
                                         "quo\"te",
                                         "'single'",
                                         "SELECT",
                                         "group",
                                         "x; DROP TABLE data; --",
                                         "\xF0\x9F\x98\x80",
                                         "na\xC3\xAFve",
                                         "a=b",
                                         "back\\slash",
                                         "null",
                                         "%s%n",
                                         "[list]",
                                         "{\"j\": 1}",
                                         "$1",
                                         "*",
                                         "column",
                                         "\xE2\x80\xAEright"};
const std::vector<std::string> kWords = {
    "red",  "Red",         "gr\"een", "bl,ue", "two\nlines", "'; --", "\xF0\x9F\x90\x99",
    "none", "caf\xC3\xA9", "true",    "12",    "x=y"};

std::string Quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r'; ") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted += '"';
}

// Makes the value of one row.
using Cells = std::function<std::string(Random& random)>;

Cells RandomColumn(Random& random) {
  const auto kind = random.Next() % 9;
  const auto words = 2 + random.Next() % (kWords.size() - 2);
  const double scale = std::array{1.0, 1e-9, 1e6, 1e12}[random.Next() % 4];
  switch (kind) {
    case 0:
    case 1:  // any numbers
      return [scale](Random& r) { return NumberText((r.NextDouble() - 0.4) * scale); };
    case 2:  // whole ones
      return [](Random& r) { return std::to_string(static_cast<int>(r.Next() % 41) - 20); };
    case 3:  // flags
      return [](Random& r) { return std::to_string(r.Next() % 2); };
    case 4:  // one value
      return [](Random&) { return "7.25"; };
    case 5: {  // dates
      return [](Random& r) {
        const auto day = std::to_string(10 + r.Next() % 19);
        return "20" + std::to_string(10 + r.Next() % 30) + "-0" + std::to_string(1 + r.Next() % 9) +
               "-" + day;
      };
    }
    case 6:  // texts of several words
      return [](Random& r) {
        std::string text = kWords[r.Next() % kWords.size()];
        for (auto more = r.Next() % 6; more > 0; --more) {
          text += " " + kWords[r.Next() % kWords.size()];
        }
        return Quoted(text);
      };
    default:  // categories
      return [words](Random& r) { return Quoted(kWords[r.Next() % words]); };
  }
}

std::string SqlName(const Json& name) {
  std::string quoted = "\"";
  for (const char c : name.get<std::string>()) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted += '"';
}

}  // namespace

Json EntryDraw::Columns(const std::function<bool(const Column&)>& fits) {
  std::vector<std::string> names;
  for (const Column& column : columns_.columns) {
    if (fits(column)) names.push_back(column.info.name);
  }
  if (names.empty()) {
    ok_ = false;
    return Json::array();
  }
  Json chosen = Json::array();
  const std::size_t count = 1 + Below(std::min<std::size_t>(3, names.size()));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = Below(names.size());
    chosen.push_back(names[at]);
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return chosen;
}

const std::vector<OperationTemplate>& OperationTemplates() {
  static const auto* const templates = new std::vector<OperationTemplate>{
      {"bag_of_words",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.OneCategory()},
                 {"tokens", d.One({"word", "character"})},
                 {"ngrams", {1, d.Whole(1, 2)}},
                 {"max_tokens", 9},
                 {"norm", d.One({"none", "l1"})}};
       }},
      {"bin",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()},
                 {"method", d.One({"equal_width", "quantile"})},
                 {"bins", d.Whole(2, 5)},
                 {"output", d.One({"code", "label", "one_hot"})},
                 {"closed", d.One({"left", "right"})}};
       }},
      {"cast",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()},
                 {"to", d.One({"numeric", "integer", "boolean", "categorical", "text"})},
                 {"errors", "missing"}};
       }},
      {"categorical",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()}};
       }},
      {"class_weights", [](EntryDraw&) -> Json { return Json::object(); }},
      {"deduplicate",
       [](EntryDraw& d) -> Json {
         return {{"key", d.Any()}, {"keep", d.One({"first", "last"})}};
       },
       true},
      {"derive",
       [](EntryDraw& d) -> Json {
         return {{"name", d.NewName()},
                 {"expression", "coalesce(" + SqlName(d.OneNumber()) + ", 0) / 3 + 1"}};
       }},
      {"derive",
       [](EntryDraw& d) -> Json {
         return {{"name", d.NewName()},
                 {"expression", "upper(" + SqlName(d.OneCategory()) + ") || '!'"}};
       }},
      {"downsample",
       [](EntryDraw& d) -> Json {
         return {{"ratio", d.Number(1, 3)}, {"seed", d.Whole(0, 9)}};
       }},
      {"drop",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.OneOfAny()}};
       }},
      {"drop_missing",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()}, {"max_missing", 0.6}, {"applies", d.One({"fit", "train"})}};
       },
       true},
      {"filter",
       [](EntryDraw& d) -> Json {
         return {{"where", "coalesce(" + SqlName(d.OneNumber()) + ", 0) <> 3"},
                 {"applies", d.One({"fit", "all"})}};
       },
       true},
      {"frequency",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()}, {"as", d.One({"share", "count"})}};
       }},
      {"hash",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()}, {"n_columns", d.Whole(1, 5)}, {"seed", d.Whole(0, 9)}};
       }},
      {"hash_text",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.OneCategory()}, {"n_columns", d.Whole(1, 8)}};
       }},
      {"impute",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()},
                 {"method", d.One({"mean", "median", "mode"})},
                 {"indicator", d.Flag()}};
       }},
      {"impute",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Categories()},
                 {"method", d.One({"mode", "category"})},
                 {"indicator", d.Flag()}};
       }},
      {"impute",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()}, {"method", "constant"}, {"value", d.One({0, 1.5, -3})}};
       }},
      {"impute",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()}, {"by", d.OneCategory()}, {"method", "mean"}};
       }},
      {"impute_knn",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()},
                 {"neighbours", d.Whole(1, 5)},
                 {"weights", d.One({"uniform", "distance"})},
                 {"standardize", d.Flag()}};
       }},
      {"indicator",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()}, {"which", d.One({"seen", "all"})}};
       }},
      {"interactions",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()}};
       }},
      {"log",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()}, {"offset", d.One({1, "auto"})}, {"below", "missing"}};
       }},
      {"map_values",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()},
                 {"map", {{"red", "Red"}, {"none", nullptr}, {"1", "12"}, {"two\nlines", "'"}}},
                 {"other", d.One({"keep", "missing"})}};
       }},
      {"max_abs",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()}};
       }},
      {"min_max",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()}, {"range", {-1, d.Number(0, 9)}}, {"clip", d.Flag()}};
       }},
      {"one_hot",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()},
                 {"missing", d.One({"ignore", "category"})},
                 {"drop_first", d.Flag()}};
       }},
      {"ordinal",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()}, {"unknown", "missing"}};
       }},
      {"outliers",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()},
                 {"method", d.One({"z_score", "iqr", "quantile"})},
                 {"action", d.One({"clip", "drop", "mark", "missing"})}};
       }},
      {"parse_dates",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.OneCategory()},
                 {"parts", {"year", "week", "weekday", "days"}},
                 {"cyclical", {"month"}},
                 {"keep", d.One({"none", "date", "timestamp"})},
                 {"invalid", "missing"}};
       }},
      {"pca",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()},
                 {"components", 1},
                 {"standardize", d.Flag()},
                 {"keep", d.Flag()},
                 {"prefix", d.NewName()}};
       }},
      {"polynomial",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()}, {"degree", d.Whole(2, 3)}};
       }},
      {"prune",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()}, {"rule", d.One({"constant", "unique"})}};
       }},
      {"prune",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()}, {"rule", "sparse"}, {"max_missing", d.Number(0, 0.5)}};
       }},
      {"prune",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()}, {"rule", "correlated"}, {"threshold", 0.3}};
       }},
      {"quantile",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()},
                 {"n_quantiles", d.Whole(2, 50)},
                 {"distribution", d.One({"uniform", "normal"})}};
       }},
      {"rename",
       [](EntryDraw& d) -> Json {
         return {{"map", {{d.OneOfAny().get<std::string>(), d.NewName()}}}};
       }},
      {"robust",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()}};
       }},
      {"select",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()}};
       }},
      {"shuffle",
       [](EntryDraw& d) -> Json {
         return {{"seed", d.Whole(0, 9)}};
       },
       true},
      {"smote",
       [](EntryDraw& d) -> Json {
         return {{"k", d.Whole(1, 6)}, {"ratio", d.Number(1, 2)}};
       }},
      {"sort",
       [](EntryDraw& d) -> Json {
         return {{"by", d.Any()}, {"descending", d.Flag()}};
       },
       true},
      {"standard",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()}};
       }},
      {"target",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Any()},
                 {"smoothing", d.Number(0, 20)},
                 {"folds", d.Whole(2, 5)},
                 {"missing", d.One({"category", "keep"})}};
       }},
      {"tf_idf",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.OneCategory()},
                 {"ngrams", {1, d.Whole(1, 2)}},
                 {"max_tokens", 12},
                 {"values", d.One({"count", "binary", "log"})}};
       }},
      {"upsample",
       [](EntryDraw& d) -> Json {
         return {{"seed", d.Whole(0, 9)}};
       }},
      {"yeo_johnson",
       [](EntryDraw& d) -> Json {
         return {{"columns", d.Numbers()}, {"standardize", d.Flag()}};
       }},
  };
  return *templates;
}

std::string RandomTable::Csv(const std::vector<std::size_t>& rows) const {
  std::string csv = header;
  for (const std::size_t row : rows) csv += lines[row];
  return csv;
}

std::string RandomTable::Csv() const {
  std::vector<std::size_t> rows(lines.size());
  std::iota(rows.begin(), rows.end(), 0);
  return Csv(rows);
}

RandomTable MakeRandomTable(Random& random) {
  RandomTable table;
  std::vector<std::string> names = kNames;
  const auto columns = 2 + random.Next() % 6;
  std::vector<Cells> cells;
  std::vector<double> missing;
  table.header = "the id";
  for (std::size_t j = 0; j < columns; ++j) {
    const std::size_t at = random.Next() % names.size();
    table.names.push_back(names[at]);
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(at));
    table.header += "," + Quoted(table.names.back());
    cells.push_back(RandomColumn(random));
    missing.push_back(std::array{0.0, 0.0, 0.1, 0.5}[random.Next() % 4]);
  }
  table.header += ",y\n";
  const auto rows = 30 + random.Next() % 50;
  for (std::size_t i = 0; i < rows; ++i) {
    std::string line = "r" + std::to_string(i);
    for (std::size_t j = 0; j < columns; ++j) {
      const std::string cell = cells[j](random);
      line += "," + (random.NextDouble() < missing[j] ? std::string() : cell);
    }
    table.lines.push_back(line + (random.Next() % 3 == 0 ? ",yes\n" : ",no\n"));
  }
  return table;
}

namespace {

// A chain that is fitted on all rows of a table, entry by entry.
class FittedChain {
 public:
  explicit FittedChain(const RandomTable& table) {
    const auto path = folder_.Write("table.csv", table.Csv());
    ReadOptions options;
    options.kinds = {{"the id", ColumnKind::kId}};
    auto read = ReadFrame({{path, "table.csv"}}, options, {}, {}, {});
    EXPECT_TRUE(read.ok()) << read.status() << table.Csv();
    if (!read.ok()) return;
    raw_ = std::move(*read);
    std::vector<ColumnInfo> features;
    for (const ColumnInfo& column : raw_.frame.columns()) {
      if (roles_.is_feature(column.name)) features.push_back(column);
    }
    chain_ = OperationChain(features);
    label_.kind = LabelInfo::Kind::kClasses;
    label_.classes = {"no", "yes"};
    label_.positive = "yes";
  }

  const Table& columns() const { return chain_.output(); }

  bool Add(const Json& entry) {
    auto made = MakeOperation(entry);
    EXPECT_TRUE(made.ok()) << made.status() << DumpJson(entry);
    if (!made.ok()) return false;
    const std::shared_ptr<Operation> operation = std::move(*made);
    FitData::Options options;
    options.frame = &raw_.frame;
    options.chain = &chain_;
    options.roles = roles_;
    options.label = label_;
    return operation->Fit(FitData(std::move(options))).ok() && chain_.Add(operation).ok();
  }

 private:
  TestFolder folder_;
  RawFrame raw_;
  Roles roles_{.label = "y", .weight = {}, .time = {}, .group = {}, .id = {"the id"}, .keep = {}};
  LabelInfo label_;
  OperationChain chain_;
};

}  // namespace

Json MakeRandomChain(Random& random, const RandomTable& table, int length, std::string_view only) {
  FittedChain fitted(table);
  // Rows are chosen by columns as they come in.
  const Table raw = fitted.columns();
  std::vector<Json> first;
  std::vector<Json> entries;
  const auto& templates = OperationTemplates();
  for (int i = 0; i < length; ++i) {
    std::vector<const OperationTemplate*> fit;
    for (const OperationTemplate& candidate : templates) {
      if (only.empty() || i + 1 < length || candidate.op == only) fit.push_back(&candidate);
    }
    const OperationTemplate& chosen = *fit[random.Next() % fit.size()];
    EntryDraw draw(random, chosen.rows_first ? raw : fitted.columns());
    Json entry = chosen.entry(draw);
    entry["op"] = chosen.op;
    if (!draw.ok()) continue;
    if (chosen.rows_first) {
      first.push_back(std::move(entry));
    } else if (IsRowOperation(entry) || fitted.Add(entry)) {
      entries.push_back(std::move(entry));
    }
  }
  Json chain = Json::array();
  for (const auto* list : {&first, &entries}) {
    for (const Json& entry : *list) chain.push_back(entry);
  }
  return chain;
}

}  // namespace penstock
