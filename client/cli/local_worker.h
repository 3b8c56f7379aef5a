#ifndef PENSTOCK_CLIENT_CLI_LOCAL_WORKER_H_
#define PENSTOCK_CLIENT_CLI_LOCAL_WORKER_H_

// `penstock-worker --local`, which lies beside this program and has what the client has not: the
// readers of tables, and the steps (worker/local/local.h has the protocol). It ends with the
// object, and with this process. Not thread-safe.

#include <functional>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "base/subprocess.h"

namespace penstock::cli {

// The reason of a Status that the other program gave: what was asked for went wrong, not how the
// command was typed. Exit code 1.
inline constexpr char kWorkFailedReason[] = "WORK_FAILED";

// An environment variable that holds the value of a secret: PENSTOCK_SECRET_HUB_TOKEN of hub-token.
inline constexpr std::string_view kSecretVariable = "PENSTOCK_SECRET_";

class LocalWorker {
 public:
  // kNotFound where it does not lie beside this program.
  static Result<LocalWorker> Start();
  LocalWorker(LocalWorker&&) = default;
  ~LocalWorker();

  // Sends a request and waits for its answer; `on_event` gets what comes before. kWorkFailedReason
  // where the other program gives an error in place of an answer, or ends.
  using OnEvent = std::function<void(const Json& event)>;
  Result<Json> Call(const Json& request, const OnEvent& on_event = nullptr);

 private:
  LocalWorker(Subprocess process, UniqueFd to, UniqueFd from)
      : process_(std::make_unique<Subprocess>(std::move(process))),
        to_(std::move(to)),
        from_(std::move(from)) {}

  // The next line; kUnavailable with how the process ended.
  Result<std::string> ReadLine();

  std::unique_ptr<Subprocess> process_;
  UniqueFd to_;
  UniqueFd from_;
  std::string buffer_;
};

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_LOCAL_WORKER_H_
