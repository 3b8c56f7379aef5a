// s3:// addresses: one object, or all below a prefix (ListObjectsV2), one file each. Requests are
// signed by libcurl with Signature Version 4; without keys they are sent as anybody's.

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"
#include "steps/import/fetch.h"
#include "steps/import/sources.h"
#include "steps/import/xml.h"
#include "storage/model/limits.h"

namespace penstock::importing {
namespace {

namespace fs = std::filesystem;

constexpr int kParallel = 8;
constexpr std::size_t kMaxListBytes = 16 << 20;  // of one answer, of at most 1,000 keys
constexpr std::size_t kMaxFileName = 255;
constexpr std::size_t kMaxFilePath = 2'048;
// SHA-256 of nothing: no request has a body.
constexpr char kEmptyDigest[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// As Signature Version 4 encodes: all but letters, digits and -_.~ (and / where it stays).
std::string Encoded(std::string_view text, bool keep_slash) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slash);
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

struct Object {
  std::string key;
  std::string etag;
  int64_t size = -1;
};

// A bucket of a store, and how to ask it.
class Bucket {
 public:
  static Result<Bucket> Open(const Json& parameters, const Remote& remote);

  // `query`: sorted and encoded.
  FetchTarget Target(const std::string& key, const std::string& query) const;

 private:
  std::string base_;  // with the bucket, and a "/" behind it
  std::string host_;  // as the header Host has it
  std::string name_;
  std::string token_;
  Reach reach_ = Reach::kNone;
  std::shared_ptr<const HttpRequest::Signer> signer_;
};

Result<Bucket> Bucket::Open(const Json& parameters, const Remote& remote) {
  Bucket bucket;
  bucket.name_ = remote.address.host;
  PENSTOCK_ASSIGN_OR_RETURN(bucket.reach_, CheckAllowed(remote.rules, SourceToRead(parameters)));
  const std::string region = JsonString(parameters, "region", "us-east-1");
  const std::string endpoint = JsonString(parameters, "endpoint");
  std::string scheme = "https";
  std::string host = "s3." + region + ".amazonaws.com" + (region.starts_with("cn-") ? ".cn" : "");
  std::string folder = "/";
  int port = 443;
  if (!endpoint.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(const SourceAddress address, ParseSourceAddress(endpoint));
    scheme = address.scheme;
    host = address.host;
    port = address.port;
    folder = address.path.ends_with('/') ? address.path : address.path + "/";
  }
  // A point in a bucket's name breaks the certificate's wildcard.
  const bool path_style = JsonBool(
      parameters, "path_style", !endpoint.empty() || bucket.name_.find('.') != std::string::npos);
  if (path_style) {
    folder += Encoded(bucket.name_, false) + "/";
  } else {
    host = bucket.name_ + "." + host;
  }
  const bool usual = port == (scheme == "https" ? 443 : 80);
  bucket.host_ = usual && host.find(':') == std::string::npos ? host : JoinHostPort(host, port);
  bucket.base_ = scheme + "://" + bucket.host_ + folder;
  bucket.token_ = JsonString(parameters, "session_token");
  const std::string access_key = JsonString(parameters, "access_key");
  const std::string secret_key = JsonString(parameters, "secret_key");
  if (access_key.empty() != secret_key.empty()) {
    return InvalidArgument("with.secret_key: access_key and secret_key go together");
  }
  if (!secret_key.empty()) {
    bucket.signer_ = std::make_shared<const HttpRequest::Signer>(
        HttpRequest::Signer{region, access_key, secret_key});
  }
  return bucket;
}

FetchTarget Bucket::Target(const std::string& key, const std::string& query) const {
  FetchTarget target;
  target.url = base_ + Encoded(key, true) + (query.empty() ? "" : "?" + query);
  target.shown = "s3://" + name_ + "/" + key;
  target.reach = reach_;
  target.signer = signer_;
  if (signer_ == nullptr) return target;
  // What is signed is said here: libcurl 7.88 leaves the port out of a Host of its own.
  target.headers = {{"Host", host_}, {"x-amz-content-sha256", kEmptyDigest}};
  if (!token_.empty()) target.headers.emplace_back("x-amz-security-token", token_);
  return target;
}

class FolderImport {
 public:
  FolderImport(StepContext& context, const Remote& remote, const Bucket& bucket)
      : context_(context), remote_(remote), bucket_(bucket), transfers_(context, remote) {}

  Result<StepOutcome> Run() {
    PENSTOCK_RETURN_IF_ERROR(List());
    const fs::path output = context_.output_dir() / "data";
    PENSTOCK_RETURN_IF_ERROR(PlaceFiles(output));
    PENSTOCK_RETURN_IF_ERROR(FetchAll());
    context_.Log("imported " + remote_.shown + ": " + std::to_string(objects_.size()) +
                 " objects, " + FormatSize(transfers_.bytes()));
    StepOutcome outcome;
    outcome.outputs.push_back({"data", output, ArtifactType::kDataset});
    outcome.metrics["files"] = static_cast<double>(objects_.size());
    outcome.metrics["bytes"] = static_cast<double>(transfers_.bytes());
    return outcome;
  }

 private:
  const std::string& prefix() const { return remote_.address.path; }

  Status Wrong(const std::string& key, const std::string& why) const {
    return InvalidArgument("s3://" + remote_.address.host + "/" + TruncateUtf8(key, 200) + " " +
                           why);
  }

  Status List() {
    Fetcher fetcher(transfers_);
    std::string token;
    int64_t total = 0;
    do {
      // In the order of their names, as the signature wants them.
      std::string query = token.empty() ? "" : "continuation-token=" + Encoded(token, false) + "&";
      query += "list-type=2&prefix=" + Encoded(prefix(), false);
      FetchTarget target = bucket_.Target("", query);
      target.shown = "the list of " + remote_.shown;
      PENSTOCK_ASSIGN_OR_RETURN(const std::string answer, fetcher.ToMemory(target, kMaxListBytes));
      PENSTOCK_RETURN_IF_ERROR(TakeList(answer, &token, &total));
    } while (!token.empty());
    if (objects_.empty()) {
      return NotFound(remote_.shown + " holds no objects" +
                      (prefix().empty() ? "" : "; is the prefix right?"));
    }
    if (total > remote_.max_bytes) {
      return InvalidArgument(remote_.shown + " holds " + FormatSize(total) + ", more than " +
                                 FormatSize(remote_.max_bytes) +
                                 "; raise with.max_size of the import step, or read less",
                             "IMPORT_TOO_LARGE");
    }
    transfers_.Expect(total);
    return Status::Ok();
  }

  Status TakeList(const std::string& answer, std::string* token, int64_t* total) {
    const auto bad = [&](const char* why) {
      return FailedPrecondition("the list of " + remote_.shown + " " + why +
                                "; is the endpoint one of an S3-compatible store?");
    };
    if (XmlElements(answer, "ListBucketResult").empty()) return bad("is no ListBucketResult");
    for (const std::string_view element : XmlElements(answer, "Contents")) {
      const std::optional<std::string> key = XmlText(element, "Key");
      const std::string size = XmlText(element, "Size").value_or("");
      Object object{key.value_or(""), XmlText(element, "ETag").value_or("")};
      const auto [end, failed] =
          std::from_chars(size.data(), size.data() + size.size(), object.size);
      if (!key || key->empty() || failed != std::errc() || object.size < 0) {
        return bad("holds an object without key or size");
      }
      if (!key->starts_with(prefix())) return bad("holds keys that were not asked for");
      if (key->ends_with('/') && object.size == 0) continue;  // what consoles show as a folder
      *total += object.size;
      objects_.push_back(std::move(object));
      if (objects_.size() > static_cast<std::size_t>(limits::kMaxTreeFiles)) {
        return InvalidArgument(remote_.shown + " holds more than " +
                               std::to_string(limits::kMaxTreeFiles) + " objects");
      }
    }
    const bool more = XmlText(answer, "IsTruncated").value_or("") == "true";
    std::string next = XmlText(answer, "NextContinuationToken").value_or("");
    if (more && (next.empty() || next == *token)) return bad("goes on, and does not say how");
    *token = more ? std::move(next) : std::string();
    return Status::Ok();
  }

  // Where each object's file lies, with its folders. No key leads out of the folder.
  Status PlaceFiles(const fs::path& output) {
    std::set<std::string> files;
    for (const Object& object : objects_) {
      const std::string path = object.key.substr(prefix().size());
      if (path.empty() || path.size() > kMaxFilePath || path.find('\0') != std::string::npos) {
        return Wrong(object.key, "cannot be the name of a file in the folder");
      }
      for (const std::string& part : Split(path, '/')) {
        if (part.empty() || part == "." || part == ".." || part.size() > kMaxFileName) {
          return Wrong(object.key, "cannot be the name of a file in the folder (\"" +
                                       TruncateUtf8(part, 40) + "\")");
        }
      }
      files.insert(path);
    }
    for (const Object& object : objects_) {
      const std::string path = object.key.substr(prefix().size());
      for (auto at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
        if (files.contains(path.substr(0, at))) {
          return Wrong(object.key, "lies in a folder that is an object, too");
        }
      }
      paths_.push_back(output / path);
      PENSTOCK_RETURN_IF_ERROR(MakeFolders(paths_.back().parent_path()));
    }
    return Status::Ok();
  }

  Status FetchAll() {
    std::atomic<std::size_t> next{0};
    Mutex mutex;
    Status first;
    const auto work = [&] {
      Fetcher fetcher(transfers_);
      for (std::size_t i = next++; i < objects_.size() && !transfers_.stopped(); i = next++) {
        const Object& object = objects_[i];
        FetchTarget target = bucket_.Target(object.key, "");
        target.etag = object.etag;
        target.size = object.size;
        if (Status status = fetcher.ToFile(target, paths_[i]); !status.ok()) {
          const MutexLock lock(mutex);
          // Those that it stops end as cancelled.
          if (first.ok()) first = std::move(status);
          transfers_.Fail();
          return;
        }
      }
    };
    std::vector<std::thread> helpers;
    const std::size_t threads = std::min<std::size_t>(kParallel, objects_.size());
    for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
    if (context_.cancelled()) return Cancelled("cancelled");
    return first;
  }

  StepContext& context_;
  const Remote& remote_;
  const Bucket& bucket_;
  Transfers transfers_;
  std::vector<Object> objects_;
  std::vector<fs::path> paths_;
};

Result<StepOutcome> ImportObject(StepContext& context, const Remote& remote, const Bucket& bucket) {
  Transfers transfers(context, remote);
  const fs::path output = context.output_dir() / "data";
  const FetchTarget target = bucket.Target(remote.address.path, "");
  PENSTOCK_RETURN_IF_ERROR(Fetcher(transfers).ToFile(target, output));
  context.Log("imported " + remote.shown + ": " + FormatSize(transfers.bytes()));
  StepOutcome outcome;
  outcome.outputs.push_back({"data", output, ArtifactType::kFile});
  outcome.metrics["files"] = 1;
  outcome.metrics["bytes"] = static_cast<double>(transfers.bytes());
  return outcome;
}

}  // namespace

Result<StepOutcome> ImportS3(StepContext& context, const Remote& remote) {
  PENSTOCK_ASSIGN_OR_RETURN(const Bucket bucket, Bucket::Open(context.parameters(), remote));
  const std::string& key = remote.address.path;
  if (!key.empty() && !key.ends_with('/')) return ImportObject(context, remote, bucket);
  return FolderImport(context, remote, bucket).Run();
}

}  // namespace penstock::importing
