#!/usr/bin/env python3
"""Computes what operations on numbers must make of a table that this script generates, with pandas,
scikit-learn and SciPy (1.5, 1.2 and 1.10; yeo_johnson of years with decimals of 60 digits, where
doubles do not suffice), and writes numbers_reference.json: the table, and for each case the entry of
`transforms`, how many rows it is fitted on, the columns after it and how far off they may be.

usage: numbers_reference.py
"""

import decimal
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.preprocessing import (KBinsDiscretizer, MaxAbsScaler, MinMaxScaler, OrdinalEncoder,
                                   PowerTransformer, QuantileTransformer, RobustScaler,
                                   StandardScaler)

HERE = Path(__file__).resolve().parent
ROWS, TRAIN = 120, 92


def generate():
    """By a linear congruential generator; no library's random numbers."""
    state = 2024

    def draw():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        return (state >> 11) / 2 ** 53

    rows = []
    for i in range(ROWS):
        normal = sum(draw() for _ in range(12)) - 6
        row = {"skew": round(np.exp(1.2 * normal), 4), "both": round(normal * abs(normal) * 3, 3),
               "below": -round(np.exp(draw() * 4), 3), "ties": int(draw() * 6) - 1,
               "years": 1950 + int(70 * draw() ** 0.5), "near": 1000 + round(draw(), 3),
               "team": "abcd"[int(draw() * 4)], "region": ["north", "süd"][int(draw() * 2)]}
        if i >= TRAIN and i % 7 == 0:
            row["skew"], row["both"], row["ties"] = row["skew"] * 40, row["both"] * 40, 9
        for name in ("skew", "both", "ties", "near"):
            if draw() < 0.12:
                row[name] = None
        for name in ("team", "region"):
            if draw() < 0.05:
                row[name] = None
        if i >= TRAIN and i % 11 == 0:
            row["team"] = "new"
        rows.append(row)
    return pd.DataFrame(rows)


table = generate()
train = table[:TRAIN]
numbers = ["skew", "both", "below", "ties", "near"]
cases = []


def case(spec, expected, tolerance=1e-12):
    columns = {}
    for name, values in expected.items():
        columns[name] = [None if pd.isna(v) else v if isinstance(v, str) else float(v)
                         for v in values]
    cases.append({"spec": spec, "expected": columns, "tolerance": tolerance})


def by_column(names, make):
    """Fits `make()` on each column's values and applies it to them; the missing stay missing."""
    result = {}
    for name in names:
        there = table[name].notna()
        fitted = make().fit(train[[name]].dropna().to_numpy(float))
        values = np.full(ROWS, np.nan)
        values[there] = np.asarray(fitted.transform(table.loc[there, [name]].to_numpy(float)))[:, 0]
        result[name] = values
    return result


def scaling():
    case({"op": "robust", "columns": numbers}, by_column(numbers, RobustScaler))
    case({"op": "robust", "columns": numbers, "quantiles": [0.05, 0.9]},
         by_column(numbers, lambda: RobustScaler(quantile_range=(5, 90))))
    case({"op": "max_abs", "columns": numbers}, by_column(numbers, MaxAbsScaler))
    case({"op": "log", "columns": ["skew"]}, {"skew": np.log1p(table["skew"])})
    case({"op": "log", "columns": ["skew"], "offset": 0.25}, {"skew": np.log(table["skew"] + 0.25)})
    shifted = {}
    for name in ["skew", "both", "below"]:
        offset = max(0.0, 1 - train[name].min())
        moved = table[name] + offset
        shifted[name] = np.log(moved.where(moved > 0))
    case({"op": "log", "columns": list(shifted), "offset": "auto", "below": "missing"}, shifted)
    floor = train["both"][train["both"] > -0.5].min()
    case({"op": "log", "columns": ["both"], "offset": 0.5, "below": "clip"},
         {"both": np.log(table["both"].where(table["both"].isna() | (table["both"] > -0.5), floor)
                         + 0.5)})
    for distribution in ["uniform", "normal"]:
        for quantiles in [20, 1000]:
            # With one quantile a value scikit-learn's are off by rounding, which ties show.
            names = [name for name in numbers if name != "ties" or quantiles == 20]
            case({"op": "quantile", "columns": names, "distribution": distribution,
                  "n_quantiles": quantiles},
                 by_column(names, lambda: QuantileTransformer(
                     n_quantiles=quantiles, output_distribution=distribution,
                     subsample=10 ** 9)), 1e-9)
    there = train["ties"].dropna()
    shares = dict(zip(there, ((rankdata(there, "min") + rankdata(there, "max")) / 2 - 1)
                      / (len(there) - 1)))
    shares[there.min()], shares[there.max()], shares[9] = 0, 1, 1
    case({"op": "quantile", "columns": ["ties"]}, {"ties": table["ties"].map(shares)})


def basics():
    case({"op": "standard", "columns": numbers}, by_column(numbers, StandardScaler))
    case({"op": "min_max", "columns": numbers}, by_column(numbers, MinMaxScaler))
    case({"op": "min_max", "columns": numbers, "range": [-2, 3], "clip": True},
         by_column(numbers, lambda: MinMaxScaler((-2, 3), clip=True)))
    for method, strategy in [("mean", "mean"), ("median", "median"), ("mode", "most_frequent")]:
        filled = SimpleImputer(strategy=strategy).fit(train[numbers]).transform(table[numbers])
        case({"op": "impute", "columns": numbers, "method": method},
             dict(zip(numbers, filled.T)))
    filled = table[numbers].fillna(-1.5)
    case({"op": "impute", "columns": numbers, "method": "constant", "value": -1.5,
          "indicator": True},
         {**{name: filled[name] for name in numbers},
          **{name + "=(missing)": table[name].isna() for name in numbers}})
    texts = ["team", "region"]
    most = {name: sorted(train[name].mode())[0] for name in texts}
    case({"op": "impute", "columns": texts, "method": "mode"},
         {name: table[name].fillna(most[name]) for name in texts})
    case({"op": "impute", "columns": texts, "method": "category", "value": "?"},
         {name: table[name].fillna("?") for name in texts})
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    codes = encoder.fit(train[texts].dropna()).transform(table[texts])
    codes[table[texts].isna().to_numpy()] = np.nan
    case({"op": "ordinal", "columns": texts, "unknown": "missing"}, dict(zip(texts, codes.T)))
    order = ["d", "b", "a", "c"]
    case({"op": "ordinal", "columns": ["team"], "order": order, "unknown": "missing"},
         {"team": [order.index(v) if v in order else None for v in table["team"]]})
    case({"op": "map_values", "columns": ["team"], "map": {"a": "first", "b": None}},
         {"team": table["team"].replace({"a": "first"}).where(table["team"] != "b", None)})


def yeo_johnson_of_years():
    """The likelihood is convex in lambda; thirds of an interval, exactly."""
    decimal.getcontext().prec = 60
    logs = [(Decimal(int(v)) + 1).ln() for v in train["years"]]
    mean_log = sum(logs) / len(logs)

    def moments(power):
        values = [((power * log).exp() - 1) / power for log in logs]
        mean = sum(values) / len(values)
        return mean, sum((v - mean) ** 2 for v in values) / len(values)

    def loss(power):
        return moments(power)[1].ln() / 2 - (power - 1) * mean_log

    low, high = Decimal(-200), Decimal(200)
    while high - low > Decimal(10) ** -14:
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if loss(a) < loss(b):
            high = b
        else:
            low = a
    power = (low + high) / 2
    mean, variance = moments(power)
    deviation = variance.sqrt()
    return [float((((power * (Decimal(int(v)) + 1).ln()).exp() - 1) / power - mean) / deviation)
            for v in table["years"]]


def powers():
    # Brent's method stops at a relative 1.5e-8 of lambda.
    names = ["skew", "both", "below", "ties"]
    for standardize in [True, False]:
        case({"op": "yeo_johnson", "columns": names, "standardize": standardize},
             by_column(names, lambda: PowerTransformer(standardize=standardize)), 2e-6)
    case({"op": "yeo_johnson", "columns": ["years"]}, {"years": yeo_johnson_of_years()}, 2e-6)


def bins():
    for method, strategy in [("equal_width", "uniform"), ("quantile", "quantile")]:
        case({"op": "bin", "columns": numbers, "method": method, "bins": 4},
             by_column(numbers, lambda: KBinsDiscretizer(4, encode="ordinal", strategy=strategy)))
    edges = [-1, 0, 2.5, 9]
    case({"op": "bin", "columns": ["both", "ties"], "method": "edges", "edges": edges,
          "closed": "right"},
         {name: pd.cut(table[name], [-np.inf] + edges[1:-1] + [np.inf], labels=False)
          for name in ["both", "ties"]})
    case({"op": "bin", "columns": ["ties"], "method": "edges", "edges": edges, "output": "label"},
         {"ties": pd.cut(table["ties"], [-np.inf, 0, 2.5, np.inf], right=False,
                         labels=["(-inf, 0)", "[0, 2.5)", "[2.5, inf)"]).astype(object)})
    cut = pd.cut(table["both"], [-np.inf, 0, 2.5, np.inf], right=False, labels=["l", "m", "h"])
    case({"op": "bin", "columns": ["both"], "method": "edges", "edges": edges, "output": "one_hot",
          "labels": ["l", "m", "h"]},
         {f"both={label}": (cut == label).astype(int) for label in "lmh"})


def outliers():
    names = ["skew", "both", "ties"]
    rules = [({"method": "z_score"}, lambda c: (c.mean() - 3 * c.std(), c.mean() + 3 * c.std())),
             ({"method": "z_score", "threshold": 1.5},
              lambda c: (c.mean() - 1.5 * c.std(), c.mean() + 1.5 * c.std())),
             ({"method": "iqr"}, lambda c: (2.5 * c.quantile(.25) - 1.5 * c.quantile(.75),
                                            2.5 * c.quantile(.75) - 1.5 * c.quantile(.25))),
             ({"method": "quantile", "lower": 0.1, "upper": 0.85},
              lambda c: (c.quantile(0.1), c.quantile(0.85)))]
    for rule, bounds_of in rules:
        bounds = {name: bounds_of(train[name]) for name in names}
        outside = {name: (table[name] < bounds[name][0]) | (table[name] > bounds[name][1])
                   for name in names}
        spec = {"op": "outliers", "columns": names, **rule}
        case({**spec, "action": "clip"},
             {name: table[name].clip(*bounds[name]) for name in names})
        case({**spec, "action": "missing"},
             {name: table[name].mask(outside[name]) for name in names})
        case({**spec, "action": "mark"},
             {**{name: table[name] for name in names},
              **{name + "=(outlier)": outside[name].astype(int) for name in names}})


def imputation():
    names = ["skew", "both", "ties", "near"]
    for by in [["team"], ["team", "region"]]:
        for method in ["mean", "median", "mode"]:
            def of(column):
                there = column.dropna()
                if there.empty:
                    return np.nan
                return there.mode().min() if method == "mode" else getattr(there, method)()
            expected = {}
            for name in names:
                values = train.groupby(by)[name].apply(of)
                keys = table[by[0]] if len(by) == 1 else list(zip(table[by[0]], table[by[1]]))
                fill = [values.get(key, np.nan) if not any(pd.isna(k) for k in np.atleast_1d(
                    np.array(key, dtype=object))) else np.nan for key in keys]
                expected[name] = table[name].fillna(pd.Series(fill)).fillna(of(train[name]))
            case({"op": "impute", "columns": names, "method": method, "by": by}, expected)
    mode = train.groupby("team")["region"].agg(lambda c: c.mode().min())
    case({"op": "impute", "columns": ["region"], "method": "mode", "by": "team"},
         {"region": table["region"].fillna(table["team"].map(mode))
          .fillna(train["region"].mode().min())})
    case({"op": "indicator", "columns": names + ["below"]},
         {name + "=(missing)": table[name].isna().astype(int) for name in names})


def distance(x, y, missing_values=np.nan):
    """nan_euclidean, but not by scalar products, which lose half of the digits of small ones."""
    both = ~np.isnan(x) & ~np.isnan(y)
    if not both.any():
        return np.nan
    return np.sqrt(len(x) / both.sum() * ((x[both] - y[both]) ** 2).sum())


def neighbours():
    names = ["skew", "both", "below", "ties", "near"]
    scale = train[names].std(ddof=0)
    for weights in ["uniform", "distance"]:
        for count in [1, 5]:
            imputer = KNNImputer(n_neighbors=count, weights=weights, metric=distance)
            filled = imputer.fit(train[names].to_numpy(float)).transform(
                table[names].to_numpy(float))
            spec = {"op": "impute_knn", "columns": names, "neighbours": count, "weights": weights}
            case(spec, dict(zip(names, filled.T)), 1e-9)
            filled = imputer.fit((train[names] / scale).to_numpy(float)).transform(
                (table[names] / scale).to_numpy(float)) * scale.to_numpy()
            case({**spec, "standardize": True}, dict(zip(names, filled.T)), 1e-9)


basics()
scaling()
powers()
bins()
outliers()
imputation()
neighbours()
columns = {name: [None if pd.isna(v) else v for v in table[name].tolist()] for name in table}
(HERE / "numbers_reference.json").write_text(
    json.dumps({"train": TRAIN, "table": columns, "cases": cases}, ensure_ascii=False) + "\n")
