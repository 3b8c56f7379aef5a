#ifndef PENSTOCK_BASE_UNFINISHED_WRITES_H_
#define PENSTOCK_BASE_UNFINISHED_WRITES_H_

// What WriteFileAtomic (base/file.h) leaves beside the place where it was killed.

#include <filesystem>
#include <string>
#include <string_view>

#include "base/status.h"

namespace penstock {

// Stands in the name of a file that has not been renamed yet, after the name that it is to have.
inline constexpr std::string_view kUnfinishedWrite = ".tmp-";

// Removes such files from a folder. For who alone writes there (FileLock).
// Whether the name is that of such a file.
bool IsUnfinishedWrite(const std::string& name);
// Files alone: a folder of that name is somebody else's.
Status RemoveUnfinishedWrites(const std::filesystem::path& folder);

}  // namespace penstock

#endif  // PENSTOCK_BASE_UNFINISHED_WRITES_H_
