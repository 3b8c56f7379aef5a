#include "server/definition/definition.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

// How many values aliases may multiply a document to: a small text can stand for a huge one.
constexpr int kMaxNodes = 200'000;

class YamlReader {
 public:
  Result<DefinitionText> Read(std::string_view text) {
    try {
      const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
      if (documents.empty() || (documents.size() == 1 && documents[0].IsNull())) {
        return InvalidArgument("the definition is empty", "BAD_YAML");
      }
      if (documents.size() > 1) {
        return InvalidArgument("one definition a text; this one holds " +
                                   std::to_string(documents.size()) + " documents",
                               "BAD_YAML");
      }
      DefinitionText result;
      const Status status = Convert(documents[0], "", 0, result.document);
      if (!status.ok()) return status;
      result.lines = std::move(lines_);
      return result;
    } catch (const YAML::Exception& error) {
      std::string where;
      if (!error.mark.is_null()) {
        where = "line " + std::to_string(error.mark.line + 1) + ", column " +
                std::to_string(error.mark.column + 1) + ": ";
      }
      return InvalidArgument("not YAML: " + where + error.msg, "BAD_YAML");
    } catch (const std::exception& error) {
      return InvalidArgument(std::string("not YAML: ") + error.what(), "BAD_YAML");
    }
  }

 private:
  static std::string Line(const YAML::Node& node) {
    return "line " + std::to_string(node.Mark().line + 1) + ": ";
  }

  Status Convert(const YAML::Node& node, const std::string& path, int depth, Json& out) {
    if (depth > limits::kMaxDefinitionDepth) {
      return InvalidArgument(Line(node) + "nested deeper than " +
                                 std::to_string(limits::kMaxDefinitionDepth) + " levels",
                             "TOO_DEEP");
    }
    if (++nodes_ > kMaxNodes) {
      return InvalidArgument("the definition stands for more than " + std::to_string(kMaxNodes) +
                                 " values; use fewer aliases",
                             "TOO_LARGE");
    }
    if (!node.Mark().is_null()) lines_.emplace(path, node.Mark().line + 1);
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        out = nullptr;
        return Status::Ok();
      case YAML::NodeType::Scalar:
        return Scalar(node, out);
      case YAML::NodeType::Sequence:
        out = Json::array();
        for (std::size_t i = 0; i < node.size(); ++i) {
          Json item;
          PENSTOCK_RETURN_IF_ERROR(
              Convert(node[i], path + "[" + std::to_string(i) + "]", depth + 1, item));
          out.push_back(std::move(item));
        }
        return Status::Ok();
      case YAML::NodeType::Map:
        return Map(node, path, depth, out);
    }
    return Status::Ok();
  }

  Status Map(const YAML::Node& node, const std::string& path, int depth, Json& out) {
    out = Json::object();
    Json merged = Json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        return InvalidArgument(Line(entry.first) + "a key must be a word", "BAD_YAML");
      }
      const std::string key = entry.first.Scalar();
      Json value;
      PENSTOCK_RETURN_IF_ERROR(
          Convert(entry.second, path.empty() ? key : path + "." + key, depth + 1, value));
      if (key == "<<" && entry.first.Tag() != "!") {
        PENSTOCK_RETURN_IF_ERROR(Merge(entry.first, value, merged));
        continue;
      }
      if (out.contains(key)) {
        return InvalidArgument(Line(entry.first) + "the key \"" + key + "\" stands here twice",
                               "BAD_YAML");
      }
      out[key] = std::move(value);
    }
    for (const auto& [key, value] : merged.items()) {
      if (!out.contains(key)) out[key] = value;
    }
    return Status::Ok();
  }

  Status Merge(const YAML::Node& where, const Json& value, Json& merged) {
    const Json list = value.is_array() ? value : Json::array({value});
    for (const Json& each : list) {
      if (!each.is_object()) {
        return InvalidArgument(Line(where) + "<< merges mappings, and this is none", "BAD_YAML");
      }
      for (const auto& [key, member] : each.items()) {
        if (!merged.contains(key)) merged[key] = member;
      }
    }
    return Status::Ok();
  }

  // Plain scalars are "?"-tagged by the library, quoted ones "!".
  Status Scalar(const YAML::Node& node, Json& out) {
    const std::string& text = node.Scalar();
    const std::string tag = node.Tag();
    if (tag == "!") {
      out = text;
      return Status::Ok();
    }
    if (!tag.empty() && tag != "?") {
      return InvalidArgument(Line(node) + "tags such as " + tag + " are not used here", "BAD_YAML");
    }
    out = Plain(text);
    return Status::Ok();
  }

  static Json Plain(const std::string& text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
      return nullptr;
    }
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    std::string_view digits = text;
    const bool negative = digits.front() == '-';
    if (digits.front() == '-' || digits.front() == '+') digits.remove_prefix(1);
    if (digits.empty()) return text;
    if (digits.find_first_not_of("0123456789") == std::string_view::npos) {
      if (digits.size() > 1 && digits.front() == '0') return text;
      int64_t number = 0;
      const std::string_view whole = text.front() == '+' ? std::string_view(text).substr(1) : text;
      const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), number);
      if (error == std::errc() && end == whole.data() + whole.size()) return number;
      return text;
    }
    return Float(text, digits, negative);
  }

  // -? [0-9]* (\. [0-9]*)? ([eE] [-+]? [0-9]+)?, with a digit somewhere, or .inf and .nan.
  static Json Float(const std::string& text, std::string_view digits, bool negative) {
    if (digits == ".inf" || digits == ".Inf" || digits == ".INF") {
      return negative ? -HUGE_VAL : HUGE_VAL;
    }
    if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::nan("");
    const auto mantissa = digits.substr(0, digits.find_first_of("eE"));
    if (mantissa.find_first_not_of("0123456789.") != std::string_view::npos ||
        mantissa.find_first_of("0123456789") == std::string_view::npos ||
        (mantissa.size() > 1 && mantissa[0] == '0' && mantissa[1] != '.')) {
      return text;
    }
    std::string_view whole = text;
    if (whole.front() == '+') whole.remove_prefix(1);
    double number = 0;
    const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), number);
    if (error == std::errc() && end == whole.data() + whole.size()) return number;
    return text;
  }

  int nodes_ = 0;
  std::map<std::string, int> lines_;
};

Result<CheckedDefinition> Check(const Json& document, const Catalog& catalog) {
  CheckedDefinition checked;
  PENSTOCK_ASSIGN_OR_RETURN(checked.spec, ParsePipeline(document, catalog, &checked.warnings));
  checked.canonical = DumpJson(CanonicalDefinition(checked.spec));
  checked.digest = Sha256(checked.canonical);
  return checked;
}

std::vector<Problem> WithLines(const DefinitionText& text, std::vector<Problem> problems) {
  for (Problem& problem : problems) {
    const int line = text.LineOf(problem.path);
    if (line > 0) problem.message = "line " + std::to_string(line) + ": " + problem.message;
  }
  return problems;
}

}  // namespace

int DefinitionText::LineOf(const std::string& path) const {
  std::string prefix = path;
  while (true) {
    const auto found = lines.find(prefix);
    if (found != lines.end()) return found->second;
    const auto cut = prefix.find_last_of(".[");
    if (cut == std::string::npos) return 0;
    prefix.resize(cut);
  }
}

Result<DefinitionText> ParseDefinitionText(std::string_view text) {
  if (text.size() > limits::kMaxDefinitionBytes) {
    return InvalidArgument("the definition has " + std::to_string(text.size()) +
                               " bytes; at most " + std::to_string(limits::kMaxDefinitionBytes) +
                               " are accepted",
                           "TOO_LARGE");
  }
  if (!IsUtf8(text)) return InvalidArgument("the definition is not UTF-8", "BAD_YAML");
  const std::string_view trimmed = Trim(text);
  if (trimmed.starts_with('{')) {
    DefinitionText result;
    Result<Json> json = ParseJson(
        text, {.max_bytes = limits::kMaxDefinitionBytes, .max_depth = limits::kMaxDefinitionDepth});
    // A flow mapping of YAML begins with a brace as well.
    if (json.ok()) {
      result.document = *std::move(json);
      return result;
    }
    if (trimmed.starts_with("{\"")) return json.status();
  }
  // The library recurses by nesting: refuse what would exhaust the stack before it sees it.
  int depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > 16 * limits::kMaxDefinitionDepth) {
      return InvalidArgument(
          "nested deeper than " + std::to_string(limits::kMaxDefinitionDepth) + " levels",
          "TOO_DEEP");
    }
  }
  std::size_t dashes = 0;
  for (const std::string& line : Split(text, '\n')) {
    std::size_t count = 0;
    std::size_t at = line.find_first_not_of(' ');
    while (at != std::string::npos && at + 1 < line.size() && line[at] == '-' &&
           line[at + 1] == ' ') {
      ++count;
      at = line.find_first_not_of(' ', at + 1);
    }
    dashes = std::max(dashes, count);
  }
  if (dashes > static_cast<std::size_t>(limits::kMaxDefinitionDepth)) {
    return InvalidArgument(
        "nested deeper than " + std::to_string(limits::kMaxDefinitionDepth) + " levels",
        "TOO_DEEP");
  }
  return YamlReader().Read(text);
}

Result<CheckedDefinition> CheckDefinitionText(std::string_view text, const Catalog& catalog) {
  PENSTOCK_ASSIGN_OR_RETURN(const DefinitionText parsed, ParseDefinitionText(text));
  Result<CheckedDefinition> checked = Check(parsed.document, catalog);
  if (!checked.ok()) {
    return checked.status().WithProblems(WithLines(parsed, checked.status().problems()));
  }
  checked->warnings = WithLines(parsed, std::move(checked->warnings));
  return checked;
}

Result<CheckedDefinition> CheckDefinitionDocument(const Json& document, const Catalog& catalog) {
  return Check(document, catalog);
}

}  // namespace penstock
