// Small texts: durations, sizes, times, addresses, names, page tokens. Each that is taken is
// written so that it is taken again and means the same.

#include "base/text.h"

#include "base/address.h"
#include "base/digest.h"
#include "server/config.h"
#include "server/core/bind.h"
#include "server/core/model_address.h"
#include "server/core/overrides.h"
#include "server/rpc/data_roots.h"
#include "server/rpc/page_token.h"
#include "steps/table/read.h"
#include "storage/artifact/manifest.h"
#include "tests/fuzz/fuzz.h"

namespace penstock::fuzz {
namespace {

void CheckQuantities(std::string_view text) {
  if (const Result<Micros> duration = ParseDuration(text); duration.ok()) {
    FUZZ_EXPECT(duration->count() >= 0, "a negative duration");
    const std::string written = UnparseDuration(*duration);
    const Result<Micros> again = ParseDuration(written);
    FUZZ_EXPECT(again.ok() && *again == *duration, written);
  } else {
    ExpectRefusal(duration.status());
  }
  if (const Result<int64_t> size = ParseSize(text); size.ok()) {
    FUZZ_EXPECT(*size >= 0, std::to_string(*size));
    const Result<int64_t> again = ParseSize(std::to_string(*size) + "B");
    FUZZ_EXPECT(again.ok() && *again == *size, std::to_string(*size));
    FormatSize(*size);
  } else {
    ExpectRefusal(size.status());
  }
  if (const Result<Time> time = ParseTime(text); time.ok()) {
    const std::string written = FormatTime(*time);
    if (!written.empty()) FUZZ_EXPECT(ParseTime(written).ok(), written);
  } else {
    ExpectRefusal(time.status());
  }
  if (const auto number = ParseNumber(text); number) {
    FUZZ_EXPECT(*number - *number == 0, "a number that is none");
    FUZZ_EXPECT(ParseNumber(FormatDouble(*number)) == number, FormatDouble(*number));
  }
}

void CheckAddresses(std::string_view text) {
  if (const Result<ModelAddress> model = ParseModelAddress(text); model.ok()) {
    const Result<ModelAddress> again = ParseModelAddress(model->text());
    FUZZ_EXPECT(again.ok() && again->text() == model->text(), model->text());
    FUZZ_EXPECT((model->version > 0) == model->alias.empty(), model->text());
  } else {
    ExpectRefusal(model.status());
  }
  if (const Result<HostPort> host = ParseHostPort(text); host.ok()) {
    FUZZ_EXPECT(host->port >= 0 && host->port <= 65'535, std::to_string(host->port));
    const Result<HostPort> again = ParseHostPort(FormatHostPort(*host));
    FUZZ_EXPECT(again.ok() && again->host == host->host && again->port == host->port, host->host);
  } else {
    FUZZ_EXPECT(!host.status().message().empty(), "");
  }
  IsLoopbackHost(text);
  StaysOnThisMachine(text);
  if (const Result<Digest> digest = ParseDigest(text); digest.ok()) {
    FUZZ_EXPECT(*ParseDigest(FormatDigest(*digest)) == *digest, FormatDigest(*digest));
  } else {
    ExpectRefusal(digest.status());
  }
  std::vector<Problem> problems;
  CheckDatasetAddress(std::string(text), "p", problems);
  for (const Problem& problem : problems) FUZZ_EXPECT(problem.path == "p", problem.message);
  // What climbs out of a root is not under it.
  const std::string path = "file:///data/public/" + std::string(text);
  if (IsUnderRoots(path, {"/data/public"})) {
    std::vector<std::string> folders;
    for (const std::string& part : Split(path.substr(7), '/')) {
      if (part == ".." && !folders.empty()) folders.pop_back();
      if (part != ".." && part != "." && !part.empty()) folders.push_back(part);
    }
    FUZZ_EXPECT(folders.size() >= 2 && folders[0] == "data" && folders[1] == "public", path);
  }
}

void CheckNames(std::string_view text) {
  IsModelVersion(text);
  VersionOfPin(std::string(text));
  DefinitionPath(text);
  IsNamed(std::string(text), {"cv[3].fit", "cv.fit", "a"});
  if (IsName(text)) FUZZ_EXPECT(text.size() <= 64 && IsUtf8(text), "a name");
  const std::string cut = TruncateUtf8(text, text.size() / 2);
  FUZZ_EXPECT(text.starts_with(cut) && (!IsUtf8(text) || IsUtf8(cut)), cut);
  if (IsSafePath(text)) FUZZ_EXPECT(text.front() != '/' && text != "..", "a path");
  // Of what users wrote no more is ever compared.
  const std::string_view start = text.substr(0, 128);
  FUZZ_EXPECT(EditDistance(start, start) == 0, "a distance");
  const Result<Page> page = ReadPage(10, text, "f");
  if (!page.ok()) ExpectRefusal(page.status());
  const Result<Page> again = ReadPage(10, MakePageToken(text, "f"), "f");
  FUZZ_EXPECT(text.empty() || text.size() > 700 || (again.ok() && again->after == text), "a page");
}

}  // namespace

int FuzzText(std::string_view bytes) {
  // Wherever such texts come from, they have been found to be UTF-8.
  if (!IsUtf8(bytes)) return -1;
  CheckQuantities(bytes);
  CheckAddresses(bytes);
  CheckNames(bytes);
  return 0;
}

}  // namespace penstock::fuzz
