#ifndef PENSTOCK_STEPS_TABLE_PLAIN_FILE_H_
#define PENSTOCK_STEPS_TABLE_PLAIN_FILE_H_

// Files as all readers can take them: uncompressed, texts in UTF-8. What is not gets a copy in the
// scratch folder, written as a stream. Private to steps/table.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "steps/table/read.h"

namespace penstock::reading {

// A file that goes with its last owner.
class TemporaryFile {
 public:
  // `folder` empty: the system's folder for such files.
  static Result<std::shared_ptr<const TemporaryFile>> Write(
      const std::filesystem::path& folder, const std::function<Status(int fd)>& write);
  explicit TemporaryFile(std::filesystem::path path) : path_(std::move(path)) {}
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct PlainFile {
  std::filesystem::path path;
  std::shared_ptr<const TemporaryFile> temporary;  // null where the file itself is plain
};

// `options`: compression and encoding. A byte order mark of UTF-16 counts where the encoding is
// UTF-8. kInvalidArgument with `display_name`: compressed data that are damaged or cut short, an
// encoding that is not known, bytes that are none of its characters (with the line).
Result<PlainFile> MakePlain(const std::filesystem::path& path, const std::string& display_name,
                            const ReadOptions& options, const TableOptions& table_options);

}  // namespace penstock::reading

#endif  // PENSTOCK_STEPS_TABLE_PLAIN_FILE_H_
