#include "steps/import/postgres_rows.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "steps/table/frame.h"
#include "steps/table/schema.h"

namespace penstock::importing {
namespace {

// Of the server's catalogue; they never change.
constexpr uint32_t kBool = 16;
constexpr uint32_t kInt8 = 20;
constexpr uint32_t kInt2 = 21;
constexpr uint32_t kInt4 = 23;
constexpr uint32_t kOid = 26;
constexpr uint32_t kFloat4 = 700;
constexpr uint32_t kFloat8 = 701;
constexpr uint32_t kDate = 1082;
constexpr uint32_t kTimestamp = 1114;
constexpr uint32_t kTimestampTz = 1184;
constexpr uint32_t kNumeric = 1700;

// A block has no more text than this, however few rows that are.
constexpr std::size_t kBlockBytes = 32 << 20;
constexpr int64_t kExact = int64_t{1} << 53;

char Unescaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      return c;
  }
}

// "part-00007.parquet"
std::string PartName(std::size_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "part-%05zu.parquet", number);
  return name;
}

}  // namespace

ColumnInfo ColumnOf(const std::string& name, uint32_t type) {
  ColumnInfo info;
  info.name = name;
  switch (type) {
    case kBool:
      info.type = ColumnType::kBoolean;
      break;
    case kInt2:
    case kInt4:
    case kInt8:
    case kOid:
      info.type = ColumnType::kInteger;
      break;
    case kFloat4:
    case kFloat8:
    case kNumeric:
      info.type = ColumnType::kDouble;
      break;
    case kDate:
      info.type = ColumnType::kDate;
      info.kind = ColumnKind::kDate;
      break;
    case kTimestamp:
    case kTimestampTz:
      info.type = ColumnType::kTimestamp;
      info.kind = ColumnKind::kDate;
      break;
    default:
      info.type = ColumnType::kString;
      info.kind = ColumnKind::kCategorical;
  }
  return info;
}

RowWriter::RowWriter(const std::vector<PostgresConnection::ResultColumn>& columns,
                     std::filesystem::path folder, std::filesystem::path scratch,
                     TableOptions options)
    : folder_(std::move(folder)), scratch_(std::move(scratch)), options_(std::move(options)) {
  for (const auto& [name, type] : columns) {
    Cells cells;
    cells.info = ColumnOf(name, type);
    cells.whole = cells.info.type == ColumnType::kInteger;
    info_.columns.push_back(cells.info);
    columns_.push_back(std::move(cells));
  }
  info_.parts.clear();
}

Status RowWriter::Wrong(const Cells& cells, const std::string& text, const std::string& why) const {
  return InvalidArgument("row " + std::to_string(rows() + 1) + ", column \"" + cells.info.name +
                         "\": " + TruncateUtf8(text, 60) + " " + why);
}

Status RowWriter::Add(std::string_view line) {
  block_bytes_ += line.size();
  for (Cells& cells : columns_) {
    const auto tab = std::min(line.find('\t'), line.size());
    PENSTOCK_RETURN_IF_ERROR(AddCell(cells, line.substr(0, tab)));
    line.remove_prefix(std::min(line.size(), tab + 1));
  }
  ++block_rows_;
  if (block_rows_ < kBlockRows && block_bytes_ < kBlockBytes) return Status::Ok();
  return WritePart();
}

Status RowWriter::AddCell(Cells& cells, std::string_view field) {
  const bool null = field == "\\N";
  text_.clear();
  for (std::size_t i = 0; i < field.size() && !null; ++i) {
    if (field[i] == '\\' && i + 1 < field.size()) {
      text_ += Unescaped(field[++i]);
    } else {
      text_ += field[i];
    }
  }
  switch (cells.info.type) {
    case ColumnType::kBoolean:
      cells.numbers.push_back(null ? kMissing : text_ == "t" ? 1 : 0);
      return Status::Ok();
    case ColumnType::kInteger:
    case ColumnType::kDouble:
      if (!null) return AddNumber(cells, text_);
      cells.numbers.push_back(kMissing);
      return Status::Ok();
    case ColumnType::kDate:
    case ColumnType::kTimestamp:
      if (!null) return AddTime(cells, text_);
      break;
    case ColumnType::kString:
      if (!IsUtf8(text_)) {
        return Wrong(cells, "a value",
                     "is no UTF-8; the database keeps another encoding than it "
                     "says");
      }
      break;
  }
  cells.texts.push_back(text_);
  cells.present.push_back(!null);
  return Status::Ok();
}

Status RowWriter::AddNumber(Cells& cells, const std::string& text) {
  const char* end = text.data() + text.size();
  if (cells.whole) {
    int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) return Wrong(cells, text, "is no integer");
    if (number > kExact || number < -kExact) {
      return Wrong(cells, text,
                   "is beyond 2^53, where not every integer has a number of 64 bits; cast the "
                   "column in the query, ::text for a key or ::double precision for a quantity");
    }
    cells.numbers.push_back(static_cast<double>(number));
    return Status::Ok();
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double number = kMissing;
  if (text == "Infinity" || text == "-Infinity") {
    number = text[0] == '-' ? -kInfinity : kInfinity;
  } else if (text != "NaN") {
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) {
      return Wrong(cells, text, "is out of the range of numbers of 64 bits; cast it to text");
    }
  }
  cells.numbers.push_back(number == 0 ? 0 : number);
  return Status::Ok();
}

Status RowWriter::AddTime(Cells& cells, std::string text) {
  if (text.size() > 10 && text[10] == ' ') text[10] = 'T';
  // The session's zone is UTC.
  if (text.size() > 19 && text.ends_with("+00")) text.replace(text.size() - 3, 3, "Z");
  if (!ParseIsoDate(text)) {
    return Wrong(cells, text, "is no date of the years 0 to 9999; cast the column to text");
  }
  cells.texts.push_back(std::move(text));
  cells.present.push_back(true);
  return Status::Ok();
}

Status RowWriter::WritePart() {
  Table table;
  table.rows = block_rows_;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Cells& cells = columns_[i];
    Column column =
        Column{cells.info, {}, {}}.is_text()
            ? MakeStringColumn(cells.info.name, cells.texts, cells.info.kind, cells.present)
            : MakeNumberColumn(cells.info.name, std::move(cells.numbers));
    column.info.type = cells.info.type;
    column.info.kind = cells.info.kind;
    info_.columns[i].nullable = info_.columns[i].nullable || column.info.nullable;
    table.columns.push_back(std::move(column));
    cells.numbers = {};
    cells.texts = {};
    cells.present = {};
  }
  const std::filesystem::path part = scratch_ / "part";
  PENSTOCK_RETURN_IF_ERROR(RemoveAll(part));
  PENSTOCK_RETURN_IF_ERROR(WriteDataset(part, table, {}, options_));
  info_.parts.push_back(PartName(info_.parts.size()));
  std::error_code error;
  std::filesystem::rename(part / PartName(0), folder_ / info_.parts.back(), error);
  if (error) return ErrnoStatus(error.value(), info_.parts.back());
  rows_ += std::exchange(block_rows_, 0);
  block_bytes_ = 0;
  return Status::Ok();
}

Status RowWriter::Finish() {
  if (block_rows_ > 0 || info_.parts.empty()) PENSTOCK_RETURN_IF_ERROR(WritePart());
  info_.rows = rows_;
  return WriteFileAtomic(folder_ / kDatasetFile, DumpJson(DatasetInfoToJson(info_)) + "\n");
}

}  // namespace penstock::importing
