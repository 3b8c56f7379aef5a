#ifndef PENSTOCK_SERVER_VERSION_H_
#define PENSTOCK_SERVER_VERSION_H_

namespace penstock {

// Of the program; PENSTOCK_VERSION comes from the build.
inline constexpr const char* kVersion = PENSTOCK_VERSION;

}  // namespace penstock

#endif  // PENSTOCK_SERVER_VERSION_H_
