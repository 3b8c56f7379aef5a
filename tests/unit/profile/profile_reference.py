#!/usr/bin/env python3
"""Computes what the profile of two tables must say, from the definitions and with exact fractions
where there are sums: writes profile_reference.csv (a table that it generates) and
profile_reference.json (the figures of it, and of the census data where they are given).

usage: profile_reference.py [ADULT.DATA]
"""

import bisect
import collections
import csv
import json
import math
import sys
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARES = {"p1": 0.01, "p5": 0.05, "q1": 0.25, "median": 0.5, "q3": 0.75, "p95": 0.95, "p99": 0.99}
CENSUS = ["age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation",
          "relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week",
          "native-country", "income"]


def root(fraction):
    """The square root of a fraction as a float, without leaving its range."""
    scale = 10 ** 40
    return math.isqrt(int(fraction * scale * scale)) / scale


def power_sums(values):
    exact = [Fraction(v) for v in values]
    return len(exact), *(sum(v ** k for v in exact) for k in (1, 2, 3, 4))


def moments(values):
    n, s1, s2, s3, s4 = power_sums(values)
    mean = s1 / n
    m2 = s2 - n * mean ** 2
    m3 = s3 - 3 * mean * s2 + 2 * n * mean ** 3
    m4 = s4 - 4 * mean * s3 + 6 * mean ** 2 * s2 - 3 * n * mean ** 4
    # Bias-corrected, as pandas' skew() and kurt().
    k2 = m2 / (n - 1)
    k3 = n * m3 / ((n - 1) * (n - 2))
    skewness = math.copysign(root(k3 ** 2 / k2 ** 3), k3)
    kurtosis = (Fraction(n * (n + 1), (n - 1) * (n - 2) * (n - 3)) * m4 / k2 ** 2
                - Fraction(3 * (n - 1) ** 2, (n - 2) * (n - 3)))
    return {"mean": float(mean), "standard_deviation": root(k2), "skewness": skewness,
            "kurtosis": float(kurtosis)}


def quantile(ordered, share):
    at = Fraction(len(ordered) - 1) * Fraction(str(share))
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    a, b = Fraction(ordered[low]), Fraction(ordered[high])
    return float(a + (b - a) * (at - low))


def histogram(values, bins):
    low, high = min(values), max(values)
    edges = [low + (high - low) * i / bins for i in range(bins)] + [high]
    counts = [0] * bins
    for value in values:
        counts[min(bisect.bisect_right(edges, value) - 1, bins - 1)] += 1
    return counts


def numbers(values):
    present = [v for v in values if v is not None]
    figures = moments(present)
    ordered = sorted(present)
    for name, share in SHARES.items():
        figures[name] = quantile(ordered, share)
    spread = figures["q3"] - figures["q1"]
    low, high = figures["q1"] - 1.5 * spread, figures["q3"] + 1.5 * spread
    figures.update(
        count=len(present), distinct=len(set(present)), minimum=ordered[0], maximum=ordered[-1],
        zeros=sum(v == 0 for v in present), negatives=sum(v < 0 for v in present),
        iqr=sum(v < low or v > high for v in present),
        z=sum(abs(v - figures["mean"]) > 3 * figures["standard_deviation"] for v in present),
        histogram={bins: histogram(present, bins) for bins in (1, 7, 50)})
    return figures


def texts(values):
    present = [v for v in values if v is not None]
    counts = collections.Counter(present)
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0].encode()))[:10]
    return {"count": len(present), "distinct": len(counts), "top": top,
            "shortest": min(map(len, present)), "longest": max(map(len, present)),
            "mean_length": sum(map(len, present)) / len(present)}


def both(x, y):
    return zip(*[(a, b) for a, b in zip(x, y) if a is not None and b is not None])


def pearson(x, y):
    x, y = map(list, both(x, y))
    n = len(x)
    x, y = [Fraction(v) for v in x], [Fraction(v) for v in y]
    xy = sum(a * b for a, b in zip(x, y)) - sum(x) * sum(y) / n
    xx = sum(a * a for a in x) - sum(x) ** 2 / n
    yy = sum(b * b for b in y) - sum(y) ** 2 / n
    return math.copysign(root(xy ** 2 / (xx * yy)), xy)


def ranks(values):
    ordered = sorted(values)
    return [Fraction(bisect.bisect_left(ordered, v) + bisect.bisect_right(ordered, v) + 1, 2)
            for v in values]


def spearman(x, y):
    x, y = map(list, both(x, y))
    return pearson(ranks(x), ranks(y))


def cramers_v(x, y):
    pairs = list(zip(*both(x, y)))
    n = len(pairs)
    cells = collections.Counter(pairs)
    rows = collections.Counter(a for a, _ in pairs)
    columns = collections.Counter(b for _, b in pairs)
    chi2 = sum((cells[a, b] - Fraction(rows[a] * columns[b], n)) ** 2
               / Fraction(rows[a] * columns[b], n) for a in rows for b in columns)
    r, k = len(rows), len(columns)
    phi2 = max(Fraction(0), chi2 / n - Fraction((r - 1) * (k - 1), n - 1))
    smaller = min(k - Fraction((k - 1) ** 2, n - 1), r - Fraction((r - 1) ** 2, n - 1)) - 1
    return root(phi2 / smaller)


def eta_squared(groups, values):
    by = collections.defaultdict(list)
    for group, value in zip(groups, values):
        by[group].append(Fraction(value))
    n = sum(map(len, by.values()))
    mean = sum(map(sum, by.values())) / n
    between = sum(len(g) * (sum(g) / len(g) - mean) ** 2 for g in by.values())
    total = sum((v - mean) ** 2 for g in by.values() for v in g)
    return between / total, n, len(by)


def correlation_ratio(groups, values):
    return root(eta_squared(*both(groups, values))[0])


def auc(values, positive):
    values, positive = map(list, both(values, positive))
    yes = [v for v, p in zip(values, positive) if p]
    no = sorted(v for v, p in zip(values, positive) if not p)
    wins = sum(bisect.bisect_left(no, v) + Fraction(bisect.bisect_right(no, v)
                                                   - bisect.bisect_left(no, v), 2) for v in yes)
    area = wins / (len(yes) * len(no))
    return float(max(area, 1 - area))


def rank_epsilon2(groups, values):
    groups, values = map(list, both(groups, values))
    eta, n, k = eta_squared(groups, ranks(values))
    return float(max(0, 1 - (1 - eta) * Fraction(n - 1, n - k)))


def rank_separation(values, classes):
    values, classes = map(list, both(values, classes))
    eta, _, _ = eta_squared(classes, ranks(values))
    # What the same classes have where they stand one after the other.
    best, _, _ = eta_squared(sorted(classes), range(len(classes)))
    return float(eta / best)


def figures(table, label, kinds):
    of_numbers = [c for c in table if kinds[c] == "n"]
    of_texts = [c for c in table if kinds[c] == "t"]
    rows = list(zip(*table.values()))
    result = {
        "rows": len(rows), "duplicates": len(rows) - len(set(rows)),
        "missing": sum(v is None for c in table.values() for v in c),
        "numbers": {c: numbers(table[c]) for c in of_numbers},
        "texts": {c: texts(table[c]) for c in of_texts},
        "pearson": {f"{a}|{b}": pearson(table[a], table[b])
                    for i, a in enumerate(of_numbers) for b in of_numbers[i + 1:]},
        "spearman": {f"{a}|{b}": spearman(table[a], table[b])
                     for i, a in enumerate(of_numbers) for b in of_numbers[i + 1:]},
        "cramers_v": {f"{a}|{b}": cramers_v(table[a], table[b])
                      for i, a in enumerate(of_texts) for b in of_texts[i + 1:]},
        "correlation_ratio": {f"{a}|{b}": correlation_ratio(table[a], table[b])
                              for a in of_texts for b in of_numbers}}
    last = max(v for v in table[label] if v is not None)
    positive = [None if v is None else v == last for v in table[label]]
    result["auc"] = {c: auc(table[c], positive) for c in of_numbers}
    return result


def generate():
    """300 rows by a linear congruential generator; no library's random numbers."""
    state = 12345

    def draw(below):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        return (state >> 33) % below

    rows = []
    for i in range(300):
        a = draw(8000) / 8
        group = ["north", "süd", "öst", "west, far"][draw(100) // 40 if draw(3) else draw(4)]
        rows.append({
            "a": None if i % 17 == 5 else a,
            "b": 3 * a - 1000 + draw(400) / 4,
            "big": 1e9 + draw(1000) / 1024,
            "d": draw(11) - 5,
            "tail": draw(10) ** 6 / 64,
            "g": None if i % 23 == 7 else group,
            "h": group[0] if draw(5) else "x",
            "three": ["low", "middle", "top"][min(2, int(a + draw(300)) // 400)],
            "y": "yes" if a + draw(500) > 800 else "no"})
    return rows + rows[10:14]


def main():
    rows = generate()
    with open(HERE / "profile_reference.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0])
        for row in rows:
            writer.writerow(["" if v is None else v for v in row.values()])
    table = {c: [row[c] for row in rows] for c in rows[0]}
    kinds = {c: "t" if c in ("g", "h", "three", "y") else "n" for c in table}
    made = {"small": figures(table, "y", kinds)}
    small = made["small"]
    numeric = [c for c in kinds if kinds[c] == "n"]
    small["rank_separation"] = {c: rank_separation(table[c], table["three"]) for c in numeric}
    small["rank_r2"] = {c: spearman(table[c], table["a"]) ** 2 for c in numeric if c != "a"}
    small["rank_epsilon2"] = {c: rank_epsilon2(table[c], table["a"]) for c in ("g", "h", "three", "y")}
    target = HERE / "profile_reference.json"
    if len(sys.argv) > 1:
        columns = [[] for _ in CENSUS]
        with open(sys.argv[1], encoding="utf-8") as file:
            for row in csv.reader(file, skipinitialspace=True):
                for column, value in zip(columns, row):
                    column.append(None if value == "?" else value)
        table = dict(zip(CENSUS, columns))
        kinds = {c: "n" if all(v is None or v.isdigit() for v in table[c]) else "t" for c in CENSUS}
        for column in CENSUS:
            if kinds[column] == "n":
                table[column] = [int(v) for v in table[column]]
        made["census"] = figures(table, "income", kinds)
    target.write_text(json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n",
                      encoding="utf-8")


if __name__ == "__main__":
    main()
