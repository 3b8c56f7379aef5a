#ifndef PENSTOCK_SERVER_RPC_RERUN_H_
#define PENSTOCK_SERVER_RPC_RERUN_H_

// Runs that go on from others or repeat them, and what two runs made.

#include "base/result.h"
#include "penstock/v1/runs.pb.h"
#include "server/engine/commands.h"
#include "storage/metadata/metadata_reader.h"

namespace penstock {

// The errors are those of RetryRun and RerunRun in runs.proto, as far as the request and the other
// run tell them; the engine finds the rest.
Result<SubmitRunCommand> RetryFromProto(MetadataReader& reader, const v1::RetryRunRequest& request,
                                        const Principal& principal);
Result<SubmitRunCommand> RerunFromProto(MetadataReader& reader, const v1::RerunRunRequest& request,
                                        const Principal& principal);

// As CompareRuns in runs.proto (run_compare.cc).
Status CompareRuns(MetadataReader& reader, const v1::CompareRunsRequest& request,
                   v1::CompareRunsResponse* response);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_RERUN_H_
