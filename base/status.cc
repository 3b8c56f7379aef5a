#include "base/status.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "base/check.h"

namespace penstock {

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "OK";
    case StatusCode::kCancelled:
      return "CANCELLED";
    case StatusCode::kUnknown:
      return "UNKNOWN";
    case StatusCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case StatusCode::kNotFound:
      return "NOT_FOUND";
    case StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case StatusCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case StatusCode::kAborted:
      return "ABORTED";
    case StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case StatusCode::kInternal:
      return "INTERNAL";
    case StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case StatusCode::kDataLoss:
      return "DATA_LOSS";
    case StatusCode::kUnauthenticated:
      return "UNAUTHENTICATED";
  }
  return "UNKNOWN";
}

Status::Status(StatusCode code, std::string message, std::string reason)
    : rep_(std::make_shared<const Rep>(Rep{code, std::move(message), std::move(reason), {}})) {
  PENSTOCK_CHECK(code != StatusCode::kOk);
}

const std::string& Status::message() const {
  static const std::string empty;
  return rep_ ? rep_->message : empty;
}

std::string Status::reason() const {
  if (!rep_) return {};
  return rep_->reason.empty() ? std::string(StatusCodeName(rep_->code)) : rep_->reason;
}

const std::vector<Problem>& Status::problems() const {
  static const std::vector<Problem> none;
  return rep_ ? rep_->problems : none;
}

Status Status::WithContext(std::string_view context) const {
  if (!rep_) return *this;
  Rep rep = *rep_;
  rep.message = std::string(context) + ": " + rep.message;
  Status status;
  status.rep_ = std::make_shared<const Rep>(std::move(rep));
  return status;
}

Status Status::WithProblems(std::vector<Problem> problems) const {
  if (!rep_) return *this;
  Rep rep = *rep_;
  rep.problems = std::move(problems);
  Status status;
  status.rep_ = std::make_shared<const Rep>(std::move(rep));
  return status;
}

std::string Status::ToString() const {
  if (!rep_) return "OK";
  std::string text(StatusCodeName(rep_->code));
  if (!rep_->reason.empty()) text += " [" + rep_->reason + "]";
  text += ": " + rep_->message;
  for (const Problem& problem : rep_->problems) {
    text += "\n  " + problem.path + ": " + problem.message;
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const Status& status) {
  return out << status.ToString();
}

#define PENSTOCK_STATUS_FACTORY(name)                                          \
  Status name(std::string message, std::string reason) {                       \
    return Status(StatusCode::k##name, std::move(message), std::move(reason)); \
  }
PENSTOCK_STATUS_FACTORY(InvalidArgument)
PENSTOCK_STATUS_FACTORY(NotFound)
PENSTOCK_STATUS_FACTORY(AlreadyExists)
PENSTOCK_STATUS_FACTORY(FailedPrecondition)
PENSTOCK_STATUS_FACTORY(ResourceExhausted)
PENSTOCK_STATUS_FACTORY(Unavailable)
PENSTOCK_STATUS_FACTORY(Internal)
PENSTOCK_STATUS_FACTORY(DataLoss)
PENSTOCK_STATUS_FACTORY(Cancelled)
PENSTOCK_STATUS_FACTORY(PermissionDenied)
PENSTOCK_STATUS_FACTORY(Unauthenticated)
PENSTOCK_STATUS_FACTORY(DeadlineExceeded)
PENSTOCK_STATUS_FACTORY(OutOfRange)
PENSTOCK_STATUS_FACTORY(Aborted)
#undef PENSTOCK_STATUS_FACTORY

Status ErrnoStatus(int error_number, std::string_view what) {
  std::string message = std::string(what) + ": " + std::generic_category().message(error_number);
  switch (error_number) {
    case ENOENT:
      return NotFound(std::move(message));
    case ENOSPC:
    case EDQUOT:
      return ResourceExhausted(message + "; make room on that disk", "DISK_FULL");
    case EMFILE:
    case ENFILE:
      return ResourceExhausted(message + "; raise the limit of open files (ulimit -n)",
                               "TOO_MANY_OPEN_FILES");
    case EACCES:
    case EPERM:
    case EROFS:
      return PermissionDenied(std::move(message));
    case EEXIST:
      return AlreadyExists(std::move(message));
    case EIO:
      return Internal(message + "; the disk may be failing: see the kernel's log");
    default:
      return Internal(std::move(message));
  }
}

}  // namespace penstock
