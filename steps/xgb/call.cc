#include "steps/xgb/call.h"

#include <xgboost/c_api.h>

#include "base/text.h"

namespace penstock::xgb {
namespace {

// "[10:41:20] ./src/learner.cc:512: Check failed: a == b (1 vs. 2) : why\nStack trace: …" is more
// than a user needs: the time stamp, the build's file name and the trace go.
std::string Readable(std::string_view text) {
  if (const size_t trace = text.find("Stack trace:"); trace != std::string_view::npos) {
    text = text.substr(0, trace);
  }
  if (text.starts_with('[')) {
    if (const size_t end = text.find("] "); end != std::string_view::npos) {
      text.remove_prefix(end + 2);
    }
  }
  if (text.starts_with('.') || text.starts_with('/')) {
    if (const size_t end = text.find(": "); end != std::string_view::npos) {
      text.remove_prefix(end + 2);
    }
  }
  std::string line;
  for (const char c : Trim(text)) line += c == '\n' ? ' ' : c;
  return line;
}

}  // namespace

Status Check(int return_code, std::string_view what) {
  if (return_code == 0) return Status::Ok();
  const std::string message = std::string(what) + ": XGBoost says: " + Readable(XGBGetLastError());
  if (message.find("bad_alloc") != std::string::npos) {
    return ResourceExhausted(std::string(what) +
                             ": not enough memory; give the step more with resources.memory");
  }
  return InvalidArgument(message, "XGBOOST_REFUSED");
}

std::string ArrayInterface(const void* data, std::string_view type, int64_t rows, int64_t columns) {
  std::string shape = std::to_string(rows);
  if (columns > 0) shape += ", " + std::to_string(columns);
  return "{\"data\": [" + std::to_string(reinterpret_cast<uintptr_t>(data)) +
         ", true], \"shape\": [" + shape + "], \"typestr\": \"" + std::string(type) +
         "\", \"version\": 3}";
}

}  // namespace penstock::xgb
