// What a runner's child says to its agent, whatever became of it, and other small formats in bytes:
// the points of a journal's frame, a booster's UBJSON.

#include "steps/xgb/ubjson.h"
#include "storage/journal/points.h"
#include "tests/fuzz/fuzz.h"
#include "worker/runner/protocol.h"

namespace penstock::fuzz {
namespace {

void CheckMessage(const Json& json) {
  DecodeAssignment(json);
  const Result<ChildMessage> message = DecodeChildMessage(json);
  if (!message.ok()) {
    ExpectRefusal(message.status());
    return;
  }
  const std::string written =
      message->outcome ? Encode(*message->outcome) : Encode(*message->update);
  const Result<Json> parsed = ParseJson(written, {.max_bytes = kMaxFrameBytes, .max_depth = 128});
  FUZZ_EXPECT(parsed.ok(), written);
  const Result<ChildMessage> again = DecodeChildMessage(*parsed);
  FUZZ_EXPECT(again.ok() && again->outcome.has_value() == message->outcome.has_value(), written);
}

// All at once, and a byte at a time: the same frames.
void CheckFrames(std::string_view bytes) {
  FrameReader whole;
  whole.Append(bytes);
  std::vector<Json> frames;
  bool good = true;
  while (good) {
    Result<std::optional<Json>> next = whole.Next();
    good = next.ok();
    if (!good || !*next) break;
    frames.push_back(**next);
    CheckMessage(frames.back());
  }
  FrameReader slow;
  std::size_t count = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    slow.Append(bytes.substr(i, 1));
    const Result<std::optional<Json>> next = slow.Next();
    if (!next.ok()) {
      FUZZ_EXPECT(!good, next.status().ToString());
      break;
    }
    if (!*next) continue;
    FUZZ_EXPECT(count < frames.size() && frames[count] == **next, DumpJson(**next));
    ++count;
  }
  FUZZ_EXPECT(count == frames.size(), std::to_string(count));
}

void CheckPoints(std::string_view bytes) {
  const Result<std::vector<MetricPoint>> points = DecodePoints(bytes);
  if (!points.ok()) {
    ExpectRefusal(points.status());
    CountPoints(bytes);
    return;
  }
  FUZZ_EXPECT(CountPoints(bytes) == static_cast<int64_t>(points->size()), "");
  const Result<std::vector<MetricPoint>> again = DecodePoints(EncodePoints(*points));
  FUZZ_EXPECT(again.ok() && again->size() == points->size(), "");
  for (std::size_t i = 0; i < points->size(); ++i) {
    FUZZ_EXPECT((*points)[i].name == (*again)[i].name, "");
    FUZZ_EXPECT((*points)[i].index == (*again)[i].index, "");
    FUZZ_EXPECT((*points)[i].time == (*again)[i].time, "");
  }
}

}  // namespace

int FuzzFrame(std::string_view bytes) {
  if (const Result<Json> json = ParseJson(bytes); json.ok()) CheckFrames(FrameOf(bytes) + FrameOf("1"));
  CheckFrames(bytes);
  CheckPoints(bytes);
  const Status booster = xgb::CheckUbjson(bytes);
  if (!booster.ok()) ExpectRefusal(booster);
  return 0;
}

}  // namespace penstock::fuzz
