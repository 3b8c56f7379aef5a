#ifndef PENSTOCK_STEPS_PROCESS_TREE_DIGEST_H_
#define PENSTOCK_STEPS_PROCESS_TREE_DIGEST_H_

#include <string_view>

#include "base/digest.h"

namespace penstock {

// The digest that the artifact store gives to a tree that holds one file `name` (mode 0644) with
// these bytes: SHA-256 of its manifest. Steps may not use the store, so the form of the manifest
// stands here again; a test compares the two.
Digest SingleFileTreeDigest(std::string_view name, std::string_view bytes);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_TREE_DIGEST_H_
