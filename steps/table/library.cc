#include "steps/table/library.h"

#include <duckdb.h>

namespace penstock {

std::string TableLibraryVersion() {
  return duckdb_library_version();
}

}  // namespace penstock
