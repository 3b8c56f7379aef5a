#include "steps/process/transform.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/text.h"
#include "steps/process/read_spec.h"
#include "steps/process/row_operation.h"
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

// What is the same for all data: without what values there are.
std::vector<ColumnInfo> Plain(std::vector<ColumnInfo> columns) {
  for (ColumnInfo& column : columns) {
    column.nullable = false;
    column.categories.clear();
  }
  return columns;
}

std::vector<ColumnInfo> Schema(const Table& table) {
  std::vector<ColumnInfo> columns;
  for (const Column& column : table.columns) columns.push_back(column.info);
  return Plain(std::move(columns));
}

std::vector<ColumnInfo> FeaturesAmong(const std::vector<ColumnInfo>& columns, const Roles& roles) {
  std::vector<ColumnInfo> features;
  for (const ColumnInfo& column : columns) {
    if (roles.is_feature(column.name)) features.push_back(column);
  }
  return features;
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
    PENSTOCK_ASSIGN_OR_RETURN(transform.raw_features_,
                              ColumnsFromJson(JsonMember(json, "raw_features")));
    for (const Json& filter : JsonMember(json, "row_filters")) {
      if (!IsRowOperation(filter)) return DataLoss("row_filters holds what is no row operation");
      transform.row_filters_.push_back(filter);
    }
    transform.chain_ = OperationChain(FeaturesAmong(transform.raw_columns_, transform.roles_));
    for (const Json& spec : JsonMember(json, "operations")) {
      PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<Operation> operation, MakeOperation(spec));
      PENSTOCK_RETURN_IF_ERROR(transform.chain_.Add(std::move(operation)));
    }
    transform.plan_ = transform.chain_.PlanForAll();
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<ColumnInfo> features,
                              ColumnsFromJson(JsonMember(json, "features")));
    if (Schema(transform.chain_.output()) != features) {
      return DataLoss("the operations give other columns than \"features\" lists");
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
  for (const auto& operation : chain_.operations()) operations.push_back(operation->ToJson());
  return {{"format", kFormat},
          {"read", ReadOptionsToJson(read_)},
          {"roles", RolesToJson(roles_)},
          {"labels", LabelRulesToJson(label_rules_)},
          {"label", LabelInfoToJson(label_)},
          {"raw", ColumnsToJson(raw_columns_)},
          {"raw_features", ColumnsToJson(raw_features_)},
          {"row_filters", row_filters_},
          {"operations", std::move(operations)},
          {"features", ColumnsToJson(features())}};
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

Transform::Reading Transform::HowToRead(const std::vector<std::string>& keep, bool labels) const {
  Reading reading;
  reading.options = read_;
  for (const ColumnInfo& column : raw_features_) reading.wanted.push_back(column.name);
  for (const ColumnInfo& column : raw_columns_) {
    const bool feature = roles_.is_feature(column.name);
    if (!feature) reading.optional.push_back(column.name);
    // Without labels, what is only handed through is text, exactly as it stands.
    const bool known = feature || labels;
    reading.options.kinds.push_back({column.name, known ? column.kind : ColumnKind::kId});
  }
  for (const std::string& name : keep) {
    // After the others: for columns unknown so far.
    reading.options.kinds.push_back({name, ColumnKind::kId});
    if (!Contains(reading.wanted, name)) reading.wanted.push_back(name);
    std::erase(reading.optional, name);
  }
  return reading;
}

std::vector<ColumnInfo> Transform::features() const {
  return Schema(chain_.output());
}

Result<AppliedData> Transform::ApplyToRaw(const InputArtifact& data, const ApplyOptions& options,
                                          StepContext& context) const {
  TableOptions table_options{context.threads(), context.memory_bytes(),
                             [&context] { return context.cancelled(); }};
  table_options.scratch = context.scratch_dir();
  const Reading reading = HowToRead(options.keep, options.labels);
  PENSTOCK_ASSIGN_OR_RETURN(
      RawTable raw, ReadRaw(data.path, data.display_name, reading.options, reading.wanted,
                            reading.optional, table_options));
  if (raw.dataset && !raw.dataset->transform_digest.empty()) {
    return InvalidArgument(raw.parts.front().display_name +
                           ": the dataset went through a transform already; give the raw data");
  }
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
  AppliedRows rows;
  rows.where = [&](int64_t row, const std::string& column) { return raw.Where(row, column); };
  PENSTOCK_RETURN_IF_ERROR(chain_.Apply(plan_, features, rows));
  if (options.as_table) {
    applied.table = std::move(features);
    return applied;
  }
  PENSTOCK_ASSIGN_OR_RETURN(applied.features,
                            TakeFeatures(std::move(features), raw.parts.front().display_name));
  return applied;
}

TransformBuilder::TransformBuilder(ReadOptions read, Roles roles, LabelRules rules, LabelInfo label,
                                   const std::vector<ColumnInfo>& raw) {
  transform_.read_ = std::move(read);
  transform_.roles_ = std::move(roles);
  transform_.label_rules_ = std::move(rules);
  transform_.label_ = std::move(label);
  transform_.raw_columns_ = Plain(raw);
  transform_.chain_ =
      OperationChain(FeaturesAmong(transform_.raw_columns_, transform_.roles_));
}

void TransformBuilder::AddRowFilter(const Json& spec) {
  Json filter = spec;
  filter["after"] = transform_.chain_.operations().size();
  transform_.row_filters_.push_back(std::move(filter));
}

Status TransformBuilder::Add(std::shared_ptr<const Operation> operation) {
  return transform_.chain_.Add(std::move(operation));
}

Transform TransformBuilder::Finish(Roles roles) && {
  transform_.roles_ = std::move(roles);
  transform_.plan_ = transform_.chain_.PlanForAll();
  for (const std::string& name : transform_.plan_.inputs) {
    const auto at = std::find_if(transform_.raw_columns_.begin(), transform_.raw_columns_.end(),
                                 [&](const ColumnInfo& column) { return column.name == name; });
    transform_.raw_features_.push_back(*at);
  }
  return std::move(transform_);
}

}  // namespace penstock
