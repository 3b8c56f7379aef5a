#include "steps/table/csv_shape.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/file.h"
#include "base/text.h"

namespace penstock::reading {
namespace {

constexpr std::size_t kHeadBytes = 256 << 10;

std::string At(const std::string& file, int64_t line) {
  return file + ": line " + std::to_string(line);
}
std::string At(const std::string& file, int64_t line, int64_t column) {
  return At(file, line) + ", column " + std::to_string(column);
}

// Content that is no text at all.
Status CheckIsText(std::string_view bytes, const std::string& file) {
  const std::string where = At(file, 1, 1) + ": ";
  if (Trim(bytes.substr(0, kHeadBytes)).empty())
    return InvalidArgument(where + "the file is empty");
  const std::string_view magic = bytes.substr(0, 2);
  if (magic == "\x1F\x8B" || bytes.substr(0, 4) == "PK\x03\x04" || bytes.substr(0, 3) == "BZh" ||
      bytes.substr(0, 4) == "\xFD\x37zX" || bytes.substr(0, 4) == "\x28\xB5\x2F\xFD") {
    return InvalidArgument(where +
                           "the file is compressed; gzip and zstd are read, see "
                           "read.compression, others uncompress first");
  }
  return Status::Ok();
}

std::vector<std::string> Texts(const CsvScanner& scanner) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < scanner.fields(); ++i) {
    texts.emplace_back(Trim(scanner.text(i)));
  }
  return texts;
}

// Whether the first record is a header: given, or told from the names that were given.
bool HasHeader(const ReadOptions& options, const std::vector<std::string>& first) {
  if (options.header) return *options.header;
  if (options.columns.empty()) return true;
  const std::set<std::string> fields(first.begin(), first.end());
  if (std::any_of(options.columns.begin(), options.columns.end(),
                  [&](const ColumnSpec& spec) { return fields.count(spec.name) > 0; })) {
    return true;
  }
  // None of the names: data, unless the line cannot be a row of these columns and holds no number.
  return first.size() != options.columns.size() &&
         std::none_of(first.begin(), first.end(),
                      [](const std::string& text) { return ParseNumber(text).has_value(); });
}

Status CheckHeader(const std::vector<std::string>& names, const Request& request,
                   const std::string& file, int64_t line) {
  const ReadOptions& options = request.options;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string where = At(file, line, static_cast<int64_t>(i) + 1) + ": ";
    if (const auto bad = FirstBadByte(names[i])) {
      return InvalidArgument(where + "byte " + *bad +
                             " is not UTF-8; name its read.encoding (latin-1, windows-1252 …)");
    }
    if (!options.header && ParseNumber(names[i])) {
      return InvalidArgument(where + "the first line looks like data, not like a header (\"" +
                             names[i] +
                             "\"); give read.header: false and name the columns in read.columns, "
                             "or read.header: true");
    }
    if (names[i].empty()) return InvalidArgument(where + "the header has a column without a name");
    if (!seen.insert(names[i]).second) {
      return InvalidArgument(where + "the header names \"" + names[i] + "\" twice");
    }
  }
  for (const ColumnSpec& spec : options.columns) {
    if (request.Wants(spec.name) && !request.IsOptional(spec.name) && seen.count(spec.name) == 0) {
      return InvalidArgument(At(file, line) + ": no column is named \"" + spec.name + "\"" +
                             SuggestColumn(spec.name, names));
    }
  }
  return Status::Ok();
}

// Names for a file without a header: all that the options list, or all but those that nobody wants
// (data to predict have no label yet).
Result<std::vector<std::string>> GivenNames(const Request& request, std::size_t fields,
                                            const std::string& file, int64_t line) {
  std::vector<std::string> all;
  std::vector<std::string> needed;
  for (const ColumnSpec& spec : request.options.columns) {
    all.push_back(spec.name);
    if (!request.IsOptional(spec.name)) needed.push_back(spec.name);
  }
  if (fields == all.size()) return all;
  if (fields == needed.size()) return needed;
  if (all.empty()) {
    for (std::size_t i = 0; i < fields; ++i) all.push_back("column" + std::to_string(i + 1));
    return all;
  }
  return InvalidArgument(At(file, line, static_cast<int64_t>(std::min(fields, all.size())) + 1) +
                         ": the line has " + std::to_string(fields) +
                         " fields, read.columns names " + std::to_string(all.size()) +
                         "; name every column, or see read.delimiter");
}

}  // namespace

Result<CsvShape> FindShape(std::string_view bytes, const std::string& file,
                           const Request& request) {
  const ReadOptions& options = request.options;
  PENSTOCK_RETURN_IF_ERROR(CheckIsText(bytes, file));
  CsvShape shape;
  shape.dialect.quote = options.quote;
  shape.dialect.escape = options.escape.value_or(options.quote);
  shape.dialect.comment = options.comment;
  shape.dialect.skip_lines = options.skip_lines;
  const std::string_view head = bytes.substr(0, kHeadBytes);
  shape.dialect.delimiter = options.delimiter ? *options.delimiter
                            : options.format == FileFormat::kTsv
                                ? '\t'
                                : DetectDelimiter(head, shape.dialect);
  CsvScanner scanner(bytes, shape.dialect);
  if (!scanner.Next()) {
    return InvalidArgument(At(file, scanner.line(), 1) + ": the file has no lines to read");
  }
  if (const auto& error = scanner.quote_error()) {
    return InvalidArgument(
        At(file, scanner.line(error->field), static_cast<int64_t>(error->field) + 1) + ": " +
        error->message);
  }
  const std::vector<std::string> first = Texts(scanner);
  shape.header = HasHeader(options, first);
  if (shape.header) {
    PENSTOCK_RETURN_IF_ERROR(CheckHeader(first, request, file, scanner.line()));
    shape.names = first;
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(shape.names, GivenNames(request, first.size(), file, scanner.line()));
  }
  return shape;
}

std::vector<CsvContent> LookAtHead(std::string_view bytes, const CsvShape& shape,
                                   const ReadOptions& options) {
  constexpr int kRecords = 100;
  std::vector<CsvContent> contents(shape.names.size(), CsvContent::kNothing);
  const TextRules rules{options.trim, &options.nulls};
  CsvScanner scanner(bytes.substr(0, kHeadBytes), shape.dialect);
  if (shape.header) static_cast<void>(scanner.Next());
  for (int i = 0; i < kRecords && scanner.Next(shape.names.size() == 1); ++i) {
    if (scanner.fields() != contents.size()) break;
    // The head may end inside a record.
    if (scanner.offset() >= kHeadBytes) break;
    for (std::size_t j = 0; j < contents.size(); ++j) {
      const double value = NumberOrMark(scanner.text(j), rules);
      if (IsBadNumber(value)) {
        contents[j] = CsvContent::kText;
      } else if (value == value && contents[j] == CsvContent::kNothing) {
        contents[j] = CsvContent::kNumbers;
      }
    }
  }
  return contents;
}

Status CsvProblemStatus(const CsvProblem& problem, const CsvShape& shape, const std::string& file) {
  const auto column = static_cast<std::size_t>(problem.column);
  const std::string name =
      column <= shape.names.size() ? " (" + shape.names[column - 1] + ")" : std::string();
  return InvalidArgument(At(file, problem.line, problem.column) + name + ": " + problem.message);
}

namespace {

// Whether the bytes hold something that DuckDB takes for a part of a number, and ParseNumber does
// not: 1_000, +-1, and other white space than blanks. Quotes may hold line ends.
class PlainCheck {
 public:
  explicit PlainCheck(char quote) : quote_(quote) {}

  void Look(std::string_view bytes) {
    if (!plain_) return;
    const auto holds = [&](char c) { return bytes.find(c) != std::string_view::npos; };
    if ((quote_ != '\0' && holds(quote_)) || holds('\v') || holds('\f')) plain_ = false;
    for (std::size_t at = bytes.find('_'); plain_ && at != std::string_view::npos;
         at = bytes.find('_', at + 1)) {
      // Beside the ends may be anything.
      const bool before = at == 0 || IsDigit(bytes[at - 1]);
      plain_ = !before || (at + 1 < bytes.size() && !IsDigit(bytes[at + 1]));
    }
    for (std::size_t at = bytes.find('+'); plain_ && at != std::string_view::npos;
         at = bytes.find('+', at + 1)) {
      plain_ = at + 1 < bytes.size() && bytes[at + 1] != '-';
    }
  }
  bool plain() const { return plain_; }

 private:
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }

  const char quote_;
  bool plain_ = true;
};

// Which line ends there are. (One inside quotes counts; it costs only speed.)
class LineEnds {
 public:
  void Look(std::string_view bytes) {
    if (bytes.empty() || mixed()) return;
    std::size_t pairs_at_start = 0;
    if (after_return_) {
      (bytes[0] == '\n' ? pair_ : return_) = true;
      pairs_at_start = bytes[0] == '\n' ? 1 : 0;
    }
    after_return_ = bytes.back() == '\r';
    std::size_t next_newline = bytes.find('\n', pairs_at_start);
    std::size_t at = bytes.find('\r');
    if (at == std::string_view::npos) {
      newline_ = newline_ || next_newline != std::string_view::npos;
      return;
    }
    for (; at + 1 < bytes.size() && at != std::string_view::npos; at = bytes.find('\r', at + 1)) {
      if (next_newline < at) newline_ = true;
      (bytes[at + 1] == '\n' ? pair_ : return_) = true;
      next_newline = bytes.find('\n', at + 2);
      if (mixed()) return;
    }
    const std::size_t end = after_return_ ? bytes.size() - 1 : bytes.size();
    if (next_newline < end) newline_ = true;
  }
  // After the last byte.
  void End() { return_ = return_ || after_return_; }
  bool mixed() const { return newline_ + pair_ + return_ > 1; }

 private:
  bool newline_ = false;
  bool pair_ = false;
  bool return_ = false;
  bool after_return_ = false;
};

}  // namespace

Result<CsvBytes> LookAtBytes(const std::filesystem::path& path, const std::string& file, char quote,
                             const std::function<bool()>& cancelled) {
  constexpr std::size_t kWindow = 256 << 10;  // stays in a processor's cache
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, file);
  PlainCheck numbers(quote);
  LineEnds line_ends;
  std::vector<char> window(kWindow);
  for (int64_t i = 0;; ++i) {
    if (i % 16 == 0 && cancelled && cancelled()) return Cancelled("cancelled");
    const ssize_t count = read(fd.get(), window.data(), window.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, file);
    if (count == 0) break;
    const std::string_view bytes(window.data(), static_cast<std::size_t>(count));
    numbers.Look(bytes);
    line_ends.Look(bytes);
  }
  line_ends.End();
  return CsvBytes{line_ends.mixed(), numbers.plain()};
}

}  // namespace penstock::reading
