#include "client/cli/progress.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/text.h"
#include "client/cli/output.h"

namespace penstock::cli {
namespace {

// Nobody needs the seconds of an hour.
Micros Rounded(Micros left) {
  using std::chrono::minutes;
  using std::chrono::seconds;
  const Micros unit = left >= minutes(10) ? Micros(minutes(1)) : Micros(seconds(1));
  return std::max<Micros>((left + unit / 2) / unit * unit, seconds(1));
}

}  // namespace

std::string ProgressOf(const ::penstock::v1::Step& step, Time now) {
  std::string text;
  if (step.progress() > 0) {
    char percent[16];
    std::snprintf(percent, sizeof percent, "%.0f %%", step.progress() * 100);
    text = percent;
  }
  if (step.has_expected_end()) {
    const Micros left = ToTime(step.expected_end()) - now;
    if (left > Micros(0)) text += ", about " + FormatDuration(Rounded(left)) + " left";
  }
  if (!step.progress_note().empty()) text += (text.empty() ? "" : "  ") + step.progress_note();
  return text;
}

}  // namespace penstock::cli
