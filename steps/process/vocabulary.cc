#include "steps/process/vocabulary.h"

#include <algorithm>
#include <utility>

#include "steps/table/block_source.h"

namespace penstock {
namespace {

// How many rows of a block have each token; of `among` alone, where it is given.
TokenCounter::Counts CountRows(const StringValues& texts, const TokenRules& rules,
                               const TokenCounter* among) {
  struct Seen {
    int64_t rows = 0;
    std::size_t last = 0;  // text that has it
  };
  std::vector<int64_t> by_code(texts.dictionary.size());
  for (const int32_t code : texts.codes) {
    if (code >= 0) ++by_code[static_cast<std::size_t>(code)];
  }
  TokenMap<Seen> seen;
  for (std::size_t i = 0; i < by_code.size(); ++i) {
    if (by_code[i] == 0) continue;
    ForEachToken(texts.dictionary[i], rules, [&](std::string_view token) {
      auto at = seen.find(token);
      if (at == seen.end()) {
        if (among != nullptr && !among->counted().contains(token)) return;
        at = seen.emplace(token, Seen{by_code[i], i}).first;
      } else if (at->second.last != i) {
        at->second = {at->second.rows + by_code[i], i};
      }
    });
  }
  TokenCounter::Counts counts;
  counts.reserve(seen.size());
  for (const auto& [token, of] : seen) counts.emplace(token, of.rows);
  return counts;
}

Status CountBlocks(const FitData& data, const std::string& column, const TokenRules& rules,
                   const TokenCounter* among,
                   const std::function<void(TokenCounter::Counts&&)>& merge) {
  return ReduceBlocks<TokenCounter::Counts>(
      data, {column},
      [&](int64_t, const Table& table, TokenCounter::Counts* counts) {
        *counts = CountRows(table.Find(column)->strings, rules, among);
        return Status::Ok();
      },
      [&](int64_t, TokenCounter::Counts&& counts) { merge(std::move(counts)); });
}

using Ranked = std::vector<std::pair<std::string, int64_t>>;

// Those of the most rows first, of equals the first by bytes.
void KeepMost(Ranked& ranked, int64_t most) {
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (static_cast<int64_t>(ranked.size()) > most) ranked.resize(static_cast<std::size_t>(most));
}

}  // namespace

Result<VocabularyRules> VocabularyRules::FromJson(const Json& spec, std::string_view op) {
  VocabularyRules rules;
  rules.min_count = JsonInt(spec, "min_count", rules.min_count);
  rules.max_count = JsonInt(spec, "max_count", rules.max_count);
  rules.min_share = JsonDouble(spec, "min_share", rules.min_share);
  rules.max_share = JsonDouble(spec, "max_share", rules.max_share);
  rules.max_tokens = JsonInt(spec, "max_tokens", rules.max_tokens);
  const bool fits = rules.min_count >= 1 && rules.min_count <= rules.max_count &&
                    rules.min_share >= 0 && rules.min_share <= rules.max_share &&
                    rules.max_share <= 1 && rules.max_tokens >= 1;
  if (fits) return rules;
  return InvalidArgument(std::string(op) +
                         ": min_count must be from 1 to max_count, min_share from 0 to max_share, "
                         "max_share at most 1, and max_tokens at least 1");
}

void TokenCounter::Add(Counts&& block) {
  for (auto& [token, rows] : block) {
    const auto at = counted_.find(token);
    if (at != counted_.end()) {
      at->second.seen += rows;
    } else {
      counted_.emplace(token, Count{rows, forgotten_});
    }
  }
  block.clear();
  if (counted_.size() > most_) Forget();
}

void TokenCounter::Forget() {
  std::vector<int64_t> bounds;
  bounds.reserve(counted_.size());
  for (const auto& [token, count] : counted_) bounds.push_back(count.seen + count.before);
  const auto at = bounds.begin() + static_cast<std::ptrdiff_t>(bounds.size() - most_ / 2 - 1);
  std::nth_element(bounds.begin(), at, bounds.end());
  forgotten_ = *at;
  std::erase_if(counted_, [&](const auto& entry) {
    return entry.second.seen + entry.second.before <= forgotten_;
  });
}

Result<Vocabulary> LearnVocabulary(const FitData& data, const std::string& column,
                                   const TokenRules& tokens, const VocabularyRules& rules,
                                   std::string_view op, std::size_t most_counted) {
  TokenCounter counter(most_counted);
  PENSTOCK_RETURN_IF_ERROR(
      CountBlocks(data, column, tokens, nullptr,
                  [&](TokenCounter::Counts&& block) { counter.Add(std::move(block)); }));
  const int64_t forgotten = counter.forgotten();
  TokenCounter::Counts exact;
  if (forgotten > 0) {
    const auto add = [&](TokenCounter::Counts&& block) {
      for (const auto& [token, rows] : block) exact[token] += rows;
    };
    PENSTOCK_RETURN_IF_ERROR(CountBlocks(data, column, tokens, &counter, add));
  } else {
    for (const auto& [token, count] : counter.counted()) exact.emplace(token, count.seen);
  }
  // A little slack, so that 0.1 of thirty rows is three.
  const auto rows = static_cast<double>(data.rows());
  const double least =
      std::max(static_cast<double>(rules.min_count), rules.min_share * rows * (1 - 1e-12));
  const double most =
      std::min(static_cast<double>(rules.max_count), rules.max_share * rows * (1 + 1e-12));
  Ranked chosen;
  for (auto& [token, count] : exact) {
    if (static_cast<double>(count) >= least && static_cast<double>(count) <= most) {
      chosen.emplace_back(token, count);
    }
  }
  KeepMost(chosen, rules.max_tokens);
  const bool full = static_cast<int64_t>(chosen.size()) == rules.max_tokens;
  const bool known =
      least > static_cast<double>(forgotten) || (full && chosen.back().second > forgotten);
  const std::string name = std::string(op) + ": column \"" + column + "\" has ";
  if (!known) {
    return InvalidArgument(
        name + "more tokens than can be counted (" + std::to_string(most_counted) +
        " at once), so that those of " + std::to_string(forgotten) +
        " rows and fewer cannot be told apart; set min_count to " + std::to_string(forgotten + 1) +
        " or more, lower max_tokens, or use hash_text");
  }
  if (chosen.empty()) {
    return InvalidArgument(name + "no token that is in enough and not too many of the " +
                           std::to_string(data.rows()) +
                           " training rows; change min_count, min_share, max_count or max_share, "
                           "or drop the column");
  }
  std::sort(chosen.begin(), chosen.end());
  Vocabulary vocabulary;
  vocabulary.rows = data.rows();
  for (auto& [token, count] : chosen) {
    vocabulary.tokens.push_back(std::move(token));
    vocabulary.rows_with.push_back(count);
  }
  return vocabulary;
}

}  // namespace penstock
