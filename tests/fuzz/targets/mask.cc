// Masking of secrets: lines before the first "---" are secrets, the rest is what a step prints. No
// secret is left in what comes out, wherever it stood and in whatever pieces it came.

#include "worker/agent/mask.h"

#include "base/text.h"
#include "server/core/secret_refs.h"
#include "tests/fuzz/fuzz.h"
#include "worker/runner/secrets.h"

namespace penstock::fuzz {
namespace {

constexpr std::string_view kSecretsEnd = "\n---\n";

std::string InPieces(const std::map<std::string, std::string>& secrets, std::string_view text) {
  SecretMask mask(secrets);
  std::string out;
  std::size_t size = 1;
  while (!text.empty()) {
    mask.Append(text.substr(0, size), out);
    text.remove_prefix(std::min(size, text.size()));
    size = size % 7 + 1;
  }
  mask.Finish(out);
  return out;
}

// With each secret put into the text's middle.
void CheckText(const std::map<std::string, std::string>& secrets, const std::string& text) {
  const SecretMask mask(secrets);
  const std::string masked = mask.Masked(text);
  FUZZ_EXPECT(masked == InPieces(secrets, text), text);
  for (const auto& [name, value] : secrets) {
    // A star may be one of a mask's.
    if (value.size() < 4 || value.find('*') != std::string::npos) continue;
    FUZZ_EXPECT(masked.find(value) == std::string::npos, value);
  }
}

}  // namespace

int FuzzMask(std::string_view bytes) {
  const auto end = bytes.find(kSecretsEnd);
  if (end == std::string_view::npos) return -1;
  std::map<std::string, std::string> secrets;
  for (const std::string& line : Split(bytes.substr(0, end), '\n')) {
    const std::string name = "s" + std::to_string(secrets.size());
    if (!CheckSecret(name, line).ok()) continue;
    secrets[name] = line;
  }
  const std::string text(bytes.substr(end + kSecretsEnd.size()));
  CheckText(secrets, text);
  for (const auto& [name, value] : secrets) {
    CheckText(secrets, text.substr(0, text.size() / 2) + value + text.substr(text.size() / 2));
  }
  Outcome outcome;
  outcome.status = InvalidArgument("it says " + text);
  outcome.warnings = text;
  outcome.report_values["p"] = DumpJson(Json(text));
  outcome.metrics[text] = 1;
  MaskOutcome(SecretMask(secrets), outcome);
  FUZZ_EXPECT(ParseJson(outcome.report_values["p"]).ok(), outcome.report_values["p"]);
  Json parameters = {{"a", {text, "${secrets.s0}"}}};
  FillSecrets(secrets, parameters);
  if (!secrets.empty()) FUZZ_EXPECT(parameters["a"][1] == Json(secrets["s0"]), text);
  return 0;
}

}  // namespace penstock::fuzz
