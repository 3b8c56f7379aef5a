#include "steps/profile/page.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "steps/profile/correlations.h"
#include "steps/profile/hints.h"
#include "steps/profile/markup.h"
#include "steps/profile/report.h"

namespace penstock {
namespace {

constexpr std::size_t kAssociationRows = 20;
constexpr std::size_t kStrongRows = 50;
constexpr std::size_t kBalanceRows = 20;

std::string Plain(double value) {
  if (std::isnan(value)) return "–";
  std::string text = Figure(std::round(value * 100) / 100);
  return value < 0 && text == "0" ? "0" : text;
}

class Page {
 public:
  explicit Page(const Profile& profile) : profile_(profile) {}

  std::string Make() && {
    Begin();
    Overview();
    Hints();
    Label();
    Columns();
    Correlations();
    Definitions();
    html_ += "</main>\n</body>\n</html>\n";
    return std::move(html_);
  }

 private:
  const std::string& NameOf(std::size_t column) const { return profile_.columns[column].info.name; }
  // The column's name, as a link to its card where it has one.
  std::string Link(std::size_t column) const {
    const std::string name = Isolated(NameOf(column));
    if (column >= kCards) return name;
    return "<a href=\"#c" + std::to_string(column) + "\">" + name + "</a>";
  }
  static std::string Scroll(const std::string& label) {
    return "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + label + "\">";
  }
  bool Compared() const {
    return profile_.pearson.rows.size() > 1 || profile_.cramers_v.rows.size() > 1 ||
           !profile_.correlation_ratio.values.empty();
  }

  void Begin() {
    html_ =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<title>Data profile</title>\n<style>";
    html_ += kPageStyle;
    html_ +=
        "</style>\n</head>\n<body>\n<main>\n<h1>Data profile</h1>\n<nav "
        "aria-label=\"Parts of this page\"><ul><li><a href=\"#hints\">Hints</a></li>";
    if (profile_.label) html_ += "<li><a href=\"#label\">Label</a></li>";
    html_ += "<li><a href=\"#columns\">Columns</a></li>";
    if (Compared()) html_ += "<li><a href=\"#correlations\">Correlations</a></li>";
    html_ += "<li><a href=\"#definitions\">Definitions</a></li></ul></nav>\n";
  }

  void Tile(const std::string& term, const std::string& value, const std::string& more = "") {
    html_ += "<div><dt>" + term + "</dt><dd>" + value +
             (more.empty() ? "" : "<small>" + more + "</small>") + "</dd></div>";
  }

  void Overview() {
    const auto width = static_cast<int64_t>(profile_.columns.size());
    int64_t numeric = 0;
    for (const ColumnProfile& column : profile_.columns) {
      numeric += column.view == ColumnView::kNumbers ? 1 : 0;
    }
    html_ += "<dl class=\"tiles\">";
    Tile("Rows", Count(profile_.rows));
    Tile("Columns", Count(width), Count(numeric) + " of numbers");
    Tile("Missing cells", Percentage(profile_.missing_cells, profile_.rows * width),
         Count(profile_.missing_cells));
    Tile("Duplicate rows", Percentage(profile_.duplicate_rows, profile_.rows),
         Count(profile_.duplicate_rows));
    Tile("Hints", Count(static_cast<int64_t>(profile_.hints.size())));
    html_ += "</dl>\n";
  }

  void Hints() {
    html_ += "<h2 id=\"hints\">Hints</h2>\n";
    if (profile_.hints.empty()) {
      html_ += "<p>Nothing stands out.</p>\n";
      return;
    }
    html_ += "<ul class=\"hints\">";
    for (const Hint& hint : profile_.hints) {
      html_ += "<li><b>" + Escape(hint.hint) + "</b>" + Isolated(hint.message, 2'000) + "</li>\n";
    }
    html_ += "</ul>\n";
  }

  void Label() {
    if (!profile_.label) return;
    const LabelProfile& label = *profile_.label;
    const int64_t all = profile_.columns[label.column].count;
    html_ += "<h2 id=\"label\">Label: " + Link(label.column) + "</h2>\n";
    if (label.classes && !label.balance.empty()) {
      html_ +=
          CountTable(label.balance, kBalanceRows, all, "Classes", "class", "Classes of the label");
    }
    if (!label.reason.empty()) {
      html_ += "<p>What columns say of it is not known: " + Escape(label.reason) + ".</p>\n";
    }
    if (label.associations.empty()) return;
    html_ += Scroll("What one column alone says of the label") +
             "<table><caption>What one column alone says of the label</caption><thead><tr>"
             "<th scope=\"col\">column</th><th scope=\"col\">measure</th>"
             "<th scope=\"col\" class=\"n\">value</th></tr></thead><tbody>";
    for (std::size_t i = 0; i < label.associations.size() && i < kAssociationRows; ++i) {
      const LabelAssociation& each = label.associations[i];
      html_ += "<tr><th scope=\"row\">" + Link(each.column) + "</th><td>" + Escape(each.measure) +
               "</td><td class=\"n\">" + Figure(std::round(each.value * 1e4) / 1e4) + "</td></tr>";
    }
    html_ += "</tbody></table></div>\n";
  }

  void Columns() {
    const std::size_t width = profile_.columns.size();
    html_ += "<h2 id=\"columns\">Columns</h2>\n";
    html_ += "<details" + std::string(width > kCards ? " open=\"open\"" : "") +
             "><summary>All columns as a table</summary>" + Scroll("All columns") +
             "<table><thead><tr><th scope=\"col\">name</th><th scope=\"col\">kind</th>"
             "<th scope=\"col\">role</th><th scope=\"col\" class=\"n\">missing</th>"
             "<th scope=\"col\" class=\"n\">distinct</th><th scope=\"col\" class=\"n\">mean</th>"
             "<th scope=\"col\" class=\"n\">minimum</th><th scope=\"col\" class=\"n\">maximum</th>"
             "</tr></thead><tbody>";
    for (std::size_t i = 0; i < width && i < kTableRows; ++i) {
      const ColumnProfile& column = profile_.columns[i];
      html_ += "<tr><th scope=\"row\">" + Link(i) + "</th><td>" + KindOf(column) + "</td><td>" +
               Escape(column.role) + "</td><td class=\"n\">" +
               Percentage(column.missing, profile_.rows) + "</td><td class=\"n\">" +
               (column.distinct_exact ? "" : "≈\u202f") + Count(column.distinct) + "</td>";
      for (const double value :
           {column.numbers.mean, column.numbers.minimum, column.numbers.maximum}) {
        html_ += "<td class=\"n\">" + Figure(value) + "</td>";
      }
      html_ += "</tr>\n";
    }
    html_ += "</tbody></table></div></details>\n";
    if (width > kCards) {
      html_ += "<p>The first " + Count(static_cast<int64_t>(kCards)) + " of " +
               Count(static_cast<int64_t>(width)) +
               " columns follow one by one. report.json has all of them.</p>\n";
    }
    html_ += "<div class=\"cards\">\n";
    for (std::size_t i = 0; i < width && i < kCards; ++i) html_ += ColumnCard(profile_, i);
    html_ += "</div>\n";
  }

  void Cell(double value) {
    const int strength =
        std::isnan(value) ? 0 : static_cast<int>(std::lround(std::fabs(value) * 10));
    html_ += strength == 0 ? "<td>"
                           : "<td class=\"" + std::string(value > 0 ? "p" : "m") +
                                 std::to_string(strength) + "\">";
    html_ += Plain(value) + "</td>";
  }

  // A table whose cells are coloured; columns are numbered where they are those of the rows.
  void Matrix(const std::string& title, const std::string& about, const Associations& matrix) {
    const bool square = matrix.rows == matrix.columns;
    if (matrix.values.empty() || (square && matrix.rows.size() < 2)) return;
    const std::size_t rows = std::min(matrix.rows.size(), kMatrixColumns);
    const std::size_t columns = std::min(matrix.columns.size(), kMatrixColumns);
    html_ += "<h3>" + title + "</h3><p class=\"quiet\">" + about + "</p>" + Scroll(title) +
             "<table class=\"matrix\"><thead><tr><td></td>";
    for (std::size_t k = 0; k < columns; ++k) {
      const std::string name = NameOf(matrix.columns[k]);
      html_ += "<th scope=\"col\"" +
               (square ? " title=\"" + Escape(name) + "\" aria-label=\"" + Escape(name) + "\">" +
                             std::to_string(k + 1)
                       : ">" + Isolated(name, 40)) +
               "</th>";
    }
    html_ += "</tr></thead><tbody>";
    for (std::size_t i = 0; i < rows; ++i) {
      html_ += "<tr><th scope=\"row\">" + (square ? std::to_string(i + 1) + " " : "") +
               Isolated(NameOf(matrix.rows[i]), 40) + "</th>";
      for (std::size_t k = 0; k < columns; ++k) Cell(matrix.at(i, k));
      html_ += "</tr>\n";
    }
    html_ += "</tbody></table></div>\n";
    if (rows < matrix.rows.size() || columns < matrix.columns.size()) {
      html_ += "<p class=\"quiet\">The first " + Count(static_cast<int64_t>(kMatrixColumns)) +
               " columns; report.json has the rest.</p>\n";
    }
  }

  void Correlations() {
    if (!Compared()) return;
    html_ += "<h2 id=\"correlations\">Correlations</h2>\n";
    if (!profile_.strong.empty()) {
      html_ += Scroll("Pairs of columns that say nearly the same") +
               "<table><caption>Pairs that say nearly the same</caption><thead><tr>"
               "<th scope=\"col\">column</th><th scope=\"col\">and</th>"
               "<th scope=\"col\">measure</th><th scope=\"col\" class=\"n\">value</th></tr></thead>"
               "<tbody>";
      for (std::size_t i = 0; i < profile_.strong.size() && i < kStrongRows; ++i) {
        const StrongPair& pair = profile_.strong[i];
        html_ += "<tr><th scope=\"row\">" + Link(pair.a) + "</th><td>" + Link(pair.b) +
                 "</td><td>" + Escape(pair.measure) + "</td><td class=\"n\">" +
                 Figure(std::round(pair.value * 1e4) / 1e4) + "</td></tr>";
      }
      html_ += "</tbody></table></div>\n";
    }
    Matrix("Pearson", "How near to a line two columns of numbers are, −1 to 1.", profile_.pearson);
    Matrix("Spearman", "How near to rising or falling together, by ranks, −1 to 1.",
           profile_.spearman);
    Matrix("Cramér’s V", "How much two columns of categories say of each other, 0 to 1.",
           profile_.cramers_v);
    Matrix("Correlation ratio",
           "How much of the spread of numbers lies between categories: the root of η², 0 to 1.",
           profile_.correlation_ratio);
    if (!profile_.left_out.empty()) {
      html_ += "<p class=\"quiet\">" + Count(static_cast<int64_t>(profile_.left_out.size())) +
               " columns were not compared: there are more than " + std::to_string(kMostNumeric) +
               " of numbers or " + std::to_string(kMostCategorical) +
               " of categories, or they have more than " + std::to_string(kMostCategories) +
               " categories.</p>\n";
    }
  }

  void Definitions() {
    html_ +=
        "<h2 id=\"definitions\">Definitions</h2>\n"
        "<p>Figures of numbers are of finite values. Standard deviation: of a sample (n − 1). "
        "Quartiles and percentiles: exact, linear between neighbours. Skewness and (excess) "
        "kurtosis: corrected for bias. Fences: 1.5 times the quartiles’ distance beyond them. "
        "≈: an estimate, within about 0.5 %. –: not defined; report.json says why.</p>\n"
        "<p>A duplicate row equals an earlier one in all columns. Correlations are of the rows in "
        "which both columns have a value; Cramér’s V is corrected for bias. Spearman’s, and what "
        "columns say of the label, are of " +
        Count(profile_.sample_rows) + " rows.</p>\n";
  }

  const Profile& profile_;
  std::string html_;
};

}  // namespace

std::string ProfilePage(const Profile& profile) {
  return Page(profile).Make();
}

}  // namespace penstock
