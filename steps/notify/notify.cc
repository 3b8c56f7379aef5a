#include "steps/notify/notify.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "steps/http/http.h"

namespace penstock {
namespace {

// Of an answer, what messages quote.
constexpr std::size_t kAnswerBytes = 500;

// Without user, password and query, which may be secret.
std::string Shown(const std::string& url) {
  return IsRemoteSource(url) ? ShownSource(url) : "its URL";
}

HttpRequest RequestOf(const Json& parameters, const std::string& url, Micros timeout) {
  HttpRequest request;
  request.post = true;
  request.url = url;
  request.body = DumpJson(NotifyBody(parameters));
  request.timeout = std::max(timeout, Micros(1'000));
  request.headers.emplace_back("Content-Type", "application/json");
  for (const auto& [name, value] : JsonMember(parameters, "headers").items()) {
    request.headers.emplace_back(name,
                                 value.is_string() ? value.get<std::string>() : DumpJson(value));
  }
  return request;
}

// The answer's status.
Result<int> Post(const HttpRequest& request, StepContext& context, std::string& answer) {
  HttpClient client;
  HttpEvents events;
  events.cancelled = [&context] { return context.cancelled(); };
  events.body = [&answer](std::string_view bytes) {
    answer.append(bytes.substr(0, kAnswerBytes - std::min(kAnswerBytes, answer.size())));
    return Status::Ok();
  };
  const Result<HttpAnswer> sent = client.Send(request, events);
  if (sent.ok()) return sent->status;
  const Status& status = sent.status();
  if (status.code() == StatusCode::kCancelled) return Cancelled("cancelled while notifying");
  if (status.code() == StatusCode::kInvalidArgument) return status;
  return FailedPrecondition("cannot reach " + Shown(request.url) + ": " + status.message(),
                            "NOTIFY_UNREACHABLE");
}

}  // namespace

Json NotifyBody(const Json& parameters) {
  if (const Json& body = JsonMember(parameters, "body"); !body.is_null()) return body;
  const Json& run = JsonMember(parameters, "run");
  return Json{{"runId", JsonMember(run, "id")},
              {"runName", JsonMember(run, "name")},
              {"pipeline", JsonMember(run, "pipeline")},
              {"state", JsonMember(run, "state")},
              {"message", JsonMember(parameters, "message")}};
}

Result<StepOutcome> RunNotify(StepContext& context) {
  const Json& parameters = context.parameters();
  const std::string url = JsonString(parameters, "url");
  const Result<Micros> timeout = ParseDuration(JsonString(parameters, "timeout", "10s"));
  if (!timeout.ok()) return timeout.status().WithContext("with.timeout");
  std::string answer;
  PENSTOCK_ASSIGN_OR_RETURN(const int status,
                            Post(RequestOf(parameters, url, *timeout), context, answer));
  if (status < 200 || status > 299) {
    const std::string_view said = Trim(answer);
    return FailedPrecondition(
        Shown(url) + " answered " + std::to_string(status) +
            (said.empty() ? "" : ": " + TruncateUtf8(std::string(said), kAnswerBytes)),
        "NOTIFY_REFUSED");
  }
  context.Log("notified " + Shown(url) + ": " + std::to_string(status));
  StepOutcome outcome;
  outcome.metrics["status"] = static_cast<double>(status);
  return outcome;
}

}  // namespace penstock
