#include "worker/local/local.h"

#include <iostream>

#include "worker/local/data_requests.h"
#include "worker/local/session.h"
#include "worker/local/step_request.h"

namespace penstock {
namespace {

// A definition's parameters and the secrets of a step.
constexpr JsonLimits kRequestLimits{.max_bytes = 32 << 20, .max_depth = 64};

Result<Json> Serve(const Json& request, const std::string& program) {
  const std::string what = JsonString(request, "do");
  if (what == "head") return local::Head(request);
  if (what == "schema") return local::Schema(request);
  if (what == "export") return local::Export(request);
  if (what == "step") return local::RunStep(request, program);
  return InvalidArgument("\"" + what + "\" is no request; penstock and penstock-worker are of " +
                         "different versions: install them together");
}

}  // namespace

int LocalMain(const std::string& program) {
  local::WatchSignals();
  std::string line;
  while (std::getline(std::cin, line)) {
    const Result<Json> request = ParseJson(line, kRequestLimits);
    const Result<Json> answer =
        request.ok() ? Serve(*request, program) : Result<Json>(request.status());
    const Status& status = answer.status();
    const bool heard = answer.ok() ? local::Say({{"kind", "answer"}, {"value", *answer}})
                                   : local::Say({{"kind", "error"},
                                                 {"code", static_cast<int>(status.code())},
                                                 {"reason", status.reason()},
                                                 {"message", status.message()}});
    if (!heard) return 1;
  }
  return 0;
}

}  // namespace penstock
