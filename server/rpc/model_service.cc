#include "server/rpc/model_service.h"

#include "base/text.h"
#include "server/core/model_address.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "server/rpc/paging.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr char kService[] = "ModelService";

Status ListGroups(const RpcDeps& deps, const v1::ListModelGroupsRequest& request,
                  v1::ListModelGroupsResponse* response) {
  const std::string filter = FilterText(request);
  PENSTOCK_ASSIGN_OR_RETURN(
      const Page page, ReadPage(request.page().page_size(), request.page().page_token(), filter));
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(auto groups,
                            reader->ListModelGroups(GroupName(page.after), page.limit + 1));
  const bool more = DropExtra(groups, page.limit);
  for (const ModelGroupRecord& group : groups) ToProto(group, response->add_groups());
  if (more) response->set_next_page_token(MakePageToken(groups.back().name.value(), filter));
  return Status::Ok();
}

Status ListVersions(const RpcDeps& deps, const v1::ListModelVersionsRequest& request,
                    v1::ListModelVersionsResponse* response) {
  PENSTOCK_ASSIGN_OR_RETURN(const RowPage page, ReadRowPage(request));
  std::vector<ModelStatus> statuses;
  for (const int status : request.statuses()) {
    if (status < v1::ModelVersion::PendingManualApproval || status > v1::ModelVersion::Rejected) {
      return InvalidArgument("statuses: " + std::to_string(status) + " is no status");
    }
    statuses.push_back(static_cast<ModelStatus>(status));
  }
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  std::vector<int64_t> rows;
  PENSTOCK_ASSIGN_OR_RETURN(
      auto versions, reader->ListModelVersions(GroupName(request.group()), statuses, page.before,
                                               page.limit + 1, &rows));
  const bool more = DropExtra(versions, page.limit);
  for (const ModelVersionRecord& version : versions) ToProto(version, response->add_versions());
  if (more) {
    const int64_t last = rows[versions.size() - 1];
    response->set_next_page_token(MakePageToken(std::to_string(last), page.filter));
  }
  return Status::Ok();
}

Status Get(const RpcDeps& deps, const v1::GetModelVersionRequest& request,
           v1::ModelVersion* response) {
  if (request.group().empty()) return InvalidArgument("group: must name a model group");
  if (request.version() < 0) return InvalidArgument("version: must not be negative");
  if (request.version() > 0 && !request.alias().empty()) {
    return InvalidArgument("alias: give either an alias or a version");
  }
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  const GroupName group(request.group());
  int32_t number = request.version();
  if (!request.alias().empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto alias, reader->FindModelAlias(group, request.alias()));
    if (!alias) {
      return NotFound("model group \"" + request.group() + "\" has no alias \"" +
                          TruncateUtf8(request.alias(), 80) +
                          "\"; `penstock get models` lists what there is",
                      "MODEL_NOT_FOUND");
    }
    number = alias->version;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const ModelVersionRecord version,
                            reader->GetModelVersion(group, number));
  ToProto(version, response);
  return Status::Ok();
}

Result<RegisterModelCommand> RegisterFromProto(const v1::RegisterModelVersionRequest& request,
                                               const Caller& caller) {
  RegisterModelCommand command;
  if (!IsName(request.group())) {
    return InvalidArgument("group: \"" + TruncateUtf8(request.group(), 80) +
                           "\" is no name; use 1 to 64 of a-z 0-9 - _");
  }
  command.group = GroupName(request.group());
  auto model = ParseDigest(request.model_digest());
  if (!model.ok()) return model.status().WithContext("modelDigest");
  command.model = *std::move(model);
  if (!request.report_digest().empty()) {
    auto report = ParseDigest(request.report_digest());
    if (!report.ok()) return report.status().WithContext("reportDigest");
    command.report = *std::move(report);
  }
  if (request.status() != v1::ModelVersion::STATUS_UNSPECIFIED) {
    if (!v1::ModelVersion::Status_IsValid(request.status())) {
      return InvalidArgument("status: " + std::to_string(request.status()) + " is no status");
    }
    command.status = static_cast<ModelStatus>(request.status());
  }
  if (request.description().size() > limits::kMaxCommentBytes) {
    return InvalidArgument("description: longer than 4 KiB");
  }
  command.description = request.description();
  command.principal = caller.principal;
  return command;
}

// Completes a call with what the engine says of a model version.
Callback<ModelVersionRecord> Answer(UnaryCall* call, v1::ModelVersion* response) {
  return [call, response](Result<ModelVersionRecord> version) {
    if (version.ok()) ToProto(*version, response);
    call->Complete(version.status());
  };
}

}  // namespace

grpc::ServerUnaryReactor* ModelServiceImpl::ListModelGroups(
    grpc::CallbackServerContext* context, const v1::ListModelGroupsRequest* request,
    v1::ListModelGroupsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListModelGroups");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return ListGroups(deps_, *request, response); });
  return call;
}

grpc::ServerUnaryReactor* ModelServiceImpl::ListModelVersions(
    grpc::CallbackServerContext* context, const v1::ListModelVersionsRequest* request,
    v1::ListModelVersionsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListModelVersions");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return ListVersions(deps_, *request, response); });
  return call;
}

grpc::ServerUnaryReactor* ModelServiceImpl::GetModelVersion(
    grpc::CallbackServerContext* context, const v1::GetModelVersionRequest* request,
    v1::ModelVersion* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "GetModelVersion");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return Get(deps_, *request, response); });
  return call;
}

grpc::ServerUnaryReactor* ModelServiceImpl::RegisterModelVersion(
    grpc::CallbackServerContext* context, const v1::RegisterModelVersionRequest* request,
    v1::ModelVersion* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "RegisterModelVersion");
  if (!call->admitted()) return call;
  auto command = RegisterFromProto(*request, call->caller());
  if (!command.ok()) {
    call->Complete(command.status());
    return call;
  }
  deps_.engine->RegisterModel(*std::move(command), Answer(call, response));
  return call;
}

grpc::ServerUnaryReactor* ModelServiceImpl::ApproveModelVersion(
    grpc::CallbackServerContext* context, const v1::DecideModelVersionRequest* request,
    v1::ModelVersion* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ApproveModelVersion");
  return call->admitted() ? Decide(call, *request, ModelStatus::kApproved, response) : call;
}

grpc::ServerUnaryReactor* ModelServiceImpl::RejectModelVersion(
    grpc::CallbackServerContext* context, const v1::DecideModelVersionRequest* request,
    v1::ModelVersion* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "RejectModelVersion");
  return call->admitted() ? Decide(call, *request, ModelStatus::kRejected, response) : call;
}

grpc::ServerUnaryReactor* ModelServiceImpl::PromoteModelVersion(
    grpc::CallbackServerContext* context, const v1::PromoteModelVersionRequest* request,
    v1::ModelVersion* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "PromoteModelVersion");
  if (!call->admitted()) return call;
  Status problem;
  if (request->group().empty()) problem = InvalidArgument("group: must name a model group");
  if (request->version() <= 0) problem = InvalidArgument("version: must be 1 or more");
  if (request->expected_version() < 0) {
    problem = InvalidArgument("expectedVersion: must not be negative");
  }
  if (!IsAlias(request->alias())) {
    problem = InvalidArgument("alias: \"" + TruncateUtf8(request->alias(), 80) +
                              "\" is no alias; use 1 to 64 of a-z 0-9 - _, first and last a letter "
                              "or digit, and no number");
  }
  if (!problem.ok()) {
    call->Complete(problem);
    return call;
  }
  PromoteModelCommand command{.group = GroupName(request->group()),
                              .version = request->version(),
                              .alias = request->alias(),
                              .principal = call->caller().principal};
  if (request->has_expected_version()) command.expected = request->expected_version();
  deps_.engine->PromoteModel(std::move(command), Answer(call, response));
  return call;
}

grpc::ServerUnaryReactor* ModelServiceImpl::Decide(UnaryCall* call,
                                                   const v1::DecideModelVersionRequest& request,
                                                   ModelStatus status, v1::ModelVersion* response) {
  Status problem;
  if (request.group().empty()) problem = InvalidArgument("group: must name a model group");
  if (request.version() <= 0) problem = InvalidArgument("version: must be 1 or more");
  if (request.comment().size() > limits::kMaxCommentBytes) {
    problem = InvalidArgument("comment: longer than 4 KiB");
  }
  if (!problem.ok()) {
    call->Complete(problem);
    return call;
  }
  deps_.engine->DecideModel({GroupName(request.group()), request.version(), status,
                             request.comment(), call->caller().principal},
                            Answer(call, response));
  return call;
}

}  // namespace penstock
