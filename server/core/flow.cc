#include "server/core/flow.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "server/core/expression.h"
#include "server/core/flow_tasks.h"
#include "server/core/plan.h"

namespace penstock {
namespace {

// How many branches that a step hangs on are looked at; more are not judged.
constexpr std::size_t kMaxChoices = 64;

// Each step behind those that it waits for.
std::vector<StepIndex> Order(const Plan& plan) {
  std::vector<std::size_t> waiting(static_cast<std::size_t>(plan.size()));
  std::vector<StepIndex> order;
  for (StepIndex i = 0; i < plan.size(); ++i) {
    waiting[static_cast<std::size_t>(i)] = plan.dependencies(i).size();
    if (waiting[static_cast<std::size_t>(i)] == 0) order.push_back(i);
  }
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (const StepIndex dependent : plan.dependents(order[next])) {
      if (--waiting[static_cast<std::size_t>(dependent)] == 0) order.push_back(dependent);
    }
  }
  return order;
}

// The steps whose outputs an input refers to, first alternatives first.
std::vector<StepIndex> ProducersOf(const StepInput& input, const Plan& plan) {
  std::vector<StepIndex> producers;
  std::vector<FoundReference> found;
  std::vector<Problem> noted_elsewhere;
  for (const Json& source : input.sources) CollectReferences(source, "", found, noted_elsewhere);
  for (const FoundReference& each : found) {
    if (each.reference.kind != Reference::Kind::kOutput) continue;
    const StepIndex producer = plan.FindStep(each.reference.step);
    if (producer >= 0) producers.push_back(producer);
  }
  return producers;
}

class LabelCheck {
 public:
  LabelCheck(const Plan& plan, std::string path, const Catalog& catalog,
             std::vector<Problem>& problems)
      : plan_(plan),
        path_(std::move(path)),
        catalog_(catalog),
        problems_(problems),
        culprits_(static_cast<std::size_t>(plan.size()), -1) {}

  void Run(const std::vector<StepIndex>& order) {
    for (const StepIndex step : order) {
      if (plan_.step(step).type == "process") {
        culprits_[static_cast<std::size_t>(step)] = Culprit(step);
      }
    }
    for (StepIndex step = 0; step < plan_.size(); ++step) CheckInputs(step);
  }

 private:
  const StepInput* Input(StepIndex step, const std::string& name) const {
    for (const StepInput& input : plan_.step(step).inputs) {
      if (input.name == name) return &input;
    }
    return nullptr;
  }

  // The process step that should have named a label for what this one makes; -1 where it has one
  // or that is not known.
  StepIndex Culprit(StepIndex step) const {
    if (const StepInput* transform = Input(step, "transform"); transform != nullptr) {
      return Inherited(*transform, -1);
    }
    const Json& roles = JsonMember(plan_.step(step).parameters, "roles");
    if (!JsonMember(roles, "label").is_null()) return -1;
    // Without any roles, a dataset keeps its own.
    bool own = false;
    if (roles.is_object()) {
      for (const Json& role : roles) own = own || !(role.is_null() || role == Json::array());
    }
    const StepInput* data = Input(step, "data");
    return own || data == nullptr ? step : Inherited(*data, step);
  }

  // -1 where any producer's data have a label, or may have one; `otherwise` without producers.
  StepIndex Inherited(const StepInput& input, StepIndex otherwise) const {
    const std::vector<StepIndex> producers = ProducersOf(input, plan_);
    if (producers.empty()) return otherwise;
    StepIndex culprit = -1;
    for (const StepIndex producer : producers) {
      culprit = culprits_[static_cast<std::size_t>(producer)];
      if (culprit < 0) return -1;
    }
    return culprit;
  }

  void CheckInputs(StepIndex step) {
    const StepSchema* schema = catalog_.Find(plan_.step(step).key());
    if (schema == nullptr) return;
    for (const PortSchema& port : schema->inputs) {
      const StepInput* input = port.needs_label ? Input(step, port.name) : nullptr;
      if (input == nullptr) continue;
      for (const StepIndex producer : ProducersOf(*input, plan_)) {
        const StepIndex culprit = culprits_[static_cast<std::size_t>(producer)];
        if (culprit < 0) continue;
        problems_.push_back({path_ + "[" + std::to_string(step) + "].inputs." + port.name,
                             "needs data with a label, and step \"" +
                                 plan_.step(culprit).name.value() +
                                 "\" names none; add `roles: {label: COLUMN}` to its `with`"});
        break;
      }
    }
  }

  const Plan& plan_;
  const std::string path_;
  const Catalog& catalog_;
  std::vector<Problem>& problems_;
  std::vector<StepIndex> culprits_;
};

class BranchCheck {
 public:
  BranchCheck(const Plan& plan, std::string path, std::vector<Problem>& problems)
      : plan_(plan),
        path_(std::move(path)),
        problems_(problems),
        choices_(static_cast<std::size_t>(plan.size())) {}

  void Run(const std::vector<StepIndex>& order) {
    for (const StepIndex step : order) Judge(step);
  }

 private:
  struct Choice {
    bool then = true;
    StepIndex because = 0;  // the step that stands in the branch
  };
  using Choices = std::map<StepIndex, Choice>;  // by condition: what it must choose

  // The steps whose success `step` cannot do without.
  std::set<StepIndex> Needs(StepIndex step) const {
    std::set<StepIndex> needs;
    std::map<int32_t, std::set<StepIndex>> groups;
    for (const Edge& edge : plan_.edges(step)) {
      if (edge.kind == Edge::Kind::kData) groups[edge.group].insert(edge.from);
      if (edge.kind == Edge::Kind::kOrder && plan_.step(step).when == When::kAllSucceeded) {
        needs.insert(edge.from);
      }
    }
    for (const auto& [group, members] : groups) {
      if (members.size() == 1) needs.insert(*members.begin());
    }
    return needs;
  }

  void Judge(StepIndex step) {
    Choices& mine = choices_[static_cast<std::size_t>(step)];
    const Edge* branch = nullptr;
    int branches = 0;
    for (const Edge& edge : plan_.edges(step)) {
      if (edge.kind != Edge::Kind::kThen && edge.kind != Edge::Kind::kElse) continue;
      branch = &edge;
      ++branches;
    }
    std::set<StepIndex> needs = Needs(step);
    if (branches == 1) {  // one of several conditions would do
      needs.insert(branch->from);
      mine[branch->from] = {branch->kind == Edge::Kind::kThen, step};
    }
    for (const StepIndex need : needs) {
      if (hopeless_.contains(need)) {
        hopeless_.insert(step);
        return;
      }
      for (const auto& [condition, choice] : choices_[static_cast<std::size_t>(need)]) {
        const auto [known, added] = mine.emplace(condition, choice);
        if (!added && known->second.then != choice.then) {
          return Hopeless(step, condition, known->second, choice);
        }
        if (mine.size() > kMaxChoices) {
          mine.clear();
          return;
        }
      }
    }
  }

  void Hopeless(StepIndex step, StepIndex condition, const Choice& a, const Choice& b) {
    hopeless_.insert(step);
    const auto name = [&](StepIndex i) { return "\"" + plan_.step(i).name.value() + "\""; };
    const auto branch = [](const Choice& choice) { return choice.then ? "`then`" : "`else`"; };
    problems_.push_back({path_ + "[" + std::to_string(step) + "]",
                         "step " + name(step) + " can never run: condition " + name(condition) +
                             " would have to choose " + branch(a) + " (step " + name(a.because) +
                             ") and " + branch(b) + " (step " + name(b.because) +
                             "); join them with `a ?? b`, or with `when: none_failed`"});
  }

  const Plan& plan_;
  const std::string path_;
  std::vector<Problem>& problems_;
  std::vector<Choices> choices_;
  std::set<StepIndex> hopeless_;
};

void CheckPlan(const Plan& plan, const std::string& path, const Catalog& catalog,
               std::vector<Problem>& problems) {
  const std::vector<StepIndex> order = Order(plan);
  LabelCheck(plan, path, catalog, problems).Run(order);
  BranchCheck(plan, path, problems).Run(order);
  CheckTasks(plan, path, catalog, problems);
  for (StepIndex step = 0; step < plan.size(); ++step) {
    if (const auto body = plan.body(step)) {
      CheckPlan(*body, path + "[" + std::to_string(step) + "].steps", catalog, problems);
    }
  }
}

}  // namespace

void CheckFlow(const PipelineSpec& spec, const Catalog& catalog, std::vector<Problem>& problems) {
  const std::shared_ptr<const Plan> plan = Plan::Build(spec, Json(), catalog);
  CheckPlan(*plan, "steps", catalog, problems);
  if (plan->on_exit()) CheckPlan(*plan->on_exit(), "onExit", catalog, problems);
}

}  // namespace penstock
