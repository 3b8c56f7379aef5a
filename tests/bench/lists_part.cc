// What lists cost where a year of runs is stored: each filter, on its first page and on pages far
// behind it, through the daemon's API.

#include <functional>
#include <thread>

#include "tests/bench/client.h"
#include "tests/bench/history.h"
#include "tests/bench/parts.h"

namespace penstock::bench {
namespace {

constexpr double kLimitMillis = 50;
constexpr int kTimes = 41;
constexpr int kDeepPages = 30;  // of 1,000 rows, that are passed over
constexpr int64_t kDay = 24 * 60 * 60;

using Request = v1::ListRunsRequest;

double Timed(Client& client, const Request& request, std::string* next) {
  const auto start = SteadyClock::now();
  const v1::ListRunsResponse response = client.List(request);
  const double millis = MillisSince(start);
  *next = response.next_page_token();
  return millis;
}

void Measure(Client& client, const std::string& name, Request request, Figures& figures) {
  std::string next;
  std::vector<double> first;
  Timed(client, request, &next);  // the first use prepares the statement, and finds its pages
  for (int i = 0; i < kTimes; ++i) first.push_back(Timed(client, request, &next));
  figures.AtMost("list_" + name + "_ms_p50", Quantile(first, 0.5), kLimitMillis);
  figures.AtMost("list_" + name + "_ms_p99", Quantile(first, 0.99), kLimitMillis);

  request.mutable_page()->set_page_size(1'000);
  for (int i = 0; i < kDeepPages && !next.empty(); ++i) {
    request.mutable_page()->set_page_token(next);
    Timed(client, request, &next);
  }
  if (next.empty()) return;  // it has no such page
  request.mutable_page()->set_page_size(0);
  std::vector<double> deep;
  for (int i = 0; i < kTimes && !next.empty(); ++i) {
    request.mutable_page()->set_page_token(next);
    deep.push_back(Timed(client, request, &next));
  }
  figures.AtMost("list_" + name + "_deep_ms_p50", Quantile(deep, 0.5), kLimitMillis);
  figures.AtMost("list_" + name + "_deep_ms_p99", Quantile(deep, 0.99), kLimitMillis);
}

int64_t Now() {
  return Clock::Real().Now().micros / 1'000'000;
}

void Between(Request& request, int64_t days_ago, int64_t days) {
  request.mutable_created_after()->set_seconds(Now() - days_ago * kDay);
  request.mutable_created_before()->set_seconds(Now() - (days_ago - days) * kDay);
}

struct Query {
  const char* name;
  std::function<void(Request&)> fill;
};

const Query kQueries[] = {
    {"all", [](Request&) {}},
    {"pipeline", [](Request& r) { r.set_pipeline("p0"); }},
    {"rare_pipeline", [](Request& r) { r.set_pipeline("rare"); }},
    {"state", [](Request& r) { r.add_states(v1::Run::FAILED); }},
    {"ended_states",
     [](Request& r) {
       for (const auto state : {v1::Run::SUCCEEDED, v1::Run::FAILED, v1::Run::CANCELLED}) {
         r.add_states(state);
       }
     }},
    {"running", [](Request& r) { r.add_states(v1::Run::RUNNING); }},
    {"label", [](Request& r) { (*r.mutable_tags())["team"] = "t3"; }},
    {"rare_label", [](Request& r) { (*r.mutable_tags())["experiment"] = "x3"; }},
    {"two_labels",
     [](Request& r) {
       (*r.mutable_tags())["env"] = "dev";
       (*r.mutable_tags())["team"] = "t3";
     }},
    {"newest_day", [](Request& r) { Between(r, 1, 1); }},
    {"day_in_the_middle", [](Request& r) { Between(r, 180, 1); }},
    {"before_half_a_year",
     [](Request& r) { r.mutable_created_before()->set_seconds(Now() - 180 * kDay); }},
    {"pipeline_and_state",
     [](Request& r) {
       r.set_pipeline("p0");
       r.add_states(v1::Run::FAILED);
     }},
    // There is none, among a quarter of all runs.
    {"pipeline_and_absent_state",
     [](Request& r) {
       r.set_pipeline("p1");
       r.add_states(v1::Run::FAILED);
     }},
    {"pipeline_and_day",
     [](Request& r) {
       r.set_pipeline("p0");
       Between(r, 180, 1);
     }},
    {"state_and_day",
     [](Request& r) {
       r.add_states(v1::Run::FAILED);
       Between(r, 180, 1);
     }},
    {"label_and_day",
     [](Request& r) {
       (*r.mutable_tags())["env"] = "prod";
       Between(r, 180, 1);
     }},
    {"label_and_state",
     [](Request& r) {
       (*r.mutable_tags())["env"] = "prod";
       r.add_states(v1::Run::FAILED);
     }},
    {"label_and_running",
     [](Request& r) {
       (*r.mutable_tags())["env"] = "prod";
       r.add_states(v1::Run::RUNNING);
     }},
    {"label_and_rare_pipeline",
     [](Request& r) {
       (*r.mutable_tags())["env"] = "prod";
       r.set_pipeline("rare");
     }},
    {"label_pipeline_and_absent_state",
     [](Request& r) {
       (*r.mutable_tags())["env"] = "prod";
       r.set_pipeline("p1");
       r.add_states(v1::Run::FAILED);
     }},
};

void MeasureGroups(Client& client, Figures& figures) {
  std::vector<double> times;
  for (int i = 0; i < kTimes; ++i) {
    grpc::ClientContext context;
    v1::ListRunGroupsResponse response;
    const auto start = SteadyClock::now();
    if (!client.runs().ListRunGroups(&context, {}, &response).ok()) Die("no groups");
    times.push_back(MillisSince(start));
  }
  figures.AtMost("list_groups_ms_p50", Quantile(times, 0.5), kLimitMillis);
  figures.AtMost("list_groups_ms_p99", Quantile(times, 0.99), kLimitMillis);
}

void MeasureCommands(Cluster& cluster, Figures& figures) {
  const std::pair<const char*, std::vector<std::string>> commands[] = {
      {"get_runs", {"get", "runs"}},
      {"get_runs_of_a_pipeline", {"get", "runs", "--pipeline", "p0"}},
      {"get_failed_runs", {"get", "runs", "--state", "FAILED"}},
  };
  for (const auto& [name, arguments] : commands) {
    std::vector<double> times;
    for (int i = 0; i < 9; ++i) {
      const auto start = SteadyClock::now();
      const Ran ran = cluster.Client(arguments);
      if (ran.code != 0) Die("penstock get runs: " + ran.err);
      times.push_back(MillisSince(start));
    }
    figures.Add(std::string("command_") + name + "_ms_p50", Quantile(times, 0.5));
  }
}

}  // namespace

void MeasureLists(const Options& options, Figures& figures) {
  Cluster cluster;
  const std::filesystem::path history =
      options.history.empty() ? cluster.folder() / "history" : options.history;
  if (const Status status = MakeHistory(history, options.history_runs); !status.ok()) {
    Die("the history: " + status.message());
  }
  std::filesystem::create_directory_symlink(std::filesystem::absolute(history), cluster.data_dir());
  const auto start = SteadyClock::now();
  cluster.StartCoordinator({"--log-level", "warn", "--retention-interval", "0s"});
  figures.Add("history_runs", static_cast<double>(options.history_runs));
  figures.Add("history_start_ms", MillisSince(start));
  figures.Add("history_database_mib",
              static_cast<double>(std::filesystem::file_size(history / "penstock.db")) / (1 << 20));
  const pid_t pid = PidOf(cluster, "coordinator");
  figures.Add("history_memory_at_start_mib", MemoryOf(pid).resident);
  Client client(cluster.grpc());
  for (const Query& query : kQueries) {
    Request request;
    query.fill(request);
    Measure(client, query.name, std::move(request), figures);
  }
  MeasureGroups(client, figures);
  MeasureCommands(cluster, figures);
  figures.Add("history_memory_after_lists_mib", MemoryOf(pid).resident);
}

}  // namespace penstock::bench
