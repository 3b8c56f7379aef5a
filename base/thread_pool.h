#ifndef PENSTOCK_BASE_THREAD_POOL_H_
#define PENSTOCK_BASE_THREAD_POOL_H_

// A fixed number of threads and a bounded queue. Thread-safe.

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace penstock {

class ThreadPool {
 public:
  ThreadPool(int threads, std::size_t queue_limit);
  // Runs what is queued, then joins.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // False where the queue is full or the pool is ending: `task` will not run.
  bool Post(std::function<void()> task);

 private:
  void Loop();

  const std::size_t queue_limit_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ PENSTOCK_GUARDED_BY(mutex_);
  bool ending_ PENSTOCK_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace penstock

#endif  // PENSTOCK_BASE_THREAD_POOL_H_
