#ifndef PENSTOCK_STORAGE_METADATA_MIGRATIONS_H_
#define PENSTOCK_STORAGE_METADATA_MIGRATIONS_H_

// migrations/NNNN_*.sql, embedded at build time.

#include <vector>

#include "storage/db/migrate.h"

namespace penstock {

const std::vector<Migration>& MetadataMigrations();

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_METADATA_MIGRATIONS_H_
