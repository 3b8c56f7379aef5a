#ifndef PENSTOCK_WORKER_LOCAL_LOCAL_H_
#define PENSTOCK_WORKER_LOCAL_LOCAL_H_

// `penstock-worker --local`: work for the command line client on this machine, without a
// coordinator. The client has no reader of tables and no steps; this has both.
//
// Requests come on standard input, a JSON document a line; each is answered on standard output by
// any number of events and one answer, a document a line:
//
//   {"kind": "log", "text": T}                        what a step prints; secrets are masked
//   {"kind": "progress", "fraction": F, "note": N}
//   {"kind": "answer", "value": V}
//   {"kind": "error", "code": C, "reason": R, "message": M}   the canonical code, in place of an
//   answer
//
// It ends with its input. SIGTERM ends it at once, and a step that it runs as a cancel does.

#include <string>

namespace penstock {

// `program`: path of penstock-worker, for the runners of steps. Returns the exit code.
int LocalMain(const std::string& program);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_LOCAL_LOCAL_H_
