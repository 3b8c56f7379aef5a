#include "server/rpc/grpc_status.h"

#include <string>
#include <vector>

#include "base/text.h"
#include "penstock/v1/common.pb.h"

namespace penstock {

namespace {

// Trailers are small: a client accepts 8 KiB of them unless told otherwise, so long texts are cut.
constexpr std::size_t kMaxMessageBytes = 1536;
constexpr std::size_t kMaxDetailsBytes = 4 << 10;

std::string Shorten(const std::string& text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  return TruncateUtf8(text, max_bytes) + " …";
}

void AddProblems(const std::vector<Problem>& problems, v1::ErrorInfo& info) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < problems.size(); ++i) {
    v1::Problem problem;
    problem.set_path(Shorten(problems[i].path, 256));
    problem.set_message(Shorten(problems[i].message, 1024));
    bytes += problem.ByteSizeLong() + 4;
    if (bytes > kMaxDetailsBytes) {
      info.add_problems()->set_message("… and " + std::to_string(problems.size() - i) +
                                       " more; PipelineService.ValidatePipeline lists them all");
      return;
    }
    *info.add_problems() = std::move(problem);
  }
}

}  // namespace

grpc::Status ToGrpcStatus(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  v1::ErrorInfo info;
  info.set_reason(status.reason());
  AddProblems(status.problems(), info);
  const std::string message = Shorten(status.message(), kMaxMessageBytes);
  v1::StatusDetails details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  details.add_details()->PackFrom(info);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      details.SerializeAsString());
}

Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return Status::Ok();
  std::string reason;
  std::vector<Problem> problems;
  v1::StatusDetails details;
  v1::ErrorInfo info;
  if (details.ParseFromString(status.error_details()) && details.details_size() > 0 &&
      details.details(0).UnpackTo(&info)) {
    reason = info.reason();
    for (const v1::Problem& problem : info.problems()) {
      problems.push_back({problem.path(), problem.message()});
    }
  }
  const Status result(static_cast<StatusCode>(status.error_code()), status.error_message(), reason);
  return problems.empty() ? result : result.WithProblems(std::move(problems));
}

}  // namespace penstock
