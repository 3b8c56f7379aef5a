#ifndef PENSTOCK_STEPS_TABLE_SAMPLE_TEXT_H_
#define PENSTOCK_STEPS_TABLE_SAMPLE_TEXT_H_

// The rows of text files as ranges of their bytes, for samples. Private to steps/table.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "steps/table/read.h"

namespace penstock::reading {

struct TextRow {
  std::size_t begin = 0;
  std::size_t end = 0;  // behind its line end, where it has one
  int64_t line = 0;     // of its first byte, from 1
};

enum class TextForm { kCsv, kJsonList, kJsonValues, kSvmLight };

// Of a file that is not Parquet, by what reading it found out and by its first character.
TextForm FormOf(const RawTable::Part& part, std::string_view bytes);

// Calls `visit` for each row, in order. False ends it.
void EachTextRow(TextForm form, const RawTable::Part& part, std::string_view bytes,
                 const std::function<bool(const TextRow&)>& visit);

// UTF-8 in the encoding that ReadOptions names. kInvalidArgument where a character has no place in
// it (it came from there, so that this is an encoding that iconv reads and does not write).
Result<std::string> EncodeText(std::string text, const std::string& encoding);

// Compressed as the file `like` is: gzip, zstd, or not at all.
Result<std::string> CompressLike(const std::filesystem::path& like, std::string bytes);

}  // namespace penstock::reading

#endif  // PENSTOCK_STEPS_TABLE_SAMPLE_TEXT_H_
