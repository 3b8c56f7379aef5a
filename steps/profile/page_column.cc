#include <algorithm>
#include <cmath>
#include <string>

#include "steps/profile/markup.h"
#include "steps/profile/page.h"
#include "steps/profile/report.h"

namespace penstock {
namespace {

constexpr std::size_t kTopRows = 10;

std::string Item(const std::string& term, const std::string& value) {
  return "<div><dt>" + term + "</dt><dd>" + value + "</dd></div>";
}

std::string DistinctText(const ColumnProfile& column) {
  return (column.distinct_exact ? "" : "≈\u202f") + Count(column.distinct);
}

// What the histogram shows, in words.
std::string HistogramLabel(const ColumnProfile& column) {
  const Histogram& histogram = column.numbers.histogram;
  const auto most = std::max_element(histogram.counts.begin(), histogram.counts.end());
  const auto at = static_cast<std::size_t>(most - histogram.counts.begin());
  return "Histogram of " + std::to_string(histogram.counts.size()) + " bins from " +
         Figure(histogram.edges.front()) + " to " + Figure(histogram.edges.back()) +
         ", the highest (" + Count(*most) + ") from " + Figure(histogram.edges[at]) + " to " +
         Figure(histogram.edges[at + 1]) + "; the box below goes from quartile " +
         Figure(column.numbers.q1) + " to " + Figure(column.numbers.q3) +
         ", the mark is the median " + Figure(column.numbers.median);
}

std::string NumbersPart(const ColumnProfile& column) {
  const NumberSummary& numbers = column.numbers;
  std::string html;
  if (!numbers.histogram.edges.empty()) {
    html += HistogramSvg(numbers, HistogramLabel(column)) +
            "<div class=\"ends\" aria-hidden=\"true\"><span>" +
            Figure(numbers.histogram.edges.front()) + "</span><span>" +
            Figure(numbers.histogram.edges.back()) + "</span></div>";
  }
  html += "<dl class=\"figures\">" + Item("mean", Figure(numbers.mean)) +
          Item("std. deviation", Figure(numbers.standard_deviation)) +
          Item("minimum", Figure(numbers.minimum)) + Item("1 %", Figure(numbers.p1)) +
          Item("5 %", Figure(numbers.p5)) + Item("lower quartile", Figure(numbers.q1)) +
          Item("median", Figure(numbers.median)) + Item("upper quartile", Figure(numbers.q3)) +
          Item("95 %", Figure(numbers.p95)) + Item("99 %", Figure(numbers.p99)) +
          Item("maximum", Figure(numbers.maximum)) + Item("skewness", Figure(numbers.skewness)) +
          Item("kurtosis", Figure(numbers.kurtosis)) + Item("zeros", Count(numbers.zeros)) +
          Item("negatives", Count(numbers.negatives)) +
          Item("outside fences", Count(numbers.outside_fences)) +
          Item("beyond 3 σ", Count(numbers.far_from_mean));
  if (numbers.infinite > 0) html += Item("infinite", Count(numbers.infinite));
  return html + "</dl>";
}

std::string TextsPart(const ColumnProfile& column) {
  const TextSummary& texts = column.texts;
  std::string html = "<dl class=\"figures\">";
  if (column.view == ColumnView::kDates) {
    html += Item("first", Isolated(texts.first)) + Item("last", Isolated(texts.last));
  } else {
    html += Item("shortest", Count(texts.shortest) + " ch.") +
            Item("mean length", Figure(texts.mean_length)) +
            Item("longest", Count(texts.longest) + " ch.");
  }
  html += "</dl>";
  if (texts.top.empty()) return html;
  html += CountTable(
      texts.top, kTopRows, column.count,
      std::string("Most frequent values") + (texts.frequent_only ? ", of at least 0.1 %" : ""),
      "value", "Most frequent values of " + column.info.name);
  const auto shown = static_cast<int64_t>(std::min(texts.top.size(), kTopRows));
  if (column.distinct > shown) {
    html += "<p class=\"quiet\">and " + std::string(column.distinct_exact ? "" : "about ") +
            Count(column.distinct - shown) + " other values</p>";
  }
  return html;
}

}  // namespace

std::string ColumnCard(const Profile& profile, std::size_t position) {
  const ColumnProfile& column = profile.columns[position];
  std::string html = "<article id=\"c" + std::to_string(position) + "\"><header><h3>" +
                     Isolated(column.info.name) + "</h3><p>" + KindOf(column) +
                     (column.role == "feature" ? "" : ", " + column.role) + "</p></header>";
  html += "<dl class=\"figures\">" + Item("values", Count(column.count)) +
          Item("missing",
               Count(column.missing) + " (" + Percentage(column.missing, profile.rows) + ")") +
          Item("distinct", DistinctText(column)) + "</dl>";
  if (column.count == 0) {
    html += "<p class=\"quiet\">There are no values.</p>";
  } else if (column.view == ColumnView::kNumbers) {
    html += NumbersPart(column);
  } else {
    html += TextsPart(column);
  }
  return html + "</article>\n";
}

}  // namespace penstock
