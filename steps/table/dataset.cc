#include "steps/table/dataset.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "steps/table/duck.h"
#include "steps/table/read_frame.h"
#include "steps/table/read_internal.h"

namespace penstock {
namespace {

constexpr char kFormat[] = "penstock-dataset/1";
constexpr JsonLimits kDatasetLimits{64 << 20, 32};

std::string NameOf(const std::filesystem::path& folder, std::string_view display_name) {
  return display_name.empty() ? folder.string() : std::string(display_name);
}

Json NameOrNull(const std::string& name) {
  return name.empty() ? Json() : Json(name);
}

std::vector<std::string> Strings(const Json& list) {
  std::vector<std::string> strings;
  if (!list.is_array()) return strings;
  for (const Json& element : list) {
    if (element.is_string()) strings.push_back(element.get<std::string>());
  }
  return strings;
}

Result<ColumnInfo> ColumnFromJson(const Json& json) {
  ColumnInfo column;
  column.name = JsonString(json, "name");
  if (column.name.empty()) return DataLoss("a column has no name");
  PENSTOCK_ASSIGN_OR_RETURN(column.type, ParseColumnType(JsonString(json, "type")));
  PENSTOCK_ASSIGN_OR_RETURN(column.kind, ParseColumnKind(JsonString(json, "kind")));
  column.nullable = JsonBool(json, "nullable");
  column.categories = Strings(JsonMember(json, "categories"));
  return column;
}

// The column as the dataset's record declares it, read from its parts.
reading::Selected SelectStored(const DatasetInfo& dataset, const ColumnInfo& info) {
  reading::Selected selected;
  selected.info = info;
  // By position: DuckDB takes names that differ in case alone for one, and writes another.
  selected.expression = reading::Position(static_cast<std::size_t>(&info - dataset.columns.data()));
  switch (info.type) {
    case ColumnType::kDouble:
      selected.type = DUCKDB_TYPE_DOUBLE;
      selected.expression = "CAST(" + selected.expression + " AS DOUBLE)";
      break;
    case ColumnType::kInteger:
      selected.type = DUCKDB_TYPE_BIGINT;
      selected.expression = "CAST(" + selected.expression + " AS BIGINT)";
      break;
    case ColumnType::kBoolean:
      selected.type = DUCKDB_TYPE_BOOLEAN;
      selected.expression = "CAST(" + selected.expression + " AS BOOLEAN)";
      break;
    case ColumnType::kString:
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      selected.expression = "CAST(" + selected.expression + " AS VARCHAR)";
      break;
  }
  return selected;
}

Result<Table> LoadColumns(const std::filesystem::path& folder, const DatasetInfo& info,
                          const std::vector<std::string>& columns, const TableOptions& options,
                          const std::string& name) {
  std::vector<reading::Selected> selected;
  for (const std::string& column : columns) {
    const ColumnInfo* found = info.Find(column);
    if (found == nullptr) {
      std::vector<std::string> known;
      for (const ColumnInfo& candidate : info.columns) known.push_back(candidate.name);
      return InvalidArgument(name + ": the dataset has no column \"" + column + "\"" +
                             Suggestion(column, known));
    }
    selected.push_back(SelectStored(info, *found));
  }
  std::string files;
  for (const std::string& part : info.parts) {
    files += (files.empty() ? "" : ", ") + reading::SqlPath(folder / part);
  }
  Result<Table> table =
      reading::RunSelect("read_parquet([" + files + "], hive_partitioning=false)", selected,
                         options, info.rows);
  if (!table.ok()) {
    if (table.status().code() != StatusCode::kInvalidArgument) return table.status();
    return DataLoss(name + ": the dataset's parts cannot be read: " + table.status().message());
  }
  if (table->rows != info.rows && (options.max_rows == 0 || table->rows > info.rows)) {
    return DataLoss(name + ": dataset.json says " + std::to_string(info.rows) +
                    " rows, its parts have " + std::to_string(table->rows));
  }
  return table;
}

// Moves numeric columns into `features`.
Status TakeFeatures(Table& table, std::size_t first, std::size_t count, const std::string& name,
                    Features& features) {
  features.rows = table.rows;
  for (std::size_t j = first; j < first + count; ++j) {
    Column& column = table.columns[j];
    if (column.is_text()) {
      return InvalidArgument(name + ": column \"" + column.info.name + "\" is " +
                             std::string(Name(column.info.kind)) +
                             ", a feature must be a number; encode it in `process`, for example "
                             "with transforms: [{op: one_hot, columns: {kind: categorical}}], drop "
                             "it, or name it in roles.keep");
    }
    features.names.push_back(column.info.name);
    features.columns.push_back(std::move(column.numbers));
  }
  return Status::Ok();
}

}  // namespace

bool Roles::is_feature(std::string_view column) const {
  return column != label && column != weight && column != time && column != group &&
         std::find(id.begin(), id.end(), column) == id.end() &&
         std::find(keep.begin(), keep.end(), column) == keep.end();
}

int LabelInfo::positive_index() const {
  const auto at = std::find(classes.begin(), classes.end(), positive);
  return positive.empty() || at == classes.end() ? -1 : static_cast<int>(at - classes.begin());
}

const ColumnInfo* DatasetInfo::Find(std::string_view name) const {
  for (const ColumnInfo& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

std::vector<std::string> DatasetInfo::feature_names() const {
  std::vector<std::string> names;
  for (const ColumnInfo& column : columns) {
    if (roles.is_feature(column.name)) names.push_back(column.name);
  }
  return names;
}

Json RolesToJson(const Roles& roles) {
  return {{"label", NameOrNull(roles.label)},
          {"weight", NameOrNull(roles.weight)},
          {"time", NameOrNull(roles.time)},
          {"group", NameOrNull(roles.group)},
          {"id", roles.id},
          {"keep", roles.keep}};
}

Roles RolesFromJson(const Json& json) {
  Roles roles;
  roles.label = JsonString(json, "label");
  roles.weight = JsonString(json, "weight");
  roles.time = JsonString(json, "time");
  roles.group = JsonString(json, "group");
  roles.id = Strings(JsonMember(json, "id"));
  roles.keep = Strings(JsonMember(json, "keep"));
  return roles;
}

Json LabelInfoToJson(const LabelInfo& label) {
  switch (label.kind) {
    case LabelInfo::Kind::kNone:
      return Json();
    case LabelInfo::Kind::kNumber:
      return {{"kind", "number"}};
    case LabelInfo::Kind::kClasses:
      return {{"kind", "classes"},
              {"classes", label.classes},
              {"positive", NameOrNull(label.positive)}};
  }
  return Json();
}

LabelInfo LabelInfoFromJson(const Json& json) {
  LabelInfo label;
  const std::string kind = JsonString(json, "kind");
  if (kind == "number") label.kind = LabelInfo::Kind::kNumber;
  if (kind == "classes") {
    label.kind = LabelInfo::Kind::kClasses;
    label.classes = Strings(JsonMember(json, "classes"));
    label.positive = JsonString(json, "positive");
  }
  return label;
}

Json DatasetInfoToJson(const DatasetInfo& info) {
  Json columns = Json::array();
  for (const ColumnInfo& column : info.columns) {
    Json json = {{"name", column.name},
                 {"type", Name(column.type)},
                 {"kind", Name(column.kind)},
                 {"nullable", column.nullable}};
    if (!column.categories.empty()) json["categories"] = column.categories;
    columns.push_back(std::move(json));
  }
  return {{"format", kFormat},
          {"columns", std::move(columns)},
          {"roles", RolesToJson(info.roles)},
          {"label", LabelInfoToJson(info.label)},
          {"rows", info.rows},
          {"transform", NameOrNull(info.transform_digest)},
          {"parts", info.parts}};
}

Result<DatasetInfo> DatasetInfoFromJson(const Json& json) {
  if (const std::string format = JsonString(json, "format"); format != kFormat) {
    return DataLoss("dataset.json has format \"" + format + "\"; this version reads " + kFormat);
  }
  DatasetInfo info;
  const Json& columns = JsonMember(json, "columns");
  if (!columns.is_array()) return DataLoss("dataset.json has no list of columns");
  for (const Json& column : columns) {
    PENSTOCK_ASSIGN_OR_RETURN(ColumnInfo parsed, ColumnFromJson(column));
    info.columns.push_back(std::move(parsed));
  }
  info.roles = RolesFromJson(JsonMember(json, "roles"));
  info.label = LabelInfoFromJson(JsonMember(json, "label"));
  info.rows = JsonInt(json, "rows", -1);
  if (info.rows < 0) return DataLoss("dataset.json has no row count");
  info.transform_digest = JsonString(json, "transform");
  info.parts = Strings(JsonMember(json, "parts"));
  for (const std::string& part : info.parts) {
    // A part is a file of this folder and nothing else.
    if (part.empty() || part[0] == '.' || part.find('/') != std::string::npos) {
      return DataLoss("dataset.json names a part \"" + part + "\"");
    }
  }
  if (info.parts.empty()) return DataLoss("dataset.json names no parts");
  return info;
}

bool IsDataset(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path / kDatasetFile, error);
}

Result<DatasetInfo> ReadDatasetInfo(const std::filesystem::path& folder,
                                    std::string_view display_name) {
  const std::string name = NameOf(folder, display_name);
  if (!IsDataset(folder)) {
    return InvalidArgument(name +
                           ": not a dataset (a folder with dataset.json); make one with a "
                           "`process` step");
  }
  std::ifstream file(folder / kDatasetFile, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  auto json = ParseJson(text.str(), kDatasetLimits);
  if (!json.ok()) return DataLoss(name + "/dataset.json: " + json.status().message());
  auto info = DatasetInfoFromJson(*json);
  if (!info.ok()) return DataLoss(name + ": " + info.status().message());
  return info;
}

Result<Table> LoadDataset(const std::filesystem::path& folder,
                          const std::vector<std::string>& columns, const TableOptions& options,
                          std::string_view display_name) {
  PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info, ReadDatasetInfo(folder, display_name));
  std::vector<std::string> names = columns;
  if (names.empty()) {
    for (const ColumnInfo& column : info.columns) names.push_back(column.name);
  }
  return LoadColumns(folder, info, names, options, NameOf(folder, display_name));
}

Result<std::vector<double>> LabelsOf(const Column& column, const LabelInfo& label) {
  if (label.kind != LabelInfo::Kind::kClasses) {
    if (column.is_text()) {
      return InvalidArgument("label \"" + column.info.name + "\" is text; declare its classes");
    }
    return column.numbers;
  }
  std::unordered_map<std::string, double> index;
  for (const std::string& name : label.classes) {
    index.emplace(name, static_cast<double>(index.size()));
  }
  const std::size_t rows = column.is_text() ? column.strings.codes.size() : column.numbers.size();
  std::vector<double> of_code;
  for (const std::string& text : column.strings.dictionary) {
    const auto at = index.find(text);
    of_code.push_back(at == index.end() ? -1 : at->second);
  }
  std::vector<double> labels;
  labels.reserve(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    double value = kMissing;
    if (!column.missing(i)) {
      if (column.is_text()) {
        value = of_code[static_cast<std::size_t>(column.strings.codes[i])];
      } else {
        const auto at = index.find(column.text(i));
        value = at == index.end() ? -1 : at->second;
      }
      if (value < 0) {
        return InvalidArgument("row " + std::to_string(i + 1) + ": label \"" + column.text(i) +
                               "\" is not among the classes (" + Join(label.classes, ", ") + ")");
      }
    }
    labels.push_back(value);
  }
  return labels;
}

Result<LabelledData> LoadLabelled(const std::filesystem::path& folder, const TableOptions& options,
                                  std::string_view display_name,
                                  const std::vector<std::string>& features) {
  const std::string name = NameOf(folder, display_name);
  PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info, ReadDatasetInfo(folder, display_name));
  if (info.roles.label.empty() || info.label.kind == LabelInfo::Kind::kNone) {
    return InvalidArgument(name +
                           ": the dataset has no label; name it in `process` as roles.label");
  }
  std::vector<std::string> columns = features.empty() ? info.feature_names() : features;
  const std::size_t feature_count = columns.size();
  columns.push_back(info.roles.label);
  if (!info.roles.weight.empty()) columns.push_back(info.roles.weight);
  PENSTOCK_ASSIGN_OR_RETURN(Table table, LoadColumns(folder, info, columns, options, name));
  LabelledData data;
  PENSTOCK_RETURN_IF_ERROR(TakeFeatures(table, 0, feature_count, name, data.features));
  auto labels = LabelsOf(table.columns[feature_count], info.label);
  if (!labels.ok()) return labels.status().WithContext(name);
  data.labels = std::move(*labels);
  for (std::size_t i = 0; i < data.labels.size(); ++i) {
    if (std::isnan(data.labels[i])) {
      return InvalidArgument(name + ": row " + std::to_string(i + 1) + " has no label");
    }
  }
  if (!info.roles.weight.empty()) data.weights = std::move(table.columns.back().numbers);
  for (std::size_t i = 0; i < data.weights.size(); ++i) {
    if (!(data.weights[i] >= 0) || std::isinf(data.weights[i])) {
      return InvalidArgument(name + ": row " + std::to_string(i + 1) + ": weight " +
                             FormatDouble(data.weights[i]) + " is not a number of at least 0");
    }
  }
  return data;
}

Result<Features> LoadFeatures(const std::filesystem::path& folder,
                              const std::vector<std::string>& features, const TableOptions& options,
                              std::string_view display_name) {
  const std::string name = NameOf(folder, display_name);
  PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info, ReadDatasetInfo(folder, display_name));
  const std::vector<std::string> columns = features.empty() ? info.feature_names() : features;
  PENSTOCK_ASSIGN_OR_RETURN(Table table, LoadColumns(folder, info, columns, options, name));
  Features result;
  PENSTOCK_RETURN_IF_ERROR(TakeFeatures(table, 0, columns.size(), name, result));
  return result;
}

namespace {

Result<WrittenPart> WritePart(const std::filesystem::path& folder, int64_t index,
                              duck::TableSource& source, const TableOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return ErrnoStatus(error.value(), folder.string());
  const std::vector<ColumnInfo>& infos = source.columns();
  if (infos.empty()) return InvalidArgument("a dataset needs at least one column");
  std::string number = std::to_string(index);
  number.insert(0, 5 - std::min<std::size_t>(number.size(), 5), '0');
  WrittenPart part;
  part.file = "part-" + number + ".parquet";
  // The source gives rows on one thread: another would take its work now and then, and this one
  // would spin meanwhile. Several parts are written by as many callers.
  TableOptions alone = options;
  alone.threads = 1;
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection, duck::Connection::Open(alone));
  std::vector<std::string> columns;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    columns.push_back(reading::Position(i) + " AS " + duck::QuoteName(infos[i].name));
  }
  // A row group size and a codec that depend on nothing else: so do the bytes.
  const Status written =
      connection.Run("COPY (SELECT " + Join(columns, ", ") + " FROM " + source.Sql() + ") TO " +
                     duck::Quote((folder / part.file).string()) +
                     " (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE " +
                     std::to_string(BlockRows(infos.size())) + ")");
  PENSTOCK_RETURN_IF_ERROR(source.status());
  if (!written.ok()) {
    const std::string what = "writing dataset " + folder.filename().string();
    if (written.code() != StatusCode::kInvalidArgument) return written.WithContext(what);
    return Unavailable(what + ": " + written.message());
  }
  part.rows = source.rows();
  part.missing = source.missing();
  return part;
}

}  // namespace

Result<WrittenPart> WriteDatasetPart(const std::filesystem::path& folder, int64_t index,
                                     const std::vector<ColumnInfo>& columns,
                                     const TableStream& next, const TableOptions& options) {
  duck::TableSource source(columns, next, options.cancelled);
  return WritePart(folder, index, source, options);
}

Status WriteDatasetInfo(const std::filesystem::path& folder, const DatasetInfo& info) {
  std::ofstream file(folder / kDatasetFile, std::ios::binary);
  file << DumpJson(DatasetInfoToJson(info)) << '\n';
  file.close();
  if (!file) return Unavailable("cannot write " + (folder / kDatasetFile).string());
  return Status::Ok();
}

Status WriteDataset(const std::filesystem::path& folder, const Table& table,
                    const DatasetInfo& given, const TableOptions& options) {
  duck::TableSource source(table, options.cancelled);
  PENSTOCK_ASSIGN_OR_RETURN(const WrittenPart part, WritePart(folder, 0, source, options));
  DatasetInfo info = given;
  info.parts = {part.file};
  info.rows = part.rows;
  info.columns = source.columns();
  return WriteDatasetInfo(folder, info);
}

}  // namespace penstock
