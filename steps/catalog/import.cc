// The schema of import.

#include "base/text.h"
#include "steps/catalog/builtin.h"
#include "storage/model/source_address.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

ParameterSchema Secret(std::string name, std::string help) {
  return {
      .name = std::move(name), .kind = Kind::kString, .help = std::move(help), .nullable = true};
}

std::vector<ParameterSchema> Parameters() {
  return {
      {.name = "uri",
       .kind = Kind::kString,
       .help = "https://host/path, s3://bucket/key, s3://bucket/prefix/ or "
               "postgresql://host:port/database?sslmode=…; without user, password or signature.",
       .required = true,
       .minimum = 1,
       .maximum = 4096},
      {.name = "headers",
       .kind = Kind::kMap,
       .help = "http(s): headers of the request, by name; may name secrets. They do not go along "
               "when the server sends the request on to another one.",
       .default_value = Json::object(),
       .element = std::make_shared<ParameterSchema>(
           ParameterSchema{.name = "value", .kind = Kind::kString})},
      {.name = "endpoint",
       .kind = Kind::kString,
       .help = "s3: the address of a store that is not Amazon's: https://minio.example:9000.",
       .nullable = true},
      {.name = "region",
       .kind = Kind::kString,
       .help = "s3: the bucket's region, as it is signed.",
       .default_value = "us-east-1"},
      {.name = "path_style",
       .kind = Kind::kBoolean,
       .help = "s3: whether the bucket stands in the path instead of the host's name. Left out: "
               "with an `endpoint`, or where the bucket's name has a point.",
       .nullable = true},
      Secret("access_key", "s3: with secret_key, who asks. Left out: nobody, for public buckets."),
      Secret("secret_key", "s3: what requests are signed with (Signature Version 4): a secret."),
      Secret("session_token", "s3: goes with temporary credentials."),
      {.name = "query",
       .kind = Kind::kString,
       .help = "postgresql: one SELECT. It runs in a transaction that may read only.",
       .nullable = true,
       .maximum = 65'536},
      Secret("user", "postgresql: the role."),
      Secret("password", "postgresql: its password: a secret."),
      {.name = "max_size",
       .kind = Kind::kString,
       .help =
           "More than this is not read; of all objects together, and of a query's rows as text.",
       .default_value = "100GiB"},
      {.name = "stall_timeout",
       .kind = Kind::kString,
       .help = "A transfer that brings nothing for so long is broken off, and tried again. A query "
               "may think as long as the step may run.",
       .default_value = "60s"}};
}

bool Given(const Json& parameters, const char* name) {
  const Json& value = JsonMember(parameters, name);
  return !value.is_null() && !(value.is_object() && value.empty());
}

// What belongs to another kind of source is a mistake.
void CheckBelonging(const Json& parameters, const std::string& scheme, const std::string& path,
                    std::vector<Problem>& problems) {
  const auto only_for = [&](const char* name, bool belongs, const char* whose) {
    if (belongs || !Given(parameters, name)) return;
    problems.push_back({path + "." + name, std::string("belongs to ") + whose + " addresses"});
  };
  const bool s3 = scheme == "s3";
  for (const char* name : {"endpoint", "path_style", "access_key", "secret_key", "session_token"}) {
    only_for(name, s3, "s3:");
  }
  for (const char* name : {"query", "user", "password"}) {
    only_for(name, scheme == "postgresql", "postgresql:");
  }
  only_for("headers", scheme == "http" || scheme == "https", "http: and https:");
}

void CheckStore(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  if (Given(parameters, "access_key") != Given(parameters, "secret_key")) {
    problems.push_back({path + ".secret_key", "access_key and secret_key go together"});
  }
  if (Given(parameters, "session_token") && !Given(parameters, "secret_key")) {
    problems.push_back({path + ".session_token", "goes with access_key and secret_key"});
  }
  const Json& region = JsonMember(parameters, "region");
  if (region.is_string() && !HoldsReference(region) && !IsName(region.get<std::string>())) {
    problems.push_back({path + ".region", "is no name of a region, such as eu-central-1"});
  }
  const Json& endpoint = JsonMember(parameters, "endpoint");
  if (!endpoint.is_string() || HoldsReference(endpoint)) return;
  const Result<SourceAddress> address = ParseSourceAddress(endpoint.get<std::string>());
  if (!address.ok()) {
    problems.push_back({path + ".endpoint", address.status().message()});
  } else if ((address->scheme != "http" && address->scheme != "https") || !address->query.empty()) {
    problems.push_back({path + ".endpoint", "must be http:// or https:// and a host"});
  }
}

void CheckSize(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  const Json& size = JsonMember(parameters, "max_size");
  if (!size.is_string() || HoldsReference(size)) return;
  const Result<int64_t> bytes = ParseSize(size.get<std::string>());
  if (!bytes.ok()) {
    problems.push_back({path + ".max_size", bytes.status().message()});
  } else if (*bytes < 1) {
    problems.push_back({path + ".max_size", "must be at least 1 byte"});
  }
}

void CheckDatabase(const Json& parameters, const SourceAddress& address, const std::string& path,
                   std::vector<Problem>& problems) {
  if (!Given(parameters, "query")) {
    problems.push_back({path + ".query", "is missing: a SELECT"});
  }
  if (!Given(parameters, "user")) {
    problems.push_back({path + ".user", "is missing: the role to read as"});
  }
  constexpr std::string_view kMode = "sslmode=";
  if (address.query.empty()) return;
  const std::vector<std::string> modes = {"disable", "prefer", "require", "verify-ca",
                                          "verify-full"};
  const bool mode = address.query.starts_with(kMode);
  const std::string value = mode ? address.query.substr(kMode.size()) : std::string();
  if (mode && std::find(modes.begin(), modes.end(), value) != modes.end()) return;
  problems.push_back({path + ".uri", "of what may stand behind ? there is sslmode alone, as " +
                                         Join(modes, ", ")});
}

void CheckImport(const Json& parameters, const std::string& path, std::vector<Problem>& problems) {
  CheckDuration(parameters, "stall_timeout", path, problems);
  CheckSize(parameters, path, problems);
  const Json& uri = JsonMember(parameters, "uri");
  if (!uri.is_string() || HoldsReference(uri)) return;
  const auto& text = uri.get_ref<const std::string&>();
  if (text.starts_with("file:")) return;
  const Result<SourceAddress> address = ParseSourceAddress(text);
  if (!address.ok()) {
    problems.push_back({path + ".uri", address.status().message()});
    return;
  }
  CheckBelonging(parameters, address->scheme, path, problems);
  if (address->scheme == "s3") CheckStore(parameters, path, problems);
  if (address->scheme == "postgresql") CheckDatabase(parameters, *address, path, problems);
}

}  // namespace

StepSchema ImportSchema() {
  StepSchema schema;
  schema.key = "import";
  schema.version = "1";
  schema.summary = "Reads data from a file, HTTP(S), an S3-compatible store or PostgreSQL.";
  schema.help =
      "Added by the coordinator for each dataset that is named by a file:///, https:// or s3:// "
      "address (-p data=https://…), once a run; written as a step of its own where credentials, an "
      "endpoint or a query are needed. What it reads is never taken from the cache, since the same "
      "address may hold other data by now; what follows is, where the bytes are the same. One "
      "file or object is kept as it came; s3://bucket/prefix/ is a folder, one object a file; a "
      "query's rows become a dataset.\n\n"
      "It runs on a worker whose operator allows the address: its dataRoots for files, its "
      "dataSources for all else, redirects included. Transfers that break are tried again, up to "
      "four times, from where they broke where the server can do that. Answers of 4xx are not.\n\n"
      "PostgreSQL: integers, floats and numeric become numbers of 64 bits (numeric keeps 15 to 17 "
      "digits; cast to text to keep them all; a bigint beyond 2^53 is an error), boolean stays, "
      "date and timestamp become ISO 8601 (with a zone: in UTC), all else text. NULL and NaN are "
      "missing. TLS is verified (sslmode=verify-full) unless the address says otherwise or is "
      "this machine's.";
  schema.parameters = Parameters();
  schema.secrets_in = {"headers", "access_key", "secret_key", "session_token", "user", "password"};
  schema.outputs = {{.name = "data",
                     .type = ArtifactType::kDataset,
                     .help = "The file, the folder, or the query's rows."}};
  schema.metrics = {{"files", "Files or objects that were read."},
                    {"bytes", "Their size together; of a query, of its rows as text."},
                    {"rows", "postgresql: rows of the query."}};
  schema.check = CheckImport;
  // Called for steps that a definition writes out, and not for those that the coordinator adds.
  schema.check_inputs = [](const std::set<std::string>&, const Json& parameters,
                           const std::string& path, std::vector<Problem>& problems) {
    if (!JsonString(parameters, "uri").starts_with("file:")) return;
    problems.push_back(
        {path + ".with.uri",
         "is a file; name it as an input of a step or as a dataset parameter: file:///…"});
  };
  return schema;
}

}  // namespace penstock
