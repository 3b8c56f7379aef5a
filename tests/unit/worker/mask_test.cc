// What is made of secrets in a step's output, however it is cut into pieces.

#include "worker/agent/mask.h"

#include <gmock/gmock.h>

#include "base/random.h"
#include "worker/runner/secrets.h"

namespace penstock {
namespace {

using testing::HasSubstr;

using Secrets = std::map<std::string, std::string>;

std::string InPieces(SecretMask mask, const std::string& text, std::size_t size) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += size) mask.Append(text.substr(at, size), out);
  mask.Finish(out);
  return out;
}

TEST(MaskTest, ValuesGoWhereverTheyAreCut) {
  const SecretMask mask(Secrets{{"a", "hunter2"}});
  const std::string text = "x hunter2 hunter hunter2hunter2\nhhunter2 hunter";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    EXPECT_EQ(InPieces(mask, text, size), "x *** hunter ***\nh*** hunter") << size;
  }
}

TEST(MaskTest, NothingIsKeptBackThatCannotBecomeASecret) {
  SecretMask mask(Secrets{{"a", "hunter2"}});
  std::string out;
  mask.Append("password: hun", out);
  EXPECT_EQ(out, "password: ");
  mask.Append("ger\n", out);
  EXPECT_EQ(out, "password: hunger\n");
  mask.Append("hunter2", out);
  mask.Append("\n", out);
  EXPECT_EQ(out, "password: hunger\n***\n");
  mask.Append("hunt", out);
  EXPECT_EQ(out, "password: hunger\n***\n");
  mask.Finish(out);
  EXPECT_EQ(out, "password: hunger\n***\nhunt");
}

TEST(MaskTest, WithoutSecretsNothingIsTouched) {
  SecretMask none;
  std::string out;
  none.Append("hunter2", out);
  EXPECT_EQ(out, "hunter2");
  const SecretMask short_ones(Secrets{{"a", "abc"}});
  EXPECT_EQ(short_ones.Masked("abc abc"), "abc abc") << "three letters are everywhere";
}

TEST(MaskTest, EncodedFormsGoToo) {
  const SecretMask mask(Secrets{{"a", "p@ss w\"rd/1"}});
  EXPECT_EQ(mask.Masked("p@ss w\"rd/1"), "***");
  EXPECT_EQ(mask.Masked("[cEBzcyB3InJkLzE=]"), "[***]") << "base64";
  EXPECT_EQ(mask.Masked("?t=p%40ss%20w%22rd%2F1&x"), "?t=***&x");
  EXPECT_EQ(mask.Masked("{\"t\": \"p@ss w\\\"rd/1\"}"), "{\"t\": \"***\"}");
}

// Basic authentication sends base64 of "user:password".
TEST(MaskTest, Base64OfATextThatHoldsTheValueGoes) {
  const SecretMask mask(Secrets{{"a", "open-sesame"}});
  EXPECT_EQ(mask.Masked("b3Blbi1zZXNhbWU="), "***");
  // "u:open-sesame", "uu:open-sesame" and "uuu:open-sesame!".
  for (const char* text :
       {"dTpvcGVuLXNlc2FtZQ==", "dXU6b3Blbi1zZXNhbWU=", "dXV1Om9wZW4tc2VzYW1lIQ=="}) {
    const std::string masked = mask.Masked(text);
    EXPECT_THAT(masked, HasSubstr("***"));
    EXPECT_LE(masked.size(), 13U) << masked;
  }
}

TEST(MaskTest, LinesOfAValueGoAlone) {
  const SecretMask mask(
      Secrets{{"key", "-----BEGIN KEY-----\nMIIEvQIBADANBg\nshort\n-----END KEY-----\n"}});
  EXPECT_EQ(mask.Masked("got MIIEvQIBADANBg, short"), "got ***, short");
  EXPECT_EQ(mask.Masked("  -----END KEY-----"), "  ***");
}

TEST(MaskTest, OverlappingSecretsLeaveNothing) {
  const SecretMask mask(Secrets{{"a", "abcdef"}, {"b", "defghi"}, {"c", "cdefg"}, {"d", "xxxx"}});
  EXPECT_EQ(mask.Masked("-abcdefghi-"), "-***-");
  EXPECT_EQ(mask.Masked("-cdefghi-"), "-***-");
  EXPECT_EQ(mask.Masked("abcde"), "abcde");
  EXPECT_EQ(mask.Masked("-xxxxxxx-"), "-***-");
}

// Against the plain way: mark each place of each pattern, and put *** for each run of marks.
TEST(MaskTest, TextsAtRandomAreMaskedAsThePlainWayDoes) {
  SeededRandom random(11);
  const auto letters = [&](std::size_t count) {
    std::string text;
    while (text.size() < count) text += static_cast<char>('a' + random.Next() % 2);
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    Secrets secrets;
    for (int i = 0; i < 3; ++i) secrets[std::to_string(i)] = letters(4 + random.Next() % 5);
    const std::string text = letters(200);
    std::string marks(text.size(), '\0');
    for (const auto& [name, value] : secrets) {
      for (std::size_t at = text.find(value); at != text.npos; at = text.find(value, at + 1)) {
        marks.replace(at, value.size(), value.size(), '\1');
      }
    }
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (marks[i] == 0) plain += text[i];
      if (marks[i] != 0 && (i == 0 || marks[i - 1] == 0)) plain += "***";
    }
    const SecretMask mask(secrets);
    ASSERT_EQ(mask.Masked(text), plain) << round;
    ASSERT_EQ(InPieces(mask, text, 1 + random.Next() % 9), plain) << round;
  }
}

TEST(MaskTest, AnOutcomeHoldsNone) {
  const SecretMask mask(Secrets{{"a", "hunter2"}});
  Outcome outcome;
  outcome.status = FailedPrecondition("401 for hunter2", "NOTIFY_REFUSED");
  outcome.warnings = "hunter2 is weak";
  outcome.report_values = {{"text", "\"is hunter2\""}, {"plain", "1"}};
  outcome.metrics = {{"hunter2", 1}};
  MaskOutcome(mask, outcome);
  EXPECT_EQ(outcome.status.message(), "401 for ***");
  EXPECT_EQ(outcome.status.reason(), "NOTIFY_REFUSED");
  EXPECT_EQ(outcome.warnings, "*** is weak");
  EXPECT_EQ(outcome.report_values["text"], "\"is ***\"");
  EXPECT_EQ(outcome.report_values["plain"], "1");
  EXPECT_TRUE(outcome.metrics.contains("***"));
  // A number that is a secret becomes a text.
  const SecretMask digits(Secrets{{"pin", "123456"}});
  outcome.report_values = {{"pin", "123456"}};
  MaskOutcome(digits, outcome);
  EXPECT_EQ(outcome.report_values["pin"], "\"***\"");
}

TEST(FillSecretsTest, NamesBecomeValuesAndNothingElseDoes) {
  const Secrets secrets = {{"hub", "v$${secrets.other}"}, {"other", "w"}};
  Json parameters{{"environment", {{"A", "Bearer ${secrets.hub}!"}, {"B", "${secrets.other}"}}},
                  {"list", {"$$${secrets.other}", "$${secrets.other}", "5 $$", 7}},
                  {"unknown", "${secrets.none} ${secrets."}};
  FillSecrets(secrets, parameters);
  EXPECT_EQ(parameters["environment"]["A"], "Bearer v$${secrets.other}!") << "once, not again";
  EXPECT_EQ(parameters["environment"]["B"], "w");
  EXPECT_EQ(parameters["list"], Json({"$w", "${secrets.other}", "5 $", 7}));
  EXPECT_EQ(parameters["unknown"], "${secrets.none} ${secrets.");
  Json plain{"$$ ${secrets.hub}"};
  FillSecrets({}, plain);
  EXPECT_EQ(plain, Json({"$$ ${secrets.hub}"})) << "parameters of a step that names none";
}

}  // namespace
}  // namespace penstock
