#include "steps/process/read_spec.h"

#include <cmath>

#include "base/text.h"

namespace penstock {
namespace {

// One character; "\t" and "tab" for the tabulator. nullopt for null, '\0' for the empty text.
Result<std::optional<char>> Character(const Json& read, std::string_view key) {
  const Json& value = JsonMember(read, key);
  if (value.is_null()) return std::optional<char>();
  const std::string text = value.is_string() ? value.get<std::string>() : "";
  if (value.is_string() && text.empty()) return std::optional<char>('\0');
  if (text == "\\t" || text == "tab") return std::optional<char>('\t');
  if (text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80) {
    return std::optional<char>(text[0]);
  }
  return InvalidArgument("read." + std::string(key) + " must be one ASCII character, not " +
                         DumpJson(value));
}

Json CharacterJson(char c) {
  return c == '\0' ? "" : std::string(1, c);
}

}  // namespace

std::string ScalarText(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::fabs(number) < 1e15 && number == std::floor(number)) {
      return std::to_string(static_cast<int64_t>(number));
    }
    return FormatDouble(number);
  }
  return value.is_null() ? std::string() : DumpJson(value);
}

std::vector<std::string> TextList(const Json& list) {
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const Json& element : list) texts.push_back(ScalarText(element));
  return texts;
}

Result<ReadOptions> ReadOptionsFromJson(const Json& read) {
  ReadOptions options;
  PENSTOCK_ASSIGN_OR_RETURN(options.format, ParseFileFormat(JsonString(read, "format", "auto")));
  PENSTOCK_ASSIGN_OR_RETURN(options.compression,
                            ParseFileCompression(JsonString(read, "compression", "auto")));
  options.encoding = JsonString(read, "encoding", "utf-8");
  options.files = TextList(JsonMember(read, "files"));
  if (const Json& header = JsonMember(read, "header"); header.is_boolean()) {
    options.header = header.get<bool>();
  }
  PENSTOCK_ASSIGN_OR_RETURN(options.delimiter, Character(read, "delimiter"));
  if (options.delimiter == '\0') options.delimiter.reset();
  PENSTOCK_ASSIGN_OR_RETURN(const std::optional<char> quote, Character(read, "quote"));
  options.quote = quote.value_or('"');
  PENSTOCK_ASSIGN_OR_RETURN(options.escape, Character(read, "escape"));
  if (options.escape == '\0') options.escape.reset();
  PENSTOCK_ASSIGN_OR_RETURN(const std::optional<char> comment, Character(read, "comment"));
  options.comment = comment.value_or('\0');
  options.skip_lines = static_cast<int>(JsonInt(read, "skip_lines", 0));
  options.trim = JsonBool(read, "trim", true);
  options.nulls = TextList(JsonMember(read, "nulls"));
  for (const Json& column : JsonMember(read, "columns")) {
    ColumnSpec spec;
    spec.name = column.is_string() ? column.get<std::string>() : JsonString(column, "name");
    if (const std::string kind = JsonString(column, "kind"); !kind.empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(spec.kind, ParseColumnKind(kind));
    }
    options.columns.push_back(std::move(spec));
  }
  return options;
}

Json ReadOptionsToJson(const ReadOptions& options) {
  Json columns = Json::array();
  for (const ColumnSpec& spec : options.columns) {
    columns.push_back({{"name", spec.name}, {"kind", spec.kind ? Json(Name(*spec.kind)) : Json()}});
  }
  Json json = {{"format", Name(options.format)},
               {"header", options.header ? Json(*options.header) : Json()},
               {"delimiter", options.delimiter ? CharacterJson(*options.delimiter) : Json()},
               {"quote", CharacterJson(options.quote)},
               {"escape", options.escape ? CharacterJson(*options.escape) : Json()},
               {"comment", CharacterJson(options.comment)},
               {"skip_lines", options.skip_lines},
               {"trim", options.trim},
               {"nulls", options.nulls},
               {"columns", std::move(columns)}};
  if (options.encoding != ReadOptions().encoding) json["encoding"] = options.encoding;
  return json;
}

}  // namespace penstock
