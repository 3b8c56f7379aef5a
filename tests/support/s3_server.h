#ifndef PENSTOCK_TESTS_SUPPORT_S3_SERVER_H_
#define PENSTOCK_TESTS_SUPPORT_S3_SERVER_H_

// A small S3: GetObject and ListObjectsV2 of one bucket, path-style or by the host's name. It
// checks the Signature Version 4 of every request by itself, after Amazon's description ("Create a
// signed AWS API request") and with OpenSSL's HMAC alone: what the client computes with plays no
// part.

#include <ctime>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/data_server.h"

namespace penstock {

class S3Server {
 public:
  struct Options {
    std::string bucket = "data";
    std::string region = "us-east-1";
    // Empty: everybody may read.
    std::string access_key = "AKIATEST";
    std::string secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY";
    std::string session_token = "";
    std::size_t page = 1'000;  // keys of a list's answer
  };

  explicit S3Server(Options options);

  void Put(const std::string& key, const std::string& bytes);
  // Asked first, where set; an answer of status 0 means that the server goes on by itself.
  void Intercept(DataServer::Handler handler);

  const Options& options() const { return options_; }
  std::string endpoint() const { return server_.url(""); }
  int port() const { return server_.port(); }
  std::vector<DataServer::Request> requests() const { return server_.requests(); }

  // Why the request's signature is not what it must be; empty: it is. Public for the test of this
  // verifier itself.
  using Clock = std::function<std::time_t()>;
  static std::string WhyNotSigned(
      const DataServer::Request& request, const std::string& access_key,
      const std::string& secret_key, const std::string& region,
      const Clock& now = [] { return std::time(nullptr); });

 private:
  DataServer::Reply Answer(const DataServer::Request& request);
  DataServer::Reply List(const std::map<std::string, std::string>& query);
  DataServer::Reply Get(const DataServer::Request& request, const std::string& key);

  const Options options_;
  std::mutex mutex_;
  std::map<std::string, std::string> objects_;
  DataServer::Handler intercept_;
  DataServer server_;  // last: it asks the others
};

}  // namespace penstock

#endif  // PENSTOCK_TESTS_SUPPORT_S3_SERVER_H_
