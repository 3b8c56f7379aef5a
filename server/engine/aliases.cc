#include "server/engine/aliases.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace penstock {
namespace {

std::string Meaning(int32_t version) {
  return version > 0 ? "for version " + std::to_string(version) : "for no version";
}

}  // namespace

Result<MovedAlias> MoveAlias(EngineContext& context, const ModelAliasRecord& to,
                             std::optional<int32_t> expected) {
  const std::string name = to.group.value() + "@" + to.alias;
  MovedAlias moved;
  PENSTOCK_ASSIGN_OR_RETURN(moved.version, context.Read().GetModelVersion(to.group, to.version));
  PENSTOCK_ASSIGN_OR_RETURN(const std::optional<ModelAliasRecord> now,
                            context.Read().FindModelAlias(to.group, to.alias));
  moved.before = now ? now->version : 0;
  if (moved.before == to.version) return moved;
  if (moved.version.status == ModelStatus::kRejected) {
    return FailedPrecondition(to.group.value() + "/" + std::to_string(to.version) +
                                  " is Rejected; approve it first, or promote another version",
                              "MODEL_REJECTED");
  }
  if (expected && *expected != moved.before) {
    std::string why = name + " stands " + Meaning(moved.before) + " now, and not " +
                      Meaning(*expected) + " any more";
    if (now) why += "; " + now->principal.value() + " moved it at " + FormatTime(now->moved_at);
    return FailedPrecondition(why, "ALIAS_MOVED");
  }
  PENSTOCK_RETURN_IF_ERROR(context.Write().SetModelAlias(to));
  moved.version.aliases.push_back(to.alias);
  std::sort(moved.version.aliases.begin(), moved.version.aliases.end());
  LOG_INFO("model promoted model={}/{} alias={} before={} by={}", to.group, to.version, to.alias,
           moved.before, to.principal);
  return moved;
}

}  // namespace penstock
