#include "steps/process/resample.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "steps/table/hashing.h"

namespace penstock {
namespace {

constexpr double kSlack = 1e-9;
// Of one row of a class. More says that the wish is wrong, or the class is too small to learn.
constexpr int64_t kMostPerRow = 1'000;

Status Bad(std::string_view op, const std::string& what) {
  std::string message(op);
  message.append(": ").append(what);
  return InvalidArgument(message);
}

// The shares by index of class, 0 for a class without rows.
Result<std::vector<double>> SharesOf(const ResampleSpec& spec, std::string_view op,
                                     const std::vector<std::string>& classes,
                                     const std::vector<int64_t>& counts) {
  std::vector<double> shares(classes.size());
  for (const auto& [name, share] : spec.shares) {
    const auto at = std::find(classes.begin(), classes.end(), name);
    if (at == classes.end()) {
      return Bad(op,
                 "shares names \"" + name + "\", which is no class" + Suggestion(name, classes));
    }
    const auto index = static_cast<std::size_t>(at - classes.begin());
    if (counts[index] == 0) {
      return Bad(op, "shares names class \"" + name + "\", which no training row has");
    }
    shares[index] = share;
  }
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (counts[i] == 0 || shares[i] > 0) continue;
    return Bad(op, "shares says nothing of class \"" + classes[i] +
                       "\", which training rows have; name all of them");
  }
  return shares;
}

}  // namespace

Result<ResampleSpec> ResampleSpecFromJson(const Json& spec) {
  const std::string op = JsonString(spec, "op");
  ResampleSpec resample;
  if (const Json& ratio = JsonMember(spec, "ratio"); !ratio.is_null()) {
    resample.ratio = ratio.is_number() ? ratio.get<double>() : 0;
    if (!(resample.ratio >= 1) || !std::isfinite(resample.ratio)) {
      return Bad(op, "ratio must be a number of at least 1");
    }
  }
  if (const Json& seed = JsonMember(spec, "seed"); !seed.is_null()) {
    if (!seed.is_number_integer() || seed.get<int64_t>() < 0) {
      return Bad(op, "seed must be an integer of at least 0");
    }
    resample.seed = seed.get<uint64_t>();
  }
  const Json& shares = JsonMember(spec, "shares");
  if (shares.is_null()) return resample;
  if (!JsonMember(spec, "ratio").is_null()) return Bad(op, "give ratio or shares, not both");
  if (!shares.is_object() || shares.empty()) return Bad(op, "shares must be {CLASS: share}");
  double sum = 0;
  for (const auto& [name, share] : shares.items()) {
    if (!share.is_number() || !(share.get<double>() > 0) || share.get<double>() > 1) {
      return Bad(op, "the share of \"" + name + "\" must be above 0 and at most 1");
    }
    resample.shares[name] = share.get<double>();
    sum += share.get<double>();
  }
  if (std::fabs(sum - 1) > kSlack) return Bad(op, "the shares must add up to 1");
  return resample;
}

Result<std::vector<int64_t>> CountClasses(const Draft& draft, std::string_view op) {
  const std::string& label = draft.roles().label;
  if (label.empty()) return Bad(op, "the data have no label; name it in roles.label");
  if (draft.label().kind != LabelInfo::Kind::kClasses) {
    return Bad(op, "the label \"" + label +
                       "\" is a number, and this is about classes; name its values in "
                       "labels.classes, or leave the operation out");
  }
  std::vector<int64_t> counts(draft.label().classes.size());
  PENSTOCK_RETURN_IF_ERROR(ForEachTrainingLabel(
      draft, [&](const TrainingLabel& training) { ++counts[training.of_class]; }));
  return counts;
}

Result<std::vector<int64_t>> FewerRows(const ResampleSpec& spec, std::string_view op,
                                       const std::vector<std::string>& classes,
                                       const std::vector<int64_t>& counts) {
  std::vector<int64_t> wanted = counts;
  if (spec.shares.empty()) {
    int64_t fewest = 0;
    for (const int64_t count : counts) {
      if (count > 0 && (fewest == 0 || count < fewest)) fewest = count;
    }
    const double most = std::floor(static_cast<double>(fewest) * spec.ratio + kSlack);
    for (int64_t& count : wanted) {
      if (static_cast<double>(count) > most) count = static_cast<int64_t>(most);
    }
    return wanted;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<double> shares, SharesOf(spec, op, classes, counts));
  double all = INFINITY;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) all = std::min(all, static_cast<double>(counts[i]) / shares[i]);
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    wanted[i] = std::clamp<int64_t>(std::llround(all * shares[i]), 1, counts[i]);
  }
  return wanted;
}

Result<std::vector<int64_t>> MoreRows(const ResampleSpec& spec, std::string_view op,
                                      const std::vector<std::string>& classes,
                                      const std::vector<int64_t>& counts) {
  std::vector<double> wanted(counts.size());
  if (spec.shares.empty()) {
    const int64_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
    wanted.assign(counts.size(), std::ceil(static_cast<double>(most) / spec.ratio - kSlack));
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<double> shares,
                              SharesOf(spec, op, classes, counts));
    double all = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] > 0) all = std::max(all, static_cast<double>(counts[i]) / shares[i]);
    }
    for (std::size_t i = 0; i < counts.size(); ++i) wanted[i] = std::round(all * shares[i]);
  }
  std::vector<int64_t> rows = counts;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0 || wanted[i] <= static_cast<double>(counts[i])) continue;
    if (wanted[i] > static_cast<double>(counts[i] * kMostPerRow)) {
      return Bad(op, "class \"" + classes[i] + "\" has " + std::to_string(counts[i]) +
                         " training rows, and would have " + FormatNumber(wanted[i]) +
                         ": more than " + std::to_string(kMostPerRow) +
                         " for each; use another ratio or other shares");
    }
    rows[i] = static_cast<int64_t>(wanted[i]);
  }
  return rows;
}

Status ForEachTrainingLabel(const Draft& draft,
                            const std::function<void(const TrainingLabel&)>& visit) {
  const FitData data = draft.TrainingRows();
  const std::string& label = draft.roles().label;
  return ReduceBlocks<std::vector<int32_t>>(
      data, {label},
      [&](int64_t, const Table& table, std::vector<int32_t>* codes) {
        *codes = table.Find(label)->strings.codes;
        return Status::Ok();
      },
      [&](int64_t block, std::vector<int32_t>&& codes) {
        const std::vector<int64_t> rows = data.RowsOf(block);
        for (std::size_t i = 0; i < codes.size(); ++i) {
          if (codes[i] < 0) continue;
          visit({rows[i], block, static_cast<int32_t>(i), static_cast<std::size_t>(codes[i])});
        }
      });
}

ClassDrawer::ClassDrawer(std::vector<int64_t> sizes, std::vector<int64_t> wanted, uint64_t seed,
                         std::string_view op)
    : random_(RandomOf(op, seed)), rows_left_(std::move(sizes)), wanted_(std::move(wanted)) {}

bool ClassDrawer::Draw(std::size_t of_class) {
  int64_t& left = rows_left_[of_class];
  int64_t& wanted = wanted_[of_class];
  if (Below(random_, static_cast<uint64_t>(left--)) >= static_cast<uint64_t>(wanted)) return false;
  --wanted;
  return true;
}

SeededRandom RandomOf(std::string_view op, uint64_t seed) {
  return SeededRandom(HashText(op).low ^ MixBits(seed));
}

}  // namespace penstock
