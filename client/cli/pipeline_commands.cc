// validate, apply, delete.

#include <cerrno>
#include <cstring>
#include <filesystem>
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

struct Definition {
  std::string file;
  std::string text;
};

// The files that can be read; names the others, and `code` is then what they mean.
std::vector<Definition> ReadAll(const std::vector<std::string>& files, int* code) {
  std::vector<Definition> definitions;
  for (const std::string& file : files) {
    Result<std::string> text = ReadDefinition(file);
    if (text.ok()) {
      definitions.push_back({file, *std::move(text)});
    } else {
      *code = Fail(text.status());
    }
  }
  return definitions;
}

// Asks the server about each; prints every problem of every file. Whether all are valid.
Result<bool> JudgeAll(Connection& connection, const std::vector<Definition>& definitions) {
  bool valid = true;
  for (const Definition& definition : definitions) {
    pb::ValidatePipelineRequest request;
    request.mutable_definition()->set_text(definition.text);
    PENSTOCK_ASSIGN_OR_RETURN(
        const pb::ValidatePipelineResponse answer,
        connection.Call(connection.pipelines(), &pb::PipelineService::Stub::ValidatePipeline,
                        request));
    if (answer.valid()) continue;
    valid = false;
    std::vector<Problem> problems;
    for (const pb::Problem& problem : answer.problems()) problems.push_back(ToProblem(problem));
    Fail(InvalidArgument(definition.file + ": the definition is wrong")
             .WithProblems(std::move(problems)));
  }
  return valid;
}

// Judges all before it stores any: a wrong one among many changes nothing.
Result<int> Apply(Connection& connection, const std::vector<std::string>& files) {
  int code = kDone;
  std::vector<Definition> definitions = ReadAll(files, &code);
  if (files.size() > 1) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool valid, JudgeAll(connection, definitions));
    if (!valid) code = kRefused;
    if (code != kDone) std::cerr << "nothing was registered\n";
  }
  if (code != kDone) return code;
  for (Definition& definition : definitions) {
    pb::RegisterPipelineRequest request;
    request.mutable_definition()->set_text(std::move(definition.text));
    Result<pb::RegisterPipelineResponse> answer = connection.Call(
        connection.pipelines(), &pb::PipelineService::Stub::RegisterPipeline, request);
    if (!answer.ok()) return answer.status().WithContext(definition.file);
    PrintWarnings(answer->warnings(), definition.file);
    std::cout << "pipeline " << answer->pipeline().name() << "@" << answer->pipeline().version()
              << (answer->created() ? " created" : " unchanged") << "\n";
  }
  return kDone;
}

Result<int> DeletePipeline(Connection& connection, const std::string& name) {
  pb::DeletePipelineRequest request;
  request.set_name(name);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::DeletePipelineResponse deleted,
      connection.Call(connection.pipelines(), &pb::PipelineService::Stub::DeletePipeline, request));
  static_cast<void>(deleted);
  std::cerr << "pipeline " << name << " deleted; its runs and models stay\n";
  return kDone;
}

Result<int> DeleteSecret(Connection& connection, const std::string& name) {
  pb::DeleteSecretRequest request;
  request.set_name(name);
  PENSTOCK_ASSIGN_OR_RETURN(
      const pb::DeleteSecretResponse deleted,
      connection.Call(connection.secrets(), &pb::SecretService::Stub::DeleteSecret, request));
  static_cast<void>(deleted);
  std::cerr << "secret " << name << " deleted; steps that name it fail from now on\n";
  return kDone;
}

}  // namespace

Result<std::string> ReadDefinition(const std::string& path) {
  if (path == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  }
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return WrongUse("the definition " + path +
                    " is a folder; name the file in it, or several with "
                    "-f each");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return WrongUse("the definition " + path + " cannot be read: " + std::strerror(errno));
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void PrintWarnings(const google::protobuf::RepeatedPtrField<pb::Problem>& warnings,
                   const std::string& file) {
  for (const pb::Problem& warning : warnings) {
    std::cerr << (file.empty() ? "" : file + ": ") << "warning: " << warning.path()
              << (warning.path().empty() ? "" : ": ") << warning.message() << "\n";
  }
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

  CLI::App* remove =
      app.add_subcommand("delete", "take a pipeline out of the lists, or forget a secret");
  auto kind = std::make_shared<std::string>();
  auto name = std::make_shared<std::string>();
  remove->add_option("kind", *kind, "what it is")->required()->type_name("pipeline|secret");
  remove->add_option("name", *name, "its name; of a pipeline all versions go")->required();
  remove->callback(cli.Command([kind, name](Connection& connection) -> Result<int> {
    if (*kind == "pipeline" || *kind == "pipelines") return DeletePipeline(connection, *name);
    if (*kind == "secret" || *kind == "secrets") return DeleteSecret(connection, *name);
    return WrongUse("\"" + *kind + "\" cannot be deleted; a pipeline or a secret can");
  }));
}

}  // namespace penstock::cli
