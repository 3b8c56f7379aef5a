#ifndef PENSTOCK_SERVER_OPS_CHECK_H_
#define PENSTOCK_SERVER_OPS_CHECK_H_

// Whether a data directory is sound: the database itself, references between rows, states of runs
// against those of their steps, and the bytes of every artifact.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "server/ops/blobs.h"
#include "storage/metadata/metadata_store.h"

namespace penstock {

class SecretBox;

struct CheckOptions {
  bool verify = false;  // read all bytes; else only that files are there, and how long they are
  const SecretBox* secrets = nullptr;  // the keys; null: there is no key file
};

struct Finding {
  // "database", "foreign keys", "references", "states", "artifacts" or "secrets".
  std::string check;
  std::string message;
  bool repaired = false;
  friend bool operator==(const Finding&, const Finding&) = default;
};

struct CheckReport {
  std::vector<Finding> findings;
  int64_t artifacts = 0;
  int64_t blobs = 0;
  int64_t bytes_read = 0;
  std::vector<std::string> repairs;  // what was done, in words
};

// Changes nothing. The error is of the check itself: what is wrong with the data is a finding.
Result<CheckReport> CheckData(MetadataReader& reader, const LocalArtifactStore& artifacts,
                              const CheckOptions& options, const StopFlag& stop);

// Checks, mends, and checks again: what is not there any more is `repaired`. An artifact whose
// bytes are gone or damaged loses its row, so that whoever needs it makes or uploads it again;
// damaged bytes are put aside, into `aside`. No coordinator may have the data.
Result<CheckReport> RepairData(MetadataStore& store, LocalArtifactStore& artifacts,
                               const std::filesystem::path& aside, const CheckOptions& options,
                               const Clock& clock);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_OPS_CHECK_H_
