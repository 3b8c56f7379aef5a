#ifndef PENSTOCK_STEPS_XGB_CALL_H_
#define PENSTOCK_STEPS_XGB_CALL_H_

// Turning the C library's answers into Status. Used inside this folder only.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace penstock::xgb {

// OK for 0; else what the library says, without the stack trace that it appends. `what` says what
// was tried: "cannot train".
Status Check(int return_code, std::string_view what);

// The array interface's text for `count` values, or rows × columns of them when `columns` > 0.
// `type` is NumPy's: "<f4", "<u4", "<i8".
std::string ArrayInterface(const void* data, std::string_view type, int64_t rows, int64_t columns);

}  // namespace penstock::xgb

#endif  // PENSTOCK_STEPS_XGB_CALL_H_
