#ifndef PENSTOCK_STEPS_PROCESS_TRANSFORM_H_
#define PENSTOCK_STEPS_PROCESS_TRANSFORM_H_

// What `process` fitted on its training rows, as a value that can be stored, loaded and applied to
// other data. `process`, `evaluate` and `predict` all go through its chain, hence raw → predict
// equals process → predict bit for bit. Immutable after loading; thread-safe.
//
//   PENSTOCK_ASSIGN_OR_RETURN(Transform transform, Transform::Load(model_folder / "transform"));
//   PENSTOCK_ASSIGN_OR_RETURN(AppliedData data, transform.ApplyToRaw(input, {.labels = true},
//   ctx));

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "steps/api/model.h"
#include "steps/api/step.h"
#include "steps/process/chain.h"
#include "steps/process/label_rules.h"
#include "steps/process/operation.h"
#include "steps/table/dataset.h"
#include "steps/table/read.h"
#include "steps/table/table.h"

namespace penstock {

inline constexpr char kTransformFile[] = "transform.json";

// Data after a transform: as many rows as came in, in the same order.
struct AppliedData {
  Features features;
  bool has_labels = false;
  std::vector<double> labels;   // class index or value, NaN where missing; empty without labels
  std::vector<double> weights;  // empty: no weight column in the data
  Table kept;                   // the columns asked for, as they were read
  Table table;                  // instead of `features`, where that was asked for
};

struct ApplyOptions {
  // Also read labels and weights. Data without a label column are no error: has_labels is false.
  bool labels = false;
  // Raw columns to hand through, whatever their role. kInvalidArgument where the data lack one.
  std::vector<std::string> keep;
  // Features as columns of a table, of which some may be text.
  bool as_table = false;
};

class Transform {
 public:
  Transform();
  ~Transform();
  Transform(Transform&&) noexcept;
  Transform& operator=(Transform&&) noexcept;

  // `path`: transform.json itself or the folder that holds it. kNotFound, kDataLoss.
  static Result<Transform> Load(const std::filesystem::path& path);
  static Result<Transform> FromJson(const Json& json);
  // Canonical: Load(Write(t)) writes the same bytes.
  Json ToJson() const;
  // Writes transform.json into `folder`, made where absent.
  Status Write(const std::filesystem::path& folder) const;
  // Digest of the tree that holds only transform.json: what dataset.json's "transform" says.
  Digest TreeDigest() const;

  // The raw columns that are features, as callers must bring them, in order.
  const std::vector<ColumnInfo>& raw_features() const { return raw_features_; }
  // The columns that come out, in order.
  std::vector<ColumnInfo> features() const;
  const Roles& roles() const { return roles_; }
  const LabelInfo& label() const { return label_; }

  // Reads `data` (a CSV, Parquet or JSON file as the transform's own read options say, or a raw
  // dataset) and applies the transform. N rows in, N rows out, same order. kInvalidArgument names
  // the file as the user did, line and column for what cannot be read; a raw feature that is not
  // there; a category that was not seen where the operation says `unknown: error`; features that
  // are still text; a dataset that went through a transform already. kCancelled.
  Result<AppliedData> ApplyToRaw(const InputArtifact& data, const ApplyOptions& options,
                                 StepContext& context) const;

  // What `process` needs to apply it to raw data.
  // How to read them, with labels and weights: the columns that must be there, and those that are
  // read where they are.
  struct Reading {
    ReadOptions options;
    std::vector<std::string> wanted;
    std::vector<std::string> optional;
  };
  // Without `labels`, role columns are text, exactly as they stand.
  Reading HowToRead(const std::vector<std::string>& keep, bool labels) const;
  const LabelRules& label_rules() const { return label_rules_; }
  const OperationChain& chain() const { return chain_; }
  // Entries of row operations, each with "after": how many operations were applied before it.
  const std::vector<Json>& row_filters() const { return row_filters_; }

 private:
  friend class TransformBuilder;
  ReadOptions read_;
  Roles roles_;
  LabelRules label_rules_;
  LabelInfo label_;
  std::vector<ColumnInfo> raw_columns_;  // all that were read, in order, role columns too
  std::vector<ColumnInfo> raw_features_;
  std::vector<Json> row_filters_;
  OperationChain chain_;
  OperationChain::Plan plan_;  // for all that comes out
};

// Makes a transform operation by operation. Not thread-safe.
class TransformBuilder {
 public:
  TransformBuilder(ReadOptions read, Roles roles, LabelRules rules, LabelInfo label,
                   const std::vector<ColumnInfo>& raw);
  // Records an entry that is about rows, applied after the operations so far.
  void AddRowFilter(const Json& spec);
  // A fitted operation. Errors as of OperationChain::Add.
  Status Add(std::shared_ptr<const Operation> operation);
  // `roles`: as they are after all row operations.
  Transform Finish(Roles roles) &&;

 private:
  Transform transform_;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_TRANSFORM_H_
