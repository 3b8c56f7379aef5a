#!/usr/bin/env python3
"""Writes the data of the recipes into a folder: abalone.csv, orders.csv, customers.csv, reviews.csv
and demand.csv. The same bytes each time.

    python3 examples/recipes/make_data.py FOLDER
"""
import csv
import datetime
import math
import pathlib
import random
import sys


def write(path, header, rows, delimiter=","):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def abalone(draw, count=1200):
    """Shells in the layout of UCI's abalone: rings grow with size, and infants are small."""
    for _ in range(count):
        age = draw.gammavariate(6, 1.7)
        length = 0.75 * (1 - math.exp(-age / 6)) + draw.gauss(0, 0.03)
        length = min(max(length, 0.08), 0.82)
        diameter = 0.8 * length + draw.gauss(0, 0.01)
        height = 0.28 * length + draw.gauss(0, 0.01)
        whole = 3.6 * length**3 * math.exp(draw.gauss(0, 0.1))
        shell = 0.28 * whole * (0.8 + age / 50) * math.exp(draw.gauss(0, 0.05))
        sex = "I" if length < 0.4 else draw.choice("MF")
        yield [sex, *(f"{value:.4f}" for value in
                      (length, diameter, max(height, 0.01), whole, 0.43 * whole, 0.22 * whole,
                       shell)), max(1, round(age))]


def shop(draw, customers=300, count=1500):
    """Orders and who made them; the young in the south send more back."""
    people = [[1000 + i, draw.randint(18, 80), draw.choice(["north", "east", "south", "west"])]
              for i in range(customers)]
    orders = []
    for i in range(count):
        number, age, region = draw.choice(people)
        amount = round(draw.lognormvariate(3.5, 0.8), 2)
        score = -1.2 + (50 - age) / 25 + (1.0 if region == "south" else 0) + math.log(amount) / 4 - 1
        back = "yes" if draw.random() < 1 / (1 + math.exp(-2 * score)) else "no"
        orders.append([i + 1, number, amount, back])
    # Some ages are not known, and some customers have never ordered.
    for person in people:
        if draw.random() < 0.05:
            person[1] = "?"
    return orders, people


GOOD = ["excellent", "delicious", "friendly", "wonderful", "fresh", "perfect", "cosy"]
BAD = ["cold", "rude", "awful", "slow", "dirty", "bland", "overpriced"]
PLAIN = ["the", "soup", "waiter", "table", "evening", "we", "had", "a", "dinner", "with", "and",
         "menu", "was", "place", "wine", "bread"]


def reviews(draw, count=800):
    for _ in range(count):
        good = draw.random() < 0.6
        words = draw.choices(PLAIN, k=draw.randint(6, 14))
        for _ in range(draw.randint(1, 3)):
            mood = GOOD if good == (draw.random() < 0.9) else BAD
            words.insert(draw.randrange(len(words)), draw.choice(mood))
        text = " ".join(words).capitalize() + draw.choice([".", "!", "…"])
        yield [text, "positive" if good else "negative"]


def demand(days=500):
    draw = random.Random(11)
    start = datetime.date(2025, 1, 1)
    for day in range(days):
        date = start + datetime.timedelta(days=day)
        for store, size in (("harbour", 60), ("market", 40), ("station", 90)):
            warm = 12 - 9 * math.cos(2 * math.pi * date.timetuple().tm_yday / 365) + draw.gauss(0, 3)
            sold = size * (1.4 if date.isoweekday() >= 6 else 1) + 1.5 * warm + 0.03 * day
            yield [date.isoformat(), store, f"{warm:.1f}", max(0, round(sold + draw.gauss(0, 5)))]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(7)
    write(folder / "abalone.csv",
          ["Sex", "Length", "Diameter", "Height", "Whole_weight", "Shucked_weight",
           "Viscera_weight", "Shell_weight", "Rings"], abalone(draw))
    orders, customers = shop(draw)
    write(folder / "orders.csv", ["order_id", "customer_id", "amount", "returned"], orders)
    write(folder / "customers.csv", ["customer_id", "age", "region"], customers, delimiter=";")
    write(folder / "reviews.csv", ["text", "opinion"], reviews(draw))
    write(folder / "demand.csv", ["date", "store", "temperature", "sold"], demand())


main()
