#include "worker/agent/gpus.h"

#include <dlfcn.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"

namespace penstock {
namespace {

// NVML's ABI, as its reference manual has it: functions that return 0 or an error, handles that are
// pointers. https://docs.nvidia.com/deploy/nvml-api
using NvmlReturn = int;
using NvmlDevice = void*;
struct NvmlMemory {
  unsigned long long total = 0;  // NOLINT(google-runtime-int): the ABI's
  unsigned long long free = 0;   // NOLINT(google-runtime-int)
  unsigned long long used = 0;   // NOLINT(google-runtime-int)
};
constexpr NvmlReturn kNvmlSuccess = 0;
constexpr unsigned kNvmlTextBytes = 96;

struct Unload {
  void operator()(void* library) const { dlclose(library); }
};

// The functions that are used, while the library is loaded.
class Nvml {
 public:
  static Result<std::unique_ptr<Nvml>> Load(const std::string& library) {
    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return NotFound(std::string(dlerror()));
    std::unique_ptr<Nvml> nvml(new Nvml(handle));
    const bool whole = nvml->Bind(nvml->init_, "nvmlInit_v2") &&
                       nvml->Bind(nvml->shutdown_, "nvmlShutdown") &&
                       nvml->Bind(nvml->count_, "nvmlDeviceGetCount_v2") &&
                       nvml->Bind(nvml->device_, "nvmlDeviceGetHandleByIndex_v2") &&
                       nvml->Bind(nvml->name_, "nvmlDeviceGetName") &&
                       nvml->Bind(nvml->uuid_, "nvmlDeviceGetUUID") &&
                       nvml->Bind(nvml->memory_, "nvmlDeviceGetMemoryInfo") &&
                       nvml->Bind(nvml->error_, "nvmlErrorString");
    if (!whole) return Unavailable(library + " lacks " + nvml->lacking_);
    PENSTOCK_RETURN_IF_ERROR(nvml->Judge(nvml->init_(), "nvmlInit_v2"));
    nvml->running_ = true;
    return nvml;
  }
  ~Nvml() {
    if (running_) shutdown_();
  }

  Result<std::vector<Gpu>> List() const {
    unsigned count = 0;
    PENSTOCK_RETURN_IF_ERROR(Judge(count_(&count), "nvmlDeviceGetCount_v2"));
    std::vector<Gpu> gpus;
    for (unsigned i = 0; i < count; ++i) {
      Result<Gpu> gpu = Describe(i);
      // One that has fallen off its bus does not take the others with it.
      if (gpu.ok()) {
        gpus.push_back(*std::move(gpu));
      } else {
        LOG_WARN("GPU {} is left out: {}", i, gpu.status());
      }
    }
    return gpus;
  }

 private:
  explicit Nvml(void* handle) : handle_(handle) {}

  template <typename Function>
  bool Bind(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(dlsym(handle_.get(), name));
    if (function == nullptr) lacking_ = name;
    return function != nullptr;
  }

  Status Judge(NvmlReturn result, const char* call) const {
    if (result == kNvmlSuccess) return Status::Ok();
    const char* text = error_(result);
    return Unavailable(std::string(call) + ": " + (text != nullptr ? text : "failed"));
  }

  Result<Gpu> Describe(unsigned index) const {
    NvmlDevice device = nullptr;
    PENSTOCK_RETURN_IF_ERROR(Judge(device_(index, &device), "nvmlDeviceGetHandleByIndex_v2"));
    char name[kNvmlTextBytes] = {};
    char uuid[kNvmlTextBytes] = {};
    NvmlMemory memory;
    PENSTOCK_RETURN_IF_ERROR(Judge(uuid_(device, uuid, sizeof uuid), "nvmlDeviceGetUUID"));
    PENSTOCK_RETURN_IF_ERROR(Judge(name_(device, name, sizeof name), "nvmlDeviceGetName"));
    PENSTOCK_RETURN_IF_ERROR(Judge(memory_(device, &memory), "nvmlDeviceGetMemoryInfo"));
    return Gpu{.visible = uuid, .name = name, .memory = static_cast<int64_t>(memory.total)};
  }

  std::unique_ptr<void, Unload> handle_;
  const char* lacking_ = "";
  bool running_ = false;
  NvmlReturn (*init_)() = nullptr;
  NvmlReturn (*shutdown_)() = nullptr;
  NvmlReturn (*count_)(unsigned*) = nullptr;
  NvmlReturn (*device_)(unsigned, NvmlDevice*) = nullptr;
  NvmlReturn (*name_)(NvmlDevice, char*, unsigned) = nullptr;
  NvmlReturn (*uuid_)(NvmlDevice, char*, unsigned) = nullptr;
  NvmlReturn (*memory_)(NvmlDevice, NvmlMemory*) = nullptr;
  const char* (*error_)(NvmlReturn) = nullptr;
};

// The one that an entry of CUDA_VISIBLE_DEVICES stands for; nullopt where it names none.
std::optional<Gpu> Resolve(const std::string& entry, const GpuOffer& offer) {
  const std::vector<Gpu>& found = offer.found;
  Gpu gpu{.visible = entry};
  if (entry.starts_with("MIG-")) return gpu;  // a part of one
  if (entry.starts_with("GPU-")) {
    if (found.empty()) return gpu;
    for (const Gpu& each : found) {  // the beginning of a UUID is enough
      if (each.visible.starts_with(entry)) return each;
    }
    return std::nullopt;
  }
  unsigned index = 0;
  const char* end = entry.data() + entry.size();
  const auto [stop, error] = std::from_chars(entry.data(), end, index);
  if (error != std::errc() || stop != end || entry.empty()) return std::nullopt;
  if (found.empty()) return gpu;
  if (index >= found.size()) return std::nullopt;
  // The index stays what the environment calls it: CUDA may count otherwise than NVML.
  const bool alike = std::all_of(found.begin(), found.end(), [&](const Gpu& each) {
    return each.name == found.front().name && each.memory == found.front().memory;
  });
  if (alike || offer.device_order == "PCI_BUS_ID") {
    gpu.name = found[index].name;
    gpu.memory = found[index].memory;
  }
  return gpu;
}

std::vector<Gpu> VisibleGpus(const GpuOffer& offer) {
  if (!offer.visible) return offer.found;
  std::vector<Gpu> visible;
  for (const std::string& text : Split(*offer.visible, ',')) {
    const std::optional<Gpu> gpu = Resolve(std::string(Trim(text)), offer);
    if (!gpu) break;
    const bool twice = std::any_of(visible.begin(), visible.end(),
                                   [&](const Gpu& each) { return each.visible == gpu->visible; });
    if (!twice) visible.push_back(*gpu);
  }
  return visible;
}

}  // namespace

Result<std::vector<Gpu>> FindGpus(const std::string& library) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<Nvml> nvml, Nvml::Load(library));
  return nvml->List();
}

Result<std::vector<Gpu>> OfferedGpus(const GpuOffer& offer) {
  // A variable alone makes no GPU.
  if (offer.declared < 0 && offer.found.empty()) return std::vector<Gpu>();
  std::vector<Gpu> gpus = VisibleGpus(offer);
  if (offer.declared < 0) return gpus;
  const auto declared = static_cast<std::size_t>(offer.declared);
  if (offer.found.empty() && !offer.visible) {
    for (std::size_t i = gpus.size(); i < declared; ++i) gpus.push_back({std::to_string(i)});
  }
  if (declared > gpus.size()) {
    return InvalidArgument("gpus: " + std::to_string(declared) +
                           " are declared, and this node has " + std::to_string(gpus.size()) +
                           (offer.visible ? " in the worker's CUDA_VISIBLE_DEVICES" : "") +
                           "; leave it out to offer what is there");
  }
  gpus.resize(declared);
  return gpus;
}

std::size_t GpuLedger::free() const {
  return static_cast<std::size_t>(std::count(taken_.begin(), taken_.end(), false));
}

std::vector<int> GpuLedger::Take(std::size_t count) {
  std::vector<int> indices;
  for (std::size_t i = 0; i < taken_.size() && indices.size() < count; ++i) {
    if (taken_[i]) continue;
    taken_[i] = true;
    indices.push_back(static_cast<int>(i));
  }
  PENSTOCK_CHECK(indices.size() == count);
  return indices;
}

void GpuLedger::Give(const std::vector<int>& indices) {
  for (const int index : indices) {
    PENSTOCK_CHECK(taken_.at(static_cast<std::size_t>(index)));
    taken_[static_cast<std::size_t>(index)] = false;
  }
}

}  // namespace penstock
