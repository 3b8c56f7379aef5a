#include "worker/agent/config.h"

#include <unistd.h>

#include <cctype>
#include <climits>
#include <cstdlib>
#include <filesystem>

#include "base/address.h"
#include "base/text.h"
#include "worker/agent/capacity.h"

namespace penstock {
namespace {

std::string Host() {
  char name[HOST_NAME_MAX + 1] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

std::string HostAsName() {
  std::string text;
  for (const char c : Host()) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    text += std::isalnum(static_cast<unsigned char>(lower)) || lower == '-' ? lower : '-';
  }
  return IsName(text) ? text : "worker";
}

}  // namespace

Status WorkerConfig::Complete() {
  if (name.empty()) name = HostAsName();
  if (!IsName(name)) {
    return InvalidArgument("name: \"" + name +
                           "\" is not a name; use 1 to 64 of a-z 0-9 - _, first and last a letter "
                           "or digit");
  }
  const NodeCapacity node = MeasureCapacity(UsableCpus());
  if (cpus == 0) cpus = node.cpus;
  if (memory == 0) memory = node.memory;
  if (address.empty()) address = StaysOnThisMachine(coordinator) ? "127.0.0.1" : Host();
  for (std::string& root : data_roots) {
    std::error_code error;
    const std::filesystem::path real = std::filesystem::canonical(root, error);
    if (error) return InvalidArgument("dataRoots: " + root + ": " + error.message());
    root = real.string();
  }
  if (std::error_code error; !data_ca.empty() && !std::filesystem::exists(data_ca, error)) {
    return InvalidArgument("dataCa: " + data_ca + ": there is no such file");
  }
  return Status::Ok();
}

}  // namespace penstock
