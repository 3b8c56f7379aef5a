#ifndef PENSTOCK_BASE_BUILD_ID_H_
#define PENSTOCK_BASE_BUILD_ID_H_

#include <string>

namespace penstock {

// What the linker made of the running program's contents (its GNU build id), in hexadecimal: two
// programs with the same id are the same program. Empty where it was linked without one.
std::string BuildId();

}  // namespace penstock

#endif  // PENSTOCK_BASE_BUILD_ID_H_
