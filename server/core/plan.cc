#include "server/core/plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/core/expression.h"
#include "server/core/validate.h"

namespace penstock {
namespace {

constexpr std::string_view kFileScheme = "file:///";

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

std::string FileAddress(const Json& value) {
  if (!value.is_string()) return {};
  const auto& text = value.get_ref<const std::string&>();
  return text.starts_with(kFileScheme) ? text : std::string();
}

}  // namespace

std::shared_ptr<const Plan> Plan::Build(const PipelineSpec& spec, const Json& parameters,
                                        const Catalog& catalog) {
  auto plan = std::make_shared<Plan>();
  plan->steps_ = spec.steps;
  plan->max_parallel_steps_ = spec.max_parallel_steps;
  Json datasets = Json::object();
  for (const ParameterSpec& parameter : spec.parameters) {
    if (parameter.type != ParameterSpec::Type::kDataset) continue;
    datasets[parameter.name] = JsonMember(parameters, parameter.name);
  }
  plan->AddImports(datasets, catalog);
  for (StepIndex i = 0; i < plan->size(); ++i)
    plan->by_name_.emplace(plan->step(i).name.value(), i);
  plan->edges_.resize(plan->steps_.size());
  plan->dependents_.resize(plan->steps_.size());
  plan->report_paths_.resize(plan->steps_.size());
  for (StepIndex i = 0; i < plan->size(); ++i) plan->AddEdges(i, datasets);
  for (StepIndex i = 0; i < plan->size(); ++i) {
    auto& edges = plan->edges_[static_cast<std::size_t>(i)];
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    for (const StepIndex from : plan->dependencies(i)) {
      plan->dependents_[static_cast<std::size_t>(from)].push_back(i);
    }
    auto& paths = plan->report_paths_[static_cast<std::size_t>(i)];
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  }
  return plan;
}

void Plan::AddImports(const Json& datasets, const Catalog& catalog) {
  std::set<std::string> addresses;
  std::set<std::string> names;
  for (const StepSpec& step : steps_) {
    names.insert(step.name.value());
    for (const StepInput& input : step.inputs) {
      for (const Json& source : input.sources) {
        if (const std::string address = FileAddress(source); !address.empty()) {
          addresses.insert(address);
        }
      }
    }
  }
  for (const Json& value : datasets) {
    if (const std::string address = FileAddress(value); !address.empty()) {
      addresses.insert(address);
    }
  }
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
    imports_.emplace(address, size());
    steps_.push_back(std::move(step));
  }
}

void Plan::AddEdges(StepIndex index, const Json& datasets) {
  const StepSpec& step = steps_[static_cast<std::size_t>(index)];
  auto& edges = edges_[static_cast<std::size_t>(index)];
  int32_t group = 0;
  const auto add_address = [&](const Json& value) {
    if (const auto found = imports_.find(FileAddress(value)); found != imports_.end()) {
      edges.push_back({found->second, Edge::Kind::kData, group});
    }
  };
  const auto add = [&](const Expression& expression) {
    ++group;
    for (const Reference& reference : expression.alternatives) {
      if (reference.kind == Reference::Kind::kParameter) {
        add_address(JsonMember(datasets, reference.name));
        continue;
      }
      const auto found = by_name_.find(reference.step);
      if (reference.step.empty() || found == by_name_.end()) continue;
      edges.push_back({found->second, Edge::Kind::kData, group});
      if (reference.kind == Reference::Kind::kReport) {
        report_paths_[static_cast<std::size_t>(found->second)].push_back(reference.name);
      }
    }
  };
  for (const auto& [value, path] : TextsOf(step)) {
    EachExpression(*value, add);
    ++group;
    add_address(*value);
  }
  for (const std::string& name : step.depends_on) {
    if (const auto found = by_name_.find(name); found != by_name_.end()) {
      edges.push_back({found->second, Edge::Kind::kOrder, 0});
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

}  // namespace penstock
