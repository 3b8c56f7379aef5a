#ifndef PENSTOCK_SERVER_RPC_LIBRARY_LOGS_H_
#define PENSTOCK_SERVER_RPC_LIBRARY_LOGS_H_

namespace penstock {

// Hands what gRPC and Protobuf log, which otherwise goes to stderr, to our own log: failed
// handshakes, texts that are no UTF-8 and the like. A remote party can cause these lines, before
// anybody asked who it is, so they are debugging's; what is fatal is an error. For the whole
// process; thread-safe, and the same a second time.
void RouteLibraryLogs();

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_LIBRARY_LOGS_H_
