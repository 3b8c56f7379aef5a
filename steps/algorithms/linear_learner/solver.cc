#include "steps/algorithms/linear_learner/solver.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <vector>

namespace penstock {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// log(1 + exp(z)) without overflow.
double LogOnePlusExp(double z) {
  return z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
}
double Sigmoid(double z) {
  if (z >= 0) return 1 / (1 + std::exp(-z));
  const double e = std::exp(z);
  return e / (1 + e);
}

class Solver {
 public:
  explicit Solver(const LinearProblem& problem)
      : p_(problem),
        x_(*problem.design),
        y_(*problem.target),
        s_(*problem.weights),
        q_(static_cast<int>(x_.cols())),
        k_(problem.classes),
        total_weight_(s_.sum()),
        beta_(MatrixXd::Zero(q_, k_)),
        scores_(MatrixXd::Zero(x_.rows(), k_)) {}

  LinearSolution Solve() {
    LinearSolution solution;
    objective_ = Objective(beta_, scores_);
    const bool whole = q_ * k_ <= kMaxDense;
    for (solution.iterations = 0; solution.iterations < p_.max_iterations;) {
      const MatrixXd gradient = Gradient();
      const double violation = Violation(gradient) / (p_.c * total_weight_);
      if (p_.progress &&
          !p_.progress(solution.iterations, MeanLoss(p_.loss, scores_, y_, s_), violation)) {
        solution.stopped = true;
        break;
      }
      if (violation < p_.tolerance) {
        solution.converged = true;
        break;
      }
      ++solution.iterations;
      bool moved = false;
      if (whole) {
        moved = Step(0, k_, gradient);
      } else {
        for (int k = 0; k < k_; ++k) moved = Step(k, 1, Gradient()) || moved;
      }
      // No step improves what rounding leaves of the objective: this is as near as doubles come.
      if (!moved) {
        solution.converged = violation < 1e3 * p_.tolerance;
        break;
      }
    }
    solution.coefficients = beta_;
    solution.objective = objective_;
    solution.mean_loss = MeanLoss(p_.loss, scores_, y_, s_);
    return solution;
  }

 private:
  bool Penalised(int row) const { return !(p_.intercept && row == q_ - 1); }

  double Penalty(const MatrixXd& beta) const {
    const auto rows = beta.topRows(p_.intercept ? q_ - 1 : q_);
    return (1 - p_.l1_ratio) / 2 * rows.squaredNorm() + p_.l1_ratio * rows.cwiseAbs().sum();
  }

  double Objective(const MatrixXd& beta, const MatrixXd& scores) const {
    return p_.c * total_weight_ * MeanLoss(p_.loss, scores, y_, s_) + Penalty(beta);
  }

  // Means of the target under the model: n × k.
  MatrixXd Means() const {
    MatrixXd means = scores_;
    if (p_.loss == Loss::kLogistic) {
      means = means.unaryExpr(&Sigmoid);
    } else if (p_.loss == Loss::kMultinomial) {
      Softmax(means);
    }
    return means;
  }

  // Of the smooth part.
  MatrixXd Gradient() {
    means_ = Means();
    MatrixXd residual = means_;
    if (p_.loss == Loss::kMultinomial) {
      for (Eigen::Index i = 0; i < residual.rows(); ++i) {
        residual(i, static_cast<Eigen::Index>(y_[i])) -= 1;
      }
    } else {
      residual.col(0) -= y_;
    }
    residual.array().colwise() *= s_.array();
    MatrixXd gradient = p_.c * (x_.transpose() * residual);
    for (int j = 0; j < q_; ++j) {
      if (Penalised(j)) gradient.row(j) += (1 - p_.l1_ratio) * beta_.row(j);
    }
    return gradient;
  }

  // How far the optimality conditions are from holding.
  double Violation(const MatrixXd& gradient) const {
    double worst = 0;
    for (int k = 0; k < k_; ++k) {
      for (int j = 0; j < q_; ++j) {
        const double g = gradient(j, k);
        double violation = std::abs(g);
        if (p_.l1_ratio > 0 && Penalised(j)) {
          violation = beta_(j, k) > 0   ? std::abs(g + p_.l1_ratio)
                      : beta_(j, k) < 0 ? std::abs(g - p_.l1_ratio)
                                        : std::max(0.0, std::abs(g) - p_.l1_ratio);
        }
        worst = std::max(worst, violation);
      }
    }
    return worst;
  }

  // Xᵀ diag(w) X.
  MatrixXd Gram(const VectorXd& w) {
    // Negative weights (off-diagonal blocks) cannot be split into square roots.
    scaled_ = x_.array().colwise() * w.array();
    return x_.transpose() * scaled_;
  }
  MatrixXd SymmetricGram(const VectorXd& w) {
    scaled_ = x_.array().colwise() * w.array().sqrt();
    MatrixXd gram = MatrixXd::Zero(q_, q_);
    gram.selfadjointView<Eigen::Lower>().rankUpdate(scaled_.transpose());
    gram.triangularView<Eigen::StrictlyUpper>() = gram.transpose();
    return gram;
  }

  // Of the smooth part, for classes [first, first + count).
  MatrixXd Hessian(int first, int count) {
    MatrixXd hessian(q_ * count, q_ * count);
    for (int a = 0; a < count; ++a) {
      for (int b = 0; b <= a; ++b) {
        MatrixXd block;
        if (p_.loss == Loss::kSquared) {
          block = SymmetricGram(s_);
        } else {
          const auto pa = means_.col(first + a).array();
          const auto pb = means_.col(first + b).array();
          if (a == b) {
            block = SymmetricGram((s_.array() * pa * (1 - pa)).matrix());
          } else {
            block = Gram((-s_.array() * pa * pb).matrix());
          }
        }
        block *= p_.c;
        if (a == b) {
          for (int j = 0; j < q_; ++j) {
            if (Penalised(j)) block(j, j) += 1 - p_.l1_ratio;
          }
        }
        hessian.block(a * q_, b * q_, q_, q_) = block;
        if (a != b) hessian.block(b * q_, a * q_, q_, q_) = block.transpose();
      }
    }
    // Directions that change nothing (softmax's shared shift, constant columns) need a curvature.
    const double ridge = 1e-12 * std::max(1.0, hessian.diagonal().maxCoeff());
    hessian.diagonal().array() += ridge;
    return hessian;
  }

  // min over d of gᵀd + dᵀHd/2 + ρ‖β + d‖₁ by cyclic coordinate descent.
  VectorXd CoordinateDescent(const MatrixXd& hessian, const VectorXd& gradient,
                             const VectorXd& at) const {
    const Eigen::Index size = gradient.size();
    VectorXd step = VectorXd::Zero(size);
    VectorXd slope = gradient;  // of the quadratic model at `step`
    constexpr int kMaxSweeps = 10'000;
    for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
      double largest = 0;
      for (Eigen::Index j = 0; j < size; ++j) {
        const double curvature = hessian(j, j);
        const double now = at[j] + step[j];
        double next = now - slope[j] / curvature;
        if (Penalised(static_cast<int>(j) % q_)) {
          const double threshold = p_.l1_ratio / curvature;
          next = next > threshold ? next - threshold : next < -threshold ? next + threshold : 0;
        }
        const double change = next - now;
        if (change == 0) continue;
        step[j] += change;
        slope += change * hessian.col(j);
        largest = std::max(largest, std::abs(change) * std::sqrt(curvature));
      }
      if (largest < 1e-13 * std::max(1.0, std::sqrt(p_.c * total_weight_))) break;
    }
    return step;
  }

  // One Newton step over some classes. False where nothing improves.
  bool Step(int first, int count, const MatrixXd& whole_gradient) {
    const MatrixXd hessian = Hessian(first, count);
    const MatrixXd block = whole_gradient.middleCols(first, count);
    const VectorXd gradient = Eigen::Map<const VectorXd>(block.data(), block.size());
    const MatrixXd at_block = beta_.middleCols(first, count);
    const VectorXd at = Eigen::Map<const VectorXd>(at_block.data(), at_block.size());
    VectorXd step;
    if (p_.l1_ratio > 0) {
      step = CoordinateDescent(hessian, gradient, at);
    } else {
      step = -hessian.ldlt().solve(gradient);
    }
    if (!step.allFinite()) return false;
    const Eigen::Map<const MatrixXd> move(step.data(), q_, count);
    const MatrixXd score_move = x_ * move;
    // What the step promises: the slope along it, with the change of the L1 term.
    MatrixXd full = beta_;
    full.middleCols(first, count) += move;
    const double l1_change =
        p_.l1_ratio > 0 ? p_.l1_ratio * (full.topRows(p_.intercept ? q_ - 1 : q_).cwiseAbs().sum() -
                                         beta_.topRows(p_.intercept ? q_ - 1 : q_).cwiseAbs().sum())
                        : 0.0;
    const double promise = gradient.dot(step) + l1_change;
    double length = 1;
    for (int halving = 0; halving < 40; ++halving, length /= 2) {
      MatrixXd beta = beta_;
      beta.middleCols(first, count) += length * move;
      MatrixXd scores = scores_;
      scores.middleCols(first, count) += length * score_move;
      const double objective = Objective(beta, scores);
      if (objective <= objective_ + 1e-4 * length * promise ||
          (halving == 0 && objective <= objective_ * (1 + 1e-15))) {
        const bool moved = objective < objective_ || step.norm() > 1e-14 * (1 + beta_.norm());
        beta_ = std::move(beta);
        scores_ = std::move(scores);
        objective_ = objective;
        return moved;
      }
    }
    return false;
  }

  const LinearProblem& p_;
  const MatrixXd& x_;
  const VectorXd& y_;
  const VectorXd& s_;
  const int q_;
  const int k_;
  const double total_weight_;
  MatrixXd beta_;
  MatrixXd scores_;
  MatrixXd means_;
  MatrixXd scaled_;
  double objective_ = 0;
};

}  // namespace

void Softmax(MatrixXd& scores) {
  const VectorXd highest = scores.rowwise().maxCoeff();
  scores.colwise() -= highest;
  scores = scores.array().exp();
  const VectorXd sums = scores.rowwise().sum();
  scores.array().colwise() /= sums.array();
}

double MeanLoss(Loss loss, const MatrixXd& scores, const VectorXd& target,
                const VectorXd& weights) {
  double sum = 0;
  for (Eigen::Index i = 0; i < scores.rows(); ++i) {
    double one = 0;
    switch (loss) {
      case Loss::kSquared: {
        const double error = target[i] - scores(i, 0);
        one = error * error / 2;
        break;
      }
      case Loss::kLogistic:
        one = LogOnePlusExp(scores(i, 0)) - target[i] * scores(i, 0);
        break;
      case Loss::kMultinomial: {
        const double highest = scores.row(i).maxCoeff();
        one = highest + std::log((scores.row(i).array() - highest).exp().sum()) -
              scores(i, static_cast<Eigen::Index>(target[i]));
        break;
      }
    }
    sum += weights[i] * one;
  }
  return sum / weights.sum();
}

LinearSolution SolveLinear(const LinearProblem& problem) {
  return Solver(problem).Solve();
}

}  // namespace penstock
