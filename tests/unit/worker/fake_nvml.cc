// A library that exports what NVML does, with two GPUs, for the tests of the path through dlopen.
// FAKE_NVML=no-driver: as on a machine without one. FAKE_NVML=lost: the first GPU does not answer.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr int kOk = 0;
constexpr int kInvalidArgument = 2;
constexpr int kDriverNotLoaded = 9;
constexpr int kGpuIsLost = 15;
int devices[2] = {0, 1};

bool Is(const char* mode) {
  const char* value = std::getenv("FAKE_NVML");  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr && std::string(value) == mode;
}

int Give(const std::string& text, char* buffer, unsigned length) {
  if (text.size() + 1 > length) return kInvalidArgument;
  std::copy_n(text.c_str(), text.size() + 1, buffer);
  return kOk;
}

}  // namespace

extern "C" {

int nvmlInit_v2() {
  return Is("no-driver") ? kDriverNotLoaded : kOk;
}

int nvmlShutdown() {
  return kOk;
}

int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return kOk;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  if (Is("lost") && index == 0) return kGpuIsLost;
  *device = &devices[index];
  return kOk;
}

int nvmlDeviceGetName(void* device, char* name, unsigned length) {
  return Give("Fake GPU " + std::to_string(*static_cast<int*>(device)), name, length);
}

int nvmlDeviceGetUUID(void* device, char* uuid, unsigned length) {
  return Give("GPU-0000-" + std::to_string(*static_cast<int*>(device)), uuid, length);
}

int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* memory) {  // NOLINT: the ABI's
  memory[0] = (1ULL + static_cast<unsigned>(*static_cast<int*>(device))) << 30;
  return kOk;
}

const char* nvmlErrorString(int error) {
  return error == kDriverNotLoaded ? "Driver Not Loaded" : "GPU is lost";
}
}
