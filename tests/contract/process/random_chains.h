#ifndef PENSTOCK_TESTS_CONTRACT_PROCESS_RANDOM_CHAINS_H_
#define PENSTOCK_TESTS_CONTRACT_PROCESS_RANDOM_CHAINS_H_

// Tables and chains of operations, made by seed. An operation takes part by one line in
// OperationTemplates() (random_chains.cc): how an entry of it may look, given the columns that
// there are.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "steps/table/table.h"

namespace penstock {

// Draws parts of an entry. Where the columns have nothing that fits, ok() becomes false, and the
// entry is not used.
class EntryDraw {
 public:
  EntryDraw(Random& random, const Table& columns) : random_(random), columns_(columns) {}

  // One to three columns that are there now.
  Json Numbers() {
    return Columns([](const Column& column) { return !column.is_text(); });
  }
  Json Categories() { return OfKind(ColumnKind::kCategorical); }
  Json Texts() { return OfKind(ColumnKind::kText); }
  Json Dates() { return OfKind(ColumnKind::kDate); }
  Json Any() {
    return Columns([](const Column&) { return true; });
  }
  // The name of one.
  Json OneNumber() { return First(Numbers()); }
  Json OneCategory() { return First(Categories()); }
  Json OneOfAny() { return First(Any()); }
  // A name that no column has.
  std::string NewName() { return "new \"column\" " + std::to_string(random_.Next() % 1'000'000); }

  Json One(const std::vector<Json>& choices) { return choices[Below(choices.size())]; }
  bool Flag() { return Below(2) == 1; }
  int Whole(int low, int high) {
    return low + static_cast<int>(Below(static_cast<std::size_t>(high - low + 1)));
  }
  double Number(double low, double high) { return low + (high - low) * random_.NextDouble(); }
  std::size_t Below(std::size_t bound) { return random_.Next() % bound; }

  bool ok() const { return ok_; }

 private:
  Json OfKind(ColumnKind kind) {
    return Columns([kind](const Column& column) { return column.info.kind == kind; });
  }
  Json Columns(const std::function<bool(const Column&)>& fits);
  static Json First(const Json& names) { return names.empty() ? Json("none") : names.front(); }

  Random& random_;
  const Table& columns_;
  bool ok_ = true;
};

struct OperationTemplate {
  std::string_view op;
  Json (*entry)(EntryDraw& draw);  // without "op"
  bool rows_first = false;         // about rows, before everything that is fitted
};
const std::vector<OperationTemplate>& OperationTemplates();

// A table as CSV: a column "the id" of ids, a label "y" of two classes, and features of all kinds,
// with missing values and with names that hold anything.
struct RandomTable {
  std::string header;
  std::vector<std::string> lines;  // by row; the id of row i is "r<i>"
  std::vector<std::string> names;  // of features
  // The file with some of the rows.
  std::string Csv(const std::vector<std::size_t>& rows) const;
  std::string Csv() const;
};
RandomTable MakeRandomTable(Random& random);

// Up to `length` entries of `transforms` for the table's features, of which each can be fitted on
// all rows; `only`: at least the last is of that operation, where it can be.
Json MakeRandomChain(Random& random, const RandomTable& table, int length,
                     std::string_view only = {});

}  // namespace penstock

#endif  // PENSTOCK_TESTS_CONTRACT_PROCESS_RANDOM_CHAINS_H_
