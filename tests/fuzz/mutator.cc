#include "tests/fuzz/mutator.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "base/text.h"

namespace penstock::fuzz {
namespace {

constexpr JsonLimits kTreeLimits{.max_bytes = 1 << 20, .max_depth = 200};

// Numbers at the edges of what types hold, and what is none.
const std::vector<std::string> kNumbers = {"0",
                                           "-0",
                                           "-1",
                                           "1",
                                           "2",
                                           "255",
                                           "256",
                                           "65536",
                                           "2147483647",
                                           "2147483648",
                                           "-2147483649",
                                           "4294967296",
                                           "9007199254740993",
                                           "9223372036854775807",
                                           "9223372036854775808",
                                           "-9223372036854775808",
                                           "18446744073709551615",
                                           "18446744073709551616",
                                           "1e18",
                                           "1e308",
                                           "1e309",
                                           "-1e309",
                                           "1e-320",
                                           "5e-324",
                                           "0.1",
                                           ".5",
                                           "5.",
                                           "00",
                                           "0x10",
                                           "nan",
                                           "NaN",
                                           "inf",
                                           "Infinity",
                                           "1e",
                                           "--1",
                                           "+1",
                                           "1_000",
                                           "0.30000000000000004"};

const std::vector<std::string> kBytes = {
    std::string(1, '\0'), "\x80",     "\xff",         "\xc0\xaf",     "\xed\xa0\x80",
    "\xf4\x90\x80\x80",   "\xe2\x82", "\xef\xbb\xbf", "\xe2\x80\xa8", "\xc2\x85",
    "\x1b[31m",           "\x7f",     "\r",           "\t",           "\xf0\x9f\x90\xa7"};

// Every value of a tree, by address; a tree that is changed must be listed anew.
void ListNodes(Json& root, std::vector<Json*>& nodes) {
  nodes.push_back(&root);
  if (!root.is_structured()) return;
  for (Json& child : root) ListNodes(child, nodes);
}

}  // namespace

std::string Mutator::Next() {
  return Mutate(corpus_.empty() ? std::string() : Pick(corpus_));
}

std::string Mutator::Mutate(std::string input) {
  const std::size_t edits = std::size_t{1} << Below(4);
  for (std::size_t i = 0; i < edits; ++i) {
    switch (Below(4)) {
      case 0:
        EditLines(input);
        break;
      case 1:
      case 2:
        if (EditTree(input)) break;
        [[fallthrough]];
      default:
        EditBytes(input);
    }
    if (input.size() > max_bytes_) input.resize(max_bytes_);
  }
  return input;
}

void Mutator::Insert(std::string& input, std::size_t at, std::string_view text) {
  input.insert(std::min(at, input.size()), text);
}

void Mutator::EditBytes(std::string& input) {
  const std::size_t at = Below(input.size() + 1);
  const std::size_t length = Below(Below(3) == 0 ? 64 : 6) + 1;
  switch (Below(10)) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << Below(8)));
      break;
    case 1:
      if (at < input.size()) input[at] = static_cast<char>(random_());
      break;
    case 2:
      input.erase(std::min(at, input.size()), length);
      break;
    case 3:
      Insert(input, Below(input.size() + 1), input.substr(std::min(at, input.size()), length));
      break;
    case 4:
      Insert(input, at, Pick(kNumbers));
      break;
    case 5:
      Insert(input, at, Pick(kBytes));
      break;
    case 6: {
      const std::string& other = Pick(corpus_);
      const std::size_t from = Below(other.size() + 1);
      Insert(input, at, std::string_view(other).substr(from, Below(200)));
      break;
    }
    case 7: {
      // The start of one, the end of another.
      const std::string& other = Pick(corpus_);
      input = input.substr(0, at) + other.substr(Below(other.size() + 1));
      break;
    }
    case 8: {
      const std::string part = input.substr(std::min(at, input.size()), length);
      std::string many;
      for (std::size_t i = Below(200); i > 0; --i) many += part;
      Insert(input, at, many);
      break;
    }
    default:
      if (words_.empty()) break;
      if (Below(2) == 0) input.erase(std::min(at, input.size()), length);
      Insert(input, at, Pick(words_));
  }
}

void Mutator::EditLines(std::string& input) {
  std::vector<std::string> lines = Split(input, '\n');
  const std::size_t at = Below(lines.size());
  const auto place = [&](std::size_t i) { return lines.begin() + static_cast<std::ptrdiff_t>(i); };
  switch (Below(6)) {
    case 0:
      lines.erase(place(at));
      break;
    case 1:
      lines.insert(place(Below(lines.size() + 1)), std::string(lines[at]));
      break;
    case 2:
      std::swap(lines[at], lines[Below(lines.size())]);
      break;
    case 3:
      lines[at].insert(0, Below(2) == 0 ? "  " : "- ");
      break;
    case 4:
      lines[at].erase(0, lines[at].find_first_not_of(' ') == std::string::npos ? 0 : Below(3));
      break;
    default: {
      const std::vector<std::string> other = Split(Pick(corpus_), '\n');
      lines.insert(place(at), other[Below(other.size())]);
    }
  }
  input = Join(lines, "\n");
}

bool Mutator::EditTree(std::string& input) {
  const auto break_at = input.find('\n');
  std::string head;
  Result<Json> root = ParseJson(input, kTreeLimits);
  if (!root.ok() && break_at != std::string::npos) {
    head = input.substr(0, break_at + 1);
    root = ParseJson(std::string_view(input).substr(break_at + 1), kTreeLimits);
  }
  if (!root.ok()) return false;
  for (std::size_t i = Below(3) + 1; i > 0; --i) EditNode(*root);
  // A repetition that multiplied would take the memory.
  std::string text = DumpJson(*root);
  if (head.size() + text.size() <= max_bytes_) input = head + text;
  return true;
}

Json Mutator::Scalar() {
  switch (Below(8)) {
    case 0:
      return nullptr;
    case 1:
      return Below(2) == 0;
    case 2:
      return std::string(Pick(kNumbers));
    case 3:
      return words_.empty() ? std::string() : Pick(words_);
    case 4:
      return std::string(Below(300), 'x');
    case 5:
      return Below(2) == 0 ? Json::array() : Json::object();
    default: {
      const Result<Json> number = ParseJson(Pick(kNumbers));
      return number.ok() ? *number : Json(static_cast<int64_t>(Below(100)) - 10);
    }
  }
}

void Mutator::EditNode(Json& root) {
  std::vector<Json*> nodes;
  ListNodes(root, nodes);
  Json& node = *nodes[Below(nodes.size())];
  const Json other = *nodes[Below(nodes.size())];
  switch (Below(9)) {
    case 0:
      node = Scalar();
      break;
    case 1:  // a child goes
      if (node.is_structured() && !node.empty()) {
        node.erase(std::next(node.begin(), static_cast<std::ptrdiff_t>(Below(node.size()))));
      }
      break;
    case 2:
      node = other;
      break;
    case 3:  // a child comes twice
      if (node.is_array() && !node.empty()) {
        node.push_back(Json(node[Below(node.size())]));
      } else if (node.is_object()) {
        node[words_.empty() ? "x" : std::string(Trim(Pick(words_)))] = other;
      }
      break;
    case 4: {
      Json deep = std::move(node);
      for (std::size_t i = Below(40) + 1; i > 0; --i) {
        deep = Below(2) == 0 ? Json::array({std::move(deep)}) : Json{{"a", std::move(deep)}};
      }
      node = std::move(deep);
      break;
    }
    case 5:  // a key is called something else
      if (node.is_object() && !node.empty()) {
        const auto from = std::next(node.begin(), static_cast<std::ptrdiff_t>(Below(node.size())));
        Json value = *from;
        std::string key = from.key();
        node.erase(from);
        EditBytes(key);
        node[IsUtf8(key) ? key : "\xEF\xBF\xBD"] = std::move(value);
      }
      break;
    case 6:
      if (node.is_string()) {
        std::string text = node.get<std::string>();
        EditBytes(text);
        node = std::move(text);
      } else {
        node = Scalar();
      }
      break;
    case 7:
      if (node.is_number_integer()) {
        node = static_cast<double>(node.get<int64_t>()) / (Below(2) == 0 ? 1 : 3);
      } else if (node.is_primitive()) {
        node = DumpJson(node);
      } else {
        node = Json::array({node});
      }
      break;
    default:
      if (node.is_array() && !node.empty()) {
        const Json first = node[0];
        for (std::size_t i = Below(50); i > 0; --i) node.push_back(first);
      } else {
        node = Scalar();
      }
  }
}

}  // namespace penstock::fuzz
