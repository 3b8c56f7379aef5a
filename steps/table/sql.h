#ifndef PENSTOCK_STEPS_TABLE_SQL_H_
#define PENSTOCK_STEPS_TABLE_SQL_H_

// SQL of users', in DuckDB's dialect: a SELECT over tables, and expressions over the columns of one
// row. Thread-safe.
//
// Such SQL sees the tables that it is given and nothing else: no files, network, extensions,
// settings or other processes' data, and no statement but SELECT. Its result depends on the data
// alone: functions of the clock, of chance and of the machine are refused, times without a zone are
// in UTC, and it runs on one thread, so that rows come in the same order and sums in the same
// digits on every machine.
//
// Columns have their own names, which SQL compares without regard to case; integers are BIGINT,
// dates DATE, times TIMESTAMP, missing values NULL. Of a result, integers, decimals and floats
// become numbers (a not-a-number is missing), dates and times ISO 8601 text,
// enums, UUIDs and times of day text; lists, structures and bytes are refused, and an empty text is
// missing, as everywhere.

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "steps/table/frame.h"
#include "steps/table/table.h"

namespace penstock {

// A table by the name that SQL knows it by.
struct SqlInput {
  std::string name;
  const Frame* frame = nullptr;  // not null; outlives the call
};

// Calls `visit` with the rows of `query`, one SELECT, in blocks of kBlockRows, in their order; with
// a block without rows where there are none. `options`: DuckDB's memory (`table.memory_bytes`), who
// may cancel, and `scratch` for what does not fit. kInvalidArgument, with line and character where
// they are known: another statement, several, one that reaches for anything but `inputs`, a type or
// name that has no place in a table, a value that cannot be converted; kResourceExhausted;
// kCancelled; and those of `visit`.
Status StreamSelect(const std::vector<SqlInput>& inputs, const std::string& query,
                    const FrameOptions& options, const std::function<Status(Table&&)>& visit);

// The same rows as a frame with `options`.
Result<Frame> RunSelect(const std::vector<SqlInput>& inputs, const std::string& query,
                        const FrameOptions& options);

// The names among `names` that an expression reads, in the order of its text. kInvalidArgument: an
// expression that does not parse, that needs other rows than its own (aggregates, OVER, SELECT), or
// a function of the clock, chance or machine; a column that is not there; or one that two of
// `names` could be, which differ in case alone (where one of them is spelt exactly so, it is
// meant).
Result<std::vector<std::string>> ColumnsOfExpression(const std::string& expression,
                                                     const std::vector<std::string>& names);

// The value of `expression` in each row of a block, without a name. Type and kind follow from the
// expression and the types of the columns that it reads, whatever the rows hold: they are the same
// for all blocks of a frame. Errors as of ColumnsOfExpression, and for values that cannot be
// computed (a text that is cast to a number and is none; TRY_CAST makes it missing).
Result<Column> EvaluateExpression(const Table& block, const std::string& expression,
                                  const TableOptions& options = {});

// 1 where `expression`, which must be a BOOLEAN, is true; 0 where it is false or unknown.
Result<std::vector<uint8_t>> EvaluatePredicate(const Table& block, const std::string& expression,
                                               const TableOptions& options = {});

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_SQL_H_
