#include "tests/integration/client/terminal.h"

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace penstock {

std::size_t Screen::Obey(const std::string& bytes, std::size_t at) {
  const std::size_t end = bytes.find_first_not_of("0123456789;", at + 2);
  if (end == std::string::npos) return bytes.size();
  const std::size_t count = std::strtoul(bytes.c_str() + at + 2, nullptr, 10);
  if (bytes[end] == 'A') row_ -= std::min(row_, std::max<std::size_t>(count, 1));
  if (bytes[end] == 'J') {
    cells_.resize(row_ + 1);
    cells_[row_].resize(std::min(cells_[row_].size(), column_));
  }
  return end + 1;
}

void Screen::Feed(const std::string& bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    if (bytes.compare(i, 2, "\033[") == 0) {
      i = Obey(bytes, i);
      continue;
    }
    if (bytes[i] == '\r') column_ = 0;
    if (bytes[i] == '\n') ++row_;
    if (cells_.size() <= row_) cells_.resize(row_ + 1);
    if (static_cast<unsigned char>(bytes[i]) < 0x20) {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    while (end < bytes.size() && (static_cast<unsigned char>(bytes[end]) & 0xc0) == 0x80) ++end;
    if (column_ == width_) {
      column_ = 0;
      if (cells_.size() <= ++row_) cells_.resize(row_ + 1);
    }
    std::vector<std::string>& row = cells_[row_];
    if (row.size() <= column_) row.resize(column_ + 1, " ");
    row[column_++] = bytes.substr(i, end - i);
    i = end;
  }
}

std::vector<std::string> Screen::Rows() const {
  std::vector<std::string> rows;
  for (const auto& cells : cells_) {
    std::string& text = rows.emplace_back();
    for (const std::string& cell : cells) text += cell;
    text.resize(text.find_last_not_of(' ') + 1);
  }
  return rows;
}

std::string RunInTerminal(const std::vector<std::string>& arguments, int width,
                          const std::map<std::string, std::string>& environment) {
  winsize window{};
  window.ws_row = 30;
  window.ws_col = static_cast<unsigned short>(width);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  int terminal = -1;
  const pid_t pid = forkpty(&terminal, nullptr, nullptr, &window);
  if (pid < 0) return {};
  if (pid == 0) {
    setenv("TERM", "xterm", 1);
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    execv(argv[0], argv.data());
    _exit(127);
  }
  std::string output;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(terminal, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;  // EIO: the program has left
    output.append(buffer, static_cast<std::size_t>(count));
  }
  close(terminal);
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return output;
}

}  // namespace penstock
