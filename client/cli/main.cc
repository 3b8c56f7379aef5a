// penstock: the command line client.

#include <exception>
#include <iostream>

#include "base/text.h"
#include "client/cli/cli.h"
#include "client/cli/completion.h"
#include "client/cli/step_commands.h"

namespace penstock::cli {
namespace {

constexpr char kFooter[] =
    "Results go to stdout, messages to stderr. Exit codes: 0 done, 1 the work failed, 2 wrong "
    "use,\n"
    "3 the coordinator cannot be reached, 4 refused.\n"
    "\n"
    "Start here:\n"
    "  penstock dev                                   a coordinator and a worker on this machine\n"
    "  penstock run -f pipeline.yaml -p data=@rows.csv --follow\n"
    "  penstock get runs\n"
    "  penstock describe step train/xgboost           what a step takes and gives\n";

// The deepest command that was named.
const CLI::App& Deepest(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

// The word in the place of a command that is none, with the nearest; empty where that is not what
// is wrong.
std::string NoSuchCommand(const CLI::App& app) {
  const CLI::App& at = Deepest(app);
  std::vector<std::string> names;
  for (const CLI::App* command : at.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  if (names.empty()) return {};
  for (const std::string& word : app.remaining(true)) {
    if (word.starts_with('-')) return {};
    return "\"" + word + "\" is no command" + Suggestion(word, names);
  }
  return {};
}

int ExitParse(const CLI::App& app, const CLI::ParseError& error) {
  const bool wrong = error.get_exit_code() != static_cast<int>(CLI::ExitCodes::Success);
  if (const std::string message = wrong ? NoSuchCommand(app) : ""; !message.empty()) {
    return Fail(WrongUse(message));
  }
  return app.exit(error) == 0 ? kDone : kWrongUse;
}

int Main(int argc, char** argv) {
  CLI::App app("Penstock: pipelines from data to a registered model, on your own machines.",
               "penstock");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string("penstock ") + PENSTOCK_VERSION);
  Cli cli;
  app.add_option("--address", cli.options.address, "the coordinator, host:port")
      ->envname("PENSTOCK_ADDRESS")
      ->capture_default_str();
  app.add_option("--token", cli.options.token, "bearer token (better: PENSTOCK_TOKEN)")
      ->envname("PENSTOCK_TOKEN");
  app.add_option("--tls-ca", cli.options.tls_ca,
                 "certificate to trust; a coordinator with TLS needs it")
      ->envname("PENSTOCK_TLS_CA");
  AddPipelineCommands(app, cli);
  AddRunCommands(app, cli);
  AddRerunCommands(app, cli);
  AddRerunCommand(app, cli);
  AddBackfillCommand(app, cli);
  AddGetCommands(app, cli);
  AddDescribeCommands(app, cli);
  AddModelCommands(app, cli);
  AddArtifactCommands(app, cli);
  AddStepCommands(app, cli);
  AddWorkerCommands(app, cli);
  AddSecretCommands(app, cli);
  AddDevCommand(app, cli);
  AddAdminCommands(app, cli);
  AddCompletionCommand(app, cli);
  // Last: what is added later would take it over.
  app.footer(kFooter);
  if (argc > 1 && std::string_view(argv[1]) == kCompleteCommand) {
    return Complete(app, cli, std::vector<std::string>(argv + 2, argv + argc));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ExitParse(app, error);
  }
  return cli.exit_code;
}

}  // namespace
}  // namespace penstock::cli

int main(int argc, char** argv) {
  try {
    return penstock::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return penstock::cli::kWorkFailed;
  }
}
