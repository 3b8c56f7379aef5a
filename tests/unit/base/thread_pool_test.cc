#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace penstock {
namespace {

TEST(ThreadPoolTest, RunsWhatIsQueuedBeforeItEnds) {
  std::atomic<int> count = 0;
  {
    ThreadPool pool(2, 1000);
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(pool.Post([&] { ++count; }));
  }
  EXPECT_EQ(count, 500);
}

TEST(ThreadPoolTest, AFullQueueTakesNoMore) {
  std::promise<void> running;
  std::promise<void> release;
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(1, 2);
    ASSERT_TRUE(pool.Post([&] {
      running.set_value();
      release.get_future().wait();
    }));
    running.get_future().wait();
    EXPECT_TRUE(pool.Post([&] { ++ran; }));
    EXPECT_TRUE(pool.Post([&] { ++ran; }));
    EXPECT_FALSE(pool.Post([&] { ++ran; }));
    release.set_value();
  }
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace penstock
