#ifndef PENSTOCK_SERVER_RPC_DEPS_H_
#define PENSTOCK_SERVER_RPC_DEPS_H_

// What the services are made of. All outlive the server.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "server/rpc/auth.h"
#include "server/rpc/call.h"

namespace penstock {

class Catalog;
class Engine;
class Journal;
class LocalArtifactStore;
class Operations;
class ReaderPool;
class SecretBox;

struct RpcDeps {
  Engine* engine = nullptr;
  ReaderPool* readers = nullptr;
  const Catalog* catalog = nullptr;
  LocalArtifactStore* artifacts = nullptr;
  Journal* journal = nullptr;
  TokenTable* tokens = nullptr;
  Operations* operations = nullptr;
  CallGate* gate = nullptr;
  const Clock* clock = nullptr;
  Random* random = nullptr;
  Executor read_pool;  // short questions to the database, parsing
  Executor io_pool;    // bytes of artifacts and logs

  // What GetServerInfo says.
  std::string version;
  std::string incarnation;
  int schema_version = 0;
  Time started_at;
  std::vector<std::string> data_roots;

  const SecretBox* secrets = nullptr;  // tells which of them can be opened
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_DEPS_H_
