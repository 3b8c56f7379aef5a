#include "steps/import/postgres_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "base/subprocess.h"
#include "base/text.h"

namespace penstock::importing {
namespace {

constexpr int kPollMs = 100;
constexpr Micros kConnectTimeout = std::chrono::seconds(30);

// On one line: libpq's messages have several.
std::string OneLine(const char* text) {
  std::string line(Trim(text == nullptr ? "" : text));
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

std::string Field(const PGresult* answer, int field) {
  return OneLine(PQresultErrorField(answer, field));
}

std::string Repeated(const std::string& text, std::size_t times) {
  return Join(std::vector<std::string>(times, text), ",");
}

// Whether it had been reached when it failed.
bool IsReached(ConnStatusType status) {
  return status != CONNECTION_STARTED && status != CONNECTION_MADE && status != CONNECTION_NEEDED &&
         status != CONNECTION_BAD;
}

bool MayPass(const std::string& message) {
  for (const char* passing : {"starting up", "shutting down", "recovery mode", "too many clients",
                              "remaining connection slots"}) {
    if (message.find(passing) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

void PostgresConnection::Close::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

void PostgresConnection::Clear::operator()(pg_result* result) const {
  PQclear(result);
}

Result<PostgresConnection> PostgresConnection::Open(const PostgresLogin& login,
                                                    const std::function<bool()>& cancelled) {
  const std::vector<std::pair<const char*, std::string>> values = {
      // The name is what the certificate is held against, the addresses are where it is sought.
      {"host", Repeated(login.host, login.addresses.size())},
      {"hostaddr", Join(login.addresses, ",")},
      {"port", std::to_string(login.port)},
      {"dbname", login.database},
      {"user", login.user},
      {"password", login.password},
      {"sslmode", login.sslmode},
      {"sslrootcert", login.sslrootcert},
      // Nothing of the worker's own.
      {"passfile", "/dev/null/none"},
      {"gssencmode", "disable"},
      {"application_name", "penstock"},
      {"client_encoding", "UTF8"}};
  for (const std::string& variable : CurrentEnvironment()) {
    // libpq would take from them what is not given.
    if (variable.starts_with("PG")) unsetenv(variable.substr(0, variable.find('=')).c_str());
  }
  std::vector<const char*> names;
  std::vector<const char*> texts;
  for (const auto& [name, value] : values) {
    if (value.empty()) continue;
    names.push_back(name);
    texts.push_back(value.c_str());
  }
  names.push_back(nullptr);
  texts.push_back(nullptr);
  // A database whose name looks like a connection string stays a name.
  PostgresConnection opened(PQconnectStartParams(names.data(), texts.data(), /*expand_dbname=*/0),
                            cancelled);
  if (opened.connection_ == nullptr) return ResourceExhausted("out of memory");
  PENSTOCK_RETURN_IF_ERROR(opened.Connect());
  // Notices would go to stderr, which is the step's log.
  PQsetNoticeProcessor(
      opened.connection_.get(), [](void*, const char*) {}, nullptr);
  PQsetnonblocking(opened.connection_.get(), 1);
  return opened;
}

Status PostgresConnection::Connect() {
  PGconn* connection = connection_.get();
  const Tick until = Clock::Real().Ticks() + kConnectTimeout;
  PostgresPollingStatusType polled = PGRES_POLLING_WRITING;
  while (PQstatus(connection) != CONNECTION_BAD) {
    const ConnStatusType before = PQstatus(connection);
    if (polled != PGRES_POLLING_ACTIVE)
      PENSTOCK_RETURN_IF_ERROR(Wait(polled == PGRES_POLLING_WRITING));
    if (Clock::Real().Ticks() > until) {
      return Unavailable("no connection within " + UnparseDuration(kConnectTimeout));
    }
    polled = PQconnectPoll(connection);
    if (polled == PGRES_POLLING_OK) return Status::Ok();
    if (polled != PGRES_POLLING_FAILED) continue;
    std::string message = OneLine(PQerrorMessage(connection));
    if (!IsReached(before) || MayPass(message)) return Unavailable(std::move(message));
    return FailedPrecondition(std::move(message));
  }
  return FailedPrecondition(OneLine(PQerrorMessage(connection)));
}

// Returns once there is something to do, or a tenth of a second has passed.
Status PostgresConnection::Wait(bool write) {
  if (cancelled_ && cancelled_()) return Cancelled("cancelled");
  pollfd waiting{PQsocket(connection_.get()), static_cast<short>(write ? POLLOUT : POLLIN), 0};
  if (waiting.fd < 0) return Lost();
  poll(&waiting, 1, kPollMs);
  return Status::Ok();
}

Status PostgresConnection::Lost() const {
  return Unavailable("the connection is lost: " + OneLine(PQerrorMessage(connection_.get())));
}

Status PostgresConnection::Send(bool sent) {
  if (!sent) return Lost();
  while (true) {
    const int left = PQflush(connection_.get());
    if (left < 0) return Lost();
    if (left == 0) return Status::Ok();
    PENSTOCK_RETURN_IF_ERROR(Wait(/*write=*/true));
    if (PQconsumeInput(connection_.get()) == 0) return Lost();
  }
}

Result<PostgresConnection::Answer> PostgresConnection::Next() {
  while (PQisBusy(connection_.get()) != 0) {
    PENSTOCK_RETURN_IF_ERROR(Wait(/*write=*/false));
    if (PQconsumeInput(connection_.get()) == 0) return Lost();
  }
  Answer answer(PQgetResult(connection_.get()));
  if (answer != nullptr) PENSTOCK_RETURN_IF_ERROR(ErrorOf(answer.get()));
  return answer;
}

Result<PostgresConnection::Answer> PostgresConnection::Last() {
  Answer last;
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(Answer answer, Next());
    if (answer == nullptr) return last;
    last = std::move(answer);
  }
}

Status PostgresConnection::ErrorOf(const PGresult* answer) {
  const ExecStatusType status = PQresultStatus(answer);
  if (status != PGRES_FATAL_ERROR && status != PGRES_BAD_RESPONSE) return Status::Ok();
  const std::string state = Field(answer, PG_DIAG_SQLSTATE);
  std::string message = Field(answer, PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = OneLine(PQresultErrorMessage(answer));
  for (const int more : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT}) {
    if (const std::string text = Field(answer, more); !text.empty()) message += "; " + text;
  }
  if (const std::string at = Field(answer, PG_DIAG_STATEMENT_POSITION); !at.empty()) {
    message += " (at character " + at + " of the query)";
  }
  if (state.empty() || state.starts_with("08") || state.starts_with("57P")) {
    return Unavailable(std::move(message));
  }
  if (state == "42501" || state.starts_with("28")) return PermissionDenied(std::move(message));
  if (state == "25006") message += "; the query may only read";
  if (state.starts_with("53") || state.starts_with("XX")) return FailedPrecondition(message);
  return InvalidArgument(std::move(message));
}

Status PostgresConnection::Run(const std::string& sql) {
  PENSTOCK_RETURN_IF_ERROR(Send(PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr,
                                                  nullptr, nullptr, nullptr, 0) == 1));
  return Last().status();
}

Result<std::vector<PostgresConnection::ResultColumn>> PostgresConnection::Describe(
    const std::string& sql) {
  PGconn* connection = connection_.get();
  PENSTOCK_RETURN_IF_ERROR(Send(PQsendPrepare(connection, "", sql.c_str(), 0, nullptr) == 1));
  PENSTOCK_RETURN_IF_ERROR(Last().status());
  PENSTOCK_RETURN_IF_ERROR(Send(PQsendDescribePrepared(connection, "") == 1));
  PENSTOCK_ASSIGN_OR_RETURN(const Answer described, Last());
  std::vector<ResultColumn> columns;
  for (int i = 0; described != nullptr && i < PQnfields(described.get()); ++i) {
    columns.push_back({PQfname(described.get(), i), PQftype(described.get(), i)});
  }
  return columns;
}

Status PostgresConnection::Copy(const std::string& sql,
                                const std::function<Status(std::string_view line)>& visit) {
  PGconn* connection = connection_.get();
  PENSTOCK_RETURN_IF_ERROR(Send(
      PQsendQueryParams(connection, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 1));
  PENSTOCK_ASSIGN_OR_RETURN(const Answer begun, Next());
  if (begun == nullptr || PQresultStatus(begun.get()) != PGRES_COPY_OUT) {
    return InvalidArgument("it gives no rows");
  }
  int64_t seen = 0;
  while (true) {
    char* buffer = nullptr;
    const int size = PQgetCopyData(connection, &buffer, /*async=*/1);
    const std::unique_ptr<char, decltype(&PQfreemem)> owned(buffer, PQfreemem);
    if (size == -1) return Last().status();
    if (size == -2) return Lost();
    if (size == 0) {
      PENSTOCK_RETURN_IF_ERROR(Wait(/*write=*/false));
      if (PQconsumeInput(connection) == 0) return Lost();
      continue;
    }
    // Rows that come without a pause are not waited for.
    if (++seen % 4'096 == 0 && cancelled_ && cancelled_()) return Cancelled("cancelled");
    std::string_view line(buffer, static_cast<std::size_t>(size));
    if (line.ends_with('\n')) line.remove_suffix(1);
    PENSTOCK_RETURN_IF_ERROR(visit(line));
  }
}

}  // namespace penstock::importing
