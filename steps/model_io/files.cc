#include "steps/model_io/files.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

namespace penstock {

Result<std::string> ReadWholeFile(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoStatus(errno, "cannot read " + path.string());
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return ErrnoStatus(errno, "cannot read " + path.string());
  return bytes;
}

Status WriteWholeFile(const std::filesystem::path& path, std::string_view bytes) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return ErrnoStatus(errno, "cannot write " + path.string());
  return Status::Ok();
}

Status MakeFolders(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), "cannot make " + path.string());
  return Status::Ok();
}

}  // namespace penstock
