// Documents that lie in artifacts, which anybody may have uploaded: dataset.json, transform.json,
// model.json, and the paths that are looked up in a report. The first line says which.

#include "base/text.h"
#include "steps/model_io/model_info.h"
#include "steps/process/transform.h"
#include "steps/table/dataset.h"
#include "tests/fuzz/fuzz.h"
#include "worker/runner/report_path.h"

namespace penstock::fuzz {
namespace {

// `read` and `write` of one kind of document: what is read and written is read again as the same.
template <typename Read, typename Write>
void CheckRoundTrip(const Json& json, Read read, Write write) {
  const auto first = read(json);
  if (!first.ok()) {
    ExpectRefusal(first.status());
    return;
  }
  const Json written = write(*first);
  const auto again = read(written);
  FUZZ_EXPECT(again.ok(), again.status().ToString() + DumpJson(written));
  FUZZ_EXPECT(DumpJson(write(*again)) == DumpJson(written), DumpJson(written));
}

void CheckReportPath(const Json& json, std::string_view path) {
  if (const Json* found = FindReportValue(json, path); found != nullptr) {
    FUZZ_EXPECT(JsonDepth(*found) <= JsonDepth(json), std::string(path));
  }
}

}  // namespace

int FuzzDocument(std::string_view bytes) {
  const auto [head, body] = CutLine(bytes);
  const Result<Json> json = ParseJson(body);
  if (!json.ok()) {
    ExpectRefusal(json.status());
    return -1;
  }
  if (head == "dataset") {
    CheckRoundTrip(*json, DatasetInfoFromJson, DatasetInfoToJson);
  } else if (head == "model") {
    CheckRoundTrip(*json, ModelInfoFromJson, ModelInfoToJson);
  } else if (head == "transform") {
    CheckRoundTrip(*json, Transform::FromJson, [](const Transform& t) { return t.ToJson(); });
  } else {
    CheckReportPath(*json, head);
  }
  return 0;
}

}  // namespace penstock::fuzz
