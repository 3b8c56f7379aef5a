#include "storage/journal/journal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

#include "base/fault_point.h"
#include "base/file.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

constexpr LogKey kKey{.step = 3, .attempt = 1};
const RunId kRun("run-01ARYZ6S41TSV4RRFFQ69G5FAV");

class JournalTest : public testing::Test {
 protected:
  ~JournalTest() override { EXPECT_TRUE(InitFaults("", "").ok()); }
  void Reopen() { journal_ = *Journal::Open(folder_.path()); }

  std::string Read(const RunId& run = kRun, LogKey key = kKey, int64_t offset = 0) {
    std::string all;
    while (true) {
      const Result<LogChunk> chunk = journal_->ReadLog(run, key, offset, 1000);
      EXPECT_TRUE(chunk.ok()) << chunk.status();
      if (!chunk.ok()) return all;
      all += chunk->data;
      offset = chunk->next_offset;
      if (chunk->end) return all;
    }
  }

  fs::path File() {
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (entry.is_regular_file()) return entry.path();
    }
    return {};
  }

  TempFolder folder_ = *TempFolder::Make("/tmp");
  std::unique_ptr<Journal> journal_ = *Journal::Open(folder_.path());
};

TEST_F(JournalTest, WhatIsKnownAlreadyIsDropped) {
  EXPECT_EQ(*journal_->AppendLog(kRun, kKey, 0, "hello "), 6);
  EXPECT_EQ(*journal_->AppendLog(kRun, kKey, 0, "hello "), 6);
  EXPECT_EQ(*journal_->AppendLog(kRun, kKey, 3, "lo world"), 11);
  EXPECT_EQ(*journal_->AppendLog(kRun, kKey, 0, "he"), 11);
  EXPECT_EQ(Read(), "hello world");
  EXPECT_EQ(Read(kRun, kKey, 6), "world");
}

TEST_F(JournalTest, AGapIsRefused) {
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 0, "abc").ok());
  EXPECT_EQ(journal_->AppendLog(kRun, kKey, 4, "e").status().reason(), "GAP");
  EXPECT_EQ(journal_->AppendMetrics(kRun, kKey, 1, {{"loss", 1, 2.0}}).status().reason(), "GAP");
  EXPECT_EQ(Read(), "abc");
}

TEST_F(JournalTest, ARunThatIsSilentHasNoFile) {
  EXPECT_EQ(Read(), "");
  EXPECT_TRUE(journal_->ListLogs(kRun, -1)->empty());
  EXPECT_TRUE(journal_->ReadMetrics(kRun, 3, {})->series.empty());
  EXPECT_EQ(File(), fs::path());
}

TEST_F(JournalTest, AttemptsHaveLogsOfTheirOwn) {
  ASSERT_TRUE(journal_->AppendLog(kRun, {3, 2}, 0, "second").ok());
  ASSERT_TRUE(journal_->AppendLog(kRun, {3, 1}, 0, "first").ok());
  ASSERT_TRUE(journal_->AppendLog(kRun, {4, 1}, 0, "other step").ok());
  ASSERT_TRUE(journal_->AppendLog(RunId("run-other"), {3, 1}, 0, "other run").ok());
  EXPECT_EQ(*journal_->ListLogs(kRun, 3), (std::vector<LogKey>{{3, 1}, {3, 2}}));
  EXPECT_EQ(journal_->ListLogs(kRun, -1)->size(), 3U);
  Reopen();
  EXPECT_EQ(Read(kRun, {3, 2}), "second");
  EXPECT_EQ(Read(kRun, {4, 1}), "other step");
  EXPECT_EQ(Read(RunId("run-other"), {3, 1}), "other run");
}

TEST_F(JournalTest, RanksOfAnAttemptHaveLogsOfTheirOwn) {
  const LogKey zero{.step = 3, .attempt = 2, .rank = 0};
  const LogKey last{.step = 3, .attempt = 2, .rank = 63};
  ASSERT_TRUE(journal_->AppendLog(kRun, last, 0, "of the last").ok());
  ASSERT_TRUE(journal_->AppendLog(kRun, zero, 0, "of the first").ok());
  ASSERT_TRUE(journal_->Close(kRun).ok());
  EXPECT_EQ(*journal_->ListLogs(kRun, 3), (std::vector<LogKey>{zero, last}));
  EXPECT_EQ(Read(kRun, zero), "of the first");
  EXPECT_EQ(Read(kRun, last), "of the last");
}

TEST_F(JournalTest, AFrameThatWasCutShortIsCutOff) {
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 0, "whole ").ok());
  const auto whole = fs::file_size(File());
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 6, "torn").ok());
  const std::string bytes = *ReadFile(File());
  for (auto size = whole; size < bytes.size(); ++size) {
    journal_.reset();
    fs::resize_file(File(), size);
    Reopen();
    EXPECT_EQ(Read(), "whole ");
    EXPECT_EQ(*journal_->AppendLog(kRun, kKey, 0, "whole torn"), 10);
    EXPECT_EQ(Read(), "whole torn");
  }
}

TEST_F(JournalTest, DamagedFramesEndWhatIsKnown) {
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 0, "first ").ok());
  const auto first = fs::file_size(File());
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 6, "second").ok());
  const std::string bytes = *ReadFile(File());
  for (auto at = first; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    journal_.reset();
    ASSERT_TRUE(WriteFileAtomic(File(), damaged).ok());
    Reopen();
    EXPECT_EQ(Read(), "first ") << "byte " << at;
  }
}

TEST_F(JournalTest, ReadingChangesNoFile) {
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 0, "whole ").ok());
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 6, "torn").ok());
  journal_.reset();
  const auto torn = fs::file_size(File()) - 1;
  fs::resize_file(File(), torn);
  Reopen();
  EXPECT_EQ(Read(), "whole ");
  EXPECT_EQ(fs::file_size(File()), torn);
  // What is appended is shorter than what was torn, and stands alone all the same.
  EXPECT_EQ(*journal_->AppendLog(kRun, kKey, 6, "t"), 7);
  EXPECT_LT(fs::file_size(File()), torn);
  Reopen();
  EXPECT_EQ(Read(), "whole t");
}

TEST_F(JournalTest, AReadErrorIsToldAndRemovesNothing) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 2 * i, "ab").ok());
  }
  const std::string bytes = *ReadFile(File());
  // Each frame is two reads, the end of the file is one.
  for (int read = 1; read <= 7; ++read) {
    Reopen();
    ASSERT_TRUE(InitFaults("journal.read=eio@" + std::to_string(read), "").ok());
    EXPECT_EQ(journal_->ReadLog(kRun, kKey, 0, 100).status().reason(), "IO_ERROR") << read;
    ASSERT_TRUE(InitFaults("journal.read=eio@1", "").ok());
    Reopen();
    EXPECT_EQ(journal_->AppendLog(kRun, kKey, 6, "c").status().reason(), "IO_ERROR") << read;
    EXPECT_EQ(*ReadFile(File()), bytes) << read;
    EXPECT_EQ(Read(), "ababab") << "the next one reads anew";
  }
}

TEST_F(JournalTest, DamageInTheMiddleIsToldAndRemovesNothing) {
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 0, "first ").ok());
  const auto first = fs::file_size(File());
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 6, "second ").ok());
  const auto second = fs::file_size(File());
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 13, "third").ok());
  const std::string bytes = *ReadFile(File());
  for (auto at = first; at < second; ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    journal_.reset();
    ASSERT_TRUE(WriteFileAtomic(File(), damaged).ok());
    Reopen();
    const Result<LogChunk> chunk = journal_->ReadLog(kRun, kKey, 0, 100);
    ASSERT_TRUE(chunk.ok()) << "byte " << at << ": " << chunk.status();
    EXPECT_EQ(chunk->data, "first ");
    EXPECT_FALSE(chunk->end);
    EXPECT_EQ(journal_->ReadLog(kRun, kKey, 6, 100).status().reason(), "CORRUPT");
    EXPECT_EQ(journal_->ReadLog(kRun, {9, 1}, 0, 100).status().reason(), "CORRUPT");
    EXPECT_EQ(journal_->ListLogs(kRun, -1)->size(), 1U);
    EXPECT_EQ(journal_->ListLogs(kRun, 9).status().reason(), "CORRUPT");
    EXPECT_EQ(journal_->ReadMetrics(kRun, 3, {}).status().reason(), "CORRUPT");
    EXPECT_EQ(journal_->AppendLog(kRun, kKey, 6, "second").status().reason(), "CORRUPT");
    EXPECT_EQ(journal_->AppendMetrics(kRun, kKey, 0, {{"m", 0, 1}}).status().reason(), "CORRUPT");
    ASSERT_EQ(*ReadFile(File()), damaged) << "byte " << at;
  }
}

// The search for whole frames behind a bad one reads the file in blocks.
TEST_F(JournalTest, FramesFarBehindTheDamageAreFound) {
  const std::string large(3 << 20, 'x');
  for (const int shift : {-2, -1, 0, 1, 2}) {
    const RunId run("run-" + std::to_string(shift + 2));
    const std::string text = large.substr(0, static_cast<std::size_t>((2 << 20) - 32 + 1 + shift));
    ASSERT_TRUE(journal_->AppendLog(run, kKey, 0, text).ok());
    const int64_t known = static_cast<int64_t>(text.size());
    ASSERT_TRUE(journal_->AppendLog(run, kKey, known, "behind").ok());
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (entry.path().stem() != run.value()) continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.put('?');
    }
  }
  Reopen();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(journal_->ReadLog(RunId("run-" + std::to_string(i)), kKey, 0, 9).status().reason(),
              "CORRUPT")
        << i;
  }
}

TEST_F(JournalTest, ALogHasALimit) {
  const std::string chunk(limits::kMaxLogChunkBytes, 'x');
  int64_t known = 0;
  while (known + limits::kMaxLogChunkBytes <= limits::kMaxJournalBytesPerStep) {
    known = *journal_->AppendLog(kRun, kKey, known, chunk);
  }
  EXPECT_GE(known, limits::kMaxLogBytesPerStep);
  EXPECT_EQ(journal_->AppendLog(kRun, kKey, known, chunk).status().reason(), "LOG_FULL");
  EXPECT_TRUE(journal_->AppendLog(kRun, {3, 2}, 0, chunk).ok()) << "another attempt's";
}

TEST_F(JournalTest, SeriesComeBackByAttemptAndName) {
  ASSERT_EQ(*journal_->AppendMetrics(kRun, kKey, 0, {{"loss", 0, 0.5}, {"auc", 0, 0.7}}), 2);
  ASSERT_EQ(*journal_->AppendMetrics(
                kRun, kKey, 1, {{"auc", 0, 0.7}, {"loss", 1, 0.25}, {"auc", 1, std::nan("")}}),
            4);
  ASSERT_TRUE(journal_->AppendMetrics(kRun, {3, 2}, 0, {{"loss", 0, 9}}).ok());
  ASSERT_TRUE(journal_->AppendMetrics(kRun, {4, 1}, 0, {{"loss", 0, 8}}).ok());
  for (int pass = 0; pass < 2; ++pass) {
    const std::vector<MetricSeries> series = journal_->ReadMetrics(kRun, 3, {})->series;
    ASSERT_EQ(series.size(), 3U);
    EXPECT_EQ(series[0].name, "auc");
    EXPECT_EQ(series[1].name, "loss");
    ASSERT_EQ(series[1].points.size(), 2U);
    EXPECT_EQ(series[1].points[1].index, 1);
    EXPECT_EQ(series[1].points[1].value, 0.25);
    EXPECT_TRUE(std::isnan(series[0].points.at(1).value));
    EXPECT_EQ(series[2].attempt, 2);
    EXPECT_EQ(journal_->ReadMetrics(kRun, 3, {"auc"})->series.size(), 1U);
    Reopen();
  }
}

TEST_F(JournalTest, RemovedIsGone) {
  ASSERT_TRUE(journal_->AppendLog(kRun, kKey, 0, "x").ok());
  ASSERT_TRUE(journal_->Close(kRun).ok());
  EXPECT_EQ(Read(), "x");
  ASSERT_TRUE(journal_->Remove(kRun).ok());
  ASSERT_TRUE(journal_->Remove(kRun).ok());
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(File(), fs::path());
}

// More runs than files are kept open, and runs that end while others write.
TEST_F(JournalTest, ManyRunsAtOnceLoseNothing) {
  constexpr int kRuns = 400;
  constexpr int kThreads = 4;
  const auto run_id = [](int i) { return RunId("run-" + std::to_string(i)); };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < kRuns; ++i) {
          const std::string text = std::to_string(round);
          EXPECT_TRUE(journal_->AppendLog(run_id(i), {t, 1}, round, text).ok());
          if ((i + round) % 7 == t) {
            EXPECT_TRUE(journal_->Close(run_id(i)).ok());
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Reopen();
  for (int i = 0; i < kRuns; ++i) {
    for (int t = 0; t < kThreads; ++t) ASSERT_EQ(Read(run_id(i), {t, 1}), "0123456789");
  }
}

}  // namespace
}  // namespace penstock
