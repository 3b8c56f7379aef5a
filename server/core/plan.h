#ifndef PENSTOCK_SERVER_CORE_PLAN_H_
#define PENSTOCK_SERVER_CORE_PLAN_H_

// A pipeline version compiled for execution: steps by index, the edges between them, and what their
// attempts must report. Immutable, shared by runs. Pure.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/core/pipeline.h"

namespace penstock {

// Why a step waits for another.
struct Edge {
  enum class Kind {
    kData,   // needs something that the other leaves behind
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
  // `parameters`: bound values. Each file: address of a dataset among them, or of an input, gets an
  // implicit import step behind the definition's own.
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
  // The import step of a file: address; -1 where there is none.
  StepIndex FindImport(const std::string& uri) const;

  int32_t max_parallel_steps() const { return max_parallel_steps_; }

 private:
  // `datasets`: the parameters that are data, by name.
  void AddImports(const Json& datasets, const Catalog& catalog);
  void AddEdges(StepIndex index, const Json& datasets);

  std::vector<StepSpec> steps_;
  std::vector<std::vector<Edge>> edges_;
  std::vector<std::vector<StepIndex>> dependents_;
  std::vector<std::vector<std::string>> report_paths_;
  std::map<std::string, StepIndex> by_name_;
  std::map<std::string, StepIndex> imports_;
  int32_t max_parallel_steps_ = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_PLAN_H_
