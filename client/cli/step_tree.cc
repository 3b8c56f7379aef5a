#include "client/cli/step_tree.h"

namespace penstock::cli {
namespace {

// Steps inside a map that are still shown one by one.
constexpr std::size_t kWholeMap = 12;

}  // namespace

bool IsActive(const pb::Step& step) {
  return step.state() >= pb::Step::LEASED && step.state() <= pb::Step::RETRY_WAIT;
}

std::string MapAround(const pb::Step& step) {
  const auto bracket = step.name().find('[');
  return bracket == std::string::npos ? std::string() : step.name().substr(0, bracket);
}

void StepTree::Put(const pb::Step& step) {
  const bool added = steps_.insert_or_assign(step.index(), step).second;
  if (!added) return;
  children_[step.parent()].insert(step.index());
  if (const std::string map = MapAround(step); !map.empty()) ++inside_[map];
}

bool StepTree::InLargeMap(const pb::Step& step) const {
  const auto found = inside_.find(MapAround(step));
  return found != inside_.end() && found->second > kWholeMap;
}

std::vector<const pb::Step*> StepTree::Shown(std::size_t* hidden) const {
  std::vector<const pb::Step*> shown;
  Walk("", shown);
  *hidden = steps_.size() - shown.size();
  return shown;
}

// As deep as maps and pipelines stand in each other, which the server bounds.
void StepTree::Walk(const std::string& parent, std::vector<const pb::Step*>& shown) const {
  const auto children = children_.find(parent);
  if (children == children_.end()) return;
  for (const int index : children->second) {
    const pb::Step& step = steps_.at(index);
    if (!InLargeMap(step) || IsActive(step) || step.state() == pb::Step::FAILED) {
      shown.push_back(&step);
    }
    Walk(step.name(), shown);
  }
}

}  // namespace penstock::cli
