#ifndef PENSTOCK_STEPS_SCRIPT_METRICS_H_
#define PENSTOCK_STEPS_SCRIPT_METRICS_H_

// A script's metrics, from three places: what it prints (regular expressions), metrics.jsonl (read
// as it grows) and metrics.json (read at the end). Each number is a point of a series, and the last
// of a name is the step's scalar. Not thread-safe.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"

namespace re2 {
class RE2;
}

namespace penstock {

// Cuts a stream of bytes into lines ('\n' or '\r'). Of a long line only the beginning is kept.
class LineCutter {
 public:
  explicit LineCutter(std::size_t longest) : longest_(longest) {}
  void Feed(std::string_view bytes, const std::function<void(std::string_view)>& line);
  // The line that no end came for.
  void Finish(const std::function<void(std::string_view)>& line);

 private:
  const std::size_t longest_;
  std::string begun_;
};

class ScriptMetrics {
 public:
  using Point = std::function<void(std::string_view name, int64_t index, double value)>;
  using Progress = std::function<void(double fraction, std::string_view note)>;

  // `definitions`: [{"name", "regex"}], checked. `point` gets each number as it comes, `progress`
  // what metrics.jsonl says of it.
  ScriptMetrics(const Json& definitions, Point point, Progress progress);
  ~ScriptMetrics();

  // What the script printed.
  void Printed(std::string_view bytes);
  // Reads what metrics.jsonl has grown by. A line that is no object of numbers is passed over.
  void ReadLines(const std::filesystem::path& file, bool last);
  // Reads metrics.json, where it is there. kInvalidArgument: it is not of that form.
  Status ReadDocument(const std::filesystem::path& file);

  // The last number of each name; NaN where it was null. At most limits::kMaxMetricsPerReport.
  const std::map<std::string, double>& scalars() const { return scalars_; }
  // What was left out, and why: a line for the log each.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Definition {
    std::string name;
    std::unique_ptr<re2::RE2> regex;
  };

  void Line(std::string_view line);
  void Object(std::string_view line);
  // `index` below 0: behind the last of that name.
  void Add(const std::string& name, int64_t index, double value);
  void Warn(const std::string& what);

  const Point point_;
  const Progress progress_;
  std::vector<Definition> definitions_;
  LineCutter printed_;
  LineCutter lines_;
  UniqueFd lines_file_;
  std::map<std::string, double> scalars_;
  std::map<std::string, int64_t> next_index_;
  int64_t points_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_SCRIPT_METRICS_H_
