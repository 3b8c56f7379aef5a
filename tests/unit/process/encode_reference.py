#!/usr/bin/env python3
"""Computes what encodings of categories must give, with pandas and scikit-learn: writes
encode_reference.json with the values that it generates and the columns that come of them.

usage: encode_reference.py    (pandas, numpy, scikit-learn >= 1.2)
"""

import json
from pathlib import Path

import numpy
import pandas
from sklearn.preprocessing import OneHotEncoder

HERE = Path(__file__).resolve().parent
MASK = (1 << 64) - 1
VALUES = ["ash", "Birch", "cedar, red", "d\"oak\"", "élan", "fir\nfir", "🌲", "h", "i", "j"]


def mix(bits):
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
    return bits ^ (bits >> 31)


def hash_text(text):
    """HashText of steps/table/hashing.h: high and low."""
    data = text.encode()
    high, low = 0x243F6A8885A308D3, 0x13198A2E03707344 ^ len(data)
    for at in range(0, len(data), 8):
        word = int.from_bytes(data[at:at + 8], "little")
        high = (mix(high ^ word) + 0xA4093822299F31D0) & MASK
        rotated = ((low << 29) | (low >> 35)) & MASK
        low = ((rotated ^ word) * 0x9FB21C651E98DF25) & MASK
        low ^= low >> 32
    high = mix(high ^ len(data))
    return high, mix((low + high) & MASK)


def hashed(text, columns, seed):
    high, low = hash_text(text)
    salt = mix(~seed & MASK)
    row = [0] * columns
    row[mix((high + salt) & MASK) % columns] = -1 if mix((low + salt) & MASK) & 1 else 1
    return row


def fold_of(row, seed, folds):
    return mix((mix(row) + mix(~seed & MASK)) & MASK) % folds


def target_mean(values, labels, of, value, smoothing):
    """The m-estimate of `value` by the rows `of`."""
    prior = labels[of].mean()
    here = labels[of & (values == value)]
    return (here.sum() + smoothing * prior) / (len(here) + smoothing) if len(here) else prior


def target(values, labels, train, folds, seed, smoothing):
    """Out of fold on the first `train` rows; by all of them on the others; and on the first again."""
    fold = numpy.array([fold_of(i, seed, folds) for i in range(train)])
    known, label = values[:train], labels[:train]
    out = [target_mean(known, label, fold != fold[i], values[i], smoothing) for i in range(train)]
    every = numpy.ones(train, dtype=bool)
    whole = [target_mean(known, label, every, value, smoothing) for value in values]
    return {"out_of_fold": out, "whole": whole}


def main():
    random = numpy.random.default_rng(5)
    weights = numpy.array([60, 40, 30, 20, 12, 8, 5, 3, 1, 1], dtype=float)
    train, rows = 180, 240
    values = random.choice(VALUES, size=rows, p=weights / weights.sum())
    values[train:train + 20] = random.choice(["unknown", "", "Ash"], size=20)
    numbers = numpy.round(random.normal(1000, 50, size=rows), 3)
    classes = random.choice(["a", "b", "c"], size=rows, p=[0.5, 0.3, 0.2])
    frame = pandas.Series(values)

    reference = {"train": train, "values": list(values), "numbers": list(numbers),
                 "classes": list(classes)}
    reference["one_hot"] = []
    for least in [{"min_count": 6}, {"min_share": 0.1}, {"min_count": 1000}]:
        minimum = least.get("min_count", least.get("min_share"))
        encoder = OneHotEncoder(min_frequency=minimum, handle_unknown="infrequent_if_exist")
        encoder.fit(values[:train].reshape(-1, 1))
        matrix = encoder.transform(values.reshape(-1, 1)).toarray().astype(int)
        names = ["(rare)" if name == "x0_infrequent_sklearn" else name[3:]
                 for name in encoder.get_feature_names_out()]
        reference["one_hot"].append({"least": least, "names": names, "matrix": matrix.tolist()})

    shares = frame[:train].value_counts(normalize=True)
    counts = frame[:train].value_counts()
    reference["frequency"] = {"share": [float(shares.get(v, 0)) for v in values],
                              "count": [int(counts.get(v, 0)) for v in values]}
    order = sorted(set(values[:train]), key=lambda text: text.encode())
    codes = pandas.Categorical(values, categories=order).codes
    reference["categorical"] = {"categories": order, "codes": [int(c) for c in codes]}
    reference["hash"] = {"n_columns": 7, "seed": 3, "matrix": [hashed(v, 7, 3) for v in values]}
    reference["target"] = {
        "numbers": target(values, numbers, train, 5, 0, 10),
        "positive_b": target(values, (classes == "b").astype(float), train, 3, 11, 0),
        "classes": [target(values, (classes == c).astype(float), train, 4, 2, 2.5)
                    for c in ["a", "b", "c"]]}
    (HERE / "encode_reference.json").write_text(
        json.dumps(reference, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
