#include "client/cli/names.h"

#include <charconv>
#include <utility>

#include "client/cli/output.h"

namespace penstock::cli {
namespace {

bool ReadVersion(std::string_view text, int32_t* version) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *version);
  return error == std::errc() && end == text.data() + text.size() && *version > 0;
}

}  // namespace

Result<ModelName> ParseModelName(std::string_view text) {
  const auto mark = text.find_first_of("/@");
  ModelName name{std::string(text.substr(0, mark)), 0, {}};
  bool good = !name.group.empty();
  if (mark != std::string_view::npos) {
    const std::string_view which = text.substr(mark + 1);
    const bool version = ReadVersion(which, &name.version);
    if (!version && text[mark] == '@') name.alias = std::string(which);
    good = good && (version || !name.alias.empty());
  }
  if (good) return name;
  return WrongUse("\"" + std::string(text) +
                  "\" is not a model; write GROUP/VERSION or GROUP@ALIAS, as in census-income/1");
}

Result<PipelineRef> ParsePipelineRef(std::string_view text) {
  const auto at = text.find('@');
  PipelineRef ref{std::string(text.substr(0, at)), 0};
  if (ref.name.empty() ||
      (at != std::string_view::npos && !ReadVersion(text.substr(at + 1), &ref.version))) {
    return WrongUse("\"" + std::string(text) +
                    "\" is not a pipeline; write NAME or NAME@VERSION, as in census@2");
  }
  return ref;
}

Result<std::pair<std::string, std::string>> ParseAssignment(std::string_view text,
                                                            std::string_view what) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return WrongUse("\"" + std::string(text) + "\": write " + std::string(what));
  }
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

}  // namespace penstock::cli
