// The solver against cases with known answers, and against the conditions that define a minimum.

#include "steps/algorithms/linear_learner/solver.h"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <cmath>

#include "base/random.h"

namespace penstock {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

struct Data {
  MatrixXd design;
  VectorXd target;
  VectorXd weights;
};

// Columns of noise and a last one of ones; the target from given coefficients, with noise.
Data MakeData(int rows, int columns, int classes, uint64_t seed) {
  SeededRandom random(seed);
  Data data{MatrixXd(rows, columns + 1), VectorXd(rows), VectorXd::Ones(rows)};
  for (int i = 0; i < rows; ++i) {
    double score = 0.3;
    for (int j = 0; j < columns; ++j) {
      data.design(i, j) = 2 * random.NextDouble() - 1;
      score += (j % 2 == 0 ? 1.0 : -0.5) * data.design(i, j);
    }
    data.design(i, columns) = 1;
    score += random.NextDouble() - 0.5;
    data.target[i] = classes == 1   ? score
                     : classes == 2 ? (score > 0.3 ? 1 : 0)
                                    : std::clamp(std::floor(score + 1.5), 0.0, classes - 1.0);
  }
  return data;
}

LinearProblem Problem(const Data& data, Loss loss, int classes) {
  LinearProblem problem;
  problem.loss = loss;
  problem.design = &data.design;
  problem.target = &data.target;
  problem.weights = &data.weights;
  problem.classes = classes;
  return problem;
}

TEST(LinearSolverTest, SquaredLossHasTheClosedFormOfRidge) {
  const Data data = MakeData(200, 5, 1, 1);
  LinearProblem problem = Problem(data, Loss::kSquared, 1);
  problem.c = 0.7;
  const LinearSolution solution = SolveLinear(problem);
  ASSERT_TRUE(solution.converged);
  MatrixXd normal = 0.7 * data.design.transpose() * data.design;
  for (int j = 0; j < 5; ++j) normal(j, j) += 1;
  const VectorXd expected = normal.ldlt().solve(0.7 * data.design.transpose() * data.target);
  EXPECT_LT((solution.coefficients.col(0) - expected).cwiseAbs().maxCoeff(), 1e-9);
}

TEST(LinearSolverTest, LogisticWithOneConstantFindsTheLogOdds) {
  // An intercept alone: its value is log(p / (1 - p)) of the positives' share.
  Data data{MatrixXd::Ones(10, 1), VectorXd::Zero(10), VectorXd::Ones(10)};
  data.target.head(3).setOnes();
  const LinearSolution solution = SolveLinear(Problem(data, Loss::kLogistic, 1));
  ASSERT_TRUE(solution.converged);
  EXPECT_NEAR(solution.coefficients(0, 0), std::log(3.0 / 7.0), 1e-9);
  EXPECT_NEAR(solution.mean_loss, -(0.3 * std::log(0.3) + 0.7 * std::log(0.7)), 1e-12);
}

TEST(LinearSolverTest, AWeightOfTwoIsTheRowTwice) {
  Data once = MakeData(60, 3, 2, 2);
  Data twice = once;
  once.weights[7] = 2;
  twice.design.conservativeResize(61, Eigen::NoChange);
  twice.design.row(60) = twice.design.row(7);
  twice.target.conservativeResize(61);
  twice.target[60] = twice.target[7];
  twice.weights = VectorXd::Ones(61);
  const LinearSolution a = SolveLinear(Problem(once, Loss::kLogistic, 1));
  const LinearSolution b = SolveLinear(Problem(twice, Loss::kLogistic, 1));
  EXPECT_LT((a.coefficients - b.coefficients).cwiseAbs().maxCoeff(), 1e-8);
}

TEST(LinearSolverTest, TwoClassesMultinomialAgreesWithLogistic) {
  // Softmax of two classes with penalty C is logistic with penalty 2C: each class takes half.
  const Data data = MakeData(300, 4, 2, 3);
  LinearProblem logistic = Problem(data, Loss::kLogistic, 1);
  logistic.c = 2;
  LinearProblem softmax = Problem(data, Loss::kMultinomial, 2);
  softmax.c = 1;
  const LinearSolution a = SolveLinear(logistic);
  const LinearSolution b = SolveLinear(softmax);
  ASSERT_TRUE(a.converged);
  ASSERT_TRUE(b.converged);
  const VectorXd difference = b.coefficients.col(1) - b.coefficients.col(0);
  EXPECT_LT((difference - a.coefficients.col(0)).cwiseAbs().maxCoeff(), 1e-6);
}

TEST(LinearSolverTest, L1HoldsTheOptimalityConditionsAndZeroesUselessColumns) {
  for (const Loss loss : {Loss::kSquared, Loss::kLogistic}) {
    Data data = MakeData(400, 6, loss == Loss::kSquared ? 1 : 2, 4);
    SeededRandom random(5);
    for (int i = 0; i < 400; ++i) data.design(i, 5) = 2 * random.NextDouble() - 1;
    LinearProblem problem = Problem(data, loss, 1);
    problem.c = 0.05;
    problem.l1_ratio = 1;
    const LinearSolution solution = SolveLinear(problem);
    ASSERT_TRUE(solution.converged);
    const VectorXd w = solution.coefficients.col(0);
    VectorXd mean = data.design * w;
    if (loss == Loss::kLogistic) mean = (1 / (1 + (-mean.array()).exp())).matrix();
    const VectorXd gradient = 0.05 * data.design.transpose() * (mean - data.target);
    for (int j = 0; j < 6; ++j) {
      if (w[j] == 0) {
        EXPECT_LE(std::abs(gradient[j]), 1 + 1e-6) << j;
      } else {
        EXPECT_NEAR(gradient[j], w[j] > 0 ? -1 : 1, 1e-6) << j;
      }
    }
    EXPECT_NEAR(gradient[6], 0, 1e-6);
    EXPECT_EQ(w[5], 0);
    EXPECT_NE(w[0], 0);
  }
}

TEST(LinearSolverTest, FourClassesHoldTheOptimalityConditions) {
  const Data data = MakeData(400, 3, 4, 6);
  LinearProblem problem = Problem(data, Loss::kMultinomial, 4);
  problem.tolerance = 1e-8;
  const LinearSolution whole = SolveLinear(problem);
  ASSERT_TRUE(whole.converged);
  // The gradient of every penalised entry vanishes.
  MatrixXd p = data.design * whole.coefficients;
  Softmax(p);
  for (int i = 0; i < 400; ++i) p(i, static_cast<int>(data.target[i])) -= 1;
  MatrixXd gradient = data.design.transpose() * p;
  gradient.topRows(3) += whole.coefficients.topRows(3);
  EXPECT_LT(gradient.cwiseAbs().maxCoeff(), 1e-4);
}

TEST(LinearSolverTest, SeparableDataStayFiniteUnderL2) {
  Data data{MatrixXd::Ones(8, 2), VectorXd::Zero(8), VectorXd::Ones(8)};
  for (int i = 0; i < 8; ++i) {
    data.design(i, 0) = i < 4 ? -1 : 1;
    data.target[i] = i < 4 ? 0 : 1;
  }
  LinearProblem problem = Problem(data, Loss::kLogistic, 1);
  problem.c = 1e6;
  const LinearSolution solution = SolveLinear(problem);
  EXPECT_TRUE(solution.converged);
  EXPECT_TRUE(std::isfinite(solution.coefficients(0, 0)));
  EXPECT_GT(solution.coefficients(0, 0), 5);
}

TEST(LinearSolverTest, StopsWhenToldTo) {
  const Data data = MakeData(100, 3, 2, 7);
  LinearProblem problem = Problem(data, Loss::kLogistic, 1);
  int calls = 0;
  problem.progress = [&](int, double, double) { return ++calls < 2; };
  const LinearSolution solution = SolveLinear(problem);
  EXPECT_TRUE(solution.stopped);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace penstock
