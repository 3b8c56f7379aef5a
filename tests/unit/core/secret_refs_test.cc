// Where secrets may stand in definitions, and what is made of them before a runner sees them.

#include "server/core/secret_refs.h"

#include <gmock/gmock.h>

#include "server/core/bind.h"
#include "server/core/cache_key.h"
#include "server/core/calls.h"
#include "storage/model/limits.h"
#include "tests/unit/core/definitions.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

// A pipeline whose one script has these keys beside its command.
std::string Script(const std::string& with, const std::string& more = "",
                   const std::string& top = "") {
  return "name: p\nparameters: {token: {type: secret, default: hub}, plain: {type: string, "
         "default: "
         "x}}\n" +
         top + "steps:\n- name: s\n  type: script\n  with: {command: [\"true\"], " + with + "}\n" +
         more;
}

class Values : public Scope {
 public:
  explicit Values(std::map<std::string, Json> values) : values_(std::move(values)) {}
  Lookup Find(const Reference& reference) const override {
    const auto found = values_.find(reference.name);
    if (found == values_.end()) return {Lookup::State::kAbsent, {}, "nothing"};
    return {Lookup::State::kValue, found->second, {}};
  }

 private:
  std::map<std::string, Json> values_;
};

TEST(SecretRefsTest, MayStandWhereNothingIsKeptOrShown) {
  EXPECT_THAT(Refusals(Script("environment: {A: \"${secrets.hub-token}\", B: \"Bearer "
                              "${parameters.token}\", C: \"${parameters.plain}\"}")),
              IsEmpty());
  EXPECT_THAT(Refusals("name: p\nsteps:\n- name: n\n  type: notify\n  with: {url: "
                       "\"https://h/${secrets.path}\", headers: {Authorization: \"Bearer "
                       "${secrets.hub}\"}, body: {text: [\"${secrets.hub}\"]}}\n"),
              IsEmpty());
  EXPECT_THAT(Refusals("name: p\nsteps:\n- name: i\n  type: import\n  with: {uri: s3://bucket/x, "
                       "access_key: \"${secrets.a}\", secret_key: \"${secrets.s}\"}\n"),
              IsEmpty());
}

TEST(SecretRefsTest, ElsewhereIsRefusedWithWhereItMay) {
  const auto refused = [](const std::string& text, const std::string& path) {
    const std::vector<std::string> lines = Refusals(text);
    EXPECT_THAT(lines,
                testing::Contains(AllOf(StartsWith(path + ": ${"), HasSubstr("stored or shown"),
                                        HasSubstr("with.environment of a script step"))))
        << text;
  };
  for (const std::string reference : {"${secrets.hub}", "${parameters.token}"}) {
    refused(Script("hyperparameters: {t: \"" + reference + "\"}"),
            "steps[0].with.hyperparameters.t");
    refused(Script("metrics: [{name: \"" + reference + "\", regex: \"(x)\"}]"),
            "steps[0].with.metrics[0].name");
    refused(
        "name: p\nparameters: {token: {type: secret}}\nsteps:\n- name: s\n  type: script\n  "
        "with: {command: [\"" +
            reference + "\"]}\n",
        "steps[0].with.command[0]");
    refused(
        "name: p\nparameters: {token: {type: secret}}\nsteps:\n- name: i\n  type: import\n  "
        "with: {uri: \"https://h/" +
            reference + "\"}\n",
        "steps[0].with.uri");
    refused(Script("network: false", "  mutex: \"m-" + reference + "\"\n"), "steps[0].mutex");
    refused(Script("network: false", "  inputs: {data: \"" + reference + "\"}\n"),
            "steps[0].inputs.data");
    refused(Script("network: false",
                   "- {name: f, type: fail, with: {message: \"" + reference + "\"}}\n"),
            "steps[1].with.message");
    refused(Script("network: false", "- {name: c, type: condition, if: {\"==\": [\"" + reference +
                                         "\", x]}, then: [s]}\n"),
            "steps[1].if.==[0]");
    refused(Script("network: false", "- {name: m, type: map, over: [\"" + reference +
                                         "\"], steps: [{name: i, type: noop}]}\n"),
            "steps[1].over[0]");
    refused(Script("network: false", "- {name: m, type: map, over: [1], outputs: {o: \"" +
                                         reference + "\"}, steps: [{name: i, type: noop}]}\n"),
            "steps[1].outputs.o");
    refused(Script("network: false", "", "outputs: {o: \"" + reference + "\"}\n"), "outputs.o");
    refused(Script("network: false",
                   "- {name: n, type: noop, with: {message: \"" + reference + "\"}}\n"),
            "steps[1].with.message");
    refused(
        "name: p\nparameters: {token: {type: secret}}\nsteps:\n- name: n\n  type: notify\n  "
        "with: {url: \"https://h\", message: \"" +
            reference + "\"}\n",
        "steps[0].with.message");
  }
  EXPECT_THAT(Refusals(Script("network: false", "", "tags: {t: \"${secrets.hub}\"}\n")),
              ElementsAre(StartsWith("tags.t: ")));
}

TEST(SecretRefsTest, FormsThatMeanNothingAreRefused) {
  EXPECT_THAT(Refusals(Script("environment: {A: \"${secrets.Hub Token}\"}")),
              testing::Contains(HasSubstr("with.environment.A")));
  EXPECT_THAT(Refusals(Script("environment: {A: \"${secrets.HUB}\"}")),
              ElementsAre(HasSubstr("names of secrets have 1 to 64 of a-z 0-9 - _")));
  for (const char* guarded : {"${secrets.hub ?? 'x'}", "${parameters.plain ?? secrets.hub}",
                              "${parameters.token ?? 1}"}) {
    EXPECT_THAT(Refusals(Script("environment: {A: \"" + std::string(guarded) + "\"}")),
                ElementsAre(HasSubstr("stands without ??")));
  }
}

TEST(SecretRefsTest, AParameterTakesANameAndNeverAValue) {
  const PipelineSpec spec = Good(Script("environment: {A: \"${parameters.token}\"}"));
  const Catalog& catalog = Catalog::BuiltIn();
  EXPECT_EQ(BindParameters(spec, {{"token", "hub-2"}}, catalog)->at("token"), "hub-2");
  EXPECT_EQ(BindParameters(spec, {}, catalog)->at("token"), "hub");
  for (const Json& wrong : {Json("S3cr3t Value!"), Json(5), Json::array({"x"})}) {
    const auto bound = BindParameters(spec, {{"token", wrong}}, catalog);
    ASSERT_FALSE(bound.ok());
    const std::string message = bound.status().problems().front().message;
    EXPECT_THAT(message, HasSubstr("must be the name of a secret"));
    EXPECT_THAT(message, Not(HasSubstr("S3cr3t"))) << "it may be the secret";
  }
  const PipelineSpec open = Good(
      "name: p\nparameters: {token: {type: secret}}\nsteps:\n- name: s\n  type: script\n  with: "
      "{command: [x], environment: {A: \"${parameters.token}\"}}\n");
  EXPECT_THAT(BindParameters(open, {}, catalog).status().problems().front().message,
              HasSubstr("-p token=NAME-OF-A-SECRET"));
  EXPECT_THAT(Refusals("name: p\nparameters: {token: {type: secret, default: Not A Name}}\nsteps:\n"
                       "- {name: a, type: noop}\n"),
              ElementsAre(StartsWith("parameters.token.default: ")));
}

TEST(SecretRefsTest, TheStoredFormReadsBack) {
  const PipelineSpec spec = Good(Script("environment: {A: \"${parameters.token}\"}"));
  const auto again = ParsePipeline(CanonicalDefinition(spec), Catalog::BuiltIn());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->steps[0].uses_secrets);
  EXPECT_THAT(again->steps[0].secret_parameters, ElementsAre("token"));
}

TEST(SecretRefsTest, ParametersKeepNamesAndDoubleTheRest) {
  const PipelineSpec spec =
      Good(Script("environment: {A: \"Bearer ${secrets.one}\", B: \"${parameters.token}\", C: "
                  "\"${parameters.plain}\", D: \"$${secrets.one} 5$\", E: "
                  "\"${parameters.plain}${secrets.one}\"}"));
  std::map<std::string, std::string> names;
  // What a value says is no reference, whatever it looks like.
  const Values scope({{"token", "hub"}, {"plain", "${secrets.other}$"}});
  const auto resolved = ResolveKeepingSecrets(spec.steps[0], scope, &names);
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  const Json& variables = (*resolved)["environment"];
  EXPECT_EQ(variables["A"], "Bearer ${secrets.one}");
  EXPECT_EQ(variables["B"], "${secrets.hub}");
  EXPECT_EQ(variables["C"], "$${secrets.other}$$");
  EXPECT_EQ(variables["D"], "$${secrets.one} 5$$");
  EXPECT_EQ(variables["E"], "$${secrets.other}$$${secrets.one}");
  EXPECT_THAT(names, ElementsAre(Pair("hub", ""), Pair("one", "")));
}

TEST(SecretRefsTest, AStepWithoutSecretsIsResolvedAsEver) {
  const PipelineSpec spec = Good(Script("environment: {C: \"${parameters.plain}\"}"));
  std::map<std::string, std::string> names;
  const Values scope(std::map<std::string, Json>{{"plain", "5 $"}});
  const auto resolved = ResolveKeepingSecrets(spec.steps[0], scope, &names);
  EXPECT_EQ((*resolved)["environment"]["C"], "5 $");
  EXPECT_THAT(names, IsEmpty());
}

class CalledTest : public testing::Test {
 protected:
  // The problems of a call with these arguments.
  std::vector<std::string> Calling(const std::string& arguments) {
    const PipelineSpec caller = Good(
        "name: caller\nparameters: {token: {type: secret, default: hub}, plain: {type: string, "
        "default: x}}\nsteps:\n- {name: c, type: pipeline, pipeline: callee, parameters: " +
        arguments + "}\n");
    std::map<std::string, std::string> pins;
    const Status status = CheckCalls(caller, find_, pins);
    return Lines(status.problems());
  }

  std::shared_ptr<const PipelineSpec> callee_ = std::make_shared<const PipelineSpec>(Good(
      "name: callee\nparameters: {key: {type: secret, default: other}, text: {type: string, "
      "default: t}}\nsteps:\n- name: s\n  type: script\n  with: {command: [x], environment: {A: "
      "\"${parameters.key}\", B: \"${secrets.third}\"}}\n"));
  FindPipeline find_ = [this](const std::string&, int32_t* version) {
    *version = 1;
    return Result<std::shared_ptr<const PipelineSpec>>(callee_);
  };
};

TEST_F(CalledTest, NamesAreHandedOnToParametersOfTheTypeAlone) {
  EXPECT_THAT(Calling("{key: \"${parameters.token}\"}"), IsEmpty());
  EXPECT_THAT(Calling("{key: hub-3}"), IsEmpty());
  EXPECT_THAT(Calling("{text: \"${parameters.token}\"}"),
              ElementsAre(HasSubstr("declare it as one, too")));
  for (const char* other : {"${parameters.plain}", "x${parameters.token}", "${run.id}"}) {
    EXPECT_THAT(Calling("{key: \"" + std::string(other) + "\"}"),
                ElementsAre(HasSubstr("takes the name of a secret, written out")))
        << other;
  }
}

TEST_F(CalledTest, EveryNameOfARunIsFound) {
  const PipelineSpec caller = Good(
      "name: caller\nparameters: {token: {type: secret, default: hub}}\nsteps:\n- {name: c, type: "
      "pipeline, pipeline: callee, parameters: {key: \"${parameters.token}\"}}\n- {name: m, type: "
      "map, over: [1], steps: [{name: i, type: script, with: {command: [x], environment: {A: "
      "\"${secrets.inner}\"}}}]}\nonExit:\n- {name: n, type: notify, with: {url: "
      "\"${secrets.hook}\"}}\n");
  const auto names = SecretsOfRun(caller, {{"token", "mine"}}, [this](const StepSpec&) {
    return Result<std::shared_ptr<const PipelineSpec>>(callee_);
  });
  ASSERT_TRUE(names.ok());
  EXPECT_THAT(*names, ElementsAre(Pair("hook", "onExit[0].with.url"),
                                  Pair("inner", "steps[1].steps[0].with.environment.A"),
                                  Pair("mine", "parameters.token"),
                                  Pair("third", "callee: steps[0].with.environment.B")));
}

TEST(SecretRefsTest, AVersionThatDiffersIsSaid) {
  const Json before{{"secrets", {{"hub-token", 1}}}, {"version", "1"}};
  const Json after{{"secrets", {{"hub-token", 2}}}, {"version", "1"}};
  EXPECT_THAT(DifferingParts(before, after), ElementsAre("secret hub-token: version 1 → 2"));
  EXPECT_THAT(DifferingParts({{"version", "1"}}, after), ElementsAre("secrets"));
}

TEST(SecretRefsTest, ValuesThatCannotBeOneAreRefusedWithoutQuotingThem) {
  EXPECT_TRUE(CheckSecret("hub-token", "x").ok());
  EXPECT_TRUE(CheckSecret("hub-token", std::string(limits::kMaxSecretBytes, 'x')).ok());
  for (const std::string& value : {std::string(), std::string(limits::kMaxSecretBytes + 1, 'q'),
                                   std::string("qqq\0q", 5), std::string("qqq\xff")}) {
    const Status status = CheckSecret("hub-token", value);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), Not(HasSubstr("qqq")));
  }
  EXPECT_THAT(CheckSecret("hub", std::string("a\0b", 3)).message(), HasSubstr("NUL"));
  EXPECT_FALSE(CheckSecret("Hub Token", "x").ok());
}

}  // namespace
}  // namespace penstock
