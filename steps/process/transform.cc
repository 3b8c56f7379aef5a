#include "steps/process/transform.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "base/text.h"
#include "steps/process/read_spec.h"
#include "steps/process/tree_digest.h"

namespace penstock {
namespace {

constexpr char kFormat[] = "penstock-transform/1";
// Categories of wide data make a transform long.
constexpr JsonLimits kTransformLimits{256 << 20, 32};

Json ColumnsToJson(const std::vector<ColumnInfo>& columns) {
  Json list = Json::array();
  for (const ColumnInfo& column : columns) {
    list.push_back(
        {{"name", column.name}, {"type", Name(column.type)}, {"kind", Name(column.kind)}});
  }
  return list;
}

Result<std::vector<ColumnInfo>> ColumnsFromJson(const Json& list) {
  std::vector<ColumnInfo> columns;
  if (!list.is_array()) return DataLoss("a list of columns is absent");
  for (const Json& json : list) {
    ColumnInfo column;
    column.name = JsonString(json, "name");
    PENSTOCK_ASSIGN_OR_RETURN(column.type, ParseColumnType(JsonString(json, "type")));
    PENSTOCK_ASSIGN_OR_RETURN(column.kind, ParseColumnKind(JsonString(json, "kind")));
    columns.push_back(std::move(column));
  }
  return columns;
}

std::vector<ColumnInfo> Schema(const Table& table) {
  std::vector<ColumnInfo> columns;
  for (const Column& column : table.columns) {
    columns.push_back({column.info.name, column.info.type, column.info.kind, false, {}});
  }
  return columns;
}

// Whether the fitted operation reads the raw column `name`.
bool Uses(const Json& operation, const std::string& name) {
  const Json& fitted = JsonMember(operation, "fitted");
  const std::string op = JsonString(operation, "op");
  if (op != "drop" && op != "map_values") return fitted.is_object() && fitted.contains(name);
  const std::vector<std::string> columns = TextList(JsonMember(fitted, "columns"));
  return std::find(columns.begin(), columns.end(), name) != columns.end();
}

// A raw column that the first operation to look at it drops: nobody needs to bring it.
bool IsDropped(const std::vector<Json>& operations, const std::string& name) {
  for (const Json& operation : operations) {
    if (Uses(operation, name)) return JsonString(operation, "op") == "drop";
  }
  return false;
}

bool Contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

Result<Features> TakeFeatures(Table&& table, const std::string& display_name) {
  Features features;
  features.rows = table.rows;
  for (Column& column : table.columns) {
    if (column.is_text()) {
      return InvalidArgument(display_name + ": column \"" + column.info.name + "\" is " +
                             std::string(Name(column.info.kind)) +
                             " after the transform, a feature must be a number; encode it with "
                             "one_hot or ordinal, or drop it");
    }
    features.names.push_back(column.info.name);
    features.columns.push_back(std::move(column.numbers));
  }
  return features;
}

}  // namespace

Transform::Transform() = default;
Transform::~Transform() = default;
Transform::Transform(Transform&&) noexcept = default;
Transform& Transform::operator=(Transform&&) noexcept = default;

Result<Transform> Transform::Load(const std::filesystem::path& path) {
  std::error_code error;
  const auto file_path = std::filesystem::is_directory(path, error) ? path / kTransformFile : path;
  std::ifstream file(file_path, std::ios::binary);
  if (!file) return NotFound("there is no transform at " + file_path.string());
  std::ostringstream text;
  text << file.rdbuf();
  const auto json = ParseJson(text.str(), kTransformLimits);
  if (!json.ok()) return DataLoss("transform.json: " + json.status().message());
  return FromJson(*json);
}

Result<Transform> Transform::FromJson(const Json& json) {
  if (const std::string format = JsonString(json, "format"); format != kFormat) {
    return DataLoss("transform.json has format \"" + format + "\"; this version reads " + kFormat);
  }
  Transform transform;
  const auto fill = [&]() -> Status {
    PENSTOCK_ASSIGN_OR_RETURN(transform.read_, ReadOptionsFromJson(JsonMember(json, "read")));
    transform.roles_ = RolesFromJson(JsonMember(json, "roles"));
    transform.label_rules_ = LabelRulesFromJson(JsonMember(json, "labels"));
    transform.label_ = LabelInfoFromJson(JsonMember(json, "label"));
    PENSTOCK_ASSIGN_OR_RETURN(transform.raw_columns_, ColumnsFromJson(JsonMember(json, "raw")));
    PENSTOCK_ASSIGN_OR_RETURN(transform.features_, ColumnsFromJson(JsonMember(json, "features")));
    PENSTOCK_ASSIGN_OR_RETURN(transform.raw_features_,
                              ColumnsFromJson(JsonMember(json, "raw_features")));
    for (const Json& filter : JsonMember(json, "row_filters")) {
      transform.row_filters_.push_back(filter);
    }
    for (const Json& spec : JsonMember(json, "operations")) {
      PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<Operation> operation, MakeOperation(spec));
      transform.operations_.push_back(std::move(operation));
    }
    return Status::Ok();
  };
  if (const Status status = fill(); !status.ok()) {
    return DataLoss("transform.json: " + status.message());
  }
  return transform;
}

Json Transform::ToJson() const {
  Json operations = Json::array();
  for (const auto& operation : operations_) operations.push_back(operation->ToJson());
  return {{"format", kFormat},
          {"read", ReadOptionsToJson(read_)},
          {"roles", RolesToJson(roles_)},
          {"labels", LabelRulesToJson(label_rules_)},
          {"label", LabelInfoToJson(label_)},
          {"raw", ColumnsToJson(raw_columns_)},
          {"raw_features", ColumnsToJson(raw_features_)},
          {"row_filters", row_filters_},
          {"operations", std::move(operations)},
          {"features", ColumnsToJson(features_)}};
}

Status Transform::Write(const std::filesystem::path& folder) const {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return ErrnoStatus(error.value(), folder.string());
  std::ofstream file(folder / kTransformFile, std::ios::binary);
  file << DumpJson(ToJson()) << '\n';
  file.close();
  if (!file) return Unavailable("cannot write " + (folder / kTransformFile).string());
  return Status::Ok();
}

Digest Transform::TreeDigest() const {
  return SingleFileTreeDigest(kTransformFile, DumpJson(ToJson()) + "\n");
}

Result<RawTable> Transform::Read(const InputArtifact& data, const std::vector<std::string>& keep,
                                 bool labels, const TableOptions& options) const {
  ReadOptions read = read_;
  std::vector<std::string> wanted;
  for (const ColumnInfo& column : raw_features_) wanted.push_back(column.name);
  std::vector<std::string> optional;
  for (const ColumnInfo& column : raw_columns_) {
    const bool feature = roles_.is_feature(column.name);
    if (!feature) optional.push_back(column.name);
    // Without labels, what is only handed through is text, exactly as it stands.
    const bool known = feature || labels;
    read.kinds.push_back({column.name, known ? column.kind : ColumnKind::kId});
  }
  for (const std::string& name : keep) {
    read.kinds.push_back({name, ColumnKind::kId});  // after the others: for columns unknown so far
    if (!Contains(wanted, name)) wanted.push_back(name);
    std::erase(optional, name);
  }
  PENSTOCK_ASSIGN_OR_RETURN(RawTable raw,
                            ReadRaw(data.path, data.display_name, read, wanted, optional, options));
  if (raw.dataset && !raw.dataset->transform_digest.empty()) {
    return InvalidArgument(raw.parts.front().display_name +
                           ": the dataset went through a transform already; give the raw data");
  }
  return raw;
}

Status Transform::ApplyToTable(Table& features, const WhereCell& where) const {
  for (const auto& operation : operations_) {
    PENSTOCK_RETURN_IF_ERROR(operation->Apply(features, where));
  }
  const bool same = std::equal(
      features.columns.begin(), features.columns.end(), features_.begin(), features_.end(),
      [](const Column& column, const ColumnInfo& info) { return column.info.name == info.name; });
  if (!same) return Internal("the transform gave other columns than when it was fitted");
  return Status::Ok();
}

Result<AppliedData> Transform::ApplyToRaw(const InputArtifact& data, const ApplyOptions& options,
                                          StepContext& context) const {
  const TableOptions table_options{context.threads(), context.memory_bytes(),
                                   [&context] { return context.cancelled(); }};
  PENSTOCK_ASSIGN_OR_RETURN(RawTable raw, Read(data, options.keep, options.labels, table_options));
  AppliedData applied;
  applied.kept.rows = raw.table.rows;
  for (const std::string& name : options.keep) {
    applied.kept.columns.push_back(*raw.table.Find(name));
  }
  if (options.labels) {
    const Column* label = roles_.label.empty() ? nullptr : raw.table.Find(roles_.label);
    if (label != nullptr) {
      PENSTOCK_ASSIGN_OR_RETURN(const Column resolved,
                                ResolveLabel(label_rules_, label_, *label, [&](int64_t row) {
                                  return raw.Where(row, roles_.label);
                                }));
      PENSTOCK_ASSIGN_OR_RETURN(applied.labels, LabelsOf(resolved, label_));
      applied.has_labels = true;
    }
    if (const Column* weight = raw.table.Find(roles_.weight); weight != nullptr) {
      applied.weights = weight->numbers;
    }
  }
  Table features;
  features.rows = raw.table.rows;
  for (const ColumnInfo& column : raw_features_) {
    features.columns.push_back(std::move(*raw.table.Find(column.name)));
  }
  PENSTOCK_RETURN_IF_ERROR(ApplyToTable(
      features, [&](int64_t row, const std::string& column) { return raw.Where(row, column); }));
  if (options.as_table) {
    applied.table = std::move(features);
    return applied;
  }
  PENSTOCK_ASSIGN_OR_RETURN(applied.features,
                            TakeFeatures(std::move(features), raw.parts.front().display_name));
  return applied;
}

TransformBuilder::TransformBuilder(ReadOptions read, Roles roles, LabelRules rules, LabelInfo label,
                                   const Table& raw) {
  transform_.read_ = std::move(read);
  transform_.roles_ = std::move(roles);
  transform_.label_rules_ = std::move(rules);
  transform_.label_ = std::move(label);
  transform_.raw_columns_ = Schema(raw);
}

void TransformBuilder::AddRowFilter(const Json& spec) {
  transform_.row_filters_.push_back(spec);
}

Status TransformBuilder::Add(const Json& spec, Table& features, const std::vector<int64_t>& rows,
                             const WhereCell& where) {
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<Operation> operation, MakeOperation(spec));
  PENSTOCK_RETURN_IF_ERROR(operation->Fit(features, rows));
  PENSTOCK_RETURN_IF_ERROR(operation->Apply(features, where));
  transform_.operations_.push_back(std::move(operation));
  return Status::Ok();
}

Transform TransformBuilder::Finish(const Table& features) && {
  transform_.features_ = Schema(features);
  std::vector<Json> operations;
  for (const auto& operation : transform_.operations_) operations.push_back(operation->ToJson());
  for (const ColumnInfo& column : transform_.raw_columns_) {
    if (transform_.roles_.is_feature(column.name) && !IsDropped(operations, column.name)) {
      transform_.raw_features_.push_back(column);
    }
  }
  return std::move(transform_);
}

}  // namespace penstock
