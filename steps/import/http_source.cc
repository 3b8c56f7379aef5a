// http:// and https:// addresses: one file.

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "steps/import/fetch.h"
#include "steps/import/sources.h"

namespace penstock::importing {
namespace {

// Of a file that is compressed, what is sent is what is kept, however the server calls that.
bool IsCompressedName(const std::string& path) {
  constexpr std::array<std::string_view, 5> kEnds = {".gz", ".gzip", ".tgz", ".zst", ".zstd"};
  return std::any_of(kEnds.begin(), kEnds.end(),
                     [&](std::string_view end) { return path.ends_with(end); });
}

}  // namespace

Result<StepOutcome> ImportHttp(StepContext& context, const Remote& remote) {
  FetchTarget target;
  PENSTOCK_ASSIGN_OR_RETURN(target.reach, CheckAllowed(remote.rules, remote.shown));
  target.url = remote.uri;
  target.shown = remote.shown;
  target.decode = !IsCompressedName(remote.address.path);
  for (const auto& [name, value] : JsonMember(context.parameters(), "headers").items()) {
    if (value.is_string()) target.headers.emplace_back(name, value.get<std::string>());
  }
  Transfers transfers(context, remote);
  const std::filesystem::path output = context.output_dir() / "data";
  PENSTOCK_RETURN_IF_ERROR(Fetcher(transfers).ToFile(target, output));
  context.Log("imported " + remote.shown + ": " + FormatSize(transfers.bytes()));
  StepOutcome outcome;
  outcome.outputs.push_back({"data", output, ArtifactType::kFile});
  outcome.metrics["files"] = 1;
  outcome.metrics["bytes"] = static_cast<double>(transfers.bytes());
  return outcome;
}

}  // namespace penstock::importing
