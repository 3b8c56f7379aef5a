#include "worker/agent/mask.h"

#include <cctype>
#include <deque>
#include <set>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace penstock {
namespace {

constexpr std::size_t kShortest = 4;
constexpr std::size_t kShortestLine = 8;
constexpr std::string_view kMasked = "***";

// With padding.
std::string Base64(std::string_view bytes, bool url) {
  const std::string_view digits =
      url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
          : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      const bool padding = i + j > bytes.size();
      text += padding ? '=' : digits[group >> (18 - 6 * j) & 63];
    }
  }
  return text;
}

// What base64 of any text that holds the value has of it, by where in a group of three bytes the
// value begins: the characters that depend on nothing else.
void AddBase64(const std::string& value, bool url, std::set<std::string>& patterns) {
  patterns.insert(Base64(value, url));
  for (std::size_t before = 0; before < 3; ++before) {
    const std::string text = Base64(std::string(before, '\0') + value, url);
    const std::size_t first = (before * 8 + 5) / 6;
    const std::size_t end = (before + value.size()) * 8 / 6;
    patterns.insert(text.substr(first, end - first));
  }
}

// As browsers and curl do it: all but letters, digits and - . _ ~.
std::string UrlEncoded(const std::string& value) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 128 &&
        (std::isalnum(byte) || std::string_view("-._~").find(c) != std::string::npos)) {
      text += c;
    } else {
      text += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return text;
}

void AddForms(const std::string& value, std::set<std::string>& patterns) {
  if (value.size() < kShortest) return;
  patterns.insert(value);
  AddBase64(value, false, patterns);
  AddBase64(value, true, patterns);
  patterns.insert(UrlEncoded(value));
  const std::string quoted = DumpJson(Json(value));
  patterns.insert(quoted.substr(1, quoted.size() - 2));
  if (value.find('\n') == std::string::npos) return;
  for (const std::string& line : Split(value, '\n')) {
    const std::string trimmed(Trim(line));
    if (trimmed.size() >= kShortestLine) patterns.insert(trimmed);
  }
}

}  // namespace

SecretMask::SecretMask(const std::map<std::string, std::string>& secrets) {
  if (secrets.empty()) return;
  std::set<std::string> patterns;
  for (const auto& [name, value] : secrets) AddForms(value, patterns);
  auto tree = std::make_shared<Tree>(1);
  for (const std::string& pattern : patterns) {
    if (pattern.size() >= kShortest) Insert(pattern, *tree);
  }
  if (tree->size() == 1) return;
  Link(*tree);
  tree_ = std::move(tree);
}

int32_t SecretMask::Child(const Tree& tree, int32_t node, unsigned char byte) {
  int32_t child = tree[static_cast<std::size_t>(node)].child;
  while (child >= 0 && tree[static_cast<std::size_t>(child)].byte != byte) {
    child = tree[static_cast<std::size_t>(child)].sibling;
  }
  return child;
}

void SecretMask::Insert(std::string_view pattern, Tree& tree) {
  int32_t at = 0;
  for (const char c : pattern) {
    const auto byte = static_cast<unsigned char>(c);
    int32_t next = Child(tree, at, byte);
    if (next < 0) {
      next = static_cast<int32_t>(tree.size());
      Node& parent = tree[static_cast<std::size_t>(at)];
      Node node;
      node.sibling = std::exchange(parent.child, next);
      node.depth = parent.depth + 1;
      node.byte = byte;
      tree.push_back(node);
    }
    at = next;
  }
  Node& end = tree[static_cast<std::size_t>(at)];
  end.match = end.depth;
}

// Breadth first: what a node falls back to is less deep, and has been linked before.
void SecretMask::Link(Tree& tree) {
  std::deque<int32_t> queue = {0};
  while (!queue.empty()) {
    const int32_t at = queue.front();
    queue.pop_front();
    for (int32_t child = tree[static_cast<std::size_t>(at)].child; child >= 0;
         child = tree[static_cast<std::size_t>(child)].sibling) {
      Node& node = tree[static_cast<std::size_t>(child)];
      int32_t fail = at;
      int32_t found = -1;
      while (fail != 0 && found < 0) {
        fail = tree[static_cast<std::size_t>(fail)].fail;
        found = Child(tree, fail, node.byte);
      }
      node.fail = found < 0 ? 0 : found;
      if (node.match == 0) node.match = tree[static_cast<std::size_t>(node.fail)].match;
      queue.push_back(child);
    }
  }
}

void SecretMask::Append(std::string_view text, std::string& out) {
  if (tree_ == nullptr) {
    out += text;
    return;
  }
  const Tree& tree = *tree_;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    kept_ += c;
    marks_ += '\0';
    int32_t next = Child(tree, at_, byte);
    while (next < 0 && at_ != 0) {
      at_ = tree[static_cast<std::size_t>(at_)].fail;
      next = Child(tree, at_, byte);
    }
    at_ = next < 0 ? 0 : next;
    if (const int32_t match = tree[static_cast<std::size_t>(at_)].match; match > 0) {
      const auto length = static_cast<std::size_t>(match);
      marks_.replace(marks_.size() - length, length, length, '\1');
    }
  }
  // What may yet become a secret begins within the longest start of one that the text ends with.
  Emit(kept_.size() - static_cast<std::size_t>(tree[static_cast<std::size_t>(at_)].depth), out);
}

void SecretMask::Finish(std::string& out) {
  Emit(kept_.size(), out);
  at_ = 0;
  in_secret_ = false;
}

// Takes `count` bytes off what is kept. Secrets side by side, or over one another, are one ***.
void SecretMask::Emit(std::size_t count, std::string& out) {
  for (std::size_t i = 0; i < count; ++i) {
    const bool secret = marks_[i] != 0;
    if (!secret) out += kept_[i];
    if (secret && !in_secret_) out += kMasked;
    in_secret_ = secret;
  }
  kept_.erase(0, count);
  marks_.erase(0, count);
}

std::string SecretMask::Masked(std::string_view text) const {
  if (tree_ == nullptr) return std::string(text);
  SecretMask fresh;
  fresh.tree_ = tree_;
  std::string masked;
  fresh.Append(text, masked);
  fresh.Finish(masked);
  return masked;
}

void MaskOutcome(const SecretMask& mask, Outcome& outcome) {
  if (!outcome.status.ok()) {
    outcome.status = Status(outcome.status.code(), mask.Masked(outcome.status.message()),
                            outcome.status.reason());
  }
  outcome.warnings = mask.Masked(outcome.warnings);
  for (auto& [path, value] : outcome.report_values) {
    std::string masked = mask.Masked(value);
    if (masked == value) continue;
    // It may have been a number, or the secret reached over several values.
    value = ParseJson(masked, {.max_bytes = masked.size() + 1}).ok() ? std::move(masked)
                                                                     : DumpJson(Json(kMasked));
  }
  std::map<std::string, double> metrics;
  for (const auto& [name, value] : outcome.metrics) metrics[mask.Masked(name)] = value;
  outcome.metrics = std::move(metrics);
}

}  // namespace penstock
