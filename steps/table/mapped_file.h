#ifndef PENSTOCK_STEPS_TABLE_MAPPED_FILE_H_
#define PENSTOCK_STEPS_TABLE_MAPPED_FILE_H_

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace penstock {

// A file's bytes, mapped for reading. Movable; unmapped with its scope. Private to steps/table.
class MappedFile {
 public:
  // kNotFound, kPermissionDenied …; the message names `display_name`.
  static Result<MappedFile> Open(const std::filesystem::path& path, std::string_view display_name);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  // Gives the memory of the bytes before `offset` back; they are read from the file again where they
  // are looked at. Cheap where little has come since the last call.
  void Forget(std::size_t offset) const;

  std::string_view bytes() const { return {data_, size_}; }

 private:
  MappedFile(const char* data, std::size_t size) : data_(data), size_(size) {}
  const char* data_;
  std::size_t size_;
  mutable std::size_t forgotten_ = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_MAPPED_FILE_H_
