// worker cordon|uncordon|drain NAME.

#include <iostream>
#include <memory>

#include "base/text.h"
#include "client/cli/cli.h"

namespace penstock::cli {
namespace {

int Tell(const pb::Worker& worker) {
  std::cerr << "worker " << worker.info().worker_id() << " is " << StateOf(worker);
  if (worker.running() + worker.backlog() > 0) {
    std::cerr << ", " << worker.running() + worker.backlog() << " steps are on it";
  }
  std::cerr << "\n";
  return kDone;
}

Result<int> Drain(Connection& connection, const std::string& name, const std::string& deadline) {
  pb::DrainWorkerRequest request;
  request.set_worker_id(name);
  if (!deadline.empty()) {
    const Result<Micros> length = ParseDuration(deadline);
    if (!length.ok()) return WrongUse("--deadline: " + length.status().message());
    request.mutable_deadline()->set_seconds(length->count() / 1'000'000);
    request.mutable_deadline()->set_nanos(static_cast<int32_t>(length->count() % 1'000'000 * 1000));
  }
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::Worker worker,
      connection.Call(connection.workers(), &pb::WorkerService::Stub::DrainWorker, request));
  return Tell(worker);
}

}  // namespace

std::string StateOf(const pb::Worker& worker) {
  if (!worker.connected()) return worker.cordoned() ? "gone, cordoned" : "gone";
  if (worker.draining()) return "stopping";
  if (!worker.drain()) return worker.cordoned() ? "cordoned" : "ready";
  return worker.running() + worker.backlog() > 0 ? "draining" : "drained";
}

void AddWorkerCommands(CLI::App& app, Cli& cli) {
  CLI::App* worker = app.add_subcommand("worker", "take a worker out, and put it back");
  worker->require_subcommand(1);
  auto name = std::make_shared<std::string>();

  CLI::App* cordon = worker->add_subcommand("cordon", "it takes nothing new; what it has goes on");
  cordon->add_option("name", *name, "as `get workers` shows it")->required();
  cordon->callback(cli.Command([name](Connection& connection) -> Result<int> {
    pb::CordonWorkerRequest request;
    request.set_worker_id(*name);
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::Worker answer,
        connection.Call(connection.workers(), &pb::WorkerService::Stub::CordonWorker, request));
    return Tell(answer);
  }));

  CLI::App* uncordon = worker->add_subcommand("uncordon", "it takes steps again");
  uncordon->add_option("name", *name, "as `get workers` shows it")->required();
  uncordon->callback(cli.Command([name](Connection& connection) -> Result<int> {
    pb::UncordonWorkerRequest request;
    request.set_worker_id(*name);
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::Worker answer,
        connection.Call(connection.workers(), &pb::WorkerService::Stub::UncordonWorker, request));
    return Tell(answer);
  }));

  CLI::App* drain = worker->add_subcommand(
      "drain",
      "as cordon, and what it has is placed elsewhere: at once what waits, at the deadline "
      "what runs");
  auto deadline = std::make_shared<std::string>();
  drain->add_option("name", *name, "as `get workers` shows it")->required();
  drain->add_option("--deadline", *deadline, "as in 10m; without one, what runs may end by itself")
      ->type_name("DURATION");
  drain->callback(cli.Command(
      [name, deadline](Connection& connection) { return Drain(connection, *name, *deadline); }));
}

}  // namespace penstock::cli
