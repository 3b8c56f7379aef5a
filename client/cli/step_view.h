#ifndef PENSTOCK_CLIENT_CLI_STEP_VIEW_H_
#define PENSTOCK_CLIENT_CLI_STEP_VIEW_H_

// How a step that ran here is shown, while it runs and afterwards.

#include <string>
#include <vector>

#include "base/json.h"
#include "server/core/pipeline.h"

namespace penstock::cli {

// A step with penstock-worker's answer (worker/local/step_request.h).
struct StepRunView {
  const StepSpec* step = nullptr;
  Json answer;
};

// Tells standard error of a step that runs: each line that it prints, and on a terminal how far it
// is. Not thread-safe.
class StepProgress {
 public:
  explicit StepProgress(std::string step);
  ~StepProgress();
  StepProgress(const StepProgress&) = delete;
  StepProgress& operator=(const StepProgress&) = delete;

  void OnEvent(const Json& event);
  // What is left of the log. Without the line that says `error`, which is told otherwise.
  void Finish(const std::string& error);

 private:
  void Print(const std::string& line);
  void EraseStatus();

  const std::string step_;
  const bool terminal_;
  bool status_ = false;  // a line that stays only until the next
  std::string log_;      // from the last whole line that was printed on
  std::string held_;     // a line that may be told otherwise
};

// The last of `runs` is the step that was asked for; it has succeeded. `width` as for HeadText.
// `kept`: whether the outputs stay, so that their places are told.
std::string StepRunText(const std::vector<StepRunView>& runs, bool kept, std::size_t width);

// {"pipeline", "step", "type", "version", "state", "cause"?, "message"?, "seconds", "metrics",
//  "warnings", "sampled": [{"step", "input", "name", "rows", "total"}], "upstream": [{"step",
//  "state", "seconds", "metrics", "warnings"}], "outputs": [{"name", "type", "digest", "size",
//  "files", "path": null where it is not kept, "rows"?, "columns"?, "head"?: [{NAME: value}],
//  "transform"?}]}
Json StepRunJson(const PipelineSpec& spec, const std::vector<StepRunView>& runs, bool kept);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_STEP_VIEW_H_
