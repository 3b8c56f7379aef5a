#ifndef PENSTOCK_TESTS_SUPPORT_CLUSTER_H_
#define PENSTOCK_TESTS_SUPPORT_CLUSTER_H_

// Real daemons for tests: a coordinator and workers in a folder of their own, on free ports of the
// loopback interface, with the command line client to talk to them. Everything that was started is
// ended, by pid, with the object. The programs are those of $PENSTOCK_BIN_DIR.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/subprocess.h"

namespace penstock {

// What a program printed and how it ended.
struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

// Looks every 10 ms until `condition` holds; false when `patience` has passed.
bool Eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = std::chrono::seconds(30));

// The folder with the real data; empty where there is none. With CI=true its absence is a failure.
std::filesystem::path SharedData();

class Cluster {
 public:
  // `host`: the loopback address on which the coordinator serves. One of its own keeps its ports
  // from being taken by another cluster while it is down.
  explicit Cluster(const std::string& host = "127.0.0.1");
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Start fails the test where the daemon does not come up. The coordinator keeps its ports when it
  // is started again.
  void StartCoordinator(const std::vector<std::string>& more = {});
  void StartWorker(const std::string& name, const std::vector<std::string>& more = {});
  // False where it has ended (a crash point), maybe before it was ready.
  bool TryCoordinator(const std::vector<std::string>& more = {});
  // Do not wait for readiness.
  pid_t LaunchCoordinator(const std::vector<std::string>& more);
  pid_t LaunchWorker(const std::string& name, const std::vector<std::string>& more = {});

  // "coordinator" or a worker's name.
  void Signal(const std::string& daemon, int signal);
  // SIGKILL, and waits for the process to be gone.
  void Kill(const std::string& daemon);
  // SIGTERM, and waits; the exit code.
  int Stop(const std::string& daemon);
  bool Running(const std::string& daemon);

  // Runs `penstock` with the coordinator's address.
  Ran Client(const std::vector<std::string>& arguments,
             const std::map<std::string, std::string>& environment = {});
  // Submits with `run -f`; the run's id. Fails the test where that is refused.
  std::string Submit(const std::string& file, const std::vector<std::string>& more = {});
  // The run as JSON; null while the coordinator does not answer.
  Json Run(const std::string& id);
  // Waits until the run has ended; its state ("SUCCEEDED" …), or "" when patience ran out.
  std::string Wait(const std::string& id, std::chrono::seconds patience = std::chrono::seconds(60));
  // One step of a run.
  static Json Step(const Json& run, const std::string& name);

  // Writes a file into the cluster's folder and returns its path.
  std::string Write(const std::string& name, const std::string& text);
  std::filesystem::path folder() const { return folder_.path(); }
  std::filesystem::path data_dir() const { return folder_.path() / "coordinator"; }
  const std::string& grpc() const { return grpc_; }
  const std::string& http() const { return http_; }

  // What must hold once the daemons have stopped and every run has ended (invariants.h). Of
  // `acknowledged` runs each is there.
  void CheckInvariants(const std::vector<std::string>& acknowledged = {});
  // A counter or gauge of the coordinator, by its whole name with labels; -1 where there is none.
  double Metric(const std::string& name);
  // How many versions a group has; -1 where the coordinator cannot be reached.
  int ModelVersions(const std::string& group);

 private:
  pid_t Spawn(const std::string& name, const std::vector<std::string>& arguments);

  TempFolder folder_;
  std::map<std::string, Subprocess> daemons_;
  std::string grpc_;
  std::string http_;
};

// Runs a program to its end.
Ran RunProgram(const std::vector<std::string>& arguments,
               const std::map<std::string, std::string>& environment = {});
std::string Program(const std::string& name);

}  // namespace penstock

#endif  // PENSTOCK_TESTS_SUPPORT_CLUSTER_H_
