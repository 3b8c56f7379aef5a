#include "steps/process/row_operation.h"

#include <algorithm>
#include <array>

namespace penstock {
namespace {

struct Entry {
  std::string_view name;
  bool fitted;  // learns from training rows
  Result<std::unique_ptr<RowOperation>> (*make)(const Json& spec);
  // Of a name that is a row operation only sometimes: whether it is.
  bool (*applies)(const Json& spec) = nullptr;
};

constexpr std::array kOperations = {
    Entry{"class_weights", true, MakeClassWeights},
    Entry{"deduplicate", false, MakeDeduplicate},
    Entry{"downsample", true, MakeDownsample},
    Entry{"drop_missing", false, MakeDropMissing},
    Entry{"filter", false, MakeFilter},
    Entry{"outliers", true, MakeDropOutliers, IsOutlierDrop},
    Entry{"shuffle", false, MakeShuffle},
    Entry{"smote", true, MakeSmote},
    Entry{"sort", false, MakeSort},
    Entry{"upsample", true, MakeUpsample},
};

const Entry* Find(const Json& spec) {
  const std::string op = JsonString(spec, "op");
  const auto at = std::find_if(kOperations.begin(), kOperations.end(), [&](const Entry& entry) {
    return entry.name == op && (entry.applies == nullptr || entry.applies(spec));
  });
  return at == kOperations.end() ? nullptr : &*at;
}

}  // namespace

bool IsRowOperation(const Json& spec) {
  return Find(spec) != nullptr;
}

bool IsFittedRowOperation(const Json& spec) {
  const Entry* entry = Find(spec);
  return entry != nullptr && entry->fitted;
}

Result<std::unique_ptr<RowOperation>> MakeRowOperation(const Json& spec) {
  const Entry* entry = Find(spec);
  if (entry != nullptr) return entry->make(spec);
  return InvalidArgument("\"" + JsonString(spec, "op") + "\" is no operation about rows");
}

const std::vector<std::string>& RowOperationNames() {
  static const auto* const names = [] {
    auto* list = new std::vector<std::string>();
    for (const Entry& entry : kOperations) list->emplace_back(entry.name);
    return list;
  }();
  return *names;
}

Applies AppliesOf(const Json& spec, Applies otherwise) {
  const std::string text = JsonString(spec, "applies");
  if (text == "train") return Applies::kTrain;
  if (text == "all") return Applies::kAll;
  return text == "fit" ? Applies::kFit : otherwise;
}

}  // namespace penstock
