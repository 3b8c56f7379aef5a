#ifndef PENSTOCK_STEPS_TABLE_DATASET_H_
#define PENSTOCK_STEPS_TABLE_DATASET_H_

// Datasets: a folder with dataset.json and Parquet parts.
//
//   {"format": "penstock-dataset/1", "rows": 26049, "transform": "<hex digest>" or null,
//    "columns": [{"name": "age", "type": "double", "kind": "numeric", "nullable": false}, …],
//    "roles": {"label": "income", "weight": null, "id": [], "time": null, "group": null,
//              "keep": ["sex"]},
//    "label": {"kind": "classes", "classes": ["<=50K", ">50K"], "positive": ">50K"},
//    "parts": ["part-00000.parquet"]}
//
// The parts' columns are those of `columns`, in that order (their names may differ: Parquet files
// of DuckDB's cannot hold names that differ in case alone).
//
// The same content always gives the same bytes: no times, paths or thread counts in it. All
// functions are thread-safe. Errors name the dataset by `display_name`, or by its path.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/api/model.h"
#include "steps/table/table.h"

namespace penstock {

inline constexpr char kDatasetFile[] = "dataset.json";
inline constexpr char kDatasetTransformFile[] = "transform/transform.json";

// Which columns are not features. Empty: the data have none.
struct Roles {
  std::string label;
  std::string weight;
  std::string time;
  std::string group;
  std::vector<std::string> id;
  std::vector<std::string> keep;

  bool is_feature(std::string_view column) const;
  friend bool operator==(const Roles&, const Roles&) = default;
};

struct LabelInfo {
  enum class Kind { kNone, kClasses, kNumber };
  Kind kind = Kind::kNone;
  std::vector<std::string> classes;  // kClasses: at least two, distinct; index = class index
  std::string positive;              // two classes: one of them; else empty

  // Index of `positive` in `classes`, or -1.
  int positive_index() const;
  friend bool operator==(const LabelInfo&, const LabelInfo&) = default;
};

struct DatasetInfo {
  std::vector<ColumnInfo> columns;
  Roles roles;
  LabelInfo label;
  int64_t rows = 0;
  // Hexadecimal digest of the transform's tree that the features went through; empty: raw data.
  std::string transform_digest;
  std::vector<std::string> parts = {"part-00000.parquet"};

  const ColumnInfo* Find(std::string_view name) const;  // nullptr where there is none
  // The columns without a role, in order.
  std::vector<std::string> feature_names() const;
};

Json DatasetInfoToJson(const DatasetInfo& info);
Result<DatasetInfo> DatasetInfoFromJson(const Json& json);

// The roles object as dataset.json and transform.json hold it.
Json RolesToJson(const Roles& roles);
Roles RolesFromJson(const Json& json);
Json LabelInfoToJson(const LabelInfo& label);
LabelInfo LabelInfoFromJson(const Json& json);

// Whether `path` is a folder with a dataset.json.
bool IsDataset(const std::filesystem::path& path);

// Reads dataset.json. kInvalidArgument: the folder is no dataset; kDataLoss: a damaged one.
Result<DatasetInfo> ReadDatasetInfo(const std::filesystem::path& folder,
                                    std::string_view display_name = {});

// Reads `columns` (empty: all, in the dataset's order) of every row, in order. kInvalidArgument
// names a column that the dataset lacks.
Result<Table> LoadDataset(const std::filesystem::path& folder,
                          const std::vector<std::string>& columns, const TableOptions& options,
                          std::string_view display_name = {});

// Reads features, labels and weights for training or evaluation. Features are the columns without a
// role, or exactly `features`, in that order, where it is not empty. Labels are class indices or
// values; weights are empty where no column has that role. kInvalidArgument: no label, a row
// without a label, a feature that is text ("encode it with one_hot or ordinal"), a negative weight.
Result<LabelledData> LoadLabelled(const std::filesystem::path& folder, const TableOptions& options,
                                  std::string_view display_name = {},
                                  const std::vector<std::string>& features = {});

// Reads just features: the columns without a role, or exactly `features` where it is not empty.
Result<Features> LoadFeatures(const std::filesystem::path& folder,
                              const std::vector<std::string>& features, const TableOptions& options,
                              std::string_view display_name = {});

// Class index of each value of a label column (a NaN where it is missing); for a numeric label its
// values. kInvalidArgument names a value that is not among the classes and its row (from 1).
Result<std::vector<double>> LabelsOf(const Column& column, const LabelInfo& label);

// Writes `table` as a dataset into `folder` (made where absent; must hold no dataset). `info` gives
// roles, label and transform digest; its columns, rows and parts are taken from the table. Columns
// of type boolean hold 0, 1 or NaN; of type integer, whole numbers below 2^63 or NaN.
Status WriteDataset(const std::filesystem::path& folder, const Table& table,
                    const DatasetInfo& info, const TableOptions& options);

// Writing in pieces, for what is larger than memory: parts, in any order and on several threads,
// and then the record that lists them.
struct WrittenPart {
  std::string file;
  int64_t rows = 0;
  std::vector<bool> missing;  // for each column whether any value is
};
// Part number `index` of a dataset in `folder` (made where absent), with the rows of `next`, whose
// tables have `columns`. Errors of the stream's are given back.
Result<WrittenPart> WriteDatasetPart(const std::filesystem::path& folder, int64_t index,
                                     const std::vector<ColumnInfo>& columns,
                                     const TableStream& next, const TableOptions& options);
Status WriteDatasetInfo(const std::filesystem::path& folder, const DatasetInfo& info);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_DATASET_H_
