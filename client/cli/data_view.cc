#include "client/cli/data_view.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "client/cli/output.h"

namespace penstock::cli {
namespace {

constexpr std::size_t kMaxCell = 32;
constexpr std::size_t kWhole = std::string::npos;

// On one line, whatever it holds.
std::string Line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

std::string CellText(const Json& cell) {
  if (cell.is_null()) return std::string(kMissingCell);
  return Line(cell.is_string() ? cell.get<std::string>() : DumpJson(cell));
}

bool IsNumber(const Json& column) {
  const std::string type = JsonString(column, "type");
  return type == "double" || type == "integer" || type == "boolean";
}

struct ViewedColumn {
  std::vector<std::string> cells;  // name, kind, values
  std::size_t width = 0;
  bool right = false;
};

ViewedColumn ViewColumn(const Json& head, std::size_t index, bool whole) {
  const Json& column = JsonMember(head, "columns")[index];
  ViewedColumn viewed;
  viewed.right = IsNumber(column);
  viewed.cells = {Line(JsonString(column, "name")), JsonString(column, "kind")};
  for (const Json& row : JsonMember(head, "rows")) viewed.cells.push_back(CellText(row[index]));
  for (std::string& cell : viewed.cells) {
    if (!whole) cell = CutTo(std::move(cell), kMaxCell);
    viewed.width = std::max(viewed.width, Width(cell));
  }
  return viewed;
}

std::string List(const Json& texts) {
  std::vector<std::string> list;
  for (const Json& text : texts) list.push_back(Line(text.get<std::string>()));
  return Join(list, ", ");
}

std::string LabelText(const Json& dataset) {
  const Json& label = JsonMember(dataset, "label");
  std::string text = JsonString(JsonMember(dataset, "roles"), "label");
  if (JsonString(label, "kind") != "classes") return text + ", a number";
  text += ", of the classes " + List(JsonMember(label, "classes"));
  const std::string positive = JsonString(label, "positive");
  return positive.empty() ? text : text + "; " + Line(positive) + " is positive";
}

}  // namespace

std::size_t OutputWidth() {
  return IsTerminal() ? WindowWidth(STDOUT_FILENO) : kWhole;
}

std::string HeadText(const Json& head, std::size_t width) {
  const std::size_t count = JsonMember(head, "columns").size();
  const std::size_t lines = JsonMember(head, "rows").size() + 2;
  std::vector<std::string> text(lines);
  std::size_t used = 0;
  std::size_t shown = 0;
  for (; shown < count; ++shown) {
    const ViewedColumn column = ViewColumn(head, shown, width == kWhole);
    const std::size_t gap = shown > 0 ? 2 : 0;
    if (width != kWhole && shown > 0 && used + gap + column.width > width) break;
    used += gap + column.width;
    for (std::size_t i = 0; i < lines; ++i) {
      const std::string pad(column.width - Width(column.cells[i]), ' ');
      text[i] += std::string(gap, ' ');
      text[i] += column.right ? pad + column.cells[i] : column.cells[i] + pad;
    }
  }
  std::string out;
  for (std::string& line : text) {
    line.erase(line.find_last_not_of(' ') + 1);
    out += CutTo(std::move(line), width) + "\n";
  }
  if (shown == count) return out;
  const std::size_t more = count - shown;
  return out + "… and " + std::to_string(more) + (more == 1 ? " more column" : " more columns") +
         "; penstock data schema lists all\n";
}

Json HeadJson(const Json& head) {
  Json rows = Json::array();
  const Json& columns = JsonMember(head, "columns");
  for (const Json& cells : JsonMember(head, "rows")) {
    Json row = Json::object();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      row[JsonString(columns[i], "name")] = cells[i];
    }
    rows.push_back(std::move(row));
  }
  return {{"columns", columns}, {"rows", std::move(rows)}, {"total", JsonMember(head, "total")}};
}

std::string SchemaText(const Json& schema) {
  Table about({"ROWS", std::to_string(JsonInt(schema, "rows"))});
  const Json& dataset = JsonMember(schema, "dataset");
  if (!JsonString(JsonMember(dataset, "roles"), "label").empty()) {
    about.Add({"LABEL", LabelText(dataset)});
  }
  if (const std::string transform = JsonString(dataset, "transform"); !transform.empty()) {
    about.Add({"TRANSFORM", "sha256:" + transform});
  }
  Table table({"COLUMN", "KIND", "TYPE", "ROLE", "MISSING", "DISTINCT", "MIN", "MAX", "EXAMPLES"});
  for (const Json& column : JsonMember(schema, "columns")) {
    const std::string distinct = (JsonBool(column, "distinctCapped") ? "> " : "") +
                                 std::to_string(JsonInt(column, "distinct"));
    table.Add({JsonString(column, "name"), JsonString(column, "kind"), JsonString(column, "type"),
               JsonString(column, "role"), std::to_string(JsonInt(column, "missing")), distinct,
               JsonString(column, "minimum"), JsonString(column, "maximum"),
               List(JsonMember(column, "examples"))});
  }
  return about.Text() + "\n" + table.Text();
}

Json SchemaJson(const Json& schema) {
  const Json& dataset = JsonMember(schema, "dataset");
  return {{"rows", JsonMember(schema, "rows")},
          {"columns", JsonMember(schema, "columns")},
          {"roles", JsonMember(dataset, "roles")},
          {"label", JsonMember(dataset, "label")},
          {"transform", JsonMember(dataset, "transform")}};
}

}  // namespace penstock::cli
