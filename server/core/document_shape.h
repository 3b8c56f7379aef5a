#ifndef PENSTOCK_SERVER_CORE_DOCUMENT_SHAPE_H_
#define PENSTOCK_SERVER_CORE_DOCUMENT_SHAPE_H_

// What is wrong with a document whatever it means. Pure.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace penstock {

// Whether the document can be read at all: it is not nested too deeply, and its keys, which paths
// in messages are made of, have a sensible length. Appends to `problems` where not.
bool CheckShape(const Json& document, std::vector<Problem>& problems);

// Notes every number in `value` that JSON cannot hold.
void CheckFinite(const Json& value, const std::string& path, std::vector<Problem>& problems);

// The same for a document, before the other problems; what those say of such a number is dropped.
void NoteInfinite(const Json& document, std::vector<Problem>& problems);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_DOCUMENT_SHAPE_H_
