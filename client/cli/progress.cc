#include "client/cli/progress.h"

#include <algorithm>
#include <cstdio>

#include "client/cli/output.h"

namespace penstock::cli {
namespace {

// Nobody needs the seconds of an hour.
std::string Roughly(Micros left) {
  const double seconds = std::max(1.0, static_cast<double>(left.count()) / 1e6);
  char text[32];
  if (seconds < 100) {
    std::snprintf(text, sizeof text, "%.0f s", seconds);
  } else if (seconds < 100 * 60) {
    std::snprintf(text, sizeof text, "%.0f min", seconds / 60);
  } else {
    std::snprintf(text, sizeof text, "%.0f h", seconds / 3600);
  }
  return text;
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
    if (left > Micros(0)) text += ", about " + Roughly(left) + " left";
  }
  if (!step.progress_note().empty()) text += (text.empty() ? "" : "  ") + step.progress_note();
  return text;
}

}  // namespace penstock::cli
