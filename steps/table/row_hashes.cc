#include "steps/table/row_hashes.h"

#include <cstddef>
#include <string>

namespace penstock {
namespace {

constexpr Hash128 kMissingCell{0x452821e638d01377U, 0xbe5466cf34e90c6cU};

}  // namespace

void AddColumn(const Column& column, std::vector<Hash128>& rows) {
  if (!column.is_text()) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const uint64_t hash = HashNumber(column.numbers[i]);
      AddCell(rows[i], column.missing(i) ? kMissingCell : Hash128{hash, ~hash});
    }
    return;
  }
  std::vector<Hash128> hashes;
  hashes.reserve(column.strings.dictionary.size());
  for (const std::string& text : column.strings.dictionary) hashes.push_back(HashText(text));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    AddCell(rows[i], column.missing(i) ? kMissingCell
                                       : hashes[static_cast<std::size_t>(column.strings.codes[i])]);
  }
}

}  // namespace penstock
