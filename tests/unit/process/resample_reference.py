"""Writes resample_reference.csv and resample_reference.json: what downsample, upsample, smote and
class_weights make of a table, independently of the C++ code.

    python3 tests/unit/process/resample_reference.py

Neighbours come from scikit-learn's NearestNeighbors over numbers and scaled indicators (a pair of
differing categories adds the squared median of the standard deviations), weights from its
compute_class_weight; random numbers from split_reference.py's xoshiro256**, seeded as the
operations say. Numbers are compared to 1e-12: numpy adds up deviations in another order.
"""
import csv
import json
import math
import os
import sys

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.class_weight import compute_class_weight

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from split_reference import MASK, generator, rotate  # noqa: E402

CLASSES = ["common", "mid", "rare"]


def mix(bits):
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
    return bits ^ (bits >> 31)


def hash_low(text):
    data = text.encode()
    high = 0x243F6A8885A308D3
    low = 0x13198A2E03707344 ^ len(data)
    for at in range(0, len(data), 8):
        word = int.from_bytes(data[at : at + 8], "little")
        high = (mix(high ^ word) + 0xA4093822299F31D0) & MASK
        low = ((rotate(low, 29) ^ word) * 0x9FB21C651E98DF25) & MASK
        low ^= low >> 32
    high = mix(high ^ len(data))
    return mix((low + high) & MASK)


class Draws:
    def __init__(self, purpose, seed):
        self.bits = generator(hash_low(purpose) ^ mix(seed))

    def below(self, bound):
        limit = MASK - MASK % bound
        value = next(self.bits)
        while value >= limit:
            value = next(self.bits)
        return value % bound

    def share(self):
        return (next(self.bits) >> 11) * 2.0**-53


def select(classes, wanted, purpose, seed):
    """For each row whether it is one of the `wanted` of its class."""
    draws = Draws(purpose, seed)
    left = {c: classes.count(c) for c in set(classes)}
    wanted = dict(wanted)
    chosen = []
    for c in classes:
        drawn = draws.below(left[c]) < wanted[c]
        left[c] -= 1
        wanted[c] -= drawn
        chosen.append(drawn)
    return chosen


def make_table():
    rng = np.random.default_rng(20)
    rows = []
    for i in range(60):
        label = ["common", "common", "mid", "rare", "common", "mid", "mid"][i * 5 % 7]
        rows.append(
            {
                "id": f"r{i}",
                "a": round(float(rng.normal(10, 3)), 3),
                "b": int(rng.integers(0, 40)),
                "color": ["red", "green", "blue", ""][rng.integers(0, 4)],
                "size": ["s", "m", "l"][rng.integers(0, 3)],
                "w": round(float(rng.uniform(0.5, 2)), 2),
                "note": f"n{i}",
                "y": label,
            }
        )
    return rows


def smote(rows, k, wanted, seed):
    """wanted: rows of each class to add."""
    made = []
    for index, of_class in enumerate(CLASSES):
        count = wanted[of_class]
        held = [r for r in rows if r["y"] == of_class]
        if count == 0:
            continue
        numbers = np.array([[r["a"], float(r["b"])] for r in held])
        penalty = np.median(numbers.std(axis=0))
        indicators = []
        for name in ["color", "size"]:
            values = sorted({r[name] for r in held})
            indicators.append(
                np.array([[r[name] == v for v in values] for r in held]) * penalty / math.sqrt(2)
            )
        points = np.hstack([numbers] + indicators)
        near = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(points)
        order = near.kneighbors(points, return_distance=False)
        neighbours = [[int(j) for j in o if j != i][:k] for i, o in enumerate(order)]
        more = select(["x"] * len(held), {"x": count % len(held)}, f"smote bases {index}", seed)
        draws = Draws(f"smote lines {index}", seed)
        for i, base in enumerate(held):
            for _ in range(count // len(held) + more[i]):
                other = held[neighbours[i][draws.below(k)]]
                gap = draws.share()
                new = {"y": of_class, "w": base["w"], "note": base["note"]}
                new["a"] = base["a"] + gap * (other["a"] - base["a"])
                new["b"] = base["b"] + gap * (other["b"] - base["b"])
                for name in ["color", "size"]:
                    values = [held[j][name] for j in neighbours[i]]
                    most = max(values.count(v) for v in values)
                    new[name] = next(v for v in values if values.count(v) == most)
                made.append(new)
    return made


def main():
    rows = make_table()
    with open(os.path.join(HERE, "resample_reference.csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    labels = [r["y"] for r in rows]
    counts = {c: labels.count(c) for c in CLASSES}
    fewest, most = min(counts.values()), max(counts.values())
    down = select(labels, {c: min(n, int(1.5 * fewest)) for c, n in counts.items()}, "downsample", 7)
    up = select(labels, {c: most % n for c, n in counts.items()}, "upsample", 7)
    weights = compute_class_weight("balanced", classes=np.array(CLASSES), y=np.array(labels))
    reference = {
        "counts": counts,
        "downsample": [r["id"] for r, kept in zip(rows, down) if kept],
        "upsample": [r["id"] for r, m in zip(rows, up) for _ in range(most // counts[r["y"]] + m)],
        "class_weights": dict(zip(CLASSES, weights.tolist())),
        "smote": smote(rows, 3, {c: most - n for c, n in counts.items()}, 5),
        "smote_shares": smote(rows, 4, {"common": 0, "mid": 2 * most - counts["mid"],
                                        "rare": most - counts["rare"]}, 11),
    }
    with open(os.path.join(HERE, "resample_reference.json"), "w") as file:
        json.dump(reference, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
