#include "base/fault_point.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"

namespace penstock {
namespace internal {
std::atomic<bool> faults_armed{false};
}  // namespace internal

namespace {

struct Fault {
  std::string action;
  int64_t first = 1;
  int64_t last = 1;
};

struct Faults {
  Mutex mutex;
  std::map<std::string, Fault, std::less<>> armed PENSTOCK_GUARDED_BY(mutex);
  std::map<std::string, int64_t> hits PENSTOCK_GUARDED_BY(mutex);
  int report PENSTOCK_GUARDED_BY(mutex) = -1;
};

Faults& TheFaults() {
  static Faults* const faults = new Faults;
  return *faults;
}

bool ReadNumber(std::string_view text, int64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && *number > 0;
}

bool ReadHits(std::string_view text, Fault* fault) {
  if (text == "all") {
    fault->first = 1;
    fault->last = INT64_MAX;
    return true;
  }
  const bool onwards = text.ends_with('+');
  if (onwards) text.remove_suffix(1);
  if (!ReadNumber(text, &fault->first)) return false;
  fault->last = onwards ? INT64_MAX : fault->first;
  return true;
}

bool IsAction(std::string_view action) {
  if (action == "crash" || action == "enospc" || action == "eio") return true;
  int64_t millis = 0;
  return action.starts_with("sleep:") && ReadNumber(action.substr(6), &millis);
}

}  // namespace

Status InitFaults(std::string_view specification, const std::string& report) {
  std::map<std::string, Fault, std::less<>> armed;
  for (const std::string& entry : Split(specification, ',')) {
    if (entry.empty()) continue;
    const auto equals = entry.find('=');
    const auto at = entry.find('@');
    Fault fault;
    fault.action = entry.substr(equals + 1, at == std::string::npos ? at : at - equals - 1);
    if (equals == std::string::npos || equals == 0 || !IsAction(fault.action) ||
        (at != std::string::npos && !ReadHits(std::string_view(entry).substr(at + 1), &fault))) {
      return InvalidArgument(
          "fault \"" + entry +
          "\" cannot be read; write NAME=crash|enospc|eio|sleep:MS[@N|@N+|@all]");
    }
    armed[entry.substr(0, equals)] = fault;
  }
  Faults& faults = TheFaults();
  MutexLock lock(faults.mutex);
  if (!report.empty()) {
    faults.report = open(report.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (faults.report < 0) return ErrnoStatus(errno, "opening the fault report " + report);
  }
  faults.armed = std::move(armed);
  faults.hits.clear();
  internal::faults_armed.store(!faults.armed.empty() || faults.report >= 0);
  return Status::Ok();
}

std::map<std::string, int64_t> FaultHits() {
  Faults& faults = TheFaults();
  MutexLock lock(faults.mutex);
  return faults.hits;
}

Status internal::HitFaultPoint(std::string_view name) {
  std::string action;
  {
    Faults& faults = TheFaults();
    MutexLock lock(faults.mutex);
    const int64_t hit = ++faults.hits[std::string(name)];
    if (faults.report >= 0) {
      const std::string line = std::string(name) + "\n";
      // One write a line: whole lines even when the next thing is a crash.
      if (write(faults.report, line.data(), line.size()) < 0) faults.report = -1;
    }
    const auto found = faults.armed.find(name);
    if (found == faults.armed.end() || hit < found->second.first || hit > found->second.last) {
      return Status::Ok();
    }
    action = found->second.action;
  }
  if (action == "crash") kill(getpid(), SIGKILL);
  if (action == "enospc") {
    return ResourceExhausted("no space left (made by a fault point)", "DISK_FULL");
  }
  if (action == "eio") return DataLoss("input/output error (made by a fault point)", "IO_ERROR");
  if (action.starts_with("sleep:")) {
    int64_t millis = 0;
    (void)ReadNumber(std::string_view(action).substr(6), &millis);
    std::this_thread::sleep_for(std::chrono::milliseconds(millis));
  }
  return Status::Ok();
}

}  // namespace penstock
