#!/usr/bin/env python3
"""Computes what products and principal components of columns must be, with scikit-learn: writes
products_reference.json with the numbers that it generates and the columns that come of them.

usage: products_reference.py    (numpy, scikit-learn)
"""

import json
from pathlib import Path

import numpy
from sklearn.decomposition import PCA
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

HERE = Path(__file__).resolve().parent
NAMES = ["a", "b", "c", "d", "e"]


def products(numbers, degree, interaction_only):
    features = PolynomialFeatures(degree, interaction_only=interaction_only, include_bias=False)
    matrix = features.fit_transform(numbers)
    names = [name.replace(" ", "*") for name in features.get_feature_names_out(NAMES[:3])]
    first = numbers.shape[1]  # the columns themselves
    return {"degree": degree, "interaction_only": interaction_only, "names": names[first:],
            "matrix": matrix[:, first:].tolist()}


def components(numbers, train, standardize, count):
    scaler = StandardScaler(with_std=standardize).fit(numbers[:train])
    scaled = scaler.transform(numbers)
    pca = PCA(count, svd_solver="full").fit(scaled[:train])
    vectors = pca.components_
    # Each component's largest entry is positive: svd_flip of scikit-learn >= 1.5.
    signs = numpy.sign(vectors[numpy.arange(len(vectors)), numpy.abs(vectors).argmax(axis=1)])
    return {"standardize": standardize, "count": count if isinstance(count, int) else None,
            "variance": count if isinstance(count, float) else None,
            "variances": pca.explained_variance_.tolist(),
            "vectors": (vectors * signs[:, None]).tolist(),
            "matrix": ((scaled - pca.mean_) @ (vectors * signs[:, None]).T).tolist()}


def main():
    random = numpy.random.default_rng(3)
    train, rows = 50, 70
    hidden = random.normal(size=(rows, 2)) @ random.normal(size=(2, 5))
    numbers = hidden + 0.2 * random.normal(size=(rows, 5))
    numbers = numbers * [1, 10, 100, 0.01, 1] + [0, 5, -1e6, 0, 3]
    reference = {"train": train, "columns": {n: numbers[:, j].tolist()
                                             for j, n in enumerate(NAMES)}}
    reference["products"] = [products(numbers[:, :3], degree, only)
                             for degree in [2, 3, 5] for only in [False, True]]
    reference["pca"] = [components(numbers, train, standardize, count)
                        for standardize, count in [(False, 5), (True, 5), (True, 2), (True, 0.8),
                                                   (True, 0.99), (False, 1)]]
    (HERE / "products_reference.json").write_text(
        json.dumps(reference, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
