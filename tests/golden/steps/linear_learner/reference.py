"""Logistic regression on the census data by another way, for adult_test.cc.

    PENSTOCK_EXPORT_TO=/tmp/m build/tests/xgboost_golden_test --gtest_filter='*Exports*'
    python3 tests/golden/steps/linear_learner/reference.py /tmp/m > reference.json

Reads train.csv and test.csv (label first), standardises by the training rows' means and population
standard deviations, and minimises C * sum(log-loss) + |w|^2 / 2 with C = 1 by Newton's method in
numpy until no entry of the gradient exceeds 1e-10 times the number of rows. Needs numpy alone.
"""
import csv
import json
import sys

import numpy as np


def read(path):
    with open(path, newline="") as file:
        rows = csv.reader(file)
        names = next(rows)
        values = np.array([[float(cell) for cell in row] for row in rows])
    return names[1:], values[:, 1:], values[:, 0]


names, x, y = read(sys.argv[1] + "/train.csv")
test_names, x_test, y_test = read(sys.argv[1] + "/test.csv")
assert names == test_names
mean, scale = x.mean(axis=0), x.std(axis=0)
scale[scale == 0] = 1
a = np.column_stack([(x - mean) / scale, np.ones(len(x))])
penalty = np.ones(a.shape[1])
penalty[-1] = 0
w = np.zeros(a.shape[1])
for _ in range(100):
    p = 1 / (1 + np.exp(-(a @ w)))
    gradient = a.T @ (p - y) + penalty * w
    if np.abs(gradient).max() < 1e-10 * len(x):
        break
    hessian = (a * (p * (1 - p))[:, None]).T @ a + np.diag(penalty)
    w -= np.linalg.solve(hessian, gradient)
else:
    sys.exit("not converged")

score = np.column_stack([(x_test - mean) / scale, np.ones(len(x_test))]) @ w
order = np.argsort(score, kind="stable")
rank = np.empty(len(score))
ordered = score[order]
start = 0
while start < len(ordered):  # mean ranks of ties
    end = start
    while end < len(ordered) and ordered[end] == ordered[start]:
        end += 1
    rank[order[start:end]] = (start + end + 1) / 2
    start = end
positives = y_test.sum()
auc = (rank[y_test == 1].sum() - positives * (positives + 1) / 2) / (
    positives * (len(y_test) - positives))
json.dump({"auc": auc, "accuracy": float(((score >= 0) == (y_test == 1)).mean()),
           "intercept": w[-1], "coefficients": dict(zip(names, w[:-1]))},
          sys.stdout, indent=1)
