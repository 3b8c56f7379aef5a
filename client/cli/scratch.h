#ifndef PENSTOCK_CLIENT_CLI_SCRATCH_H_
#define PENSTOCK_CLIENT_CLI_SCRATCH_H_

// Files that must not outlive a command, however it ends: by itself, or by Ctrl-C, SIGTERM or
// SIGHUP, which then end the process as they would have (exit code 128 + signal).

#include <sys/types.h>

#include <filesystem>

#include "base/result.h"

namespace penstock::cli {

// A path that is removed, with all that is in it, with the object. Thread-safe.
class Scratch {
 public:
  // A new folder below the temporary folder.
  static Result<Scratch> MakeFolder();
  // A path that the caller is about to write.
  explicit Scratch(std::filesystem::path path);
  Scratch(Scratch&& other) noexcept;
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch();
  const std::filesystem::path& path() const { return path_; }

 private:
  struct Registered {};
  Scratch(std::filesystem::path path, Registered);

  std::filesystem::path path_;
};

// A child that the signals end too, by SIGTERM, before what it may write to is removed; 0: none.
void EndWithScratch(pid_t child);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_SCRATCH_H_
