// secret set NAME; get secrets and delete secret stand with the other kinds.

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "client/cli/cli.h"
#include "server/core/secret_refs.h"
#include "storage/model/limits.h"

namespace penstock::cli {
namespace {

constexpr char kInterrupt = 3;  // Ctrl-C, as a terminal sends it

// Turns the terminal's echo off while it lives. Ctrl-C ends the line rather than the program, which
// would leave the terminal without echo.
class Silence {
 public:
  Silence() {
    silent_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    quiet.c_cc[VEOL] = kInterrupt;
    silent_ = silent_ && tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~Silence() {
    if (silent_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  bool silent() const { return silent_; }

 private:
  termios before_{};
  bool silent_ = false;
};

// Up to the end, or to the end of a line. What is over the limit is left: it is refused anyway.
Result<std::string> ReadInput(bool line) {
  std::string value;
  char c = 0;
  while (value.size() <= limits::kMaxSecretBytes + 2) {
    const ssize_t count = read(STDIN_FILENO, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "reading standard input");
    if (count == 0) break;
    value += c;
    if (line && (c == '\n' || c == kInterrupt)) break;
  }
  return value;
}

Result<std::string> AskForValue(const std::string& name) {
  const Silence silence;
  if (!silence.silent()) return WrongUse("the terminal would show the value; pipe it in");
  std::cerr << "value of " << name << " (not shown): " << std::flush;
  Result<std::string> value = ReadInput(/*line=*/true);
  std::cerr << "\n";
  if (value.ok() && value->ends_with(kInterrupt)) return WrongUse("nothing was set");
  return value;
}

struct SetOptions {
  std::string name;
  std::string file;
  std::string variable;
};

Result<std::string> ReadValue(const SetOptions& options) {
  if (!options.variable.empty()) {
    const char* value = std::getenv(options.variable.c_str());
    if (value == nullptr) {
      return WrongUse("--from-env: there is no variable " + options.variable +
                      " in the environment; export it first");
    }
    return std::string(value);
  }
  std::string value;
  if (!options.file.empty()) {
    Result<std::string> text = ReadFile(options.file, limits::kMaxSecretBytes + 2);
    if (text.status().reason() == "TOO_LARGE") {
      return WrongUse(options.file + " is larger than a secret may be, " +
                      std::to_string(limits::kMaxSecretBytes) + " bytes");
    }
    if (!text.ok()) return WrongUse("--from-file: " + text.status().message());
    value = *std::move(text);
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(
        value, isatty(STDIN_FILENO) != 0 ? AskForValue(options.name) : ReadInput(/*line=*/false));
  }
  // That of an editor, or of `echo`.
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return value;
}

Result<int> Set(Connection& connection, const SetOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(std::string value, ReadValue(options));
  PENSTOCK_RETURN_IF_ERROR(CheckSecret(options.name, value));
  pb::PutSecretRequest request;
  request.set_name(options.name);
  request.set_value(std::move(value));
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::Secret secret,
      connection.Call(connection.secrets(), &pb::SecretService::Stub::PutSecret, request));
  std::cerr << "secret " << secret.name() << " is at version " << secret.version() << "\n";
  return kDone;
}

}  // namespace

void AddSecretCommands(CLI::App& app, Cli& cli) {
  CLI::App* secret = app.add_subcommand(
      "secret", "set values that steps get and nobody is shown (get secrets, delete secret)");
  secret->require_subcommand(1);
  CLI::App* set = secret->add_subcommand(
      "set",
      "make a secret, or give it another value: from standard input, without the end of its last "
      "line; on a terminal it is asked for");
  auto options = std::make_shared<SetOptions>();
  set->add_option("name", options->name, "definitions say ${secrets.NAME}")->required();
  CLI::Option* file = set->add_option("--from-file", options->file, "read the value from a file");
  file->type_name("PATH");
  set->add_option("--from-env", options->variable, "take the value of a variable of yours")
      ->type_name("VAR")
      ->excludes(file);
  set->callback(
      cli.Command([options](Connection& connection) { return Set(connection, *options); }));
}

}  // namespace penstock::cli
