#ifndef PENSTOCK_STORAGE_MODEL_PROTOCOL_H_
#define PENSTOCK_STORAGE_MODEL_PROTOCOL_H_

// Which versions of the protocol between coordinator and workers this program speaks. A change that
// an older peer would misread raises kProtocol; kMinProtocol follows once no release that lacks the
// newer one is to be supported any more.

#include <algorithm>
#include <cstdint>
#include <optional>

namespace penstock {

inline constexpr int32_t kProtocol = 2;
inline constexpr int32_t kMinProtocol = 2;

struct ProtocolRange {
  int32_t min = kMinProtocol;
  int32_t max = kProtocol;
};

// The newest that both speak; nullopt where there is none.
constexpr std::optional<int32_t> CommonProtocol(ProtocolRange a, ProtocolRange b) {
  const int32_t common = std::min(a.max, b.max);
  if (common < a.min || common < b.min) return std::nullopt;
  return common;
}

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_MODEL_PROTOCOL_H_
