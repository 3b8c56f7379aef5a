#ifndef PENSTOCK_TESTS_SIM_BLOB_STORE_H_
#define PENSTOCK_TESTS_SIM_BLOB_STORE_H_

// Which bytes the coordinator's artifact store has.

#include <map>
#include <set>
#include <string>

#include "base/clock.h"
#include "storage/model/records.h"

namespace penstock::sim {

class BlobStore {
 public:
  void Put(const Digest& digest, Tick now) { blobs_[digest] = now; }
  bool Has(const Digest& digest) const { return blobs_.contains(digest); }
  std::map<Digest, Tick>& blobs() { return blobs_; }

 private:
  std::map<Digest, Tick> blobs_;  // with their last use
};

}  // namespace penstock::sim

#endif  // PENSTOCK_TESTS_SIM_BLOB_STORE_H_
