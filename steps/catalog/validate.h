#ifndef PENSTOCK_STEPS_CATALOG_VALIDATE_H_
#define PENSTOCK_STEPS_CATALOG_VALIDATE_H_

// The rules that `validate` judges data by.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace penstock {

// A rule with its defaults, and with `name` ("range-3", by its place from 0) where it has none.
// `problems` gets what is wrong with it, at `path`.
Json CompleteRule(const Json& rule, std::size_t place, const std::string& path,
                  std::vector<Problem>& problems);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_CATALOG_VALIDATE_H_
