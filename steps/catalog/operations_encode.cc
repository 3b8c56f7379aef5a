// Operations that turn categories and texts into numbers.

#include "steps/catalog/operation_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

ParameterSchema MaxCategories() {
  return {.name = "max_categories",
          .kind = Kind::kInteger,
          .help = "More values than this are an error.",
          .default_value = 1'000,
          .minimum = 1,
          .maximum = 100'000};
}

ParameterSchema Seed(std::string help) {
  return {.name = "seed",
          .kind = Kind::kInteger,
          .help = std::move(help),
          .default_value = 0,
          .minimum = 0};
}

bool IsGiven(const Json& entry, const char* name) {
  return !JsonMember(entry, name).is_null();
}

void CheckOneHot(const Json& entry, const std::string& path, std::vector<Problem>& problems) {
  const bool unknown_rare = JsonString(entry, "unknown") == "rare";
  if (!IsGiven(entry, "rare")) return;
  if (JsonString(entry, "rare") == "ignore" && unknown_rare) {
    problems.push_back({path + ".unknown", "rare needs rare: category"});
  }
  if (!IsGiven(entry, "min_count") && !IsGiven(entry, "min_share") && !unknown_rare) {
    problems.push_back({path + ".rare", "has no use without min_count or min_share"});
  }
}

OperationSchema OneHotSchema() {
  OperationSchema one_hot;
  one_hot.learns = true;
  one_hot.schema = EntrySchema(
      "one_hot", "A column of 0 and 1, NAME=VALUE, for each value in the training rows.",
      {ColumnsParameter(true),
       {.name = "min_count",
        .kind = Kind::kInteger,
        .help = "A value of fewer training rows is rare. Left out: none is.",
        .minimum = 1},
       {.name = "min_share",
        .kind = Kind::kNumber,
        .help = "Rare are also those of less than this share of the training rows with a value.",
        .minimum = 0,
        .maximum = 1,
        .exclusive_minimum = true},
       {.name = "rare",
        .kind = Kind::kEnum,
        .help = "A rare value: one column for all, NAME=(rare), or all 0. Left out: category.",
        .choices = {"category", "ignore"}},
       ChoiceParameter("unknown",
                       "A value that the training rows lack: all 0, an error, or as a rare one.",
                       {"ignore", "error", "rare"}),
       ChoiceParameter("missing", "A missing value: all 0, or a column NAME=(missing).",
                       {"ignore", "category"}),
       FlagParameter("drop_first",
                     "Leave out the first value, as linear models without a penalty need."),
       MaxCategories()});
  one_hot.schema.check = CheckOneHot;
  return one_hot;
}

OperationSchema TargetSchema() {
  OperationSchema target;
  target.learns = true;
  target.schema = EntrySchema(
      "target",
      "Values as the mean of the label where they occur: of numbers, or the share of the positive "
      "class; of more classes a column NAME=CLASS each. Training rows are encoded out of fold.",
      {ColumnsParameter(true),
       {.name = "smoothing",
        .kind = Kind::kNumber,
        .help = "How many rows of the mean of all count with those of a value.",
        .default_value = 10,
        .minimum = 0,
        .maximum = 1e12},
       {.name = "folds",
        .kind = Kind::kInteger,
        .help = "A training row is encoded by the rows of all folds but its own.",
        .default_value = 5,
        .minimum = 2,
        .maximum = 100},
       Seed("Which fold a row is in follows from its number and this."),
       ChoiceParameter("missing", "A missing value: a category of its own, or missing.",
                       {"category", "keep"})});
  return target;
}

}  // namespace

std::vector<OperationSchema> EncodeOperations() {
  OperationSchema ordinal;
  ordinal.learns = true;
  ordinal.schema = EntrySchema(
      "ordinal", "Values as 0, 1, 2 …",
      {ColumnsParameter(true),
       {.name = "order",
        .kind = Kind::kList,
        .help = "All values, lowest first. Left out: those of the training rows, sorted.",
        .element = ElementOf({.name = "value"})},
       ChoiceParameter("unknown", "Another value: an error, or missing.", {"error", "missing"})});
  OperationSchema categorical;
  categorical.learns = true;
  categorical.schema = EntrySchema(
      "categorical",
      "Values as codes 0, 1, 2 … in the order of their bytes, in a column of kind categorical, for "
      "algorithms that take categories as they are.",
      {ColumnsParameter(true),
       ChoiceParameter("unknown", "A value that the training rows lack: missing, or an error.",
                       {"missing", "error"}),
       MaxCategories()});
  OperationSchema frequency;
  frequency.learns = true;
  frequency.schema = EntrySchema(
      "frequency", "How often values occur in the training rows; of others 0.",
      {ColumnsParameter(true),
       ChoiceParameter("as", "The share of the rows that have a value, or their count.",
                       {"share", "count"})});
  OperationSchema hash;
  hash.schema = EntrySchema(
      "hash",
      "Values as 1 or -1 in one of a fixed number of columns, NAME.hash0 …, by a hash; a missing "
      "one is 0 in all. Learns nothing.",
      {ColumnsParameter(true), HashColumnsParameter(16), SignedParameter(),
       Seed("Which column a value goes to follows from it and this.")});
  return {categorical, frequency, hash, OneHotSchema(), ordinal, TargetSchema()};
}

}  // namespace penstock
