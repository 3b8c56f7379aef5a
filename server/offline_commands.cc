#include "server/offline_commands.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>

#include "base/text.h"
#include "server/offline.h"
#include "server/ops/restore.h"

namespace penstock {
namespace {

// As systemd's unit expects: 2 does not mend itself by starting again.
constexpr int kFailed = 1;
constexpr int kWrongUse = 2;
constexpr std::size_t kShown = 20;

// A folder whose name is misspelt must not become another coordinator's; the default one may be
// made by whichever comes first.
Status CheckTokenFolder(const std::string& data_dir) {
  std::error_code error;
  if (data_dir == ServerConfig().data_dir || std::filesystem::exists(data_dir, error)) {
    return Status::Ok();
  }
  return InvalidArgument("there is no folder " + data_dir +
                         "; name the coordinator's data directory, or make it first (mkdir " +
                         data_dir + ") for a coordinator that is yet to start");
}

int MakeToken(const ServerInvocation& invocation) {
  const std::string& data_dir = invocation.config.data_dir;
  if (const Status status = CheckTokenFolder(data_dir); !status.ok()) return FailWith(status);
  std::error_code error;
  const bool known = std::filesystem::exists(data_dir + "/penstock.db", error);
  const auto secret = CreateOfflineToken(invocation.config, invocation.create_token->name,
                                         invocation.create_token->role,
                                         ProcessEnvironment("USER").value_or("root"));
  if (!secret.ok()) return FailWith(secret.status());
  if (!known) std::fprintf(stderr, "made a new database in %s\n", data_dir.c_str());
  std::fprintf(stderr, "keep it: it is shown this once\n");
  std::printf("%s\n", secret->c_str());
  return 0;
}

void PrintMissing(const std::vector<std::string>& missing) {
  for (std::size_t i = 0; i < missing.size() && i < kShown; ++i) {
    std::fprintf(stderr, "missing: %s\n", missing[i].c_str());
  }
  if (missing.size() > kShown) {
    std::fprintf(stderr, "and %zu more\n", missing.size() - kShown);
  }
}

int Backup(const ServerInvocation& invocation) {
  ServerInvocation::Backup backup = *invocation.backup;
  backup.directory = std::filesystem::absolute(backup.directory).lexically_normal().string();
  const auto report = BackUpOffline(invocation.config, backup);
  if (!report.ok()) return FailWith(report.status());
  std::fprintf(stderr, "%lld of %lld files are new (%s)\n",
               static_cast<long long>(report->new_blobs), static_cast<long long>(report->blobs),
               FormatSize(report->new_bytes).c_str());
  std::printf("%s\n", report->snapshot.c_str());
  PrintMissing(report->missing);
  return report->missing.empty() ? 0 : kFailed;
}

int Restore(const ServerInvocation& invocation) {
  RestoreOptions options;
  options.backup = invocation.restore->backup;
  options.data_dir = invocation.config.data_dir;
  options.allow_missing = invocation.restore->allow_missing;
  const auto report = RestoreBackup(options, Clock::Real(), Random::Secure());
  if (!report.ok()) return FailWith(report.status());
  std::fprintf(stderr, "restored %s of %s: %lld files, %lld logs; incarnation %s\n",
               report->snapshot.c_str(), report->created_at.c_str(),
               static_cast<long long>(report->blobs), static_cast<long long>(report->journals),
               report->incarnation.c_str());
  PrintMissing(report->missing);
  std::printf("%s\n", options.data_dir.c_str());
  return 0;
}

int Check(const ServerInvocation& invocation) {
  const auto report = CheckOffline(invocation.config, *invocation.check);
  if (!report.ok()) return FailWith(report.status());
  for (const Finding& finding : report->findings) {
    std::printf("%s: %s%s\n", finding.check.c_str(), finding.message.c_str(),
                finding.repaired ? " (repaired)" : "");
  }
  for (const std::string& repair : report->repairs) std::fprintf(stderr, "%s\n", repair.c_str());
  const auto wrong = std::count_if(report->findings.begin(), report->findings.end(),
                                   [](const Finding& finding) { return !finding.repaired; });
  std::fprintf(stderr, "%lld artifacts in %lld files; %s\n",
               static_cast<long long>(report->artifacts), static_cast<long long>(report->blobs),
               wrong == 0 ? "all is well" : (std::to_string(wrong) + " things are wrong").c_str());
  return wrong == 0 ? 0 : kFailed;
}

int RotateKey(const ServerInvocation& invocation) {
  const auto report = RotateSecretKeyOffline(invocation.config);
  if (!report.ok()) return FailWith(report.status());
  for (const std::string& secret : report->unreadable) {
    std::fprintf(stderr, "secret %s\n", secret.c_str());
  }
  std::fprintf(stderr,
               "%d secrets are sealed with a new key; keep a copy of %s/%s. Backups that were made "
               "before need the old one\n",
               report->resealed, invocation.config.data_dir.c_str(), kSecretKeysFile);
  return report->unreadable.empty() ? 0 : kFailed;
}

}  // namespace

int FailWith(const Status& status) {
  std::fprintf(stderr, "penstockd: %s\n", status.message().c_str());
  const std::string reason = status.reason();
  // What starting again cannot mend.
  const bool lasting = reason == "SCHEMA_TOO_NEW" || reason == "FOREIGN_DATABASE" ||
                       reason == "SCHEMA_CHANGED" || reason == "CORRUPT" ||
                       reason == "RESTORE_UNFINISHED" || reason == "NOT_EMPTY" ||
                       reason == "NOT_A_BACKUP" || status.code() == StatusCode::kInvalidArgument;
  return lasting ? kWrongUse : kFailed;
}

int RunOffline(const ServerInvocation& invocation) {
  if (invocation.create_token) return MakeToken(invocation);
  if (invocation.backup) return Backup(invocation);
  if (invocation.restore) return Restore(invocation);
  if (invocation.rotate_secrets_key) return RotateKey(invocation);
  return Check(invocation);
}

}  // namespace penstock
