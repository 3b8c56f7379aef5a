"""Computes what comparison_test.cc expects, independently of the C++ code, in plain Python.

    python3 tests/golden/steps/evaluate/comparison_reference.py

The rows are formulas, the generator is xoshiro256** seeded by splitmix64 (Blackman and Vigna), AUC is
the share of pairs of a positive and a negative row that are in the right order (ties count half), and
quantiles are interpolated between order statistics, as numpy's default does.
"""
import math
import sys

sys.path.insert(0, __file__.rsplit("/tests/", 1)[0] + "/tests/unit/process")
from split_reference import generator  # noqa: E402

RESAMPLES = 1000
SEED = 20190613
ROWS = 60


def rows():
    labels = [1 if i * 7 % 5 < 2 else 0 for i in range(ROWS)]
    first = [round((i * 37 % 101) / 101 + 0.35 * labels[i], 2) for i in range(ROWS)]
    second = [round((i * 53 % 97) / 97 + 0.26 * labels[i], 1) for i in range(ROWS)]
    weights = [1 + i % 3 for i in range(ROWS)]
    return labels, first, second, weights


def auc(labels, scores, weights):
    pairs = right = 0.0
    for i, positive in enumerate(labels):
        if positive != 1 or weights[i] == 0:
            continue
        for j, other in enumerate(labels):
            if other == 1 or weights[j] == 0:
                continue
            weight = weights[i] * weights[j]
            pairs += weight
            right += weight * (1 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0)
    return right / pairs if pairs else math.nan


def accuracy(labels, scores, weights):
    return sum(w * s for w, s in zip(weights, scores)) / sum(weights)


def rmse(labels, scores, weights):
    squares = sum(w * (s - y) ** 2 for w, s, y in zip(weights, scores, labels))
    return math.sqrt(squares / sum(weights))


def compare(measure, labels, first, second, weights):
    differences = []
    for b in range(RESAMPLES):
        draws = generator(SEED + b)
        drawn = [0.0] * len(labels)
        for _ in labels:
            row = next(draws) * len(labels) >> 64
            drawn[row] += weights[row]
        difference = measure(labels, first, drawn) - measure(labels, second, drawn)
        if not math.isnan(difference):
            differences.append(difference)
    differences.sort()

    def quantile(share):
        at = share * (len(differences) - 1)
        below = int(at)
        above = min(below + 1, len(differences) - 1)
        return differences[below] + (at - below) * (differences[above] - differences[below])

    at_most = sum(d <= 0 for d in differences)
    at_least = sum(d >= 0 for d in differences)
    p = min(1.0, 2 * (min(at_most, at_least) + 1) / (len(differences) + 1))
    a, b = measure(labels, first, weights), measure(labels, second, weights)
    return a, b, a - b, quantile(0.025), quantile(0.975), p


if __name__ == "__main__":
    labels, first, second, weights = rows()
    ones = [1.0] * ROWS
    cases = {
        "auc": (auc, labels, first, second, ones),
        "auc, weighted": (auc, labels, first, second, weights),
        "accuracy": (accuracy, labels, [int(s > 0.5) for s in first], [int(s > 0.3) for s in second],
                     ones),
        "rmse": (rmse, [s * 2 for s in first], [s * 2 + 0.1 for s in first], second, ones),
        "rmse, weighted": (rmse, [s * 2 for s in first], first, second, weights),
    }
    for name, case in cases.items():
        print(name, "{" + ", ".join(repr(float(value)) for value in compare(*case)) + "}")
