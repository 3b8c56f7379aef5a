#include "server/definition/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

// What a text may stand for once its aliases are written out.
constexpr int64_t kMaxValues = 200'000;
constexpr int64_t kMaxBytes = 4 * static_cast<int64_t>(limits::kMaxDefinitionBytes);
// Deeper inside, lines are not remembered: DefinitionText::LineOf finds what is around.
constexpr std::size_t kMaxPathBytes = 1024;

// Ends the parser from within its callbacks; never leaves this file.
struct Refusal {
  Status status;
};

[[noreturn]] void Refuse(const YAML::Mark& mark, const std::string& message,
                         const char* reason = "BAD_YAML") {
  throw Refusal{InvalidArgument("line " + std::to_string(mark.line + 1) + ": " + message, reason)};
}

// -? [0-9]* (\. [0-9]*)? ([eE] [-+]? [0-9]+)?, with a digit somewhere, or .inf and .nan; `text` as
// it is for anything else.
Json FloatOrText(const std::string& text, std::string_view digits) {
  if (digits == ".inf" || digits == ".Inf" || digits == ".INF") {
    return text.front() == '-' ? -HUGE_VAL : HUGE_VAL;
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

template <typename Integer>
bool ReadInteger(std::string_view text, Integer* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

// The value of a scalar without quotes, by YAML 1.2's core schema, but for integers that begin
// with a zero: those are texts.
Json PlainValue(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  std::string_view digits = text;
  if (digits.front() == '-' || digits.front() == '+') digits.remove_prefix(1);
  if (digits.empty()) return text;
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return FloatOrText(text, digits);
  }
  if (digits.size() > 1 && digits.front() == '0') return text;
  const std::string_view whole = text.front() == '+' ? digits : std::string_view(text);
  // As in JSON: what int64 cannot hold is an unsigned integer or a double.
  if (int64_t number = 0; ReadInteger(whole, &number)) return number;
  if (uint64_t number = 0; ReadInteger(whole, &number)) return number;
  return FloatOrText(text, digits);
}

// Builds the document from the parser's events.
class Builder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) Refuse(mark, "one definition a text; another document begins here");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (AtKey()) RefuseKey(mark);
    Count(mark, 1, 0);
    Remember(mark);
    Anchored(anchor, nullptr, 1, 0);
    Place(mark, nullptr);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (AtKey()) Refuse(mark, "a key must be a word, not an alias; write the word itself");
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      Refuse(mark, "an alias cannot stand inside of what it means");
    }
    const Anchor& target = found->second;
    if (static_cast<int>(stack_.size()) + JsonDepth(target.value) > limits::kMaxDefinitionDepth) {
      TooDeep(mark);
    }
    Count(mark, target.values, target.bytes);
    Remember(mark);
    Place(mark, target.value);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    CheckTag(mark, tag);
    const auto bytes = static_cast<int64_t>(text.size());
    Count(mark, AtKey() ? 0 : 1, bytes);
    const bool quoted = tag == "!";
    Json value = quoted ? Json(text) : PlainValue(text);
    Anchored(anchor, value, 1, bytes);
    if (AtKey()) return Key(mark, text, quoted);
    Remember(mark);
    Place(mark, std::move(value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Json::object());
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

  bool empty() const { return root_.is_null(); }
  DefinitionText Take() { return {std::move(root_), std::move(lines_)}; }

 private:
  struct Frame {
    Json value;  // an array or an object
    bool has_key = false;
    bool merges = false;  // the key is <<
    std::string key;
    Json merged = Json::object();  // by <<, behind the frame's own keys
    std::string path;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    int64_t values_before = 0;
    int64_t bytes_before = 0;
  };
  struct Anchor {
    Json value;
    int64_t values = 0;
    int64_t bytes = 0;
  };

  [[noreturn]] static void TooDeep(const YAML::Mark& mark) {
    Refuse(mark,
           "nested deeper than " + std::to_string(limits::kMaxDefinitionDepth) +
               " levels; flatten it, or look for a { or [ that is not closed",
           "TOO_DEEP");
  }

  [[noreturn]] static void RefuseKey(const YAML::Mark& mark) {
    Refuse(mark,
           "a key must be a word; where none was meant, a { or [ before this is not closed, or a "
           "comma is too many");
  }

  static void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      Refuse(mark, "tags such as " + TruncateUtf8(tag, 80) + " are not used here");
    }
  }

  bool AtKey() const {
    return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().has_key;
  }

  void Count(const YAML::Mark& mark, int64_t values, int64_t bytes) {
    values_ += values;
    bytes_ += bytes;
    if (values_ > kMaxValues || bytes_ > kMaxBytes) {
      Refuse(mark,
             "with its aliases written out, the definition holds more than " +
                 (values_ > kMaxValues ? std::to_string(kMaxValues) + " values"
                                       : FormatSize(kMaxBytes)),
             "TOO_LARGE");
    }
  }

  void Key(const YAML::Mark& mark, const std::string& text, bool quoted) {
    Frame& frame = stack_.back();
    frame.merges = text == "<<" && !quoted;
    if (!frame.merges && frame.value.contains(text)) {
      Refuse(mark, "the key \"" + TruncateUtf8(text, 80) +
                       "\" stands here twice; remove one of the two, or rename it");
    }
    frame.has_key = true;
    frame.key = text;
  }

  // The path of the value that comes next; nullopt where it is too long to be kept.
  std::optional<std::string> NextPath() const {
    if (stack_.empty()) return "";
    const Frame& frame = stack_.back();
    if (frame.path.size() + frame.key.size() > kMaxPathBytes) return std::nullopt;
    if (frame.value.is_array()) {
      return frame.path + "[" + std::to_string(frame.value.size()) + "]";
    }
    return frame.path.empty() ? frame.key : frame.path + "." + frame.key;
  }

  void Remember(const YAML::Mark& mark) {
    if (std::optional<std::string> path = NextPath()) {
      lines_.emplace(*std::move(path), mark.line + 1);
    }
  }

  void Anchored(YAML::anchor_t anchor, const Json& value, int64_t values, int64_t bytes) {
    if (anchor != 0) anchors_[anchor] = {value, values, bytes};
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json value) {
    if (AtKey()) RefuseKey(mark);
    CheckTag(mark, tag);
    if (static_cast<int>(stack_.size()) >= limits::kMaxDefinitionDepth) TooDeep(mark);
    Remember(mark);
    Frame frame;
    frame.value = std::move(value);
    frame.path = NextPath().value_or(std::string(kMaxPathBytes + 1, '.'));
    frame.mark = mark;
    frame.anchor = anchor;
    frame.values_before = values_;
    frame.bytes_before = bytes_;
    Count(mark, 1, 0);
    stack_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    for (auto& [key, value] : frame.merged.items()) {
      if (!frame.value.contains(key)) frame.value[key] = std::move(value);
    }
    Anchored(frame.anchor, frame.value, values_ - frame.values_before, bytes_ - frame.bytes_before);
    Place(frame.mark, std::move(frame.value));
  }

  void Place(const YAML::Mark& mark, Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.value.is_array()) {
      frame.value.push_back(std::move(value));
      return;
    }
    frame.has_key = false;
    if (frame.merges) {
      Merge(mark, value, frame.merged);
    } else {
      frame.value[frame.key] = std::move(value);
    }
  }

  // Earlier mappings win over later ones.
  static void Merge(const YAML::Mark& mark, const Json& value, Json& merged) {
    const Json list = value.is_array() ? value : Json::array({value});
    for (const Json& each : list) {
      if (!each.is_object()) Refuse(mark, "<< merges mappings, and this is none");
      for (const auto& [key, member] : each.items()) {
        if (!merged.contains(key)) merged[key] = member;
      }
    }
  }

  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchor> anchors_;
  std::map<std::string, int> lines_;
  Json root_;
  int documents_ = 0;
  int64_t values_ = 0;
  int64_t bytes_ = 0;
};

std::string_view LineAt(std::string_view text, int line) {
  for (; line > 0; --line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// What usually brings the parser's message about.
std::string Remedy(const YAML::Exception& error, std::string_view text) {
  const std::string_view line = LineAt(text, error.mark.line);
  if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos) {
    return "; indent with blanks, not with tabs";
  }
  const std::string& message = error.msg;
  if (message == YAML::ErrorMsg::END_OF_MAP_FLOW || message == YAML::ErrorMsg::END_OF_SEQ_FLOW) {
    if (line.find("${") != std::string_view::npos) {
      return "; between { } and [ ], put references in quotes: \"${…}\"";
    }
    return "; a { or [ is not closed, or a comma is missing";
  }
  if (message == YAML::ErrorMsg::END_OF_MAP || message == YAML::ErrorMsg::END_OF_SEQ) {
    return "; look at how this line and those before it are indented";
  }
  if (message == YAML::ErrorMsg::MAP_VALUE) {
    return "; put texts that hold \": \" in quotes, and look at how the line is indented";
  }
  if (message == YAML::ErrorMsg::UNKNOWN_TOKEN) {
    return "; put texts that begin with @, ` or % in quotes";
  }
  if (message == YAML::ErrorMsg::ALIAS_NOT_FOUND) return "; put texts that begin with * in quotes";
  return {};
}

Status CheckCharacters(std::string_view text) {
  int line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x20 || c == '\n' || c == '\r' || c == '\t') continue;
    char name[8];
    std::snprintf(name, sizeof name, "U+%04X", code);
    return InvalidArgument("line " + std::to_string(line) + ": the control character " + name +
                               " cannot stand in a definition",
                           "BAD_YAML");
  }
  return Status::Ok();
}

}  // namespace

Result<DefinitionText> ReadYaml(std::string_view text) {
  PENSTOCK_RETURN_IF_ERROR(CheckCharacters(text));
  Builder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    // Never more than one document: some broken texts give empty ones without an end.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
  } catch (const Refusal& refusal) {
    return refusal.status;
  } catch (const YAML::Exception& error) {
    std::string where;
    if (!error.mark.is_null()) {
      where = "line " + std::to_string(error.mark.line + 1) + ", column " +
              std::to_string(error.mark.column + 1) + ": ";
    }
    return InvalidArgument("not YAML: " + where + error.msg + Remedy(error, text), "BAD_YAML");
  } catch (const std::exception& error) {
    return InvalidArgument(std::string("not YAML: ") + error.what(), "BAD_YAML");
  }
  if (builder.empty()) return InvalidArgument("the definition is empty", "BAD_YAML");
  return builder.Take();
}

}  // namespace penstock
