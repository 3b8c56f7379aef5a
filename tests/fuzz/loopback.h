#ifndef PENSTOCK_TESTS_FUZZ_LOOPBACK_H_
#define PENSTOCK_TESTS_FUZZ_LOOPBACK_H_

// A coordinator in this process, asked over HTTP on the loopback interface as clients ask it. One
// for all targets, started when it is first asked for. Not thread-safe.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "server/daemon.h"

namespace penstock::fuzz {

struct HttpAnswer {
  int status = 0;  // 0: the connection was closed without one
  std::string headers;
  std::string body;
};

class Loopback {
 public:
  static Loopback& Get();

  // A connection of its own: sends all of it, and reads until the server closes.
  std::string Exchange(std::string_view bytes);
  // One request over a connection that is kept.
  HttpAnswer Ask(const std::string& method, const std::string& path, std::string_view body);
  // A call of the API that has to be good, or null.
  Json Call(const std::string& method, const Json& request);

  // Broken, where the coordinator does not serve and take work any more.
  void ExpectAlive();

 private:
  Loopback();
  void Connect();

  TempFolder folder_;
  std::unique_ptr<Daemon> daemon_;
  int port_ = 0;
  UniqueFd kept_;
};

// The first answer in `bytes`, with its body where it says how long that is.
HttpAnswer ParseAnswer(std::string_view bytes);

// Broken, where an answer is none that a client can read.
void ExpectReadable(const HttpAnswer& answer);

}  // namespace penstock::fuzz

#endif  // PENSTOCK_TESTS_FUZZ_LOOPBACK_H_
