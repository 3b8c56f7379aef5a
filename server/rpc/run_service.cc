#include "server/rpc/run_service.h"

#include "base/text.h"
#include "server/engine/engine.h"
#include "server/rpc/convert.h"
#include "server/rpc/data_roots.h"
#include "server/rpc/explain.h"
#include "server/rpc/log_stream.h"
#include "server/rpc/paging.h"
#include "server/rpc/rerun.h"
#include "server/rpc/run_watch.h"
#include "server/rpc/series.h"
#include "storage/journal/journal.h"
#include "storage/metadata/metadata_reader.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr char kService[] = "RunService";
constexpr std::size_t kMaxPageBytes = limits::kMaxMessageBytes - (1 << 20);

Result<SubmitRunCommand> SubmitFromProto(const v1::SubmitRunRequest& request,
                                         const Caller& caller) {
  SubmitRunCommand command;
  if (request.pipeline().empty()) return InvalidArgument("pipeline: must name a pipeline");
  if (request.pipeline_version() < 0) {
    return InvalidArgument("pipelineVersion: must not be negative");
  }
  if (request.idempotency_key().size() > 128) {
    return InvalidArgument("idempotencyKey: longer than 128 characters");
  }
  if (request.name().size() > 256) return InvalidArgument("name: longer than 256 characters");
  if (request.parameters_size() > limits::kMaxParameters) {
    return InvalidArgument("parameters: at most " + std::to_string(limits::kMaxParameters));
  }
  command.pipeline = PipelineName(request.pipeline());
  command.version = request.pipeline_version();
  for (const auto& [name, value] : request.parameters()) {
    const std::string path = "parameters." + TruncateUtf8(name, 80);
    if (value.ByteSizeLong() > limits::kMaxParameterBytes) {
      return InvalidArgument(path + ": larger than 64 KiB; upload it as an artifact");
    }
    PENSTOCK_ASSIGN_OR_RETURN(command.parameters[name], ValueFromProto(value, path));
  }
  command.name = request.name();
  command.tags.insert(request.tags().begin(), request.tags().end());
  command.idempotency_key = request.idempotency_key();
  command.queue = request.queue();
  if (request.has_priority()) command.priority = request.priority();
  if (request.group().size() > limits::kMaxGroupBytes) {
    return InvalidArgument("group: longer than " + std::to_string(limits::kMaxGroupBytes) +
                           " bytes");
  }
  if (request.group_max_active() < 0) {
    return InvalidArgument("groupMaxActive: must not be negative");
  }
  command.group = request.group();
  command.group_limit = request.group_max_active();
  command.no_cache = request.no_cache();
  command.no_cache_steps.assign(request.no_cache_steps().begin(), request.no_cache_steps().end());
  command.principal = caller.principal;
  return command;
}

bool MentionsFiles(const SubmitRunCommand& command) {
  for (const auto& [name, value] : command.parameters) {
    if (value.is_string() && value.get_ref<const std::string&>().rfind("file:", 0) == 0)
      return true;
  }
  return false;
}

Result<RunFilter> FilterFromProto(const v1::ListRunsRequest& request) {
  RunFilter filter;
  filter.pipeline = PipelineName(request.pipeline());
  for (const int state : request.states()) {
    if (state < v1::Run::PENDING || state > v1::Run::CANCELLED) {
      return InvalidArgument("states: " + std::to_string(state) + " is no state");
    }
    filter.states.push_back(static_cast<RunState>(state));
  }
  if (request.tags_size() > limits::kMaxTagsPerRun) {
    return InvalidArgument("tags: at most " + std::to_string(limits::kMaxTagsPerRun));
  }
  filter.tags.insert(request.tags().begin(), request.tags().end());
  if (request.has_created_after()) filter.created_after = TimeFromProto(request.created_after());
  if (request.has_created_before()) filter.created_before = TimeFromProto(request.created_before());
  return filter;
}

Status List(const RpcDeps& deps, const v1::ListRunsRequest& request,
            v1::ListRunsResponse* response) {
  PENSTOCK_ASSIGN_OR_RETURN(const RowPage page, ReadRowPage(request));
  PENSTOCK_ASSIGN_OR_RETURN(const RunFilter filter, FilterFromProto(request));
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(auto runs, reader->ListRuns(filter, page.before, page.limit + 1));
  bool more = DropExtra(runs, page.limit);
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (; count < runs.size(); ++count) {
    v1::Run* added = response->add_runs();
    ToProto(runs[count], added);
    bytes += added->ByteSizeLong();
    if (bytes <= kMaxPageBytes || count == 0) continue;
    // A page ends early rather than pass what a message holds.
    response->mutable_runs()->RemoveLast();
    more = true;
    break;
  }
  if (more) {
    response->set_next_page_token(MakePageToken(std::to_string(runs[count - 1].row), page.filter));
  }
  return Status::Ok();
}

Status Get(const RpcDeps& deps, const v1::GetRunRequest& request, v1::Run* response) {
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run, reader->FindRun(request.run_id()));
  PENSTOCK_ASSIGN_OR_RETURN(auto steps, reader->ListSteps(run.row));
  deps.engine->events().progress().Apply(run.id, steps);
  RunToProto(run, steps, response);
  return Status::Ok();
}

Status ListGroups(const RpcDeps& deps, const v1::ListRunGroupsRequest& request,
                  v1::ListRunGroupsResponse* response) {
  PENSTOCK_ASSIGN_OR_RETURN(const RowPage page, ReadRowPage(request));
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(auto groups,
                            reader->ListRunGroups(request.group(), page.before, page.limit + 1));
  const bool more = DropExtra(groups, page.limit);
  for (const RunGroup& group : groups) ToProto(group, response->add_groups());
  if (more) {
    response->set_next_page_token(
        MakePageToken(std::to_string(groups.back().first_row), page.filter));
  }
  return Status::Ok();
}

void AddExplanations(const std::vector<Explanation>& reasons, v1::ExplainStepResponse* response) {
  for (const Explanation& reason : reasons) {
    v1::Explanation* added = response->add_explanations();
    added->set_reason(reason.reason);
    added->set_message(reason.message);
  }
}

// What the records say, and what to ask the engine.
Status Explain(const RpcDeps& deps, const v1::ExplainStepRequest& request,
               v1::ExplainStepResponse* response, ExplainCommand* command) {
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run, reader->FindRun(request.run_id()));
  PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader->ListSteps(run.row));
  PENSTOCK_ASSIGN_OR_RETURN(const StepIndex index, FindStep(steps, request.step(), run));
  PENSTOCK_ASSIGN_OR_RETURN(const auto attempts, reader->ListAttempts(run.row, index));
  const StepRecord& step = steps[static_cast<std::size_t>(index)];
  std::vector<std::string> names;
  for (const StepRecord& each : steps) names.push_back(each.name);
  ToProto(step, names, response->mutable_step());
  AddExplanations(ExplainFromRecords(run, step, attempts), response);
  *command = {run.id, index};
  return Status::Ok();
}

Status Attempts(const RpcDeps& deps, const v1::ListAttemptsRequest& request,
                v1::ListAttemptsResponse* response) {
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run, reader->FindRun(request.run_id()));
  PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader->ListSteps(run.row));
  PENSTOCK_ASSIGN_OR_RETURN(const StepIndex step, FindStep(steps, request.step(), run));
  PENSTOCK_ASSIGN_OR_RETURN(const auto attempts, reader->ListAttempts(run.row, step));
  for (const AttemptRecord& attempt : attempts) ToProto(attempt, response->add_attempts());
  return Status::Ok();
}

Status Metrics(const RpcDeps& deps, const v1::ReadMetricsRequest& request,
               v1::ReadMetricsResponse* response) {
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps.readers->Borrow());
  PENSTOCK_ASSIGN_OR_RETURN(const RunRecord run, reader->FindRun(request.run_id()));
  PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader->ListSteps(run.row));
  PENSTOCK_ASSIGN_OR_RETURN(const StepIndex step, FindStep(steps, request.step(), run));
  // Asked for before the points are: of a step that has ended no more come.
  response->set_ended(IsTerminal(steps[static_cast<std::size_t>(step)].state));
  return ReadSeries(*deps.journal, run.id, step, request, response);
}

}  // namespace

grpc::ServerUnaryReactor* RunServiceImpl::SubmitRun(grpc::CallbackServerContext* context,
                                                    const v1::SubmitRunRequest* request,
                                                    v1::SubmitRunResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "SubmitRun");
  if (call->admitted()) Submit(call, *request, response);
  return call;
}

void RunServiceImpl::Submit(UnaryCall* call, const v1::SubmitRunRequest& request,
                            v1::SubmitRunResponse* response) {
  auto converted = SubmitFromProto(request, call->caller());
  if (!converted.ok()) {
    call->Complete(converted.status());
    return;
  }
  if (!MentionsFiles(*converted)) {
    Post(call, *std::move(converted), response);
    return;
  }
  // Whether a text is the address of data depends on the pipeline's parameters: read them first.
  auto task = [this, call, response, command = *std::move(converted)] {
    const Status status = CheckSubmission(command);
    if (status.ok()) {
      Post(call, command, response);
    } else {
      call->Complete(status);
    }
  };
  HandOver(deps_.read_pool, *deps_.gate, call, std::move(task));
}

void RunServiceImpl::Post(UnaryCall* call, SubmitRunCommand command,
                          v1::SubmitRunResponse* response) {
  deps_.engine->SubmitRun(std::move(command), [call, response](Result<SubmitRunAnswer> answer) {
    if (answer.ok()) {
      ToProto(answer->run, response->mutable_run());
      response->set_created(answer->created);
      for (const Problem& warning : answer->warnings) ToProto(warning, response->add_warnings());
    }
    call->Complete(answer.status());
  });
}

Status RunServiceImpl::CheckSubmission(const SubmitRunCommand& command) {
  PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
  int32_t version = command.version;
  if (version == 0) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto newest, reader->GetPipeline(command.pipeline, 0));
    version = newest.version;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const auto spec,
                            specs_.Get(*reader.operator->(), command.pipeline, version));
  return CheckDataRoots(*spec, command.parameters, deps_.data_roots);
}

grpc::ServerUnaryReactor* RunServiceImpl::GetRun(grpc::CallbackServerContext* context,
                                                 const v1::GetRunRequest* request,
                                                 v1::Run* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "GetRun");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return Get(deps_, *request, response); });
  return call;
}

grpc::ServerUnaryReactor* RunServiceImpl::ListRuns(grpc::CallbackServerContext* context,
                                                   const v1::ListRunsRequest* request,
                                                   v1::ListRunsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListRuns");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return List(deps_, *request, response); });
  return call;
}

grpc::ServerWriteReactor<v1::WatchRunResponse>* RunServiceImpl::WatchRun(
    grpc::CallbackServerContext* context, const v1::WatchRunRequest* request) {
  auto* stream = new RunWatch({*deps_.gate, streams_, deps_.read_pool}, *context, deps_,
                              request->run_id());
  stream->Wake();
  return stream;
}

grpc::ServerUnaryReactor* RunServiceImpl::CancelRun(grpc::CallbackServerContext* context,
                                                    const v1::CancelRunRequest* request,
                                                    v1::CancelRunResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "CancelRun");
  if (!call->admitted()) return call;
  if (request->comment().size() > limits::kMaxCommentBytes) {
    call->Complete(InvalidArgument("comment: longer than 4 KiB"));
    return call;
  }
  // On the pool: the id may be a prefix, which only a reader can complete.
  auto task = [this, call, request, response] {
    auto run = [&]() -> Result<RunRecord> {
      PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
      return reader->FindRun(request->run_id());
    }();
    if (!run.ok()) {
      call->Complete(run.status());
      return;
    }
    deps_.engine->CancelRun(
        {run->id, call->caller().principal, request->comment(), request->now()},
                            [call, response](Result<RunRecord> cancelled) {
                              if (cancelled.ok()) ToProto(*cancelled, response->mutable_run());
                              call->Complete(cancelled.status());
                            });
  };
  HandOver(deps_.read_pool, *deps_.gate, call, std::move(task));
  return call;
}

// `convert` makes the command from the request and the records.
template <typename Convert>
void RunServiceImpl::SubmitConverted(UnaryCall* call, v1::SubmitRunResponse* response,
                                     Convert convert) {
  auto task = [this, call, response, convert] {
    Result<SubmitRunCommand> command = [&]() -> Result<SubmitRunCommand> {
      PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
      return convert(*reader.operator->());
    }();
    Status status = command.status();
    if (status.ok() && MentionsFiles(*command)) status = CheckSubmission(*command);
    if (status.ok()) {
      Post(call, *std::move(command), response);
    } else {
      call->Complete(status);
    }
  };
  HandOver(deps_.read_pool, *deps_.gate, call, std::move(task));
}

grpc::ServerUnaryReactor* RunServiceImpl::RetryRun(grpc::CallbackServerContext* context,
                                                   const v1::RetryRunRequest* request,
                                                   v1::SubmitRunResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "RetryRun");
  if (!call->admitted()) return call;
  SubmitConverted(call, response, [call, request](MetadataReader& reader) {
    return RetryFromProto(reader, *request, call->caller().principal);
  });
  return call;
}

grpc::ServerUnaryReactor* RunServiceImpl::RerunRun(grpc::CallbackServerContext* context,
                                                   const v1::RerunRunRequest* request,
                                                   v1::SubmitRunResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "RerunRun");
  if (!call->admitted()) return call;
  SubmitConverted(call, response, [call, request](MetadataReader& reader) {
    return RerunFromProto(reader, *request, call->caller().principal);
  });
  return call;
}

grpc::ServerUnaryReactor* RunServiceImpl::CompareRuns(grpc::CallbackServerContext* context,
                                                      const v1::CompareRunsRequest* request,
                                                      v1::CompareRunsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "CompareRuns");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call, [this, request, response]() -> Status {
    PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
    return penstock::CompareRuns(*reader.operator->(), *request, response);
  });
  return call;
}

grpc::ServerUnaryReactor* RunServiceImpl::ListRunGroups(grpc::CallbackServerContext* context,
                                                        const v1::ListRunGroupsRequest* request,
                                                        v1::ListRunGroupsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListRunGroups");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return ListGroups(deps_, *request, response); });
  return call;
}

grpc::ServerUnaryReactor* RunServiceImpl::ExplainStep(grpc::CallbackServerContext* context,
                                                      const v1::ExplainStepRequest* request,
                                                      v1::ExplainStepResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ExplainStep");
  if (!call->admitted()) return call;
  auto task = [this, call, request, response] {
    ExplainCommand command;
    const Status status = Explain(deps_, *request, response, &command);
    if (!status.ok()) {
      call->Complete(status);
      return;
    }
    deps_.engine->ExplainStep(
        command, [call, response](Result<std::vector<Explanation>> reasons) {
          if (reasons.ok()) AddExplanations(*reasons, response);
          call->Complete(reasons.status());
        });
  };
  HandOver(deps_.read_pool, *deps_.gate, call, std::move(task));
  return call;
}

grpc::ServerUnaryReactor* RunServiceImpl::DecideApproval(grpc::CallbackServerContext* context,
                                                         const v1::DecideApprovalRequest* request,
                                                         v1::DecideApprovalResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "DecideApproval");
  if (!call->admitted()) return call;
  if (request->comment().size() > limits::kMaxCommentBytes) {
    call->Complete(InvalidArgument("comment: longer than 4 KiB"));
    return call;
  }
  // On the pool: the id may be a prefix, which only a reader can complete.
  auto task = [this, call, request, response] {
    auto run = [&]() -> Result<RunRecord> {
      PENSTOCK_ASSIGN_OR_RETURN(auto reader, deps_.readers->Borrow());
      PENSTOCK_ASSIGN_OR_RETURN(RunRecord found, reader->FindRun(request->run_id()));
      PENSTOCK_ASSIGN_OR_RETURN(const auto steps, reader->ListSteps(found.row));
      PENSTOCK_RETURN_IF_ERROR(FindStep(steps, request->step(), found).status());
      return found;
    }();
    if (!run.ok()) {
      call->Complete(run.status());
      return;
    }
    deps_.engine->DecideApproval({run->id, request->step(), request->approve(), request->comment(),
                                  call->caller().principal},
                                 [call, response](Result<StepRecord> decided) {
                                   if (decided.ok()) {
                                     ToProto(*decided, {}, response->mutable_step());
                                   }
                                   call->Complete(decided.status());
                                 });
  };
  HandOver(deps_.read_pool, *deps_.gate, call, std::move(task));
  return call;
}

grpc::ServerUnaryReactor* RunServiceImpl::ListAttempts(grpc::CallbackServerContext* context,
                                                       const v1::ListAttemptsRequest* request,
                                                       v1::ListAttemptsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListAttempts");
  if (!call->admitted()) return call;
  CompleteOn(deps_.read_pool, *deps_.gate, call,
             [this, request, response] { return Attempts(deps_, *request, response); });
  return call;
}

grpc::ServerWriteReactor<v1::ReadLogsResponse>* RunServiceImpl::ReadLogs(
    grpc::CallbackServerContext* context, const v1::ReadLogsRequest* request) {
  auto* stream =
      new LogStream({*deps_.gate, streams_, deps_.io_pool}, *context, deps_, logs_, *request);
  stream->Wake();
  return stream;
}

grpc::ServerUnaryReactor* RunServiceImpl::ReadMetrics(grpc::CallbackServerContext* context,
                                                      const v1::ReadMetricsRequest* request,
                                                      v1::ReadMetricsResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ReadMetrics");
  if (!call->admitted()) return call;
  CompleteOn(deps_.io_pool, *deps_.gate, call,
             [this, request, response] { return Metrics(deps_, *request, response); });
  return call;
}

}  // namespace penstock
