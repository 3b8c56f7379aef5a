#include "tests/sim/shrink.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <utility>

#include "server/definition/definition.h"
#include "steps/catalog/catalog.h"
#include "tests/sim/definitions.h"
#include "tests/sim/world.h"

namespace penstock::sim {
namespace {

class Shrinker {
 public:
  Shrinker(Script script, const std::function<void(const std::string&)>& tell)
      : script_(std::move(script)), tell_(tell) {}

  Shrunk Run() {
    const std::string violation = ViolationApart(script_);
    kind_ = KindOf(violation);
    if (violation.empty()) return {script_, ""};
    violation_ = violation;
    std::size_t before = 0;
    do {
      before = script_.ToText().size();
      LeaveOutActions();
      LeaveOutSteps();
      LeaveOutWorkers();
      ClearWeather();
      tell_("a script of " + std::to_string(script_.actions.size()) + " actions, " +
            std::to_string(script_.ToText().size()) + " bytes: " + kind_);
    } while (script_.ToText().size() < before);
    return {script_, violation_};
  }

 private:
  // Keeps `candidate` where the same is wrong in it.
  bool Try(Script candidate) {
    const std::string violation = ViolationApart(candidate);
    if (KindOf(violation) != kind_) return false;
    script_ = std::move(candidate);
    violation_ = violation;
    return true;
  }

  // Halves, then quarters, and so on (Zeller and Hildebrandt 2002, without complements).
  void LeaveOutActions() {
    for (std::size_t size = std::max<std::size_t>(script_.actions.size() / 2, 1); size > 0;
         size /= 2) {
      for (std::size_t at = 0; at < script_.actions.size();) {
        Script candidate = script_;
        const auto first = candidate.actions.begin() + static_cast<std::ptrdiff_t>(at);
        const auto last = candidate.actions.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                          at + size, candidate.actions.size()));
        candidate.actions.erase(first, last);
        if (!Try(std::move(candidate))) at += size;
      }
    }
  }

  static bool IsValid(const Json& definition) {
    return CheckDefinitionDocument(definition, Catalog::BuiltIn()).ok();
  }

  void LeaveOutSteps() {
    for (std::size_t i = 0; i < script_.actions.size(); ++i) {
      if (script_.actions[i].what != "apply") continue;
      for (const char* list : {"steps", "onExit"}) {
        for (std::size_t step = 0;
             step < script_.actions[i].with["definition"].value(list, Json::array()).size();) {
          Script candidate = script_;
          Json& definition = candidate.actions[i].with["definition"];
          definition[list].erase(step);
          if (definition[list].empty()) definition.erase(list);
          if (!IsValid(definition) || !Try(std::move(candidate))) ++step;
        }
      }
      const Json definition = script_.actions[i].with["definition"];
      for (const auto& [key, value] : definition.items()) {
        Script candidate = script_;
        candidate.actions[i].with["definition"].erase(key);
        if (IsValid(candidate.actions[i].with["definition"])) Try(std::move(candidate));
      }
      for (std::size_t step = 0; step < script_.actions[i].with["definition"]["steps"].size();
           ++step) {
        const Json fields = script_.actions[i].with["definition"]["steps"][step];
        for (const auto& [key, value] : fields.items()) {
          // The auditor goes by the name: without its mutex the step would be wrong for that.
          if (key == "mutex" && !MutexInName(JsonString(fields, "name")).empty()) continue;
          Script candidate = script_;
          candidate.actions[i].with["definition"]["steps"][step].erase(key);
          if (IsValid(candidate.actions[i].with["definition"])) Try(std::move(candidate));
        }
      }
    }
  }

  void LeaveOutWorkers() {
    // The first can run every step.
    for (std::size_t i = 1; i < script_.world["workers"].size();) {
      Script candidate = script_;
      candidate.world["workers"].erase(i);
      if (!Try(std::move(candidate))) ++i;
    }
  }

  void ClearWeather() {
    for (const char* key : {"loss", "duplicate", "slowest_ms"}) {
      Script candidate = script_;
      if (candidate.world["weather"][key] == 0) continue;
      candidate.world["weather"][key] = 0;
      Try(std::move(candidate));
    }
    Script candidate = script_;
    candidate.world["failures"] = 0.0;
    if (candidate.world != script_.world) Try(std::move(candidate));
  }

  Script script_;
  std::string kind_;
  std::string violation_;
  const std::function<void(const std::string&)> tell_;
};

}  // namespace

std::string ViolationApart(const Script& script) {
  int ends[2];
  PENSTOCK_CHECK(pipe(ends) == 0);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    dprintf(ends[1], "%s", RunScript(script).violation.c_str());
    _exit(0);
  }
  close(ends[1]);
  std::string told;
  char buffer[4'096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
    told.append(buffer, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFSIGNALED(status)) return told;
  while (told.ends_with('\n')) told.pop_back();
  return "the process ended by a signal, " + std::to_string(WTERMSIG(status)) + "\n" + told;
}

std::string KindOf(const std::string& violation) {
  std::string kind;
  std::string word;
  // Words with a digit are names or numbers.
  for (const char c : violation.substr(0, violation.find_first_of("\n:")) + " ") {
    if (c != ' ') {
      word += c;
      continue;
    }
    if (std::none_of(word.begin(), word.end(), [](unsigned char d) { return std::isdigit(d); })) {
      kind += word + " ";
    }
    word.clear();
  }
  return kind;
}

Shrunk Shrink(const Script& script, const std::function<void(const std::string&)>& tell) {
  return Shrinker(script, tell).Run();
}

std::string AsTest(const Shrunk& shrunk) {
  return "// " + shrunk.violation.substr(0, shrunk.violation.find('\n')) +
         "\nTEST_F(RegressionTest, SayWhatMustHold) {\n  EXPECT_EQ(ViolationOf(R\"script(\n" +
         shrunk.script.ToText() + ")script\"), \"\");\n}\n";
}

}  // namespace penstock::sim
