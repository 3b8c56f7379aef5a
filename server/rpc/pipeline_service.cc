#include "server/rpc/pipeline_service.h"

#include <charconv>

#include "server/definition/definition.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "server/rpc/data_roots.h"
#include "server/rpc/paging.h"
#include "server/rpc/pipeline_spec.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr char kService[] = "PipelineService";

Result<CheckedDefinition> CheckSource(const RpcDeps& deps, const v1::PipelineSource& source) {
  switch (source.source_case()) {
    case v1::PipelineSource::kText:
      return CheckDefinitionText(source.text(), *deps.catalog);
    case v1::PipelineSource::kSpec: {
      PENSTOCK_ASSIGN_OR_RETURN(const Json document, DefinitionFromProto(source.spec()));
      return CheckDefinitionDocument(document, *deps.catalog);
    }
    case v1::PipelineSource::SOURCE_NOT_SET:
      break;
  }
  return InvalidArgument("definition: give its text or its spec");
}

// The definition, or every problem of it, also of what only this server can judge.
Result<CheckedDefinition> Check(const RpcDeps& deps, const v1::PipelineSource& source) {
  PENSTOCK_ASSIGN_OR_RETURN(CheckedDefinition checked, CheckSource(deps, source));
  std::vector<Problem> problems;
  CheckDefinitionRoots(checked.spec, deps.data_roots, problems);
  if (problems.empty()) return checked;
  return InvalidArgument("the definition of \"" + checked.spec.name +
                             "\" names files that this server does not read",
                         "INVALID_DEFINITION")
      .WithProblems(std::move(problems));
}

// Messages begin with "line 12: " where the line is known.
void ProblemWithLine(const Problem& problem, v1::Problem* out) {
  ToProto(problem, out);
  constexpr std::string_view kPrefix = "line ";
  if (problem.message.rfind(kPrefix, 0) != 0) return;
  int line = 0;
  const char* begin = problem.message.data() + kPrefix.size();
  const char* end = problem.message.data() + problem.message.size();
  if (std::from_chars(begin, end, line).ec == std::errc()) out->set_line(line);
}

Status Validate(const RpcDeps& deps, const v1::ValidatePipelineRequest& request,
                v1::ValidatePipelineResponse* response) {
  const auto checked = Check(deps, request.definition());
  if (checked.ok()) {
    response->set_valid(true);
    response->set_normalized_json(checked->canonical);
    for (const Problem& warning : checked->warnings) {
      ProblemWithLine(warning, response->add_warnings());
    }
    return Status::Ok();
  }
  if (checked.status().code() != StatusCode::kInvalidArgument) return checked.status();
  for (const Problem& problem : checked.status().problems()) {
    ProblemWithLine(problem, response->add_problems());
  }
  if (response->problems().empty()) {
    ProblemWithLine({"", checked.status().message()}, response->add_problems());
  }
  return Status::Ok();
}

Status Get(const RpcDeps& deps, const v1::GetPipelineRequest& request, v1::Pipeline* response) {
  if (request.name().empty()) return InvalidArgument("name: must name a pipeline");
  if (request.version() < 0) return InvalidArgument("version: must not be negative");
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineVersionRecord pipeline,
                            reader->GetPipeline(PipelineName(request.name()), request.version()));
  ToProto(pipeline, true, response);
  return Status::Ok();
}

Status List(const RpcDeps& deps, const v1::ListPipelinesRequest& request,
            v1::ListPipelinesResponse* response) {
  const std::string filter = FilterText(request);
  PENSTOCK_ASSIGN_OR_RETURN(
      const Page page, ReadPage(request.page().page_size(), request.page().page_token(), filter));
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(
      auto pipelines,
      reader->ListPipelines(request.name_prefix(), PipelineName(page.after), page.limit + 1));
  const bool more = DropExtra(pipelines, page.limit);
  for (const PipelineVersionRecord& pipeline : pipelines) {
    ToProto(pipeline, false, response->add_pipelines());
  }
  if (more) response->set_next_page_token(MakePageToken(pipelines.back().name.value(), filter));
  return Status::Ok();
}

Status ListVersions(const RpcDeps& deps, const v1::ListPipelineVersionsRequest& request,
                    v1::ListPipelinesResponse* response) {
  if (request.name().empty()) return InvalidArgument("name: must name a pipeline");
  PENSTOCK_ASSIGN_OR_RETURN(const RowPage page, ReadRowPage(request));
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  const PipelineName name(request.name());
  PENSTOCK_ASSIGN_OR_RETURN(
      auto versions,
      reader->ListPipelineVersions(name, static_cast<int32_t>(page.before), page.limit + 1));
  if (versions.empty() && page.before == 0) {
    // None at all: says so, with the nearest name.
    PENSTOCK_RETURN_IF_ERROR(reader->GetPipeline(name, 0).status());
  }
  const bool more = DropExtra(versions, page.limit);
  for (const PipelineVersionRecord& version : versions) {
    ToProto(version, false, response->add_pipelines());
  }
  if (more) {
    response->set_next_page_token(
        MakePageToken(std::to_string(versions.back().version), page.filter));
  }
  return Status::Ok();
}

}  // namespace

grpc::ServerUnaryReactor* PipelineServiceImpl::ValidatePipeline(
    grpc::CallbackServerContext* context, const v1::ValidatePipelineRequest* request,
    v1::ValidatePipelineResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ValidatePipeline");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return Validate(deps_, *request, response); });
  return call;
}

grpc::ServerUnaryReactor* PipelineServiceImpl::RegisterPipeline(
    grpc::CallbackServerContext* context, const v1::RegisterPipelineRequest* request,
    v1::RegisterPipelineResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "RegisterPipeline");
  if (!call->admitted()) return call;
  HandOver(deps_.read_pool, *deps_.gate, call,
           [this, call, request, response] { Register(call, *request, response); });
  return call;
}

void PipelineServiceImpl::Register(UnaryCall* call, const v1::RegisterPipelineRequest& request,
                                   v1::RegisterPipelineResponse* response) {
  auto checked = Check(deps_, request.definition());
  if (!checked.ok()) {
    call->Complete(checked.status());
    return;
  }
  RegisterPipelineCommand command;
  PipelineVersionRecord& version = command.version;
  version.name = PipelineName(checked->spec.name);
  version.digest = checked->digest;
  version.definition = std::move(checked->canonical);
  version.source = request.definition().text();
  version.description = checked->spec.description;
  version.step_count = static_cast<int32_t>(checked->spec.steps.size());
  command.principal = call->caller().principal;
  for (const Problem& warning : checked->warnings) {
    ProblemWithLine(warning, response->add_warnings());
  }
  deps_.engine->RegisterPipeline(std::move(command),
                                 [call, response](Result<RegisterPipelineAnswer> answer) {
                                   if (answer.ok()) {
                                     ToProto(answer->version, true, response->mutable_pipeline());
                                     response->set_created(answer->created);
                                   }
                                   call->Complete(answer.status());
                                 });
}

grpc::ServerUnaryReactor* PipelineServiceImpl::GetPipeline(grpc::CallbackServerContext* context,
                                                           const v1::GetPipelineRequest* request,
                                                           v1::Pipeline* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "GetPipeline");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return Get(deps_, *request, response); });
  return call;
}

grpc::ServerUnaryReactor* PipelineServiceImpl::ListPipelines(
    grpc::CallbackServerContext* context, const v1::ListPipelinesRequest* request,
    v1::ListPipelinesResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListPipelines");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return List(deps_, *request, response); });
  return call;
}

grpc::ServerUnaryReactor* PipelineServiceImpl::ListPipelineVersions(
    grpc::CallbackServerContext* context, const v1::ListPipelineVersionsRequest* request,
    v1::ListPipelinesResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListPipelineVersions");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return ListVersions(deps_, *request, response); });
  return call;
}

grpc::ServerUnaryReactor* PipelineServiceImpl::DeletePipeline(
    grpc::CallbackServerContext* context, const v1::DeletePipelineRequest* request,
    v1::DeletePipelineResponse*) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "DeletePipeline");
  if (!call->admitted()) return call;
  if (request->name().empty()) {
    call->Complete(InvalidArgument("name: must name a pipeline"));
    return call;
  }
  deps_.engine->DeletePipeline({PipelineName(request->name()), call->caller().principal},
                               [call](Result<Done> done) { call->Complete(done.status()); });
  return call;
}

}  // namespace penstock
