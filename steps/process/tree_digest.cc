#include "steps/process/tree_digest.h"

#include <string>

#include "base/json.h"

namespace penstock {

Digest SingleFileTreeDigest(std::string_view name, std::string_view bytes) {
  const Json manifest = {{"format", "penstock-tree/1"},
                         {"files",
                          {{{"path", name},
                            {"digest", Sha256(bytes).value()},
                            {"size", bytes.size()},
                            {"mode", "0644"}}}}};
  return Sha256(DumpJson(manifest));
}

}  // namespace penstock
