#ifndef PENSTOCK_SERVER_RPC_GRPC_STATUS_H_
#define PENSTOCK_SERVER_RPC_GRPC_STATUS_H_

// Status on the wire: gRPC's code and message, and in grpc-status-details-bin a google.rpc.Status
// with one penstock.v1.ErrorInfo.

#include <grpcpp/support/status.h>

#include "base/status.h"

namespace penstock {

grpc::Status ToGrpcStatus(const Status& status);
// The inverse; details that cannot be read are left out.
Status FromGrpcStatus(const grpc::Status& status);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_GRPC_STATUS_H_
