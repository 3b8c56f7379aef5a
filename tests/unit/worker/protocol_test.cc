#include "worker/runner/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr char kHex[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

// What the other side makes of a document.
Json Sent(const std::string& document) {
  FrameReader reader;
  reader.Append(FrameOf(document));
  const Result<std::optional<Json>> frame = reader.Next();
  EXPECT_TRUE(frame.ok()) << frame.status();
  return frame->value_or(Json());
}

std::string Header(uint32_t size) {
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes;
}

// It ended the agent.
TEST(ProtocolTest, ACodeThatIsNoneIsUnknown) {
  for (const int64_t code : {int64_t{1} << 32, int64_t{99}, int64_t{-1}}) {
    const Json said = {{"kind", "outcome"}, {"code", code}, {"cause", code}, {"message", "m"}};
    const Result<ChildMessage> message = DecodeChildMessage(said);
    ASSERT_TRUE(message.ok() && message->outcome);
    EXPECT_EQ(message->outcome->status.code(), StatusCode::kUnknown) << code;
    EXPECT_EQ(message->outcome->cause, Cause::kStepError) << code;
  }
}

TEST(ProtocolTest, AnAssignmentArrivesAsItWasSent) {
  Assignment sent;
  sent.id = 7;
  sent.type = "train";
  sent.algorithm = "xgboost";
  sent.parameters = {{"rounds", 10}, {"name", "ünïcode \"quoted\"\n"}};
  sent.inputs = {
      {"data", "/w/in/data-0", ArtifactType::kDataset, Digest(kHex), "census.csv"},
      {"data", "/w/in/data-1", ArtifactType::kFile, Digest(kHex), ""},
  };
  sent.workspace = "/w";
  sent.store = "/s";
  sent.report_paths = {"a.b", "c[1]"};
  sent.threads = 3;
  sent.memory = int64_t{5} << 40;
  const Assignment got = DecodeAssignment(Sent(Encode(sent)));
  EXPECT_EQ(got.id, 7);
  EXPECT_EQ(got.type, "train");
  EXPECT_EQ(got.algorithm, "xgboost");
  EXPECT_EQ(got.parameters, sent.parameters);
  ASSERT_EQ(got.inputs.size(), 2U);
  EXPECT_EQ(got.inputs[0].name, "data");
  EXPECT_EQ(got.inputs[0].path, "/w/in/data-0");
  EXPECT_EQ(got.inputs[0].type, ArtifactType::kDataset);
  EXPECT_EQ(got.inputs[0].digest, Digest(kHex));
  EXPECT_EQ(got.inputs[0].display_name, "census.csv");
  EXPECT_EQ(got.inputs[1].type, ArtifactType::kFile);
  EXPECT_EQ(got.workspace, "/w");
  EXPECT_EQ(got.store, "/s");
  EXPECT_EQ(got.report_paths, sent.report_paths);
  EXPECT_EQ(got.threads, 3);
  EXPECT_EQ(got.memory, int64_t{5} << 40);
}

TEST(ProtocolTest, AnUpdateArrivesAsItWasSent) {
  const Update sent{.id = 3,
                    .progress = 0.25,
                    .note = "round 5",
                    .points = {{"loss", 5, 0.1, Time{1'760'000'000'000'000}},
                               {"loss", 6, std::numeric_limits<double>::quiet_NaN()},
                               {"loss", 7, std::numeric_limits<double>::infinity()}}};
  const Result<ChildMessage> got = DecodeChildMessage(Sent(Encode(sent)));
  ASSERT_TRUE(got.ok()) << got.status();
  ASSERT_TRUE(got->update);
  EXPECT_FALSE(got->outcome);
  EXPECT_EQ(got->update->id, 3);
  EXPECT_EQ(got->update->progress, 0.25);
  EXPECT_EQ(got->update->note, "round 5");
  ASSERT_EQ(got->update->points.size(), 3U);
  EXPECT_EQ(got->update->points[0].name, "loss");
  EXPECT_EQ(got->update->points[0].index, 5);
  EXPECT_EQ(got->update->points[0].value, 0.1);
  EXPECT_EQ(got->update->points[0].time, Time{1'760'000'000'000'000});
  // JSON has no number for what is not finite.
  EXPECT_TRUE(std::isnan(got->update->points[1].value));
  EXPECT_TRUE(std::isnan(got->update->points[2].value));
}

TEST(ProtocolTest, AnUpdateMayLeaveTheProgressAlone) {
  const Result<ChildMessage> got = DecodeChildMessage(Sent(Encode(Update{.id = 1})));
  ASSERT_TRUE(got.ok() && got->update);
  EXPECT_LT(got->update->progress, 0);
}

TEST(ProtocolTest, AnOutcomeArrivesAsItWasSent) {
  Outcome sent;
  sent.id = 9;
  sent.outputs = {{"model",
                   {.digest = Digest(kHex), .type = ArtifactType::kModel, .tree = true, .size = 12},
                   4}};
  sent.metrics = {{"auc", 0.9}, {"undefined", std::nan("")}};
  sent.report_values = {{"a.b", "[1,2]"}};
  sent.points = {{"loss", 1, 2.5}};
  sent.log_end = 1234;
  sent.peak_memory = int64_t{3} << 30;
  sent.cpu_seconds = 1.5;
  sent.warnings = "few rows; no \"b\"";
  const Result<ChildMessage> got = DecodeChildMessage(Sent(Encode(sent)));
  ASSERT_TRUE(got.ok()) << got.status();
  ASSERT_TRUE(got->outcome);
  const Outcome& outcome = *got->outcome;
  EXPECT_EQ(outcome.id, 9);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.cause, Cause::kNone);
  ASSERT_EQ(outcome.outputs.size(), 1U);
  EXPECT_EQ(outcome.outputs[0].name, "model");
  EXPECT_EQ(outcome.outputs[0].ref.digest, Digest(kHex));
  EXPECT_EQ(outcome.outputs[0].ref.type, ArtifactType::kModel);
  EXPECT_TRUE(outcome.outputs[0].ref.tree);
  EXPECT_EQ(outcome.outputs[0].ref.size, 12);
  EXPECT_EQ(outcome.outputs[0].files, 4);
  EXPECT_EQ(outcome.metrics.at("auc"), 0.9);
  EXPECT_TRUE(std::isnan(outcome.metrics.at("undefined")));
  EXPECT_EQ(outcome.report_values, sent.report_values);
  ASSERT_EQ(outcome.points.size(), 1U);
  EXPECT_EQ(outcome.points[0].value, 2.5);
  EXPECT_EQ(outcome.log_end, 1234);
  EXPECT_EQ(outcome.peak_memory, int64_t{3} << 30);
  EXPECT_EQ(outcome.cpu_seconds, 1.5);
  EXPECT_EQ(outcome.warnings, sent.warnings);
}

TEST(ProtocolTest, AFailureArrivesWithItsCauseAndReason) {
  Outcome sent;
  sent.status = NotFound("no such file", "INPUT_GONE");
  sent.cause = Cause::kStepError;
  const Result<ChildMessage> got = DecodeChildMessage(Sent(Encode(sent)));
  ASSERT_TRUE(got.ok() && got->outcome);
  EXPECT_EQ(got->outcome->status.code(), StatusCode::kNotFound);
  EXPECT_EQ(got->outcome->status.message(), "no such file");
  EXPECT_EQ(got->outcome->status.reason(), "INPUT_GONE");
  EXPECT_EQ(got->outcome->cause, Cause::kStepError);
}

TEST(ProtocolTest, OtherDocumentsAreNoMessages) {
  for (const char* text : {"{}", "[]", "null", "3", R"({"kind":"outcomes"})", R"({"kind":1})"}) {
    EXPECT_EQ(DecodeChildMessage(*ParseJson(text)).status().code(), StatusCode::kDataLoss) << text;
  }
}

// Whatever a document holds, reading it does no harm.
TEST(ProtocolTest, MembersOfTheWrongKindAreLeftOut) {
  const Json odd = *ParseJson(
      R"({"kind":"outcome","id":"x","outputs":3,"metrics":[1],"report":{"a":1},"points":[[1,2,3],4,
          ["a","b","c"]],"log_end":null})");
  const Result<ChildMessage> got = DecodeChildMessage(odd);
  ASSERT_TRUE(got.ok() && got->outcome);
  EXPECT_EQ(got->outcome->id, 0);
  EXPECT_TRUE(got->outcome->metrics.empty());
  EXPECT_TRUE(got->outcome->report_values.empty());
  EXPECT_TRUE(got->outcome->points.empty());
  const Assignment assignment =
      DecodeAssignment(*ParseJson(R"({"inputs":[1,"a"],"report_paths":[2],"threads":"many"})"));
  EXPECT_EQ(assignment.inputs.size(), 2U);
  EXPECT_TRUE(assignment.report_paths.empty());
  EXPECT_EQ(assignment.threads, 1);
}

TEST(FrameReaderTest, FramesComeOutWhole) {
  const std::string bytes = FrameOf("1") + FrameOf("\"two\"") + FrameOf("[3]");
  // However the stream is cut.
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader;
    std::vector<Json> got;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.Append(std::string_view(bytes).substr(at, piece));
      while (true) {
        const Result<std::optional<Json>> frame = reader.Next();
        ASSERT_TRUE(frame.ok()) << frame.status();
        if (!*frame) break;
        got.push_back(**frame);
      }
    }
    EXPECT_EQ(got, (std::vector<Json>{1, "two", Json::array({3})})) << piece;
  }
}

TEST(FrameReaderTest, ATornFrameWaits) {
  FrameReader reader;
  const std::string frame = FrameOf("{\"a\":1}");
  reader.Append(frame.substr(0, frame.size() - 1));
  EXPECT_FALSE(reader.Next()->has_value());
  EXPECT_FALSE(reader.Next()->has_value());
  reader.Append(frame.substr(frame.size() - 1));
  EXPECT_TRUE(reader.Next()->has_value());
  EXPECT_FALSE(reader.Next()->has_value());
}

TEST(FrameReaderTest, AnOversizedFrameIsRefusedByItsHeader) {
  FrameReader reader;
  reader.Append(Header(kMaxFrameBytes + 1));
  EXPECT_EQ(reader.Next().status().code(), StatusCode::kDataLoss);
  FrameReader largest;
  largest.Append(Header(kMaxFrameBytes));
  EXPECT_FALSE(largest.Next()->has_value());
}

TEST(FrameReaderTest, GarbageIsRefused) {
  FrameReader words;
  words.Append("error: something that was printed to the socket");
  EXPECT_FALSE(words.Next().ok());
  for (const std::string& document : {std::string(), std::string("{"), std::string("{} {}"),
                                      std::string("\xff\xfe"), std::string(200, '[')}) {
    FrameReader reader;
    reader.Append(FrameOf(document));
    const Status status = reader.Next().status();
    EXPECT_FALSE(status.ok()) << document;
    EXPECT_THAT(status.message(), HasSubstr("a frame")) << document;
  }
}

}  // namespace
}  // namespace penstock
