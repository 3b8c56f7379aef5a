#ifndef PENSTOCK_TESTS_SUPPORT_POSTGRES_SERVER_H_
#define PENSTOCK_TESTS_SUPPORT_POSTGRES_SERVER_H_

// A real PostgreSQL of a test's own: a fresh database on a free port of the loopback interface,
// gone with the object. Run as root it belongs to `nobody`, since PostgreSQL refuses root.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/subprocess.h"

namespace penstock {

class PostgresServer {
 public:
  static constexpr char kUser[] = "penstock";
  static constexpr char kPassword[] = "pg-pässword-123";

  // Null where PostgreSQL's programs are not installed; with CI=true that is a failure of the test,
  // and so is a server that does not start.
  static std::unique_ptr<PostgresServer> Start();
  ~PostgresServer();

  int port() const { return port_; }
  // "postgresql://127.0.0.1:PORT/DATABASE"
  std::string uri(const std::string& database = "postgres") const;
  // Runs statements as superuser; what the last one's first row has in its first column.
  std::string Run(const std::string& sql, const std::string& database = "postgres") const;

 private:
  PostgresServer(std::filesystem::path programs, TempFolder folder)
      : programs_(std::move(programs)), folder_(std::move(folder)) {}
  bool Prepare();
  bool Launch();

  const std::filesystem::path programs_;
  TempFolder folder_;
  std::optional<Subprocess> server_;
  int port_ = 0;
};

}  // namespace penstock

#endif  // PENSTOCK_TESTS_SUPPORT_POSTGRES_SERVER_H_
