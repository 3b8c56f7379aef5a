#ifndef PENSTOCK_CLIENT_CLI_OUTPUT_H_
#define PENSTOCK_CLIENT_CLI_OUTPUT_H_

// How results look: aligned tables for people, protobuf's JSON mapping for programs.

#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace penstock::cli {

enum class Format { kTable, kJson, kYaml };

// Exit codes that scripts rely on.
inline constexpr int kDone = 0;
inline constexpr int kWorkFailed = 1;
inline constexpr int kWrongUse = 2;
inline constexpr int kUnreachable = 3;
inline constexpr int kRefused = 4;

// An error of whoever typed the command: exit code 2.
inline Status WrongUse(std::string message) {
  return InvalidArgument(std::move(message), "WRONG_USE");
}

// Prints the error with its problems to stderr and returns the exit code that it means.
int Fail(const Status& status);

// Columns padded to their widest cell, two blanks between them; line breaks and other control
// characters in cells become blanks.
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  // For stdout: whole where it goes to a file or a pipe; on a terminal long cells are cut, the last
  // column to what its window leaves.
  std::string Text() const;
  // No row wider than `width`: the last column gets what the others leave.
  std::string Fit(std::size_t width) const;

 private:
  std::string Lay(std::size_t max_cell, std::size_t max_last) const;
  // The widest row's width up to the last column.
  std::size_t WidthBeforeLast(std::size_t max_cell) const;

  std::vector<std::vector<std::string>> rows_;
};

// Columns of a terminal that the text takes: none for colours, two for wide characters.
std::size_t Width(std::string_view text);
// The text, or as much of it as `width` columns hold with an ellipsis. Colours end with it.
std::string CutTo(std::string text, std::size_t width);
// Columns of the window that the descriptor shows; 80 where that is not known.
std::size_t WindowWidth(int descriptor);

// The message as JSON (camelCase, enum names, two blanks) or YAML; keys of maps are sorted.
std::string Render(const google::protobuf::Message& message, Format format);
// The same JSON on one line, for streams of messages.
std::string RenderLine(const google::protobuf::Message& message);

// The entries of a message's map by key.
template <typename Map>
std::map<typename Map::key_type, typename Map::mapped_type> Sorted(const Map& map) {
  return {map.begin(), map.end()};
}

Time ToTime(const google::protobuf::Timestamp& timestamp);
// "2026-01-31 08:15:30" in local time; empty where unset.
std::string LocalTime(const google::protobuf::Timestamp& timestamp);
// "12 s ago".
std::string Age(const google::protobuf::Timestamp& timestamp, Time now);
// From `begin` to `end` (or `now` while it lasts); empty before it begins.
std::string Lasted(const google::protobuf::Timestamp& begin, const google::protobuf::Timestamp& end,
                   Time now);
// Six significant digits, "undefined" for NaN.
std::string FormatMetric(double value);

// Whether stdout is a terminal that takes colours and cursor movement.
bool IsTerminal();
// The text in a state's colour where stdout is a terminal.
std::string Coloured(std::string_view state);

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_OUTPUT_H_
