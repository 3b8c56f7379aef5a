#include "base/json.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/text.h"

namespace penstock {
namespace {

// Builds the document itself so that depth and duplicate keys are refused while reading.
class LimitedReader : public nlohmann::json_sax<Json> {
 public:
  explicit LimitedReader(int max_depth) : max_depth_(max_depth) {}

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(int64_t value) override { return Add(value); }
  bool number_unsigned(uint64_t value) override {
    // One integer type wherever the value allows it: equal numbers compare and dump alike.
    if (value <= static_cast<uint64_t>(INT64_MAX)) return Add(static_cast<int64_t>(value));
    return Add(value);
  }
  bool number_float(double value, const std::string&) override { return Add(value); }
  bool string(std::string& value) override { return Add(std::move(value)); }
  bool binary(Json::binary_t&) override { return Fail("binary values are not JSON"); }
  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(std::string& name) override {
    if (stack_.back()->contains(name)) return Fail("duplicate key \"" + name + "\"");
    key_ = name;
    return true;
  }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& failure) override {
    std::string text = failure.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..." → the last part.
    if (const auto at = text.find("parse error"); at != std::string::npos) text.erase(0, at + 12);
    return Fail(text);
  }

  Json root;
  std::string error;

 private:
  bool Fail(std::string message) {
    if (error.empty()) error = std::move(message);
    return false;
  }
  Json* Place(Json value) {
    if (stack_.empty()) {
      root = std::move(value);
      return &root;
    }
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool Add(Json value) {
    Place(std::move(value));
    return true;
  }
  bool Open(Json container) {
    if (static_cast<int>(stack_.size()) >= max_depth_) {
      return Fail("nested deeper than " + std::to_string(max_depth_) + " levels");
    }
    stack_.push_back(Place(std::move(container)));
    return true;
  }
  bool Close() {
    stack_.pop_back();
    return true;
  }

  const int max_depth_;
  std::vector<Json*> stack_;
  std::string key_;
};

}  // namespace

Result<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return InvalidArgument("the JSON text has " + std::to_string(text.size()) + " bytes; at most " +
                               std::to_string(limits.max_bytes) + " are accepted",
                           "TOO_LARGE");
  }
  LimitedReader reader(limits.max_depth);
  try {
    if (Json::sax_parse(text.begin(), text.end(), &reader)) return std::move(reader.root);
  } catch (const std::exception& error) {
    return InvalidArgument(std::string("not JSON: ") + error.what(), "BAD_JSON");
  }
  // It may quote very much, and bytes that are not UTF-8, which a message must be.
  constexpr std::size_t kMaxMessage = 400;
  const std::string message = Json::parse(DumpJson(Json(reader.error))).get<std::string>();
  return InvalidArgument("not JSON: " + TruncateUtf8(message, kMaxMessage), "BAD_JSON");
}

std::string DumpJson(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string DumpJsonPretty(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

int JsonDepth(const Json& json) {
  if (!json.is_structured()) return 0;
  int deepest = 0;
  for (const Json& child : json) deepest = std::max(deepest, JsonDepth(child));
  return deepest + 1;
}

const Json& JsonMember(const Json& object, std::string_view key) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string JsonString(const Json& object, std::string_view key, std::string otherwise) {
  const Json& member = JsonMember(object, key);
  return member.is_string() ? member.get<std::string>() : std::move(otherwise);
}

int64_t JsonInt(const Json& object, std::string_view key, int64_t otherwise) {
  const Json& member = JsonMember(object, key);
  return member.is_number_integer() ? member.get<int64_t>() : otherwise;
}

double JsonDouble(const Json& object, std::string_view key, double otherwise) {
  const Json& member = JsonMember(object, key);
  return member.is_number() ? member.get<double>() : otherwise;
}

bool JsonBool(const Json& object, std::string_view key, bool otherwise) {
  const Json& member = JsonMember(object, key);
  return member.is_boolean() ? member.get<bool>() : otherwise;
}

std::string_view JsonKindName(const Json& json) {
  if (json.is_string()) return "string";
  if (json.is_number_integer()) return "integer";
  if (json.is_number()) return "number";
  if (json.is_boolean()) return "boolean";
  if (json.is_array()) return "list";
  if (json.is_object()) return "object";
  return "null";
}

}  // namespace penstock
