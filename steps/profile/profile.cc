#include "steps/profile/profile.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "steps/process/read_spec.h"
#include "steps/profile/gather.h"
#include "steps/profile/page.h"
#include "steps/profile/report.h"
#include "steps/table/read_frame.h"

namespace penstock {
namespace {

// Half of the step's memory is the frame's; a quarter is for what is counted and sorted.
constexpr int64_t kLeastBudget = 64 << 20;
constexpr int64_t kUsualBudget = 1 << 30;

int64_t WorkBudget(int64_t memory) {
  return memory == 0 ? kUsualBudget : std::max(memory / 4, kLeastBudget);
}

// Weights are numbers, and ids texts (a long number must keep its digits).
ReadOptions WithRoleKinds(ReadOptions read, const Roles& roles) {
  read.kinds.push_back({roles.weight, ColumnKind::kNumeric});
  for (const std::string& name : roles.id) read.kinds.push_back({name, ColumnKind::kId});
  return read;
}

std::string NameOf(const std::vector<DataSource>& sources) {
  return sources.front().display_name +
         (sources.size() > 1 ? " and " + std::to_string(sources.size() - 1) + " more" : "");
}

}  // namespace

Result<StepOutcome> RunProfile(StepContext& context) {
  const Json& parameters = context.parameters();
  std::vector<DataSource> sources;
  for (const InputArtifact& input : context.inputs("data")) {
    sources.push_back({input.path, input.display_name});
  }
  if (sources.empty()) return InvalidArgument("input data is not bound");
  Roles roles = RolesFromJson(JsonMember(parameters, "roles"));
  PENSTOCK_ASSIGN_OR_RETURN(const ReadOptions read,
                            ReadOptionsFromJson(JsonMember(parameters, "read")));
  FrameOptions frame_options;
  frame_options.table = {context.threads(), context.memory_bytes() / 2,
                         [&context] { return context.cancelled(); }};
  frame_options.memory_bytes = context.memory_bytes() / 2;
  frame_options.scratch = context.scratch_dir();
  context.SetProgress(0, "reading");
  PENSTOCK_ASSIGN_OR_RETURN(const RawFrame raw,
                            ReadFrame(sources, WithRoleKinds(read, roles), {}, {}, frame_options));
  if (roles == Roles() && raw.dataset) roles = raw.dataset->roles;
  context.Log("read " + NameOf(sources) + ": " + std::to_string(raw.frame.rows()) + " rows, " +
              std::to_string(raw.frame.columns().size()) + " columns");

  ProfileOptions options;
  options.max_bins = static_cast<int>(JsonInt(parameters, "max_bins", options.max_bins));
  options.top = static_cast<int>(JsonInt(parameters, "top", options.top));
  options.sample = JsonInt(parameters, "sample", options.sample);
  options.budget = WorkBudget(context.memory_bytes());
  options.progress = [&](double fraction, std::string_view note) {
    context.SetProgress(0.3 + 0.6 * fraction, note);
  };
  Result<Profile> made = MakeProfile(raw.frame, roles, options);
  if (made.status().code() == StatusCode::kInvalidArgument) {
    return made.status().WithContext(NameOf(sources));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const Profile profile, std::move(made));
  for (const Hint& hint : profile.hints) {
    context.Log("warning: " + hint.hint + ": " + hint.message);
  }

  context.SetProgress(0.9, "writing");
  StepOutcome outcome;
  outcome.report = ProfileReport(profile);
  const std::filesystem::path folder = context.output_dir() / "report";
  const std::filesystem::path page = context.output_dir() / "profile.html";
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
  PENSTOCK_RETURN_IF_ERROR(
      WriteFileAtomic(folder / "report.json", DumpJsonPretty(outcome.report) + "\n"));
  PENSTOCK_RETURN_IF_ERROR(WriteFileAtomic(page, ProfilePage(profile)));
  outcome.outputs = {{"report", folder, ArtifactType::kReport},
                     {"page", page, ArtifactType::kFile}};
  const auto cells =
      static_cast<double>(profile.rows) * static_cast<double>(profile.columns.size());
  outcome.metrics = {{"rows", static_cast<double>(profile.rows)},
                     {"columns", static_cast<double>(profile.columns.size())},
                     {"missing_cells", static_cast<double>(profile.missing_cells) / cells},
                     {"duplicate_rows", static_cast<double>(profile.duplicate_rows)},
                     {"warnings", static_cast<double>(profile.hints.size())}};
  context.SetProgress(1, "done");
  return outcome;
}

}  // namespace penstock
