#ifndef PENSTOCK_STEPS_TABLE_MOMENTS_H_
#define PENSTOCK_STEPS_TABLE_MOMENTS_H_

// Moments of numbers that come in blocks: each block's about its own mean, put together by the
// formulas of Chan, Golub and LeVeque (1979), to the fourth order by Pébay (Sandia report
// SAND2008-6212). Deterministic where blocks are merged in their order. Pure values.

#include <cstdint>
#include <span>

namespace penstock {

struct Moments {
  int64_t count = 0;
  double mean = 0;
  double m2 = 0;  // sum of (x - mean)^2; m3 and m4 likewise
  double m3 = 0;
  double m4 = 0;

  void Merge(const Moments& other);
  // Of the finite values; others are passed over.
  static Moments Of(std::span<const double> values);

  // Sample variance and standard deviation (n - 1). NaN below two values.
  double Variance() const;
  double StandardDeviation() const;
  // Adjusted Fisher-Pearson coefficient G1 and excess kurtosis G2, as pandas, SAS and SPSS have
  // them (Joanes and Gill, 1998). NaN below three and four values, and where all are equal.
  double Skewness() const;
  double Kurtosis() const;
};

// Of pairs, those in which both numbers are finite.
struct CoMoments {
  int64_t count = 0;
  double mean_x = 0;
  double mean_y = 0;
  double xx = 0;  // sum of (x - mean_x)^2
  double yy = 0;
  double xy = 0;

  void Merge(const CoMoments& other);
  static CoMoments Of(std::span<const double> x, std::span<const double> y);

  // Pearson's r, within [-1, 1]. NaN below two pairs, and where x or y is constant (but for
  // rounding).
  double Correlation() const;
};

}  // namespace penstock

#endif  // PENSTOCK_STEPS_TABLE_MOMENTS_H_
