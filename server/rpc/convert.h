#ifndef PENSTOCK_SERVER_RPC_CONVERT_H_
#define PENSTOCK_SERVER_RPC_CONVERT_H_

// Between the API's messages and the model's records. Pure functions. What comes in is checked for
// form alone; whether it makes sense is decided behind.

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "penstock/v1/admin.pb.h"
#include "penstock/v1/artifacts.pb.h"
#include "penstock/v1/common.pb.h"
#include "penstock/v1/models.pb.h"
#include "penstock/v1/pipelines.pb.h"
#include "penstock/v1/runs.pb.h"
#include "penstock/v1/workers.pb.h"
#include "server/engine/commands.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/model/records.h"

namespace penstock {

// --- Common.

// An unset time leaves the message as it is.
google::protobuf::Timestamp TimeToProto(Time time);
Time TimeFromProto(const google::protobuf::Timestamp& time);
google::protobuf::Duration DurationToProto(Micros duration);
// Clamped to ± 10 years.
Micros DurationFromProto(const google::protobuf::Duration& duration);

// kInvalidArgument for a value without a kind, or nested deeper than limits::kMaxDefinitionDepth.
Result<Json> ValueFromProto(const v1::Value& value, const std::string& path);
void ValueToProto(const Json& json, v1::Value* value);

// kInvalidArgument with `path`: a digest that is none, an unknown type, a negative size.
Result<ArtifactRef> ArtifactRefFromProto(const v1::ArtifactRef& ref, const std::string& path);
void ToProto(const ArtifactRef& ref, v1::ArtifactRef* out);
void ToProto(const Problem& problem, v1::Problem* out);
void ProvenanceToProto(const Principal& principal, Time time, v1::Provenance* out);

// --- Pipelines and runs.

// `with_definition`: also the definition and its source.
void ToProto(const PipelineVersionRecord& version, bool with_definition, v1::Pipeline* out);
void ToProto(const RunRecord& run, v1::Run* out);
// `names`: the steps of the run by index, for depends_on.
void ToProto(const StepRecord& step, const std::vector<std::string>& names, v1::Step* out);
void ToProto(const AttemptRecord& attempt, v1::Attempt* out);
void ToProto(const RunGroup& group, v1::RunGroup* out);

// --- Artifacts, models, tokens.

void ToProto(const ArtifactRecord& artifact, v1::Artifact* out);
void ToProto(const ModelGroupRecord& group, v1::ModelGroup* out);
void ToProto(const ModelVersionRecord& version, v1::ModelVersion* out);
void ToProto(const TokenRecord& token, Time last_used, v1::Token* out);

// --- Workers.

// kFailedPrecondition (VERSION_MISMATCH) without a common protocol.
Result<OpenSessionCommand> OpenSessionFromProto(const v1::OpenSessionRequest& request);
void ToProto(const OpenSessionAnswer& answer, v1::OpenSessionResponse* out);
void ToProto(const LeaseStepsAnswer& answer, v1::LeaseStepsResponse* out);
HeartbeatCommand HeartbeatFromProto(const v1::HeartbeatRequest& request);
// A report that cannot be read, or whose result is over the limits, comes out as kFailed with the
// reason: the others of its batch are not held up.
ReportStepsCommand ReportStepsFromProto(const v1::ReportStepsRequest& request);
void ToProto(const ReportStepsAnswer& answer, v1::ReportStepsResponse* out);
void ToProto(const WorkerView& worker, v1::Worker* out);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_CONVERT_H_
