#include "steps/process/process.h"

#include <algorithm>
#include <map>
#include <utility>

#include "steps/process/draft.h"
#include "steps/process/read_spec.h"
#include "steps/process/split.h"
#include "steps/process/transform.h"

namespace penstock {
namespace {

TableOptions OptionsOf(StepContext& context) {
  return {context.threads(), context.memory_bytes(), [&context] { return context.cancelled(); }};
}

// Roles as the parameters give them, else as the dataset that is read has them.
Roles RolesOf(const Json& parameters, const RawTable& raw) {
  Roles roles = RolesFromJson(JsonMember(parameters, "roles"));
  if (roles == Roles() && raw.dataset) return raw.dataset->roles;
  return roles;
}

// The kinds that roles imply: labels with classes are text whatever they look like, weights are
// numbers, ids are text (a long number must keep its digits).
ReadOptions WithRoleKinds(ReadOptions read, const Roles& roles, const LabelRules& rules) {
  if (rules.text()) read.kinds.push_back({roles.label, ColumnKind::kCategorical});
  read.kinds.push_back({roles.weight, ColumnKind::kNumeric});
  for (const std::string& name : roles.id) read.kinds.push_back({name, ColumnKind::kId});
  return read;
}

Result<RawTable> ReadInputs(StepContext& context, const ReadOptions& read) {
  RawTable all;
  for (const InputArtifact& input : context.inputs("data")) {
    PENSTOCK_ASSIGN_OR_RETURN(
        RawTable part, ReadRaw(input.path, input.display_name, read, {}, {}, OptionsOf(context)));
    PENSTOCK_RETURN_IF_ERROR(AppendRows(all, std::move(part)));
  }
  return all;
}

class Process {
 public:
  explicit Process(StepContext& context) : context_(context), parameters_(context.parameters()) {}

  Result<StepOutcome> Run() {
    if (context_.inputs("data").empty()) return InvalidArgument("input data is not bound");
    PENSTOCK_ASSIGN_OR_RETURN(split_, SplitSpecFromJson(JsonMember(parameters_, "split")));
    context_.SetProgress(0, "reading");
    if (!context_.inputs("transform").empty()) {
      PENSTOCK_RETURN_IF_ERROR(NamingData(ApplyGiven()));
    } else {
      PENSTOCK_RETURN_IF_ERROR(NamingData(FitNew()));
    }
    if (context_.cancelled()) return Cancelled("cancelled");
    PENSTOCK_RETURN_IF_ERROR(WriteOutputs());
    return std::move(outcome_);
  }

 private:
  WhereCell Cell() {
    return [this](int64_t row, const std::string& column) { return draft_.Where(row, column); };
  }

  // What is wrong with data that were read, with their name where it is not said yet.
  Status NamingData(const Status& status) const {
    if (status.code() != StatusCode::kInvalidArgument || data_names_.empty()) return status;
    for (const std::string& name : data_names_) {
      if (status.message().find(name + ":") != std::string::npos) return status;
    }
    const std::size_t more = data_names_.size() - 1;
    return status.WithContext(data_names_.front() +
                              (more > 0 ? " and " + std::to_string(more) + " more" : ""));
  }

  Status FitNew() {
    const LabelRules rules = LabelRulesFromJson(JsonMember(parameters_, "labels"));
    PENSTOCK_ASSIGN_OR_RETURN(const ReadOptions given,
                              ReadOptionsFromJson(JsonMember(parameters_, "read")));
    const ReadOptions read =
        WithRoleKinds(given, RolesFromJson(JsonMember(parameters_, "roles")), rules);
    PENSTOCK_ASSIGN_OR_RETURN(RawTable raw, ReadInputs(context_, read));
    const std::string file = raw.parts.front().display_name;
    const Roles roles = RolesOf(parameters_, raw);
    PENSTOCK_RETURN_IF_ERROR(CheckRoles(roles, raw.table, file));
    Describe(raw);
    if (raw.table.rows == 0) {
      return InvalidArgument(file + ": line 2: there are no rows to fit on");
    }
    LabelInfo label;
    if (!roles.label.empty()) {
      const bool declared = raw.dataset && !rules.text() &&
                            raw.dataset->label.kind != LabelInfo::Kind::kNone &&
                            raw.dataset->roles.label == roles.label;
      if (declared) {
        label = raw.dataset->label;
      } else {
        PENSTOCK_ASSIGN_OR_RETURN(label, InferLabel(rules, *raw.table.Find(roles.label)));
      }
    }
    TransformBuilder builder(given, roles, rules, label, raw.table);
    PENSTOCK_ASSIGN_OR_RETURN(draft_, MakeDraft(std::move(raw), roles, rules, label));
    PENSTOCK_RETURN_IF_ERROR(CheckLabels(draft_, rules));
    PENSTOCK_RETURN_IF_ERROR(FitOperations(builder));
    for (const std::string& warning : ClassWarnings(draft_, parts_)) {
      context_.Log("warning: " + warning);
    }
    transform_ = std::move(builder).Finish(draft_.features);
    return Status::Ok();
  }

  // `transforms` in order: what needs no fitting and filters rows comes first, then the split, then
  // what is fitted on the training rows.
  Status FitOperations(TransformBuilder& builder) {
    context_.SetProgress(0.3, "fitting");
    const Json& transforms = JsonMember(parameters_, "transforms");
    const std::size_t count = transforms.is_array() ? transforms.size() : 0;
    std::size_t next = 0;
    std::vector<bool> train_only(static_cast<std::size_t>(draft_.rows()), true);
    for (; next < count && !IsFitted(JsonString(transforms[next], "op")); ++next) {
      const Json& spec = transforms[next];
      const auto named = [&](const Status& status) { return InEntry(status, next); };
      if (JsonString(spec, "op") != "drop_missing") {
        PENSTOCK_RETURN_IF_ERROR(named(builder.Add(spec, draft_.features, {}, Cell())));
        continue;
      }
      builder.AddRowFilter(spec);
      PENSTOCK_RETURN_IF_ERROR(named(Filter(spec, train_only)));
    }
    PENSTOCK_RETURN_IF_ERROR(Split(train_only));
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<int64_t> train, TrainingRows(parts_));
    for (; next < count; ++next) {
      if (JsonString(transforms[next], "op") == "drop_missing") {
        return InEntry(InvalidArgument("drop_missing must stand before every operation that is "
                                       "fitted; rows are dropped before the split"),
                       next);
      }
      if (context_.cancelled()) return Cancelled("cancelled");
      PENSTOCK_RETURN_IF_ERROR(
          InEntry(builder.Add(transforms[next], draft_.features, train, Cell()), next));
    }
    return Status::Ok();
  }

  static Status InEntry(const Status& status, std::size_t index) {
    if (status.code() != StatusCode::kInvalidArgument) return status;
    return status.WithContext("transforms[" + std::to_string(index) + "]");
  }

  // Applies one drop_missing. `in_train[row]`: whether the row may be a training row; kept in step
  // with the draft's rows.
  Status Filter(const Json& spec, std::vector<bool>& in_train) {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<bool> complete, CompleteRows(draft_, spec));
    if (JsonString(spec, "applies", "fit") == "train") {
      for (std::size_t i = 0; i < complete.size(); ++i) in_train[i] = in_train[i] && complete[i];
      return Status::Ok();
    }
    std::vector<int64_t> rows;
    std::vector<bool> kept_in_train;
    for (std::size_t i = 0; i < complete.size(); ++i) {
      if (!complete[i]) continue;
      rows.push_back(static_cast<int64_t>(i));
      kept_in_train.push_back(in_train[i]);
    }
    KeepRows(draft_, rows);
    in_train = std::move(kept_in_train);
    return Status::Ok();
  }

  Status Split(const std::vector<bool>& in_train) {
    const std::vector<int64_t> before = draft_.origin;
    PENSTOCK_ASSIGN_OR_RETURN(parts_, SplitRows(draft_, split_));
    if (std::find(in_train.begin(), in_train.end(), false) == in_train.end()) return Status::Ok();
    // Rows may have gone to no part; find each row's place before the split by where it came from.
    std::map<int64_t, bool> allowed;
    for (std::size_t i = 0; i < in_train.size(); ++i) {
      allowed[before.empty() ? static_cast<int64_t>(i) : before[i]] = in_train[i];
    }
    for (auto& [name, rows] : parts_) {
      if (parts_.size() > 1 && name != kTrainPart) continue;
      std::erase_if(rows, [&](int64_t row) {
        return !allowed[draft_.origin.empty() ? row : draft_.origin[static_cast<std::size_t>(row)]];
      });
    }
    return Status::Ok();
  }

  // Data that an existing transform is applied to; a dataset that went through it passes unchanged.
  Status ApplyGiven() {
    const InputArtifact& input = context_.inputs("transform").front();
    auto loaded = Transform::Load(input.path);
    if (!loaded.ok()) return loaded.status().WithContext(input.display_name);
    transform_ = std::move(*loaded);
    const std::string digest = transform_.TreeDigest().value();
    RawTable all;
    bool applied = false;
    for (const InputArtifact& data : context_.inputs("data")) {
      bool done = false;
      if (IsDataset(data.path)) {
        PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info,
                                  ReadDatasetInfo(data.path, data.display_name));
        done = !info.transform_digest.empty();
        if (done && info.transform_digest != digest) {
          return InvalidArgument(data.display_name +
                                 ": the dataset went through another transform than the one given; "
                                 "give the raw data");
        }
      }
      if (!all.parts.empty() && done != applied) {
        return InvalidArgument(data.display_name + ": raw and transformed data cannot be joined");
      }
      applied = done;
      PENSTOCK_ASSIGN_OR_RETURN(
          RawTable part,
          done ? ReadRaw(data.path, data.display_name, {}, {}, {}, OptionsOf(context_))
               : transform_.Read(data, {}, true, OptionsOf(context_)));
      PENSTOCK_RETURN_IF_ERROR(AppendRows(all, std::move(part)));
    }
    return ApplyTo(std::move(all), applied);
  }

  Status ApplyTo(RawTable raw, bool applied) {
    Describe(raw);
    // Data to predict may lack the label and other roles.
    Roles roles = transform_.roles();
    const auto there = [&](const std::string& name) { return raw.table.Find(name) != nullptr; };
    for (std::string* role : {&roles.label, &roles.weight, &roles.time, &roles.group}) {
      if (!there(*role)) role->clear();
    }
    std::erase_if(roles.id, [&](const std::string& name) { return !there(name); });
    std::erase_if(roles.keep, [&](const std::string& name) { return !there(name); });
    const LabelInfo label = roles.label.empty() ? LabelInfo() : transform_.label();
    PENSTOCK_ASSIGN_OR_RETURN(
        draft_,
        MakeDraft(std::move(raw), roles, applied ? LabelRules() : transform_.label_rules(), label));
    PENSTOCK_RETURN_IF_ERROR(CheckLabels(draft_, transform_.label_rules()));
    std::vector<bool> in_train(static_cast<std::size_t>(draft_.rows()), true);
    for (const Json& filter : transform_.row_filters()) {
      if (!applied && JsonString(filter, "applies") == "all") {
        PENSTOCK_RETURN_IF_ERROR(Filter(filter, in_train));
      }
    }
    PENSTOCK_RETURN_IF_ERROR(Split(in_train));
    if (applied) return Status::Ok();
    context_.SetProgress(0.5, "applying the transform");
    return transform_.ApplyToTable(draft_.features, Cell());
  }

  void Describe(const RawTable& raw) {
    rows_read_ = raw.table.rows;
    for (const RawTable::Part& part : raw.parts) {
      data_names_.push_back(part.display_name);
      context_.Log("read " + part.display_name + ": " + std::to_string(part.rows) + " rows, " +
                   std::to_string(part.names.size()) + " columns");
    }
  }

  Status WriteOutputs() {
    context_.SetProgress(0.6, "writing");
    DatasetInfo info;
    info.roles = draft_.roles;
    info.label = draft_.label;
    info.transform_digest = transform_.TreeDigest().value();
    Table table;
    table.rows = draft_.rows();
    const std::size_t feature_count = draft_.features.columns.size();
    for (Table* columns : {&draft_.features, &draft_.others}) {
      for (Column& column : columns->columns) table.columns.push_back(std::move(column));
    }
    int64_t written = 0;
    for (const auto& [name, rows] : parts_) {
      const auto folder = context_.output_dir() / name;
      const bool all = static_cast<int64_t>(rows.size()) == table.rows;
      const TableOptions options = OptionsOf(context_);
      PENSTOCK_RETURN_IF_ERROR(all ? WriteDataset(folder, table, info, options)
                                   : WriteDatasetRows(folder, table, rows, info, options));
      PENSTOCK_RETURN_IF_ERROR(transform_.Write(folder / "transform"));
      outcome_.outputs.push_back({name, folder, ArtifactType::kDataset});
      context_.Log("wrote " + name + ": " + std::to_string(rows.size()) + " rows");
      written += static_cast<int64_t>(rows.size());
      if (name == "train" || name == "validation" || name == "test") {
        outcome_.metrics[name + "_rows"] = static_cast<double>(rows.size());
      }
    }
    const auto folder = context_.output_dir() / "transform";
    PENSTOCK_RETURN_IF_ERROR(transform_.Write(folder));
    outcome_.outputs.push_back({"transform", folder, ArtifactType::kTransform});
    outcome_.metrics["rows"] = static_cast<double>(rows_read_);
    outcome_.metrics["rows_dropped"] = static_cast<double>(rows_read_ - written);
    outcome_.metrics["features"] = static_cast<double>(feature_count);
    context_.Log("dropped " + std::to_string(rows_read_ - written) + " rows; " +
                 std::to_string(feature_count) + " features");
    context_.SetProgress(1, "done");
    return Status::Ok();
  }

  StepContext& context_;
  const Json& parameters_;
  SplitSpec split_;
  Draft draft_;
  Parts parts_;
  Transform transform_;
  int64_t rows_read_ = 0;
  std::vector<std::string> data_names_;  // empty: not read yet
  StepOutcome outcome_;
};

}  // namespace

Result<StepOutcome> RunProcess(StepContext& context) {
  return Process(context).Run();
}

}  // namespace penstock
