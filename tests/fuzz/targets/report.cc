// What workers send: reports, sessions and heartbeats, as JSON of the API or as protobuf's bytes.
// Each comes out as a command that holds nothing beyond the limits, or is refused.

#include <google/protobuf/util/json_util.h>

#include <cmath>

#include "base/text.h"
#include "server/definition/definition.h"
#include "server/rpc/convert.h"
#include "server/rpc/library_logs.h"
#include "server/rpc/pipeline_spec.h"
#include "storage/model/limits.h"
#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {
namespace {

template <typename Message>
bool Read(std::string_view bytes, Message& message) {
  if (bytes.starts_with('{')) {
    return google::protobuf::util::JsonStringToMessage(std::string(bytes), &message).ok();
  }
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void CheckHeld(const std::vector<HeldAttempt>& held) {
  for (const HeldAttempt& each : held) {
    FUZZ_EXPECT(each.progress >= 0 && each.progress <= 1, std::to_string(each.progress));
    FUZZ_EXPECT(each.progress_note.size() <= 256, each.progress_note);
  }
}

void CheckReports(const v1::ReportStepsRequest& request) {
  const ReportStepsCommand command = ReportStepsFromProto(request);
  FUZZ_EXPECT(command.reports.size() == static_cast<std::size_t>(request.reports_size()), "");
  for (const StepReport& report : command.reports) {
    FUZZ_EXPECT(report.message.size() <= limits::kMaxErrorMessageBytes, report.message);
    FUZZ_EXPECT(IsUtf8(report.message), report.message);
    FUZZ_EXPECT(report.peak_memory >= 0 && std::isfinite(report.cpu_seconds), "");
    FUZZ_EXPECT(report.result.outputs.size() <= limits::kMaxOutputsPerStep, "");
    FUZZ_EXPECT(report.result.metrics.size() <= limits::kMaxMetricsPerReport, "");
    FUZZ_EXPECT(report.environment.size() <= limits::kMaxEnvironmentBytes, "");
    FUZZ_EXPECT(report.kind == ReportKind::kSucceeded || report.result.outputs.empty(), "");
    for (const auto& [name, value] : report.result.report_values) DumpJson(value);
    FormatTime(report.started_at);
  }
}

void CheckSession(const v1::OpenSessionRequest& request) {
  const Result<OpenSessionCommand> command = OpenSessionFromProto(request);
  if (!command.ok()) {
    ExpectRefusal(command.status());
    return;
  }
  const WorkerInfo& worker = command->worker;
  FUZZ_EXPECT(std::isfinite(worker.cpus) && worker.cpus > 0 && worker.gpus >= 0, "");
  CheckHeld(command->held);
  v1::Worker shown;
  WorkerView view;
  view.info = worker;
  ToProto(view, &shown);
  FUZZ_EXPECT(shown.info().worker_id() == request.worker().worker_id(), "");
}

// A definition that comes as a message.
void CheckSpec(const v1::PipelineSpec& spec) {
  const Result<Json> document = DefinitionFromProto(spec);
  if (!document.ok()) {
    ExpectRefusal(document.status());
    return;
  }
  const auto checked = CheckDefinitionDocument(*document, Catalog::BuiltIn());
  if (!checked.ok()) ExpectRefusal(checked.status());
}

void CheckValue(const v1::Value& value) {
  const Result<Json> json = ValueFromProto(value, "value");
  if (!json.ok()) {
    ExpectRefusal(json.status());
    return;
  }
  v1::Value again;
  ValueToProto(*json, &again);
  const Result<Json> same = ValueFromProto(again, "value");
  FUZZ_EXPECT(same.ok() && DumpJson(*same) == DumpJson(*json), DumpJson(*json));
}

}  // namespace

int FuzzReport(std::string_view bytes) {
  RouteLibraryLogs();  // as the server does before it reads anything
  bool read = false;
  if (v1::ReportStepsRequest request; Read(bytes, request)) {
    CheckReports(request);
    read = true;
  }
  if (v1::OpenSessionRequest request; Read(bytes, request)) {
    CheckSession(request);
    read = true;
  }
  if (v1::HeartbeatRequest request; Read(bytes, request)) {
    CheckHeld(HeartbeatFromProto(request).held);
    read = true;
  }
  if (v1::PipelineSpec spec; Read(bytes, spec)) {
    CheckSpec(spec);
    read = true;
  }
  if (v1::Value value; Read(bytes, value)) {
    CheckValue(value);
    read = true;
  }
  return read ? 0 : -1;
}

}  // namespace penstock::fuzz
