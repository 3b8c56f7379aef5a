#include <algorithm>
#include <utility>

#include "base/text.h"
#include "steps/table/read_internal.h"

namespace penstock::reading {
namespace {

bool IsText(const ColumnInfo& info) {
  return !TargetColumn{info, {}}.is_number();
}

std::vector<std::string> NamesOf(const FileReader& file) {
  std::vector<std::string> names;
  for (const FileColumn& column : file.columns) names.push_back(column.info.name);
  return names;
}

void BecomeText(TargetColumn& column) {
  column.info.type = ColumnType::kString;
  column.info.kind = ColumnKind::kCategorical;
  column.guessed = false;
}

// All files get the features that any of them has.
Status UniteFeatures(const FileReaders& files) {
  std::optional<FileReader::Features> all;
  for (const auto& file : files) {
    const std::optional<FileReader::Features> own = file->features();
    if (!own) continue;
    if (!all) all = own;
    all = FileReader::Features{std::min(all->first, own->first), std::max(all->end, own->end)};
  }
  for (const auto& file : files) {
    if (all) PENSTOCK_RETURN_IF_ERROR(file->SetFeatures(*all));
  }
  return Status::Ok();
}

// The columns that all files have, as one of them has or as all can be.
Result<std::vector<TargetColumn>> Unite(const FileReaders& files, const Request& request) {
  std::vector<TargetColumn> columns;
  if (files.empty()) return columns;
  for (const FileColumn& column : files.front()->columns) {
    TargetColumn target{column.info, {request.options.trim, &request.options.nulls}, false};
    const std::optional<ColumnKind> kind = request.KindOf(column.info.name);
    target.guessed = !kind && column.guessed;
    // Where a column is said to be of numbers, blanks around them never count.
    if (kind == ColumnKind::kNumeric) target.rules.trim = true;
    columns.push_back(std::move(target));
  }
  const std::vector<std::string> names = NamesOf(*files.front());
  for (const auto& file : files) {
    if (const std::vector<std::string> others = NamesOf(*file); others != names) {
      return InvalidArgument(file->part.display_name + ": its columns (" + Join(others, ", ") +
                             ") differ from those of " + files.front()->part.display_name + " (" +
                             Join(names, ", ") +
                             "); all parts must have the same columns in the same order");
    }
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const FileColumn& other = file->columns[j];
      TargetColumn& column = columns[j];
      column.guessed = column.guessed || (other.guessed && !request.KindOf(other.info.name));
      if (IsText(column.info)) continue;
      if (IsText(other.info)) {
        BecomeText(column);
      } else if (column.info.type != other.info.type) {
        column.info.type = ColumnType::kDouble;
      }
    }
  }
  for (TargetColumn& column : columns) column.guessed = column.guessed && !IsText(column.info);
  return columns;
}

}  // namespace

RowWriter::RowWriter(std::vector<TargetColumn> columns, Put put, bool search)
    : columns_(std::move(columns)),
      put_(std::move(put)),
      search_(search),
      block_size_(BlockRows(columns_.size())) {
  for (const TargetColumn& column : columns_) {
    builders_.push_back(std::make_unique<ColumnBuilder>(column.info, column.rules));
  }
}

// Looks for texts among the numbers that were appended last.
Status RowWriter::Check() {
  bool stop = false;
  for (std::size_t j = 0; j < builders_.size(); ++j) {
    const auto& bad = builders_[j]->bad_number();
    if (!bad) continue;
    if (columns_[j].guessed) {
      if (std::find(contradicted_.begin(), contradicted_.end(), j) == contradicted_.end()) {
        contradicted_.push_back(j);
      }
      stop = stop || !search_;
      continue;
    }
    stop = true;
    if (!bad_ || first_row_ + bad->row < bad_->row) {
      bad_ = BadNumber{first_row_ + bad->row, j, bad->text};
    }
  }
  return stop ? Aborted("a text among numbers") : Status::Ok();
}

Status RowWriter::Flush() {
  Table block;
  block.rows = block_rows_;
  for (const auto& builder : builders_) block.columns.push_back(builder->Take());
  first_row_ += block_rows_;
  block_rows_ = 0;
  return search_ ? Status::Ok() : put_(std::move(block));
}

Status RowWriter::Append(duckdb_data_chunk chunk, const std::vector<duckdb_type>& types,
                         int64_t begin, int64_t rows, bool marks) {
  while (begin < rows) {
    if (block_rows_ == 0) {
      for (const auto& builder : builders_) builder->Reserve(block_size_);
    }
    const int64_t count = std::min(rows - begin, block_size_ - block_rows_);
    for (std::size_t j = 0; j < builders_.size(); ++j) {
      builders_[j]->Append(duckdb_data_chunk_get_vector(chunk, j), types[j], begin, count, marks);
    }
    PENSTOCK_RETURN_IF_ERROR(Check());
    begin += count;
    block_rows_ += count;
    if (block_rows_ == block_size_) PENSTOCK_RETURN_IF_ERROR(Flush());
  }
  return Status::Ok();
}

Status RowWriter::EndRow() {
  for (const auto& builder : builders_) {
    if (builder->bad_number()) {
      PENSTOCK_RETURN_IF_ERROR(Check());
      break;
    }
  }
  return ++block_rows_ == block_size_ ? Flush() : Status::Ok();
}

Status RowWriter::Finish() {
  return block_rows_ > 0 || first_row_ == 0 ? Flush() : Status::Ok();
}

Result<Sources> ReadAll(const std::vector<DataSource>& sources, const Request& request,
                        const std::function<void()>& start, const RowWriter::Put& put) {
  Sources found;
  FileReaders files;
  for (const DataSource& source : sources) {
    PENSTOCK_RETURN_IF_ERROR(
        LookAtSource(source, request, files, files.empty() ? &found.dataset : nullptr));
  }
  PENSTOCK_RETURN_IF_ERROR(UniteFeatures(files));
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<TargetColumn> columns, Unite(files, request));
  // A text ends the first and the second reading; the third looks for all that there are.
  constexpr int kSearch = 2;
  for (int reading = 0;; ++reading) {
    RowWriter writer(columns, put, reading == kSearch);
    start();
    for (const auto& file : files) {
      file->part.first_row = writer.rows();
      Status status = file->Read(writer);
      if (!writer.contradicted().empty() && reading != kSearch) break;
      PENSTOCK_RETURN_IF_ERROR(std::move(status));
      file->part.rows = writer.rows() - file->part.first_row;
    }
    for (const std::size_t column : writer.contradicted()) BecomeText(columns[column]);
    if (!writer.contradicted().empty() || reading == kSearch) continue;
    PENSTOCK_RETURN_IF_ERROR(writer.Finish());
    break;
  }
  for (auto& file : files) found.parts.push_back(std::move(file->part));
  return found;
}

}  // namespace penstock::reading
