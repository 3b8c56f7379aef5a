#include "tests/sim/script.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include "base/digest.h"
#include "tests/sim/definitions.h"
#include "tests/sim/dice.h"

namespace penstock::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// That the runs of a script have on workers, by the definitions that it begins with: small
// pipelines make as busy a cluster as large ones do, with more runs.
constexpr int kFewestSteps = 100;

// Draws the parts of a script. Each seed has only some kinds of trouble, so that each kind is also
// seen without the others.
class ScriptMaker {
 public:
  explicit ScriptMaker(uint64_t seed) : seed_(seed), dice_(SubSeed(seed, "script")) {}

  Script Make() {
    MakeWorld();
    const Micros length = seconds(dice_.Between(280, 360));
    script_.world["length_ms"] = length.count() / 1'000;
    AddDefinitions();
    AddWork(length, dice_.Between(28, 60), kFewestSteps);
    AddDecisions(length);
    if (dice_.Chance(0.85)) AddTrouble(length);
    Sort();
    return std::move(script_);
  }

  Script MakeSoak(int hours) {
    soak_ = true;
    MakeWorld();
    script_.world["options"] =
        Json{{"run_age_s", 1'800}, {"run_count", 40},   {"unused_s", 1'800},      {"grace_s", 600},
             {"sweep_s", 300},     {"lease_ttl_s", 15}, {"max_disconnect_s", 120}};
    script_.world["failures"] = 0.1;
    const Micros length = std::chrono::hours(hours);
    script_.world["length_ms"] = length.count() / 1'000;
    AddDefinitions();
    for (Micros at = seconds(1); at < length; at += std::chrono::minutes(20)) {
      begin_ = at;
      AddWork(std::chrono::minutes(20), 12, 0);
      AddDecisions(std::chrono::minutes(20));
      if (dice_.Chance(0.5)) AddTrouble(std::chrono::minutes(18));
    }
    // What is kept for good, whatever retention says; and without "apply", what is deleted would
    // stay so, until no run could be submitted any more.
    std::erase_if(script_.actions, [](const Action& action) {
      return action.at > seconds(1) &&
             (action.what == "apply" || action.what == "token" || action.what == "register-model" ||
              action.what == "delete-pipeline");
    });
    Sort();
    return std::move(script_);
  }

 private:
  void Add(Micros at, const char* what, Json with = Json::object()) {
    script_.actions.push_back({begin_ + at, what, std::move(with)});
  }
  Micros Within(Micros length) {
    return Micros(static_cast<int64_t>(dice_.Fraction() * static_cast<double>(length.count())));
  }
  int64_t Millis(Micros shortest, Micros longest) {
    return dice_.Time(shortest, longest).count() / 1'000;
  }

  void MakeWorld() {
    Json& world = script_.world;
    world["seed"] = seed_;
    Json workers = Json::array();
    const int count = dice_.Between(2, 5);
    for (int i = 1; i <= count; ++i) {
      Json worker{{"name", "w" + std::to_string(i)},
                  {"cpus", i == 1 ? 4 : dice_.Between(1, 3)},
                  {"gpus", i == 1 ? 1 : dice_.Below(2)},
                  {"memory_gib", i == 1 ? 8 : dice_.Between(2, 4)}};
      if (i == 1 || dice_.Chance(0.3)) worker["labels"] = Json{{"zone", "a"}};
      if (i > 2 && dice_.Chance(0.2)) worker["taints"] = Json{{"dedicated", "gpu"}};
      workers.push_back(std::move(worker));
    }
    world["workers"] = std::move(workers);
    const bool rough = dice_.Chance(0.5);
    world["weather"] = Json{{"loss", rough ? dice_.Fraction() * 0.15 : 0.0},
                            {"duplicate", rough ? dice_.Fraction() * 0.1 : 0.0},
                            {"slowest_ms", rough ? Millis(milliseconds(2), seconds(4)) : 2}};
    world["failures"] = dice_.Pick<double>({0.0, 0.1, 0.25});
    world["slowness"] = dice_.Pick<int>({1, 1, 5});
    world["options"] = Json{{"run_age_s", dice_.Pick<int>({0, 60})},
                            {"run_count", dice_.Pick<int>({0, 0, 3})},
                            {"unused_s", dice_.Pick<int>({60, 600})},
                            {"grace_s", dice_.Pick<int>({30, 300})},
                            {"sweep_s", dice_.Pick<int>({0, 20})},
                            {"lease_ttl_s", dice_.Pick<int>({5, 15})},
                            {"max_disconnect_s", dice_.Pick<int>({30, 3'600})}};
  }

  void AddDefinitions() {
    const int datasets = dice_.Between(1, 3);
    std::vector<std::string> addresses;
    for (int i = 0; i < datasets; ++i) {
      const std::string text = "dataset " + std::to_string(i);
      addresses.push_back("artifact:sha256:" + Sha256(text).value());
      Add(milliseconds(5), "put", Json{{"text", text}, {"type", "dataset"}});
    }
    Add(milliseconds(6), "put-secret", Json{{"name", "hub"}, {"value", "first"}});
    Add(milliseconds(7), "register-model", Json{{"text", "first model"}});
    Add(milliseconds(400), "promote", Json{{"version", 0}});
    const int count = dice_.Between(2, 5);
    for (int i = 1; i <= count; ++i) {
      pipelines_.push_back("p" + std::to_string(i));
      // Calls lead to those before.
      const std::vector<std::string> before(pipelines_.begin(), pipelines_.end() - 1);
      Json definition = MakeDefinition(dice_, pipelines_.back(), before, addresses, !soak_);
      steps_[pipelines_.back()] = CountWorkerSteps(definition);
      Add(milliseconds(10 * i), "apply", Json{{"definition", std::move(definition)}});
    }
    addresses_ = addresses;
  }

  // So many runs, and more until they have so many steps.
  void AddWork(Micros length, int runs, int fewest_steps) {
    // Half of them come in bursts, so that they are in each other's way.
    std::vector<Micros> bursts;
    for (int i = 0; i < 3; ++i) bursts.push_back(Within(length));
    int steps = 0;
    for (int i = 0; i < runs || steps < fewest_steps; ++i) {
      Json with{{"pipeline", dice_.Pick(pipelines_)}};
      steps += std::max(steps_[JsonString(with, "pipeline")], 1);
      const Json parameters = MakeParameters(dice_);
      if (!parameters.empty()) with["parameters"] = parameters;
      if (dice_.Chance(0.1)) with["no_cache"] = true;
      if (dice_.Chance(0.3)) with["priority"] = dice_.Between(-3, 9);
      if (dice_.Chance(0.1)) with["queue"] = "nightly";
      if (dice_.Chance(0.1)) with["again"] = true;  // the same request once more
      if (dice_.Chance(0.1)) {
        with["group"] = "backfill-1";
        with["group_limit"] = 2;
      }
      const Micros at =
          dice_.Chance(0.5) ? Within(length) : dice_.Pick(bursts) + Within(milliseconds(500));
      Add(at, "submit", std::move(with));
    }
    const int others = dice_.Between(5, 25);
    for (int i = 0; i < others; ++i) AddOther(Within(length));
  }

  void AddOther(Micros at) {
    const int number = dice_.Below(1'000);
    switch (dice_.Below(19)) {
      case 0:
      case 1:
        return Add(
            at, "cancel",
            Json{{"run", number}, {"now", dice_.Chance(0.4)}, {"then_now", dice_.Chance(0.3)}});
      case 2:
      case 3:
        return Add(at, "retry", Json{{"run", number}, {"all", dice_.Chance(0.3)}});
      case 4:
        return Add(
            at, "rerun",
            Json{{"run", number}, {"verify", dice_.Chance(0.4)}, {"override", dice_.Chance(0.4)}});
      case 5:
        return Apply(at, dice_.Pick(pipelines_));
      case 6:
        return Add(at, dice_.Chance(0.7) ? "put-secret" : "delete-secret",
                   Json{{"name", "hub"}, {"value", std::to_string(number)}});
      case 7:
        return Order(at, number);
      case 8:
        return Add(at, "put",
                   Json{{"text", "upload " + std::to_string(number % 7)}, {"type", "file"}});
      case 9:
        return Add(at, "register-model", Json{{"text", "model " + std::to_string(number % 3)}});
      case 10:
        return Add(at, "promote", Json{{"version", 1 + number % 3}, {"expected", dice_.Below(3)}});
      case 11:
        return Add(at, "decide-model",
                   Json{{"version", 1 + number % 3}, {"approve", dice_.Chance(0.5)}});
      case 12:
        return Add(at, "collect");
      case 13:
        return Add(at, "token",
                   Json{{"name", "t" + std::to_string(number % 3)}, {"revoke", dice_.Chance(0.5)}});
      case 14:
        return Delete(at, dice_.Pick(pipelines_));
      case 15:
        return Add(at, "promote", Json{{"version", 1 + number % 3}});
      case 16:
      case 17:
        return Add(at, "mistake",
                   Json{{"kind", dice_.Pick<std::string>({"key", "queue", "parameter", "override",
                                                          "worker", "model", "version"})},
                        {"pipeline", dice_.Pick(pipelines_)},
                        {"run", number}});
      default:
        return Add(at, "list-workers");
    }
  }

  void Order(Micros at, int worker) {
    Json with{{"worker", worker},
              {"order", dice_.Pick<std::string>({"cordon", "uncordon", "drain"})},
              {"deadline_ms", Millis(milliseconds(100), seconds(40))}};
    Add(at, "order", with);
    // In some hours all workers would be closed.
    if (!soak_ || with["order"] == "uncordon") return;
    with["order"] = "uncordon";
    Add(at + dice_.Time(seconds(1), std::chrono::minutes(10)), "order", std::move(with));
  }

  // Calls lead to those before.
  void Apply(Micros at, const std::string& name) {
    std::vector<std::string> before;
    for (const std::string& each : pipelines_) {
      if (each < name) before.push_back(each);
    }
    Add(at, "apply", Json{{"definition", MakeDefinition(dice_, name, before, addresses_)}});
  }

  // And registers it again after a while: a cluster whose pipelines are gone has nothing to do.
  void Delete(Micros at, const std::string& name) {
    Add(at, "delete-pipeline", Json{{"pipeline", name}});
    Apply(at + dice_.Time(milliseconds(1), seconds(30)), name);
  }

  // Approvals are decided some time; reasons are asked for between.
  void AddDecisions(Micros length) {
    for (Micros at = seconds(1); at < length; at += dice_.Time(seconds(2), seconds(20))) {
      if (dice_.Chance(0.5)) Add(at, "decide", Json{{"approve", dice_.Chance(0.8)}});
      for (int i = 0; i < 3; ++i) {
        Add(at, "explain", Json{{"run", dice_.Below(1'000)}, {"step", dice_.Below(1'000)}});
      }
    }
  }

  void AddTrouble(Micros length) {
    std::vector<std::string> kinds;
    for (const char* kind :
         {"coordinator", "workers", "network", "disk", "clock", "restore", "damage"}) {
      if (dice_.Chance(0.4)) kinds.emplace_back(kind);
    }
    if (kinds.empty()) kinds.emplace_back("coordinator");
    const int count = dice_.Between(4, 24);
    for (int i = 0; i < count; ++i) AddTrouble(dice_.Pick(kinds), Within(length));
  }
  void AddTrouble(const std::string& kind, Micros at) {
    const Json down{{"power", dice_.Chance(0.5)},
                    {"down_ms", Millis(milliseconds(1), seconds(30))}};
    const int worker = dice_.Below(1'000);
    if (kind == "coordinator") {
      switch (dice_.Below(4)) {
        case 0:
          return Add(at, "kill-coordinator", down);
        case 1:
          return Add(at, "crash-coordinator", Json{{"operations", dice_.Between(1, 60)}});
        case 2:
          return Add(at, "stop-coordinator", down);
        default:
          return Add(at, "pause-coordinator",
                     Json{{"for_ms", Millis(milliseconds(100), seconds(40))}});
      }
    }
    if (kind == "workers") {
      const int64_t time = Millis(milliseconds(10), seconds(60));
      // Of those that are lost for good a soak would have no more than two left in some hours.
      const auto what = dice_.Pick<std::string>(
          {"kill-worker", "pause-worker", "leave-worker", soak_ ? "kill-worker" : "lose-worker"});
      return Add(at, what.c_str(), Json{{"worker", worker}, {"for_ms", time}});
    }
    if (kind == "network") {
      return Add(at, "cut",
                 Json{{"worker", worker}, {"for_ms", Millis(milliseconds(50), seconds(90))}});
    }
    if (kind == "disk") {
      return Add(at, dice_.Chance(0.7) ? "fill-disk" : "break-disk",
                 Json{{"for_ms", Millis(milliseconds(10), seconds(20))}});
    }
    if (kind == "clock") {
      return Add(at, "jump-clock", Json{{"by_s", dice_.Between(-600, 2'000)}});
    }
    if (kind == "damage") {
      return Add(at, "damage",
                 Json{{"artifact", dice_.Below(1'000)},
                      {"again_ms", Millis(milliseconds(100), seconds(60))}});
    }
    Add(at, dice_.Chance(0.6) ? "backup" : "restore");
  }

  void Sort() {
    std::stable_sort(script_.actions.begin(), script_.actions.end(),
                     [](const Action& a, const Action& b) { return a.at < b.at; });
  }

  const uint64_t seed_;
  Dice dice_;
  Script script_;
  Micros begin_{0};
  bool soak_ = false;
  std::vector<std::string> pipelines_;
  std::map<std::string, int> steps_;  // on workers, of a run of each pipeline
  std::vector<std::string> addresses_;
};

}  // namespace

std::string Script::ToText() const {
  std::string text = "world " + world.dump() + "\n";
  for (const Action& action : actions) {
    char at[32];
    std::snprintf(at, sizeof at, "%.6f ", static_cast<double>(action.at.count()) / 1e6);
    text += at + action.what + " " + action.with.dump() + "\n";
  }
  return text;
}

Result<Script> Script::Parse(std::string_view text) {
  Script script;
  int number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const auto brace = line.find('{');
    const Result<Json> with = ParseJson(brace == line.npos ? "" : line.substr(brace));
    const std::string where = "line " + std::to_string(number) + " of the script: ";
    if (!with.ok()) return InvalidArgument(where + with.status().message());
    if (line.starts_with("world ")) {
      script.world = *with;
      continue;
    }
    Action action;
    double at = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), at);
    if (error != std::errc() || *end != ' ') return InvalidArgument(where + "needs a time");
    action.at = Micros(static_cast<int64_t>(at * 1e6 + 0.5));
    const std::string_view rest = line.substr(static_cast<std::size_t>(end - line.data()) + 1);
    action.what = rest.substr(0, rest.find(' '));
    action.with = *with;
    script.actions.push_back(std::move(action));
  }
  if (script.world.empty()) return InvalidArgument("the script has no line \"world {…}\"");
  return script;
}

Script MakeScript(uint64_t seed) {
  return ScriptMaker(seed).Make();
}

Script MakeSoak(uint64_t seed, int hours) {
  return ScriptMaker(seed).MakeSoak(hours);
}

}  // namespace penstock::sim
