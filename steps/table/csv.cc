#include "steps/table/csv.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace penstock {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

int64_t CountLines(std::string_view text) {
  int64_t lines = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n'))) {
      ++lines;
    }
  }
  return lines;
}

std::string Fields(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " field" : " fields");
}

}  // namespace

CsvScanner::CsvScanner(std::string_view bytes, const CsvDialect& dialect)
    : bytes_(bytes), dialect_(dialect) {
  if (bytes_.substr(0, kByteOrderMark.size()) == kByteOrderMark) at_ = kByteOrderMark.size();
  for (int i = 0; i < dialect_.skip_lines && at_ < bytes_.size(); ++i) SkipLine();
}

void CsvScanner::SkipLine() {
  while (at_ < bytes_.size() && bytes_[at_] != '\n' && bytes_[at_] != '\r') ++at_;
  SkipNewline();
}

bool CsvScanner::SkipNewline() {
  if (at_ >= bytes_.size() || (bytes_[at_] != '\n' && bytes_[at_] != '\r')) return false;
  at_ += bytes_[at_] == '\r' && at_ + 1 < bytes_.size() && bytes_[at_ + 1] == '\n' ? 2 : 1;
  ++next_line_;
  return true;
}

void CsvScanner::ReadField() {
  Field field{at_, at_, false};
  std::size_t first = at_;
  while (first < bytes_.size() && bytes_[first] == ' ') ++first;
  if (dialect_.quote != '\0' && first < bytes_.size() && bytes_[first] == dialect_.quote) {
    field.quoted = true;
    const std::size_t open = first;
    at_ = first + 1;
    bool closed = false;
    while (at_ < bytes_.size() && !closed) {
      const char c = bytes_[at_];
      if (c == dialect_.escape && at_ + 1 < bytes_.size() &&
          (bytes_[at_ + 1] == dialect_.quote || bytes_[at_ + 1] == dialect_.escape)) {
        at_ += 2;
      } else {
        closed = c == dialect_.quote;
        ++at_;
      }
    }
    next_line_ += CountLines(bytes_.substr(open, at_ - open));
    if (!closed && !quote_error_) {
      quote_error_ = {fields_.size(), "the quote that opens here is never closed"};
    }
    const std::size_t after = at_;
    while (at_ < bytes_.size() && bytes_[at_] == ' ') ++at_;
    if (at_ < bytes_.size() && bytes_[at_] != dialect_.delimiter && bytes_[at_] != '\n' &&
        bytes_[at_] != '\r') {
      if (!quote_error_) {
        quote_error_ = {fields_.size(), "text follows the closing quote"};
      }
      at_ = after;
    }
  }
  while (at_ < bytes_.size() && bytes_[at_] != dialect_.delimiter && bytes_[at_] != '\n' &&
         bytes_[at_] != '\r') {
    ++at_;
  }
  field.end = at_;
  fields_.push_back(field);
}

bool CsvScanner::Next(bool keep_blank) {
  fields_.clear();
  quote_error_.reset();
  while (at_ < bytes_.size()) {
    if (dialect_.comment != '\0') {
      std::size_t first = at_;
      while (first < bytes_.size() && bytes_[first] == ' ') ++first;
      if (first < bytes_.size() && bytes_[first] == dialect_.comment) {
        SkipLine();
        continue;
      }
    }
    if (keep_blank || !SkipNewline()) break;
  }
  line_ = next_line_;
  if (at_ >= bytes_.size()) return false;
  while (true) {
    ReadField();
    if (at_ >= bytes_.size() || bytes_[at_] != dialect_.delimiter) break;
    ++at_;
  }
  SkipNewline();
  return true;
}

std::string_view CsvScanner::raw(std::size_t field) const {
  return bytes_.substr(fields_[field].begin, fields_[field].end - fields_[field].begin);
}

std::string CsvScanner::text(std::size_t field) const {
  std::string_view text = raw(field);
  if (!fields_[field].quoted) return std::string(text);
  text = Trim(text);
  if (!text.empty()) text.remove_prefix(1);
  if (!text.empty() && text.back() == dialect_.quote) text.remove_suffix(1);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == dialect_.escape && i + 1 < text.size() &&
        (text[i + 1] == dialect_.quote || text[i + 1] == dialect_.escape)) {
      ++i;
    }
    out += text[i];
  }
  return out;
}

int64_t CsvScanner::line(std::size_t field) const {
  if (fields_.empty()) return line_;
  const std::size_t begin = fields_.front().begin;
  return line_ + CountLines(bytes_.substr(begin, fields_[field].begin - begin));
}

char DetectDelimiter(std::string_view head, CsvDialect dialect) {
  char best = ',';
  std::size_t best_score = 0;
  for (const char delimiter : {',', ';', '\t', '|'}) {
    dialect.delimiter = delimiter;
    CsvScanner scanner(head, dialect);
    std::map<std::size_t, std::size_t> seen;  // fields -> records
    std::size_t records = 0;
    while (records < 100 && scanner.Next()) {
      // The head may end inside a record.
      if (scanner.offset() >= head.size() && records > 0) break;
      ++records;
      ++seen[scanner.fields()];
    }
    for (const auto& [fields, count] : seen) {
      // Agreement first, then width: a comma inside most texts loses against regular semicolons.
      const std::size_t score = fields < 2
                                    ? 0
                                    : count * 1'000 / std::max<std::size_t>(1, records) * 1'000 +
                                          std::min<std::size_t>(fields, 999);
      if (score > best_score) {
        best_score = score;
        best = delimiter;
      }
    }
  }
  return best;
}

std::optional<std::string> FirstBadByte(std::string_view text) {
  if (IsUtf8(text)) return std::nullopt;
  // The shortest prefix that no continuation can mend ends with the bad byte.
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (!IsUtf8(text.substr(i, length))) {
      static constexpr char kDigits[] = "0123456789ABCDEF";
      return std::string("0x") + kDigits[lead >> 4] + kDigits[lead & 15];
    }
    i += length;
  }
  return std::nullopt;
}

std::optional<CsvProblem> FindRecordProblem(const CsvScanner& scanner, std::size_t columns) {
  for (std::size_t i = 0; i < scanner.fields(); ++i) {
    if (const auto bad = FirstBadByte(scanner.raw(i))) {
      return CsvProblem{scanner.line(i), static_cast<int64_t>(i) + 1,
                        "byte " + *bad + " is not UTF-8; name its read.encoding (latin-1, windows-1252 …)"};
    }
  }
  if (const auto& error = scanner.quote_error()) {
    return CsvProblem{scanner.line(error->field), static_cast<int64_t>(error->field) + 1,
                      error->message};
  }
  if (scanner.fields() == columns) return std::nullopt;
  const std::size_t column = std::min(scanner.fields(), columns) + 1;
  return CsvProblem{scanner.line(), static_cast<int64_t>(column),
                    "the line has " + Fields(scanner.fields()) + ", " + std::to_string(columns) +
                        " are expected; mend the line, or see read.delimiter and read.quote"};
}

}  // namespace penstock
