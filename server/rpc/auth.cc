#include "server/rpc/auth.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>

#include "base/log.h"
#include "base/text.h"

namespace penstock {
namespace {

constexpr std::string_view kScheme = "bearer ";
constexpr std::size_t kMaxUserLength = 64;

// "127.0.0.1:40312", "[::1]:40312" or "%5B::1%5D:40312".
bool IsLoopbackAddress(std::string_view address) {
  if (address.rfind("127.", 0) == 0) return true;
  if (address.rfind("%5B", 0) == 0) address.remove_prefix(3);
  if (address.rfind("[", 0) == 0) address.remove_prefix(1);
  const std::size_t end = address.find_first_of("]%");
  const std::string_view host = address.substr(0, end);
  return host == "::1" || host.rfind("::ffff:127.", 0) == 0;
}

// In constant time for texts of one length.
bool SameSecret(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool IsPlain(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("._-@+").find(c) != std::string_view::npos;
}

// Names go into rows and logs: what is not plain becomes an underscore.
std::string CleanUser(std::string_view user) {
  std::string clean(user.substr(0, kMaxUserLength));
  for (char& c : clean) {
    if (!IsPlain(c)) c = '_';
  }
  return clean.empty() ? "unknown" : clean;
}

// The credential of "Bearer CREDENTIAL"; nullopt for another scheme.
std::optional<std::string_view> BearerToken(std::string_view header) {
  if (header.size() <= kScheme.size()) return std::nullopt;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(header[i])) != kScheme[i]) return std::nullopt;
  }
  return header.substr(kScheme.size());
}

}  // namespace

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kAdmin:
      return "admin";
    case Role::kUser:
      return "user";
    case Role::kWorker:
      return "worker";
  }
  return "unknown";
}

std::optional<Role> ParseRoleName(std::string_view name) {
  for (const Role role : {Role::kAdmin, Role::kUser, Role::kWorker}) {
    if (RoleName(role) == name) return role;
  }
  return std::nullopt;
}

std::string NewTokenSecret(Random& random) {
  return "pst_" + RandomHex(32, random);
}

Digest HashTokenSecret(std::string_view secret) {
  return Sha256(secret);
}

Status CheckTokenName(std::string_view name) {
  if (!name.empty() && name.size() <= kMaxUserLength &&
      std::all_of(name.begin(), name.end(), IsPlain)) {
    return Status::Ok();
  }
  return InvalidArgument("name: \"" + TruncateUtf8(name, 80) +
                         "\" is no name; use 1 to 64 of A-Z a-z 0-9 . _ - @ +");
}

void TokenTable::Reset(const std::vector<TokenRecord>& tokens) {
  MutexLock lock(mutex_);
  tokens_.clear();
  for (const TokenRecord& token : tokens) {
    if (!token.revoked_at.set()) tokens_[token.name] = {token, {}};
  }
}

void TokenTable::Add(const TokenRecord& token) {
  MutexLock lock(mutex_);
  tokens_[token.name] = {token, {}};
}

void TokenTable::Revoke(const std::string& name) {
  MutexLock lock(mutex_);
  tokens_.erase(name);
}

std::optional<TokenRecord> TokenTable::Find(std::string_view secret, Time now) {
  const std::string hash = HashTokenSecret(secret).value();
  MutexLock lock(mutex_);
  Entry* found = nullptr;
  for (auto& [name, entry] : tokens_) {
    if (SameSecret(entry.record.hash.value(), hash)) found = &entry;
  }
  if (found == nullptr) return std::nullopt;
  found->last_used = now;
  return found->record;
}

Time TokenTable::LastUsed(const std::string& name) const {
  MutexLock lock(mutex_);
  const auto it = tokens_.find(name);
  return it == tokens_.end() ? Time{} : it->second.last_used;
}

bool IsLoopbackPeer(std::string_view peer) {
  for (const std::string_view scheme : {"ipv4:", "ipv6:"}) {
    if (peer.rfind(scheme, 0) == 0) return IsLoopbackAddress(peer.substr(scheme.size()));
  }
  return peer.rfind("unix:", 0) == 0;
}

Status Authenticator::Refuse(const CallFacts& facts, const char* why, const char* remedy) {
  const int64_t count = refusals_.fetch_add(1, std::memory_order_relaxed) + 1;
  const int64_t now = clock_.Ticks().micros;
  int64_t last = last_logged_.load(std::memory_order_relaxed);
  if (now - last >= 1'000'000 && last_logged_.compare_exchange_strong(last, now)) {
    const int64_t unlogged = count - refusals_logged_.exchange(count);
    LOG_WARN("refused a caller peer={} why=\"{}\" count={}",
             facts.forwarded_peer ? *facts.forwarded_peer : facts.peer, why, unlogged);
  }
  return Unauthenticated(std::string(why) + "; " + remedy);
}

Result<Caller> Authenticator::Authenticate(const CallFacts& facts) {
  const bool forwarded = facts.forwarded_peer && !options_.forward_secret.empty() &&
                         SameSecret(facts.forward_secret, options_.forward_secret);
  const std::string& peer = forwarded ? *facts.forwarded_peer : facts.peer;
  if (facts.authorization) {
    const auto secret = BearerToken(*facts.authorization);
    if (!secret) {
      return Refuse(facts, "the authorization is not a bearer token",
                    "send \"authorization: Bearer TOKEN\"");
    }
    const auto token = tokens_.Find(*secret, clock_.Now());
    if (!token) {
      return Refuse(facts, "the token is unknown or was revoked",
                    "ask an administrator for a new one (penstock admin token create)");
    }
    const char* kind = token->role == Role::kWorker ? "worker:" : "user:";
    return Caller{Principal(kind + token->name), token->role, true};
  }
  if (options_.required || !IsLoopbackPeer(peer)) {
    return Refuse(facts, "this server wants a token",
                  "pass it with --token or PENSTOCK_TOKEN (authorization: Bearer TOKEN)");
  }
  return Caller{Principal("local:" + CleanUser(facts.user)), Role::kAdmin, false};
}

Status Authenticator::Authorize(const Caller& caller, std::string_view service,
                                std::string_view method) {
  const bool about_server = service == "AdminService" && method == "GetServerInfo";
  const bool list_workers = service == "WorkerService" && method == "ListWorkers";
  const bool of_operators = service == "WorkerService" &&
                            (method == "CordonWorker" || method == "UncordonWorker" ||
                             method == "DrainWorker");
  bool allowed = about_server;
  switch (caller.role) {
    case Role::kAdmin:
      allowed = true;
      break;
    case Role::kUser:
      allowed |= list_workers || (service != "AdminService" && service != "WorkerService");
      break;
    case Role::kWorker:
      allowed |= (service == "WorkerService" && !of_operators) || service == "ArtifactService";
      break;
  }
  if (allowed) return Status::Ok();
  return PermissionDenied("the role " + std::string(RoleName(caller.role)) + " (" +
                          caller.principal.value() + ") may not call " + std::string(service) +
                          "." + std::string(method) + "; use a token of another role");
}

}  // namespace penstock
