#ifndef PENSTOCK_STEPS_IMPORT_FETCH_H_
#define PENSTOCK_STEPS_IMPORT_FETCH_H_

// GETs that see a body through to its end: tried again when they break, resumed where the server
// can do that, redirected no farther than the operator allows. Private to steps/import.

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "steps/api/step.h"
#include "steps/http/http.h"
#include "steps/import/sources.h"

namespace penstock::importing {

// One attempt and three more, each later than the one before. What is gained anew counts afresh.
inline constexpr int kFetchAttempts = 4;
inline constexpr int kMaxRedirects = 5;

struct FetchTarget {
  std::string url;
  std::string shown;                                         // what messages call it
  std::vector<std::pair<std::string, std::string>> headers;  // for the target's own server alone
  std::shared_ptr<const HttpRequest::Signer> signer;         // never redirected
  Reach reach = Reach::kNone;                                // of the url
  std::string etag;     // the content that is wanted; empty: whatever there is
  int64_t size = -1;    // of it; -1: not known
  bool decode = false;  // take a Content-Encoding off
};

// What all transfers of a step share. Thread-safe.
class Transfers {
 public:
  Transfers(StepContext& context, const Remote& remote) : context_(context), remote_(remote) {}

  const Remote& remote() const { return remote_; }
  bool stopped() const { return failed_ || context_.cancelled(); }
  // Ends the others.
  void Fail() { failed_ = true; }

  // kInvalidArgument (IMPORT_TOO_LARGE) where it is more than is left. What is given up is below 0.
  Status Count(int64_t bytes);
  int64_t bytes() const { return bytes_; }
  // Of all bodies together, for the progress; 0: not known.
  void Expect(int64_t total) { expected_ = total; }
  void Log(const std::string& line);

 private:
  StepContext& context_;
  const Remote& remote_;
  std::atomic<bool> failed_ = false;
  std::atomic<int64_t> bytes_ = 0;
  std::atomic<int64_t> expected_ = 0;
  Mutex mutex_;
  double told_ PENSTOCK_GUARDED_BY(mutex_) = 0;  // of the progress
};

// Not thread-safe; each thread has its own.
class Fetcher {
 public:
  explicit Fetcher(Transfers& transfers) : transfers_(transfers) {}

  // Into a new file.
  Status ToFile(const FetchTarget& target, const std::filesystem::path& path);
  // kInvalidArgument above `max_bytes`, which are not counted as imported.
  Result<std::string> ToMemory(const FetchTarget& target, std::size_t max_bytes);

 private:
  // What is wanted, and where it goes.
  struct Job {
    const FetchTarget& target;
    std::function<Status(std::string_view bytes)> write;
    std::function<Status()> restart;  // drops what was written
    bool counted = false;
  };
  struct Progress;

  Status Fetch(const Job& job);
  Status Once(const Job& job, Progress& progress);
  Status Begin(const Job& job, const HttpAnswer& answer, Progress& progress);
  Status Finish(const Job& job, const HttpAnswer& answer, const std::string& error,
                Progress& progress);
  HttpRequest RequestOf(const FetchTarget& target, const Progress& progress) const;
  Result<FetchTarget> Redirected(const FetchTarget& target, const HttpAnswer& answer) const;
  Status Pause(Micros duration) const;

  Transfers& transfers_;
  HttpClient client_;
};

}  // namespace penstock::importing

#endif  // PENSTOCK_STEPS_IMPORT_FETCH_H_
