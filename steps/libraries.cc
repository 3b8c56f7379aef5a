#include "steps/libraries.h"

#include "steps/algorithms/linear_learner/linear_learner.h"
#include "steps/table/library.h"
#include "steps/xgb/xgb.h"

namespace penstock {

std::map<std::string, std::map<std::string, std::string>> LibrariesByStep() {
  using Versions = std::map<std::string, std::string>;
  const Versions tables{{"duckdb", TableLibraryVersion()}};
  Versions trees = tables;
  trees["xgboost"] = xgb::LibraryVersion();
  Versions linear = tables;
  linear.merge(LinearAlgebraVersions());
  // What reads a model may get one of either kind.
  Versions any = trees;
  any.insert(linear.begin(), linear.end());
  return {{"import", tables},       {"process", tables},
          {"train/xgboost", trees}, {"train/linear-learner", linear},
          {"profile", tables},      {"predict", any},
          {"evaluate", any},        {"validate", tables}};
}

}  // namespace penstock
