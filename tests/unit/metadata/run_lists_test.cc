// Lists of runs: what they show, under every combination of filters, and that what they cost does
// not grow with what is stored.

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "tests/unit/metadata/store_fixture.h"

namespace penstock {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::SizeIs;

class RunLists : public StoreFixture {
 protected:
  // One of these.
  template <typename T>
  T Draw(std::initializer_list<T> list) {
    return *(list.begin() + Below(static_cast<int>(list.size())));
  }
  int Below(int limit) { return static_cast<int>(random_.Next() % static_cast<uint64_t>(limit)); }

  static std::vector<int64_t> Rows(const Result<std::vector<RunRecord>>& runs) {
    EXPECT_TRUE(runs.ok()) << runs.status();
    std::vector<int64_t> rows;
    for (const RunRecord& run : *runs) rows.push_back(run.row);
    return rows;
  }
  // What a list costs, of one reader that is as good as new.
  int64_t CostOf(const std::function<void(MetadataReader&)>& list) {
    auto reader = MetadataReader::Open(path());
    EXPECT_TRUE(reader.ok());
    list(**reader);
    return (*reader)->Work();
  }
};

bool Passes(const RunRecord& run, const RunFilter& filter) {
  const auto has = [&](const auto& tag) {
    const auto found = run.tags.find(tag.first);
    return found != run.tags.end() && found->second == tag.second;
  };
  return (filter.pipeline.empty() || run.pipeline == filter.pipeline) &&
         (filter.states.empty() || std::find(filter.states.begin(), filter.states.end(),
                                             run.state) != filter.states.end()) &&
         std::all_of(filter.tags.begin(), filter.tags.end(), has) &&
         (!filter.created_after.set() || run.created_at > filter.created_after) &&
         (!filter.created_before.set() || run.created_at < filter.created_before);
}

TEST_F(RunLists, ShowWhatEveryFilterLetsThroughPageByPage) {
  Committed([&] {
    const auto p = AddPipeline("p");
    const auto q = AddPipeline("q");
    for (int i = 0; i < 300; ++i) {
      clock_.Advance(seconds(Below(3)));
      if (i % 70 == 69) clock_.JumpWall(seconds(-20));  // somebody sets the clock back
      std::map<std::string, std::string> tags;
      if (Below(2) == 0) tags["team"] = Draw({"a", "b"});
      if (Below(3) == 0) tags["env"] = Draw({"prod", "dev"});
      AddRun(Below(4) == 0 ? p : q,
             Draw({RunState::kRunning, RunState::kSucceeded, RunState::kFailed}), tags);
    }
  });
  const auto all = reader_->ListRuns({}, 0, 1'000);
  ASSERT_THAT(*all, SizeIs(300));
  const auto time = [&] {
    return (*all)[static_cast<std::size_t>(Below(300))].created_at + seconds(Below(3) - 1);
  };
  for (int round = 0; round < 400; ++round) {
    RunFilter filter;
    if (Below(2) == 0) filter.pipeline = PipelineName(Draw({"p", "q", "none"}));
    for (int i = Below(3); i > 0; --i) {
      filter.states.push_back(Draw({RunState::kRunning, RunState::kFailed, RunState::kCancelled}));
    }
    if (Below(3) == 0) filter.tags["team"] = Draw({"a", "b", "c"});
    if (Below(3) == 0) filter.tags["env"] = Draw({"prod", "dev"});
    if (Below(3) == 0) filter.created_after = time();
    if (Below(3) == 0) filter.created_before = time();
    std::vector<int64_t> expected;
    for (const RunRecord& run : *all) {
      if (Passes(run, filter)) expected.push_back(run.row);
    }
    std::vector<int64_t> shown;
    const int limit = 1 + Below(50);
    for (int64_t before = 0; before >= 0;) {
      const std::vector<int64_t> page = Rows(reader_->ListRuns(filter, before, limit));
      shown.insert(shown.end(), page.begin(), page.end());
      before = page.size() == static_cast<std::size_t>(limit) ? page.back() : -1;
    }
    ASSERT_EQ(shown, expected) << "round " << round;
  }
}

TEST_F(RunLists, AStateThatIsNamedTwiceIsListedOnce) {
  Committed([&] { AddRun(AddPipeline("p"), RunState::kFailed); });
  RunFilter twice;
  twice.states = {RunState::kFailed, RunState::kFailed};
  EXPECT_THAT(Rows(reader_->ListRuns(twice, 0, 10)), ElementsAre(1));
}

// Everything that is listed, each as a client may ask for it.
std::map<std::string, std::function<void(MetadataReader&)>> Lists(Time middle, const RunId& run) {
  const auto runs = [](RunFilter filter, std::size_t shown) {
    return [=](MetadataReader& reader) {
      const auto list = reader.ListRuns(filter, 0, 10);
      ASSERT_TRUE(list.ok()) << list.status();
      EXPECT_THAT(*list, SizeIs(shown));
    };
  };
  const PipelineName most("most");
  const PipelineName rare("rare");
  const std::map<std::string, std::string> common_tag = {{"env", "prod"}};
  const std::map<std::string, std::string> rare_tag = {{"experiment", "x"}};
  const std::vector<RunState> succeeded = {RunState::kSucceeded};
  const std::vector<RunState> failed = {RunState::kFailed};
  const std::vector<RunState> both = {RunState::kSucceeded, RunState::kFailed};
  return {
      {"all", runs({}, 10)},
      {"pipeline", runs({.pipeline = most}, 10)},
      {"rare pipeline", runs({.pipeline = rare}, 8)},
      {"state", runs({.states = succeeded}, 10)},
      {"rare state", runs({.states = failed}, 5)},
      {"two states", runs({.states = both}, 10)},
      {"label", runs({.tags = common_tag}, 10)},
      {"rare label", runs({.tags = rare_tag}, 5)},
      {"two labels", runs({.tags = {{"env", "prod"}, {"experiment", "x"}}}, 5)},
      {"after", runs({.created_after = middle}, 10)},
      {"before", runs({.created_before = middle}, 10)},
      {"after the last", runs({.created_after = middle + std::chrono::hours(9'999)}, 0)},
      {"before the first", runs({.created_before = {5}}, 0)},
      {"pipeline and state", runs({.pipeline = most, .states = succeeded}, 10)},
      {"pipeline and a state it has not", runs({.pipeline = most, .states = failed}, 0)},
      {"pipeline and time", runs({.pipeline = most, .created_before = middle}, 10)},
      {"state and time", runs({.states = succeeded, .created_before = middle}, 10)},
      {"label and time", runs({.tags = common_tag, .created_before = middle}, 10)},
      {"label and rare pipeline", runs({.pipeline = rare, .tags = common_tag}, 5)},
      {"label and rare state", runs({.states = failed, .tags = common_tag}, 5)},
      {"rare label and pipeline", runs({.pipeline = most, .tags = rare_tag}, 0)},
      {"label, pipeline and a state it has not",
       runs({.pipeline = most, .states = failed, .tags = common_tag}, 0)},
      {"groups",
       [](MetadataReader& reader) { EXPECT_THAT(*reader.ListRunGroups("", 0, 10), SizeIs(2)); }},
      {"one run", [=](MetadataReader& reader) { EXPECT_TRUE(reader.FindRun(run.value()).ok()); }},
      {"live runs", [](MetadataReader& reader) { EXPECT_THAT(*reader.ListLiveRuns(), SizeIs(0)); }},
      {"pipelines",
       [](MetadataReader& reader) {
         EXPECT_THAT(*reader.ListPipelines("", PipelineName(), 10), SizeIs(2));
       }},
      {"versions",
       [=](MetadataReader& reader) {
         EXPECT_THAT(*reader.ListPipelineVersions(most, 0, 10), SizeIs(1));
       }},
      {"artifacts",
       [](MetadataReader& reader) {
         std::vector<int64_t> rows;
         EXPECT_THAT(*reader.ListArtifacts("", RunId(), 0, 10, &rows), SizeIs(10));
       }},
      {"artifacts by type",
       [](MetadataReader& reader) {
         std::vector<int64_t> rows;
         EXPECT_THAT(*reader.ListArtifacts("model", RunId(), 0, 10, &rows), SizeIs(10));
         EXPECT_THAT(*reader.ListArtifacts("report", RunId(), 0, 10, &rows), SizeIs(0));
       }},
      {"artifacts of a run",
       [=](MetadataReader& reader) {
         std::vector<int64_t> rows;
         EXPECT_THAT(*reader.ListArtifacts("", run, 0, 10, &rows), SizeIs(1));
       }},
      {"model versions",
       [](MetadataReader& reader) {
         std::vector<int64_t> rows;
         EXPECT_THAT(*reader.ListModelVersions(GroupName("g"), {}, 0, 10, &rows), SizeIs(10));
       }},
  };
}

TEST_F(RunLists, CostNoMoreWhereMoreIsStored) {
  PipelineVersionRecord most;
  PipelineVersionRecord rare;
  RunRecord run;
  const auto fill = [&](int count) {
    Committed([&] {
      for (int i = 0; i < count; ++i) {
        clock_.Advance(seconds(10));
        run = AddRun(most, RunState::kSucceeded, {{"env", "prod"}});
        ArtifactRecord artifact;
        artifact.ref.digest = Sha256(run.id.value());
        artifact.ref.type = ArtifactType::kModel;
        artifact.created_at = clock_.Now();
        EXPECT_TRUE(store_->InsertArtifact(artifact).ok());
        EXPECT_TRUE(store_->InsertRunArtifact(run.row, artifact.ref.digest).ok());
        ModelVersionRecord model;
        model.group = GroupName("g");
        model.model = artifact.ref;
        EXPECT_TRUE(store_->InsertModelVersion(model).ok());
      }
    });
  };
  Committed([&] {
    most = AddPipeline("most");
    rare = AddPipeline("rare");
    for (int i = 0; i < 5; ++i) {
      AddRun(rare, RunState::kFailed, {{"env", "prod"}, {"experiment", "x"}});
    }
    for (const char* group : {"one", "one", "two"}) AddRun(rare, RunState::kCancelled, {}, group);
  });
  constexpr int kRuns = 3'000;
  fill(kRuns);
  std::map<std::string, int64_t> few;
  for (const auto& [name, list] : Lists(clock_.Now() - seconds(5 * kRuns), run.id)) {
    few[name] = CostOf(list);
  }
  fill(2 * kRuns);
  for (const auto& [name, list] : Lists(clock_.Now() - seconds(15 * kRuns), run.id)) {
    EXPECT_LE(CostOf(list), few[name] * 5 / 4 + 100) << name << ", before: " << few[name];
  }
}

}  // namespace
}  // namespace penstock
