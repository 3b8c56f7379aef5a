#ifndef PENSTOCK_STEPS_PROFILE_MARKUP_H_
#define PENSTOCK_STEPS_PROFILE_MARKUP_H_

// Pieces of the page: texts and numbers as HTML, and plots as SVG. Pure functions.

#include <cstdint>
#include <string>
#include <string_view>

#include "steps/profile/summary.h"

namespace penstock {

// Text that comes from data, safe in elements and in quoted attributes. What is no UTF-8, and
// control characters, become U+FFFD.
std::string Escape(std::string_view text);
// The same, cut at `max_bytes`, in an element that keeps right-to-left text to itself.
std::string Isolated(std::string_view text, std::size_t max_bytes = 120);

// "32 561", with narrow blanks that do not break.
std::string Count(int64_t count);
// Five significant digits, whole numbers in full; "–" for what is not defined.
std::string Figure(double value);
// "12.5 %"; "–" for none of none.
std::string Percentage(int64_t count, int64_t all);

// Bars of a histogram above a box from the lower to the upper quartile with the median.
// `label`: what it shows, for those who do not see it; escaped here.
std::string HistogramSvg(const NumberSummary& numbers, std::string_view label);
// One horizontal bar of this share of the width; of no meaning of its own.
std::string BarSvg(double share);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_MARKUP_H_
