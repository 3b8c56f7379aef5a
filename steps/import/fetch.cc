#include "steps/import/fetch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "steps/import/xml.h"

namespace penstock::importing {
namespace {

constexpr Micros kFirstPause = std::chrono::milliseconds(250);
constexpr Micros kLongestPause = std::chrono::seconds(30);
constexpr std::size_t kMaxErrorBytes = 64 << 10;
constexpr std::size_t kShownErrorBytes = 300;
// So much more at one go is a new beginning.
constexpr int64_t kProgressBytes = 1 << 20;

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool MayPass(int status) {
  return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
         status == 503 || status == 504;
}

// A content that has not changed has the same: for If-Range. Empty: there is none that is strong.
std::string ValidatorOf(const HttpAnswer& answer) {
  std::string etag = answer.header("etag");
  if (!etag.empty()) return etag.starts_with("W/") ? std::string() : etag;
  return answer.header("last-modified");
}

// The first byte of "bytes 100-199/200"; -1 where it is none.
int64_t RangeStart(const std::string& text) {
  constexpr std::string_view kUnit = "bytes ";
  int64_t first = -1;
  if (text.starts_with(kUnit)) {
    std::from_chars(text.data() + kUnit.size(), text.data() + text.size(), first);
  }
  return first;
}

// What S3's stores say in their answers to what they refuse.
std::string ReasonIn(const std::string& body) {
  std::string code = XmlText(body, "Code").value_or("");
  const std::string message = XmlText(body, "Message").value_or("");
  if (code.empty()) return {};
  if (!message.empty()) code.append(": ").append(message);
  return " (" + TruncateUtf8(code, kShownErrorBytes) + ")";
}

Status Refused(const FetchTarget& target, const HttpAnswer& answer, const std::string& body) {
  std::string message =
      target.shown + " answered " + std::to_string(answer.status) + ReasonIn(body);
  const std::string region = answer.header("x-amz-bucket-region");
  switch (answer.status) {
    case 401:
    case 403:
      return PermissionDenied(message + (target.signer != nullptr
                                             ? "; check access_key, secret_key and region, and "
                                               "what that key may read"
                                             : "; it wants other credentials, or has nothing "
                                               "there for everybody"));
    case 404:
    case 410:
      return NotFound(message + ": nothing is there");
    case 412:
      return Unavailable(message + ": it changed while it was read; run the step again");
    default:
      break;
  }
  if (IsRedirect(answer.status) || answer.status == 400) {
    if (!region.empty()) message += "; its bucket is in region " + region;
    return FailedPrecondition(std::move(message));
  }
  return MayPass(answer.status) ? Unavailable(std::move(message))
                                : FailedPrecondition(std::move(message));
}

// "https://host:port" of a URL.
std::string OriginOf(const std::string& url) {
  const Result<SourceAddress> address = ParseSourceAddress(ShownSource(url));
  if (!address.ok()) return {};
  return address->scheme + "://" + address->host + ":" + std::to_string(address->port);
}

Micros RetryAfter(const HttpAnswer& answer) {
  const std::string text = answer.header("retry-after");
  int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failed != std::errc() || end != text.data() + text.size()) return Micros(0);
  return std::min(Micros(std::chrono::seconds(std::clamp<int64_t>(seconds, 0, 3'600))),
                  kLongestPause);
}

}  // namespace

// Of one body, over all attempts.
struct Fetcher::Progress {
  int64_t have = 0;
  std::string validator;  // what a resumed body must be a part of
  bool taking = false;    // the body at hand is the content
  bool passes = false;    // what went wrong may be gone later
  Micros pause{0};        // that the server asked for
};

Status Transfers::Count(int64_t bytes) {
  const int64_t now = bytes_ += bytes;
  if (now > remote_.max_bytes) {
    return InvalidArgument(remote_.shown + " is larger than " + FormatSize(remote_.max_bytes) +
                               "; raise with.max_size of the import step, or read less",
                           "IMPORT_TOO_LARGE");
  }
  if (const int64_t total = expected_; total > 0) {
    const MutexLock lock(mutex_);
    const double share =
        std::clamp(static_cast<double>(bytes_) / static_cast<double>(total), told_, 1.0);
    told_ = share;
    context_.SetProgress(share, "reading");
  }
  return Status::Ok();
}

void Transfers::Log(const std::string& line) {
  const MutexLock lock(mutex_);
  context_.Log(line);
}

Status Fetcher::ToFile(const FetchTarget& target, const std::filesystem::path& path) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.valid()) return ErrnoStatus(errno, target.shown + ": " + path.filename().string());
  const auto restart = [&]() -> Status {
    if (ftruncate(file.get(), 0) != 0 || lseek(file.get(), 0, SEEK_SET) != 0) {
      return ErrnoStatus(errno, path.string());
    }
    return Status::Ok();
  };
  const auto write = [&](std::string_view bytes) {
    return WriteAll(file.get(), bytes, path.filename().string());
  };
  return Fetch({target, write, restart, /*counted=*/true});
}

Result<std::string> Fetcher::ToMemory(const FetchTarget& target, std::size_t max_bytes) {
  std::string all;
  const auto restart = [&all] {
    all.clear();
    return Status::Ok();
  };
  const auto write = [&](std::string_view bytes) {
    if (all.size() + bytes.size() > max_bytes) {
      return InvalidArgument(target.shown + ": the answer is larger than " +
                             FormatSize(static_cast<int64_t>(max_bytes)));
    }
    all += bytes;
    return Status::Ok();
  };
  PENSTOCK_RETURN_IF_ERROR(Fetch({target, write, restart, /*counted=*/false}));
  return all;
}

Status Fetcher::Fetch(const Job& job) {
  Progress progress;
  Micros pause = kFirstPause;
  for (int failures = 0;;) {
    const int64_t had = progress.have;
    progress.passes = false;
    progress.pause = Micros(0);
    const Status status = Once(job, progress);
    if (status.ok() || !progress.passes) return status;
    if (transfers_.stopped()) return Cancelled("cancelled");
    if (progress.have - had >= kProgressBytes) {
      failures = 0;
      pause = kFirstPause;
    }
    if (++failures == kFetchAttempts) {
      return Status(status.code(),
                    status.message() + " (after " + std::to_string(kFetchAttempts) + " tries)",
                    status.reason());
    }
    const Micros wait = std::max(pause, progress.pause);
    pause *= 2;
    // What is left without a way to tell that it is the same content begins anew.
    const bool resumed = progress.have > 0 && !progress.validator.empty();
    transfers_.Log(status.message() + "; trying again in " + UnparseDuration(wait) +
                   (resumed ? ", from byte " + std::to_string(progress.have) : ""));
    PENSTOCK_RETURN_IF_ERROR(Pause(wait));
  }
}

Status Fetcher::Pause(Micros duration) const {
  const Tick until = Clock::Real().Ticks() + duration;
  while (Clock::Real().Ticks() < until) {
    if (transfers_.stopped()) return Cancelled("cancelled");
    std::this_thread::sleep_for(
        std::min(until - Clock::Real().Ticks(), Micros(std::chrono::milliseconds(50))));
  }
  return Status::Ok();
}

HttpRequest Fetcher::RequestOf(const FetchTarget& target, const Progress& progress) const {
  const Remote& remote = transfers_.remote();
  HttpRequest request;
  request.url = target.url;
  request.headers = target.headers;
  request.signer = target.signer;
  request.reach = target.reach;
  request.ca = remote.ca;
  request.decode = target.decode;
  request.stall = remote.stall;
  if (!target.etag.empty()) request.headers.emplace_back("If-Match", target.etag);
  if (progress.have > 0 && !progress.validator.empty()) {
    request.headers.emplace_back("Range", "bytes=" + std::to_string(progress.have) + "-");
    if (target.etag.empty()) request.headers.emplace_back("If-Range", progress.validator);
  }
  return request;
}

// The headers are there: whether the body is to be kept, and behind what.
Status Fetcher::Begin(const Job& job, const HttpAnswer& answer, Progress& progress) {
  const FetchTarget& target = job.target;
  progress.taking = answer.status == 200 || answer.status == 206;
  if (answer.status == 206) {
    if (progress.have > 0 && RangeStart(answer.header("content-range")) == progress.have) {
      return Status::Ok();
    }
    progress.validator.clear();
    return Unavailable(target.shown + ": the server sent another part than was asked for");
  }
  if (!progress.taking) return Status::Ok();
  if (progress.have > 0) {
    if (job.counted) PENSTOCK_RETURN_IF_ERROR(transfers_.Count(-progress.have));
    progress.have = 0;
    PENSTOCK_RETURN_IF_ERROR(job.restart());
  }
  // What was encoded on the way has other offsets.
  const bool encoded = target.decode && !answer.header("content-encoding").empty();
  progress.validator = encoded ? std::string() : ValidatorOf(answer);
  const int64_t length = encoded ? -1 : answer.length();
  if (target.size >= 0 && length >= 0 && length != target.size) {
    return Unavailable(target.shown + ": has " + std::to_string(length) + " bytes, not the " +
                       std::to_string(target.size) + " that were listed");
  }
  if (job.counted && length > 0) {
    // Refused before it is read.
    PENSTOCK_RETURN_IF_ERROR(transfers_.Count(length));
    PENSTOCK_RETURN_IF_ERROR(transfers_.Count(-length));
    if (target.size < 0) transfers_.Expect(length);
  }
  return Status::Ok();
}

Status Fetcher::Once(const Job& job, Progress& progress) {
  FetchTarget target = job.target;
  std::string error;
  HttpEvents events;
  events.begin = [&](const HttpAnswer& answer) { return Begin(job, answer, progress); };
  events.body = [&](std::string_view bytes) -> Status {
    if (!progress.taking) {
      error.append(bytes.substr(0, kMaxErrorBytes - std::min(kMaxErrorBytes, error.size())));
      return Status::Ok();
    }
    const auto size = static_cast<int64_t>(bytes.size());
    if (job.counted) PENSTOCK_RETURN_IF_ERROR(transfers_.Count(size));
    progress.have += size;
    return job.write(bytes);
  };
  events.cancelled = [this] { return transfers_.stopped(); };
  for (int hop = 0;; ++hop) {
    error.clear();
    const Result<HttpAnswer> sent = client_.Send(RequestOf(target, progress), events);
    if (!sent.ok()) {
      const Status& status = sent.status();
      progress.passes = status.code() == StatusCode::kUnavailable;
      const bool named = status.message().starts_with(job.target.shown);
      if (named || status.code() == StatusCode::kCancelled) return status;
      return status.WithContext(job.target.shown);
    }
    if (!IsRedirect(sent->status) || target.signer != nullptr || sent->header("location").empty()) {
      return Finish(job, *sent, error, progress);
    }
    if (hop == kMaxRedirects) {
      return FailedPrecondition(job.target.shown + " redirects more than " +
                                std::to_string(kMaxRedirects) + " times");
    }
    PENSTOCK_ASSIGN_OR_RETURN(target, Redirected(target, *sent));
  }
}

// The answer has ended, as far as HTTP can tell. `error`: its body, where that is not the content.
Status Fetcher::Finish(const Job& job, const HttpAnswer& answer, const std::string& error,
                       Progress& progress) {
  const FetchTarget& target = job.target;
  if (!progress.taking) {
    // No part of it is there: what is kept is of another content.
    if (answer.status == 416) progress.validator.clear();
    progress.passes = MayPass(answer.status) || answer.status == 416;
    progress.pause = RetryAfter(answer);
    return Refused(target, answer, error);
  }
  if (target.size >= 0 && progress.have != target.size) {
    return Unavailable(target.shown + ": brought " + std::to_string(progress.have) + " bytes of " +
                       std::to_string(target.size));
  }
  if (!answer.framed()) {
    transfers_.Log("warning: " + target.shown +
                   ": the server does not say how long it is; whether it is whole cannot be told");
  }
  return Status::Ok();
}

Result<FetchTarget> Fetcher::Redirected(const FetchTarget& target, const HttpAnswer& answer) const {
  const Result<std::string> url = ResolveUrl(target.url, answer.header("location"));
  if (!url.ok()) return url.status().WithContext(target.shown + ": its redirect");
  const std::string shown = ShownSource(*url);
  const std::string where = target.shown + " redirects to " + shown;
  if (url->substr(0, url->find_first_of("?#")).find('@') != std::string::npos ||
      (!url->starts_with("http://") && !url->starts_with("https://"))) {
    return PermissionDenied(where + ", which is not followed", "SOURCE_NOT_ALLOWED");
  }
  if (target.url.starts_with("https://") && !url->starts_with("https://")) {
    return PermissionDenied(where + ", where nothing protects it on the way; not followed",
                            "SOURCE_NOT_ALLOWED");
  }
  FetchTarget next = target;
  const Result<Reach> reach = CheckAllowed(transfers_.remote().rules, shown);
  if (!reach.ok()) return reach.status().WithContext(where);
  next.reach = *reach;
  next.url = *url;
  // Whoever else is asked must not learn them.
  if (OriginOf(*url) != OriginOf(target.url)) next.headers.clear();
  return next;
}

}  // namespace penstock::importing
