// Streams of runs and of bytes.

#include <gmock/gmock.h>

#include <map>
#include <thread>

#include "base/digest.h"
#include "tests/integration/server/server_fixture.h"
#include "tests/support/cluster.h"

namespace penstock {
namespace {

class StreamsTest : public ServerFixture {
 protected:
  void SetUp() override {
    ServerFixture::SetUp();
    Start();
  }

  grpc::Status Cancel(const std::string& run_id) {
    v1::CancelRunRequest request;
    v1::CancelRunResponse response;
    request.set_run_id(run_id);
    TestContext context;
    return Stub<v1::RunService>()->CancelRun(&context, request, &response);
  }

  // In messages of `chunk` bytes.
  grpc::Status Upload(const std::string& digest, const std::string& bytes, int64_t size,
                      std::size_t chunk, v1::UploadBlobResponse* response) {
    TestContext context;
    auto writer = Stub<v1::ArtifactService>()->UploadBlob(&context, response);
    for (std::size_t at = 0; at == 0 || at < bytes.size(); at += chunk) {
      v1::UploadBlobRequest request;
      if (at == 0) {
        request.set_digest(digest);
        request.set_size(size);
      }
      request.set_data(bytes.substr(at, chunk));
      if (!writer->Write(request)) break;
    }
    writer->WritesDone();
    return writer->Finish();
  }

  Result<std::string> Download(const std::string& digest, int64_t offset = 0) {
    v1::DownloadBlobRequest request;
    request.set_digest(digest);
    request.set_offset(offset);
    TestContext context;
    auto reader = Stub<v1::ArtifactService>()->DownloadBlob(&context, request);
    std::string bytes;
    v1::DownloadBlobResponse response;
    while (reader->Read(&response)) bytes += response.data();
    const Status status = FromGrpcStatus(reader->Finish());
    if (!status.ok()) return status;
    return bytes;
  }
};

TEST_F(StreamsTest, WatchingShowsASnapshotAndThenChanges) {
  Register(kHello);
  const v1::Run run = Submit("hello");
  v1::WatchRunRequest request;
  request.set_run_id(run.run_id());
  TestContext context;
  auto reader = Stub<v1::RunService>()->WatchRun(&context, request);
  v1::WatchRunResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_TRUE(response.snapshot());
  EXPECT_EQ(response.run().steps_size(), 2);
  int64_t revision = response.run().revision();
  std::map<std::string, v1::Step::State> states;
  ASSERT_TRUE(Cancel(run.run_id()).ok());
  while (reader->Read(&response)) {
    EXPECT_FALSE(response.snapshot());
    EXPECT_GT(response.run().revision(), revision);
    revision = response.run().revision();
    for (const v1::Step& step : response.run().steps()) states[step.name()] = step.state();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(response.run().state(), v1::Run::CANCELLED);
  EXPECT_EQ(states["a"], v1::Step::CANCELLED);
  EXPECT_EQ(states["b"], v1::Step::CANCELLED);

  // A run that has ended is one message.
  TestContext later;
  auto again = Stub<v1::RunService>()->WatchRun(&later, request);
  ASSERT_TRUE(again->Read(&response));
  EXPECT_TRUE(response.snapshot());
  EXPECT_FALSE(again->Read(&response));
  EXPECT_TRUE(again->Finish().ok());
}

TEST_F(StreamsTest, WatchingWhatIsNotThereIsNotFound) {
  v1::WatchRunRequest request;
  request.set_run_id("run-00000000000000000000000000");
  TestContext context;
  auto reader = Stub<v1::RunService>()->WatchRun(&context, request);
  v1::WatchRunResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(StreamsTest, ManyWatchersComeAndGo) {
  Register(kHello);
  const v1::Run run = Submit("hello");
  v1::WatchRunRequest request;
  request.set_run_id(run.run_id());
  std::vector<std::thread> watchers;
  std::atomic<int> finished{0};
  for (int i = 0; i < 20; ++i) {
    watchers.emplace_back([&, i] {
      TestContext context;
      auto reader = Stub<v1::RunService>()->WatchRun(&context, request);
      v1::WatchRunResponse response;
      if (!reader->Read(&response)) return;
      if (i % 2 == 0) {
        context.TryCancel();
        reader->Finish();
        return;
      }
      while (reader->Read(&response)) {
      }
      if (reader->Finish().ok() && response.run().state() == v1::Run::CANCELLED) ++finished;
    });
  }
  EXPECT_TRUE(Cancel(run.run_id()).ok());
  for (std::thread& watcher : watchers) watcher.join();
  EXPECT_EQ(finished, 10);
}

TEST_F(StreamsTest, StoppingEndsStreams) {
  Register(kHello);
  v1::WatchRunRequest request;
  request.set_run_id(Submit("hello").run_id());
  TestContext context;
  auto reader = Stub<v1::RunService>()->WatchRun(&context, request);
  v1::WatchRunResponse response;
  ASSERT_TRUE(reader->Read(&response));
  std::thread stopper([&] { daemon_->Stop(); });
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  stopper.join();
}

TEST_F(StreamsTest, BytesComeBackAsTheyWere) {
  std::string bytes;
  for (int i = 0; i < 700'000; ++i) bytes += static_cast<char>(i * 31 % 251);
  const std::string digest = FormatDigest(Sha256(bytes));
  v1::UploadBlobResponse response;
  const auto size = static_cast<int64_t>(bytes.size());
  const grpc::Status first = Upload(digest, bytes, size, 100'000, &response);
  ASSERT_TRUE(first.ok()) << first.error_message();
  EXPECT_FALSE(response.existed());
  EXPECT_EQ(response.size(), size);
  ASSERT_TRUE(Upload(digest, bytes, size, 100'000, &response).ok());
  EXPECT_TRUE(response.existed());
  EXPECT_EQ(*Download(digest), bytes);
  EXPECT_EQ(*Download(digest, 699'990), bytes.substr(699'990));
  EXPECT_EQ(Download("sha256:" + std::string(64, '0')).status().code(), StatusCode::kNotFound);
}

TEST_F(StreamsTest, TheEmptyFileIsAFile) {
  v1::UploadBlobResponse response;
  const std::string digest = FormatDigest(Sha256(""));
  ASSERT_TRUE(Upload(digest, "", 0, 1, &response).ok());
  EXPECT_EQ(*Download(digest), "");
}

TEST_F(StreamsTest, UploadsThatAreNotWhatTheySayLeaveNothing) {
  v1::UploadBlobResponse response;
  const std::string digest = FormatDigest(Sha256("hello"));
  EXPECT_EQ(FromGrpcStatus(Upload(digest, "other", 5, 10, &response)).reason(), "DIGEST_MISMATCH");
  EXPECT_EQ(Upload(digest, "hel", 5, 10, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Upload(digest, "hello and more", 5, 10, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Upload("rubbish", "hello", 5, 10, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Download(digest).status().code(), StatusCode::kNotFound);
  // A moment after the answer.
  EXPECT_TRUE(Eventually(
      [&] { return std::filesystem::is_empty(config_.data_dir + "/artifacts/tmp"); }));
}

TEST_F(StreamsTest, TreesAreCommittedOnceTheirFilesAreThere) {
  const std::string file = "content";
  const std::string manifest =
      "{\"files\":[{\"digest\":\"" + Sha256(file).value() +
      "\",\"mode\":\"0644\",\"path\":\"a/b.txt\",\"size\":7}],\"format\":\"penstock-tree/1\"}";
  const std::string digest = FormatDigest(Sha256(manifest));
  v1::UploadBlobResponse uploaded;
  ASSERT_TRUE(
      Upload(digest, manifest, static_cast<int64_t>(manifest.size()), 1'000, &uploaded).ok());
  v1::CommitArtifactRequest commit;
  commit.mutable_artifact()->set_digest(digest);
  commit.mutable_artifact()->set_type("dataset");
  commit.mutable_artifact()->set_tree(true);
  v1::CommitArtifactResponse committed;
  auto stub = Stub<v1::ArtifactService>();
  TestContext one, two, three, four;
  EXPECT_EQ(FromGrpcStatus(stub->CommitArtifact(&one, commit, &committed)).reason(),
            "MISSING_BLOB");
  v1::StatArtifactsRequest stat;
  stat.add_digests(digest);
  stat.add_digests(FormatDigest(Sha256(file)));
  v1::StatArtifactsResponse missing;
  ASSERT_TRUE(stub->StatArtifacts(&two, stat, &missing).ok());
  EXPECT_THAT(missing.missing(), testing::ElementsAre(FormatDigest(Sha256(file))));
  ASSERT_TRUE(Upload(FormatDigest(Sha256(file)), file, 7, 1'000, &uploaded).ok());
  const grpc::Status status = stub->CommitArtifact(&three, commit, &committed);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(committed.artifact().ref().size(), 7);
  v1::GetArtifactRequest get;
  get.set_digest(digest);
  v1::Artifact artifact;
  ASSERT_TRUE(stub->GetArtifact(&four, get, &artifact).ok());
  ASSERT_EQ(artifact.files_size(), 1);
  EXPECT_EQ(artifact.files(0).path(), "a/b.txt");
  EXPECT_EQ(artifact.ref().type(), "dataset");
}

}  // namespace
}  // namespace penstock
