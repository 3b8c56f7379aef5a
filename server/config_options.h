#ifndef PENSTOCK_SERVER_CONFIG_OPTIONS_H_
#define PENSTOCK_SERVER_CONFIG_OPTIONS_H_

// The table of settings: what each is called, how it is read and how it is shown.

#include <string>
#include <vector>

#include "base/status.h"
#include "server/config.h"

namespace penstock {

struct ConfigOption {
  std::string key;         // in the file: "lease.ttl" is `lease: {ttl: …}`
  std::string value_name;  // in --help
  std::string help;
  Status (*set)(ServerConfig& config, const std::string& text);
  std::string (*show)(const ServerConfig& config);  // empty: not set
};

const std::vector<ConfigOption>& ConfigOptions();

std::string FlagName(const std::string& key);      // "lease-ttl"
std::string VariableName(const std::string& key);  // "PENSTOCK_LEASE_TTL"

// Reads the YAML file into `config`. Unknown keys are errors that name the nearest.
Status ApplyConfigFile(const std::string& path, ServerConfig& config);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CONFIG_OPTIONS_H_
