#include "steps/process/operation.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "steps/process/makers.h"
#include "steps/process/row_operation.h"

namespace penstock {
namespace {

struct Entry {
  std::string_view name;
  bool fitted;  // learns from values
  Result<std::unique_ptr<Operation>> (*make)(const Json& spec);
};

constexpr std::array kOperations = {
    Entry{"bag_of_words", true, MakeBagOfWords},
    Entry{"bin", true, MakeBin},
    Entry{"cast", false, MakeCast},
    Entry{"categorical", true, MakeCategorical},
    Entry{"derive", false, MakeDerive},
    Entry{"drop", false, MakeDrop},
    Entry{"frequency", true, MakeFrequency},
    Entry{"hash", false, MakeHash},
    Entry{"hash_text", false, MakeHashText},
    Entry{"impute", true, MakeImpute},
    Entry{"impute_knn", true, MakeImputeKnn},
    Entry{"indicator", true, MakeIndicator},
    Entry{"interactions", false, MakeInteractions},
    Entry{"log", true, MakeLog},
    Entry{"map_values", false, MakeMapValues},
    Entry{"max_abs", true, MakeMaxAbs},
    Entry{"min_max", true, MakeMinMax},
    Entry{"one_hot", true, MakeOneHot},
    Entry{"ordinal", true, MakeOrdinal},
    Entry{"outliers", true, MakeOutliers},
    Entry{"parse_dates", false, MakeParseDates},
    Entry{"pca", true, MakePca},
    Entry{"polynomial", false, MakePolynomial},
    Entry{"prune", true, MakePrune},
    Entry{"quantile", true, MakeQuantile},
    Entry{"rename", false, MakeRename},
    Entry{"robust", true, MakeRobust},
    Entry{"select", false, MakeSelect},
    Entry{"standard", true, MakeStandard},
    Entry{"target", true, MakeTarget},
    Entry{"tf_idf", true, MakeTfIdf},
    Entry{"yeo_johnson", true, MakeYeoJohnson},
};

}  // namespace

const std::vector<std::string>& OperationNames() {
  static const auto* const names = [] {
    auto* list = new std::vector<std::string>(RowOperationNames());
    for (const Entry& entry : kOperations) list->emplace_back(entry.name);
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
    return list;
  }();
  return *names;
}

bool IsFitted(const Json& spec) {
  if (IsRowOperation(spec)) return IsFittedRowOperation(spec);
  const std::string op = JsonString(spec, "op");
  return std::any_of(kOperations.begin(), kOperations.end(),
                     [&](const Entry& entry) { return entry.name == op && entry.fitted; });
}

Result<std::unique_ptr<Operation>> MakeOperation(const Json& spec) {
  const std::string op = JsonString(spec, "op");
  for (const Entry& entry : kOperations) {
    if (entry.name == op) return entry.make(spec);
  }
  return InvalidArgument("unknown operation \"" + op + "\"" + Suggestion(op, OperationNames()));
}

Result<Column*> FindColumn(Table& table, const std::string& name) {
  Column* column = table.Find(name);
  if (column != nullptr) return column;
  return InvalidArgument("the data have no column \"" + name + "\"" +
                         Suggestion(name, table.names()));
}

StringValues AsTexts(const Column& column) {
  if (column.is_text()) return column.strings;
  StringValues texts;
  texts.codes.reserve(column.numbers.size());
  std::unordered_map<double, int32_t> codes;
  for (std::size_t i = 0; i < column.numbers.size(); ++i) {
    if (column.missing(i)) {
      texts.codes.push_back(-1);
      continue;
    }
    const auto [at, added] =
        codes.emplace(column.numbers[i], static_cast<int32_t>(texts.dictionary.size()));
    if (added) texts.dictionary.push_back(column.text(i));
    texts.codes.push_back(at->second);
  }
  return texts;
}

}  // namespace penstock
