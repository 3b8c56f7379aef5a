// Texts that want to exhaust memory, time or the stack, and texts that are broken at random. The
// test's own timeout and memory limit judge the first kind.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "server/definition/definition.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

constexpr std::size_t kLargest = limits::kMaxDefinitionBytes;

std::string Repeat(const std::string& part, std::size_t bytes = kLargest) {
  std::string text;
  while (text.size() + part.size() <= bytes) text += part;
  return text;
}

std::string Reason(const std::string& text) {
  const Result<CheckedDefinition> checked = CheckDefinitionText(text, Catalog::BuiltIn());
  if (checked.ok()) return "OK";
  EXPECT_EQ(checked.status().code(), StatusCode::kInvalidArgument);
  EXPECT_LT(checked.status().message().size(), 1000U);
  for (const Problem& problem : checked.status().problems()) {
    EXPECT_LT(problem.path.size() + problem.message.size(), 40'000U);
  }
  return checked.status().reason();
}

TEST(Hostile, OneByteTooMuch) {
  EXPECT_EQ(Reason("#" + std::string(kLargest, 'x')), "TOO_LARGE");
  EXPECT_EQ(Reason("#" + std::string(kLargest - 1, 'x')), "BAD_YAML");
}

TEST(Hostile, Nesting) {
  for (const char* part : {"[", "{", "[a,", "{a: ", "{\"a\":", "- ", "? ", "[[]", "[{"}) {
    EXPECT_THAT(Reason(Repeat(part)), testing::AnyOf("TOO_DEEP", "BAD_YAML", "BAD_JSON")) << part;
  }
  std::string blocks;
  for (int i = 0; blocks.size() < kLargest - 4000; ++i) blocks += std::string(i, ' ') + "a:\n";
  EXPECT_EQ(Reason(blocks), "TOO_DEEP");
  const std::string most =
      std::string(limits::kMaxDefinitionDepth, '[') + std::string(limits::kMaxDefinitionDepth, ']');
  EXPECT_EQ(Reason(most), "INVALID_DEFINITION");
  EXPECT_EQ(Reason("[" + most + "]"), "TOO_DEEP");
}

TEST(Hostile, AliasesThatMultiply) {
  std::string laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'z'; ++c) {
    laughs += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) laughs += (i > 0 ? ",*" : "*") + std::string(1, c - 1);
    laughs += "]\n";
  }
  EXPECT_EQ(Reason(laughs), "TOO_LARGE");
  EXPECT_EQ(
      Reason("- &a " + std::string(kLargest / 2, 'x') + "\n" + Repeat("- *a\n", kLargest / 2 - 10)),
      "TOO_LARGE");
  EXPECT_EQ(Reason("a: &a\n  ? " + std::string(100'000, 'k') + "\n  : 1\nb: [" +
                   Repeat("*a,", kLargest / 2) + "]"),
            "TOO_LARGE");
  std::string merges = "a: &a {x: 1}\n";
  for (char c = 'b'; c <= 'z'; ++c) {
    merges += std::string(1, c) + ": &" + c + " {<<: [";
    for (int i = 0; i < 9; ++i) merges += (i > 0 ? ",*" : "*") + std::string(1, c - 1);
    merges += "]}\n";
  }
  EXPECT_EQ(Reason(merges), "TOO_LARGE");
  EXPECT_EQ(Reason("a: &a [*a, *a]"), "BAD_YAML");
  EXPECT_EQ(Reason("&a [b, {<<: *a}]"), "BAD_YAML");
}

TEST(Hostile, AliasesThatDeepen) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  EXPECT_EQ(Reason(text), "TOO_DEEP");
}

TEST(Hostile, Repetitions) {
  for (const char* part : {",",
                           ":",
                           "-",
                           "---\n",
                           "...\n",
                           "?",
                           "&a ",
                           "*a ",
                           "!",
                           "!a b\n",
                           "|\n",
                           ">",
                           "'",
                           "\"",
                           "#",
                           "%",
                           "@",
                           "`",
                           "\t",
                           "\n",
                           "\r",
                           " ",
                           "a: 1\n",
                           "- a\n",
                           "a: ",
                           "? a\n: b\n",
                           "]",
                           "}",
                           "${",
                           "$${",
                           "a:\n- ",
                           "<<: ",
                           "\xEF\xBB\xBF",
                           "\xF0\x9F\x90\xA7",
                           "%TAG ! x\n",
                           "- &a x\n",
                           "a,",
                           "{}",
                           "[]",
                           "\"\\u0000\",",
                           "- |\n",
                           "- - -\n"}) {
    EXPECT_NE(Reason(Repeat(part, kLargest / 4)), "OK") << part;
    EXPECT_NE(Reason("[" + Repeat(part, kLargest / 16)), "OK") << part;
    EXPECT_NE(Reason("name: p\n" + Repeat(part, kLargest / 16)), "OK") << part;
  }
}

TEST(Hostile, LongKeysAndManyValues) {
  // Paths are made of keys: they must not grow to the product of both.
  const std::string key(kLargest / 3, 'k');
  EXPECT_EQ(Reason("? " + key + "\n: [" + Repeat("a,", kLargest / 3) + "]"), "INVALID_DEFINITION");
  EXPECT_EQ(Reason("{\"" + key + "\": [" + Repeat("1,", kLargest / 3) + "1]}"),
            "INVALID_DEFINITION");
}

TEST(Hostile, ReferencesWithoutEnd) {
  const auto message = [](const std::string& text) {
    return "name: p\nsteps: [{name: a, type: noop, with: {message: \"" + text + "\"}}]";
  };
  EXPECT_EQ(Reason(message(Repeat("${", 500'000))), "INVALID_DEFINITION");
  EXPECT_EQ(Reason(message(Repeat("$", 500'000))), "OK");
  EXPECT_EQ(Reason(message(Repeat("$${", 500'000))), "OK");
  EXPECT_EQ(Reason(message(Repeat("${parameters.x}", 500'000))), "INVALID_DEFINITION");
  EXPECT_EQ(Reason(message("${" + Repeat("run.id ?? ", 500'000) + "run.id}")),
            "INVALID_DEFINITION");
  EXPECT_EQ(Reason(message(Repeat("${run.id}", 500'000))), "OK");
}

// Random damage to a good definition: every answer is fine, as long as there is one.
TEST(Hostile, DamagedDefinitions) {
  const std::string good = R"(apiVersion: penstock/v1
name: p
parameters: {d: {type: dataset}, n: {type: integer, default: 6, minimum: 1}}
defaults: &d {timeout: 30m, retry: {maxAttempts: 3, interval: 1s}}
steps:
- {name: a, type: process, inputs: {data: "${parameters.d}"}, with: {roles: {label: y, keep: [x]},
   labels: {classes: ["<=50K", '>50K']}, split: {train: 0.8, test: 0.2, seed: 7}}}
- name: t
  type: train
  algorithm: xgboost
  <<: *d
  inputs: {train: "${steps.a.outputs.train}"}
  hyperparameters: {max_depth: "${parameters.n}", eta: .1}
- {name: c, type: condition, if: [{left: "${steps.t.metrics.rows}", op: ">=", right: 1}], then: [f]}
- {name: f, type: fail, with: {message: "no ${steps.t.metrics.rows ?? run.id}"}}
)";
  ASSERT_EQ(Reason(good), "OK");
  const std::string pieces[] = {"\n", " ",    "  ",    ":",     ": ", "-",   "- ", "[",  "]",
                                "{",  "}",    ",",     "\"",    "'",  "&d ", "*d", "${", "}",
                                "??", "null", "1e999", ".nan",  "-1", "|",   ">",  "?",  "!",
                                "#",  "\t",   "\\",    "steps", "<<", "0"};
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    const std::size_t edits = 1 + below(4);
    for (std::size_t i = 0; i < edits && !text.empty(); ++i) {
      const std::size_t at = below(text.size());
      switch (below(4)) {
        case 0:
          text.erase(at, 1 + below(20));
          break;
        case 1:
          text.insert(at, pieces[below(std::size(pieces))]);
          break;
        case 2:
          text[at] = static_cast<char>(random());
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(60)));
          break;
      }
    }
    accepted += Reason(text) == "OK" ? 1 : 0;
  }
  EXPECT_GT(accepted, 100) << "the damage is too great to reach the core";
  EXPECT_LT(accepted, 15'000);
}

}  // namespace
}  // namespace penstock
