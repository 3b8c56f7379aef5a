#ifndef PENSTOCK_CLIENT_CLI_LOCAL_RUN_H_
#define PENSTOCK_CLIENT_CLI_LOCAL_RUN_H_

// Steps of a pipeline, run here one after the other by penstock-worker, as a coordinator would have
// them run: the same references, the same parameters, the same checks.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "client/cli/local_worker.h"
#include "server/core/expression.h"
#include "server/core/pipeline.h"
#include "server/core/plan.h"

namespace penstock::cli {

// What is given on the command line.
struct LocalGiven {
  // Files and folders of this machine that stand for artifacts, by address ("artifact:sha256:…").
  // The address of a path is one of its own, whatever it holds.
  std::map<std::string, std::string> paths;
  // Of the step itself: paths by the names of its inputs.
  std::map<std::string, std::vector<std::string>> inputs;
  int64_t sample = 0;  // rows of raw data; 0: all
  int64_t seed = 0;
  int64_t head_rows = 5;
  bool texts = true;  // cells of heads as CSV shows them
};

// The address by which a parameter names a path.
std::string AddressOf(const std::string& path);

class LocalRun : public Scope {
 public:
  // `folder`: for all that the steps write. All outlive the object.
  LocalRun(const PipelineSpec& spec, const Json& parameters, const LocalGiven& given,
           const std::filesystem::path& folder, LocalWorker& worker);

  // NOT_FOUND (SECRET_NOT_FOUND) for secrets that these steps name and the environment lacks.
  Status CheckSecrets(const std::vector<StepIndex>& steps) const;

  // Runs a step whose predecessors have run. `outputs`: a folder for the user, or empty where they
  // are needed only here. Returns penstock-worker's answer (worker/local/step_request.h), also
  // where the step failed. Other errors: references that mean nothing, parameters that do not fit.
  Result<Json> Run(StepIndex index, bool is_target, const std::filesystem::path& outputs,
                   const LocalWorker::OnEvent& on_event);

  Lookup Find(const Reference& reference) const override;

 private:
  struct Source {
    std::string path;
    std::string type;  // of the artifact; empty: that of the input
    std::string digest;
    std::string display;
    bool raw = true;  // no step of ours made it
  };

  Result<Json> InputsOf(const StepSpec& step, bool is_target) const;
  Result<Source> SourceOf(const Json& value, const Json& written, const std::string& input) const;
  Status AddSources(const Json& value, const Json& written, const StepInput& input,
                    std::vector<Source>& sources) const;
  Json InputJson(const StepSpec& step, const std::string& input, const Source& source) const;
  void Keep(const std::string& step, const Json& answer);

  const PipelineSpec& spec_;
  const Json& parameters_;
  const LocalGiven& given_;
  const std::filesystem::path folder_;
  LocalWorker& worker_;
  std::shared_ptr<const Plan> plan_;
  std::map<std::string, Json> answers_;  // by step
  std::map<std::string, Source> made_;   // by address
};

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_LOCAL_RUN_H_
