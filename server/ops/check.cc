#include "server/ops/check.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <map>

#include "base/file.h"
#include "base/log.h"
#include "server/ops/secret_keys.h"

namespace penstock {
namespace {

constexpr int kPage = 1'000;
constexpr std::size_t kMaxFindings = 1'000;

void Add(CheckReport& report, const char* check, std::string message) {
  if (report.findings.size() < kMaxFindings) report.findings.push_back({check, std::move(message)});
}

// Goes over every artifact, and over each of its files once.
class BytesCheck {
 public:
  BytesCheck(const LocalArtifactStore& store, bool verify, const StopFlag& stop,
             CheckReport& report)
      : store_(store), verify_(verify), stop_(stop), report_(report) {}

  Status Run(MetadataReader& reader);
  // Artifacts whose bytes are not all there, and the bytes that are damaged.
  const std::vector<Digest>& broken() const { return broken_; }
  const std::vector<Digest>& damaged() const { return damaged_; }

 private:
  Status CheckArtifact(const ArtifactRecord& artifact);
  // What is wrong with the blob; empty: nothing. `size` -1: not known.
  const std::string& CheckBlob(const Digest& digest, int64_t size);

  const LocalArtifactStore& store_;
  const bool verify_;
  const StopFlag& stop_;
  CheckReport& report_;
  std::map<Digest, std::string> seen_;
  std::vector<Digest> broken_;
  std::vector<Digest> damaged_;
};

Status BytesCheck::Run(MetadataReader& reader) {
  int64_t before = 0;
  while (true) {
    std::vector<int64_t> rows;
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<ArtifactRecord> artifacts,
                              reader.ListArtifacts("", RunId(), before, kPage, &rows));
    if (artifacts.empty()) return Status::Ok();
    before = rows.back();
    for (const ArtifactRecord& artifact : artifacts) {
      PENSTOCK_RETURN_IF_ERROR(CheckArtifact(artifact));
    }
  }
}

Status BytesCheck::CheckArtifact(const ArtifactRecord& artifact) {
  const ArtifactRef& ref = artifact.ref;
  ++report_.artifacts;
  std::string problem = CheckBlob(ref.digest, ref.tree ? -1 : ref.size);
  if (problem.empty() && ref.tree) {
    const Result<Manifest> manifest = store_.ReadManifest(ref.digest);
    if (!manifest.ok()) {
      problem = manifest.status().message();
      damaged_.push_back(ref.digest);
    } else {
      for (const ManifestEntry& file : manifest->files) {
        PENSTOCK_RETURN_IF_ERROR(CheckStop(stop_));
        const std::string& wrong = CheckBlob(file.digest, file.size);
        if (problem.empty() && !wrong.empty()) problem = file.path + ": " + wrong;
      }
    }
  }
  if (problem.empty()) return CheckStop(stop_);
  broken_.push_back(ref.digest);
  Add(report_, "artifacts",
      std::string(Name(ref.type)) + " " + FormatDigest(ref.digest) + ": " + problem);
  return CheckStop(stop_);
}

const std::string& BytesCheck::CheckBlob(const Digest& digest, int64_t size) {
  const auto [place, fresh] = seen_.try_emplace(digest);
  std::string& problem = place->second;
  if (!fresh) return problem;
  ++report_.blobs;
  const Result<int64_t> found = store_.Size(digest);
  if (!found.ok()) {
    problem = "its bytes are not there (" + FormatDigest(digest) + ")";
    return problem;
  }
  if (size >= 0 && *found != size) {
    problem = "it has " + std::to_string(*found) + " bytes, not " + std::to_string(size);
  } else if (verify_) {
    if (const Status status = store_.Verify(digest); !status.ok()) problem = status.message();
    report_.bytes_read += *found;
  }
  if (!problem.empty()) damaged_.push_back(digest);
  return problem;
}

Status CheckRows(MetadataReader& reader, const CheckOptions& options, CheckReport& report,
                 const StopFlag& stop) {
  using Question = Result<std::vector<std::string>> (MetadataReader::*)();
  const std::pair<const char*, Question> questions[] = {
      {"database", &MetadataReader::CheckIntegrity},
      {"foreign keys", &MetadataReader::CheckForeignKeys},
      {"references", &MetadataReader::CheckReferences},
      {"states", &MetadataReader::CheckStates}};
  for (const auto& [name, question] : questions) {
    PENSTOCK_RETURN_IF_ERROR(CheckStop(stop));
    PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> problems, (reader.*question)());
    for (const std::string& problem : problems) Add(report, name, problem);
  }
  PENSTOCK_ASSIGN_OR_RETURN(const auto unreadable, UnreadableSecrets(reader, options.secrets));
  for (const std::string& problem : unreadable) Add(report, "secrets", problem);
  return Status::Ok();
}

}  // namespace

Result<CheckReport> CheckData(MetadataReader& reader, const LocalArtifactStore& artifacts,
                              const CheckOptions& options, const StopFlag& stop) {
  CheckReport report;
  PENSTOCK_RETURN_IF_ERROR(CheckRows(reader, options, report, stop));
  PENSTOCK_RETURN_IF_ERROR(BytesCheck(artifacts, options.verify, stop, report).Run(reader));
  return report;
}

Result<CheckReport> RepairData(MetadataStore& store, LocalArtifactStore& artifacts,
                               const std::filesystem::path& aside, const CheckOptions& options,
                               const Clock& clock) {
  const StopFlag never{false};
  CheckReport report;
  PENSTOCK_RETURN_IF_ERROR(CheckRows(store.reader(), options, report, never));
  BytesCheck bytes(artifacts, options.verify, never, report);
  PENSTOCK_RETURN_IF_ERROR(bytes.Run(store.reader()));

  for (const Digest& digest : bytes.damaged()) {
    const std::filesystem::path from = artifacts.PathOf(digest);
    const std::filesystem::path to = aside / digest.value();
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(aside));
    if (std::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, "putting aside " + from.string());
    }
    report.repairs.push_back("put damaged bytes aside: " + to.string());
  }
  PENSTOCK_RETURN_IF_ERROR(store.Begin());
  for (const Digest& digest : bytes.broken()) {
    PENSTOCK_RETURN_IF_ERROR(store.DeleteArtifact(digest));
    report.repairs.push_back("forgot the artifact " + FormatDigest(digest));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::string> done, store.Repair(clock.Now()));
  PENSTOCK_RETURN_IF_ERROR(store.Commit());
  report.repairs.insert(report.repairs.end(), done.begin(), done.end());

  PENSTOCK_ASSIGN_OR_RETURN(const CheckReport after,
                            CheckData(store.reader(), artifacts, options, never));
  for (Finding& finding : report.findings) {
    finding.repaired =
        std::find(after.findings.begin(), after.findings.end(), finding) == after.findings.end();
  }
  // What the repair itself brought to light.
  for (const Finding& finding : after.findings) {
    const auto& known = report.findings;
    if (std::find(known.begin(), known.end(), finding) == known.end()) {
      report.findings.push_back(finding);
    }
  }
  LOG_INFO("data checked and repaired findings={} repairs={}", report.findings.size(),
           report.repairs.size());
  return report;
}

}  // namespace penstock
