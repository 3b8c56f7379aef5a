#ifndef PENSTOCK_STEPS_ALGORITHMS_LINEAR_LEARNER_SOLVER_H_
#define PENSTOCK_STEPS_ALGORITHMS_LINEAR_LEARNER_SOLVER_H_

// Penalised generalised linear models, solved to a tolerance.
//
//   F(B) = C Σᵢ sᵢ loss(yᵢ, xᵢ B) + (1 − ρ)/2 Σ Bⱼₖ² + ρ Σ |Bⱼₖ|
//
// over the rows j of B that are penalised (all but the intercept's). Newton's method with a
// backtracking line search; where ρ > 0 the step minimises the quadratic model plus the L1 term by
// coordinate descent (proximal Newton: J. D. Lee, Y. Sun, M. Saunders, 2014; as glmnet: J.
// Friedman, T. Hastie, R. Tibshirani, 2010). Multinomial problems of up to kMaxDense parameters
// take the whole Hessian, larger ones one class at a time (cyclic block descent).
//
// Cost of an iteration: O(n q²) for q columns and n rows, times K²/2 for K classes at once.
// Deterministic for a given number of BLAS threads.

#include <Eigen/Core>
#include <functional>

namespace penstock {

enum class Loss { kSquared, kLogistic, kMultinomial };

struct LinearProblem {
  Loss loss = Loss::kSquared;
  // n × q, the last column all ones where there is an intercept.
  const Eigen::MatrixXd* design = nullptr;
  // kSquared: values; kLogistic: 0 or 1; kMultinomial: class index.
  const Eigen::VectorXd* target = nullptr;
  const Eigen::VectorXd* weights = nullptr;
  int classes = 1;  // columns of B: 1 but for kMultinomial
  bool intercept = true;
  double c = 1;
  double l1_ratio = 0;
  double tolerance = 1e-9;
  int max_iterations = 1000;
  // Called after each iteration with mean loss and scaled gradient; false stops the solver.
  std::function<bool(int iteration, double mean_loss, double gradient)> progress;
};

struct LinearSolution {
  Eigen::MatrixXd coefficients;  // B: q × classes
  int iterations = 0;
  bool converged = false;
  bool stopped = false;
  double objective = 0;
  double mean_loss = 0;  // without penalty, by weight
};

inline constexpr int kMaxDense = 1500;

LinearSolution SolveLinear(const LinearProblem& problem);

// Mean loss of scores Z (n × classes) against the target, by weight.
double MeanLoss(Loss loss, const Eigen::MatrixXd& scores, const Eigen::VectorXd& target,
                const Eigen::VectorXd& weights);

// Rows of scores into probabilities, in place; stable for any scores.
void Softmax(Eigen::MatrixXd& scores);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_ALGORITHMS_LINEAR_LEARNER_SOLVER_H_
