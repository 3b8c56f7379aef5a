#ifndef PENSTOCK_SERVER_OPS_SECRET_KEYS_H_
#define PENSTOCK_SERVER_OPS_SECRET_KEYS_H_

// The file with the keys of the secrets: DATA_DIR/secrets.key, mode 0600, outside the database and
// in no backup. A line holds a key of 64 hexadecimal digits; the first key seals, all of them open.
// So a key that an older backup needs can be added at the end.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/secret_box.h"
#include "storage/metadata/metadata_store.h"

namespace penstock {

inline constexpr char kSecretKeysFile[] = "secrets.key";

// kNotFound where there is none. kInvalidArgument: others may read it (with the chmod to run), or
// it holds no keys.
Result<std::unique_ptr<SecretBox>> LoadSecretKeys(const std::filesystem::path& data_dir);
// The same, and makes a key where there is no file.
Result<std::unique_ptr<SecretBox>> EnsureSecretKeys(const std::filesystem::path& data_dir,
                                                    Random& random);

// A line for each secret that cannot be opened: what and why. `keys` null: there is no key file.
Result<std::vector<std::string>> UnreadableSecrets(MetadataReader& reader, const SecretBox* keys);

struct RotationReport {
  int resealed = 0;
  std::vector<std::string> unreadable;  // stay as they are
};
// Seals every secret with a new key, and forgets the old ones. It may be cut off anywhere: the file
// holds both keys until the rows are committed. No coordinator may have the data.
Result<RotationReport> RotateSecretKey(MetadataStore& store, const std::filesystem::path& data_dir,
                                       Random& random);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_OPS_SECRET_KEYS_H_
