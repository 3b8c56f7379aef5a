#include "tests/unit/worker/fake_coordinator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "storage/model/limits.h"

namespace penstock {
namespace {

std::string Hex(const std::string& digest) {
  const Result<Digest> parsed = ParseDigest(digest);
  return parsed.ok() ? parsed->value() : std::string();
}

}  // namespace

class FakeCoordinator::Artifacts : public v1::ArtifactService::Service {
 public:
  explicit Artifacts(FakeCoordinator& all) : all_(all) {}

  grpc::Status StatArtifacts(grpc::ServerContext*, const v1::StatArtifactsRequest* request,
                             v1::StatArtifactsResponse* response) override {
    if (request->digests_size() > 10'000) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "digests: at most 10,000 a call"};
    }
    const MutexLock lock(all_.mutex_);
    for (const std::string& digest : request->digests()) {
      if (!all_.blobs_.contains(Hex(digest))) response->add_missing(digest);
    }
    return grpc::Status::OK;
  }

  grpc::Status UploadBlob(grpc::ServerContext*, grpc::ServerReader<v1::UploadBlobRequest>* reader,
                          v1::UploadBlobResponse*) override {
    v1::UploadBlobRequest request;
    std::string digest;
    std::string bytes;
    while (reader->Read(&request)) {
      if (!request.digest().empty()) digest = Hex(request.digest());
      bytes += request.data();
    }
    Sha256Hasher hasher;
    hasher.Update(bytes);
    if (hasher.Finish().value() != digest) return {grpc::StatusCode::DATA_LOSS, "other bytes"};
    const MutexLock lock(all_.mutex_);
    all_.blobs_[digest] = bytes;
    return grpc::Status::OK;
  }

  grpc::Status DownloadBlob(grpc::ServerContext* context, const v1::DownloadBlobRequest* request,
                            grpc::ServerWriter<v1::DownloadBlobResponse>* writer) override {
    std::string bytes;
    bool broken = false;
    {
      const MutexLock lock(all_.mutex_);
      ++all_.downloads_;
      while (all_.hold_downloads_ && !context->IsCancelled()) {
        all_.changed_.WaitFor(all_.mutex_, std::chrono::milliseconds(20));
      }
      const auto found = all_.blobs_.find(Hex(request->digest()));
      if (found == all_.blobs_.end()) return {grpc::StatusCode::NOT_FOUND, "no such blob"};
      bytes = found->second;
      broken = all_.break_downloads_ > 0;
      if (broken) --all_.break_downloads_;
    }
    if (broken) bytes.resize(bytes.size() / 2);
    v1::DownloadBlobResponse response;
    response.set_size(static_cast<int64_t>(bytes.size()));
    response.set_data(bytes);
    writer->Write(response);
    return grpc::Status::OK;
  }

  grpc::Status CommitArtifact(grpc::ServerContext*, const v1::CommitArtifactRequest* request,
                              v1::CommitArtifactResponse*) override {
    const MutexLock lock(all_.mutex_);
    if (all_.break_commits_ > 0) {
      --all_.break_commits_;
      return {grpc::StatusCode::UNAVAILABLE, "going away"};
    }
    if (!all_.blobs_.contains(Hex(request->artifact().digest()))) {
      return {grpc::StatusCode::FAILED_PRECONDITION, "a blob is missing"};
    }
    all_.committed_.push_back(request->artifact().digest());
    return grpc::Status::OK;
  }

 private:
  FakeCoordinator& all_;
};

class FakeCoordinator::Workers : public v1::WorkerService::Service {
 public:
  explicit Workers(FakeCoordinator& all) : all_(all) {}

  grpc::Status AppendLogs(grpc::ServerContext*, const v1::AppendLogsRequest* request,
                          v1::AppendLogsResponse* response) override {
    const MutexLock lock(all_.mutex_);
    for (const v1::LogChunk& chunk : request->chunks()) {
      if (static_cast<int64_t>(chunk.data().size()) > limits::kMaxLogChunkBytes) {
        return {grpc::StatusCode::INVALID_ARGUMENT, "data: at most 256 KiB a chunk"};
      }
      v1::AppendLogsResponse::Position& position = *response->add_positions();
      if (!chunk.data().empty()) {
        std::string& log = all_.logs_[chunk.token()];
        const auto offset = static_cast<std::size_t>(chunk.offset());
        if (offset <= log.size() && offset + chunk.data().size() > log.size()) {
          log += chunk.data().substr(log.size() - offset);
        }
        position.set_offset(static_cast<int64_t>(log.size()));
      }
      if (chunk.points_size() > 0) {
        std::vector<v1::MetricPoint>& points = all_.points_[chunk.token()];
        if (chunk.first_point() == static_cast<int64_t>(points.size())) {
          points.insert(points.end(), chunk.points().begin(), chunk.points().end());
        }
        position.set_points(static_cast<int64_t>(points.size()));
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status ReportSteps(grpc::ServerContext*, const v1::ReportStepsRequest* request,
                           v1::ReportStepsResponse* response) override {
    const MutexLock lock(all_.mutex_);
    if (all_.break_reports_ > 0) {
      --all_.break_reports_;
      return {grpc::StatusCode::UNAVAILABLE, "going away"};
    }
    for (const v1::StepReport& report : request->reports()) {
      const auto found = all_.fail_reports_.find({report.token(), report.kind()});
      if (found == all_.fail_reports_.end()) continue;
      ++all_.failed_reports_;
      return {found->second, "a bad report"};
    }
    for (const v1::StepReport& report : request->reports()) {
      all_.reports_.push_back(report);
      response->add_verdicts("OK");
    }
    all_.report_calls_.push_back(request->reports_size());
    return grpc::Status::OK;
  }

 private:
  FakeCoordinator& all_;
};

FakeCoordinator::FakeCoordinator()
    : artifacts_(std::make_unique<Artifacts>(*this)), workers_(std::make_unique<Workers>(*this)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.SetMaxReceiveMessageSize(limits::kMaxMessageBytes);
  // For clients whose pings come fast, so that tests need not wait.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.RegisterService(artifacts_.get());
  builder.RegisterService(workers_.get());
  server_ = builder.BuildAndStart();
  EXPECT_NE(server_, nullptr);
}

FakeCoordinator::~FakeCoordinator() {
  HoldDownloads(false);
  server_->Shutdown(std::chrono::system_clock::now());
}

std::string FakeCoordinator::AddBlob(const std::string& bytes) {
  Sha256Hasher hasher;
  hasher.Update(bytes);
  const Digest digest = hasher.Finish();
  const MutexLock lock(mutex_);
  blobs_[digest.value()] = bytes;
  return FormatDigest(digest);
}

std::map<std::string, std::string> FakeCoordinator::blobs() {
  const MutexLock lock(mutex_);
  return blobs_;
}

std::vector<std::string> FakeCoordinator::committed() {
  const MutexLock lock(mutex_);
  return committed_;
}

std::string FakeCoordinator::log(const std::string& token) {
  const MutexLock lock(mutex_);
  return logs_[token];
}

std::vector<v1::MetricPoint> FakeCoordinator::points(const std::string& token) {
  const MutexLock lock(mutex_);
  return points_[token];
}

void FakeCoordinator::CutLog(const std::string& token, std::size_t bytes) {
  const MutexLock lock(mutex_);
  logs_[token].resize(std::min(bytes, logs_[token].size()));
}

std::vector<v1::StepReport> FakeCoordinator::reports() {
  const MutexLock lock(mutex_);
  return reports_;
}

std::vector<int> FakeCoordinator::report_calls() {
  const MutexLock lock(mutex_);
  return report_calls_;
}

void FakeCoordinator::FailReports(const std::string& token, v1::StepReport::Kind kind,
                                  grpc::StatusCode code) {
  const MutexLock lock(mutex_);
  if (code == grpc::StatusCode::OK) {
    fail_reports_.erase({token, kind});
  } else {
    fail_reports_[{token, kind}] = code;
  }
}

int FakeCoordinator::failed_reports() {
  const MutexLock lock(mutex_);
  return failed_reports_;
}

void FakeCoordinator::BreakReports(int count) {
  const MutexLock lock(mutex_);
  break_reports_ = count;
}

void FakeCoordinator::HoldDownloads(bool hold) {
  const MutexLock lock(mutex_);
  hold_downloads_ = hold;
  changed_.NotifyAll();
}

int FakeCoordinator::downloads() {
  const MutexLock lock(mutex_);
  return downloads_;
}

void FakeCoordinator::BreakDownloads(int count) {
  const MutexLock lock(mutex_);
  break_downloads_ = count;
}

void FakeCoordinator::BreakCommits(int count) {
  const MutexLock lock(mutex_);
  break_commits_ = count;
}

}  // namespace penstock
