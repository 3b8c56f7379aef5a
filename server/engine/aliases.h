#ifndef PENSTOCK_SERVER_ENGINE_ALIASES_H_
#define PENSTOCK_SERVER_ENGINE_ALIASES_H_

// Moving an alias to a version: what a promote step and a person do alike. Engine thread only.

#include <optional>
#include <string>

#include "base/result.h"
#include "server/engine/context.h"

namespace penstock {

struct MovedAlias {
  ModelVersionRecord version;  // with its aliases as they are now
  int32_t before = 0;          // what the alias stood for; 0: nothing
};

// Makes `to.alias` stand for `to.version`; nothing is written where it does. kNotFound
// (MODEL_NOT_FOUND); kFailedPrecondition: MODEL_REJECTED, or ALIAS_MOVED where `expected` is given
// and is not what the alias stands for (0: for nothing).
Result<MovedAlias> MoveAlias(EngineContext& context, const ModelAliasRecord& to,
                             std::optional<int32_t> expected);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_ENGINE_ALIASES_H_
