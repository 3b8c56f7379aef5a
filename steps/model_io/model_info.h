#ifndef PENSTOCK_STEPS_MODEL_IO_MODEL_INFO_H_
#define PENSTOCK_STEPS_MODEL_IO_MODEL_INFO_H_

// What stands in a model tree beside the algorithm's own files:
//
//   model.json                 this record
//   transform/transform.json   what `process` fitted; absent where the model learned raw columns
//   model.ubj, weights.json …  the algorithm's files
//
// No times, run ids or host names: the same training gives the same bytes. Plain values.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "steps/api/model.h"

namespace penstock {

inline constexpr char kModelFile[] = "model.json";
inline constexpr char kModelTransformFile[] = "transform/transform.json";

// A column of the data before the transform, as a caller of predict must bring it.
struct RawFeature {
  std::string name;
  std::string kind;  // "numeric", "categorical" …, as dataset.json says
  friend bool operator==(const RawFeature&, const RawFeature&) = default;
};

struct ModelInfo {
  std::string algorithm;  // "xgboost"
  std::string version;    // the algorithm's, as in algorithm@version
  Task task = Task::kRegression;
  std::string label;                  // the label column's name
  std::vector<std::string> classes;   // empty for regression; index = column of the scores
  int positive_index = -1;            // binary: index into classes; else -1
  double threshold = 0.5;             // binary: positive where its probability >= threshold
  std::vector<std::string> features;  // the transformed columns that the algorithm sees, in order
  std::vector<RawFeature> raw_features;
  std::string transform_digest;  // of the transform's tree, hexadecimal; empty: no transform
  Json hyperparameters = Json::object();     // resolved, with defaults
  std::map<std::string, std::string> data;   // input name -> digest, hexadecimal
  std::map<std::string, double> importance;  // by transformed feature; empty where there is none

  // The positive class's name; empty unless binary.
  std::string positive() const;
};

// model.json's content, and back. kDataLoss names the member that is absent or of a wrong kind.
Json ModelInfoToJson(const ModelInfo& info);
Result<ModelInfo> ModelInfoFromJson(const Json& json);

// Writes model.json into `folder`, which must exist.
Status WriteModelInfo(const std::filesystem::path& folder, const ModelInfo& info);
// Reads `folder`/model.json. kInvalidArgument with `display_name` where `folder` is no model.
Result<ModelInfo> ReadModelInfo(const std::filesystem::path& folder,
                                const std::string& display_name);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_MODEL_IO_MODEL_INFO_H_
