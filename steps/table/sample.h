#ifndef PENSTOCK_STEPS_TABLE_SAMPLE_H_
#define PENSTOCK_STEPS_TABLE_SAMPLE_H_

// Some rows of data as data of the same form: what reads the whole reads the sample in the same
// way. Thread-safe.
//
// Rows are drawn at random by a seed, without one coming twice, and stay in their order; the same
// files, options and seed give the same rows. Of CSV, TSV, JSON and SVMlight the rows' own bytes
// are taken, with everything before the first row (header, comments, skipped lines), in the file's
// encoding and compression; Parquet keeps its types, a dataset its roles, label and transform.
// Files of a folder keep their names, also those that no row was drawn from.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "steps/table/read_frame.h"

namespace penstock {

// Where the rows of a sample stood, so that messages can name those places.
class SamplePlaces {
 public:
  // Line or row `sampled` of the file, both from 1, was `original`. In ascending order.
  void AddLine(const std::string& file, int64_t sampled, int64_t original);
  void AddRow(const std::string& file, int64_t sampled, int64_t original);

  // The message with "FILE: line 3" and "FILE: row 2" as they are in the whole data.
  std::string Restore(std::string message) const;

 private:
  using Places = std::vector<std::pair<int64_t, int64_t>>;  // sampled, original
  static void Replace(const Places& places, const std::string& before, std::string& message);

  std::map<std::string, Places> lines_;
  std::map<std::string, Places> rows_;
};

struct Sampled {
  int64_t rows = 0;   // drawn
  int64_t total = 0;  // of the whole
  // Nothing was written: the whole has no more rows than were wanted.
  bool whole = false;
  SamplePlaces places;
};

// `count` indices below `total`, ascending; all of them where there are no more. (Floyd's
// algorithm: Bentley and Floyd, 1987.)
std::vector<int64_t> DrawRows(int64_t total, int64_t count, uint64_t seed);

// Writes a sample of a file, a folder or a dataset to `destination`, which must not be there.
// Errors as of ReadFrame, as far as they show without parsing values.
Result<Sampled> SampleData(const DataSource& source, const ReadOptions& options, int64_t rows,
                           uint64_t seed, const FrameOptions& frame_options,
                           const std::filesystem::path& destination);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_SAMPLE_H_
