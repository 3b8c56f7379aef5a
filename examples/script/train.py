#!/usr/bin/env python3
"""Logistic regression in the style of SageMaker's script mode. Knows nothing of Penstock: what it
needs comes as arguments and SM_* variables, and it runs unchanged wherever these are set."""

import argparse
import csv
import json
import math
import os
import random


def load(folder):
    """The rows of every CSV file of a channel: features, and 1 for a customer that left."""
    rows = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                label = 1.0 if row.pop("left") == "yes" else 0.0
                rows.append(([float(value) for value in row.values()], label))
    return rows


def probability(weights, features):
    score = weights[-1] + sum(w * x for w, x in zip(weights, features))
    return 1 / (1 + math.exp(-max(min(score, 30), -30)))


def judge(weights, rows):
    loss = 0.0
    right = 0
    for features, label in rows:
        p = probability(weights, features)
        loss -= math.log(max(p if label else 1 - p, 1e-12))
        right += (p >= 0.5) == (label == 1.0)
    return loss / len(rows), right / len(rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", default=os.environ.get("SM_CHANNEL_VALIDATION"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--output-data-dir", default=os.environ.get("SM_OUTPUT_DATA_DIR"))
    args = parser.parse_args()

    train = load(args.train)
    validation = load(args.validation)
    random.seed(args.seed)
    weights = [0.0] * (len(train[0][0]) + 1)
    for epoch in range(args.epochs):
        random.shuffle(train)
        for features, label in train:
            error = label - probability(weights, features)
            for i, x in enumerate(features):
                weights[i] += args.learning_rate * error * x
            weights[-1] += args.learning_rate * error
        loss, accuracy = judge(weights, validation)
        print(f"epoch {epoch + 1}: loss={loss:.4f}; accuracy={accuracy:.4f}")

    with open(os.path.join(args.model_dir, "weights.json"), "w", encoding="utf-8") as file:
        json.dump(weights, file)
    with open(os.path.join(args.output_data_dir, "metrics.json"), "w", encoding="utf-8") as file:
        json.dump({"accuracy": accuracy, "rows": len(train)}, file)
    path = os.path.join(args.output_data_dir, "predictions.csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["label", "probability"])
        for features, label in validation:
            writer.writerow(["yes" if label else "no", f"{probability(weights, features):.6f}"])


if __name__ == "__main__":
    main()
