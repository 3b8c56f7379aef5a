#ifndef PENSTOCK_BASE_STATUS_H_
#define PENSTOCK_BASE_STATUS_H_

// The outcome of whatever a user, a peer, a disk or a network can make fail. Values, no exceptions.
// A Status is OK or carries one of gRPC's canonical codes, a stable reason token that clients may
// match on (`STALE_ATTEMPT`), and a message for people: what was wrong, where, what to do.

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace penstock {

// The numbers are those of grpc::StatusCode, so that a conversion is a cast.
enum class StatusCode {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// "INVALID_ARGUMENT" and the like.
std::string_view StatusCodeName(StatusCode code);

// One thing that is wrong in a document. `path` names the field as its writer would look for it
// ("steps[2].hyperparameters.max_depth"; empty for the document as a whole).
struct Problem {
  std::string path;
  std::string message;
  friend bool operator==(const Problem&, const Problem&) = default;
};

class [[nodiscard]] Status {
 public:
  // OK.
  Status() = default;
  // `code` must not be kOk. `reason` is an UPPER_CASE token; empty means the code's own name.
  Status(StatusCode code, std::string message, std::string reason = {});

  static Status Ok() { return Status(); }

  bool ok() const { return rep_ == nullptr; }
  StatusCode code() const { return rep_ ? rep_->code : StatusCode::kOk; }
  const std::string& message() const;
  // The stable token; the code's name where none was given; empty when OK.
  std::string reason() const;
  // Every problem of a document that was refused; empty for other errors.
  const std::vector<Problem>& problems() const;

  // The same with `context` + ": " before the message. OK stays OK.
  Status WithContext(std::string_view context) const;
  Status WithProblems(std::vector<Problem> problems) const;

  // "OK" or "INVALID_ARGUMENT [REASON]: message", then a line for each problem.
  std::string ToString() const;

 private:
  struct Rep {
    StatusCode code;
    std::string message;
    std::string reason;
    std::vector<Problem> problems;
  };
  std::shared_ptr<const Rep> rep_;
};

std::ostream& operator<<(std::ostream& out, const Status& status);

Status InvalidArgument(std::string message, std::string reason = {});
Status NotFound(std::string message, std::string reason = {});
Status AlreadyExists(std::string message, std::string reason = {});
Status FailedPrecondition(std::string message, std::string reason = {});
Status ResourceExhausted(std::string message, std::string reason = {});
Status Unavailable(std::string message, std::string reason = {});
Status Internal(std::string message, std::string reason = {});
Status DataLoss(std::string message, std::string reason = {});
Status Cancelled(std::string message, std::string reason = {});
Status PermissionDenied(std::string message, std::string reason = {});
Status Unauthenticated(std::string message, std::string reason = {});
Status DeadlineExceeded(std::string message, std::string reason = {});
Status OutOfRange(std::string message, std::string reason = {});
Status Aborted(std::string message, std::string reason = {});

// "what: No such file or directory (path)" for errno `error_number`: kNotFound for ENOENT,
// kResourceExhausted for ENOSPC/EDQUOT/EMFILE, kPermissionDenied for EACCES/EPERM, else kInternal.
Status ErrnoStatus(int error_number, std::string_view what);

// Returns the Status of `expr` from the enclosing function unless it is OK.
#define PENSTOCK_RETURN_IF_ERROR(expr)                                      \
  do {                                                                      \
    if (::penstock::Status _status = (expr); !_status.ok()) return _status; \
  } while (false)

}  // namespace penstock

#endif  // PENSTOCK_BASE_STATUS_H_
