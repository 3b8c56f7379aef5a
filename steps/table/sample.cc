#include "steps/table/sample.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/random.h"
#include "steps/table/mapped_file.h"
#include "steps/table/read_internal.h"
#include "steps/table/sample_text.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

// What is drawn of one file: indices of its own rows.
using Drawn = std::vector<int64_t>;

Status WriteBytes(const fs::path& path, std::string_view bytes) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  return file ? Status::Ok() : Unavailable("the sample " + path.string() + " cannot be written");
}

bool IsParquet(std::string_view bytes) {
  return bytes.starts_with("PAR1");
}

std::string ParquetSql(const fs::path& path, bool numbered) {
  return "read_parquet(" + reading::SqlPath(path) + ", hive_partitioning=false" +
         (numbered ? ", file_row_number=true)" : ")");
}

Result<int64_t> CountParquet(const fs::path& path, const TableOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection, duck::Connection::Open(options));
  int64_t count = 0;
  PENSTOCK_RETURN_IF_ERROR(connection.Stream(
      "SELECT count(*) FROM " + ParquetSql(path, false), [&](duckdb_data_chunk chunk, int64_t) {
        count =
            *static_cast<int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)));
        return Status::Ok();
      }));
  return count;
}

Status WriteParquetSample(const fs::path& path, const Drawn& drawn, const TableOptions& options,
                          const fs::path& destination) {
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection, duck::Connection::Open(options));
  std::string list;
  for (const int64_t row : drawn) list += (list.empty() ? "" : ",") + std::to_string(row);
  std::error_code error;
  fs::create_directories(destination.parent_path(), error);
  return connection.Run("COPY (SELECT * EXCLUDE (file_row_number) FROM " + ParquetSql(path, true) +
                        " WHERE file_row_number IN (SELECT unnest(CAST([" + list +
                        "] AS BIGINT[]))) ORDER BY file_row_number) TO " +
                        duck::Quote(destination.string()) + " (FORMAT parquet)");
}

// The rows of one text file that were drawn, with what stands around them.
class TextSample {
 public:
  TextSample(const RawTable::Part& part, std::string_view bytes, SamplePlaces& places)
      : part_(part), bytes_(bytes), form_(reading::FormOf(part, bytes)), places_(places) {}

  int64_t Count() const {
    int64_t rows = 0;
    reading::EachTextRow(form_, part_, bytes_, [&](const reading::TextRow&) {
      ++rows;
      return true;
    });
    return rows;
  }

  std::string Take(const Drawn& drawn) {
    const bool list = form_ == reading::TextForm::kJsonList;
    std::string text = list ? "[\n" : std::string(Prologue());
    int64_t line = 1 + std::count(text.begin(), text.end(), '\n');
    places_.AddLine(part_.display_name, 1, 1);
    auto next = drawn.begin();
    int64_t row = 0;
    reading::EachTextRow(form_, part_, bytes_, [&](const reading::TextRow& found) {
      if (next == drawn.end()) return false;
      if (row++ != *next) return true;
      const std::string_view own = bytes_.substr(found.begin, found.end - found.begin);
      const std::size_t before = text.size();
      if (list && next != drawn.begin()) text += ",\n";
      places_.AddRow(part_.display_name, 1 + (next - drawn.begin()), row);
      places_.AddLine(part_.display_name, line, found.line);
      text += own;
      if (!list && !own.ends_with('\n') && !own.ends_with('\r')) text += '\n';
      line += std::count(text.begin() + static_cast<std::ptrdiff_t>(before), text.end(), '\n');
      ++next;
      return true;
    });
    if (list) text += "\n]\n";
    return text;
  }

 private:
  // Everything before the first row.
  std::string_view Prologue() const {
    std::size_t end = bytes_.size();
    reading::EachTextRow(form_, part_, bytes_, [&](const reading::TextRow& first) {
      end = first.begin;
      return false;
    });
    return bytes_.substr(0, end);
  }

  const RawTable::Part& part_;
  const std::string_view bytes_;
  const reading::TextForm form_;
  SamplePlaces& places_;
};

// One file of the source.
class FileSample {
 public:
  FileSample(const RawTable::Part& part, fs::path original, fs::path destination)
      : part_(part), original_(std::move(original)), destination_(std::move(destination)) {}

  Result<int64_t> Count(const TableOptions& options) {
    PENSTOCK_ASSIGN_OR_RETURN(const MappedFile file,
                              MappedFile::Open(part_.path, part_.display_name));
    if (IsParquet(file.bytes())) return CountParquet(part_.path, options);
    SamplePlaces none;
    return TextSample(part_, file.bytes(), none).Count();
  }

  Status Write(const Drawn& drawn, const ReadOptions& options, const TableOptions& table_options,
               SamplePlaces& places) {
    PENSTOCK_ASSIGN_OR_RETURN(const MappedFile file,
                              MappedFile::Open(part_.path, part_.display_name));
    if (IsParquet(file.bytes())) {
      for (std::size_t i = 0; i < drawn.size(); ++i) {
        places.AddRow(part_.display_name, static_cast<int64_t>(i) + 1, drawn[i] + 1);
      }
      return WriteParquetSample(part_.path, drawn, table_options, destination_);
    }
    std::string text = TextSample(part_, file.bytes(), places).Take(drawn);
    PENSTOCK_ASSIGN_OR_RETURN(text, reading::EncodeText(std::move(text), options.encoding));
    PENSTOCK_ASSIGN_OR_RETURN(text, reading::CompressLike(original_, std::move(text)));
    return WriteBytes(destination_, text);
  }

 private:
  const RawTable::Part& part_;
  const fs::path original_;
  const fs::path destination_;
};

Result<Sampled> SampleFiles(const DataSource& source, const reading::FileReaders& readers,
                            const ReadOptions& options, int64_t rows, uint64_t seed,
                            const TableOptions& table_options, const fs::path& destination) {
  Sampled sampled;
  std::vector<FileSample> files;
  std::vector<int64_t> first = {0};
  const bool folder = fs::is_directory(source.path);
  for (const auto& reader : readers) {
    // Behind the folder's name stands the path in it.
    const fs::path inside =
        folder ? fs::path(reader->part.display_name.substr(source.display_name.size() + 1))
               : fs::path();
    files.emplace_back(reader->part, folder ? source.path / inside : source.path,
                       folder ? destination / inside : destination);
    PENSTOCK_ASSIGN_OR_RETURN(const int64_t count, files.back().Count(table_options));
    first.push_back(first.back() + count);
  }
  sampled.total = first.back();
  sampled.rows = std::min(rows, sampled.total);
  sampled.whole = sampled.total <= rows;
  if (sampled.whole) return sampled;
  const std::vector<int64_t> drawn = DrawRows(sampled.total, rows, seed);
  auto next = drawn.begin();
  for (std::size_t i = 0; i < files.size(); ++i) {
    Drawn own;
    for (; next != drawn.end() && *next < first[i + 1]; ++next) own.push_back(*next - first[i]);
    PENSTOCK_RETURN_IF_ERROR(files[i].Write(own, options, table_options, sampled.places));
  }
  return sampled;
}

// The values at `drawn`, which are rows of the whole, of those in this block.
void AppendDrawn(const Table& block, int64_t first_row, const std::vector<int64_t>& drawn,
                 std::vector<std::vector<std::string>>& texts,
                 std::vector<std::vector<bool>>& present, Table& table) {
  const auto begin = std::lower_bound(drawn.begin(), drawn.end(), first_row);
  const auto end = std::lower_bound(begin, drawn.end(), first_row + block.rows);
  for (std::size_t j = 0; j < block.columns.size(); ++j) {
    const Column& from = block.columns[j];
    for (auto at = begin; at != end; ++at) {
      const auto row = static_cast<std::size_t>(*at - first_row);
      if (!from.is_text()) {
        table.columns[j].numbers.push_back(from.numbers[row]);
        continue;
      }
      present[j].push_back(!from.missing(row));
      texts[j].push_back(from.missing(row) ? std::string() : from.strings[row]);
    }
  }
}

Result<Sampled> SampleDataset(const DataSource& source, int64_t rows, uint64_t seed,
                              const FrameOptions& frame_options, const fs::path& destination) {
  PENSTOCK_ASSIGN_OR_RETURN(const RawFrame raw, ReadFrame({source}, {}, {}, {}, frame_options));
  const Frame& frame = raw.frame;
  Sampled sampled;
  sampled.total = frame.rows();
  sampled.rows = std::min(rows, frame.rows());
  sampled.whole = frame.rows() <= rows;
  if (sampled.whole) return sampled;
  const std::vector<int64_t> drawn = DrawRows(frame.rows(), rows, seed);
  Table table;
  table.rows = rows;
  std::vector<std::string> names;
  for (const ColumnInfo& info : frame.columns()) {
    table.columns.push_back({.info = info, .numbers = {}, .strings = {}});
    names.push_back(info.name);
  }
  std::vector<std::vector<std::string>> texts(names.size());
  std::vector<std::vector<bool>> present(names.size());
  for (int64_t block = 0; block < frame.blocks(); ++block) {
    PENSTOCK_RETURN_IF_ERROR(frame.Visit(block, names, [&](int64_t, const Table& values) {
      AppendDrawn(values, frame.first_row(block), drawn, texts, present, table);
      return Status::Ok();
    }));
  }
  for (std::size_t j = 0; j < names.size(); ++j) {
    if (!table.columns[j].is_text()) continue;
    table.columns[j].strings =
        MakeStringColumn(names[j], texts[j], ColumnKind::kCategorical, present[j]).strings;
  }
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    sampled.places.AddRow(source.display_name, static_cast<int64_t>(i) + 1, drawn[i] + 1);
  }
  DatasetInfo info = *raw.dataset;
  info.parts = DatasetInfo().parts;
  PENSTOCK_RETURN_IF_ERROR(WriteDataset(destination, table, info, frame_options.table));
  std::error_code error;
  if (fs::exists(source.path / "transform", error)) {
    fs::copy(source.path / "transform", destination / "transform", fs::copy_options::recursive,
             error);
  }
  if (error) return ErrnoStatus(error.value(), "the transform of the sample");
  return sampled;
}

}  // namespace

void SamplePlaces::AddLine(const std::string& file, int64_t sampled, int64_t original) {
  lines_[file].emplace_back(sampled, original);
}

void SamplePlaces::AddRow(const std::string& file, int64_t sampled, int64_t original) {
  rows_[file].emplace_back(sampled, original);
}

void SamplePlaces::Replace(const Places& places, const std::string& before, std::string& message) {
  for (std::size_t at = message.find(before); at != std::string::npos;
       at = message.find(before, at)) {
    at += before.size();
    const char* begin = message.data() + at;
    int64_t number = 0;
    const auto [end, error] = std::from_chars(begin, message.data() + message.size(), number);
    if (error != std::errc()) continue;
    // The last place at or before it; what lies between two belongs to the first of them.
    const auto after = std::upper_bound(places.begin(), places.end(), std::pair(number, INT64_MAX));
    if (after == places.begin()) continue;
    const auto [sampled, original] = *std::prev(after);
    const std::string restored = std::to_string(original + number - sampled);
    message.replace(at, static_cast<std::size_t>(end - begin), restored);
    at += restored.size();
  }
}

std::string SamplePlaces::Restore(std::string message) const {
  for (const auto& [file, places] : lines_) Replace(places, file + ": line ", message);
  for (const auto& [file, places] : rows_) Replace(places, file + ": row ", message);
  return message;
}

std::vector<int64_t> DrawRows(int64_t total, int64_t count, uint64_t seed) {
  SeededRandom random(seed);
  std::set<int64_t> drawn;
  for (int64_t j = std::max<int64_t>(0, total - count); j < total; ++j) {
    const auto t = static_cast<int64_t>(random.NextDouble() * static_cast<double>(j + 1));
    if (!drawn.insert(t).second) drawn.insert(j);
  }
  return {drawn.begin(), drawn.end()};
}

Result<Sampled> SampleData(const DataSource& given, const ReadOptions& options, int64_t rows,
                           uint64_t seed, const FrameOptions& frame_options,
                           const fs::path& destination) {
  if (rows < 1) return InvalidArgument("a sample has at least one row");
  DataSource source = given;
  if (source.display_name.empty()) source.display_name = source.path.string();
  if (IsDataset(source.path)) {
    return SampleDataset(source, rows, seed, frame_options, destination);
  }
  TableOptions table_options = frame_options.table;
  if (table_options.scratch.empty()) table_options.scratch = frame_options.scratch;
  const std::vector<std::string> all;
  const reading::Request request{options, all, all, table_options};
  reading::FileReaders readers;
  PENSTOCK_RETURN_IF_ERROR(reading::LookAtSource(source, request, readers, nullptr));
  return SampleFiles(source, readers, options, rows, seed, table_options, destination);
}

}  // namespace penstock
