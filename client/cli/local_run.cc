#include "client/cli/local_run.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "client/cli/output.h"
#include "server/core/model_address.h"
#include "server/core/secret_refs.h"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kArtifactScheme = "artifact:";
constexpr std::string_view kFileScheme = "file://";

Lookup Value(Json value) {
  if (value.is_null()) return {Lookup::State::kUndefined, {}, "it is null"};
  return {Lookup::State::kValue, std::move(value), {}};
}
Lookup Absent(std::string why) {
  return {Lookup::State::kAbsent, {}, std::move(why)};
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The path of "file:///a%20b".
std::string PathOf(std::string_view address) {
  std::string path;
  for (std::size_t i = kFileScheme.size(); i < address.size(); ++i) {
    const bool code = address[i] == '%' && i + 2 < address.size() &&
                      HexDigit(address[i + 1]) >= 0 && HexDigit(address[i + 2]) >= 0;
    path += code ? static_cast<char>(HexDigit(address[i + 1]) * 16 + HexDigit(address[i + 2]))
                 : address[i];
    if (code) i += 2;
  }
  return path;
}

std::string VariableOf(const std::string& secret) {
  std::string name(kSecretVariable);
  for (const char c : secret) {
    name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == '-' ? '_' : c;
  }
  return name;
}

// From the environment.
Result<std::string> SecretValue(const std::string& name) {
  const std::string variable = VariableOf(name);
  const char* value = std::getenv(variable.c_str());  // NOLINT(concurrency-mt-unsafe): unchanged
  if (value == nullptr || *value == '\0') {
    return NotFound("secret \"" + name + "\" is kept by a coordinator; for a run here, put its " +
                        "value into the environment variable " + variable,
                    "SECRET_NOT_FOUND");
  }
  PENSTOCK_RETURN_IF_ERROR(CheckSecret(name, value).WithContext(variable));
  return std::string(value);
}

int64_t Millis(const std::optional<Micros>& duration) {
  return duration ? std::max<int64_t>(1, duration->count() / 1'000) : 0;
}

}  // namespace

std::string AddressOf(const std::string& path) {
  std::string address(kArtifactScheme);
  address += FormatDigest(Sha256("path " + fs::absolute(path).lexically_normal().string()));
  // What follows "#" is what messages call it.
  return address + "#" + path;
}

LocalRun::LocalRun(const PipelineSpec& spec, const Json& parameters, const LocalGiven& given,
                   const fs::path& folder, LocalWorker& worker)
    : spec_(spec),
      parameters_(parameters),
      given_(given),
      folder_(folder),
      worker_(worker),
      plan_(Plan::Build(spec, parameters, Catalog::BuiltIn())) {}

Status LocalRun::CheckSecrets(const std::vector<StepIndex>& steps) const {
  for (const StepIndex index : steps) {
    const StepSpec& step = spec_.steps[static_cast<std::size_t>(index)];
    if (!step.uses_secrets) continue;
    std::set<std::string> names;
    for (const std::string& parameter : step.secret_parameters) {
      names.insert(JsonString(parameters_, parameter));
    }
    std::vector<FoundReference> found;
    std::vector<Problem> judged;  // when the definition was
    CollectReferences(step.parameters, "", found, judged);
    for (const FoundReference& each : found) {
      if (each.reference.kind == Reference::Kind::kSecret) names.insert(each.reference.name);
    }
    for (const std::string& name : names) {
      PENSTOCK_RETURN_IF_ERROR(SecretValue(name).status().WithContext("step " + step.name.value()));
    }
  }
  return Status::Ok();
}

Result<Json> LocalRun::Run(StepIndex index, bool is_target, const fs::path& outputs,
                           const LocalWorker::OnEvent& on_event) {
  const StepSpec& step = spec_.steps[static_cast<std::size_t>(index)];
  std::map<std::string, std::string> secrets;
  PENSTOCK_ASSIGN_OR_RETURN(Json parameters, ResolveKeepingSecrets(step, *this, &secrets));
  for (auto& [name, value] : secrets) {
    PENSTOCK_ASSIGN_OR_RETURN(value, SecretValue(name));
  }
  // What came from other steps has only now a value that can be judged.
  std::vector<Problem> problems;
  parameters = CheckParameters(*Catalog::BuiltIn().Find(step.key()), parameters, "", problems);
  if (!problems.empty()) {
    return InvalidArgument("parameter " + problems.front().path + ": " + problems.front().message);
  }
  PENSTOCK_ASSIGN_OR_RETURN(Json inputs, InputsOf(step, is_target));
  const fs::path own = folder_ / "steps" / step.name.value();
  Json request{{"do", "step"},
               {"type", step.type},
               {"algorithm", step.algorithm},
               {"parameters", std::move(parameters)},
               {"secrets", secrets},
               {"cpus", step.resources.cpus},
               {"memory", step.resources.memory},
               {"gpus", step.resources.gpus},
               {"timeoutMs", Millis(step.timeout)},
               {"idleTimeoutMs", Millis(step.idle_timeout)},
               {"reportPaths", plan_->report_paths(index)},
               {"inputs", std::move(inputs)},
               {"workspace", (own / "work").string()},
               {"root", folder_.string()},
               {"outputs", (outputs.empty() ? own / "out" : outputs).string()},
               {"copies", !outputs.empty()},
               {"headRows", is_target ? given_.head_rows : 0},
               {"texts", given_.texts}};
  if (given_.sample > 0) request["sample"] = {{"rows", given_.sample}, {"seed", given_.seed}};
  Result<Json> answer = worker_.Call(request, on_event);
  if (answer.ok()) Keep(step.name.value(), *answer);
  return answer;
}

Result<Json> LocalRun::InputsOf(const StepSpec& step, bool is_target) const {
  Json inputs = Json::array();
  std::set<std::string> replaced;
  if (is_target) {
    for (const auto& [name, paths] : given_.inputs) {
      replaced.insert(name);
      for (const std::string& path : paths) {
        inputs.push_back(InputJson(
            step, name,
            {.path = fs::absolute(path).string(), .type = {}, .digest = {}, .display = path}));
      }
    }
  }
  for (const StepInput& input : step.inputs) {
    if (replaced.contains(input.name)) continue;
    std::vector<Source> sources;
    for (const Json& written : input.sources) {
      const Result<Json> value = Resolve(written, *this);
      if (!value.ok()) {
        if (input.optional) continue;
        return value.status().WithContext("input " + input.name);
      }
      PENSTOCK_RETURN_IF_ERROR(AddSources(*value, written, input, sources));
    }
    for (const Source& source : sources) inputs.push_back(InputJson(step, input.name, source));
  }
  return inputs;
}

Status LocalRun::AddSources(const Json& value, const Json& written, const StepInput& input,
                            std::vector<Source>& sources) const {
  if (value.is_array()) {
    for (const Json& member : value) {
      PENSTOCK_RETURN_IF_ERROR(AddSources(member, written, input, sources));
    }
    return Status::Ok();
  }
  // A model that may be lacking, and is: there is no registry here.
  const bool model =
      value.is_string() && value.get_ref<const std::string&>().starts_with(kModelScheme);
  if (model && input.may_lack) return Status::Ok();
  PENSTOCK_ASSIGN_OR_RETURN(Source source, SourceOf(value, written, input.name));
  sources.push_back(std::move(source));
  return Status::Ok();
}

Result<LocalRun::Source> LocalRun::SourceOf(const Json& value, const Json& written,
                                            const std::string& input) const {
  const std::string address = value.is_string() ? value.get<std::string>() : DumpJson(value);
  const std::string name = address.substr(0, address.find('#'));
  if (const auto given = given_.paths.find(name); given != given_.paths.end()) {
    return Source{.path = fs::absolute(given->second).string(),
                  .type = "dataset",
                  .digest = {},
                  .display = given->second};
  }
  if (const auto made = made_.find(name); made != made_.end()) {
    Source source = made->second;
    source.display = written.is_string() ? written.get<std::string>() : address;
    return source;
  }
  if (address.starts_with(kFileScheme)) {
    const std::string path = PathOf(address);
    std::error_code error;
    if (!fs::exists(path, error)) return WrongUse("input " + input + ": there is no " + address);
    return Source{.path = path, .type = "dataset", .digest = {}, .display = address};
  }
  const std::string fetch = "; fetch it (penstock artifacts get " + name +
                            " -o PATH) and give --input " + input +
                            "=PATH, or -p NAME=@PATH where a parameter names it";
  if (name.starts_with(kArtifactScheme) || name.starts_with(kModelScheme)) {
    return WrongUse("input " + input + " is " + name + ", which lies with a coordinator" + fetch);
  }
  return WrongUse("input " + input + " is " + TruncateUtf8(address, 200) +
                  ", which is not on this machine; bring it here and give --input " + input +
                  "=PATH, or -p NAME=@PATH where a parameter names it");
}

Json LocalRun::InputJson(const StepSpec& step, const std::string& input,
                         const Source& source) const {
  const PortSchema* port = FindInput(*Catalog::BuiltIn().Find(step.key()), input);
  const bool data =
      step.type == "script" || port == nullptr || port->type == ArtifactType::kDataset;
  const std::string type(
      !source.type.empty()
          ? source.type
          : std::string(penstock::Name(port == nullptr ? ArtifactType::kFile : port->type)));
  return {{"name", input},
          {"path", source.path},
          {"type", type},
          {"digest", source.digest},
          {"display", source.display},
          {"sample", source.raw && data && !input.starts_with(kAttachmentPrefix)}};
}

void LocalRun::Keep(const std::string& step, const Json& answer) {
  for (const Json& output : JsonMember(answer, "outputs")) {
    const std::string digest = JsonString(output, "digest");
    made_[std::string(kArtifactScheme) + digest] = {.path = JsonString(output, "path"),
                                                    .type = JsonString(output, "type"),
                                                    .digest = digest,
                                                    .display = {},
                                                    .raw = false};
  }
  answers_[step] = answer;
}

Lookup LocalRun::Find(const Reference& reference) const {
  using Kind = Reference::Kind;
  if (reference.kind == Kind::kParameter) {
    const Json& value = JsonMember(parameters_, reference.name);
    if (value.is_null()) return Absent("parameter " + reference.name + " has no value");
    return Value(value);
  }
  if (reference.kind == Kind::kRun) {
    if (reference.name == "id" || reference.name == "name") return Value("local");
    if (reference.name == "pipeline") return Value(spec_.name);
    if (reference.name == "startedAt") return Value(FormatTime(Clock::Real().Now()));
    return Absent("it is known only to onExit steps");
  }
  if (reference.step.empty()) return Absent("it means nothing here");
  const auto found = answers_.find(reference.step);
  if (found == answers_.end()) return Absent("step " + reference.step + " was not run here");
  const Json& answer = found->second;
  const auto nothing = [&] {
    return Absent("step " + reference.step + " has left nothing of that name");
  };
  if (reference.kind == Kind::kOutput) {
    for (const Json& output : JsonMember(answer, "outputs")) {
      if (JsonString(output, "name") != reference.name) continue;
      return Value(std::string(kArtifactScheme) + JsonString(output, "digest"));
    }
    return nothing();
  }
  if (reference.kind == Kind::kReport) {
    const Json& values = JsonMember(answer, "reportValues");
    if (!values.contains(reference.name)) return nothing();
    return Value(
        ParseJson(JsonString(values, reference.name), {.max_bytes = 8 << 20, .max_depth = 64})
            .value_or(Json()));
  }
  const Json& metrics = JsonMember(answer, "metrics");
  if (reference.kind != Kind::kMetric || !metrics.contains(reference.name)) return nothing();
  const Json& metric = metrics[reference.name];
  if (metric.is_null()) return {Lookup::State::kUndefined, {}, "it is undefined"};
  return Value(metric);
}

}  // namespace penstock::cli
