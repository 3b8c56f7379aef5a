#ifndef PENSTOCK_SERVER_DAEMON_H_
#define PENSTOCK_SERVER_DAEMON_H_

// The coordinator, wired: data directory, database, engine, gRPC, HTTP. What main runs, and what
// tests run in their own process.

#include <memory>
#include <string>

#include "base/result.h"
#include "server/config.h"

namespace penstock {

class Daemon {
 public:
  // Serves from the moment it returns, and has written <data-dir>/ready.json. Errors, each a line
  // that says what to do: LOCKED (another process has the data directory), ADDRESS_IN_USE,
  // SCHEMA_TOO_NEW, FOREIGN_DATABASE and RESTORE_UNFINISHED, and what the file system refuses.
  static Result<std::unique_ptr<Daemon>> Start(const ServerConfig& config);
  ~Daemon();  // Stop, and waits for connections that do not end
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // HOST:PORT, with the port that was taken.
  std::string grpc_address() const;
  std::string http_address() const;
  // SHA-256 of the certificate; empty without TLS.
  std::string fingerprint() const;

  // Refuses new calls, ends streams and parked calls, lets the engine answer what it has, and
  // closes. False: an HTTP client would not let go of its connection; all is safe on disk, and a
  // process that is to end may simply do so. Idempotent.
  bool Stop();

 private:
  struct Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_DAEMON_H_
