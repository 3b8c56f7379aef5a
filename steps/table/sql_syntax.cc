#include "steps/table/sql_syntax.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace penstock::sql {
namespace {

// The only functions that may stand for a table; they read nothing.
constexpr std::string_view kTableFunctions[] = {"unnest", "range", "generate_series", "json_each",
                                                "json_tree"};
// Those whose number of rows is another one.
constexpr std::string_view kRowFunctions[] = {"unnest", "unlist", "generate_subscripts",
                                              "regexp_split_to_table"};

template <typename Names>
bool IsAmong(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Status Refused(const std::string& what) {
  return InvalidArgument(what);
}

Status Clock(const std::string& name) {
  return Refused(name +
                 " depends on the clock, on chance or on the machine; a step gives the same for "
                 "the same data: hand times and seeds in as values");
}

// One walk over a tree.
class Walker {
 public:
  Walker(const FunctionNames& functions, bool row_wise)
      : functions_(functions), row_wise_(row_wise) {}

  void Know(std::string_view table) { tables_.push_back(LowerCase(table)); }
  void KnowColumn(std::string_view column) { known_columns_.insert(LowerCase(column)); }
  std::vector<std::string> TakeColumns() { return std::move(columns_); }

  Status Walk(const Json& node) {
    if (node.is_array()) {
      for (const Json& element : node) PENSTOCK_RETURN_IF_ERROR(Walk(element));
      return Status::Ok();
    }
    if (!node.is_object()) return Status::Ok();
    if (const Json& sample = JsonMember(node, "sample"); !sample.is_null()) {
      return Refused("a sample depends on chance; choose rows by a hash of a key instead");
    }
    // What a WITH names is seen by what stands after it, and by itself.
    const std::size_t tables = tables_.size();
    const Json& map = JsonMember(JsonMember(node, "cte_map"), "map");
    for (std::size_t i = 0; map.is_array() && i < map.size(); ++i) {
      Know(JsonString(map[i], "key"));
      PENSTOCK_RETURN_IF_ERROR(Walk(JsonMember(map[i], "value")));
    }
    Status status = node.contains("class") ? Expression(node) : Relation(node);
    tables_.resize(tables);
    return status;
  }

 private:
  Status Members(const Json& node) {
    for (const auto& [key, member] : node.items()) {
      if (key != "cte_map") PENSTOCK_RETURN_IF_ERROR(Walk(member));
    }
    return Status::Ok();
  }

  Status Relation(const Json& node) {
    const std::string type = JsonString(node, "type");
    if (type == "BASE_TABLE") return BaseTable(node);
    if (type == "TABLE_FUNCTION") {
      const Json& function = JsonMember(node, "function");
      const std::string name = LowerCase(JsonString(function, "function_name"));
      if (!IsAmong(kTableFunctions, name)) {
        return Refused(name + "() cannot be read from: a query sees its inputs alone (" +
                       Join(tables_, ", ") + "), no files, settings or other data");
      }
      return Walk(JsonMember(function, "children"));
    }
    if (type == "SHOW_REF") {
      return Refused(
          "DESCRIBE, SHOW and SUMMARIZE are not SELECT; penstock data schema shows "
          "columns");
    }
    return Members(node);
  }

  Status BaseTable(const Json& node) {
    const std::string name = JsonString(node, "table_name");
    const bool qualified = !JsonString(node, "schema_name").empty() ||
                           !JsonString(node, "catalog_name").empty() ||
                           !JsonMember(node, "at_clause").is_null();
    if (!qualified && IsAmong(tables_, LowerCase(name))) return Status::Ok();
    return Refused("there is no table \"" + name + "\" to read" + Suggestion(name, tables_));
  }

  Status Expression(const Json& node) {
    const std::string kind = JsonString(node, "class");
    if (kind == "COLUMN_REF") return ColumnName(node);
    if (kind == "PARAMETER") return Refused("? and $1 stand for values that nobody gives here");
    if (kind == "LAMBDA") return Lambda(node);
    if (kind == "FUNCTION" || kind == "WINDOW") {
      const std::string name = LowerCase(JsonString(node, "function_name"));
      // age(x) counts from today.
      const bool today = name == "age" && JsonMember(node, "children").size() == 1;
      if (today || functions_.refused.contains(name)) return Clock(name + "()");
      if (row_wise_ && kind == "FUNCTION") PENSTOCK_RETURN_IF_ERROR(RowWise(name));
    }
    if (row_wise_) {
      if (kind == "WINDOW") return Refused("an expression sees one row; OVER needs others");
      if (kind == "SUBQUERY") return Refused("an expression sees one row; SELECT needs others");
      if (kind == "STAR") return Refused("* is no expression; name the columns");
      if (kind == "POSITIONAL_REFERENCE") {
        return Refused("#1 depends on the order of columns; name the column");
      }
    }
    return Members(node);
  }

  Status RowWise(const std::string& name) {
    if (functions_.aggregates.contains(name)) {
      return Refused(name + "() is of many rows; an expression sees one row");
    }
    if (IsAmong(kRowFunctions, name)) {
      return Refused(name + "() makes rows; an expression gives one value a row");
    }
    return Status::Ok();
  }

  Status ColumnName(const Json& node) {
    const Json& parts = JsonMember(node, "column_names");
    if (!parts.is_array() || parts.empty() || !parts[0].is_string()) return Status::Ok();
    const std::string name = parts[0].get<std::string>();
    if (IsAmong(lambda_names_, LowerCase(name))) return Status::Ok();
    if (!row_wise_) {
      const bool clock =
          parts.size() == 1 && IsClockWord(name) && !known_columns_.contains(LowerCase(name));
      return clock ? Clock(name) : Status::Ok();
    }
    if (parts.size() > 1) {
      std::vector<std::string> texts;
      for (const Json& part : parts) {
        texts.push_back(part.is_string() ? part.get<std::string>() : std::string());
      }
      return Refused(Join(texts, ".") +
                     " is no column; write a column's name alone, in double quotes where it "
                     "holds a dot");
    }
    if (!IsAmong(columns_, name)) columns_.push_back(name);
    return Status::Ok();
  }

  // x -> x + 1: its names are values of a list, no columns.
  Status Lambda(const Json& node) {
    const std::size_t names = lambda_names_.size();
    AddLambdaNames(JsonMember(node, "lhs"));
    Status status = Walk(JsonMember(node, "expr"));
    lambda_names_.resize(names);
    return status;
  }

  // One name, or row(name, name).
  void AddLambdaNames(const Json& node) {
    if (JsonString(node, "class") == "COLUMN_REF") {
      const Json& parts = JsonMember(node, "column_names");
      if (parts.is_array() && parts.size() == 1 && parts[0].is_string()) {
        lambda_names_.push_back(LowerCase(parts[0].get<std::string>()));
      }
      return;
    }
    for (const Json& child : JsonMember(node, "children")) AddLambdaNames(child);
  }

  const FunctionNames& functions_;
  const bool row_wise_;
  std::vector<std::string> tables_;
  std::vector<std::string> columns_;
  std::vector<std::string> lambda_names_;
  std::set<std::string> known_columns_;
};

// The only statement, or why there is none.
Result<const Json*> OnlyNode(const Json& tree) {
  const Json& statements = JsonMember(tree, "statements");
  if (!statements.is_array() || statements.empty()) {
    return InvalidArgument("there is no SELECT in it");
  }
  if (statements.size() > 1) {
    return InvalidArgument("holds " + std::to_string(statements.size()) +
                           " statements; give one SELECT");
  }
  return &JsonMember(statements[0], "node");
}

// Whether `node` has an array of `size` under `key`.
bool HasArray(const Json& node, const char* key, std::size_t size) {
  const Json& member = JsonMember(node, key);
  return member.is_array() && member.size() == size;
}

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool IsClockWord(std::string_view name) {
  static constexpr std::string_view kWords[] = {"current_date", "current_time", "current_timestamp",
                                                "localtime", "localtimestamp"};
  return IsAmong(kWords, LowerCase(name));
}

Status CheckSelectTree(const Json& tree, const FunctionNames& functions,
                       const std::vector<std::string>& tables,
                       const std::vector<std::string>& columns) {
  PENSTOCK_ASSIGN_OR_RETURN(const Json* node, OnlyNode(tree));
  Walker walker(functions, /*row_wise=*/false);
  for (const std::string& table : tables) walker.Know(table);
  for (const std::string& column : columns) walker.KnowColumn(column);
  return walker.Walk(*node);
}

Status CheckExpressionTree(const Json& tree, const FunctionNames& functions,
                           std::vector<std::string>* columns) {
  PENSTOCK_ASSIGN_OR_RETURN(const Json* node, OnlyNode(tree));
  const Json& from = JsonMember(*node, "from_table");
  const bool plain =
      JsonString(*node, "type") == "SELECT_NODE" && HasArray(*node, "modifiers", 0) &&
      HasArray(JsonMember(*node, "cte_map"), "map", 0) && HasArray(*node, "select_list", 1) &&
      HasArray(*node, "group_sets", 0) &&
      JsonString(JsonMember(*node, "select_list")[0], "alias") == "result" &&
      JsonString(from, "type") == "BASE_TABLE" && JsonString(from, "table_name") == "data" &&
      JsonMember(*node, "where_clause").is_null() && JsonMember(*node, "having").is_null() &&
      JsonMember(*node, "qualify").is_null() && JsonMember(*node, "sample").is_null();
  if (!plain) return InvalidArgument("is no single expression");
  Walker walker(functions, /*row_wise=*/true);
  PENSTOCK_RETURN_IF_ERROR(walker.Walk(JsonMember(*node, "select_list")[0]));
  *columns = walker.TakeColumns();
  return Status::Ok();
}

}  // namespace penstock::sql
