#include "tests/fuzz/corpus.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

// Of a sanitizer, where the program is built with one: it ends the process without a signal.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace penstock::fuzz {
namespace {

constexpr unsigned kHangs = 60;  // seconds

// What runs. Read from within a signal's handler: fixed memory, and views of what the runner holds.
struct Current {
  char target[64] = {};
  char origin[256] = {};
  std::string_view bytes;
  char finds[512] = {};  // the file that it goes into; empty: none
} current;

void Put(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void PutHex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const char pair[2] = {kDigits[byte >> 4], kDigits[byte & 15]};
    Put(STDERR_FILENO, {pair, 2});
  }
}

void Tell() {
  if (current.target[0] == '\0') return;
  Put(STDERR_FILENO, "\nfuzz: target ");
  Put(STDERR_FILENO, current.target);
  Put(STDERR_FILENO, ", ");
  Put(STDERR_FILENO, current.origin);
  Put(STDERR_FILENO, "\nfuzz: as hexadecimal: ");
  PutHex(current.bytes);
  Put(STDERR_FILENO, "\nfuzz: as text:\n");
  Put(STDERR_FILENO, current.bytes);
  Put(STDERR_FILENO, "\nfuzz: end of input\n");
  if (current.finds[0] == '\0') return;
  const int file = open(current.finds, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  Put(file, current.bytes);
  close(file);
}

void OnSignal(int signal) {
  if (signal == SIGALRM) Put(STDERR_FILENO, "\nfuzz: an input takes longer than a minute\n");
  Tell();
  std::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace

std::vector<Kept> ReadCorpus(const std::string& target) {
  std::vector<Kept> corpus;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator("tests/fuzz/corpus/" + target, error)) {
    std::ifstream file(entry.path(), std::ios::binary);
    corpus.push_back(
        {entry.path().filename().string(),
         std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>())});
  }
  std::sort(corpus.begin(), corpus.end(),
            [](const Kept& a, const Kept& b) { return a.name < b.name; });
  return corpus;
}

void TellWhenItEnds() {
  // A stack that has run over needs another one for the handler.
  static char stack[64 << 10];
  stack_t other = {};
  other.ss_sp = stack;
  other.ss_size = sizeof stack;
  sigaltstack(&other, nullptr);
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = static_cast<int>(SA_ONSTACK | SA_RESETHAND);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(Tell);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}) {
    sigaction(signal, &action, nullptr);
  }
}

void Running(const Target& target, std::string_view origin, std::string_view bytes) {
  std::strncpy(current.target, target.name.c_str(), sizeof current.target - 1);
  const std::size_t length = std::min(origin.size(), sizeof current.origin - 1);
  std::memcpy(current.origin, origin.data(), length);
  current.origin[length] = '\0';
  current.bytes = bytes;
  if (const char* folder = std::getenv("PENSTOCK_FUZZ_FINDS"); folder != nullptr) {
    std::snprintf(current.finds, sizeof current.finds, "%s/%s-%d", folder, current.target,
                  getpid());
  }
  alarm(kHangs);
}

}  // namespace penstock::fuzz
