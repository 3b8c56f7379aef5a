#include "client/cli/rank_lines.h"

#include <utility>

namespace penstock::cli {
namespace {

std::string Mark(int rank) {
  return "[" + std::to_string(rank) + "] ";
}

}  // namespace

std::string RankLines::Add(int rank, std::string_view data) {
  std::string& unfinished = unfinished_[rank];
  std::string shown;
  for (std::size_t end = data.find('\n'); end != std::string_view::npos; end = data.find('\n')) {
    shown += Mark(rank) + std::exchange(unfinished, {});
    shown += data.substr(0, end + 1);
    data.remove_prefix(end + 1);
  }
  unfinished += data;
  return shown;
}

std::string RankLines::Rest() {
  std::string shown;
  for (const auto& [rank, text] : std::exchange(unfinished_, {})) {
    if (!text.empty()) shown += Mark(rank) + text + "\n";
  }
  return shown;
}

}  // namespace penstock::cli
