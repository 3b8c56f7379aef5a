"""XGBoost's Python package on the matrix of adult_test.cc.

    apt-get install python3-xgboost        # 1.7.4, with NumPy
    mkdir /tmp/matrix
    PENSTOCK_EXPORT_TO=/tmp/matrix build/tests/xgboost_golden_test --gtest_filter='*Exports*'
    /usr/bin/python3 tests/golden/steps/xgboost/reference.py /tmp/matrix

Prints the AUC and accuracy that stand in adult_test.cc.
"""

import csv
import pathlib
import sys

import numpy
import xgboost


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows)
        values = numpy.array([[float(x) if x else numpy.nan for x in row] for row in rows])
    label = header.index("income")
    return numpy.delete(values, label, axis=1), values[:, label]


def auc(scores, labels):
    """The share of (positive, negative) pairs in order, ties counting half."""
    order = numpy.argsort(scores, kind="stable")
    _, first, counts = numpy.unique(scores[order], return_index=True, return_counts=True)
    ranks = numpy.empty(len(scores))
    ranks[order] = numpy.repeat(first + (counts + 1) / 2, counts)
    positives = labels.sum()
    negatives = len(labels) - positives
    return (ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)


def main():
    folder = pathlib.Path(sys.argv[1])
    features, labels = read(folder / "train.csv")
    judged, truth = read(folder / "test.csv")
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 6, "eta": 0.3, "tree_method": "hist",
         "seed": 0},
        xgboost.DMatrix(features, labels), num_boost_round=100)
    scores = booster.predict(xgboost.DMatrix(judged))
    print(f"xgboost {xgboost.__version__}: {features.shape[0]} × {features.shape[1]}, "
          f"AUC {auc(scores, truth):.5f}, accuracy {((scores >= 0.5) == truth).mean():.5f}")


if __name__ == "__main__":
    main()
