#ifndef PENSTOCK_SERVER_RPC_AUTH_H_
#define PENSTOCK_SERVER_RPC_AUTH_H_

// Who calls, and what they may do. Knows nothing of gRPC: a call is described by CallFacts.
// Everything here is thread-safe.

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/result.h"
#include "storage/model/records.h"

namespace penstock {

// "admin", "user" or "worker".
std::string_view RoleName(Role role);
std::optional<Role> ParseRoleName(std::string_view name);

// A new secret: "pst_" and 64 hexadecimal digits, 256 random bits.
std::string NewTokenSecret(Random& random);
// What is stored of it.
Digest HashTokenSecret(std::string_view secret);

// kInvalidArgument for what cannot be the NAME of "user:NAME".
Status CheckTokenName(std::string_view name);

// The live tokens, in memory: filled at start, changed with every token made or revoked.
class TokenTable {
 public:
  struct Entry {
    TokenRecord record;
    Time last_used;  // since the start of the server
  };

  // Forgets everything else. Revoked records are left out.
  void Reset(const std::vector<TokenRecord>& tokens);
  void Add(const TokenRecord& token);
  void Revoke(const std::string& name);

  // The token with that secret. Compares with every token in constant time.
  std::optional<TokenRecord> Find(std::string_view secret, Time now);
  Time LastUsed(const std::string& name) const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, Entry> tokens_ PENSTOCK_GUARDED_BY(mutex_);
};

// What is known of a call before anything is believed.
struct CallFacts {
  std::string peer;                          // as gRPC names it: "ipv4:127.0.0.1:40312"
  std::optional<std::string> authorization;  // the header, whole
  std::string user;                          // what the client calls itself
  // Set by our own HTTP side: the address of its caller, and the secret that shows who says so.
  std::optional<std::string> forwarded_peer;
  std::string forward_secret;
};

struct Caller {
  Principal principal;
  Role role = Role::kUser;
  bool verified = false;  // by a token
};

// Whether gRPC's name of a peer is an address of this machine alone.
bool IsLoopbackPeer(std::string_view peer);

class Authenticator {
 public:
  struct Options {
    bool required = false;  // callers from this machine need a token too
    // What only the HTTP side of this process knows; empty: nobody speaks for another address.
    std::string forward_secret;
  };

  Authenticator(Options options, TokenTable& tokens, const Clock& clock)
      : options_(options), tokens_(tokens), clock_(clock) {}

  // kUnauthenticated: no token where one is needed, or one that is unknown, revoked or malformed
  // (also from this machine). Refusals are counted, and logged at most once a second.
  Result<Caller> Authenticate(const CallFacts& facts);

  // kPermissionDenied where the role may not call `service` ("RunService").
  static Status Authorize(const Caller& caller, std::string_view service, std::string_view method);

  int64_t refusals() const { return refusals_.load(std::memory_order_relaxed); }

 private:
  Status Refuse(const CallFacts& facts, const char* why, const char* remedy);

  const Options options_;
  TokenTable& tokens_;
  const Clock& clock_;
  std::atomic<int64_t> refusals_{0};
  std::atomic<int64_t> last_logged_{0};      // micros
  std::atomic<int64_t> refusals_logged_{0};  // of `refusals_`, told so far
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_AUTH_H_
