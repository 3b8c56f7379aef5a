#!/usr/bin/env python3
"""Writes customers.csv: 2,000 made-up customers of a telephone company, and who left it.

    examples/script/make_data.py customers.csv
"""

import csv
import math
import random
import sys


def main():
    random.seed(7)
    with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["months", "calls", "bill", "contract", "left"])
        for _ in range(2000):
            months = random.randint(1, 72)
            calls = random.randint(0, 9)
            bill = round(random.uniform(20, 120), 2)
            contract = random.choice(["monthly", "yearly"])
            score = 0.5 * calls - 0.06 * months + 0.02 * bill + (1 if contract == "monthly" else -1)
            leaves = random.random() < 1 / (1 + math.exp(-(score - 2)))
            writer.writerow([months, calls, bill, contract, "yes" if leaves else "no"])


if __name__ == "__main__":
    main()
