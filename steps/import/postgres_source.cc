// postgresql:// addresses: the rows of one query, in a transaction that only reads, as a dataset.
// The types come from the query's description, the rows from COPY (query) TO STDOUT, which is the
// fastest way out of PostgreSQL and takes no memory here.

#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "base/address.h"
#include "base/file.h"
#include "base/text.h"
#include "steps/http/network.h"
#include "steps/import/postgres_connection.h"
#include "steps/import/postgres_rows.h"
#include "steps/import/sources.h"

namespace penstock::importing {
namespace {

constexpr int kConnectAttempts = 4;
constexpr Micros kFirstPause = std::chrono::milliseconds(250);
// Debian's, and those that are like it.
constexpr char kAuthorities[] = "/etc/ssl/certs/ca-certificates.crt";

// The same text for the same value, whatever server and role are set to.
constexpr char kSettings[] =
    "SELECT set_config('DateStyle', 'ISO, YMD', true), set_config('TimeZone', 'UTC', true), "
    "set_config('IntervalStyle', 'iso_8601', true), set_config('bytea_output', 'hex', true), "
    "set_config('extra_float_digits', '1', true)";
// Ends the query soon after this side is gone. Servers before 14 do not know it.
constexpr char kWatchClient[] =
    "SELECT set_config(name, '1000', true) FROM pg_settings "
    "WHERE name = 'client_connection_check_interval'";

class QueryImport {
 public:
  QueryImport(StepContext& context, const Remote& remote) : context_(context), remote_(remote) {}

  Result<StepOutcome> Run() {
    query_ = JsonString(context_.parameters(), "query");
    // One at the end is usual, and would be a second statement inside of COPY's parentheses.
    while (!query_.empty() &&
           (query_.back() == ';' || Trim(query_.substr(query_.size() - 1)).empty())) {
      query_.pop_back();
    }
    if (query_.empty()) return InvalidArgument("with.query is empty; write a SELECT");
    PENSTOCK_ASSIGN_OR_RETURN(PostgresConnection connection, Connect());
    const Status status = Read(connection);
    if (!status.ok()) return status.code() == StatusCode::kCancelled ? status : Named(status);
    context_.Log("imported " + remote_.shown + ": " + std::to_string(rows_) + " rows, " +
                 FormatSize(bytes_) + " as text");
    StepOutcome outcome;
    outcome.outputs.push_back({"data", context_.output_dir() / "data", ArtifactType::kDataset});
    outcome.metrics["files"] = 0;
    outcome.metrics["bytes"] = static_cast<double>(bytes_);
    outcome.metrics["rows"] = static_cast<double>(rows_);
    return outcome;
  }

 private:
  Status Named(const Status& status) const { return status.WithContext(remote_.shown); }

  std::string SslMode() const {
    if (const auto at = remote_.address.query.find('='); at != std::string::npos) {
      return remote_.address.query.substr(at + 1);
    }
    return IsLoopbackHost(remote_.address.host) ? "prefer" : "verify-full";
  }

  Result<PostgresLogin> FindServer() {
    PENSTOCK_ASSIGN_OR_RETURN(const Reach reach, CheckAllowed(remote_.rules, remote_.shown));
    PostgresLogin login;
    login.host = remote_.address.host;
    login.port = remote_.address.port;
    login.database = remote_.address.path;
    login.user = JsonString(context_.parameters(), "user");
    login.password = JsonString(context_.parameters(), "password");
    login.sslmode = SslMode();
    if (login.sslmode.starts_with("verify")) {
      login.sslrootcert = remote_.ca.empty() ? kAuthorities : remote_.ca;
    }
    PENSTOCK_ASSIGN_OR_RETURN(const auto addresses,
                              ResolveHost(login.host, [this] { return context_.cancelled(); }));
    for (const std::string& address : addresses) {
      if (MayConnectTo(reach, address)) login.addresses.push_back(address);
    }
    if (login.addresses.empty()) {
      return PermissionDenied(
          "its host has the address " + addresses.front() + ", which is not reached by this rule",
          "ADDRESS_REFUSED");
    }
    return login;
  }

  // Tried again while nobody answers: a server that is started is soon there.
  Result<PostgresConnection> Connect() {
    Micros pause = kFirstPause;
    for (int attempt = 1;; ++attempt) {
      Result<PostgresLogin> login = FindServer();
      Result<PostgresConnection> opened =
          login.ok() ? PostgresConnection::Open(*login, [this] { return context_.cancelled(); })
                     : login.status();
      if (opened.ok()) return opened;
      const Status& status = opened.status();
      if (status.code() == StatusCode::kCancelled) return status;
      if (status.code() != StatusCode::kUnavailable || attempt == kConnectAttempts) {
        return status.reason() == "SOURCE_NOT_ALLOWED" ? status : Named(status);
      }
      context_.Log(Named(status).message() + "; trying again in " + UnparseDuration(pause));
      const Tick until = Clock::Real().Ticks() + pause;
      while (Clock::Real().Ticks() < until) {
        if (context_.cancelled()) return Cancelled("cancelled");
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
      pause *= 2;
    }
  }

  static Status CheckColumns(const std::vector<PostgresConnection::ResultColumn>& columns) {
    if (columns.empty()) return InvalidArgument("the query gives no columns; write a SELECT");
    std::set<std::string> names;
    for (const auto& [name, type] : columns) {
      if (name.empty())
        return InvalidArgument("a column of the query has no name; give it one: AS x");
      if (!names.insert(name).second) {
        return InvalidArgument("two columns of the query are called \"" + name +
                               "\"; name them apart with AS");
      }
    }
    return Status::Ok();
  }

  Status Read(PostgresConnection& connection) {
    // What runs in it sees one state of the database and changes none: it is never committed.
    PENSTOCK_RETURN_IF_ERROR(
        connection.Run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"));
    PENSTOCK_RETURN_IF_ERROR(connection.Run(kSettings));
    PENSTOCK_RETURN_IF_ERROR(connection.Run(kWatchClient));
    // A statement that stands for itself here cannot leave the parentheses below.
    PENSTOCK_ASSIGN_OR_RETURN(const auto columns, connection.Describe(query_));
    PENSTOCK_RETURN_IF_ERROR(CheckColumns(columns));
    const std::filesystem::path folder = context_.output_dir() / "data";
    PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
    TableOptions options;
    options.threads = context_.threads();
    options.memory_bytes = context_.memory_bytes() / 4;
    options.cancelled = [this] { return context_.cancelled(); };
    options.scratch = context_.scratch_dir();
    RowWriter writer(columns, folder, context_.scratch_dir(), options);
    const auto add = [&](std::string_view line) -> Status {
      bytes_ += static_cast<int64_t>(line.size()) + 1;
      if (bytes_ > remote_.max_bytes) {
        return InvalidArgument("the query's rows are larger than " + FormatSize(remote_.max_bytes) +
                                   "; raise with.max_size of the import step, or read less",
                               "IMPORT_TOO_LARGE");
      }
      PENSTOCK_RETURN_IF_ERROR(writer.Add(line));
      if (writer.rows() % 100'000 == 0) {
        context_.SetProgress(0, std::to_string(writer.rows()) + " rows");
      }
      return Status::Ok();
    };
    // The end of line ends a comment at the query's end.
    PENSTOCK_RETURN_IF_ERROR(connection.Copy("COPY (" + query_ + "\n) TO STDOUT", add));
    rows_ = writer.rows();
    return writer.Finish();
  }

  StepContext& context_;
  const Remote& remote_;
  std::string query_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace

Result<StepOutcome> ImportPostgres(StepContext& context, const Remote& remote) {
  return QueryImport(context, remote).Run();
}

}  // namespace penstock::importing
