#include "steps/table/frame.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/mutex.h"
#include "base/text.h"

namespace penstock {
namespace {

int64_t BytesOf(const Column& column) {
  std::size_t bytes = column.numbers.size() * sizeof(double) +
                      column.strings.codes.size() * sizeof(int32_t) +
                      column.strings.dictionary.size() * sizeof(std::string);
  for (const std::string& text : column.strings.dictionary) {
    if (text.capacity() > 15) bytes += text.capacity() + 1;
  }
  return static_cast<int64_t>(bytes);
}

int64_t BytesOf(const Table& table) {
  int64_t bytes = 0;
  for (const Column& column : table.columns) bytes += BytesOf(column);
  return bytes;
}

void Put(std::string& out, const void* data, std::size_t size) {
  out.append(static_cast<const char*>(data), size);
}

// A column's values as the scratch file has them: numbers, or codes and the dictionary.
std::string Encode(const Column& column) {
  std::string bytes;
  if (!column.is_text()) {
    Put(bytes, column.numbers.data(), column.numbers.size() * sizeof(double));
    return bytes;
  }
  const StringValues& strings = column.strings;
  Put(bytes, strings.codes.data(), strings.codes.size() * sizeof(int32_t));
  for (const std::string& text : strings.dictionary) {
    const auto size = static_cast<uint32_t>(text.size());
    Put(bytes, &size, sizeof size);
    bytes += text;
  }
  return bytes;
}

void Decode(const std::string& bytes, std::size_t rows, Column& column) {
  if (!column.is_text()) {
    column.numbers.resize(rows);
    std::memcpy(column.numbers.data(), bytes.data(), bytes.size());
    return;
  }
  StringValues& strings = column.strings;
  strings.codes.resize(rows);
  std::size_t at = rows * sizeof(int32_t);
  std::memcpy(strings.codes.data(), bytes.data(), at);
  while (at < bytes.size()) {
    uint32_t size = 0;
    std::memcpy(&size, bytes.data() + at, sizeof size);
    at += sizeof size;
    strings.dictionary.emplace_back(bytes, at, size);
    at += size;
  }
}

}  // namespace

// Either the whole block is in memory, or each of its columns has a place in the scratch file.
struct Frame::Block {
  int64_t first_row = 0;
  std::optional<Table> table;
  int64_t bytes = 0;  // of `table`
  int64_t rows = 0;
  struct Place {
    ColumnInfo info;
    int64_t offset = 0;
    int64_t size = 0;
  };
  std::vector<Place> places;
};

struct Frame::Scratch {
  UniqueFd file;
  std::atomic<int64_t> end{0};
  std::atomic<int64_t> in_memory{0};
  Mutex opening;

  // A file without a name: it goes with the process at the latest.
  Status Open(const std::filesystem::path& folder) {
    MutexLock lock(opening);
    if (file.valid()) return Status::Ok();
    const std::string path = (folder / "rows").string();
    file = UniqueFd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.valid()) return ErrnoStatus(errno, "the step's scratch file");
    unlink(path.c_str());
    return Status::Ok();
  }

  Result<Block::Place> Write(const Column& column) {
    const std::string bytes = Encode(column);
    Block::Place place{column.info, end.fetch_add(static_cast<int64_t>(bytes.size())),
                       static_cast<int64_t>(bytes.size())};
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t count = pwrite(file.get(), bytes.data() + done, bytes.size() - done,
                                   place.offset + static_cast<off_t>(done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return ErrnoStatus(errno, "the step's scratch file");
      done += static_cast<std::size_t>(count);
    }
    return place;
  }

  Status Read(const Block::Place& place, std::size_t rows, Column& column) const {
    std::string bytes(static_cast<std::size_t>(place.size), '\0');
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t count = pread(file.get(), bytes.data() + done, bytes.size() - done,
                                  place.offset + static_cast<off_t>(done));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return ErrnoStatus(count < 0 ? errno : EIO, "the step's scratch file");
      done += static_cast<std::size_t>(count);
    }
    Decode(bytes, rows, column);
    return Status::Ok();
  }

  // Gives the disk back what nobody needs any more; file systems that cannot keep it till the end.
  void Free(const Block::Place& place) {
    static_cast<void>(fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                place.offset, place.size));
  }
};

Frame::Frame(FrameOptions options)
    : options_(std::move(options)), scratch_(std::make_unique<Scratch>()) {}
Frame::~Frame() = default;
Frame::Frame(Frame&&) noexcept = default;
Frame& Frame::operator=(Frame&&) noexcept = default;

int64_t Frame::first_row(int64_t block) const {
  return block == blocks() ? rows_ : blocks_[static_cast<std::size_t>(block)]->first_row;
}

// Takes the columns of a block for the frame's, or checks that they are.
Status Frame::Adopt(const Table& table, bool first) {
  if (first) {
    columns_.clear();
    for (const Column& column : table.columns) columns_.push_back(column.info);
    return Status::Ok();
  }
  const bool same =
      std::equal(columns_.begin(), columns_.end(), table.columns.begin(), table.columns.end(),
                 [](const ColumnInfo& a, const Column& b) {
                   return a.name == b.info.name && a.type == b.info.type && a.kind == b.info.kind;
                 });
  if (!same) {
    return InvalidArgument("blocks of a table have different columns: " +
                           Join(table.names(), ", "));
  }
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    columns_[i].nullable = columns_[i].nullable || table.columns[i].info.nullable;
  }
  return Status::Ok();
}

Status Frame::Append(Table&& table) {
  PENSTOCK_RETURN_IF_ERROR(Adopt(table, columns_.empty() && blocks_.empty()));
  if (table.rows == 0) return Status::Ok();
  auto block = std::make_unique<Block>();
  block->first_row = rows_;
  block->rows = table.rows;
  rows_ += table.rows;
  PENSTOCK_RETURN_IF_ERROR(Store(*block, std::move(table)));
  blocks_.push_back(std::move(block));
  return Status::Ok();
}

// A block that was in memory or is new.
Status Frame::Store(Block& block, Table&& table) {
  const int64_t bytes = BytesOf(table);
  const int64_t all = scratch_->in_memory.fetch_add(bytes - block.bytes) + bytes - block.bytes;
  block.bytes = bytes;
  if (options_.memory_bytes == 0 || all <= options_.memory_bytes) {
    block.table = std::move(table);
    return Status::Ok();
  }
  scratch_->in_memory -= bytes;
  block.bytes = 0;
  block.table.reset();
  return Spill(block, std::move(table));
}

// Hollow columns keep their places.
Status Frame::Spill(Block& block, Table&& table) {
  PENSTOCK_RETURN_IF_ERROR(scratch_->Open(options_.scratch));
  std::unordered_map<std::string, Block::Place*> before;
  for (Block::Place& place : block.places) before.emplace(place.info.name, &place);
  std::vector<Block::Place> places;
  for (Column& column : table.columns) {
    const auto old = before.find(column.info.name);
    if (old != before.end() && IsHollow(column, block.rows)) {
      places.push_back(*old->second);
      places.back().info = column.info;
      old->second->size = 0;
      continue;
    }
    PENSTOCK_ASSIGN_OR_RETURN(Block::Place place, scratch_->Write(column));
    places.push_back(std::move(place));
    column = {};
  }
  for (const Block::Place& place : block.places) {
    if (place.size > 0) scratch_->Free(place);
  }
  block.places = std::move(places);
  return Status::Ok();
}

Result<Table> Frame::Load(const Block& block, const std::vector<std::string>& needed) const {
  const std::unordered_set<std::string_view> wanted(needed.begin(), needed.end());
  Table table;
  table.rows = block.rows;
  for (const Block::Place& place : block.places) {
    Column& column = table.columns.emplace_back();
    column.info = place.info;
    if (!wanted.contains(place.info.name)) continue;
    PENSTOCK_RETURN_IF_ERROR(scratch_->Read(place, static_cast<std::size_t>(block.rows), column));
  }
  return table;
}

Status Frame::Visit(int64_t index, const std::vector<std::string>& needed,
                    const Visitor& visit) const {
  const Block& block = *blocks_[static_cast<std::size_t>(index)];
  if (block.table) return visit(index, *block.table);
  PENSTOCK_ASSIGN_OR_RETURN(const Table table, Load(block, needed));
  return visit(index, table);
}

Status Frame::Change(const std::vector<std::string>& needed, const Changer& change) {
  std::vector<std::vector<ColumnInfo>> columns(blocks_.size());
  const auto change_one = [&](int64_t index) -> Status {
    Block& block = *blocks_[static_cast<std::size_t>(index)];
    const bool in_memory = block.table.has_value();
    Table table;
    if (in_memory) {
      table = std::move(*block.table);
    } else {
      PENSTOCK_ASSIGN_OR_RETURN(table, Load(block, needed));
    }
    PENSTOCK_RETURN_IF_ERROR(change(index, table));
    if (table.rows != block.rows) return Internal("a change of columns changed the rows");
    for (const Column& column : table.columns) {
      columns[static_cast<std::size_t>(index)].push_back(column.info);
    }
    return in_memory ? Store(block, std::move(table)) : Spill(block, std::move(table));
  };
  PENSTOCK_RETURN_IF_ERROR(ForEachIndex(blocks(), options_.table, change_one));
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    Table header;
    for (ColumnInfo& info : columns[i]) header.columns.push_back({std::move(info), {}, {}});
    PENSTOCK_RETURN_IF_ERROR(Adopt(header, i == 0));
  }
  if (blocks_.empty()) {
    // The columns change where there are no rows, too.
    Table header;
    for (const ColumnInfo& info : columns_) header.columns.push_back({info, {}, {}});
    PENSTOCK_RETURN_IF_ERROR(change(0, header));
    PENSTOCK_RETURN_IF_ERROR(Adopt(header, true));
  }
  return Status::Ok();
}

}  // namespace penstock
