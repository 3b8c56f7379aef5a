#include "steps/import/xml.h"

#include <charconv>
#include <cstdint>
#include <utility>

namespace penstock::importing {
namespace {

void AppendUtf8(uint32_t code, std::string& out) {
  const auto byte = [&out](uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6);
    byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3f));
    byte(0x80 | (code >> 6 & 0x3f));
    byte(0x80 | (code & 0x3f));
  }
}

bool AppendReference(std::string_view name, std::string& out) {
  constexpr std::pair<std::string_view, char> kNamed[] = {
      {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [known, c] : kNamed) {
    if (name != known) continue;
    out += c;
    return true;
  }
  if (name.size() < 2 || name[0] != '#') return false;
  const bool hexadecimal = name[1] == 'x' || name[1] == 'X';
  name.remove_prefix(hexadecimal ? 2 : 1);
  uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), code, hexadecimal ? 16 : 10);
  if (error != std::errc() || end != name.data() + name.size() || name.empty()) return false;
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
  AppendUtf8(code, out);
  return true;
}

}  // namespace

std::vector<std::string_view> XmlElements(std::string_view xml, std::string_view name) {
  const std::string open = "<" + std::string(name);
  const std::string close = "</" + std::string(name) + ">";
  std::vector<std::string_view> found;
  for (std::size_t at = xml.find(open); at != std::string_view::npos; at = xml.find(open, at)) {
    at += open.size();
    const std::size_t end = xml.find('>', at);
    if (end == std::string_view::npos) break;
    // <Key and not <KeyCount.
    const char next = xml[at];
    if (next != '>' && next != ' ' && next != '/' && next != '\n' && next != '\t') continue;
    if (xml[end - 1] == '/') {
      found.push_back({});
      continue;
    }
    const std::size_t last = xml.find(close, end);
    if (last == std::string_view::npos) break;
    found.push_back(xml.substr(end + 1, last - end - 1));
    at = last + close.size();
  }
  return found;
}

std::optional<std::string> XmlText(std::string_view xml, std::string_view name) {
  const std::vector<std::string_view> elements = XmlElements(xml, name);
  if (elements.empty()) return std::nullopt;
  std::string_view rest = elements.front();
  std::string text;
  while (!rest.empty()) {
    const auto mark = rest.find('&');
    text += rest.substr(0, mark);
    if (mark == std::string_view::npos) break;
    rest.remove_prefix(mark + 1);
    const auto end = rest.find(';');
    if (end == std::string_view::npos || !AppendReference(rest.substr(0, end), text)) {
      return std::nullopt;
    }
    rest.remove_prefix(end + 1);
  }
  return text;
}

}  // namespace penstock::importing
