#ifndef PENSTOCK_STEPS_VALIDATE_RULES_H_
#define PENSTOCK_STEPS_VALIDATE_RULES_H_

// The rules of `validate`, each over a frame of any length: one pass over the columns that it names
// (`unique`: more where memory is short). The same rows give the same findings, whatever the
// threads, the budget and the blocks. Thread-safe.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "steps/table/read_frame.h"

namespace penstock {

// How many examples a finding keeps.
inline constexpr std::size_t kMaxExamples = 10;

// A value that violates a rule.
struct Example {
  int64_t row = -1;    // of the frame, from 0; -1: of no single row
  std::string column;  // empty: of no single column
  std::string value;   // as CSV would show it, cut to 200 bytes; empty where it is missing
  std::string note;    // what is wrong with it, where the rule does not say it; may be empty
};

// What a rule found.
struct RuleFinding {
  std::string name;
  std::string rule;
  bool warn = false;  // severity: warn
  bool passed = true;
  int64_t checked = 0;            // values or rows that could have violated it
  int64_t violations = 0;         // of them, and of columns that are not as they must be
  std::vector<Example> examples;  // the first violations in the order of rows
  std::string message;            // what holds, or does not, in one sentence

  // Violations by what was checked, at most 1; 0 where nothing was.
  double share() const;
};

// What rules are judged against.
struct RuleContext {
  const RawFrame& data;
  // The columns whose kind somebody has declared, rather than that their values were looked at.
  bool kinds_declared = false;
  std::vector<std::string> declared;  // by name, where not all of them are
  const Frame* reference = nullptr;   // rows of the input `reference`, where SQL may read them
  std::optional<int64_t> reference_rows;
  std::optional<Time> now;
  int64_t memory_bytes = 0;  // for keys, and for SQL; 0: as needed
};

// Applies a rule as CompleteRule (steps/catalog/validate.h) gives it. kInvalidArgument: SQL that
// cannot be run; kResourceExhausted; kCancelled.
Result<RuleFinding> ApplyRule(const Json& rule, const RuleContext& context);

// One example of each row whose key is that of an earlier row, and how many there are. `checked`:
// rows that have the whole key.
struct RepeatedKeys {
  int64_t checked = 0;
  int64_t repeated = 0;
  struct Row {
    int64_t row;
    int64_t first;  // the earlier one
  };
  std::vector<Row> rows;  // the first kMaxExamples
};
// Keys are compared by 128 bits of hash (for N rows the chance that two keys seem the same is
// N² / 2^129). `memory_bytes`: what the hashes may take; below 24 bytes a row, the columns are read
// several times.
Result<RepeatedKeys> FindRepeatedKeys(const Frame& frame, const std::vector<std::string>& columns,
                                      int64_t memory_bytes);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_VALIDATE_RULES_H_
