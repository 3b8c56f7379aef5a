#include "tests/support/postgres_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/check.h"
#include "tests/support/cluster.h"

namespace penstock {
namespace {

// The newest of those that Debian keeps beside each other; empty: none.
std::filesystem::path FindPrograms() {
  std::filesystem::path newest;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", error)) {
    if (std::filesystem::exists(entry.path() / "bin" / "initdb")) {
      newest = std::max(newest, entry.path() / "bin");
    }
  }
  return newest;
}

int FreePort() {
  const UniqueFd socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  PENSTOCK_CHECK(bind(socket_fd.get(), raw, size) == 0);
  PENSTOCK_CHECK(getsockname(socket_fd.get(), raw, &size) == 0);
  return ntohs(address.sin_port);
}

// As somebody who is not root.
std::vector<std::string> Lowered(std::vector<std::string> command) {
  if (geteuid() != 0) return command;
  std::vector<std::string> whole = {"/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup",
                                    "--clear-groups", "--"};
  whole.insert(whole.end(), command.begin(), command.end());
  return whole;
}

Result<Subprocess> Begin(const std::vector<std::string>& command, const std::filesystem::path& log,
                         int death_signal) {
  const UniqueFd out(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  const UniqueFd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return Subprocess::Start({.arguments = Lowered(command),
                            .working_directory = "/",
                            .descriptors = {{0, nothing.get()}, {1, out.get()}, {2, out.get()}},
                            .death_signal = death_signal});
}

}  // namespace

std::unique_ptr<PostgresServer> PostgresServer::Start() {
  const std::filesystem::path programs = FindPrograms();
  if (programs.empty()) {
    const char* ci = std::getenv("CI");
    EXPECT_FALSE(ci != nullptr && std::string_view(ci) == "true") << "PostgreSQL is not installed";
    return nullptr;
  }
  Result<TempFolder> folder = TempFolder::Make(std::filesystem::temp_directory_path());
  PENSTOCK_CHECK(folder.ok());
  std::unique_ptr<PostgresServer> server(new PostgresServer(programs, *std::move(folder)));
  if (server->Prepare()) {
    // Somebody else may take the port before it does.
    for (int attempt = 0; attempt < 3; ++attempt) {
      if (server->Launch()) return server;
    }
  }
  ADD_FAILURE() << ReadFile(server->folder_.path() / "log").value_or("");
  return nullptr;
}

PostgresServer::~PostgresServer() {
  if (!server_) return;
  server_->Signal(SIGINT);  // ends sessions, too
  if (!server_->WaitFor(std::chrono::seconds(20))) server_->Signal(SIGQUIT);
  server_->WaitFor(std::chrono::seconds(20));
}

bool PostgresServer::Prepare() {
  const std::filesystem::path& folder = folder_.path();
  if (geteuid() == 0) {
    const passwd* nobody = getpwnam("nobody");
    PENSTOCK_CHECK(nobody != nullptr && chown(folder.c_str(), nobody->pw_uid, nobody->pw_gid) == 0);
  }
  std::filesystem::permissions(folder, std::filesystem::perms::all);
  PENSTOCK_CHECK(WriteFileAtomic(folder / "password", std::string(kPassword).append("\n")).ok());
  Result<Subprocess> made =
      Begin({programs_ / "initdb", "-D", folder / "db", "-U", kUser, "--auth=scram-sha-256",
             "--pwfile=" + (folder / "password").string(), "-E", "UTF8", "--locale=C", "--no-sync"},
            folder / "log", SIGKILL);
  return made.ok() && made->Wait().exit_code == 0;
}

bool PostgresServer::Launch() {
  port_ = FreePort();
  const std::filesystem::path& folder = folder_.path();
  Result<Subprocess> started =
      Begin({programs_ / "postgres", "-D", folder / "db", "-h", "127.0.0.1", "-p",
             std::to_string(port_), "-k", folder, "-c", "fsync=off", "-c", "shared_buffers=16MB"},
            folder / "log", SIGQUIT);
  if (!started.ok()) return false;
  server_.emplace(*std::move(started));
  bool there = false;
  Eventually([&] {
    if (server_->Poll()) return true;
    PGconn* connection = PQsetdbLogin("127.0.0.1", std::to_string(port_).c_str(), nullptr, nullptr,
                                      "postgres", kUser, kPassword);
    there = PQstatus(connection) == CONNECTION_OK;
    PQfinish(connection);
    return there;
  });
  return there;
}

std::string PostgresServer::uri(const std::string& database) const {
  return "postgresql://127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string PostgresServer::Run(const std::string& sql, const std::string& database) const {
  PGconn* connection = PQsetdbLogin("127.0.0.1", std::to_string(port_).c_str(), nullptr, nullptr,
                                    database.c_str(), kUser, kPassword);
  EXPECT_EQ(PQstatus(connection), CONNECTION_OK) << PQerrorMessage(connection);
  PGresult* result = PQexec(connection, sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
      << PQresultErrorMessage(result) << sql;
  std::string value;
  if (status == PGRES_TUPLES_OK && PQntuples(result) > 0) value = PQgetvalue(result, 0, 0);
  PQclear(result);
  PQfinish(connection);
  return value;
}

}  // namespace penstock
