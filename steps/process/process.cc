#include "steps/process/process.h"

#include <algorithm>
#include <utility>

#include "base/mutex.h"
#include "steps/process/draft.h"
#include "steps/process/inputs.h"
#include "steps/process/read_spec.h"
#include "steps/process/row_operation.h"
#include "steps/process/shared_rows.h"
#include "steps/process/split.h"
#include "steps/process/transform.h"
#include "steps/process/write_parts.h"

namespace penstock {
namespace {

// The kinds that roles imply: labels with classes are text whatever they look like, weights are
// numbers, ids are text (a long number must keep its digits).
ReadOptions WithRoleKinds(ReadOptions read, const Roles& roles, const LabelRules& rules) {
  if (rules.text()) read.kinds.push_back({roles.label, ColumnKind::kCategorical});
  read.kinds.push_back({roles.weight, ColumnKind::kNumeric});
  for (const std::string& name : roles.id) read.kinds.push_back({name, ColumnKind::kId});
  return read;
}

class Process {
 public:
  explicit Process(StepContext& context)
      : context_(context), parameters_(context.parameters()), inputs_(context) {}

  Result<StepOutcome> Run() {
    if (!inputs_.bound()) return InvalidArgument("input data is not bound");
    PENSTOCK_ASSIGN_OR_RETURN(split_, SplitSpecFromJson(JsonMember(parameters_, "split")));
    context_.SetProgress(0, "reading");
    PENSTOCK_RETURN_IF_ERROR(
        NamingData(context_.inputs("transform").empty() ? FitNew() : ApplyGiven()));
    if (context_.cancelled()) return Cancelled("cancelled");
    PENSTOCK_RETURN_IF_ERROR(NamingData(WriteOutputs()));
    return std::move(outcome_);
  }

 private:
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
    Roles roles = RolesFromJson(JsonMember(parameters_, "roles"));
    PENSTOCK_ASSIGN_OR_RETURN(RawFrame raw,
                              inputs_.Read(WithRoleKinds(given, roles, rules), {}, {}));
    if (roles == Roles() && raw.dataset) roles = raw.dataset->roles;
    const std::string file = raw.parts.front().display_name;
    PENSTOCK_RETURN_IF_ERROR(CheckRoles(roles, raw.frame.columns(), file));
    Describe(raw);
    if (raw.frame.rows() == 0) {
      return InvalidArgument(file + ": line 2: there are no rows to fit on");
    }
    PENSTOCK_ASSIGN_OR_RETURN(LabelInfo label, LabelFor(raw, roles, rules));
    // What a query made of files is not read as these are.
    const bool query = !JsonMember(parameters_, "sql").is_null();
    TransformBuilder builder(query ? ReadOptions() : given, roles, rules, label,
                             raw.frame.columns());
    PENSTOCK_ASSIGN_OR_RETURN(
        draft_, Draft::Make(std::move(raw), roles, rules, std::move(label), inputs_.budget()));
    PENSTOCK_RETURN_IF_ERROR(FitOperations(builder));
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> warnings, draft_->ClassWarnings());
    for (const std::string& warning : warnings) context_.Log("warning: " + warning);
    transform_ = std::move(builder).Finish(draft_->roles());
    return Status::Ok();
  }

  static Result<LabelInfo> LabelFor(const RawFrame& raw, const Roles& roles,
                                    const LabelRules& rules) {
    if (roles.label.empty()) return LabelInfo();
    const bool declared = raw.dataset && !rules.text() &&
                          raw.dataset->label.kind != LabelInfo::Kind::kNone &&
                          raw.dataset->roles.label == roles.label;
    if (declared) return raw.dataset->label;
    return InferLabel(rules, raw.frame, roles.label);
  }

  // `transforms` in order: what learns nothing comes first, then the split, then what is fitted on
  // the training rows.
  Status FitOperations(TransformBuilder& builder) {
    const Json& transforms = JsonMember(parameters_, "transforms");
    const std::size_t count = transforms.is_array() ? transforms.size() : 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (context_.cancelled()) return Cancelled("cancelled");
      context_.SetProgress(0.3 + 0.3 * static_cast<double>(i) / static_cast<double>(count),
                           "fitting");
      if (IsFitted(transforms[i]) && !draft_->is_split()) PENSTOCK_RETURN_IF_ERROR(Split());
      const std::string entry = "transforms[" + std::to_string(i) + "]";
      PENSTOCK_RETURN_IF_ERROR(InEntry(FitOne(builder, transforms[i], entry), entry));
    }
    return draft_->is_split() ? Status::Ok() : Split();
  }

  Status FitOne(TransformBuilder& builder, const Json& spec, const std::string& entry) {
    if (IsRowOperation(spec)) {
      if (draft_->is_split() && !IsFittedRowOperation(spec)) {
        return InvalidArgument(JsonString(spec, "op") +
                               " must stand before every operation that is fitted; rows are "
                               "chosen before the split");
      }
      builder.AddRowFilter(spec);
      PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<RowOperation> operation,
                                MakeRowOperation(spec));
      PENSTOCK_RETURN_IF_ERROR(operation->Run(*draft_));
      for (const std::string& note : draft_->TakeNotes()) context_.Log(note);
      return Status::Ok();
    }
    PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<Operation> operation, MakeOperation(spec));
    PENSTOCK_RETURN_IF_ERROR(
        operation->Fit(draft_->is_split() ? draft_->TrainingRows() : draft_->LiveRows()));
    const std::shared_ptr<const Operation> fitted = std::move(operation);
    for (const std::string& note : fitted->notes()) context_.Log(entry + ": " + note);
    PENSTOCK_RETURN_IF_ERROR(builder.Add(fitted));
    return draft_->Add(fitted, entry);
  }

  // Cells may be wrong for an operation that was added before.
  static Status InEntry(const Status& status, const std::string& entry) {
    const bool said = status.message().starts_with("transforms[");
    if (status.code() != StatusCode::kInvalidArgument || said) return status;
    return status.WithContext(entry);
  }

  Status Split() {
    PENSTOCK_RETURN_IF_ERROR(draft_->Split(split_));
    if (draft_->TrainingRows().rows() == 0 && context_.inputs("transform").empty()) {
      return InvalidArgument(
          "no row is left to fit on; the data have too few rows for this split");
    }
    if (draft_->parts().size() == 1) return Status::Ok();
    PENSTOCK_ASSIGN_OR_RETURN(const SharedRows shared, CountSharedRows(*draft_));
    outcome_.metrics["shared_rows"] = static_cast<double>(shared.shared);
    if (shared.shared == 0) return Status::Ok();
    context_.Log("warning: " + std::string(shared.exact ? "" : "about ") +
                 std::to_string(shared.shared) + " of " + std::to_string(shared.held_out) +
                 " rows outside of train equal a row of train in all features and the label: "
                 "what is measured on them is too good; use deduplicate, or split by group or "
                 "hash");
    return Status::Ok();
  }

  // Data that an existing transform is applied to; a dataset that went through it passes unchanged.
  Status ApplyGiven() {
    const InputArtifact& input = context_.inputs("transform").front();
    auto loaded = Transform::Load(input.path);
    if (!loaded.ok()) return loaded.status().WithContext(input.display_name);
    transform_ = std::move(*loaded);
    PENSTOCK_ASSIGN_OR_RETURN(const bool applied,
                              inputs_.WentThrough(transform_.TreeDigest().value()));
    const Transform::Reading reading = applied ? Transform::Reading() : HowToReadGiven();
    PENSTOCK_ASSIGN_OR_RETURN(
        RawFrame raw, inputs_.Read(reading.options, reading.wanted, reading.optional));
    Describe(raw);
    // Data to predict may lack the label and other roles.
    Roles roles = transform_.roles();
    const auto there = [&](const std::string& name) { return raw.frame.Find(name) != nullptr; };
    for (std::string* role : {&roles.label, &roles.weight, &roles.time, &roles.group}) {
      if (!there(*role)) role->clear();
    }
    std::erase_if(roles.id, [&](const std::string& name) { return !there(name); });
    std::erase_if(roles.keep, [&](const std::string& name) { return !there(name); });
    LabelInfo label = roles.label.empty() ? LabelInfo() : transform_.label();
    LabelRules rules = transform_.label_rules();
    if (applied) {
      rules = LabelRules();
      rules.drop_missing = transform_.label_rules().drop_missing;
    }
    PENSTOCK_ASSIGN_OR_RETURN(draft_, Draft::Make(std::move(raw), roles, rules, std::move(label),
                                                  inputs_.budget()));
    draft_->TreatAsLaterData();
    if (!applied) PENSTOCK_RETURN_IF_ERROR(AddOperations());
    return Split();
  }

  // Rows may be chosen by columns that no feature follows from: all that are there are read then.
  Transform::Reading HowToReadGiven() const {
    Transform::Reading reading = transform_.HowToRead({}, true);
    const std::vector<Json>& filters = transform_.row_filters();
    const bool any = std::any_of(filters.begin(), filters.end(), [](const Json& filter) {
      const auto operation = MakeRowOperation(filter);
      return operation.ok() && (*operation)->applies() == Applies::kAll;
    });
    for (const std::string& name : transform_.chain().input().names()) {
      const auto at = std::find(reading.wanted.begin(), reading.wanted.end(), name);
      if (any && at == reading.wanted.end()) reading.optional.push_back(name);
    }
    return reading;
  }

  Status AddOperations() {
    std::vector<ColumnInfo> features;
    for (const Column& column : transform_.chain().input().columns) {
      features.push_back(column.info);
    }
    draft_->SetFeatures(features);
    const auto& operations = transform_.chain().operations();
    std::size_t next = 0;
    const auto add_until = [&](std::size_t end) -> Status {
      for (; next < std::min(end, operations.size()); ++next) {
        PENSTOCK_RETURN_IF_ERROR(draft_->Add(operations[next]));
      }
      return Status::Ok();
    };
    for (const Json& filter : transform_.row_filters()) {
      PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<RowOperation> operation,
                                MakeRowOperation(filter));
      if (operation->applies() != Applies::kAll) continue;
      PENSTOCK_RETURN_IF_ERROR(add_until(static_cast<std::size_t>(JsonInt(filter, "after", 0))));
      PENSTOCK_RETURN_IF_ERROR(operation->Run(*draft_));
    }
    return add_until(operations.size());
  }

  void Describe(const RawFrame& raw) {
    rows_read_ = raw.frame.rows();
    for (const RawTable::Part& part : raw.parts) {
      data_names_.push_back(part.display_name);
      context_.Log("read " + part.display_name + ": " + std::to_string(part.rows) + " rows, " +
                   std::to_string(part.names.size()) + " columns");
    }
  }

  Status WriteOutputs() {
    // Rows come from everywhere then: what would be computed for each few is computed once.
    if (!draft_->order().empty()) PENSTOCK_RETURN_IF_ERROR(draft_->Materialise());
    Mutex mutex;
    double furthest = 0;
    const auto progress = [&](double share) {
      MutexLock lock(mutex);
      furthest = std::max(furthest, share);
      context_.SetProgress(0.6 + 0.4 * furthest, "writing");
    };
    PENSTOCK_RETURN_IF_ERROR(WriteParts(*draft_, context_.output_dir(),
                                        transform_.TreeDigest().value(), inputs_.options().table,
                                        progress));
    int64_t used = 0;
    for (std::size_t part = 0; part < draft_->parts().size(); ++part) {
      const std::string& name = draft_->parts()[part];
      const auto folder = context_.output_dir() / name;
      PENSTOCK_RETURN_IF_ERROR(transform_.Write(folder / "transform"));
      outcome_.outputs.push_back({name, folder, ArtifactType::kDataset});
      const int64_t rows = draft_->part_rows(part);
      context_.Log("wrote " + name + ": " + std::to_string(rows) + " rows");
      if (name == "train" || name == "validation" || name == "test") {
        outcome_.metrics[name + "_rows"] = static_cast<double>(rows);
      }
    }
    for (int64_t row = 0; row < rows_read_; ++row) used += draft_->is_used(row) ? 1 : 0;
    const auto folder = context_.output_dir() / "transform";
    PENSTOCK_RETURN_IF_ERROR(transform_.Write(folder));
    outcome_.outputs.push_back({"transform", folder, ArtifactType::kTransform});
    const std::size_t features = draft_->chain().output().columns.size();
    outcome_.metrics["rows"] = static_cast<double>(rows_read_);
    outcome_.metrics["rows_dropped"] = static_cast<double>(rows_read_ - used);
    outcome_.metrics["features"] = static_cast<double>(features);
    context_.Log("dropped " + std::to_string(rows_read_ - used) + " rows; " +
                 std::to_string(features) + " features");
    context_.SetProgress(1, "done");
    return Status::Ok();
  }

  StepContext& context_;
  const Json& parameters_;
  ProcessInputs inputs_;
  SplitSpec split_;
  std::optional<Draft> draft_;
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
