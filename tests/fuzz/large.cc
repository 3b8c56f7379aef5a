#include "tests/fuzz/large.h"

#include <set>

#include "base/json.h"
#include "base/text.h"

namespace penstock::fuzz {
namespace {

std::string Repeated(const std::string& part, std::size_t bytes) {
  std::string text;
  text.reserve(bytes + part.size());
  while (!part.empty() && text.size() < bytes) text += part;
  text.resize(std::min(text.size(), bytes));
  return text;
}

void ListStructured(Json& root, std::vector<Json*>& nodes) {
  if (!root.is_structured()) return;
  if (!root.empty()) nodes.push_back(&root);
  for (Json& child : root) ListStructured(child, nodes);
}

// A list with its first member many times; an object with it under many names. What is distinct by
// a name of its own stays so: "a" becomes "a17".
void Fill(Json& node, std::size_t bytes) {
  const Json first = *node.begin();
  const std::string key = node.is_object() ? node.begin().key() : "";
  const std::size_t count = bytes / (DumpJson(first).size() + key.size() + 8) + 1;
  for (std::size_t i = 0; i < count; ++i) {
    Json member = first;
    if (const std::string name = JsonString(first, "name"); !name.empty()) {
      member["name"] = name + std::to_string(i);
    }
    if (node.is_array()) {
      node.push_back(std::move(member));
    } else {
      node[key + std::to_string(i)] = std::move(member);
    }
  }
}

}  // namespace

void VisitLarge(const Target& target, const std::vector<std::string>& corpus, std::size_t bytes,
                const std::function<void(const std::string&)>& visit) {
  std::set<std::string> parts(target.words.begin(), target.words.end());
  for (const std::string& input : corpus) {
    for (std::string& line : Split(input, '\n')) {
      if (line.size() < 200) parts.insert(line + "\n");
    }
  }
  for (const std::string& part : parts) visit(Repeated(part, bytes));
  for (const std::string& input : corpus) {
    const auto end = input.find('\n');
    const bool whole = ParseJson(input).ok();
    if (!whole && end == std::string::npos) continue;
    const std::string head = whole ? "" : input.substr(0, end + 1);
    // What is behind the first line may be words alone: its beginning over and over.
    if (!whole) visit(head + Repeated(input.substr(end + 1), bytes));
    const Result<Json> document = ParseJson(std::string_view(input).substr(head.size()));
    if (!document.ok()) continue;
    for (std::size_t i = 0;; ++i) {
      Json root = *document;
      std::vector<Json*> nodes;
      ListStructured(root, nodes);
      if (i >= nodes.size()) break;
      Fill(*nodes[i], bytes);
      visit(head + DumpJson(root));
    }
  }
}

}  // namespace penstock::fuzz
