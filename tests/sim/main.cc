// penstock-sim: simulates clusters by seed, many at a time, and tells what was wrong.

#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>

#include "base/file.h"
#include "base/log.h"
#include "tests/sim/coverage.h"
#include "tests/sim/script.h"
#include "tests/sim/shrink.h"
#include "tests/sim/world.h"

namespace penstock::sim {
namespace {

struct Options {
  uint64_t first = 1;
  uint64_t last = 300;
  int jobs = 2;
  int64_t min_events = 0;
  bool coverage = false;
  bool keep_going = false;
  std::string script;
  uint64_t seed = 0;
  bool print = false;
  bool shrink = false;
  bool verbose = false;
  int soak = 0;
};

// What the seeds of one process came to, a line of JSON.
struct Tally {
  std::map<uint64_t, std::string> failed;
  int64_t seeds = 0;
  int64_t events = 0;
  int64_t fewest = INT64_MAX;
  int64_t runs = 0;
  int64_t restarts = 0;
  Coverage coverage;

  Json ToJson() const {
    Json json{{"seeds", seeds}, {"events", events},     {"fewest", fewest},
              {"runs", runs},   {"restarts", restarts}, {"coverage", coverage.ToJson()}};
    for (const auto& [seed, what] : failed) json["failed"][std::to_string(seed)] = what;
    return json;
  }
  void Add(const Json& json) {
    seeds += json["seeds"].get<int64_t>();
    events += json["events"].get<int64_t>();
    fewest = std::min(fewest, json["fewest"].get<int64_t>());
    runs += json["runs"].get<int64_t>();
    restarts += json["restarts"].get<int64_t>();
    coverage.Add(Coverage::FromJson(json["coverage"]));
    for (const auto& [seed, what] : JsonMember(json, "failed").items()) {
      failed[std::stoull(seed)] = what;
    }
  }
};

void TellFailed(uint64_t seed, const std::string& what) {
  std::cerr << "seed " + std::to_string(seed) + ": " + what.substr(0, what.find('\n')) + "\n";
}

// A process of its own, since what is wrong may end it; its pipe gets a line before each seed, so
// that the last one tells which it was.
void RunSome(const Options& options, int job, int out) {
  Tally tally;
  for (uint64_t seed = options.first + static_cast<uint64_t>(job); seed <= options.last;
       seed += static_cast<uint64_t>(options.jobs)) {
    dprintf(out, "%llu\n", static_cast<unsigned long long>(seed));
    const Outcome outcome = RunScript(MakeScript(seed), &tally.coverage);
    ++tally.seeds;
    tally.events += outcome.events;
    tally.fewest = std::min(tally.fewest, outcome.events);
    tally.runs += outcome.runs;
    tally.restarts += outcome.restarts;
    if (!outcome.violation.empty()) {
      tally.failed[seed] = outcome.violation;
    } else if (outcome.events < options.min_events) {
      tally.failed[seed] = "has only " + std::to_string(outcome.events) + " events";
    }
    // At once, too: many seeds take their time.
    if (tally.failed.contains(seed)) TellFailed(seed, tally.failed[seed]);
    if (!outcome.violation.empty() && !options.keep_going) break;
  }
  dprintf(out, "%s\n", DumpJson(tally.ToJson()).c_str());
}

// Runs the seeds of one job, and goes on behind one that ended the process.
struct Job {
  pid_t child = 0;
  FILE* lines = nullptr;

  void Start(const Options& options, int number) {
    int ends[2];
    PENSTOCK_CHECK(pipe(ends) == 0);
    child = fork();
    if (child == 0) {
      close(ends[0]);
      RunSome(options, number, ends[1]);
      _exit(0);
    }
    close(ends[1]);
    lines = fdopen(ends[0], "r");
  }
  // The last line that it wrote.
  std::string End() {
    char* line = nullptr;
    std::size_t size = 0;
    std::string last;
    while (getline(&line, &size, lines) > 0) last = line;
    std::free(line);
    fclose(lines);
    int status = 0;
    waitpid(child, &status, 0);
    return last;
  }
};

int RunSeeds(const Options& options) {
  Tally all;
  std::vector<Job> jobs(static_cast<std::size_t>(options.jobs));
  for (int i = 0; i < options.jobs; ++i) jobs[static_cast<std::size_t>(i)].Start(options, i);
  for (Job& job : jobs) {
    std::string last = job.End();
    while (!last.starts_with('{')) {
      const uint64_t seed = std::stoull(last);
      all.failed[seed] = ViolationApart(MakeScript(seed));
      Options rest = options;
      rest.first = seed + static_cast<uint64_t>(options.jobs);
      if (!options.keep_going || rest.first > rest.last) break;
      job.Start(rest, 0);
      last = job.End();
    }
    if (last.starts_with('{')) all.Add(*ParseJson(last, {.max_bytes = 16 << 20}));
  }
  std::vector<std::string> missing;
  const std::string table = all.coverage.Table(&missing);
  if (options.coverage) std::cout << "what the engine was seen to do:\n" << table;
  for (const auto& [seed, what] : all.failed) {
    std::cout << "seed " << seed << ": " << what << "\n";
  }
  if (options.coverage) {
    for (const std::string& what : missing) std::cout << "coverage: " << what << "\n";
  }
  std::cout << all.seeds << " seeds, " << all.events << " events (at least " << all.fewest
            << " a seed), " << all.runs << " runs, " << all.restarts << " starts of a coordinator, "
            << all.failed.size() << " failed\n";
  if (!all.failed.empty()) {
    std::cout << "again: penstock-sim --seed " << all.failed.begin()->first
              << "; as a test to keep: penstock-sim --shrink --seed " << all.failed.begin()->first
              << "\n";
  }
  return all.failed.empty() && (!options.coverage || missing.empty()) ? 0 : 1;
}

int RunOne(const Options& options) {
  Script script = MakeScript(options.seed);
  if (!options.script.empty()) {
    std::ifstream file(options.script);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    Result<Script> parsed = Script::Parse(text);
    if (!parsed.ok()) {
      std::cerr << parsed.status().message() << "\n";
      return 2;
    }
    script = *std::move(parsed);
  }
  if (options.print) {
    std::cout << script.ToText();
    return 0;
  }
  if (options.shrink) {
    const Shrunk shrunk =
        Shrink(script, [](const std::string& line) { std::cerr << line << "\n"; });
    if (shrunk.violation.empty()) {
      std::cout << "nothing is wrong: there is nothing to shrink\n";
      return 0;
    }
    std::cout << AsTest(shrunk);
    return 1;
  }
  const Outcome outcome = RunScript(script);
  std::cout << outcome.events << " events, " << outcome.runs << " runs, " << outcome.restarts
            << " starts of a coordinator, " << FormatDuration(outcome.at) << ", history "
            << outcome.history << "\n"
            << (outcome.violation.empty() ? "nothing is wrong" : outcome.violation) << "\n";
  return outcome.violation.empty() ? 0 : 1;
}

// The most of each size in the middle third and in the last one: what does not grow is the same.
int RunSoak(const Options& options) {
  World world(MakeSoak(options.seed, options.soak));
  world.SampleEvery(std::chrono::hours(1));
  const Outcome outcome = world.Run();
  std::cout << "hour        heap        rows    database       blobs\n";
  for (const Sample& sample : world.samples()) {
    std::printf("%4lld %11lld %11lld %11lld %11lld\n",
                static_cast<long long>(sample.at.count() / 3'600'000'000),
                static_cast<long long>(sample.heap_bytes), static_cast<long long>(sample.rows),
                static_cast<long long>(sample.database_bytes),
                static_cast<long long>(sample.blobs));
  }
  const auto most = [&](int64_t Sample::*size, std::size_t third) {
    int64_t value = 0;
    const std::size_t count = world.samples().size();
    for (std::size_t i = count * third / 3; i < count * (third + 1) / 3; ++i) {
      value = std::max(value, world.samples()[i].*size);
    }
    return static_cast<double>(value);
  };
  bool grows = false;
  for (const auto& [name, size] : std::initializer_list<std::pair<const char*, int64_t Sample::*>>{
           {"heap", &Sample::heap_bytes},
           {"rows", &Sample::rows},
           {"database", &Sample::database_bytes},
           {"blobs", &Sample::blobs}}) {
    const double ratio = most(size, 2) / std::max(most(size, 1), 1.0);
    std::printf("%s: %.2f of what it was in the middle\n", name, ratio);
    grows |= ratio > 1.25;
  }
  std::cout << outcome.events << " events, " << outcome.restarts << " starts of a coordinator; "
            << (outcome.violation.empty() ? "nothing is wrong" : outcome.violation)
            << (grows ? "; it grows" : "; nothing grows") << "\n";
  return outcome.violation.empty() && !grows ? 0 : 1;
}

int Main(int argc, char** argv) {
  CLI::App app{
      "Simulates clusters by seed: the real engine and database, with workers, clients, "
      "clock, network and disk that misbehave as a script says"};
  Options options;
  std::string seeds = "1-300";
  app.add_option("--seeds", seeds, "FIRST-LAST")->capture_default_str();
  app.add_option("--jobs", options.jobs, "Processes")->capture_default_str();
  app.add_option("--min-events", options.min_events, "A seed with fewer counts as failed");
  app.add_flag("--coverage", options.coverage,
               "Show what was reached; fail where something was not that could be");
  app.add_flag("--keep-going", options.keep_going, "Also after a failed seed");
  app.add_option("--seed", options.seed, "This one alone");
  app.add_option("--script", options.script, "A script from a file instead of a seed's");
  app.add_flag("--print", options.print, "Show the seed's script and do nothing");
  app.add_flag("--shrink", options.shrink,
               "Cut the script short as long as the same is wrong, and print it as a test");
  app.add_option("--soak", options.soak,
                 "Simulate so many hours of one cluster (--seed), and tell what grows");
  app.add_flag("--verbose", options.verbose, "What the engine logs");
  CLI11_PARSE(app, argc, argv);
  if (const auto dash = seeds.find('-'); dash != std::string::npos) {
    options.first = std::stoull(seeds);
    options.last = std::stoull(seeds.substr(dash + 1));
  }
  spdlog::set_level(options.verbose ? spdlog::level::info : spdlog::level::off);
  if (options.soak > 0) return RunSoak(options);
  return options.seed > 0 || !options.script.empty() ? RunOne(options) : RunSeeds(options);
}

}  // namespace
}  // namespace penstock::sim

int main(int argc, char** argv) {
  return penstock::sim::Main(argc, argv);
}
