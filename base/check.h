#ifndef PENSTOCK_BASE_CHECK_H_
#define PENSTOCK_BASE_CHECK_H_

// PENSTOCK_CHECK(condition): for what cannot happen. A false condition is logged and the process
// aborts: a restart is cheap, tested, and safer than going on. Never for input.

namespace penstock {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace penstock

#define PENSTOCK_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::penstock::CheckFailed(__FILE__, __LINE__, #condition))

#endif  // PENSTOCK_BASE_CHECK_H_
