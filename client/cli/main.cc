// penstock: the command line client.

#include <unistd.h>

#include <exception>
#include <iostream>

#include "base/log.h"
#include "client/cli/cli.h"

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

int Main(int argc, char** argv) {
  CLI::App app("Penstock: pipelines from data to a registered model, on your own machines.",
               "penstock");
  app.footer(kFooter);
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
  AddGetCommands(app, cli);
  AddDescribeCommands(app, cli);
  AddModelCommands(app, cli);
  AddArtifactCommands(app, cli);
  AddDevCommand(app, cli);
  AddAdminCommands(app, cli);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kDone : kWrongUse;
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
