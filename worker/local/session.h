#ifndef PENSTOCK_WORKER_LOCAL_SESSION_H_
#define PENSTOCK_WORKER_LOCAL_SESSION_H_

// The client's end of a local session, and the signal that ends it.

#include <string_view>

#include "base/json.h"

namespace penstock::local {

// Writes one line to standard output. Whether the client still listens.
bool Say(const Json& line);

// Between the two, SIGTERM is noted rather than ending the process: whoever runs something that
// must be ended first looks at StopDescriptor, which is then readable.
void HoldStop();
void ReleaseStop();
int StopDescriptor();

// Sets the handlers up. Once, at start.
void WatchSignals();

}  // namespace penstock::local

#endif  // PENSTOCK_WORKER_LOCAL_SESSION_H_
