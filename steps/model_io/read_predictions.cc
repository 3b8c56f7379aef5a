#include "steps/model_io/read_predictions.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/text.h"

namespace penstock {
namespace {

// What probabilities that were written with a few digits may be off by.
constexpr double kSumTolerance = 0.01;
constexpr std::size_t kShown = 60;

std::string NameOf(const RawTable& table) {
  return table.parts.empty() ? "the predictions" : table.parts.front().display_name;
}

std::optional<int> ClassOf(const std::vector<std::string>& classes, const std::string& text) {
  const auto found = std::find(classes.begin(), classes.end(), text);
  if (found != classes.end()) return static_cast<int>(found - classes.begin());
  const std::optional<double> number = ParseNumber(text);
  if (!number) return std::nullopt;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (ParseNumber(classes[i]) == number) return static_cast<int>(i);
  }
  return std::nullopt;
}

// The column `given`, or, where that is empty, one called `usual` if there is one.
Result<const Column*> Find(const RawTable& table, const std::string& given,
                           const std::string& usual) {
  const Column* column = table.table.Find(given.empty() ? usual : given);
  if (column != nullptr || given.empty()) return column;
  return InvalidArgument(NameOf(table) + " has no column \"" + given + "\"" +
                         SuggestColumn(given, table.table.names()));
}

Result<std::vector<double>> ReadProbabilities(const RawTable& table, const Column& column) {
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<double> values, ReadNumbers(table, column, "probability"));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= 0 && values[i] <= 1) continue;
    const std::string where = table.Where(static_cast<int64_t>(i), column.info.name);
    if (std::isnan(values[i])) return InvalidArgument(where + ": there is no probability");
    return InvalidArgument(where + ": the probability " + FormatNumber(values[i]) +
                           " is not between 0 and 1");
  }
  return values;
}

class ClassReader {
 public:
  ClassReader(const RawTable& table, const ModelInfo& info, const PredictionNames& names)
      : table_(table), info_(info), names_(names) {
    predictions_.task = info.task;
    predictions_.rows = table.table.rows;
    predictions_.columns = static_cast<int>(info.classes.size());
    predictions_.scores.resize(static_cast<std::size_t>(table.table.rows) * info.classes.size());
  }

  Result<Predictions> Read() {
    for (const auto& [name, column] : names_.probabilities) {
      if (std::find(info_.classes.begin(), info_.classes.end(), name) != info_.classes.end()) {
        continue;
      }
      return InvalidArgument("\"" + name + "\" has a column of probabilities and is no class (" +
                             Join(info_.classes, ", ") + ")");
    }
    PENSTOCK_ASSIGN_OR_RETURN(const bool found, info_.task == Task::kBinary ? Binary() : Multi());
    if (!found) PENSTOCK_RETURN_IF_ERROR(Chosen());
    return std::move(predictions_);
  }

 private:
  Result<const Column*> ColumnOf(const std::string& name) const {
    const auto given = names_.probabilities.find(name);
    return Find(table_, given == names_.probabilities.end() ? "" : given->second,
                kProbabilityPrefix + name);
  }

  void Set(std::size_t index, const std::vector<double>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      predictions_.scores[i * info_.classes.size() + index] = values[i];
    }
  }

  Result<bool> Binary() {
    const std::size_t positive = info_.positive_index == 0 ? 0 : 1;
    PENSTOCK_ASSIGN_OR_RETURN(const Column* column, ColumnOf(info_.classes[positive]));
    if (column == nullptr || !names_.probability.empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(column, Find(table_, names_.probability, "probability"));
    }
    if (column == nullptr) return false;
    PENSTOCK_ASSIGN_OR_RETURN(std::vector<double> values, ReadProbabilities(table_, *column));
    Set(positive, values);
    for (double& value : values) value = 1 - value;
    Set(1 - positive, values);
    return true;
  }

  Result<bool> Multi() {
    std::vector<const Column*> columns;
    std::vector<std::string> lacking;
    for (const std::string& name : info_.classes) {
      PENSTOCK_ASSIGN_OR_RETURN(const Column* column, ColumnOf(name));
      columns.push_back(column);
      if (column == nullptr) lacking.push_back("\"" + (kProbabilityPrefix + name) + "\"");
    }
    if (lacking.size() == columns.size()) return false;
    if (!lacking.empty()) {
      return InvalidArgument(NameOf(table_) +
                             " has probabilities of some classes alone; it lacks " +
                             Join(lacking, ", "));
    }
    std::vector<double> sums(static_cast<std::size_t>(table_.table.rows));
    for (std::size_t k = 0; k < columns.size(); ++k) {
      PENSTOCK_ASSIGN_OR_RETURN(const std::vector<double> values,
                                ReadProbabilities(table_, *columns[k]));
      Set(k, values);
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += values[i];
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (std::abs(sums[i] - 1) <= kSumTolerance) continue;
      return InvalidArgument(table_.Where(static_cast<int64_t>(i), columns.front()->info.name) +
                             ": the probabilities of the classes sum to " +
                             FormatNumber(std::round(sums[i] * 1e6) / 1e6) + ", and not to 1");
    }
    return true;
  }

  Status Chosen() {
    predictions_.probabilities = false;
    PENSTOCK_ASSIGN_OR_RETURN(const Column* column, Find(table_, names_.prediction, "prediction"));
    if (column == nullptr) {
      const bool two = info_.task == Task::kBinary;
      return InvalidArgument(NameOf(table_) + " has neither probabilities (" +
                             (two ? "a column \"probability\", of the positive class"
                                  : "a column \"" + (kProbabilityPrefix + info_.classes.front()) +
                                        "\", and one for each other class") +
                             ") nor a column \"prediction\"; its columns are " +
                             Join(table_.table.names(), ", "));
    }
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<double> chosen,
                              ReadClasses(table_, *column, info_.classes, "prediction"));
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (std::isnan(chosen[i])) {
        return InvalidArgument(table_.Where(static_cast<int64_t>(i), column->info.name) +
                               ": there is no prediction");
      }
      predictions_.scores[i * info_.classes.size() + static_cast<std::size_t>(chosen[i])] = 1;
    }
    return Status::Ok();
  }

  const RawTable& table_;
  const ModelInfo& info_;
  const PredictionNames& names_;
  Predictions predictions_;
};

}  // namespace

Result<std::vector<double>> ReadClasses(const RawTable& table, const Column& column,
                                        const std::vector<std::string>& classes,
                                        const std::string& what) {
  const auto rows = static_cast<std::size_t>(table.table.rows);
  std::vector<double> indices(rows, kMissing);
  std::unordered_map<std::string, int> known;
  for (std::size_t i = 0; i < rows; ++i) {
    if (column.missing(i)) continue;
    const std::string text = column.text(i);
    auto found = known.find(text);
    if (found == known.end()) {
      const std::optional<int> index = ClassOf(classes, text);
      if (!index) {
        return InvalidArgument(table.Where(static_cast<int64_t>(i), column.info.name) + ": " +
                               what + " \"" + TruncateUtf8(text, kShown) +
                               "\" is not among the classes (" + Join(classes, ", ") + ")");
      }
      found = known.emplace(text, *index).first;
    }
    indices[i] = found->second;
  }
  return indices;
}

Result<std::vector<double>> ReadNumbers(const RawTable& table, const Column& column,
                                        const std::string& what) {
  const auto rows = static_cast<std::size_t>(table.table.rows);
  for (std::size_t i = 0; i < rows; ++i) {
    if (column.missing(i)) continue;
    const bool number = column.is_text() ? ParseNumber(column.text(i)).has_value()
                                         : std::isfinite(column.numbers[i]);
    if (number) continue;
    return InvalidArgument(table.Where(static_cast<int64_t>(i), column.info.name) + ": " + what +
                           " \"" + TruncateUtf8(column.text(i), kShown) + "\" is no number");
  }
  if (!column.is_text()) return column.numbers;
  std::vector<double> values(rows, kMissing);
  for (std::size_t i = 0; i < rows; ++i) {
    if (!column.missing(i)) values[i] = *ParseNumber(column.text(i));
  }
  return values;
}

Result<Predictions> ReadPredictions(const RawTable& table, const ModelInfo& info,
                                    const PredictionNames& names) {
  if (info.task != Task::kRegression) return ClassReader(table, info, names).Read();
  PENSTOCK_ASSIGN_OR_RETURN(const Column* column, Find(table, names.prediction, "prediction"));
  if (column == nullptr) {
    return InvalidArgument(NameOf(table) + " has no column \"prediction\"; its columns are " +
                           Join(table.table.names(), ", "));
  }
  Predictions predictions;
  predictions.task = Task::kRegression;
  predictions.rows = table.table.rows;
  PENSTOCK_ASSIGN_OR_RETURN(predictions.scores, ReadNumbers(table, *column, "prediction"));
  for (std::size_t i = 0; i < predictions.scores.size(); ++i) {
    if (!std::isnan(predictions.scores[i])) continue;
    return InvalidArgument(table.Where(static_cast<int64_t>(i), column->info.name) +
                           ": there is no prediction");
  }
  return predictions;
}

}  // namespace penstock
