#include "base/build_id.h"

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace penstock {
namespace {

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

// The build id among the notes of a segment; empty where it is not there.
std::string FindIn(std::string_view notes) {
  // Whatever the alignment of the segment: notes that are aligned to 8 have sizes that fit both.
  const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes.data(), sizeof header);
    const std::size_t name_at = sizeof header;
    const std::size_t value_at = name_at + padded(header.n_namesz);
    if (value_at + header.n_descsz > notes.size()) return {};
    const std::string_view name = notes.substr(name_at, header.n_namesz);
    if (header.n_type == NT_GNU_BUILD_ID && name == std::string_view("GNU\0", 4)) {
      return Hex(notes.substr(value_at, header.n_descsz));
    }
    notes.remove_prefix(std::min(notes.size(), value_at + padded(header.n_descsz)));
  }
  return {};
}

// Called for the program first, then for its libraries: a value ends the walk.
int Visit(dl_phdr_info* info, std::size_t, void* found) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    // Where the loader has mapped it.
    const auto* at = reinterpret_cast<const char*>(info->dlpi_addr + segment.p_vaddr);
    std::string id = FindIn({at, segment.p_memsz});
    if (id.empty()) continue;
    *static_cast<std::string*>(found) = std::move(id);
    break;
  }
  return 1;
}

}  // namespace

std::string BuildId() {
  std::string id;
  dl_iterate_phdr(Visit, &id);
  return id;
}

}  // namespace penstock
