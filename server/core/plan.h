#ifndef PENSTOCK_SERVER_CORE_PLAN_H_
#define PENSTOCK_SERVER_CORE_PLAN_H_

// A pipeline version compiled for execution: steps by index, the edges between them, and what their
// attempts must report. A map holds the plan of one of its items, and a pipeline that of its onExit
// steps; those may refer to steps of the plan that they stand in. Immutable, shared by runs. Pure.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/core/expression.h"
#include "server/core/pipeline.h"

namespace penstock {

// Why a step waits for another.
struct Edge {
  enum class Kind {
    kData,   // needs something that the other leaves behind
    kAfter,  // uses it where it is there ("??" with another choice)
    kOrder,  // dependsOn
    kThen,   // is in a condition's `then`
    kElse,   // is in a condition's `else`
  };
  StepIndex from = 0;
  Kind kind = Kind::kData;
  // kData: alternatives of one "??" share a group, of which one member is enough; each lone
  // reference has a group of its own.
  int32_t group = 0;
  friend auto operator<=>(const Edge&, const Edge&) = default;
};

class Plan {
 public:
  // `parameters`: bound values. Each address outside of the store (file:, http(s):, s3:) of a dataset
  // among them, or of an input, gets an implicit import step behind the definition's own.
  static std::shared_ptr<const Plan> Build(const PipelineSpec& spec, const Json& parameters,
                                           const Catalog& catalog);

  StepIndex size() const { return static_cast<StepIndex>(steps_.size()); }
  const StepSpec& step(StepIndex index) const { return steps_[static_cast<std::size_t>(index)]; }
  const std::vector<Edge>& edges(StepIndex index) const {
    return edges_[static_cast<std::size_t>(index)];
  }
  // Steps that wait for this one, each once.
  const std::vector<StepIndex>& dependents(StepIndex index) const {
    return dependents_[static_cast<std::size_t>(index)];
  }
  // Steps that this one waits for, each once, in order.
  std::vector<StepIndex> dependencies(StepIndex index) const;
  // Paths into the step's report.json that other steps reference.
  const std::vector<std::string>& report_paths(StepIndex index) const {
    return report_paths_[static_cast<std::size_t>(index)];
  }
  // -1 where there is none.
  StepIndex FindStep(const std::string& name) const;
  // The implicit import step of an address; -1 where there is none.
  StepIndex FindImport(const std::string& uri) const;

  // Of a map: the plan of one item. Null for other steps.
  std::shared_ptr<const Plan> body(StepIndex index) const;
  // Null where the pipeline has no onExit steps.
  const std::shared_ptr<const Plan>& on_exit() const { return on_exit_; }
  // What the pipeline, or one item, gives: expressions by name.
  const std::map<std::string, Json>& outputs() const { return outputs_; }

  int32_t max_parallel_steps() const { return max_parallel_steps_; }
  bool fail_fast() const { return fail_fast_; }
  // Of the pipeline's runs, by its name and not by version; 0: no limit.
  int32_t max_active_runs() const { return max_active_runs_; }
  OnLimit on_limit() const { return on_limit_; }
  // Of a run, from its start.
  const std::optional<Micros>& deadline() const { return deadline_; }

 private:
  // What a plan refers to and does not hold itself: the plan around it does.
  struct Free {
    std::vector<Expression> expressions;
    std::vector<std::string> addresses;
  };

  static std::shared_ptr<Plan> BuildSteps(std::vector<StepSpec> steps,
                                          std::map<std::string, Json> outputs,
                                          std::map<std::string, StepIndex> imports,
                                          const Json& datasets, Free& free);
  void AddEdges(StepIndex index, const Json& datasets, Free& free);
  void AddExpression(const Expression& expression, StepIndex index, int32_t group,
                     const Json& datasets, Free& free);
  void AddAddress(const std::string& address, StepIndex index, int32_t group, Free& free);
  // Notes the report paths of references that no step waits for.
  void NotePaths(const Expression& expression);
  void Finish();

  std::vector<StepSpec> steps_;
  std::vector<std::vector<Edge>> edges_;
  std::vector<std::vector<StepIndex>> dependents_;
  std::vector<std::vector<std::string>> report_paths_;
  std::map<std::string, StepIndex> by_name_;
  std::map<std::string, StepIndex> imports_;
  std::map<StepIndex, std::shared_ptr<const Plan>> bodies_;
  std::shared_ptr<const Plan> on_exit_;
  std::map<std::string, Json> outputs_;
  int32_t max_parallel_steps_ = 0;
  bool fail_fast_ = false;
  int32_t max_active_runs_ = 0;
  OnLimit on_limit_ = OnLimit::kQueue;
  std::optional<Micros> deadline_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_PLAN_H_
