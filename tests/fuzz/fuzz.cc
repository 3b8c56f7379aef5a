#include "tests/fuzz/fuzz.h"

#include <cstdio>
#include <cstdlib>

#include "base/text.h"

namespace penstock::fuzz {
namespace {

const std::vector<std::string> kJsonWords = {"null", "true", "false", "-1",      "0",     "1e308",
                                             "\"\"", "[]",   "{}",    "\\u0000", "\"x-\""};

std::vector<std::string> With(std::vector<std::string> words) {
  words.insert(words.end(), kJsonWords.begin(), kJsonWords.end());
  return words;
}

std::vector<std::string> DefinitionWords() {
  return With({"name: ",
               "type: ",
               "steps:",
               "inputs:",
               "with:",
               "dependsOn: ",
               "onExit:",
               "defaults:",
               "parameters:",
               "noop",
               "process",
               "train",
               "evaluate",
               "predict",
               "profile",
               "validate",
               "script",
               "condition",
               "map",
               "pipeline",
               "approval",
               "wait",
               "register",
               "promote",
               "fail",
               "notify",
               "algorithm: ",
               "xgboost",
               "linear-learner",
               "retry:",
               "maxAttempts: ",
               "timeout: ",
               "deadline: ",
               "resources:",
               "memory: ",
               "cpus: ",
               "gpus: ",
               "nodes: ",
               "cache: ",
               "mutex: ",
               "fence: ",
               "preemptible: ",
               "when: ",
               "over: ",
               "outputs:",
               "files:",
               "toleratedFailures: ",
               "10%",
               "if: ",
               "then: ",
               "else: ",
               "${",
               "}",
               "${parameters.a}",
               "${item}",
               "${run.id}",
               "${secrets.s}",
               ".outputs.",
               " ?? ",
               "&a ",
               "*a",
               "<<: *a",
               "- ",
               "? ",
               "|\n",
               "---\n",
               "!!str ",
               "optional: true",
               "ref: ",
               "1h30m",
               "512MiB",
               "model:g@1",
               "file:///d/a",
               "queue: ",
               "priority: ",
               "tags: ",
               "x-"});
}

std::vector<std::string> ApiWords() {
  return With({"PipelineService/",
               "RunService/",
               "WorkerService/",
               "ArtifactService/",
               "ModelService/",
               "AdminService/",
               "SecretService/",
               "CatalogService/",
               "SubmitRun ",
               "$RUN",
               "$SESSION",
               "$TOKEN",
               "$DIGEST",
               "$WORKER",
               "\"page\":",
               "\"pageToken\":",
               "\"name\":",
               "\"runId\":",
               "\"definition\":",
               "\"text\":",
               "\"sessionId\":",
               "\"reports\":",
               "\"kind\":",
               "SUCCEEDED",
               "FAILED",
               "CANCELLED",
               "RETURNED",
               "PUT ",
               "NaN",
               "-Infinity",
               "\"3.000000001s\""});
}

}  // namespace

const std::vector<Target>& Targets() {
  static const std::vector<Target> targets = {
      {"api", FuzzApi, ApiWords(), 400},
      {"config",
       FuzzConfig,
       {"lease:", "  ttl: ", "queues: ",    "weight: ", "data-dir: ", "log: ", "{",
        "}",      "[",       "]",           "&a ",      "*a",         "<<: ",  "- ",
        "30s",    "null",    "127.0.0.1:0", "[::1]:1",  "worker",     "\n"},
       800},
      {"csv",
       FuzzCsv,
       {",", ";", "\t", "|", "\"", "\"\"", "\n", "\r\n", "\r", "#", "\xEF\xBB\xBF", "\\"},
       20'000,
       1024},
      {"definition", FuzzDefinition, DefinitionWords(), 3'000, 16'384},
      {"document", FuzzDocument,
       With({"\"format\":", "\"columns\":", "\"operations\":", "\"fitted\":", "\"op\":",
             "\"label\":", "\"classes\":", "\"rows\":", "one_hot", "impute", "standardize",
             "categorical"}),
       6'000},
      {"expression", FuzzExpression,
       With({"${",        "}",         "$${",       "$$",       " ?? ",     "parameters.",
             "steps.",    ".outputs.", ".metrics.", ".report.", "secrets.", "run.id",
             "item",      ".best(",    ", max).",   ".mean",    "'text'",   "\"op\":",
             "\"left\":", "\"all\":",  "\"any\":",  "\"not\":", "\"in\""}),
       20'000, 2048},
      {"frame", FuzzFrame,
       With({"\"kind\":", "\"outcome\"", "\"update\"", "\"points\":", "\"metrics\":"}), 10'000},
      {"http",
       FuzzHttp,
       {"\r\n",
        "\r\n\r\n",
        "GET ",
        "POST ",
        "PUT ",
        "HEAD ",
        "OPTIONS ",
        " HTTP/1.1",
        " HTTP/1.0",
        "Host: localhost",
        "Content-Length: ",
        "Transfer-Encoding: chunked",
        "Content-Type: ",
        "application/json",
        "multipart/form-data; boundary=",
        "Expect: 100-continue",
        "Range: bytes=",
        "Connection: close",
        "Content-Encoding: gzip",
        "Origin: ",
        "/v1/",
        "%00",
        "0\r\n\r\n",
        "ffffffffffffffff\r\n",
        "{}",
        ": ",
        "application/x-www-form-urlencoded"},
       400},
      {"mask", FuzzMask, {"\n", "---", "secret", "=", "\\", "\"", "%", "AAAA"}, 5'000, 1024},
      {"parameters", FuzzParameters,
       With({"process", "train/xgboost", "train/linear-learner", "script", "evaluate", "predict",
             "noop", "notify", "${parameters.a}",
             "\"columns\":", "\"op\":", "\"regex\":", "([0-9]+)"}),
       10'000},
      {"report", FuzzReport,
       With({"\"reports\":", "\"kind\":", "\"outputs\":", "\"metrics\":", "\"reportValues\":",
             "NaN", "Infinity", "\"sha256:", "\"held\":", "\"time\":"}),
       4'000},
      {"script_metrics", FuzzScriptMetrics,
       With({"loss: ", "([0-9.]+)", "(a*)*", "\n", "\r", "\"step\":", "\"progress\":", "nan",
             "inf"}),
       800},
      {"table",
       FuzzTable,
       {",", "\n", "\"", "{", "}", "[", "]", "null", "1e309", ";", "\t"},
       60,
       512},
      {"text",
       FuzzText,
       {"1h",
        "30m",
        "5s",
        "MiB",
        "GB",
        "2027-01-31T06:00:00Z",
        "+01:00",
        "model:",
        "@",
        "champion",
        "file:///",
        "..",
        "sha256:",
        "artifact:",
        "#",
        "[::1]:",
        "127.0.0.1",
        "%",
        "9223372036854775807",
        "1e400",
        "."},
       20'000,
       256},
      {"tree", FuzzTree,
       With({"\"path\":", "\"digest\":", "\"size\":", "\"mode\":", "\"0644\"", "..", "/", "a/b",
             "9223372036854775807", "\"penstock-tree/1\""}),
       1'500},
  };
  return targets;
}

void Broken(const char* file, int line, const std::string& what) {
  std::fprintf(stderr, "\n%s:%d: broken: %s\n", file, line, what.c_str());
  std::fflush(stderr);
  std::abort();
}

void ExpectRefusal(const Status& status) {
  FUZZ_EXPECT(!status.ok(), "a refusal");
  FUZZ_EXPECT(status.code() != StatusCode::kInternal && status.code() != StatusCode::kUnknown,
              status.ToString());
  FUZZ_EXPECT(!status.message().empty() && status.message().size() < (64 << 10), status.ToString());
  FUZZ_EXPECT(IsUtf8(status.message()), status.ToString());
  for (const Problem& problem : status.problems()) {
    FUZZ_EXPECT(!problem.message.empty() && IsUtf8(problem.message), problem.path);
    FUZZ_EXPECT(IsUtf8(problem.path), problem.message);
  }
}

HeadAndBody CutLine(std::string_view bytes) {
  const auto end = bytes.find('\n');
  if (end == std::string_view::npos) return {bytes, {}};
  return {bytes.substr(0, end), bytes.substr(end + 1)};
}

}  // namespace penstock::fuzz
