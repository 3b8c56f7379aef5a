#include "server/core/document_shape.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "storage/model/limits.h"

namespace penstock {
namespace {

bool HasLongKey(const Json& document) {
  if (document.is_object()) {
    for (const auto& [key, member] : document.items()) {
      if (key.size() > limits::kMaxKeyBytes || HasLongKey(member)) return true;
    }
  } else if (document.is_array()) {
    return std::any_of(document.begin(), document.end(), HasLongKey);
  }
  return false;
}

bool IsFinite(const Json& value) {
  if (value.is_number_float()) return std::isfinite(value.get<double>());
  return !value.is_structured() || std::all_of(value.begin(), value.end(), IsFinite);
}

}  // namespace

bool CheckShape(const Json& document, std::vector<Problem>& problems) {
  if (JsonDepth(document) > limits::kMaxDefinitionDepth) {
    problems.push_back({"", "is nested deeper than " + std::to_string(limits::kMaxDefinitionDepth) +
                                " levels; flatten it"});
    return false;
  }
  if (HasLongKey(document)) {
    problems.push_back({"", "has a key of more than " + std::to_string(limits::kMaxKeyBytes) +
                                " bytes; shorten it"});
    return false;
  }
  return true;
}

void CheckFinite(const Json& value, const std::string& path, std::vector<Problem>& problems) {
  if (IsFinite(value)) return;
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    problems.push_back({path, "is infinite or not a number; give a finite one"});
  } else if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      CheckFinite(member, path.empty() ? key : path + "." + key, problems);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      CheckFinite(value[i], path + "[" + std::to_string(i) + "]", problems);
    }
  }
}

void NoteInfinite(const Json& document, std::vector<Problem>& problems) {
  std::vector<Problem> infinite;
  CheckFinite(document, "", infinite);
  std::set<std::string> paths;
  for (const Problem& problem : infinite) paths.insert(problem.path);
  for (Problem& problem : problems) {
    if (!paths.contains(problem.path)) infinite.push_back(std::move(problem));
  }
  problems = std::move(infinite);
}

}  // namespace penstock
