#!/usr/bin/env python3
"""Naive Bayes over numbers and texts, in the style of SageMaker's script mode, with Python's standard
library alone. Knows nothing of Penstock: folders and settings come as arguments and SM_* variables.

    naive_bayes.py train --label income --positive '>50K'
    naive_bayes.py predict
"""

import argparse
import csv
import json
import math
import os


def rows_of(folder):
    """The rows of every CSV file of a channel, as dictionaries."""
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def learn(rows, label, positive, smoothing):
    """Mean and variance of numbers, and frequencies of texts, for both classes."""
    groups = [[row for row in rows if (row[label] == positive) == wanted] for wanted in (False, True)]
    columns = {}
    for name in rows[0]:
        if name == label:
            continue
        if all(number(row[name]) is not None for row in rows if row[name]):
            moments = []
            for group in groups:
                values = [number(row[name]) for row in group if row[name]]
                mean = sum(values) / len(values)
                moments.append((mean, sum((v - mean) ** 2 for v in values) / len(values) + 1e-9))
            columns[name] = {"moments": moments}
        else:
            values = sorted({row[name] for row in rows})
            counts = [{value: smoothing for value in values} for _ in groups]
            for group, count in zip(groups, counts):
                for row in group:
                    count[row[name]] += 1
            columns[name] = {"counts": counts}
    return {"prior": [len(group) / len(rows) for group in groups], "columns": columns}


def probability(model, row):
    """That the row is of the positive class."""
    scores = [math.log(prior) for prior in model["prior"]]
    for name, column in model["columns"].items():
        for k in (0, 1):
            if "counts" in column:
                count = column["counts"][k]
                scores[k] += math.log(count.get(row[name], 1) / sum(count.values()))
            elif row[name]:
                mean, variance = column["moments"][k]
                scores[k] -= 0.5 * (math.log(variance) + (float(row[name]) - mean) ** 2 / variance)
    return 1 / (1 + math.exp(max(min(scores[0] - scores[1], 700), -700)))


def write(file_name, header, rows):
    path = os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], file_name)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def train(args):
    rows = list(rows_of(os.environ["SM_CHANNEL_TRAIN"]))
    model = learn(rows, args.label, args.positive, args.smoothing)
    print(f"learned from {len(rows)} rows")
    with open(os.path.join(os.environ["SM_MODEL_DIR"], "bayes.json"), "w", encoding="utf-8") as file:
        json.dump(model, file)
    # Rows that it has not learned from, with what they are and what the model says.
    write("predictions.csv", ["income", "probability"],
          ([row[args.label], probability(model, row)] for row in rows_of(os.environ["SM_CHANNEL_TEST"])))


def predict():
    with open(os.path.join(os.environ["SM_MODEL_DIR"], "bayes.json"), encoding="utf-8") as file:
        model = json.load(file)
    write("predictions.csv", ["probability"],
          ([probability(model, row)] for row in rows_of(os.environ["SM_CHANNEL_DATA"])))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["train", "predict"])
    parser.add_argument("--label")
    parser.add_argument("--positive")
    parser.add_argument("--smoothing", type=float, default=1)
    args = parser.parse_args()
    if args.what == "train":
        train(args)
    else:
        predict()


if __name__ == "__main__":
    main()
