#include "steps/profile/markup.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace penstock {
namespace {

constexpr char kUnknownCharacter[] = "\xef\xbf\xbd";
constexpr char kNone[] = "–";

// Coordinates: two digits are finer than a pixel.
std::string At(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string Rect(const char* kind, double x, double y, double width, double height) {
  return "<rect class=\"" + std::string(kind) + "\" x=\"" + At(x) + "\" y=\"" + At(y) +
         "\" width=\"" + At(width) + "\" height=\"" + At(height) + "\"/>";
}

}  // namespace

std::string Escape(std::string_view text) {
  const bool utf8 = IsUtf8(text);
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '&':
        out += "&amp;";
        continue;
      case '<':
        out += "&lt;";
        continue;
      case '>':
        out += "&gt;";
        continue;
      case '"':
        out += "&quot;";
        continue;
      case '\'':
        out += "&#39;";
        continue;
      default:
        break;
    }
    const bool control = (byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7f;
    if (control || (byte >= 0x80 && !utf8)) {
      out += kUnknownCharacter;
    } else {
      out += c;
    }
  }
  return out;
}

std::string Isolated(std::string_view text, std::size_t max_bytes) {
  const bool cut = text.size() > max_bytes;
  return "<bdi>" + Escape(cut ? TruncateUtf8(text, max_bytes) : std::string(text)) +
         (cut ? "…" : "") + "</bdi>";
}

std::string Count(int64_t count) {
  const std::string digits = std::to_string(count);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const std::size_t left = digits.size() - i;
    if (i > 0 && left % 3 == 0 && digits[i - 1] != '-') text += "\u202f";
    text += digits[i];
  }
  return text;
}

std::string Figure(double value) {
  if (!std::isfinite(value)) return kNone;
  if (value == std::floor(value) && std::fabs(value) < 1e15) {
    return Count(static_cast<int64_t>(value));
  }
  if (std::fabs(value) >= 1e4 && std::fabs(value) < 1e15) return Count(std::llround(value));
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return text;
}

std::string Percentage(int64_t count, int64_t all) {
  if (all == 0) return kNone;
  if (count == 0) return "0 %";
  const double percent = 100 * static_cast<double>(count) / static_cast<double>(all);
  if (count > 0 && percent < 0.01) return "&lt; 0.01 %";
  char text[32];
  std::snprintf(text, sizeof text, percent < 10 ? "%.2f %%" : "%.1f %%", percent);
  return text;
}

std::string HistogramSvg(const NumberSummary& numbers, std::string_view label) {
  constexpr double kWidth = 320;
  constexpr double kHeight = 80;
  constexpr double kBoxTop = 86;
  constexpr double kBoxHeight = 8;
  const Histogram& histogram = numbers.histogram;
  std::string svg =
      "<svg class=\"histogram\" viewBox=\"0 0 320 96\" preserveAspectRatio=\"none\" "
      "role=\"img\" aria-label=\"" +
      Escape(label) + "\">";
  const int64_t most = *std::max_element(histogram.counts.begin(), histogram.counts.end());
  const double step = kWidth / static_cast<double>(histogram.counts.size());
  const double gap = std::min(1.0, step / 6);
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    if (histogram.counts[i] == 0) continue;
    // What is there can be seen, however little it is.
    const double height = std::max(
        1.0, kHeight * static_cast<double>(histogram.counts[i]) / static_cast<double>(most));
    svg += Rect("bar", static_cast<double>(i) * step, kHeight - height, step - gap, height);
  }
  const double low = histogram.edges.front();
  const double range = histogram.edges.back() - low;
  const auto x = [&](double value) {
    return std::clamp((value - low) / range * kWidth, 0.0, kWidth);
  };
  if (std::isfinite(numbers.q1) && std::isfinite(numbers.q3)) {
    svg += Rect("box", x(numbers.q1), kBoxTop, std::max(1.0, x(numbers.q3) - x(numbers.q1)),
                kBoxHeight);
    svg += Rect("median", std::min(x(numbers.median), kWidth - 2), kBoxTop - 2, 2, kBoxHeight + 4);
  }
  return svg + "</svg>";
}

std::string CountTable(const std::vector<TopValue>& values, std::size_t most, int64_t all,
                       const std::string& caption, const std::string& heading,
                       std::string_view label) {
  std::string html = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" +
                     Escape(label) + "\"><table class=\"counts\"><caption>" + caption +
                     "</caption><thead><tr><th scope=\"col\">" + heading +
                     "</th><th scope=\"col\" class=\"n\">rows</th><th scope=\"col\" "
                     "class=\"n\">share</th></tr></thead><tbody>";
  for (std::size_t i = 0; i < values.size() && i < most; ++i) {
    const double share = static_cast<double>(values[i].count) / static_cast<double>(all);
    html += "<tr><th scope=\"row\">" + Isolated(values[i].value) +
            "<svg class=\"share\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" "
            "aria-hidden=\"true\">" +
            Rect("bar", 0, 0, 100 * share, 4) + "</svg></th><td class=\"n\">" +
            Count(values[i].count) + "</td><td class=\"n\">" + Percentage(values[i].count, all) +
            "</td></tr>";
  }
  return html + "</tbody></table></div>";
}

}  // namespace penstock
