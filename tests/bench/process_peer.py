"""What pandas takes for the work of `penstock-process-bench process`: the same CSV read, filled,
encoded, scaled by what the training rows say, split and written (pickled, which is faster than any
format that others read). Prints one JSON object.

    /usr/bin/python3 tests/bench/process_peer.py FILE FOLDER
"""
import json
import resource
import sys
import time

start = time.monotonic()
import numpy as np
import pandas as pd

imported = time.monotonic()


def main():
    file, folder = sys.argv[1:3]
    frame = pd.read_csv(file)
    numbers = [f"x{i}" for i in range(1, 7)]
    categories = ["tree", "side", "mark"]
    draw = np.random.default_rng(7).random(len(frame))
    train = draw < 0.8
    means = frame.loc[train, numbers].mean()
    frame[numbers] = frame[numbers].fillna(means)
    deviations = frame.loc[train, numbers].std(ddof=0)
    means = frame.loc[train, numbers].mean()
    frame[numbers] = (frame[numbers] - means) / deviations
    frame = pd.get_dummies(frame, columns=categories, prefix_sep="=", dtype=bool)
    parts = {"train": train, "validation": (draw >= 0.8) & (draw < 0.9), "test": draw >= 0.9}
    for name, rows in parts.items():
        frame[rows].to_pickle(f"{folder}/{name}.pickle")
    print(json.dumps({
        "what": "pandas " + pd.__version__,
        "seconds": time.monotonic() - imported,
        "imports_seconds": imported - start,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


main()
