#include <cmath>
#include <limits>

#include "base/json.h"
#include "steps/xgb/xgb.h"

namespace penstock::xgb {
namespace {

// The members of a tree in XGBoost's JSON that a split consists of.
constexpr const char* kLeft = "left_children";
constexpr const char* kRight = "right_children";
constexpr const char* kCondition = "split_conditions";
constexpr const char* kFeature = "split_indices";
constexpr const char* kDefaultLeft = "default_left";

constexpr const char* kParents = "parents";
constexpr const char* kCategories = "categories_nodes";

bool IsTree(const Json& tree) {
  const Json& left = JsonMember(tree, kLeft);
  if (!left.is_array() || !JsonMember(tree, kCategories).empty()) return false;
  const int64_t nodes = static_cast<int64_t>(left.size());
  for (const char* member : {kLeft, kRight, kParents, kCondition, kFeature, kDefaultLeft}) {
    const Json& list = JsonMember(tree, member);
    if (!list.is_array() || list.size() != left.size()) return false;
    for (const Json& value : list) {
      if (!value.is_number() && !value.is_boolean()) return false;
    }
  }
  for (const char* member : {kLeft, kRight}) {
    for (const Json& child : tree[member]) {
      if (!child.is_number_integer() || child.get<int64_t>() >= nodes) return false;
    }
  }
  return true;
}

// Exchanges two siblings with all that hangs below them. The library finds a right child by adding
// one to the left, so it is the nodes that move, not the pointers to them.
void SwapNodes(Json& tree, size_t a, size_t b) {
  const size_t nodes = tree[kLeft].size();
  for (auto& [member, list] : tree.items()) {
    // The parent of both stays what it was.
    if (list.is_array() && list.size() == nodes && member != kParents) std::swap(list[a], list[b]);
  }
  for (const size_t node : {a, b}) {
    if (tree[kLeft][node].get<int64_t>() < 0) continue;
    for (const char* side : {kLeft, kRight}) {
      tree[kParents][tree[side][node].get<size_t>()] = node;
    }
  }
}

bool AsBool(const Json& value) {
  return value.is_boolean() ? value.get<bool>() : value.get<int64_t>() != 0;
}

void MendTree(Json& tree, const std::vector<bool>& drop_zeros) {
  Json& left = tree[kLeft];
  Json& right = tree[kRight];
  for (size_t node = 0; node < left.size(); ++node) {
    if (left[node].get<int64_t>() < 0) continue;  // a leaf
    const size_t feature = tree[kFeature][node].get<size_t>();
    if (feature >= drop_zeros.size() || !drop_zeros[feature]) continue;
    Json& condition = tree[kCondition][node];
    Json& default_left = tree[kDefaultLeft][node];
    const bool ones_left = 1.0 < condition.get<double>();
    const bool zeros_left = AsBool(default_left);
    if (ones_left == zeros_left) {  // separates nothing: all of {0, 1} goes one way
      constexpr double kMost = std::numeric_limits<float>::max();
      condition = ones_left ? kMost : -kMost;
      continue;
    }
    if (ones_left) SwapNodes(tree, left[node].get<size_t>(), right[node].get<size_t>());
    condition = 1.0;
    default_left = default_left.is_boolean() ? Json(true) : Json(1);
  }
}

}  // namespace

Result<Booster> MendIndicatorSplits(const Booster& trained, const std::vector<bool>& drop_zeros) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, trained.Save(Booster::Format::kJson));
  // Written by the library a moment ago: of any size, and not to be distrusted.
  Json model = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (model.is_discarded()) return Internal("the XGBoost model is not JSON");
  const Json::json_pointer trees("/learner/gradient_booster/model/trees");
  if (!model.contains(trees) || !model[trees].is_array()) {
    return Internal("the XGBoost model has no trees where they are expected");
  }
  for (Json& tree : model[trees]) {
    if (!IsTree(tree)) return Internal("the XGBoost model holds a tree of an unknown form");
    MendTree(tree, drop_zeros);
  }
  return Booster::Load(DumpJson(model));
}

}  // namespace penstock::xgb
