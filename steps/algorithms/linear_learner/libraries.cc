#include <dlfcn.h>

#include <Eigen/Core>

#include "steps/algorithms/linear_learner/linear_learner.h"

namespace penstock {

std::map<std::string, std::string> LinearAlgebraVersions() {
  std::map<std::string, std::string> versions;
  versions["eigen"] = std::to_string(EIGEN_WORLD_VERSION) + "." +
                      std::to_string(EIGEN_MAJOR_VERSION) + "." +
                      std::to_string(EIGEN_MINOR_VERSION);
  // Asked for by name: another BLAS than OpenBLAS has no such function. What it answers names the
  // code that it chose for this processor.
  using Describe = char* (*)();
  if (void* symbol = dlsym(RTLD_DEFAULT, "openblas_get_config"); symbol != nullptr) {
    versions["blas"] = reinterpret_cast<Describe>(symbol)();
  }
  return versions;
}

}  // namespace penstock
