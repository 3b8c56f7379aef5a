#ifndef PENSTOCK_STEPS_IMPORT_POSTGRES_CONNECTION_H_
#define PENSTOCK_STEPS_IMPORT_POSTGRES_CONNECTION_H_

// A connection to PostgreSQL, by libpq. The only place with its header. Private to steps/import.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

struct pg_conn;
struct pg_result;

namespace penstock::importing {

struct PostgresLogin {
  std::string host;
  std::vector<std::string> addresses;  // of the host; tried in turn
  int port = 5432;
  std::string database;
  std::string user;
  std::string password;
  std::string sslmode;
  std::string sslrootcert;
};

// Not thread-safe. Whatever waits, waits no longer than a tenth of a second for `cancelled`. A
// query that is given up ends on the server, too: PostgreSQL 14 and later see within a second that
// nobody is there, older ones when they have something to send.
class PostgresConnection {
 public:
  // kUnavailable: it cannot be reached, or is starting; kFailedPrecondition: it says no, or its
  // certificate cannot be trusted; kCancelled.
  static Result<PostgresConnection> Open(const PostgresLogin& login,
                                         const std::function<bool()>& cancelled);
  PostgresConnection(PostgresConnection&&) = default;

  // One statement, for its effect. kInvalidArgument with the server's words; kPermissionDenied;
  // kUnavailable where the connection is lost.
  Status Run(const std::string& sql);

  struct ResultColumn {
    std::string name;
    uint32_t type = 0;  // its OID; of a domain that of its base type
  };
  // What a query would give; it is not run.
  Result<std::vector<ResultColumn>> Describe(const std::string& sql);

  // Runs "COPY … TO STDOUT" and visits each of its lines, without the end of line. Ends with the
  // first error of `visit`.
  Status Copy(const std::string& sql, const std::function<Status(std::string_view line)>& visit);

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  struct Clear {
    void operator()(pg_result* result) const;
  };
  using Answer = std::unique_ptr<pg_result, Clear>;

  PostgresConnection(pg_conn* connection, std::function<bool()> cancelled)
      : connection_(connection), cancelled_(std::move(cancelled)) {}

  Status Connect();
  // Until the socket can be read (or written), or `cancelled`.
  Status Wait(bool write);
  Status Send(bool sent);
  // The next answer to what was sent; null: there is no more.
  Result<Answer> Next();
  // The last answer, once all are there.
  Result<Answer> Last();
  Status Lost() const;
  static Status ErrorOf(const pg_result* answer);

  std::unique_ptr<pg_conn, Close> connection_;
  std::function<bool()> cancelled_;
};

}  // namespace penstock::importing

#endif  // PENSTOCK_STEPS_IMPORT_POSTGRES_CONNECTION_H_
