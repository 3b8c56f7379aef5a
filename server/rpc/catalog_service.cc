#include "server/rpc/catalog_service.h"

#include "base/text.h"

namespace penstock {
namespace {

constexpr char kService[] = "CatalogService";

std::string KindName(const ParameterSchema& parameter) {
  switch (parameter.kind) {
    case ParameterSchema::Kind::kString:
      return "string";
    case ParameterSchema::Kind::kInteger:
      return "integer";
    case ParameterSchema::Kind::kNumber:
      return "number";
    case ParameterSchema::Kind::kBoolean:
      return "boolean";
    case ParameterSchema::Kind::kEnum:
      return "enum";
    case ParameterSchema::Kind::kList:
      return parameter.element ? "list of " + KindName(*parameter.element) : "list";
    case ParameterSchema::Kind::kObject:
      return "object";
    case ParameterSchema::Kind::kMap:
      return parameter.element ? "map of " + KindName(*parameter.element) : "map";
    case ParameterSchema::Kind::kAny:
      return "any";
  }
  return "any";
}

// ">= 0, < 1"; of texts and lists the bounds are of their length.
std::string Bounds(const ParameterSchema& parameter) {
  std::vector<std::string> parts;
  if (parameter.minimum) {
    parts.push_back((parameter.exclusive_minimum ? "> " : ">= ") +
                    FormatDouble(*parameter.minimum));
  }
  if (parameter.maximum) {
    parts.push_back((parameter.exclusive_maximum ? "< " : "<= ") +
                    FormatDouble(*parameter.maximum));
  }
  return Join(parts, ", ");
}

void AddParameter(const ParameterSchema& parameter, const std::string& prefix, v1::StepType* out) {
  const std::string name = prefix + parameter.name;
  v1::StepType::Parameter* added = out->add_parameters();
  added->set_name(name);
  added->set_kind(KindName(parameter));
  added->set_required(parameter.required);
  if (!parameter.default_value.is_null())
    added->set_default_json(DumpJson(parameter.default_value));
  added->set_bounds(Bounds(parameter));
  for (const std::string& choice : parameter.choices) added->add_choices(choice);
  added->set_help(parameter.help);
  for (const ParameterSchema& field : parameter.fields) AddParameter(field, name + ".", out);
  if (!parameter.element) return;
  const bool list = parameter.kind == ParameterSchema::Kind::kList;
  for (const ParameterSchema& field : parameter.element->fields) {
    AddParameter(field, name + (list ? "[]." : ".*."), out);
  }
}

void AddPort(const PortSchema& port, v1::StepType::Port* out) {
  out->set_name(port.name);
  out->set_type(std::string(Name(port.type)));
  out->set_required(port.required && port.unless.empty());
  out->set_many(port.many);
  out->set_help(port.help);
}

}  // namespace

void ToProto(const StepSchema& schema, bool detailed, v1::StepType* out) {
  out->set_key(schema.key);
  out->set_version(schema.version);
  out->set_summary(schema.summary);
  out->set_control(schema.control);
  for (const PortSchema& port : schema.inputs) AddPort(port, out->add_inputs());
  if (schema.any_input) AddPort(*schema.any_input, out->add_inputs());
  if (schema.attachment) AddPort(*schema.attachment, out->add_inputs());
  for (const PortSchema& port : schema.outputs) AddPort(port, out->add_outputs());
  if (!detailed) return;
  out->set_help(schema.help);
  for (const MetricSchema& metric : schema.metrics) {
    v1::StepType::Metric* added = out->add_metrics();
    added->set_name(metric.name);
    added->set_help(metric.help);
  }
  for (const ParameterSchema& parameter : schema.parameters) AddParameter(parameter, "", out);
  out->set_parameters_json_schema(DumpJson(ParametersAsJsonSchema(schema)));
}

grpc::ServerUnaryReactor* CatalogServiceImpl::ListStepTypes(grpc::CallbackServerContext* context,
                                                            const v1::ListStepTypesRequest*,
                                                            v1::ListStepTypesResponse* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "ListStepTypes");
  if (!call->admitted()) return call;
  for (const StepSchema* schema : deps_.catalog->All()) {
    ToProto(*schema, false, response->add_step_types());
  }
  call->Complete(Status::Ok());
  return call;
}

grpc::ServerUnaryReactor* CatalogServiceImpl::GetStepType(grpc::CallbackServerContext* context,
                                                          const v1::GetStepTypeRequest* request,
                                                          v1::StepType* response) {
  auto* call = new UnaryCall(*deps_.gate, *context, kService, "GetStepType");
  if (!call->admitted()) return call;
  const StepSchema* schema = deps_.catalog->Find(request->key());
  if (schema == nullptr) {
    std::vector<std::string> keys;
    for (const StepSchema* known : deps_.catalog->All()) keys.push_back(known->key);
    call->Complete(NotFound("there is no step type \"" + TruncateUtf8(request->key(), 80) + "\"" +
                            Suggestion(TruncateUtf8(request->key(), 80), keys)));
    return call;
  }
  ToProto(*schema, true, response);
  call->Complete(Status::Ok());
  return call;
}

}  // namespace penstock
