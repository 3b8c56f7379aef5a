#include "steps/process/selector.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace penstock {
namespace {

// A text or a list of texts, as a list.
std::vector<std::string> OneOrMore(const Json& value) {
  std::vector<std::string> texts;
  if (value.is_string()) texts.push_back(value.get<std::string>());
  if (value.is_array()) {
    for (const Json& element : value) {
      if (element.is_string()) texts.push_back(element.get<std::string>());
    }
  }
  return texts;
}

Status CheckNames(const std::vector<std::string>& names, const Table& table) {
  for (const std::string& name : names) {
    if (table.Find(name) == nullptr) {
      return InvalidArgument("no feature is named \"" + name + "\"" +
                             Suggestion(name, table.names()));
    }
  }
  return Status::Ok();
}

// Adds what an object selector chooses.
Status AddMatching(const Json& selector, const Table& table, std::set<std::string>& chosen) {
  const std::vector<std::string> kinds = OneOrMore(JsonMember(selector, "kind"));
  const std::vector<std::string> patterns = OneOrMore(JsonMember(selector, "match"));
  const std::vector<std::string> except = OneOrMore(JsonMember(selector, "except"));
  for (const std::string& kind : kinds) {
    PENSTOCK_RETURN_IF_ERROR(ParseColumnKind(kind).status());
  }
  PENSTOCK_RETURN_IF_ERROR(CheckNames(except, table));
  for (const Column& column : table.columns) {
    const std::string& name = column.info.name;
    const bool kind_fits = kinds.empty() || std::find(kinds.begin(), kinds.end(),
                                                      Name(column.info.kind)) != kinds.end();
    const bool name_fits =
        patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
          return GlobMatches(pattern, name);
        });
    const bool excepted = std::find(except.begin(), except.end(), name) != except.end();
    if (kind_fits && name_fits && !excepted) chosen.insert(name);
  }
  return Status::Ok();
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // where to go back to when the rest does not fit
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<std::vector<std::string>> SelectColumns(const Json& selector, const Table& table) {
  std::set<std::string> chosen;
  if (selector.is_null()) return table.names();
  const Json list = selector.is_array() ? selector : Json::array({selector});
  for (const Json& element : list) {
    if (element.is_string()) {
      const std::string name = element.get<std::string>();
      PENSTOCK_RETURN_IF_ERROR(CheckNames({name}, table));
      chosen.insert(name);
    } else if (element.is_object()) {
      PENSTOCK_RETURN_IF_ERROR(AddMatching(element, table, chosen));
    } else {
      return InvalidArgument("columns must be names, {kind: …} or {match: …}, not " +
                             DumpJson(element));
    }
  }
  std::vector<std::string> names;
  for (const Column& column : table.columns) {
    if (chosen.count(column.info.name) > 0) names.push_back(column.info.name);
  }
  return names;
}

}  // namespace penstock
