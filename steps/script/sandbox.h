#ifndef PENSTOCK_STEPS_SCRIPT_SANDBOX_H_
#define PENSTOCK_STEPS_SCRIPT_SANDBOX_H_

// Bubblewrap around a script: the system read-only, /tmp and /dev of its own, process ids of its
// own, no network unless asked for; all of it ends with the process that started it.

#include <filesystem>
#include <string>
#include <vector>

namespace penstock {

struct SandboxPlan {
  std::string bubblewrap;  // its path
  // Folders that the script may not see: the worker's data, with other attempts and the store.
  std::vector<std::filesystem::path> hidden;
  std::filesystem::path temporary;               // becomes /tmp
  std::vector<std::filesystem::path> writable;   // below `hidden`
  std::vector<std::filesystem::path> read_only;  // below `hidden`
  std::filesystem::path working_directory;
  bool network = false;
  bool gpus = false;
};

// The command line in front of the program's own.
std::vector<std::string> SandboxCommand(const SandboxPlan& plan);

// The path of a bubblewrap that works here (it is tried, which takes some milliseconds); empty
// where there is none, or user namespaces are closed to this user.
std::string FindBubblewrap();

}  // namespace penstock

#endif  // PENSTOCK_STEPS_SCRIPT_SANDBOX_H_
