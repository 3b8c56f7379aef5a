#include "server/config_queues.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "storage/model/limits.h"

namespace penstock {
namespace {

Status SetLimit(int32_t& limit, const std::string& text) {
  const char* end = text.data() + text.size();
  int32_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 0) {
    return InvalidArgument("\"" + text + "\" is not a number, 0 or more (0: no limit)");
  }
  limit = value;
  return Status::Ok();
}

Status SetWeight(double& weight, const std::string& text) {
  const char* end = text.data() + text.size();
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !(value >= 0.001) || value > limits::kMaxQueueWeight) {
    return InvalidArgument("\"" + text + "\" is not a weight, 0.001 to " +
                           std::to_string(limits::kMaxQueueWeight));
  }
  weight = value;
  return Status::Ok();
}

Result<QueueTerms> ReadTerms(const YAML::Node& node) {
  static const std::vector<std::string> kKeys = {"weight", "maxParallelSteps", "maxRuns"};
  QueueTerms terms;
  if (node.IsNull()) return terms;
  if (!node.IsMap()) {
    return InvalidArgument("must be a mapping: {weight: 3, maxParallelSteps: 100, maxRuns: 10}");
  }
  for (const auto& entry : node) {
    const auto key = entry.first.as<std::string>();
    if (!entry.second.IsScalar()) return InvalidArgument(key + ": must be a number");
    const auto text = entry.second.as<std::string>();
    Status status;
    if (key == "weight") {
      status = SetWeight(terms.weight, text);
    } else if (key == "maxParallelSteps") {
      status = SetLimit(terms.max_parallel_steps, text);
    } else if (key == "maxRuns") {
      status = SetLimit(terms.max_runs, text);
    } else {
      return InvalidArgument("unknown key \"" + key + "\"" + Suggestion(key, kKeys));
    }
    PENSTOCK_RETURN_IF_ERROR(std::move(status).WithContext(key));
  }
  return terms;
}

}  // namespace

Status SetQueues(QueueTable& queues, const std::string& text) {
  QueueTable table;
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) {
      return InvalidArgument("must be a mapping of queues by name: {batch: {weight: 3}}");
    }
    for (const auto& entry : root) {
      const auto name = entry.first.as<std::string>();
      if (!IsName(name, limits::kMaxNameLength)) {
        return InvalidArgument("\"" + name + "\" is not a name; use 1 to 64 of a-z 0-9 - _");
      }
      Result<QueueTerms> terms = ReadTerms(entry.second);
      if (!terms.ok()) return terms.status().WithContext(name);
      table[name] = *terms;
    }
  } catch (const YAML::Exception& error) {
    return InvalidArgument(error.msg);
  }
  if (table.size() > limits::kMaxNamedQueues) {
    return InvalidArgument("at most " + std::to_string(limits::kMaxNamedQueues) + " queues");
  }
  queues = std::move(table);
  return Status::Ok();
}

std::string ShowQueues(const QueueTable& queues) {
  if (queues.empty()) return {};
  Json json = Json::object();
  for (const auto& [name, terms] : queues) {
    json[name]["weight"] = terms.weight;
    if (terms.max_parallel_steps > 0) json[name]["maxParallelSteps"] = terms.max_parallel_steps;
    if (terms.max_runs > 0) json[name]["maxRuns"] = terms.max_runs;
  }
  return DumpJson(json);
}

}  // namespace penstock
