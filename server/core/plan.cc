#include "server/core/plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/core/validate.h"
#include "storage/model/source_address.h"

namespace penstock {
namespace {

// Calls `visit(Expression)` for each expression in a tree of values.
template <typename Visit>
void EachExpression(const Json& value, const Visit& visit) {
  if (value.is_structured()) {
    for (const Json& member : value) EachExpression(member, visit);
  } else if (HoldsReference(value)) {
    const Result<Template> parsed = ParseTemplate(value.get_ref<const std::string&>());
    if (!parsed.ok()) return;
    for (const Template::Part& part : parsed->parts) {
      if (part.is_expression()) visit(part.expression);
    }
  }
}

// What an import step is to read; empty: nothing.
std::string OutsideAddress(const Json& value) {
  if (!value.is_string()) return {};
  const auto& text = value.get_ref<const std::string&>();
  return IsDatasetSource(text) ? text : std::string();
}

Reference Nothing() {
  Reference nothing;
  nothing.kind = Reference::Kind::kLiteral;
  return nothing;
}

// Whether `value` is the source of an input that need not be there.
bool MayLack(const StepSpec& step, const Json* value) {
  return std::any_of(step.inputs.begin(), step.inputs.end(), [value](const StepInput& input) {
    return input.may_lack && &input.sources.front() == value;
  });
}

// Appends an import step for each address outside of the store that a dataset or an input names.
std::map<std::string, StepIndex> AddImports(const PipelineSpec& spec, const Json& datasets,
                                            const Catalog& catalog, std::vector<StepSpec>& steps) {
  std::set<std::string> addresses;
  std::set<std::string> names;
  const auto add = [&](const Json& value) {
    if (std::string address = OutsideAddress(value); !address.empty()) {
      addresses.insert(std::move(address));
    }
  };
  VisitSteps(spec, [&](const StepSpec& step, const std::string&) {
    names.insert(step.name.value());
    for (const StepInput& input : step.inputs) {
      for (const Json& source : input.sources) add(source);
    }
  });
  for (const Json& value : datasets) add(value);
  std::map<std::string, StepIndex> imports;
  const StepSchema* schema = catalog.Find("import");
  for (const std::string& address : addresses) {
    StepSpec step;
    std::string name = "import";
    for (int n = 2; names.contains(name); ++n) name = "import-" + std::to_string(n);
    names.insert(name);
    step.name = StepName(name);
    step.type = "import";
    step.version = schema->version;
    step.parameters = Json{{"uri", address}};
    step.retry.max_attempts = 2;
    imports.emplace(address, static_cast<StepIndex>(steps.size()));
    steps.push_back(std::move(step));
  }
  return imports;
}

}  // namespace

std::shared_ptr<const Plan> Plan::Build(const PipelineSpec& spec, const Json& parameters,
                                        const Catalog& catalog) {
  Json datasets = Json::object();
  for (const ParameterSpec& parameter : spec.parameters) {
    if (parameter.type != ParameterSpec::Type::kDataset) continue;
    datasets[parameter.name] = JsonMember(parameters, parameter.name);
  }
  std::vector<StepSpec> steps = spec.steps;
  std::map<std::string, StepIndex> imports = AddImports(spec, datasets, catalog, steps);
  Free none;  // a checked definition refers to nothing outside
  std::shared_ptr<Plan> plan =
      BuildSteps(std::move(steps), spec.outputs, std::move(imports), datasets, none);
  if (!spec.on_exit.empty()) {
    Free free;
    plan->on_exit_ = BuildSteps(spec.on_exit, {}, {}, datasets, free);
    // They start when all others have ended: there are no edges, only paths to be reported.
    for (const Expression& expression : free.expressions) plan->NotePaths(expression);
  }
  plan->max_parallel_steps_ = spec.max_parallel_steps;
  plan->fail_fast_ = spec.fail_fast;
  plan->max_active_runs_ = spec.max_active_runs;
  plan->on_limit_ = spec.on_limit;
  plan->deadline_ = spec.deadline;
  plan->Finish();
  return plan;
}

std::shared_ptr<Plan> Plan::BuildSteps(std::vector<StepSpec> steps,
                                       std::map<std::string, Json> outputs,
                                       std::map<std::string, StepIndex> imports,
                                       const Json& datasets, Free& free) {
  auto plan = std::make_shared<Plan>();
  plan->steps_ = std::move(steps);
  plan->outputs_ = std::move(outputs);
  plan->imports_ = std::move(imports);
  for (StepIndex i = 0; i < plan->size(); ++i) {
    plan->by_name_.emplace(plan->step(i).name.value(), i);
  }
  plan->edges_.resize(plan->steps_.size());
  plan->dependents_.resize(plan->steps_.size());
  plan->report_paths_.resize(plan->steps_.size());
  for (StepIndex i = 0; i < plan->size(); ++i) plan->AddEdges(i, datasets, free);
  for (const auto& [name, value] : plan->outputs_) {
    EachExpression(value, [&](const Expression& expression) {
      plan->NotePaths(expression);
      // An item's outputs may name steps around the map.
      free.expressions.push_back(expression);
    });
  }
  plan->Finish();
  return plan;
}

void Plan::Finish() {
  for (StepIndex i = 0; i < size(); ++i) {
    auto& edges = edges_[static_cast<std::size_t>(i)];
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    auto& paths = report_paths_[static_cast<std::size_t>(i)];
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  }
  for (auto& dependents : dependents_) dependents.clear();
  for (StepIndex i = 0; i < size(); ++i) {
    for (const StepIndex from : dependencies(i)) {
      dependents_[static_cast<std::size_t>(from)].push_back(i);
    }
  }
}

void Plan::AddAddress(const std::string& address, StepIndex index, int32_t group, Free& free) {
  if (address.empty()) return;
  const auto found = imports_.find(address);
  if (found == imports_.end()) {
    free.addresses.push_back(address);
  } else {
    edges_[static_cast<std::size_t>(index)].push_back({found->second, Edge::Kind::kData, group});
  }
}

void Plan::NotePaths(const Expression& expression) {
  for (const Reference& reference : expression.alternatives) {
    if (reference.kind != Reference::Kind::kReport) continue;
    if (const StepIndex step = FindStep(reference.step); step >= 0) {
      report_paths_[static_cast<std::size_t>(step)].push_back(reference.name);
    }
  }
}

void Plan::AddExpression(const Expression& expression, StepIndex index, int32_t group,
                         const Json& datasets, Free& free) {
  NotePaths(expression);
  // Where there is a choice that does not hang on a step of this plan, none of its steps is needed.
  std::vector<StepIndex> steps;
  bool others = false;
  bool outside = false;
  for (const Reference& reference : expression.alternatives) {
    if (reference.kind == Reference::Kind::kParameter) {
      AddAddress(OutsideAddress(JsonMember(datasets, reference.name)), index, group, free);
    }
    const StepIndex step = reference.step.empty() ? -1 : FindStep(reference.step);
    if (step >= 0) {
      steps.push_back(step);
    } else {
      others = true;
      outside = outside || !reference.step.empty();
    }
  }
  for (const StepIndex step : steps) {
    edges_[static_cast<std::size_t>(index)].push_back(
        {step, others ? Edge::Kind::kAfter : Edge::Kind::kData, others ? 0 : group});
  }
  if (outside) free.expressions.push_back(expression);
}

void Plan::AddEdges(StepIndex index, const Json& datasets, Free& free) {
  const StepSpec& step = steps_[static_cast<std::size_t>(index)];
  int32_t group = 0;
  for (const auto& [value, path] : TextsOf(step)) {
    EachExpression(*value, [&, value = value](Expression expression) {
      // What may be lacking has another choice: nothing.
      if (MayLack(step, value)) expression.alternatives.push_back(Nothing());
      AddExpression(expression, index, ++group, datasets, free);
    });
    AddAddress(OutsideAddress(*value), index, ++group, free);
  }
  if (!step.steps.empty()) {
    // What the steps of an item need from outside, the map waits for.
    Free inner;
    bodies_[index] = BuildSteps(step.steps, step.outputs, {}, datasets, inner);
    for (const Expression& expression : inner.expressions) {
      AddExpression(expression, index, ++group, datasets, free);
    }
    for (const std::string& address : inner.addresses) AddAddress(address, index, ++group, free);
  }
  ++group;
  for (const StepIndex from : RegistersBefore(step, steps_)) {
    edges_[static_cast<std::size_t>(index)].push_back({from, Edge::Kind::kData, group});
  }
  for (const std::string& name : step.depends_on) {
    if (const auto found = by_name_.find(name); found != by_name_.end()) {
      edges_[static_cast<std::size_t>(index)].push_back({found->second, Edge::Kind::kOrder, 0});
    }
  }
  for (const auto& [names, kind] : {std::pair{&step.then_steps, Edge::Kind::kThen},
                                    std::pair{&step.else_steps, Edge::Kind::kElse}}) {
    for (const std::string& name : *names) {
      if (const auto found = by_name_.find(name); found != by_name_.end()) {
        edges_[static_cast<std::size_t>(found->second)].push_back({index, kind, 0});
      }
    }
  }
}

std::vector<StepIndex> Plan::dependencies(StepIndex index) const {
  std::vector<StepIndex> list;
  for (const Edge& edge : edges(index)) {
    if (list.empty() || list.back() != edge.from) list.push_back(edge.from);  // sorted by `from`
  }
  return list;
}

StepIndex Plan::FindStep(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? -1 : found->second;
}

StepIndex Plan::FindImport(const std::string& uri) const {
  const auto found = imports_.find(uri);
  return found == imports_.end() ? -1 : found->second;
}

std::shared_ptr<const Plan> Plan::body(StepIndex index) const {
  const auto found = bodies_.find(index);
  return found == bodies_.end() ? nullptr : found->second;
}

}  // namespace penstock
