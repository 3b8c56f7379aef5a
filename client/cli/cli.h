#ifndef PENSTOCK_CLIENT_CLI_CLI_H_
#define PENSTOCK_CLIENT_CLI_CLI_H_

// The commands of `penstock`. Each Add… function adds its commands to the parser; a command's
// callback does its work and leaves the exit code in Cli::exit_code.

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "client/cli/connection.h"
#include "client/cli/output.h"

namespace penstock::cli {

struct Cli {
  ConnectionOptions options;
  int exit_code = kDone;

  // Opens the connection on first use.
  Result<Connection*> Connect() {
    if (!connection_) {
      PENSTOCK_ASSIGN_OR_RETURN(connection_, Connection::Open(options));
    }
    return connection_.get();
  }

  // Wraps what a command does: runs `work` with a connection and keeps the exit code.
  std::function<void()> Command(std::function<Result<int>(Connection&)> work) {
    return [this, work = std::move(work)] {
      const Result<Connection*> connection = Connect();
      const Result<int> code =
          connection.ok() ? work(**connection) : Result<int>(connection.status());
      exit_code = code.ok() ? *code : Fail(code.status());
    };
  }

 private:
  std::unique_ptr<Connection> connection_;
};

// Accepts these words alone, in any case; the value becomes the word as it stands here. Options
// that have it show the words as their type, "a|b|c": shell completion offers them.
CLI::Validator OneOf(const std::vector<std::string>& words);

// Adds -o/--output table|json|yaml.
void AddFormat(CLI::App* command, std::shared_ptr<Format> format);

void AddPipelineCommands(CLI::App& app, Cli& cli);  // validate, apply, delete
void AddSecretCommands(CLI::App& app, Cli& cli);    // secret
void AddRunCommands(CLI::App& app, Cli& cli);       // run, cancel, logs
void AddRerunCommands(CLI::App& app, Cli& cli);     // retry, explain, diff
void AddRerunCommand(CLI::App& app, Cli& cli);      // rerun
void AddBackfillCommand(CLI::App& app, Cli& cli);   // backfill
void AddGetCommands(CLI::App& app, Cli& cli);       // get
void AddDescribeCommands(CLI::App& app, Cli& cli);  // describe
void AddModelCommands(CLI::App& app, Cli& cli);     // approve, reject, promote
void AddArtifactCommands(CLI::App& app, Cli& cli);  // artifacts, data
void AddWorkerCommands(CLI::App& app, Cli& cli);    // worker
void AddAdminCommands(CLI::App& app, Cli& cli);     // admin
void AddDevCommand(CLI::App& app, Cli& cli);        // dev

// What `get backfills [ID]` shows.
Result<int> GetBackfills(Connection& connection, const std::string& id, int limit, Format format);
// What `describe run RUN STEP` shows.
Result<int> DescribeRunStep(Connection& connection, const std::string& run, const std::string& step,
                            Format format);

// "ready", "cordoned", "draining", "drained", "stopping" or "gone".
std::string StateOf(const pb::Worker& worker);

// The text of a definition file; "-" reads standard input. WRONG_USE names a file that is not there
// or is a folder.
Result<std::string> ReadDefinition(const std::string& path);

// Prints warnings to stderr, each with the name of the definition's file where that is not empty.
void PrintWarnings(const google::protobuf::RepeatedPtrField<pb::Problem>& warnings,
                   const std::string& file = {});

// The folder of this program: where its sisters penstockd and penstock-worker lie.
std::string ProgramFolder();

}  // namespace penstock::cli

#endif  // PENSTOCK_CLIENT_CLI_CLI_H_
