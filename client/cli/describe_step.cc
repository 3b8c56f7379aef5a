// describe run RUN STEP: one step with each try at it, and what that ran in.

#include <iostream>

#include "base/text.h"
#include "client/cli/attempts.h"
#include "client/cli/cli.h"
#include "client/cli/parameters.h"

namespace penstock::cli {
namespace {

// "libraries.xgboost" → "1.7.4", in the order of their names.
void Flatten(const pb::Value& value, const std::string& path, Table& table) {
  if (value.kind_case() != pb::Value::kMap) {
    table.Add({"  " + path, ShowValue(value)});
    return;
  }
  for (const auto& [name, member] : Sorted(value.map().fields())) {
    Flatten(member, path.empty() ? name : path + "." + name, table);
  }
}

}  // namespace

Result<int> DescribeRunStep(Connection& connection, const std::string& run, const std::string& step,
                            Format format) {
  pb::ListAttemptsRequest request;
  request.set_run_id(run);
  request.set_step(step);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::ListAttemptsResponse answer,
      connection.Call(connection.runs(), &pb::RunService::Stub::ListAttempts, request));
  if (format != Format::kTable) {
    std::cout << Render(answer, format);
    return kDone;
  }
  const Time now = Clock::Real().Now();
  for (const pb::Attempt& attempt : answer.attempts()) {
    std::cout << step << "  attempt " << attempt.number() << " "
              << Coloured(pb::Attempt::State_Name(attempt.state()));
    const std::string took = Lasted(attempt.started_at(), attempt.ended_at(), now);
    if (!took.empty()) std::cout << "  " << took;
    std::cout << "  on " << attempt.worker();
    if (!attempt.address().empty()) std::cout << ", rank " << attempt.rank();
    if (const std::string why = WhyEnded(attempt); !why.empty()) std::cout << "  " << why;
    std::cout << "\n";
    if (!attempt.has_environment()) continue;
    Table table({"  RAN WITH", ""});
    Flatten(attempt.environment(), "", table);
    std::cout << table.Text();
  }
  if (answer.attempts().empty()) {
    std::cout << step << " was not run on a worker in this run; penstock explain " << run << " "
              << step << " says why\n";
  }
  return kDone;
}

}  // namespace penstock::cli
