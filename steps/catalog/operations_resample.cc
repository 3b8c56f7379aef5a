// Operations that give classes another share of the training rows, or another weight.

#include <cmath>

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

ParameterSchema SeedParameter() {
  return {.name = "seed",
          .kind = Kind::kInteger,
          .help = "Of the random choice: the same seed, the same rows.",
          .default_value = 0,
          .minimum = 0,
          .maximum = 9'007'199'254'740'992};
}

ParameterSchema RatioParameter(std::string help) {
  return {.name = "ratio", .kind = Kind::kNumber, .help = std::move(help), .minimum = 1};
}

ParameterSchema SharesParameter() {
  ParameterSchema shares{.name = "shares",
                         .kind = Kind::kMap,
                         .help =
                             "Instead of ratio: the share of all rows that each class is to "
                             "have, {CLASS: share}; together 1."};
  shares.element = ElementOf({.name = "share",
                              .kind = Kind::kNumber,
                              .minimum = 0,
                              .maximum = 1,
                              .exclusive_minimum = true});
  return shares;
}

void CheckShares(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const Json& shares = JsonMember(entry, "shares");
  if (!shares.is_object()) return;
  if (!JsonMember(entry, "ratio").is_null()) {
    problems.push_back({path + ".ratio", "cannot be used with shares; leave one out"});
  }
  if (shares.empty()) {
    problems.push_back({path + ".shares", "names no class"});
    return;
  }
  double sum = 0;
  for (const auto& [name, share] : shares.items()) {
    if (!share.is_number()) return;
    sum += share.get<double>();
  }
  if (std::fabs(sum - 1) > 1e-9) {
    problems.push_back({path + ".shares", "must add up to 1; name every class"});
  }
}

OperationSchema Resampling(StepSchema schema) {
  OperationSchema operation;
  operation.learns = true;
  operation.rows = true;
  operation.schema = std::move(schema);
  operation.schema.check = CheckShares;
  return operation;
}

void CheckWeights(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const Json& weights = JsonMember(entry, "weights");
  if (weights.is_null() || weights == "balanced" || HoldsReference(weights)) return;
  const std::string at = path + ".weights";
  if (!weights.is_object() || weights.empty()) {
    problems.push_back({at, "must be balanced, or {CLASS: weight}"});
    return;
  }
  for (const auto& [name, weight] : weights.items()) {
    if (HoldsReference(weight)) continue;
    if (!weight.is_number() || !(weight.get<double>() >= 0)) {
      problems.push_back({at + "." + name, "must be a number of at least 0"});
    }
  }
}

OperationSchema ClassWeightsSchema() {
  OperationSchema operation;
  operation.learns = true;
  operation.rows = true;
  operation.schema = EntrySchema(
      "class_weights",
      "Gives training rows a weight by their class, times the one that they have. Rows of other "
      "parts keep theirs, or have 1.",
      {{.name = "weights",
        .help = "balanced: rows / (classes × rows of the class), so that all classes weigh the "
                "same. Or {CLASS: weight}; classes left out weigh 1.",
        .default_value = "balanced"},
       {.name = "name",
        .kind = Kind::kString,
        .help = "What the column is called, where the data have no roles.weight. Left out: "
                "class_weight.",
        .minimum = 1}});
  operation.schema.check = CheckWeights;
  return operation;
}

}  // namespace

std::vector<OperationSchema> ResampleOperations() {
  return {
      ClassWeightsSchema(),
      Resampling(EntrySchema(
          "downsample", "Leaves out training rows of the more frequent classes, drawn at random.",
          {RatioParameter("No class keeps more than this many times the rows of the rarest. Left "
                          "out: 1, all classes alike."),
           SharesParameter(), SeedParameter()})),
      Resampling(EntrySchema(
          "smote",
          "Adds training rows of the rarer classes, each at random between one and one of its "
          "nearest neighbours in the class (SMOTE-NC). Numbers may not be missing, and should "
          "be on one scale.",
          {RatioParameter("No class has more than this many times the rows of another. Left out: "
                          "1, all classes alike."),
           SharesParameter(),
           {.name = "k",
            .kind = Kind::kInteger,
            .help = "Neighbours to choose among; all others where the class has fewer rows.",
            .default_value = 5,
            .minimum = 1,
            .maximum = 100},
           {.name = "max_rows",
            .kind = Kind::kInteger,
            .help = "Of a class with more rows, this many are drawn to make others of; they are "
                    "held in memory, and each is compared with each.",
            .default_value = 10'000,
            .minimum = 2,
            .maximum = 1'000'000},
           SeedParameter()})),
      Resampling(EntrySchema(
          "upsample", "Repeats training rows of the rarer classes, all about equally often.",
          {RatioParameter("No class has more than this many times the rows of another. Left out: "
                          "1, all classes alike."),
           SharesParameter(), SeedParameter()}))};
}

}  // namespace penstock
