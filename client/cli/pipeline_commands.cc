// validate, apply, delete.

#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "client/cli/cli.h"
#include "client/cli/names.h"
#include "server/definition/definition.h"

namespace penstock::cli {
namespace {

// Checks files against this program's own catalogue; no server is asked.
int Validate(const std::vector<std::string>& files) {
  int code = kDone;
  for (const std::string& file : files) {
    const Result<std::string> text = ReadDefinition(file);
    if (!text.ok()) {
      code = Fail(text.status());
      continue;
    }
    const Result<CheckedDefinition> checked = CheckDefinitionText(*text, Catalog::BuiltIn());
    if (!checked.ok()) {
      Fail(checked.status().WithContext(file));
      code = kRefused;
      continue;
    }
    for (const Problem& warning : checked->warnings) {
      std::cerr << file << ": warning: " << warning.path << ": " << warning.message << "\n";
    }
    std::cout << file << ": pipeline " << checked->spec.name << " is valid, "
              << checked->spec.steps.size() << " steps\n";
  }
  return code;
}

Result<int> Apply(Connection& connection, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    PENSTOCK_ASSIGN_OR_RETURN(std::string text, ReadDefinition(file));
    pb::RegisterPipelineRequest request;
    request.mutable_definition()->set_text(std::move(text));
    Result<pb::RegisterPipelineResponse> answer = connection.Call(
        connection.pipelines(), &pb::PipelineService::Stub::RegisterPipeline, request);
    if (!answer.ok()) return answer.status().WithContext(file);
    for (const pb::Problem& warning : answer->warnings()) {
      std::cerr << file << ": warning: " << warning.path() << ": " << warning.message() << "\n";
    }
    std::cout << "pipeline " << answer->pipeline().name() << "@" << answer->pipeline().version()
              << (answer->created() ? " created" : " unchanged") << "\n";
  }
  return kDone;
}

}  // namespace

Result<std::string> ReadDefinition(const std::string& path) {
  if (path == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return WrongUse("the definition " + path + " cannot be read: there is no such file");
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void AddPipelineCommands(CLI::App& app, Cli& cli) {
  auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* validate = app.add_subcommand("validate", "check definitions, without a server");
  validate->add_option("-f,--file", *files, "YAML or JSON; - reads standard input")->required();
  validate->callback([files, &cli] { cli.exit_code = Validate(*files); });

  CLI::App* apply = app.add_subcommand("apply", "register definitions; an unchanged one stays");
  apply->add_option("-f,--file", *files, "YAML or JSON; - reads standard input")->required();
  apply->callback(
      cli.Command([files](Connection& connection) { return Apply(connection, *files); }));

  CLI::App* remove = app.add_subcommand("delete", "take a pipeline out of the lists");
  auto kind = std::make_shared<std::string>();
  auto name = std::make_shared<std::string>();
  remove->add_option("kind", *kind, "pipeline")->required();
  remove->add_option("name", *name)->required();
  remove->callback(cli.Command([kind, name](Connection& connection) -> Result<int> {
    if (*kind != "pipeline" && *kind != "pipelines") {
      return WrongUse("\"" + *kind + "\" cannot be deleted; a pipeline can");
    }
    pb::DeletePipelineRequest request;
    request.set_name(*name);
    PENSTOCK_ASSIGN_OR_RETURN(const pb::DeletePipelineResponse deleted,
                              connection.Call(connection.pipelines(),
                                              &pb::PipelineService::Stub::DeletePipeline, request));
    static_cast<void>(deleted);
    std::cerr << "pipeline " << *name << " deleted; its runs and models stay\n";
    return kDone;
  }));
}

}  // namespace penstock::cli
