// The schema of notify.

#include "base/text.h"
#include "steps/catalog/builtin.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

ParameterSchema RunField(std::string name, std::string reference, std::string help) {
  return {.name = std::move(name),
          .kind = Kind::kString,
          .help = std::move(help),
          .default_value = std::move(reference)};
}

}  // namespace

StepSchema NotifySchema() {
  StepSchema schema;
  schema.key = "notify";
  schema.version = "1";
  schema.has_side_effects = true;
  schema.summary = "Tells a webhook of the run: an HTTP POST with a JSON body.";
  schema.help =
      "Sends {runId, runName, pipeline, state, message}, or `body` where that is given. Any answer "
      "but 2xx, and none within `timeout`, fails the attempt; `retry` says how often it is tried "
      "again. Redirects are not followed. In onExit, `state` is what the run came to and `message` "
      "why it failed; elsewhere `state` is RUNNING. A worker that is lost may have sent it "
      "already: "
      "the receiver can tell by runId. Never taken from the cache.";
  schema.parameters = {
      {.name = "url",
       .kind = Kind::kString,
       .help = "http:// or https:// address.",
       .required = true,
       .minimum = 1,
       .maximum = 2048},
      {.name = "message",
       .kind = Kind::kString,
       .help = "For people; may hold references. Left out: the run's message.",
       .default_value = "${run.message ?? ''}",
       .maximum = 4096},
      {.name = "body",
       .help = "Sent as JSON in place of the usual body, as it is: {text: \"...\"} for a chat.",
       .nullable = true},
      {.name = "headers",
       .kind = Kind::kMap,
       .help = "More headers, by name; as url and body, they may name secrets.",
       .default_value = Json::object(),
       .element = std::make_shared<ParameterSchema>(
           ParameterSchema{.name = "value", .kind = Kind::kString})},
      {.name = "timeout",
       .kind = Kind::kString,
       .help = "How long one attempt may take: 10s.",
       .default_value = "10s"},
      {.name = "run",
       .kind = Kind::kObject,
       .help = "What the usual body says of the run; there is seldom a reason to change it.",
       .fields = {RunField("id", "${run.id}", "Its id."),
                  RunField("name", "${run.name}", "Its name."),
                  RunField("pipeline", "${run.pipeline}", "Its pipeline."),
                  RunField("state", "${run.state ?? 'RUNNING'}", "What it came to.")}}};
  schema.secrets_in = {"url", "headers", "body"};
  schema.metrics = {{"status", "The answer's HTTP status, 200 to 299."}};
  schema.check = [](const Json& parameters, const std::string& path,
                    std::vector<Problem>& problems) {
    CheckDuration(parameters, "timeout", path, problems);
    const Json& url = JsonMember(parameters, "url");
    if (!url.is_string() || HoldsReference(url)) return;
    const auto& text = url.get_ref<const std::string&>();
    if (!text.starts_with("http://") && !text.starts_with("https://")) {
      problems.push_back({path + ".url", "\"" + TruncateUtf8(text, 80) +
                                             "\" is no address of a webhook; write http://… or "
                                             "https://…"});
    }
  };
  return schema;
}

}  // namespace penstock
