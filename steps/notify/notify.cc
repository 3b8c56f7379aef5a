#include "steps/notify/notify.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/text.h"

namespace penstock {
namespace {

// Of an answer, what messages quote.
constexpr std::size_t kAnswerBytes = 500;

struct CurlFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURL, CurlFree>;
using Headers = std::unique_ptr<curl_slist, CurlFree>;

std::size_t KeepAnswer(char* data, std::size_t size, std::size_t count, void* to) {
  auto& answer = *static_cast<std::string*>(to);
  const std::size_t room = kAnswerBytes - std::min(kAnswerBytes, answer.size());
  answer.append(data, std::min(size * count, room));
  return size * count;
}

int StopIfCancelled(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<StepContext*>(context)->cancelled() ? 1 : 0;
}

// Without user, password, query and fragment.
std::string Shown(const std::string& url) {
  const std::unique_ptr<CURLU, CurlFree> parsed(curl_url());
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return "its URL";
  for (const CURLUPart part :
       {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    curl_url_set(parsed.get(), part, nullptr, 0);
  }
  char* text = nullptr;
  if (curl_url_get(parsed.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) return "its URL";
  std::string shown = text;
  curl_free(text);
  return shown;
}

Result<Headers> HeadersOf(const Json& parameters) {
  Headers list;
  const auto add = [&list](const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return false;
    static_cast<void>(list.release());
    list.reset(longer);
    return true;
  };
  // No "Expect: 100-continue": many webhooks do not answer it.
  if (!add("Content-Type: application/json") || !add("Expect:")) return Internal("out of memory");
  for (const auto& [name, value] : JsonMember(parameters, "headers").items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : DumpJson(value);
    // A value that came from elsewhere must not become a header of its own.
    if ((name + text).find_first_of("\r\n") != std::string::npos) {
      return InvalidArgument("header " + name + " holds a line break");
    }
    if (!add(name + ": " + text)) return Internal("out of memory");
  }
  return list;
}

// The answer's status.
Result<long> Post(const std::string& url, const std::string& body, const Headers& headers,
                  Micros timeout, StepContext& context, std::string& answer) {
  const Handle handle(curl_easy_init());
  if (handle == nullptr) return Internal("libcurl cannot start");
  CURL* curl = handle.get();
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "penstock");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count() / 1'000));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, KeepAnswer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, StopIfCancelled);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &context);
  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_ABORTED_BY_CALLBACK) return Cancelled("cancelled while notifying");
  if (code != CURLE_OK) {
    return FailedPrecondition(
        "cannot reach " + Shown(url) + ": " + (error[0] != '\0' ? error : curl_easy_strerror(code)),
        "NOTIFY_UNREACHABLE");
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
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
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) return Internal("libcurl cannot start");
  const Json& parameters = context.parameters();
  const std::string url = JsonString(parameters, "url");
  const Result<Micros> timeout = ParseDuration(JsonString(parameters, "timeout", "10s"));
  if (!timeout.ok()) return timeout.status().WithContext("with.timeout");
  PENSTOCK_ASSIGN_OR_RETURN(const Headers headers, HeadersOf(parameters));
  std::string answer;
  PENSTOCK_ASSIGN_OR_RETURN(const long status,
                            Post(url, DumpJson(NotifyBody(parameters)), headers,
                                 std::max(*timeout, Micros(1'000)), context, answer));
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
