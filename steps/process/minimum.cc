#include "steps/process/minimum.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace penstock {
namespace {

constexpr int kMostSteps = 1'000;
constexpr double kGolden = 1.618034;

struct Point {
  double x = 0;
  double f = 0;
};

Result<Point> At(const Function& function, double x) {
  PENSTOCK_ASSIGN_OR_RETURN(const double f, function(x));
  return Point{x, f};
}

Status NoMinimum() {
  return InvalidArgument("there is no minimum");
}

// Three points of which the middle one is lowest.
struct Bracket {
  Point a, b, c;
};

// Where the parabola through the three has its extremum.
double Extremum(const Bracket& at) {
  const auto& [a, b, c] = at;
  const double left = (b.x - a.x) * (b.f - c.f);
  const double right = (b.x - c.x) * (b.f - a.f);
  const double difference = right - left;
  const double denominator = std::fabs(difference) < 1e-21 ? 2e-21 : 2 * difference;
  return b.x - ((b.x - c.x) * right - (b.x - a.x) * left) / denominator;
}

Result<Bracket> FindBracket(const Function& function, double first, double second) {
  constexpr double kMostGrowth = 110;
  Bracket at;
  PENSTOCK_ASSIGN_OR_RETURN(at.a, At(function, first));
  PENSTOCK_ASSIGN_OR_RETURN(at.b, At(function, second));
  if (at.a.f < at.b.f) std::swap(at.a, at.b);
  PENSTOCK_ASSIGN_OR_RETURN(at.c, At(function, at.b.x + kGolden * (at.b.x - at.a.x)));
  auto& [a, b, c] = at;
  for (int step = 0; c.f < b.f; ++step) {
    if (step == kMostSteps || !std::isfinite(c.x)) return NoMinimum();
    const double w = Extremum(at);
    const double limit = b.x + kMostGrowth * (c.x - b.x);
    Point next;
    double x = c.x + kGolden * (c.x - b.x);  // where to look, if not at w
    bool look = true;
    if ((w - c.x) * (b.x - w) > 0) {  // between b and c
      PENSTOCK_ASSIGN_OR_RETURN(next, At(function, w));
      if (next.f < c.f) return Bracket{b, next, c};
      if (next.f > b.f) return Bracket{a, b, next};
    } else if ((w - limit) * (limit - c.x) >= 0) {  // too far away
      x = limit;
    } else if ((w - limit) * (c.x - w) > 0) {  // beyond c
      PENSTOCK_ASSIGN_OR_RETURN(next, At(function, w));
      look = next.f < c.f;
      if (look) {
        b = c;
        c = next;
        x = c.x + kGolden * (c.x - b.x);
      }
    }
    if (look) {
      PENSTOCK_ASSIGN_OR_RETURN(next, At(function, x));
    }
    a = b;
    b = c;
    c = next;
  }
  return at;
}

class Brent {
 public:
  explicit Brent(const Bracket& bracket)
      : low_(std::min(bracket.a.x, bracket.c.x)),
        high_(std::max(bracket.a.x, bracket.c.x)),
        best_(bracket.b),
        second_(bracket.b),
        third_(bracket.b) {}

  Result<double> Run(const Function& function) {
    for (int step = 0; step < kMostSteps; ++step) {
      const double tolerance = 1.48e-8 * std::fabs(best_.x) + 1e-11;
      const double middle = 0.5 * (low_ + high_);
      if (std::fabs(best_.x - middle) < 2 * tolerance - 0.5 * (high_ - low_)) return best_.x;
      Choose(tolerance, middle);
      const double move = std::fabs(move_) >= tolerance ? move_ : std::copysign(tolerance, move_);
      PENSTOCK_ASSIGN_OR_RETURN(const Point next, At(function, best_.x + move));
      Take(next);
    }
    return NoMinimum();
  }

 private:
  // How far to go next: to the parabola's extremum, or else a golden section.
  void Choose(double tolerance, double middle) {
    if (std::fabs(last_move_) > tolerance) {
      const double right = (best_.x - second_.x) * (best_.f - third_.f);
      double q = (best_.x - third_.x) * (best_.f - second_.f);
      double p = (best_.x - third_.x) * q - (best_.x - second_.x) * right;
      q = 2 * (q - right);
      if (q > 0) p = -p;
      q = std::fabs(q);
      const double before = last_move_;
      last_move_ = move_;
      if (p > q * (low_ - best_.x) && p < q * (high_ - best_.x) &&
          std::fabs(p) < std::fabs(0.5 * q * before)) {
        move_ = p / q;
        const double x = best_.x + move_;
        if (x - low_ < 2 * tolerance || high_ - x < 2 * tolerance) {
          move_ = middle >= best_.x ? tolerance : -tolerance;
        }
        return;
      }
    }
    last_move_ = (best_.x >= middle ? low_ : high_) - best_.x;
    move_ = 0.3819660 * last_move_;
  }

  void Take(const Point& next) {
    if (next.f > best_.f) {
      (next.x < best_.x ? low_ : high_) = next.x;
      if (next.f <= second_.f || second_.x == best_.x) {
        third_ = second_;
        second_ = next;
      } else if (next.f <= third_.f || third_.x == best_.x || third_.x == second_.x) {
        third_ = next;
      }
      return;
    }
    (next.x >= best_.x ? low_ : high_) = best_.x;
    third_ = second_;
    second_ = best_;
    best_ = next;
  }

  double low_;
  double high_;
  Point best_;
  Point second_;
  Point third_;
  double move_ = 0;
  double last_move_ = 0;
};

}  // namespace

Result<double> FindMinimum(const Function& function, double first, double second) {
  PENSTOCK_ASSIGN_OR_RETURN(const Bracket bracket, FindBracket(function, first, second));
  return Brent(bracket).Run(function);
}

}  // namespace penstock
