#include "server/core/field_reader.h"

#include <utility>

#include "base/text.h"

namespace penstock {

FieldReader::FieldReader(const Json& object, std::string path, std::vector<Problem>& problems)
    : object_(object), path_(std::move(path)), problems_(problems) {
  if (!object.is_object() && !object.is_null()) {
    problems_.push_back({path_, "must be an object, not a " + std::string(JsonKindName(object))});
  }
}

bool FieldReader::Has(const std::string& key) const {
  return object_.is_object() && object_.contains(key);
}

const Json& FieldReader::Get(const std::string& key) {
  known_.insert(key);
  return JsonMember(object_, key);
}

const Json* FieldReader::Take(const std::string& key) {
  const Json& member = Get(key);
  return member.is_null() ? nullptr : &member;
}

std::string FieldReader::PathOf(const std::string& key) const {
  return path_.empty() ? key : path_ + "." + key;
}

void FieldReader::Wrong(const std::string& key, std::string message) {
  problems_.push_back({PathOf(key), std::move(message)});
}

void FieldReader::Kind(const std::string& key, std::string_view wanted, const Json& value) {
  std::string text = DumpJson(value);
  if (text.size() > 60) text = TruncateUtf8(text, 57) + "…";
  Wrong(key, "must be " + std::string(wanted) + ", not the " + std::string(JsonKindName(value)) +
                 " " + text);
}

void FieldReader::String(const std::string& key, std::string& value) {
  const Json* member = Take(key);
  if (member == nullptr) return;
  if (!member->is_string()) {
    Kind(key, "a string", *member);
  } else {
    value = member->get<std::string>();
  }
}

void FieldReader::Bool(const std::string& key, bool& value) {
  const Json* member = Take(key);
  if (member == nullptr) return;
  if (!member->is_boolean()) {
    Kind(key, "true or false", *member);
  } else {
    value = member->get<bool>();
  }
}

void FieldReader::Int(const std::string& key, int64_t minimum, int64_t maximum, int64_t& value) {
  const Json* member = Take(key);
  if (member == nullptr) return;
  if (!member->is_number_integer()) {
    Kind(key, "an integer", *member);
  } else if (const auto number = member->get<int64_t>();
             number < minimum || number > maximum || *member != number) {
    Wrong(key, DumpJson(*member) + " is out of bounds; it must be " + std::to_string(minimum) +
                   " to " + std::to_string(maximum));
  } else {
    value = number;
  }
}

void FieldReader::Number(const std::string& key, double minimum, double maximum, double& value) {
  const Json* member = Take(key);
  if (member == nullptr) return;
  if (!member->is_number()) {
    Kind(key, "a number", *member);
  } else if (const auto number = member->get<double>(); !(number >= minimum && number <= maximum)) {
    Wrong(key, FormatNumber(number) + " is out of bounds; it must be " + FormatNumber(minimum) +
                   " to " + FormatNumber(maximum));
  } else {
    value = number;
  }
}

void FieldReader::OptionalNumber(const std::string& key, std::optional<double>& value) {
  const Json* member = Take(key);
  if (member == nullptr) return;
  if (!member->is_number()) {
    Kind(key, "a number", *member);
  } else {
    value = member->get<double>();
  }
}

void FieldReader::Duration(const std::string& key, Micros& value) {
  const Json* member = Take(key);
  if (member == nullptr) return;
  if (!member->is_string()) {
    Kind(key, "a duration such as 30s or 5m", *member);
    return;
  }
  const Result<Micros> parsed = ParseDuration(member->get<std::string>());
  if (!parsed.ok()) {
    Wrong(key, parsed.status().message());
  } else {
    value = *parsed;
  }
}

void FieldReader::Size(const std::string& key, int64_t& value) {
  const Json* member = Take(key);
  if (member == nullptr) return;
  const bool bytes = member->is_number_integer() && member->get<int64_t>() >= 0;
  if (!member->is_string() && !bytes) {
    Kind(key, "a size such as 512MiB", *member);
    return;
  }
  const Result<int64_t> parsed =
      ParseSize(member->is_string() ? member->get<std::string>() : DumpJson(*member));
  if (!parsed.ok()) {
    Wrong(key, parsed.status().message());
  } else {
    value = *parsed;
  }
}

void FieldReader::Strings(const std::string& key, std::vector<std::string>& values) {
  const Json* member = Take(key);
  if (member == nullptr) return;
  if (!member->is_array()) {
    Kind(key, "a list of strings", *member);
    return;
  }
  for (std::size_t i = 0; i < member->size(); ++i) {
    const Json& item = (*member)[i];
    if (!item.is_string()) {
      Kind(key + "[" + std::to_string(i) + "]", "a string", item);
    } else {
      values.push_back(item.get<std::string>());
    }
  }
}

void FieldReader::StringMap(const std::string& key, std::map<std::string, std::string>& values) {
  const Json* member = Take(key);
  if (member == nullptr) return;
  if (!member->is_object()) {
    Kind(key, "an object of strings", *member);
    return;
  }
  for (const auto& [name, item] : member->items()) {
    if (item.is_string()) {
      values[name] = item.get<std::string>();
    } else {
      Kind(key + "." + name, "a string", item);
    }
  }
}

void FieldReader::Finish() {
  if (!object_.is_object()) return;
  const std::vector<std::string> known(known_.begin(), known_.end());
  for (const auto& [key, value] : object_.items()) {
    if (known_.contains(key) || key.starts_with("x-")) continue;
    Wrong(key, "unknown key" + Suggestion(key, known));
  }
}

}  // namespace penstock
