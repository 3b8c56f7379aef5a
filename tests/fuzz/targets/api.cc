// Calls of the API, as JSON over HTTP, one a line: "RunService/SubmitRun {...}", or "PUT bytes" for
// an artifact. $RUN and $TOKEN stand for a run of this input's and the attempt that a worker was
// given of it, $SESSION and $WORKER for that worker, $DIGEST for what was put last. Every answer
// can be read, none is a fault of the server's own, and it goes on.

#include "base/digest.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/loopback.h"

namespace penstock::fuzz {
namespace {

constexpr char kWorker[] = "fuzz-worker";
constexpr char kDefinition[] = R"({"name": "fuzzed", "steps": [
 {"name": "a", "type": "noop", "with": {"output_bytes": 1}},
 {"name": "b", "type": "noop", "inputs": {"data": "${steps.a.outputs.data}"}}]})";

// What the names in an input stand for.
class Session {
 public:
  explicit Session(Loopback& server) : server_(server) {}

  void Begin(std::string_view input) {
    values_["$DIGEST"] = FormatDigest(Sha256(""));
    if (input.find('$') != std::string_view::npos) BeginRun();
  }

  std::string Filled(std::string line) const {
    for (const auto& [name, value] : values_) {
      for (auto at = line.find(name); at != std::string::npos; at = line.find(name, at)) {
        line.replace(at, name.size(), value);
        at += value.size();
      }
    }
    return line;
  }

  void Put(std::string_view bytes) {
    values_["$DIGEST"] = FormatDigest(Sha256(bytes));
    const HttpAnswer answer = server_.Ask("PUT", "/v1/artifacts/" + values_["$DIGEST"], bytes);
    FUZZ_EXPECT(answer.status == 200, answer.body);
  }

  // Nothing of the input goes on.
  void End() {
    if (const std::string run = std::exchange(values_["$RUN"], ""); !run.empty()) {
      server_.Call("RunService/CancelRun", {{"runId", run}, {"now", true}});
      server_.Call(
          "WorkerService/ReportSteps",
          {{"sessionId", session_},
           {"reports", {{{"runId", run}, {"token", values_["$TOKEN"]}, {"kind", "CANCELLED"}}}}});
    }
  }

 private:
  void Open() {
    const Json worker = {{"workerId", kWorker},
                         {"bootId", "b" + std::to_string(++boots_)},
                         {"protocol", 2},
                         {"cpus", 1e6},
                         {"memory", "1000000000000"},
                         {"steps", {"noop@1"}}};
    session_ =
        JsonString(server_.Call("WorkerService/OpenSession", {{"worker", worker}}), "sessionId");
    acknowledged_ = "0";
    FUZZ_EXPECT(!session_.empty(), "the worker is not taken");
  }

  // The token of the attempt of `run`, once it is leased; "" where the session is no more.
  std::string Lease(const std::string& run) {
    for (int i = 0; i < 20; ++i) {
      const Json reply = server_.Call(
          "WorkerService/LeaseSteps",
          {{"sessionId", session_}, {"acknowledged", acknowledged_}, {"maxWait", "2s"}});
      if (reply.is_null()) return {};
      acknowledged_ = JsonString(reply, "sequence", acknowledged_);
      for (const Json& lease : JsonMember(reply, "leases")) {
        if (JsonString(lease, "runId") == run) return JsonString(lease, "token");
      }
    }
    return {};
  }

  std::string Submit() {
    const auto submit = [&] {
      const Json answer = server_.Call("RunService/SubmitRun", {{"pipeline", "fuzzed"}});
      return JsonString(JsonMember(answer, "run"), "runId");
    };
    std::string run = submit();
    if (!run.empty()) return run;
    // Not yet registered, or another input has put something else in its place.
    server_.Call("PipelineService/RegisterPipeline", {{"definition", {{"text", kDefinition}}}});
    run = submit();
    FUZZ_EXPECT(!run.empty(), "a good run is refused");
    return run;
  }

  void BeginRun() {
    server_.Call("WorkerService/UncordonWorker", {{"workerId", kWorker}});
    const std::string run = Submit();
    values_["$RUN"] = run;
    if (session_.empty()) Open();
    values_["$TOKEN"] = Lease(run);
    if (values_["$TOKEN"].empty()) {
      Open();
      values_["$TOKEN"] = Lease(run);
    }
    values_["$SESSION"] = session_;
    values_["$WORKER"] = kWorker;
  }

  Loopback& server_;
  std::map<std::string, std::string> values_;
  std::string session_;
  std::string acknowledged_ = "0";
  int boots_ = 0;
};

// Whether a call writes where it is told to, or may wait for what never comes.
bool IsLeftOut(std::string_view line) {
  for (const char* word : {"Backup", "WatchRun", "follow", "axWait", "ax_wait"}) {
    if (line.find(word) != std::string_view::npos) return true;
  }
  return false;
}

void CheckAnswer(const HttpAnswer& answer, const std::string& line) {
  FUZZ_EXPECT(answer.status != 0, "no answer to " + line);
  ExpectReadable(answer);
  if (answer.status != 200) return;
  // A stream is a document a line.
  for (const std::string& each : Split(Trim(answer.body), '\n')) {
    if (each.empty()) continue;
    const Result<Json> json = ParseJson(each, {.max_bytes = 64 << 20, .max_depth = 400});
    FUZZ_EXPECT(json.ok() && json->is_object(), each);
  }
}

}  // namespace

int FuzzApi(std::string_view bytes) {
  Loopback& server = Loopback::Get();
  static Session session(server);
  session.Begin(bytes);
  for (const std::string& written : Split(bytes, '\n')) {
    if (IsLeftOut(written)) continue;
    const std::string line = session.Filled(written);
    if (line.starts_with("PUT ")) {
      session.Put(std::string_view(line).substr(4));
      continue;
    }
    const auto blank = line.find(' ');
    const std::string method = line.substr(0, blank);
    const bool plain = method.find_first_not_of(
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
                           "xyz0123456789_/") == std::string::npos;
    if (!plain || method.empty()) continue;
    CheckAnswer(server.Ask("POST", "/v1/" + method,
                           blank == std::string::npos ? "" : line.substr(blank + 1)),
                line);
  }
  session.End();
  server.ExpectAlive();
  return 0;
}

}  // namespace penstock::fuzz
