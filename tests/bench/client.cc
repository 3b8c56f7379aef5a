#include "tests/bench/client.h"

#include <atomic>
#include <cstdlib>
#include <iostream>

#include "storage/model/limits.h"

namespace penstock::bench {
namespace {

void Check(const grpc::Status& status) {
  if (!status.ok()) Die("error: " + status.error_message());
}

}  // namespace

void Die(const std::string& message) {
  std::cerr << message << "\n";
  std::exit(1);
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  static std::atomic<int> number{0};
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(limits::kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt("penstock.channel", ++number);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

Client::Client(const std::string& address)
    : channel_(Connect(address)),
      pipelines_(v1::PipelineService::NewStub(channel_)),
      runs_(v1::RunService::NewStub(channel_)) {}

void Client::Register(const std::string& text) {
  grpc::ClientContext context;
  v1::RegisterPipelineRequest request;
  request.mutable_definition()->set_text(text);
  v1::RegisterPipelineResponse response;
  Check(pipelines_->RegisterPipeline(&context, request, &response));
}

std::string Client::Submit(const std::string& pipeline,
                           const std::map<std::string, std::string>& parameters) {
  v1::SubmitRunRequest request;
  request.set_pipeline(pipeline);
  request.set_no_cache(true);
  for (const auto& [name, value] : parameters) {
    (*request.mutable_parameters())[name].set_text(value);
  }
  v1::SubmitRunResponse response;
  grpc::ClientContext context;
  Check(runs_->SubmitRun(&context, request, &response));
  return response.run().run_id();
}

v1::Run Client::WatchToEnd(const std::string& run) {
  grpc::ClientContext context;
  v1::WatchRunRequest watch;
  watch.set_run_id(run);
  const auto reader = runs_->WatchRun(&context, watch);
  v1::WatchRunResponse update;
  v1::Run last;
  while (reader->Read(&update)) last = update.run();
  Check(reader->Finish());
  return last;
}

v1::Run Client::RunToEnd(const std::string& pipeline,
                         const std::map<std::string, std::string>& parameters) {
  v1::Run last = WatchToEnd(Submit(pipeline, parameters));
  if (last.state() != v1::Run::SUCCEEDED) {
    Die("run ended as " + v1::Run::State_Name(last.state()) + ": " + last.message());
  }
  return last;
}

v1::Run Client::Get(const std::string& run) {
  grpc::ClientContext context;
  v1::GetRunRequest request;
  request.set_run_id(run);
  v1::Run found;
  Check(runs_->GetRun(&context, request, &found));
  return found;
}

v1::ListRunsResponse Client::List(const v1::ListRunsRequest& request) {
  grpc::ClientContext context;
  v1::ListRunsResponse response;
  Check(runs_->ListRuns(&context, request, &response));
  return response;
}

void Client::Cancel(const std::string& run) {
  grpc::ClientContext context;
  v1::CancelRunRequest request;
  request.set_run_id(run);
  v1::CancelRunResponse response;
  Check(runs_->CancelRun(&context, request, &response));
}

double Millis(const google::protobuf::Timestamp& from, const google::protobuf::Timestamp& to) {
  return static_cast<double>(to.seconds() - from.seconds()) * 1e3 +
         static_cast<double>(to.nanos() - from.nanos()) / 1e6;
}

std::string Chain(const std::string& name, int length) {
  std::string text = "name: " + name + "\nsteps:\n- {name: s0, type: noop}\n";
  for (int i = 1; i < length; ++i) {
    text += "- {name: s" + std::to_string(i) + ", type: noop, dependsOn: [s" +
            std::to_string(i - 1) + "]}\n";
  }
  return text;
}

std::string Fan(const std::string& name, int width) {
  std::string text = "name: " + name + "\nsteps:\n";
  for (int i = 0; i < width; ++i) text += "- {name: s" + std::to_string(i) + ", type: noop}\n";
  return text;
}

std::string Map(const std::string& name, int items) {
  return "name: " + name +
         "\nsteps:\n- name: items\n  type: map\n  over: {range: " + std::to_string(items) +
         "}\n  steps: [{name: work, type: noop}]\n";
}

}  // namespace penstock::bench
