#ifndef PENSTOCK_TESTS_UNIT_WORKER_FAKE_COORDINATOR_H_
#define PENSTOCK_TESTS_UNIT_WORKER_FAKE_COORDINATOR_H_

// The coordinator's side of what a worker sends and fetches: a real gRPC server on a free loopback
// port, with artifacts, logs and reports in memory and the limits of the real one. Thread-safe.

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/mutex.h"
#include "penstock/v1/artifacts.grpc.pb.h"
#include "penstock/v1/workers.grpc.pb.h"

namespace penstock {

class FakeCoordinator {
 public:
  FakeCoordinator();
  ~FakeCoordinator();

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // Returns its digest, "sha256:…".
  std::string AddBlob(const std::string& bytes);
  std::map<std::string, std::string> blobs();
  std::vector<std::string> committed();  // digests, in order
  // What arrived of an attempt's log, and of its points.
  std::string log(const std::string& token);
  std::vector<v1::MetricPoint> points(const std::string& token);
  // As after a crash that lost the end of a log.
  void CutLog(const std::string& token, std::size_t bytes);

  // Reports that were taken, in order, and how many came with each call.
  std::vector<v1::StepReport> reports();
  std::vector<int> report_calls();
  // Calls with a report of this attempt fail with `code` as long as `kind` is its kind; OK: no more.
  void FailReports(const std::string& token, v1::StepReport::Kind kind, grpc::StatusCode code);
  int failed_reports();  // calls
  // The next so many calls that report fail with kUnavailable.
  void BreakReports(int count);

  // Downloads wait from now on, until told otherwise.
  void HoldDownloads(bool hold);
  int downloads();  // that began
  // The next so many calls that move artifacts break off half-way.
  void BreakDownloads(int count);
  void BreakCommits(int count);

 private:
  class Artifacts;
  class Workers;

  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, std::string> blobs_ PENSTOCK_GUARDED_BY(mutex_);  // by hex
  std::vector<std::string> committed_ PENSTOCK_GUARDED_BY(mutex_);
  std::map<std::string, std::string> logs_ PENSTOCK_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<v1::MetricPoint>> points_ PENSTOCK_GUARDED_BY(mutex_);
  std::vector<v1::StepReport> reports_ PENSTOCK_GUARDED_BY(mutex_);
  std::vector<int> report_calls_ PENSTOCK_GUARDED_BY(mutex_);
  std::map<std::pair<std::string, v1::StepReport::Kind>, grpc::StatusCode> fail_reports_
      PENSTOCK_GUARDED_BY(mutex_);
  int failed_reports_ PENSTOCK_GUARDED_BY(mutex_) = 0;
  int break_reports_ PENSTOCK_GUARDED_BY(mutex_) = 0;
  bool hold_downloads_ PENSTOCK_GUARDED_BY(mutex_) = false;
  int downloads_ PENSTOCK_GUARDED_BY(mutex_) = 0;
  int break_downloads_ PENSTOCK_GUARDED_BY(mutex_) = 0;
  int break_commits_ PENSTOCK_GUARDED_BY(mutex_) = 0;
  int port_ = 0;
  std::unique_ptr<Artifacts> artifacts_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace penstock

#endif  // PENSTOCK_TESTS_UNIT_WORKER_FAKE_COORDINATOR_H_
