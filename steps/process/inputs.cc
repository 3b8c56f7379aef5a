#include "steps/process/inputs.h"

#include "steps/table/dataset.h"

namespace penstock {

ProcessInputs::ProcessInputs(StepContext& context) : context_(context) {
  options_.table = {context.threads(), context.memory_bytes() / 2,
                    [&context] { return context.cancelled(); }};
  options_.table.scratch = context.scratch_dir();
  options_.memory_bytes = context.memory_bytes() / 3;
  options_.scratch = context.scratch_dir();
  budget_ = context.memory_bytes() / 4;
}

Result<RawFrame> ProcessInputs::Read(const ReadOptions& read,
                                     const std::vector<std::string>& wanted,
                                     const std::vector<std::string>& optional) const {
  std::vector<DataSource> sources;
  for (const InputArtifact& input : context_.inputs("data")) {
    sources.push_back({input.path, input.display_name});
  }
  return ReadFrame(sources, read, wanted, optional, options_);
}

Result<bool> ProcessInputs::WentThrough(const std::string& transform_digest) const {
  bool any = false;
  bool first = true;
  for (const InputArtifact& data : context_.inputs("data")) {
    bool done = false;
    if (IsDataset(data.path)) {
      PENSTOCK_ASSIGN_OR_RETURN(const DatasetInfo info,
                                ReadDatasetInfo(data.path, data.display_name));
      done = !info.transform_digest.empty();
      if (done && info.transform_digest != transform_digest) {
        return InvalidArgument(data.display_name +
                               ": the dataset went through another transform than the one given; "
                               "give the raw data");
      }
    }
    if (!first && done != any) {
      return InvalidArgument(data.display_name + ": raw and transformed data cannot be joined");
    }
    any = done;
    first = false;
  }
  return any;
}

}  // namespace penstock
