#include "steps/process/row_groups.h"

#include <set>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "steps/process/operation.h"
#include "steps/table/block_source.h"

namespace penstock {
namespace {

constexpr std::size_t kMostPairs = 1 << 20;

// -0 and 0 are one value, so that they are one text, too.
StringValues TextsOf(const Column& column) {
  if (column.is_text()) return column.strings;
  Column numbers = column;
  for (double& number : numbers.numbers) number += 0.0;
  return AsTexts(numbers);
}

}  // namespace

RowGroups GroupRows(const Table& table, const std::vector<std::string>& by) {
  RowGroups groups;
  groups.of.assign(static_cast<std::size_t>(table.rows), 0);
  groups.keys = {{}};
  for (const std::string& name : by) {
    const StringValues texts = TextsOf(*table.Find(name));
    // Pairs of the group so far and the next value are the new groups: in a table where that is
    // small enough.
    const std::size_t width = texts.dictionary.size();
    const bool small = groups.keys.size() * width <= kMostPairs;
    std::vector<int32_t> table_of(small ? groups.keys.size() * width : 0, -1);
    std::unordered_map<uint64_t, int32_t> map_of;
    std::vector<GroupKey> keys;
    for (std::size_t i = 0; i < groups.of.size(); ++i) {
      int32_t& group = groups.of[i];
      if (group < 0 || texts.missing(i)) {
        group = -1;
        continue;
      }
      const std::size_t pair =
          static_cast<std::size_t>(group) * width + static_cast<std::size_t>(texts.codes[i]);
      int32_t& made = small ? table_of[pair] : map_of.try_emplace(pair, -1).first->second;
      if (made < 0) {
        made = static_cast<int32_t>(keys.size());
        keys.push_back(groups.keys[static_cast<std::size_t>(group)]);
        keys.back().push_back(texts[i]);
      }
      group = made;
    }
    groups.keys = std::move(keys);
  }
  return groups;
}

Result<GroupIndex> LearnGroups(const FitData& data, const std::vector<std::string>& by,
                               int64_t limit, std::string_view op) {
  std::set<GroupKey> all;
  PENSTOCK_RETURN_IF_ERROR(ReduceBlocks<std::vector<GroupKey>>(
      data, by,
      [&](int64_t, const Table& table, std::vector<GroupKey>* keys) {
        *keys = GroupRows(table, by).keys;
        return Status::Ok();
      },
      [&](int64_t, std::vector<GroupKey>&& keys) {
        // Beyond the limit it is known that there are too many.
        for (GroupKey& key : keys) {
          if (static_cast<int64_t>(all.size()) <= limit) all.insert(std::move(key));
        }
      }));
  if (static_cast<int64_t>(all.size()) > limit) {
    return InvalidArgument(std::string(op) + ": the training rows have more than " +
                           std::to_string(limit) + " groups by " + Join(by, ", ") +
                           "; name fewer columns in by, make their values fewer (bin, map_values), "
                           "or raise max_groups");
  }
  GroupIndex index;
  for (const GroupKey& key : all) index.emplace(key, static_cast<int32_t>(index.size()));
  return index;
}

std::vector<int32_t> IndexOfKeys(const std::vector<GroupKey>& keys, const GroupIndex& index) {
  std::vector<int32_t> indices;
  indices.reserve(keys.size());
  for (const GroupKey& key : keys) {
    const auto at = index.find(key);
    indices.push_back(at == index.end() ? -1 : at->second);
  }
  return indices;
}

}  // namespace penstock
