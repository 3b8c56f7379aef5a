#ifndef PENSTOCK_WORKER_AGENT_GPUS_H_
#define PENSTOCK_WORKER_AGENT_GPUS_H_

// The GPUs of this node: which there are, which of them the worker offers, and who has which.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace penstock {

struct Gpu {
  std::string visible;  // what CUDA_VISIBLE_DEVICES calls it: "GPU-…", "MIG-…" or an index
  std::string name;     // "NVIDIA H100 80GB HBM3"; empty where it is not known
  int64_t memory = 0;   // bytes; 0 where it is not known
};

// What NVML, the driver's library, knows: loaded here, so that nothing is needed to build or run
// without GPUs. In NVML's order, by PCI address. kNotFound: there is no such library (no driver);
// kUnavailable: it does not work, with what it says.
inline constexpr char kNvmlLibrary[] = "libnvidia-ml.so.1";
Result<std::vector<Gpu>> FindGpus(const std::string& library = kNvmlLibrary);

struct GpuOffer {
  std::vector<Gpu> found;
  // The worker's own CUDA_VISIBLE_DEVICES, where it is set: then the node has those alone. As CUDA
  // reads it, what stands behind an entry that names none does not count.
  std::optional<std::string> visible;
  // PCI_BUS_ID: indices in `visible` count as NVML does. Else they may not, and a GPU that an index
  // stands for has a name only where all have the same.
  std::string device_order;
  int declared = -1;  // how many are offered; -1: all
};

// The GPUs that the worker hands out, in order. Where none was found, as many as are declared, by
// index. kInvalidArgument where more are declared than the node has.
Result<std::vector<Gpu>> OfferedGpus(const GpuOffer& offer);

// Who has which GPU. Not thread-safe.
class GpuLedger {
 public:
  explicit GpuLedger(std::size_t count) : taken_(count, false) {}

  std::size_t free() const;
  // The lowest `count` that are free, in order. There must be so many.
  std::vector<int> Take(std::size_t count);
  void Give(const std::vector<int>& indices);

 private:
  std::vector<bool> taken_;
};

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_GPUS_H_
