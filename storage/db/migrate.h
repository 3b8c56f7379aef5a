#ifndef PENSTOCK_STORAGE_DB_MIGRATE_H_
#define PENSTOCK_STORAGE_DB_MIGRATE_H_

// Numbered forward migrations with their checksums.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "storage/db/database.h"

namespace penstock {

struct Migration {
  int version = 0;  // 1, 2, 3 … without gaps
  std::string_view name;
  std::string_view sql;
};

struct MigrateOptions {
  int32_t application_id = 0;  // what PRAGMA application_id of our databases says
  Time now;
};

// Brings the database to the newest version. A database that has tables already is backed up first,
// to PATH.before-vN. What is missing commits together or not at all.
// kFailedPrecondition: SCHEMA_TOO_NEW (made by a newer program), FOREIGN_DATABASE (not ours),
// SCHEMA_CHANGED (an applied migration differs from this program's). The message says what to do.
Status Migrate(Database& database, const std::vector<Migration>& migrations,
               const MigrateOptions& options);

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_DB_MIGRATE_H_
