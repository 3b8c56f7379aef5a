#include "tests/sim/definitions.h"

#include <algorithm>
#include <utility>

#include "server/definition/definition.h"
#include "steps/catalog/catalog.h"

namespace penstock::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kMutexMark = "-mx-";

// One plan (of a pipeline, of the items of a map) in the making.
class PlanMaker {
 public:
  struct Around {
    std::vector<std::string> callable;
    std::vector<std::string> datasets;
    bool in_map = false;
    bool on_exit = false;
    std::string prefix = {};
    int depth = 0;
    bool registers = true;
  };

  PlanMaker(Dice& dice, Around around) : dice_(dice), around_(std::move(around)) {}

  // Steps that may refer to those before them.
  Json Steps(int count) {
    for (int i = 0; i < count; ++i) Add();
    return std::move(steps_);
  }

  // References to numbers and artifacts that the steps so far give.
  const std::vector<std::string>& numbers() const { return numbers_; }
  const std::vector<std::string>& artifacts() const { return files_; }

 private:
  std::string Name(const char* kind) {
    return around_.prefix + kind + "-" + std::to_string(next_++);
  }

  void Add() {
    const int roll = dice_.Below(100);
    if (around_.on_exit) return roll < 70 ? Noop() : roll < 90 ? Script() : Notify();
    if (roll < 38) return Noop();
    if (roll < 56) return Script();
    if (roll < 60) return Train();
    if (roll < 64) return Condition();
    if (roll < 72 && around_.depth < 2) return Map();
    if (roll < 77 && !around_.callable.empty()) return Call();
    if (roll < 80) return Wait();
    if (roll < 84 && !around_.in_map) return Approval();
    if (roll < 88) return Register();
    if (roll < 90 && !around_.in_map) return Promote();
    if (roll < 92) return UseModel();
    if (roll < 93) return Fail();
    if (roll < 96) return Notify();
    Gang();
  }

  // What any step may say.
  Json Begin(const std::string& name, const char* type) {
    Json step{{"name", name}, {"type", type}};
    if (!names_.empty() && dice_.Chance(0.5)) {
      step["dependsOn"] = Json::array({dice_.Pick(names_)});
      if (dice_.Chance(0.25)) {
        step["when"] = dice_.Pick<std::string>({"none_failed", "all_done", "any_succeeded"});
      }
    }
    if (dice_.Chance(0.12)) step["continueOnFailure"] = true;
    if (dice_.Chance(0.06))
      step["deadline"] =
          std::to_string(dice_.Time(seconds(1), seconds(60)).count() / 1'000'000) + "s";
    return step;
  }
  // What a step on a worker may say.
  void AddTerms(Json& step, bool may_lock = true) {
    if (dice_.Chance(0.35)) step["retry"] = Retry();
    if (dice_.Chance(0.15)) step["timeout"] = std::to_string(dice_.Between(1, 30)) + "s";
    if (dice_.Chance(0.35)) step["resources"] = Resources();
    if (dice_.Chance(0.15)) {
      step["cache"] = Json{{"scope", dice_.Chance(0.5) ? "all" : "pipeline"}, {"expiry", "10m"}};
    } else if (dice_.Chance(0.1)) {
      step["cache"] = false;
    }
    if (may_lock && dice_.Chance(0.1)) {
      const std::string lock = dice_.Pick<std::string>({"red", "blue"});
      step["mutex"] = lock;
      step["name"] = step["name"].get<std::string>() + std::string(kMutexMark) + lock;
    } else if (may_lock && dice_.Chance(0.05)) {
      step["mutex"] = "run-${run.pipeline}";
    } else if (dice_.Chance(0.06)) {
      step["fence"] = "execution";
    }
  }
  Json Retry() {
    Json retry{{"maxAttempts", dice_.Between(2, 4)},
               {"interval",
                std::to_string(dice_.Time(milliseconds(1), seconds(20)).count() / 1'000) + "ms"},
               {"jitter", dice_.Chance(0.5)}};
    if (dice_.Chance(0.1)) retry["infrastructure"] = dice_.Between(1, 3);
    if (dice_.Chance(0.1)) retry["expireAfter"] = std::to_string(dice_.Between(5, 60)) + "s";
    if (dice_.Chance(0.1)) retry["on"] = Json::array({"crashed", "timeout"});
    return retry;
  }
  Json Resources() {
    Json resources = Json::object();
    if (dice_.Chance(0.6)) resources["cpus"] = dice_.Pick<double>({0.25, 0.5, 2, 3});
    if (dice_.Chance(0.2)) resources["memory"] = dice_.Pick<std::string>({"1GiB", "3GiB"});
    if (dice_.Chance(0.1)) resources["gpus"] = 1;
    if (dice_.Chance(0.1)) resources["labels"] = Json{{"zone", "a"}};
    if (dice_.Chance(0.2)) resources["tolerations"] = Json{{"dedicated", "gpu"}};
    return resources;
  }
  void Inputs(Json& step) {
    if (files_.empty() || dice_.Chance(0.5)) return;
    if (dice_.Chance(0.2)) {
      step["inputs"]["data"] = Json::array({dice_.Pick(files_), dice_.Pick(files_)});
    } else if (dice_.Chance(0.15)) {
      step["inputs"]["data"] = Either(dice_.Pick(files_), dice_.Pick(files_));
    } else {
      step["inputs"]["data"] = dice_.Pick(files_);
    }
  }
  static std::string Either(const std::string& one, const std::string& other) {
    return one.substr(0, one.size() - 1) + " ?? " + other.substr(2);
  }
  std::string Text() {
    std::string text = "go";
    if (!numbers_.empty() && dice_.Chance(0.4)) {
      const std::string& number = dice_.Pick(numbers_);
      text += " " + (dice_.Chance(0.5) ? number.substr(0, number.size() - 1) + " ?? 0}" : number);
    }
    if (around_.in_map && dice_.Chance(0.5)) text += " ${item.index}";
    if (dice_.Chance(0.1)) text += " ${parameters.text}";
    return text;
  }
  void Keep(Json step) {
    names_.push_back(step["name"]);
    steps_.push_back(std::move(step));
  }

  void Noop() {
    Json step = Begin(Name("noop"), "noop");
    AddTerms(step);
    Json& with = step["with"];
    with = Json{{"message", Text()}};
    if (dice_.Chance(0.5)) with["metrics"] = Json{{"m", dice_.Below(10)}};
    if (dice_.Chance(0.4)) with["output_bytes"] = dice_.Between(1, 4);
    Inputs(step);
    const std::string name = step["name"];
    if (with.contains("metrics")) numbers_.push_back("${steps." + name + ".metrics.m}");
    if (with.contains("output_bytes")) files_.push_back("${steps." + name + ".outputs.data}");
    Keep(std::move(step));
  }
  void Script() {
    Json step = Begin(Name("script"), "script");
    AddTerms(step);
    step["with"] = Json{{"command", Json::array({"run", Text()})}};
    if (dice_.Chance(0.6)) step["with"]["outputs"] = Json{{"out", {{"type", "file"}}}};
    if (dice_.Chance(0.1)) step["with"]["side_effects"] = true;
    if (dice_.Chance(0.1)) step["with"]["environment"] = Json{{"KEY", "${secrets.hub}"}};
    if (dice_.Chance(0.4)) {
      step["preemptible"] = true;
      if (dice_.Chance(0.5)) step["checkpointGrace"] = "3s";
    }
    Inputs(step);
    const std::string name = step["name"];
    if (step["with"].contains("outputs")) files_.push_back("${steps." + name + ".outputs.out}");
    numbers_.push_back("${steps." + name + ".metrics.m}");
    Keep(std::move(step));
  }
  void Gang() {
    Json step = Begin(Name("gang"), "script");
    if (dice_.Chance(0.4)) step["retry"] = Retry();
    step["resources"] = Json{{"nodes", 2}};
    if (dice_.Chance(0.2)) step["fence"] = "execution";
    step["with"] =
        Json{{"command", Json::array({"run", Text()})}, {"outputs", {{"out", {{"type", "file"}}}}}};
    files_.push_back("${steps." + step["name"].get<std::string>() + ".outputs.out}");
    Keep(std::move(step));
  }
  void Train() {
    if (around_.datasets.empty()) return Noop();
    Json step = Begin(Name("train"), "train");
    AddTerms(step);
    step["algorithm"] = "linear-learner";
    step["inputs"] = Json{{"train", dice_.Pick(around_.datasets)}};
    models_.push_back("${steps." + step["name"].get<std::string>() + ".outputs.model}");
    Keep(std::move(step));
  }
  void UseModel() {
    if (models_.empty() || around_.datasets.empty()) return Train();
    Json step = Begin(Name("judge"), "evaluate");
    AddTerms(step);
    step["inputs"] = Json{{"model", dice_.Pick(models_)}, {"data", dice_.Pick(around_.datasets)}};
    if (dice_.Chance(0.5)) {
      step["inputs"]["champion"] = Json{{"ref", "model:group-1@champion"}, {"optional", true}};
    }
    const std::string name = step["name"];
    numbers_.push_back("${steps." + name + ".report.comparison.delta}");
    numbers_.push_back("${steps." + name + ".metrics.auc}");
    Keep(std::move(step));
  }
  void Register() {
    if (models_.empty() || !around_.registers) return Train();
    Json step = Begin(Name("register"), "register");
    step["inputs"] = Json{{"model", dice_.Pick(models_)}};
    step["with"] = Json{{"group", "group-1"}, {"approval", "Approved"}};
    Keep(std::move(step));
    registers_ = true;
  }
  void Promote() {
    if (!registers_) return Register();
    Json step = Begin(Name("promote"), "promote");
    step["with"] = Json{{"group", "group-1"}, {"alias", "champion"}};
    Keep(std::move(step));
  }
  void Condition() {
    if (numbers_.empty()) return Noop();
    const int then_count = dice_.Between(1, 2);
    const int else_count = dice_.Below(2);
    const std::string number = dice_.Pick(numbers_);
    Json condition = Begin(Name("condition"), "condition");
    condition["if"] = Json{{"left", number},
                           {"op", dice_.Pick<std::string>({">=", "<", "=="})},
                           {"right", dice_.Below(8)}};
    if (dice_.Chance(0.1)) condition["if"] = Json{{"not", condition["if"]}};
    Keep(condition);
    const std::size_t at = steps_.size() - 1;
    // What stands in a branch depends on nothing that may have been skipped with it.
    for (int i = 0; i < then_count + else_count; ++i) {
      Json step{{"name", Name("branch")}, {"type", "noop"}, {"with", {{"message", "chosen"}}}};
      if (dice_.Chance(0.2)) step["with"]["fail"] = true;
      steps_[at][i < then_count ? "then" : "else"].push_back(step["name"]);
      Keep(std::move(step));
    }
  }
  void Map() {
    Json step = Begin(Name("map"), "map");
    Around around = around_;
    around.in_map = true;
    around.prefix = step["name"].get<std::string>() + "-";
    ++around.depth;
    PlanMaker inner(dice_, std::move(around));
    step["over"] = dice_.Chance(0.3)   ? Json{{"range", dice_.Below(6)}}
                   : dice_.Chance(0.3) ? Json{{"from", 1}, {"to", dice_.Between(1, 4)}}
                   : dice_.Chance(0.3) ? Json("${parameters.list}")
                                       : Json::array({"a", "b", "c"});
    if (dice_.Chance(0.3)) step["retry"] = Retry();
    if (dice_.Chance(0.3)) step["maxConcurrency"] = dice_.Between(1, 2);
    if (dice_.Chance(0.3)) step["toleratedFailures"] = dice_.Chance(0.5) ? Json(1) : Json("50%");
    step["steps"] = inner.Steps(dice_.Between(1, 3));
    const std::string name = step["name"];
    if (!inner.numbers().empty()) {
      step["outputs"]["value"] = dice_.Pick(inner.numbers());
      numbers_.push_back("${steps." + name + ".outputs.value." +
                         dice_.Pick<std::string>({"mean", "max", "count"}) + "}");
    }
    if (!inner.artifacts().empty()) {
      step["outputs"]["file"] = dice_.Pick(inner.artifacts());
      files_.push_back("${steps." + name + ".outputs.file}");
    }
    Keep(std::move(step));
  }
  void Call() {
    Json step = Begin(Name("call"), "pipeline");
    step["pipeline"] = dice_.Pick(around_.callable);
    if (dice_.Chance(0.5)) step["parameters"] = Json{{"text", "given"}};
    Keep(std::move(step));
  }
  void Wait() {
    Json step = Begin(Name("wait"), "wait");
    step["with"] = Json{{"duration", std::to_string(dice_.Between(1, 20'000)) + "ms"}};
    Keep(std::move(step));
  }
  void Approval() {
    Json step = Begin(Name("approval"), "approval");
    step["with"] = Json{{"message", "go on?"}};
    if (dice_.Chance(0.5)) {
      step["with"]["timeout"] = std::to_string(dice_.Between(1, 120)) + "s";
      if (dice_.Chance(0.5)) step["with"]["on_timeout"] = "approve";
    }
    Keep(std::move(step));
  }
  void Fail() {
    Json step = Begin(Name("fail"), "fail");
    step["with"] = Json{{"message", "as told " + Text()}};
    Keep(std::move(step));
  }
  void Notify() {
    Json step = Begin(Name("notify"), "notify");
    step["with"] = Json{{"url", "http://127.0.0.1:9/hook"}};
    if (dice_.Chance(0.5)) step["retry"] = Retry();
    Keep(std::move(step));
  }

  Dice& dice_;
  const Around around_;
  int next_ = 1;
  Json steps_ = Json::array();
  std::vector<std::string> names_;
  std::vector<std::string> numbers_;
  std::vector<std::string> files_;
  std::vector<std::string> models_;
  bool registers_ = false;
};

Json DrawDefinition(Dice& dice, const std::string& name, const std::vector<std::string>& callable,
                    const std::vector<std::string>& datasets, bool registers) {
  Json document{{"apiVersion", "penstock/v1"}, {"kind", "Pipeline"}, {"name", name}};
  document["parameters"] = Json{{"text", {{"type", "string"}, {"default", "nothing"}}},
                                {"number", {{"type", "integer"}, {"default", 3}}},
                                {"list", {{"type", "list"}, {"default", Json::array({1, 2})}}}};
  PlanMaker maker(dice, {.callable = callable, .datasets = datasets, .registers = registers});
  document["steps"] = maker.Steps(dice.Between(1, 7));
  if (dice.Chance(0.2)) {
    PlanMaker exit(dice, {.callable = {}, .datasets = {}, .on_exit = true, .prefix = "exit-"});
    document["onExit"] = exit.Steps(dice.Between(1, 2));
  }
  if (dice.Chance(0.25)) document["maxParallelSteps"] = dice.Between(1, 3);
  if (dice.Chance(0.15)) document["failFast"] = true;
  if (dice.Chance(0.1)) document["deadline"] = std::to_string(dice.Between(20, 200)) + "s";
  if (dice.Chance(0.3)) document["queue"] = dice.Pick<std::string>({"nightly", "urgent"});
  if (dice.Chance(0.3)) document["priority"] = dice.Between(-2, 5);
  if (dice.Chance(0.2)) {
    document["maxActiveRuns"] = dice.Between(1, 2);
    document["onLimit"] = dice.Pick<std::string>({"queue", "skip", "cancelOldest"});
  }
  if (dice.Chance(0.2)) document["defaults"] = Json{{"retry", {{"maxAttempts", 2}}}};
  if (dice.Chance(0.1)) document["defaults"]["cache"] = false;
  return document;
}

// A join of both branches of one condition, which no run could ever reach.
bool HasHopelessStep(const Json& definition) {
  const auto checked = CheckDefinitionDocument(definition, Catalog::BuiltIn());
  if (checked.ok()) return false;
  const auto& problems = checked.status().problems();
  return std::any_of(problems.begin(), problems.end(), [](const Problem& problem) {
    return problem.message.find("can never run") != std::string::npos;
  });
}

}  // namespace

std::string MutexInName(const std::string& step_name) {
  const auto mark = step_name.rfind(kMutexMark);
  return mark == std::string::npos ? "" : step_name.substr(mark + kMutexMark.size());
}

Json MakeDefinition(Dice& dice, const std::string& name, const std::vector<std::string>& callable,
                    const std::vector<std::string>& datasets, bool registers) {
  Json document = DrawDefinition(dice, name, callable, datasets, registers);
  while (HasHopelessStep(document)) {
    document = DrawDefinition(dice, name, callable, datasets, registers);
  }
  return document;
}

int CountWorkerSteps(const Json& definition) {
  int count = 0;
  for (const char* list : {"steps", "onExit"}) {
    for (const Json& step : JsonMember(definition, list)) {
      const std::string type = JsonString(step, "type");
      const std::string algorithm = JsonString(step, "algorithm");
      const StepSchema* const schema =
          Catalog::BuiltIn().Find(algorithm.empty() ? type : type + "/" + algorithm);
      if (schema != nullptr && !schema->control) ++count;
      count += CountWorkerSteps(step);
    }
  }
  return count;
}

Json MakeParameters(Dice& dice) {
  Json parameters = Json::object();
  if (dice.Chance(0.3)) parameters["text"] = dice.Pick<std::string>({"one", "two", "three"});
  if (dice.Chance(0.2)) parameters["list"] = Json::array({3, 4, 5});
  return parameters;
}

}  // namespace penstock::sim
