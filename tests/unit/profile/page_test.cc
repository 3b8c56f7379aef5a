// The page: what comes from data stays text, and the markup is whole.

#include "steps/profile/page.h"

#include <gmock/gmock.h>

#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <map>

#include "profile_bench.h"
#include "steps/profile/markup.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

Profile Hostile() {
  const std::string script = "<script>alert(1)</script>";
  std::vector<double> x;
  std::vector<std::string> values;
  std::vector<std::string> label;
  for (int i = 0; i < 60; ++i) {
    x.push_back(i);
    values.push_back(i % 2 == 0 ? "\"quoted\" & 'single' <b>\xf0\x9f\x98\x80</b>"
                                : "\" onload=\"alert(2)");
    label.push_back(i < 30 ? "</style><img src=x onerror=alert(3)>" : "no");
  }
  Roles roles;
  roles.label = "y'\">";
  return ProfileOf(
      TableOf({MakeNumberColumn(script, x), MakeNumberColumn("-->]]>", x),
               MakeStringColumn("v\" x=\"1", values), MakeStringColumn("y'\">", label)}),
      roles);
}

// The elements of well-formed XML-like markup; adds a failure where tags do not match, or an
// attribute is not quoted.
std::map<std::string, int> Elements(const std::string& page) {
  std::map<std::string, int> counts;
  std::vector<std::string> open;
  std::size_t at = page.find("<html");
  while (at < page.size()) {
    const std::size_t begin = page.find('<', at);
    if (begin == std::string::npos) break;
    std::size_t end = begin + 1;
    for (bool quoted = false; end < page.size() && (quoted || page[end] != '>'); ++end) {
      if (page[end] == '"') quoted = !quoted;
      EXPECT_FALSE(page[end] == '<') << page.substr(begin, end - begin + 20);
    }
    std::string tag = page.substr(begin + 1, end - begin - 1);
    at = end + 1;
    const bool closing = tag.starts_with('/');
    const bool alone = tag.ends_with('/');
    std::size_t size = closing ? 1 : 0;
    while (size < tag.size() && std::isalnum(static_cast<unsigned char>(tag[size])) != 0) ++size;
    const std::string name = tag.substr(closing ? 1 : 0, size - (closing ? 1 : 0));
    if (closing) {
      EXPECT_FALSE(open.empty()) << tag;
      if (open.empty()) break;
      EXPECT_EQ(open.back(), name);
      open.pop_back();
      continue;
    }
    ++counts[name];
    if (!alone) open.push_back(name);
  }
  EXPECT_TRUE(open.empty()) << open.size();
  return counts;
}

TEST(ProfilePage, WhatComesFromDataStaysText) {
  const std::string page = ProfilePage(Hostile());
  const auto elements = Elements(page);
  EXPECT_FALSE(elements.contains("script"));
  EXPECT_FALSE(elements.contains("img"));
  EXPECT_FALSE(elements.contains("b") && elements.at("b") > 10);
  EXPECT_EQ(elements.at("style"), 1);
  EXPECT_EQ(elements.at("article"), 4);
  EXPECT_THAT(page, HasSubstr("<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>"));
  EXPECT_THAT(page, HasSubstr("&quot;quoted&quot; &amp; &#39;single&#39; "
                              "&lt;b&gt;\xf0\x9f\x98\x80&lt;/b&gt;"));
  EXPECT_THAT(page, Not(HasSubstr(" onload=\"")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
}

TEST(ProfilePage, IsForReadersOfAllKinds) {
  const std::string page = ProfilePage(Hostile());
  EXPECT_THAT(page, HasSubstr("<html lang=\"en\">"));
  EXPECT_THAT(page, HasSubstr("width=device-width, initial-scale=1"));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(page, HasSubstr("role=\"img\" aria-label=\"Histogram of "));
  // Each table lies in a box of its own that scrolls, and that keys can reach.
  std::size_t tables = 0;
  for (std::size_t at = page.find("<table"); at != std::string::npos;
       at = page.find("<table", at + 1)) {
    const std::size_t box = page.rfind("<div class=\"scroll\" tabindex=\"0\"", at);
    ASSERT_NE(box, std::string::npos);
    EXPECT_EQ(page.find("</div>", box) > at, true);
    ++tables;
  }
  EXPECT_GE(tables, 6u);
}

TEST(ProfilePage, HintsComeBeforeColumns) {
  const std::string page = ProfilePage(Hostile());
  EXPECT_LT(page.find("<h2 id=\"hints\">"), page.find("<h2 id=\"columns\">"));
  EXPECT_LT(page.find("<h2 id=\"columns\">"), page.find("<h2 id=\"correlations\">"));
  EXPECT_THAT(page, HasSubstr("<b>CORRELATED</b>"));
}

double Luminance(const std::array<double, 3>& colour) {
  std::array<double, 3> linear{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double part = colour[i] / 255;
    linear[i] = part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
  }
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

// The values of custom properties, from `begin` on; #fff, #rrggbb or r,g,b.
std::array<double, 3> Colour(const std::string& style, std::size_t begin, const std::string& name) {
  const std::string key = "--" + name + ":";
  std::size_t at = style.find(key, begin) + key.size();
  std::string value = style.substr(at, style.find_first_of(";}", at) - at);
  std::array<double, 3> colour{};
  if (!value.starts_with('#')) {
    std::sscanf(value.c_str(), "%lf,%lf,%lf", &colour[0], &colour[1], &colour[2]);
    return colour;
  }
  value.erase(0, 1);
  if (value.size() == 3) value = {value[0], value[0], value[1], value[1], value[2], value[2]};
  for (std::size_t i = 0; i < 3; ++i) {
    colour[i] = static_cast<double>(std::stoi(value.substr(2 * i, 2), nullptr, 16));
  }
  return colour;
}

// WCAG 2.1: (L1 + 0.05) / (L2 + 0.05).
double Contrast(const std::array<double, 3>& a, const std::array<double, 3>& b) {
  const double one = Luminance(a) + 0.05;
  const double other = Luminance(b) + 0.05;
  return std::max(one, other) / std::min(one, other);
}

TEST(ProfilePage, TextHasContrastInLightAndDark) {
  const std::string style = kPageStyle;
  for (const std::size_t begin : {std::size_t{0}, style.find("prefers-color-scheme:dark")}) {
    const auto colour = [&](const std::string& name) { return Colour(style, begin, name); };
    for (const char* ground : {"ground", "card"}) {
      for (const char* text : {"text", "quiet", "link", "warn"}) {
        EXPECT_GE(Contrast(colour(text), colour(ground)), 4.5) << text << " on " << ground;
      }
      // Plots: 3 is enough for what is no text.
      EXPECT_GE(Contrast(colour("bar"), colour(ground)), 3) << ground;
    }
    for (const char* cell : {"up", "down"}) {
      std::array<double, 3> mixed = colour(cell);
      for (std::size_t i = 0; i < 3; ++i) mixed[i] = (mixed[i] + colour("ground")[i]) / 2;
      EXPECT_GE(Contrast(colour("text"), mixed), 4.5) << cell << " from " << begin;
    }
  }
}

TEST(Markup, Texts) {
  EXPECT_EQ(Escape("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(Escape(std::string_view("\x01\x7f", 2)), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(Escape("\xff!"), "\xef\xbf\xbd!") << "no UTF-8";
  EXPECT_EQ(Isolated(std::string(1'000, 'x'), 10), "<bdi>xxxxxxxxxx…</bdi>");
  EXPECT_EQ(Count(1'234'567), "1\u202f234\u202f567");
  EXPECT_EQ(Count(-1'000), "-1\u202f000");
  EXPECT_EQ(Count(999), "999");
  EXPECT_EQ(Figure(0.123456789), "0.12346");
  EXPECT_EQ(Figure(189'778.366), "189\u202f778");
  EXPECT_EQ(Figure(1.5e300), "1.5e+300");
  EXPECT_EQ(Figure(kUndefined), "–");
  EXPECT_EQ(Percentage(1, 8), "12.5 %");
  EXPECT_EQ(Percentage(1, 1'000'000), "&lt; 0.01 %");
  EXPECT_EQ(Percentage(0, 0), "–");
  EXPECT_EQ(Percentage(0, 5), "0 %");
}

}  // namespace
}  // namespace penstock
