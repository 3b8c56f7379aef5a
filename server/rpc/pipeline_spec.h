#ifndef PENSTOCK_SERVER_RPC_PIPELINE_SPEC_H_
#define PENSTOCK_SERVER_RPC_PIPELINE_SPEC_H_

#include "base/json.h"
#include "base/result.h"
#include "penstock/v1/definition.pb.h"

namespace penstock {

// A definition sent as a message, as the document that its YAML would be. Fields that are not set
// are left out, so that defaults apply. kInvalidArgument for a Value without a kind.
Result<Json> DefinitionFromProto(const v1::PipelineSpec& spec);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_PIPELINE_SPEC_H_
