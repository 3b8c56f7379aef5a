// Configuration files. The first line says whose: "server" or "worker". What is taken is printed so
// that it is taken again, and printed alike; a worker's token is never printed.

#include "worker/config.h"

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "server/config_options.h"
#include "tests/fuzz/fuzz.h"
#include "worker/config_options.h"

namespace penstock::fuzz {
namespace {

std::string WriteConfig(std::string_view text) {
  static const TempFolder folder = *TempFolder::Make(std::filesystem::temp_directory_path());
  const std::string path = (folder.path() / "config.yaml").string();
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  return path;
}

template <typename Config, typename Apply, typename Print>
void CheckFile(std::string_view text, Apply apply, Print print) {
  Config config;
  const Status status = apply(WriteConfig(text), config);
  if (!status.ok()) {
    FUZZ_EXPECT(status.code() == StatusCode::kInvalidArgument, status.ToString());
    FUZZ_EXPECT(!status.message().empty(), "");
    return;
  }
  const std::string printed = print(config);
  Config again;
  const Status taken = apply(WriteConfig(printed), again);
  FUZZ_EXPECT(taken.ok(), taken.ToString() + "\n" + printed);
  FUZZ_EXPECT(print(again) == printed, printed + print(again));
}

}  // namespace

int FuzzConfig(std::string_view bytes) {
  const auto [head, body] = CutLine(bytes);
  if (head == "server") {
    CheckFile<ServerConfig>(body, ApplyConfigFile, PrintServerConfig);
  } else if (head == "worker") {
    CheckFile<WorkerConfig>(body, ApplyWorkerConfigFile, PrintWorkerConfig);
  } else {
    return -1;
  }
  return 0;
}

}  // namespace penstock::fuzz
