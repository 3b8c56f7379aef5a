#ifndef PENSTOCK_SERVER_CORE_SECRET_REFS_H_
#define PENSTOCK_SERVER_CORE_SECRET_REFS_H_

// Secrets in definitions: "${secrets.NAME}", and "${parameters.P}" of a parameter of type secret,
// whose value is the name of one. They mean something only in those parameters of a step that the
// step neither keeps nor shows (StepSchema::secrets_in); everywhere else they are refused, since
// what stands there is stored or shown. A step's parameters hold the names until a runner fills the
// values in: rows, cache keys and explanations never hold one. Pure.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/core/expression.h"
#include "server/core/pipeline.h"

namespace penstock {

// kInvalidArgument where that cannot be a secret; never quotes the value.
Status CheckSecret(const std::string& name, const std::string& value);
// kNotFound (SECRET_NOT_FOUND) with what to do.
Status NoSuchSecret(const std::string& name);

// Whether it means the value of a secret.
bool IsSecret(const PipelineSpec& spec, const Reference& reference);

// Why a reference that IsSecret cannot stand where it was found, and where it may; empty: it can.
// `step` is null, and `schema` may be, outside of steps; `below` is the path in the step:
// "with.environment.TOKEN".
std::string WhyNoSecretHere(const StepSpec* step, const StepSchema* schema,
                            const FoundReference& found, std::string_view below);

// Fills in StepSpec::uses_secrets and secret_parameters of every step.
void MarkSecrets(PipelineSpec& spec);

// The step's parameters as Resolve gives them, but for the secrets that they name: those stay as
// "${secrets.NAME}", and each other "$" becomes "$$". FillSecrets of worker/runner makes the values
// of it. `names` gets each as a key. Plain, where the step names none.
Result<Json> ResolveKeepingSecrets(const StepSpec& step, const Scope& scope,
                                   std::map<std::string, std::string>* names);

// The pipeline that a step calls.
using FindCalled = std::function<Result<std::shared_ptr<const PipelineSpec>>(const StepSpec& call)>;

// Which secrets a run with these parameters names, with the path of one place that does.
Result<std::map<std::string, std::string>> SecretsOfRun(const PipelineSpec& spec,
                                                        const Json& parameters,
                                                        const FindCalled& find);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_SECRET_REFS_H_
