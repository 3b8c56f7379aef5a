#include "worker/agent/capacity.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

constexpr double kLeastCpus = 0.01;

// The numbers on a file's first line; "max" ends them. Empty where there is no such file.
std::vector<int64_t> ReadNumbers(const fs::path& path) {
  std::ifstream file(path);
  std::vector<int64_t> numbers;
  for (int64_t number = 0; file >> number;) numbers.push_back(number);
  return numbers;
}

// "max 100000": no quota, of which the first word is no number.
std::optional<double> QuotaV2(const fs::path& folder) {
  const std::vector<int64_t> numbers = ReadNumbers(folder / "cpu.max");
  if (numbers.size() < 2 || numbers[0] <= 0 || numbers[1] <= 0) return std::nullopt;
  return static_cast<double>(numbers[0]) / static_cast<double>(numbers[1]);
}

std::optional<double> QuotaV1(const fs::path& folder) {
  const std::vector<int64_t> quota = ReadNumbers(folder / "cpu.cfs_quota_us");
  const std::vector<int64_t> period = ReadNumbers(folder / "cpu.cfs_period_us");
  if (quota.empty() || period.empty() || quota[0] <= 0 || period[0] <= 0) return std::nullopt;
  return static_cast<double>(quota[0]) / static_cast<double>(period[0]);
}

class Measurer {
 public:
  Measurer(int usable_cpus, const SystemRoots& roots) : roots_(roots) {
    capacity_.cpus = usable_cpus;
    capacity_.memory = MemTotal();
  }

  NodeCapacity Measure() {
    std::ifstream file(roots_.proc / "self" / "cgroup");
    for (std::string line; std::getline(file, line);) {
      // "0::/user.slice" in v2, "4:cpu,cpuacct:/docker/1f" in v1.
      const auto first = line.find(':');
      const auto second = line.find(':', first + 1);
      if (first == std::string::npos || second == std::string::npos) continue;
      const std::string controllers = line.substr(first + 1, second - first - 1);
      const std::string group = line.substr(second + 1);
      if (controllers.empty()) {
        Walk(roots_.cgroup, group, [this](const fs::path& folder) { LimitV2(folder); });
        continue;
      }
      for (const std::string& controller : Split(controllers, ',')) {
        if (controller != "cpu" && controller != "memory") continue;
        // Mounted under the names of all, with a link for each where the system makes them.
        for (const std::string& mount : {controllers, controller}) {
          Walk(roots_.cgroup / mount, group, [this](const fs::path& folder) { LimitV1(folder); });
        }
      }
    }
    capacity_.cpus = std::max(std::floor(capacity_.cpus * 100 + 1e-6) / 100, kLeastCpus);
    return capacity_;
  }

 private:
  int64_t MemTotal() const {
    std::ifstream file(roots_.proc / "meminfo");
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string name;
      int64_t kilobytes = 0;
      if (words >> name >> kilobytes && name == "MemTotal:" && kilobytes > 0) {
        return kilobytes * 1'024;
      }
    }
    return int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  }

  // Visits the group's folder and those above it. In a container the path may be the host's, which
  // is not there: then the root is what counts.
  template <typename Visit>
  static void Walk(const fs::path& root, const std::string& group, Visit visit) {
    fs::path below;
    for (const std::string& part : Split(group, '/')) {
      if (part == "..") return visit(root);  // outside what this process may see
      if (!part.empty()) below /= part;
    }
    for (; !below.empty(); below = below.parent_path()) visit(root / below);
    visit(root);
  }

  void LimitV2(const fs::path& folder) {
    LimitCpus(QuotaV2(folder));
    LimitMemory(folder / "memory.max");
    LimitMemory(folder / "memory.high");
  }

  void LimitV1(const fs::path& folder) {
    LimitCpus(QuotaV1(folder));
    LimitMemory(folder / "memory.limit_in_bytes");
  }

  void LimitCpus(std::optional<double> quota) {
    if (quota) capacity_.cpus = std::min(capacity_.cpus, *quota);
  }

  void LimitMemory(const fs::path& file) {
    const std::vector<int64_t> limit = ReadNumbers(file);
    if (!limit.empty() && limit[0] > 0) capacity_.memory = std::min(capacity_.memory, limit[0]);
  }

  const SystemRoots& roots_;
  NodeCapacity capacity_;
};

}  // namespace

NodeCapacity MeasureCapacity(int usable_cpus, const SystemRoots& roots) {
  return Measurer(usable_cpus, roots).Measure();
}

int UsableCpus() {
  // Machines with more processors than a cpu_set_t has room for answer EINVAL to a small one.
  for (int room = CPU_SETSIZE; room <= 1 << 20; room *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(room));
    if (set == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(room));
    CPU_ZERO_S(size, set);
    const bool known = sched_getaffinity(0, size, set) == 0;
    const int count = known ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (known) return std::max(count, 1);
  }
  return 1;
}

}  // namespace penstock
