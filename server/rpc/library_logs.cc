#include "server/rpc/library_logs.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <string>

#include "base/log.h"

namespace penstock {
namespace {

void FromGrpc(gpr_log_func_args* args) {
  LOG_DEBUG("grpc {}: {}", gpr_log_severity_string(args->severity), args->message);
}

void FromProtobuf(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  if (level == google::protobuf::LOGLEVEL_FATAL) {
    LOG_ERROR("protobuf: {}", message);
  } else {
    LOG_DEBUG("protobuf: {}", message);
  }
}

}  // namespace

void RouteLibraryLogs() {
  gpr_set_log_function(FromGrpc);
  google::protobuf::SetLogHandler(FromProtobuf);
}

}  // namespace penstock
