#include "server/ops/secret_keys.h"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/fault_point.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

constexpr int kMode = 0600;
constexpr int64_t kMaxFileBytes = 64 << 10;
constexpr char kHeader[] =
    "# Opens the secrets of this coordinator. Keep a copy elsewhere, apart from its backups.\n";

std::optional<std::string> KeyOf(std::string_view line) {
  if (line.size() != 2 * SecretBox::kKeyBytes) return std::nullopt;
  std::string key;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto digit = std::string_view("0123456789abcdef").find(line[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    if (i % 2 == 0) key += '\0';
    key.back() = static_cast<char>(static_cast<unsigned char>(key.back()) << 4 | digit);
  }
  return key;
}

// The keys as they stand in the file.
Result<std::vector<std::string>> ReadLines(const fs::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "reading " + path.string());
  if ((info.st_mode & 077) != 0) {
    return InvalidArgument(path.string() + " holds the keys of all secrets, and others than its " +
                               "owner may use it; run: chmod 600 " + path.string(),
                           "KEY_FILE_MODE");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  std::vector<std::string> lines;
  for (const std::string& line : Split(text, '\n')) {
    const std::string_view trimmed = Trim(line);
    if (trimmed.empty() || trimmed.starts_with('#')) continue;
    if (!KeyOf(trimmed)) {
      return InvalidArgument(path.string() +
                                 ": each line must be a key of 64 hexadecimal digits (0-9 a-f); "
                                 "put back the copy of it that was kept",
                             "KEY_FILE_DAMAGED");
    }
    lines.emplace_back(trimmed);
  }
  if (lines.empty()) {
    return InvalidArgument(path.string() + " holds no key; put back the copy of it that was kept",
                           "KEY_FILE_DAMAGED");
  }
  return lines;
}

std::unique_ptr<SecretBox> BoxOf(const std::vector<std::string>& lines) {
  std::vector<std::string> keys;
  for (const std::string& line : lines) keys.push_back(KeyOf(line).value_or(""));
  return std::make_unique<SecretBox>(std::move(keys));
}

Status WriteLines(const fs::path& path, const std::vector<std::string>& lines) {
  return WriteFileAtomic(path, kHeader + Join(lines, "\n") + "\n", kMode);
}

std::string NewKey(Random& random) {
  return RandomHex(static_cast<int>(SecretBox::kKeyBytes), random);
}

}  // namespace

Result<std::unique_ptr<SecretBox>> LoadSecretKeys(const fs::path& data_dir) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto lines, ReadLines(data_dir / kSecretKeysFile));
  return BoxOf(lines);
}

Result<std::unique_ptr<SecretBox>> EnsureSecretKeys(const fs::path& data_dir, Random& random) {
  auto loaded = LoadSecretKeys(data_dir);
  if (loaded.ok() || loaded.status().code() != StatusCode::kNotFound) return loaded;
  PENSTOCK_RETURN_IF_ERROR(WriteLines(data_dir / kSecretKeysFile, {NewKey(random)}));
  return LoadSecretKeys(data_dir);
}

Result<std::vector<std::string>> UnreadableSecrets(MetadataReader& reader, const SecretBox* keys) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto secrets, reader.ListSecrets());
  std::vector<std::string> problems;
  for (const SecretRecord& secret : secrets) {
    const Status status =
        keys == nullptr
            ? FailedPrecondition("unreadable: there is no key file")
            : keys->Open(secret.sealed, SecretPlace(secret.name, secret.version)).status();
    if (!status.ok()) problems.push_back("\"" + secret.name + "\" is " + status.message());
  }
  return problems;
}

Result<RotationReport> RotateSecretKey(MetadataStore& store, const fs::path& data_dir,
                                       Random& random) {
  const fs::path path = data_dir / kSecretKeysFile;
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<std::string> lines, ReadLines(path));
  lines.insert(lines.begin(), NewKey(random));
  PENSTOCK_RETURN_IF_ERROR(WriteLines(path, lines));
  PENSTOCK_FAULT_POINT("rotate.both_keys");
  const auto box = BoxOf(lines);
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<SecretRecord> secrets, store.reader().ListSecrets());
  RotationReport report;
  PENSTOCK_RETURN_IF_ERROR(store.Begin());
  for (SecretRecord& secret : secrets) {
    const std::string place = SecretPlace(secret.name, secret.version);
    const Result<std::string> value = box->Open(secret.sealed, place);
    if (!value.ok()) {
      report.unreadable.push_back("\"" + secret.name + "\" is " + value.status().message());
      continue;
    }
    secret.sealed = box->Seal(*value, place, random);
    const Status written = store.ResealSecret(secret);
    if (!written.ok()) {
      store.Rollback();
      return written;
    }
    ++report.resealed;
  }
  PENSTOCK_RETURN_IF_ERROR(store.Commit());
  PENSTOCK_FAULT_POINT("rotate.resealed");
  lines.resize(1);
  PENSTOCK_RETURN_IF_ERROR(WriteLines(path, lines));
  LOG_INFO("key of secrets rotated resealed={}", report.resealed);
  return report;
}

}  // namespace penstock
