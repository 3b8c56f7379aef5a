#ifndef PENSTOCK_STEPS_MODEL_IO_FILES_H_
#define PENSTOCK_STEPS_MODEL_IO_FILES_H_

// Whole small files. Thread-safe.

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock {

// kNotFound, kPermissionDenied, kInternal, as ErrnoStatus says; the message names `path`.
Result<std::string> ReadWholeFile(const std::filesystem::path& path);
// Replaces the file.
Status WriteWholeFile(const std::filesystem::path& path, std::string_view bytes);
// Makes the folder and those above it; no error where it exists.
Status MakeFolders(const std::filesystem::path& path);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_MODEL_IO_FILES_H_
