#include "worker/agent/config.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <climits>
#include <cstdlib>
#include <filesystem>

#include "base/text.h"

namespace penstock {
namespace {

std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  gethostname(name, sizeof name - 1);
  std::string text;
  for (const char c : std::string(name)) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    text += std::isalnum(static_cast<unsigned char>(lower)) || lower == '-' ? lower : '-';
  }
  return IsName(text) ? text : "worker";
}

int UsableCpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(CPU_COUNT(&set), 1);
  return 1;
}

}  // namespace

Status WorkerConfig::Complete() {
  if (name.empty()) name = HostName();
  if (!IsName(name)) {
    return InvalidArgument("name: \"" + name +
                           "\" is not a name; use 1 to 64 of a-z 0-9 - _, first and last a letter "
                           "or digit");
  }
  if (cpus == 0) cpus = UsableCpus();
  if (memory == 0) memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  for (std::string& root : data_roots) {
    std::error_code error;
    const std::filesystem::path real = std::filesystem::canonical(root, error);
    if (error) return InvalidArgument("dataRoots: " + root + ": " + error.message());
    root = real.string();
  }
  return Status::Ok();
}

}  // namespace penstock
