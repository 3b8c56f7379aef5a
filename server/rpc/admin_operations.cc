// Backups, checks and collection: AdminService's calls that take long.

#include <algorithm>

#include "base/log.h"
#include "server/ops/operations.h"
#include "server/rpc/admin_service.h"

namespace penstock {
namespace {

constexpr char kService[] = "AdminService";
constexpr std::size_t kMissingShown = 100;

void ToProto(const BackupReport& report, v1::BackupResponse* response) {
  response->set_snapshot(report.snapshot.string());
  response->set_blobs(report.blobs);
  response->set_new_blobs(report.new_blobs);
  response->set_new_bytes(report.new_bytes);
  response->set_journals(report.journals);
  for (std::size_t i = 0; i < report.missing.size() && i < kMissingShown; ++i) {
    response->add_missing(report.missing[i]);
  }
  response->set_missing_count(static_cast<int64_t>(report.missing.size()));
  response->set_removed_snapshots(report.removed_snapshots);
}

void ToProto(const CheckReport& report, v1::CheckResponse* response) {
  for (const Finding& finding : report.findings) {
    v1::CheckResponse::Finding* each = response->add_findings();
    each->set_check(finding.check);
    each->set_message(finding.message);
  }
  response->set_artifacts(report.artifacts);
  response->set_blobs(report.blobs);
  response->set_bytes_read(report.bytes_read);
}

void ToProto(const CollectReport& report, v1::CollectResponse* response) {
  response->set_runs(report.rows.runs);
  for (const RunId& run : report.rows.shown) response->add_run_ids(run.value());
  response->set_artifacts(report.rows.artifacts);
  response->set_artifact_bytes(report.rows.artifact_bytes);
  response->set_blobs(report.bytes.blobs);
  response->set_blob_bytes(report.bytes.bytes);
  response->set_journals(report.bytes.journals);
}

// Completes the call with the report.
template <typename Response>
auto Answer(UnaryCall* call, Response* response) {
  return [call, response](const auto& report) {
    if (report.ok()) ToProto(*report, response);
    call->Complete(report.status());
  };
}

}  // namespace

grpc::ServerUnaryReactor* AdminServiceImpl::Backup(grpc::CallbackServerContext* context,
                                                   const v1::BackupRequest* request,
                                                   v1::BackupResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "Backup");
  if (!call->admitted()) return call;
  if (request->directory().empty() || request->keep() < 0) {
    call->Complete(request->keep() < 0
                       ? InvalidArgument("keep: must not be negative")
                       : InvalidArgument("directory: must name a folder of the coordinator's"));
    return call;
  }
  LOG_INFO("backup asked for directory={} by={}", request->directory(), call->caller().principal);
  deps_.operations->Backup({.directory = request->directory(), .keep = request->keep()},
                           Answer(call, response));
  return call;
}

grpc::ServerUnaryReactor* AdminServiceImpl::Check(grpc::CallbackServerContext* context,
                                                  const v1::CheckRequest* request,
                                                  v1::CheckResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "Check");
  if (!call->admitted()) return call;
  deps_.operations->Check({.verify = request->verify()}, Answer(call, response));
  return call;
}

grpc::ServerUnaryReactor* AdminServiceImpl::Collect(grpc::CallbackServerContext* context,
                                                    const v1::CollectRequest* request,
                                                    v1::CollectResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "Collect");
  if (!call->admitted()) return call;
  if (!request->dry_run()) LOG_INFO("collection asked for by={}", call->caller().principal);
  deps_.operations->Collect(request->dry_run(), Answer(call, response));
  return call;
}

}  // namespace penstock
