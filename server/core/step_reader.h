#ifndef PENSTOCK_SERVER_CORE_STEP_READER_H_
#define PENSTOCK_SERVER_CORE_STEP_READER_H_

// Reads the steps of a definition, those inside maps included, noting all that can be judged from a
// step's own text. References and edges are judged by ValidatePipeline. Pure.

#include <string>
#include <vector>

#include "server/core/field_reader.h"
#include "server/core/pipeline.h"

namespace penstock {

// What is said where a pipeline or a step has no name.
inline constexpr char kNameMissing[] =
    "is missing; give it one of 1 to 64 characters of a-z 0-9 - _, for example name: prepare";

class StepReader {
 public:
  StepReader(const Catalog& catalog, std::vector<Problem>& problems)
      : catalog_(catalog), problems_(problems) {}

  // What `defaults:` of a pipeline gives to every step.
  void Defaults(const Json& json, StepSpec& defaults);
  // A list of steps at `path`, "steps" or "steps[3].steps".
  std::vector<StepSpec> Steps(const Json& json, const std::string& path, const StepSpec& defaults);
  // `outputs:` of a map or a pipeline: expressions by name.
  void Outputs(FieldReader& fields, std::map<std::string, Json>& outputs);
  void CheckName(const std::string& path, const std::string& name);
  // A duration that must not be 0.
  void OptionalDuration(FieldReader& fields, const std::string& key,
                        std::optional<Micros>& duration);

 private:
  StepSpec Step(const Json& json, const std::string& path, const StepSpec& defaults);
  const StepSchema* FindSchema(FieldReader& fields, StepSpec& step);
  void Retry(const Json& json, const std::string& path, RetryPolicy& retry);
  void RetryCauses(FieldReader& fields, RetryPolicy& retry);
  void ReadResources(const Json& json, const std::string& path, Resources& resources);
  void ReadCache(FieldReader& fields, CachePolicy& cache);
  void ReadWhen(FieldReader& fields, When& when);
  void ReadInputs(FieldReader& fields, const StepSchema* schema, StepSpec& step);
  std::size_t ReadSources(FieldReader& fields, const std::string& key, std::string_view prefix,
                          StepSpec& step);
  void ReadOptionalInput(const std::string& path, const Json& json, StepInput& input);
  void CheckPorts(FieldReader& fields, const StepSchema& schema, StepSpec& step);
  void ReadParameters(FieldReader& fields, const StepSchema* schema, StepSpec& step);
  void ReadScheduling(FieldReader& fields, StepSpec& step);
  void ReadMutex(FieldReader& fields, StepSpec& step);
  void ReadFence(FieldReader& fields, StepSpec& step);
  void ReadPreemption(FieldReader& fields, StepSpec& step);
  void ReadCondition(FieldReader& fields, StepSpec& step);
  void ReadMap(FieldReader& fields, const StepSpec& defaults, StepSpec& step);
  void ReadOver(FieldReader& fields, StepSpec& step);
  void ReadTolerance(FieldReader& fields, Tolerance& tolerance);
  void ReadSubPipeline(FieldReader& fields, StepSpec& step);

  const Catalog& catalog_;
  std::vector<Problem>& problems_;
  int steps_read_ = 0;
  int map_depth_ = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_STEP_READER_H_
