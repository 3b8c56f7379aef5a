#include "steps/script/process_tree.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <system_error>

namespace penstock {
namespace {

// State and parent of a process; 0 where it is gone. Its name may hold anything, even ") R 1".
pid_t ParentOf(pid_t process, char* state) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  std::getline(file, line, '\0');
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(line.substr(name_end + 1));
  pid_t parent = 0;
  rest >> *state >> parent;
  return rest ? parent : 0;
}

int64_t Resident(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/statm");
  int64_t total = 0;
  int64_t resident = 0;
  return file >> total >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

// What it shares is divided among those that share it. Dearer than Resident: the kernel walks its
// pages.
int64_t Proportional(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/smaps_rollup");
  for (std::string word; file >> word;) {
    int64_t kilobytes = 0;
    if (word == "Pss:" && file >> kilobytes) return kilobytes * 1024;
  }
  return Resident(process);
}

}  // namespace

void BecomeReaper() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

std::vector<pid_t> Descendants() {
  std::map<pid_t, std::vector<pid_t>> children;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return {};
  while (const dirent* entry = readdir(proc)) {
    const auto process = static_cast<pid_t>(std::atoi(entry->d_name));
    if (process <= 0) continue;
    char state = '?';
    if (const pid_t parent = ParentOf(process, &state); parent > 0 && state != 'Z') {
      children[parent].push_back(process);
    }
  }
  closedir(proc);
  std::vector<pid_t> found = children[getpid()];
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::vector<pid_t> next = children[found[i]];
    found.insert(found.end(), next.begin(), next.end());
  }
  return found;
}

pid_t FindInNamespace(const std::vector<pid_t>& processes, pid_t number) {
  for (const pid_t process : processes) {
    std::ifstream file("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("NSpid:")) continue;
      // Its numbers from here inwards.
      std::istringstream numbers(line.substr(6));
      std::vector<pid_t> found;
      for (pid_t each = 0; numbers >> each;) found.push_back(each);
      if (found.size() > 1 && found.back() == number) return process;
      break;
    }
  }
  return 0;
}

bool IsOutside(pid_t process) {
  std::error_code error;
  const auto space = [&error](const std::string& of) {
    return std::filesystem::read_symlink("/proc/" + of + "/ns/pid", error);
  };
  const auto theirs = space(std::to_string(process));
  return !error && theirs == space("self");
}

int64_t MemoryOf(const std::vector<pid_t>& processes, int64_t limit) {
  int64_t bytes = 0;
  for (const pid_t process : processes) bytes += Resident(process);
  if (bytes <= limit) return bytes;
  bytes = 0;
  for (const pid_t process : processes) bytes += Proportional(process);
  return bytes;
}

void CollectOrphans(pid_t child) {
  siginfo_t info{};
  while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 &&
         info.si_pid != child) {
    waitpid(info.si_pid, nullptr, WNOHANG);
    info = {};
  }
}

int KillDescendants() {
  constexpr int kLooks = 5'000;
  std::set<pid_t> seen;
  // Again until none is left: one that was looked at may have made another. One that hangs in the
  // kernel is left to it.
  for (int look = 0; look < kLooks; ++look) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    const std::vector<pid_t> left = Descendants();
    if (left.empty()) break;
    for (const pid_t process : left) {
      kill(process, SIGKILL);
      seen.insert(process);
    }
    const timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  return static_cast<int>(seen.size());
}

}  // namespace penstock
