#ifndef PENSTOCK_STEPS_PROCESS_LABEL_RULES_H_
#define PENSTOCK_STEPS_PROCESS_LABEL_RULES_H_

// What the label's values mean: `labels` of a process step. Plain values, pure functions.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/table/block_source.h"
#include "steps/table/dataset.h"
#include "steps/table/table.h"

namespace penstock {

struct LabelRules {
  std::vector<std::string> classes;        // empty: inferred
  std::string positive;                    // empty: the last of two classes
  std::map<std::string, std::string> map;  // value as read -> class
  bool drop_missing = false;               // rows without a label go, instead of being an error
  friend bool operator==(const LabelRules&, const LabelRules&) = default;

  // Whether the label is text whatever it looks like.
  bool text() const { return !classes.empty() || !map.empty(); }
};

LabelRules LabelRulesFromJson(const Json& labels);
Json LabelRulesToJson(const LabelRules& rules);

// What the label, a column of `source`, is: declared classes, or the sorted distinct texts (after
// `map`), or a number. kInvalidArgument: fewer than two classes, or more than 10,000; a positive
// class that is none of them.
Result<LabelInfo> InferLabel(const LabelRules& rules, const BlockSource& source,
                             const std::string& name);

// Names the cell of a row in messages: "census.csv: line 12, column 15 (income)".
using WhereRow = std::function<std::string(int64_t row)>;

// `column` with every value a class (dictionary = the classes, in their order), or a number.
// Missing labels stay missing. kInvalidArgument names the first value that is not declared.
Result<Column> ResolveLabel(const LabelRules& rules, const LabelInfo& label, const Column& column,
                            const WhereRow& where);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_LABEL_RULES_H_
