#ifndef PENSTOCK_STEPS_TABLE_LIBRARY_H_
#define PENSTOCK_STEPS_TABLE_LIBRARY_H_

#include <string>

namespace penstock {

// Version of the library that reads and writes tables: "v1.1.3".
std::string TableLibraryVersion();

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_LIBRARY_H_
