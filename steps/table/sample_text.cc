#include "steps/table/sample_text.h"

#include <iconv.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

#include "base/text.h"
#include "steps/table/csv.h"

namespace penstock::reading {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

using Visit = std::function<bool(const TextRow&)>;

std::size_t TextStart(std::string_view bytes) {
  return bytes.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
}

void EachCsvRow(const RawTable::Part& part, std::string_view bytes, const Visit& visit) {
  CsvScanner scanner(bytes, part.dialect);
  if (part.header) static_cast<void>(scanner.Next());
  while (scanner.Next(part.names.size() == 1)) {
    const auto begin = static_cast<std::size_t>(scanner.raw(0).data() - bytes.data());
    if (!visit({begin, scanner.offset(), scanner.line()})) return;
  }
}

void EachSvmLightRow(std::string_view bytes, const Visit& visit) {
  int64_t line = 0;
  for (std::size_t at = TextStart(bytes); at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size() - 1) + 1;
    ++line;
    const std::string_view text = bytes.substr(at, end - at);
    if (!Trim(text.substr(0, text.find('#'))).empty() && !visit({at, end, line})) return;
    at = end;
  }
}

// The end of the JSON value that begins at `at`: of an object or a list behind its bracket, of
// another value before what ends it.
std::size_t EndOfValue(std::string_view bytes, std::size_t at) {
  int depth = 0;
  bool in_text = false;
  for (; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (in_text) {
      if (c == '\\') {
        ++at;
      } else if (c == '"') {
        in_text = false;
        if (depth == 0) return at + 1;
      }
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    } else if (depth == 0 && (c == ',' || kBlanks.find(c) != std::string_view::npos)) {
      return at;
    }
  }
  return std::min(at, bytes.size());
}

// Values one after the other, in a list or not.
void EachJsonRow(std::string_view bytes, bool list, const Visit& visit) {
  const std::string_view between = list ? std::string_view(" \t\r\n,") : kBlanks;
  std::size_t at = TextStart(bytes);
  if (list) at = bytes.find('[', at) + 1;
  std::size_t counted = 0;
  int64_t line = 1;
  while (true) {
    at = bytes.find_first_not_of(between, at);
    if (at == std::string_view::npos || (list && bytes[at] == ']')) return;
    const std::size_t end = EndOfValue(bytes, at);
    if (end == at) return;  // no JSON: reading it says so
    line += std::count(bytes.begin() + static_cast<std::ptrdiff_t>(counted),
                       bytes.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    counted = at;
    if (!visit({at, end, line})) return;
    at = end;
  }
}

std::string IconvName(const std::string& encoding) {
  std::string name = encoding;
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (name.empty() || name == "utf-8" || name == "utf8") return {};
  if (name == "utf-16" || name == "utf16") return "UTF-16LE";
  if (name == "latin-1" || name == "latin1") return "ISO-8859-1";
  return encoding;
}

Result<std::string> Gzip(const std::string& bytes) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  constexpr int kMemory = 8;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemory,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return ResourceExhausted("no memory to compress a sample");
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  const std::size_t size = stream.total_out;
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return Internal("a sample could not be compressed");
  return out.substr(0, size);
}

}  // namespace

TextForm FormOf(const RawTable::Part& part, std::string_view bytes) {
  if (part.csv) return TextForm::kCsv;
  const std::size_t first = bytes.find_first_not_of(kBlanks, TextStart(bytes));
  if (first == std::string_view::npos) return TextForm::kSvmLight;
  if (bytes[first] == '[') return TextForm::kJsonList;
  return bytes[first] == '{' ? TextForm::kJsonValues : TextForm::kSvmLight;
}

void EachTextRow(TextForm form, const RawTable::Part& part, std::string_view bytes,
                 const std::function<bool(const TextRow&)>& visit) {
  switch (form) {
    case TextForm::kCsv:
      return EachCsvRow(part, bytes, visit);
    case TextForm::kJsonList:
      return EachJsonRow(bytes, /*list=*/true, visit);
    case TextForm::kJsonValues:
      return EachJsonRow(bytes, /*list=*/false, visit);
    case TextForm::kSvmLight:
      return EachSvmLightRow(bytes, visit);
  }
}

Result<std::string> EncodeText(std::string text, const std::string& encoding) {
  const std::string name = IconvName(encoding);
  if (name.empty()) return text;
  const iconv_t descriptor = iconv_open(name.c_str(), "UTF-8");
  if (descriptor == reinterpret_cast<iconv_t>(-1)) {
    return InvalidArgument("read.encoding: nothing can be written in \"" + encoding + "\" here");
  }
  std::string out;
  std::array<char, 64 << 10> window{};
  char* next = text.data();
  std::size_t left = text.size();
  bool good = true;
  while (left > 0 && good) {
    char* to = window.data();
    std::size_t room = window.size();
    const bool failed = iconv(descriptor, &next, &left, &to, &room) == static_cast<std::size_t>(-1);
    good = !failed || errno == E2BIG;
    out.append(window.data(), window.size() - room);
  }
  iconv_close(descriptor);
  if (!good) {
    return InvalidArgument("read.encoding: a sample cannot be written in \"" + encoding +
                           "\"; try the step without one");
  }
  return out;
}

Result<std::string> CompressLike(const std::filesystem::path& like, std::string bytes) {
  std::array<char, 4> head{};
  std::ifstream file(like, std::ios::binary);
  file.read(head.data(), head.size());
  const std::string_view magic(head.data(), static_cast<std::size_t>(file.gcount()));
  if (magic.starts_with("\x1F\x8B")) return Gzip(bytes);
  if (magic != "\x28\xB5\x2F\xFD") return bytes;
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  constexpr int kLevel = 3;
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(size) != 0) return ResourceExhausted("no memory to compress a sample");
  return out.substr(0, size);
}

}  // namespace penstock::reading
