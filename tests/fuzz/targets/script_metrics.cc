// What scripts leave of metrics. The first line is JSON, the regular expressions as a definition
// has them; then what the script prints, up to "---"; then metrics.jsonl, or metrics.json where it
// is one document.

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/text.h"
#include "steps/catalog/catalog.h"
#include "steps/script/metrics.h"
#include "storage/model/limits.h"
#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {
namespace {

constexpr std::string_view kPrintedEnd = "\n---\n";

std::string WriteMetrics(std::string_view name, std::string_view text) {
  static const TempFolder folder = *TempFolder::Make(std::filesystem::temp_directory_path());
  const std::string path = (folder.path() / name).string();
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  return path;
}

// Whether a definition may hold them.
bool AreGood(const Json& definitions) {
  const Json parameters = {{"command", {"true"}}, {"metrics", definitions}};
  std::vector<Problem> problems;
  CheckParameters(*Catalog::BuiltIn().Find("script"), parameters, "with", problems);
  return problems.empty();
}

}  // namespace

int FuzzScriptMetrics(std::string_view bytes) {
  const auto [head, body] = CutLine(bytes);
  const Result<Json> definitions = ParseJson(head);
  if (!definitions.ok() || !AreGood(*definitions)) return -1;
  const auto end = std::min(body.find(kPrintedEnd), body.size());
  const std::string_view printed = body.substr(0, end);
  const std::string_view file = body.substr(std::min(end + kPrintedEnd.size(), body.size()));
  int64_t points = 0;
  ScriptMetrics metrics(
      *definitions,
      [&](std::string_view name, int64_t index, double) {
        FUZZ_EXPECT(IsUtf8(name) && !name.empty() && name.size() <= 64 && index >= 0,
                    std::string(name));
        ++points;
      },
      [](double, std::string_view) {});
  metrics.Printed(printed.substr(0, printed.size() / 2));
  metrics.Printed(printed.substr(printed.size() / 2));
  metrics.ReadLines(WriteMetrics("metrics.jsonl", file), true);
  const Status document = metrics.ReadDocument(WriteMetrics("metrics.json", file));
  if (!document.ok()) ExpectRefusal(document);
  FUZZ_EXPECT(metrics.scalars().size() <= limits::kMaxMetricsPerReport, "");
  FUZZ_EXPECT(static_cast<std::size_t>(points) >= metrics.scalars().size(), "");
  for (const std::string& warning : metrics.warnings()) FUZZ_EXPECT(!warning.empty(), "");
  return 0;
}

}  // namespace penstock::fuzz
