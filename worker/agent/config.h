#ifndef PENSTOCK_WORKER_AGENT_CONFIG_H_
#define PENSTOCK_WORKER_AGENT_CONFIG_H_

// The worker's settings: one struct, made once at start (worker/config.h reads it), immutable
// after.

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "worker/agent/gpus.h"

namespace penstock {

struct WorkerConfig {
  std::string coordinator = "127.0.0.1:7070";
  std::string name;  // default: the host's
  std::string data_dir = "/var/lib/penstock-worker";
  double cpus = 0;           // 0: what the machine has
  int64_t memory = 0;        // bytes; 0: what the machine has
  int gpus = -1;             // how many are offered; -1: those that are found
  std::vector<Gpu> devices;  // those, found at start
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> taints;
  std::vector<std::string> data_roots;
  std::vector<std::string> data_sources;  // rules of source_address.h
  std::string data_ca;                    // PEM: whom the TLS of data sources is trusted by, besides
  // Where other nodes reach what listens here; default: the host's name, or 127.0.0.1 where the
  // coordinator is on this machine.
  std::string address;
  // Ports that ranks of steps on several nodes listen on. Workers on one host need ranges of their
  // own.
  int first_port = 29'500;
  int port_count = 100;
  std::string token;
  std::string tls_ca;
  std::string log_level = "info";
  bool log_json = false;
  Micros drain_timeout = std::chrono::seconds(30);
  Micros kill_grace = std::chrono::seconds(5);
  // auto: scripts run in bubblewrap where it works here; none: as plain processes.
  std::string isolation = "auto";
  std::string bubblewrap;  // its path, found at start; empty: none
  // What steps compute with, found at start: by step, name and version.
  std::map<std::string, std::map<std::string, std::string>> libraries;
  // auto: images of scripts run in podman or docker, where one works here; none: not here.
  std::string containers = "auto";
  std::string container_engine;             // its path, found at start; empty: none
  int64_t cache_bytes = int64_t{10} << 30;  // of artifacts that are kept for the next step
  std::string faults;
  std::string faults_report;

  // Fills in what the machine decides, and judges the rest. kInvalidArgument names the setting.
  // Data roots become what they are without links.
  Status Complete();
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_CONFIG_H_
