#include "steps/import/import.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "steps/import/sources.h"

namespace penstock {
namespace importing {

std::vector<std::string> Texts(const Json& list) {
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const Json& each : list) {
    if (each.is_string()) texts.push_back(each.get<std::string>());
  }
  return texts;
}

Result<Remote> ReadRemote(const Json& parameters) {
  Remote remote;
  remote.uri = JsonString(parameters, "uri");
  remote.shown = ShownSource(remote.uri);
  PENSTOCK_ASSIGN_OR_RETURN(remote.address, ParseSourceAddress(remote.uri));
  remote.rules = Texts(JsonMember(parameters, "sources"));
  remote.ca = JsonString(parameters, "ca");
  const Result<int64_t> bytes = ParseSize(JsonString(parameters, "max_size", "100GiB"));
  if (!bytes.ok()) return bytes.status().WithContext("with.max_size");
  remote.max_bytes = *bytes;
  const Result<Micros> stall = ParseDuration(JsonString(parameters, "stall_timeout", "60s"));
  if (!stall.ok()) return stall.status().WithContext("with.stall_timeout");
  remote.stall = std::max(*stall, Micros(1'000));
  return remote;
}

Result<Reach> CheckAllowed(const std::vector<std::string>& rules, const std::string& address) {
  const Reach reach = ReachOf(rules, address);
  if (reach != Reach::kNone) return reach;
  return PermissionDenied(
      address + " is none of the data sources of this worker (" +
          (rules.empty() ? std::string("it has none") : Join(rules, ", ")) +
          "); ask its operator to add it to dataSources, or upload the file with -p NAME=@PATH",
      "SOURCE_NOT_ALLOWED");
}

}  // namespace importing

Result<StepOutcome> RunImport(StepContext& context) {
  const Json& parameters = context.parameters();
  const std::string uri = JsonString(parameters, "uri");
  if (!IsRemoteSource(uri)) return importing::ImportFile(context);
  PENSTOCK_ASSIGN_OR_RETURN(const importing::Remote remote, importing::ReadRemote(parameters));
  if (remote.address.scheme == "s3") return importing::ImportS3(context, remote);
  if (remote.address.scheme == "postgresql") return importing::ImportPostgres(context, remote);
  return importing::ImportHttp(context, remote);
}

}  // namespace penstock
