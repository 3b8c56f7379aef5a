#ifndef PENSTOCK_TESTS_INTEGRATION_CLIENT_TERMINAL_H_
#define PENSTOCK_TESTS_INTEGRATION_CLIENT_TERMINAL_H_

// A program in a terminal, and what a person then sees.

#include <map>
#include <string>
#include <vector>

namespace penstock {

// A screen that wraps long lines and obeys what the client sends: line feeds, carriage returns,
// "cursor up", "erase below"; colours are ignored. It has as many rows as it needs.
class Screen {
 public:
  explicit Screen(std::size_t width) : width_(width) {}
  void Feed(const std::string& bytes);
  // One text a row, without blanks at its end.
  std::vector<std::string> Rows() const;

 private:
  // Obeys the escape sequence at `at`; the position behind it.
  std::size_t Obey(const std::string& bytes, std::size_t at);

  std::size_t width_;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
  std::vector<std::vector<std::string>> cells_ = {{}};
};

// Runs a program to its end in a window of `width` columns and 30 rows; all that it wrote.
std::string RunInTerminal(const std::vector<std::string>& arguments, int width,
                          const std::map<std::string, std::string>& environment);

}  // namespace penstock

#endif  // PENSTOCK_TESTS_INTEGRATION_CLIENT_TERMINAL_H_
