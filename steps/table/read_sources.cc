// Which files a source is made of, and which reader each of them needs.

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

#include "base/text.h"
#include "steps/table/plain_file.h"
#include "steps/table/read_internal.h"

namespace penstock::reading {
namespace {

// Of one source. Each is looked at before the first is read.
constexpr std::size_t kMaxFiles = 100'000;

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// "days.csv" of "days.csv.gz".
std::string_view WithoutCompression(std::string_view name) {
  for (const std::string_view end : {".gz", ".gzip", ".zst", ".zstd"}) {
    if (EndsWith(name, end)) return name.substr(0, name.size() - end.size());
  }
  return name;
}

// What a file holds: by its first bytes where they tell, else by the name that the user gave it.
Result<FileFormat> FormatOf(const std::filesystem::path& path, const std::string& display_name,
                            FileFormat asked) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 64> head{};
  if (!file.read(head.data(), head.size()) && !file.eof()) {
    return InvalidArgument(display_name + ": cannot be read");
  }
  const std::string_view bytes(head.data(), static_cast<std::size_t>(file.gcount()));
  if (bytes.size() < head.size() && Trim(bytes).empty()) {
    return InvalidArgument(display_name + ": line 1, column 1: the file is empty");
  }
  if (bytes.substr(0, 4) == "PAR1") return FileFormat::kParquet;
  if (asked == FileFormat::kParquet) {
    return InvalidArgument(display_name + ": not a Parquet file; see read.format");
  }
  if (asked != FileFormat::kAuto) return asked;
  const std::string_view name = WithoutCompression(display_name);
  if (EndsWith(name, ".tsv")) return FileFormat::kTsv;
  if (EndsWith(name, ".jsonl") || EndsWith(name, ".ndjson")) return FileFormat::kJsonLines;
  for (const std::string_view end : {".svm", ".svmlight", ".libsvm"}) {
    if (EndsWith(name, end)) return FileFormat::kSvmLight;
  }
  const std::string_view text = Trim(bytes);
  if (EndsWith(name, ".json") || text.substr(0, 1) == "[" || text.substr(0, 2) == "{\"") {
    return FileFormat::kJson;
  }
  return FileFormat::kCsv;
}

Result<std::unique_ptr<FileReader>> LookAtPlain(const std::filesystem::path& path,
                                                const std::string& display_name,
                                                const Request& request) {
  PENSTOCK_ASSIGN_OR_RETURN(const FileFormat format,
                            FormatOf(path, display_name, request.options.format));
  if (format == FileFormat::kSvmLight) return LookAtSvmLight(path, display_name, request);
  if (format == FileFormat::kCsv || format == FileFormat::kTsv) {
    return LookAtCsv(path, display_name, request);
  }
  return LookAtTyped(path, display_name, format, request);
}

Status LookAtFile(const std::filesystem::path& path, const std::string& display_name,
                  const Request& request, FileReaders& files) {
  PENSTOCK_ASSIGN_OR_RETURN(PlainFile plain,
                            MakePlain(path, display_name, request.options, request.table_options));
  PENSTOCK_ASSIGN_OR_RETURN(auto file, LookAtPlain(plain.path, display_name, request));
  file->part.copy = std::move(plain.temporary);
  files.push_back(std::move(file));
  return Status::Ok();
}

Result<DatasetInfo> LookAtDataset(const DataSource& source, const Request& request,
                                  FileReaders& files) {
  PENSTOCK_ASSIGN_OR_RETURN(DatasetInfo info, ReadDatasetInfo(source.path, source.display_name));
  std::vector<std::string> names;
  for (const ColumnInfo& column : info.columns) names.push_back(column.name);
  PENSTOCK_RETURN_IF_ERROR(CheckWanted(request, names, source.display_name));
  for (const std::string& part : info.parts) {
    PENSTOCK_ASSIGN_OR_RETURN(auto file,
                              LookAtTyped(source.path / part, source.display_name + "/" + part,
                                          FileFormat::kParquet, request, &info));
    files.push_back(std::move(file));
  }
  return info;
}

// Whether a path in the folder is meant by a pattern.
bool Matches(std::string_view pattern, std::string_view path) {
  if (pattern.substr(0, 3) == "**/") {
    pattern.remove_prefix(3);
    while (true) {
      if (Matches(pattern, path)) return true;
      const std::size_t slash = path.find('/');
      // No folder that is hidden.
      if (slash == std::string_view::npos || path[0] == '.') return false;
      path.remove_prefix(slash + 1);
    }
  }
  const std::size_t end = pattern.find('/');
  const std::size_t slash = path.find('/');
  if ((end == std::string_view::npos) != (slash == std::string_view::npos)) return false;
  const std::string name(path.substr(0, slash));
  const std::string wanted(pattern.substr(0, end));
  if (name[0] == '_' && wanted[0] != '_') return false;
  if (fnmatch(wanted.c_str(), name.c_str(), FNM_PERIOD) != 0) return false;
  return end == std::string_view::npos || Matches(pattern.substr(end + 1), path.substr(slash + 1));
}

// The files of a folder as paths in it, sorted.
Result<std::vector<std::string>> FilesOf(const DataSource& source,
                                         const std::vector<std::string>& patterns) {
  const auto wanted = [&](const std::string& path) {
    if (patterns.empty()) return path[0] != '.' && path[0] != '_';
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return Matches(pattern, path); });
  };
  const bool deep = std::any_of(patterns.begin(), patterns.end(), [](const std::string& pattern) {
    return pattern.find('/') != std::string::npos;
  });
  std::vector<std::string> paths;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entries(source.path, error);
  for (; !error && entries != std::filesystem::recursive_directory_iterator();
       entries.increment(error)) {
    if (!deep) entries.disable_recursion_pending();
    std::error_code unreadable;
    if (!entries->is_regular_file(unreadable)) continue;
    std::string path = entries->path().lexically_relative(source.path).string();
    if (!wanted(path)) continue;
    if (paths.size() == kMaxFiles) {
      return InvalidArgument(source.display_name + ": the folder holds more than " +
                             std::to_string(kMaxFiles) + " data files; put several into one");
    }
    paths.push_back(std::move(path));
  }
  if (error) return ErrnoStatus(error.value(), source.display_name);
  std::sort(paths.begin(), paths.end());
  if (!paths.empty()) return paths;
  return InvalidArgument(source.display_name +
                         (patterns.empty() ? ": the folder holds no data files"
                                           : ": the folder holds no file that read.files means (" +
                                                 Join(patterns, ", ") + ")"));
}

Status LookAtFolder(const DataSource& source, const Request& request, FileReaders& files) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                            FilesOf(source, request.options.files));
  for (const std::string& path : paths) {
    PENSTOCK_RETURN_IF_ERROR(
        LookAtFile(source.path / path, source.display_name + "/" + path, request, files));
  }
  return Status::Ok();
}

}  // namespace

Status LookAtSource(const DataSource& given, const Request& request, FileReaders& files,
                    std::optional<DatasetInfo>* dataset) {
  DataSource source = given;
  if (source.display_name.empty()) source.display_name = source.path.string();
  std::error_code error;
  const auto status = std::filesystem::status(source.path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return NotFound(source.display_name + ": no such file");
  }
  if (error) return ErrnoStatus(error.value(), source.display_name);
  if (IsDataset(source.path)) {
    PENSTOCK_ASSIGN_OR_RETURN(DatasetInfo info, LookAtDataset(source, request, files));
    if (dataset != nullptr) *dataset = std::move(info);
    return Status::Ok();
  }
  if (std::filesystem::is_directory(status)) return LookAtFolder(source, request, files);
  return LookAtFile(source.path, source.display_name, request, files);
}

}  // namespace penstock::reading
