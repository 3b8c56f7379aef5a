#ifndef PENSTOCK_STEPS_PROFILE_MARKUP_H_
#define PENSTOCK_STEPS_PROFILE_MARKUP_H_

// Pieces of the page: texts and numbers as HTML, and plots as SVG. Pure functions.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "steps/profile/summary.h"

namespace penstock {

// Text that comes from data, safe in elements and in quoted attributes. What is no UTF-8, and
// control characters, become U+FFFD.
std::string Escape(std::string_view text);
// The same, cut at `max_bytes`, in an element that keeps right-to-left text to itself.
std::string Isolated(std::string_view text, std::size_t max_bytes = 120);

// "32 561", with narrow blanks that do not break.
std::string Count(int64_t count);
// Five significant digits, and all of those before the point; "–" for what is not defined.
std::string Figure(double value);
// "12.5 %"; "–" for none of none.
std::string Percentage(int64_t count, int64_t all);

// Bars of a histogram above a box from the lower to the upper quartile with the median.
// `label`: what it shows, for those who do not see it; escaped here.
std::string HistogramSvg(const NumberSummary& numbers, std::string_view label);
// A table of at most `most` values, each with a bar, its count and its share of `all`, in a box
// that scrolls. `caption` and `heading` are markup; `label` names the box, and is escaped here.
std::string CountTable(const std::vector<TopValue>& values, std::size_t most, int64_t all,
                       const std::string& caption, const std::string& heading,
                       std::string_view label);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_MARKUP_H_
