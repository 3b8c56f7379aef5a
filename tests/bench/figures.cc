#include "tests/bench/figures.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/file.h"

namespace penstock::bench {

double MillisSince(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5);
  return values[at];
}

double FsyncMillis(const std::filesystem::path& folder) {
  const UniqueFd fd(open((folder / "fsync").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  const std::string block(4096, 'x');
  std::vector<double> times;
  for (int i = 0; i < 101; ++i) {
    const auto start = SteadyClock::now();
    if (pwrite(fd.get(), block.data(), block.size(), i * 4096) < 0 || fsync(fd.get()) != 0)
      return -1;
    times.push_back(MillisSince(start));
  }
  return Quantile(times, 0.5);
}

Memory MemoryOf(pid_t pid) {
  Memory memory;
  const std::filesystem::path folder = "/proc/" + std::to_string(pid);
  const auto read = [&](const char* file, const std::string& field) {
    std::ifstream stream(folder / file);
    for (std::string word; stream >> word;) {
      double kilobytes = 0;
      if (word == field && stream >> kilobytes) return kilobytes / 1024;
    }
    return -1.0;
  };
  memory.resident = read("status", "VmRSS:");
  memory.peak = read("status", "VmHWM:");
  memory.proportional = read("smaps_rollup", "Pss:");
  return memory;
}

double CpuSeconds(pid_t pid) {
  std::ifstream stream("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(stream, line)) return -1;
  // The name, in brackets, may hold anything; user and system time are fields 14 and 15.
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void Figures::Put(const std::string& name, double value, Json budget) {
  Json figure = {{"value", std::round(value * 1000) / 1000}};
  if (!budget.is_null()) figure.update(budget);
  figures_[name] = std::move(figure);
}

void Figures::Add(const std::string& name, double value) {
  Put(name, value, nullptr);
}

void Figures::AtMost(const std::string& name, double value, double limit) {
  Put(name, value, {{"at_most", std::round(limit * 1000) / 1000}, {"met", value <= limit}});
}

void Figures::AtLeast(const std::string& name, double value, double limit) {
  Put(name, value, {{"at_least", std::round(limit * 1000) / 1000}, {"met", value >= limit}});
}

void Figures::Skip(const std::string& name, const std::string& why) {
  skipped_[name] = why;
}

Json Figures::ToJson() const {
  return {{"notes", notes_}, {"figures", figures_}, {"skipped", skipped_}};
}

}  // namespace penstock::bench
