#!/usr/bin/env python3
"""Computes with pandas, numpy and Python's datetime what select, cast, parse_dates, derive, filter,
sort, deduplicate and prune must give for a table that it generates: writes shape_reference.json.

usage: shape_reference.py        (pandas 1.5, numpy 1.24)
"""

import json
import math
from datetime import datetime, timezone
from pathlib import Path

import numpy
import pandas

HERE = Path(__file__).resolve().parent
ROWS = 200
PARTS = ["year", "quarter", "month", "week", "day", "weekday", "day_of_year", "hour", "minute",
         "second", "is_weekend", "epoch", "days"]


def plain(values):
    """A list for JSON: missing values are null."""
    return [None if pandas.isna(v) else v for v in values]


def make_table():
    random = numpy.random.default_rng(20190613)
    a = numpy.round(random.normal(0, 3, ROWS), 1)
    a[random.random(ROWS) < 0.15] = numpy.nan
    b = random.integers(-5, 6, ROWS).astype(float)
    texts = ["apple", "Apple", "äpfel", "zebra", "ze", "", "10", "9", "日本", "a b"]
    t = [texts[i] for i in random.integers(0, len(texts), ROWS)]
    t = [None if x == "" else x for x in t]
    noise = random.normal(0, 1, ROWS)
    return pandas.DataFrame({
        "a": a, "b": b, "t": t,
        "near b": b * 2 + 0.01 * noise,         # r with b close to 1
        "anti": -b + 0.05 * noise,              # close to -1
        "apart": random.normal(0, 1, ROWS),
        "half": numpy.where(numpy.arange(ROWS) % 2 == 0, a, numpy.nan),
        "mostly": numpy.where(numpy.arange(ROWS) % 2 == 0, 1.5, numpy.nan),
        "same": numpy.full(ROWS, 7.0),
        "key": numpy.arange(ROWS)[::-1].astype(float),
        "code": ["c%03d" % i for i in range(ROWS)],
    })


def date_parts():
    texts = ["1970-01-01", "2027-01-31T06:00:00Z", "2024-02-29 23:59:59.999999", "2021-01-03",
             "2020-12-31T23:30:00-01:00", "1999-12-31T00:15:00+02:30", "1900-03-01", "2000-02-29",
             "2016-01-01 12:34:56.5", "1969-12-31T23:59:59.25Z", "2018-12-31", "2026-06-15T13:45",
             "1700-07-04 05:06:07", "2200-11-30", "2023-04-02", "2023-04-01"]
    stamps = pandas.Series([pandas.Timestamp(x) for x in texts])
    stamps = stamps.map(lambda s: s.tz_convert("UTC") if s.tz else s.tz_localize("UTC"))
    epoch = pandas.Timestamp("1970-01-01", tz="UTC")
    parts = {
        "year": [s.year for s in stamps], "quarter": [s.quarter for s in stamps],
        "month": [s.month for s in stamps], "week": [s.isocalendar()[1] for s in stamps],
        "day": [s.day for s in stamps], "weekday": [s.dayofweek + 1 for s in stamps],
        "day_of_year": [s.dayofyear for s in stamps], "hour": [s.hour for s in stamps],
        "minute": [s.minute for s in stamps], "second": [s.second for s in stamps],
        "is_weekend": [int(s.dayofweek >= 5) for s in stamps],
        "epoch": [((s - epoch) // pandas.Timedelta(microseconds=1)) / 1e6 for s in stamps],
        "days": [(s.normalize() - epoch).days for s in stamps],
    }
    assert list(parts) == PARTS
    places = {
        "month": [(s.month - 1) / 12 for s in stamps],
        "day": [(s.day - 1) / s.days_in_month for s in stamps],
        "weekday": [s.dayofweek / 7 for s in stamps],
        "day_of_year": [(s.dayofyear - 1) / (366 if s.is_leap_year else 365) for s in stamps],
        "hour": [s.hour / 24 for s in stamps],
        "minute": [s.minute / 60 for s in stamps],
        "second": [s.second / 60 for s in stamps],
    }
    circle = {}
    for name, values in places.items():
        circle[name + "_sin"] = list(numpy.sin(2 * numpy.pi * numpy.array(values)))
        circle[name + "_cos"] = list(numpy.cos(2 * numpy.pi * numpy.array(values)))
    return {"texts": texts, "parts": parts, "cyclical": circle}


def formats():
    cases = [("%d.%m.%Y", "31.1.2027"), ("%m/%d/%y", "12/05/68"), ("%m/%d/%y", "12/05/69"),
             ("%Y%m%d", "20240229"), ("%d %b %Y %H:%M", "07 Sep 2021 04:05"),
             ("%B %d, %Y %I:%M %p", "march 3, 1999 12:07 AM"),
             ("%A %d %B %Y %I:%M:%S %p", "Friday 16 July 2021 12:00:01 PM"),
             ("%Y-%m-%dT%H:%M:%S.%f%z", "2020-02-29T10:20:30.123456+0530"),
             ("%Y-%m-%d %H:%M:%S %z", "1969-07-20 20:17:40 -04:00"), ("%Y %j", "2024 366"),
             ("%Y-%m", "2023-11"), ("100%% %Y", "100% 2001"), ("%d/%m/%Y %H.%M", "1/2/2003 4.5")]
    result = []
    for form, text in cases:
        time = datetime.strptime(text, form)
        time = time if time.tzinfo else time.replace(tzinfo=timezone.utc)
        micros = (time - datetime(1970, 1, 1, tzinfo=timezone.utc)) // pandas.Timedelta(
            microseconds=1).to_pytimedelta()
        result.append({"format": form, "text": text, "micros": micros})
    return result


def casts():
    texts = ["1", " 2.5 ", "-0", "1e5", "abc", "", "3.0", "+7", "0x10", "9007199254740992", ".5"]
    numbers = pandas.to_numeric(pandas.Series(texts).str.strip(), errors="coerce")
    # pandas reads no other base from texts either.
    whole = numbers.where(numbers.map(lambda v: not math.isnan(v) and v == math.floor(v)))
    return {"texts": [None if x == "" else x for x in texts], "numeric": plain(numbers),
            "integer": plain(whole)}


def orders(table):
    bytewise = table.assign(t=table["t"].map(lambda x: None if x is None else x.encode()))
    return {
        "a": list(map(int, table.sort_values("a", kind="stable").index)),
        "t": list(map(int, bytewise.sort_values("t", kind="stable").index)),
        "a down": list(map(int, table.sort_values("a", ascending=False, kind="stable").index)),
        "t, b down, a": list(map(int, bytewise.sort_values(
            ["t", "b", "a"], ascending=[True, False, True], kind="stable").index)),
    }


def duplicates(table):
    kept = {}
    for name, keep in [("first", "first"), ("last", "last"), ("none", False)]:
        kept[name] = list(map(int, table.index[~table.duplicated(["t", "b"], keep=keep)]))
    # Groups that differ in a: dropped.
    group = table.fillna({"a": 1e9, "t": ""}).groupby(["t", "b"])
    alike = group["a"].transform("nunique") == 1
    first = ~table.duplicated(["t", "b"])
    kept["alike"] = list(map(int, table.index[alike & first]))
    return kept


def prunes(table):
    constant = [c for c in table if table[c].nunique(dropna=False) <= 1]
    unique = [c for c in table
              if table[c].notna().all() and table[c].nunique() == len(table)
              and (table[c].dtype == object or (table[c] % 1 == 0).all())]
    sparse = {str(share): [c for c in table if table[c].isna().mean() > share]
              for share in (0.0, 0.1, 0.5, 0.55, 1.0)}
    numbers = table.select_dtypes("number")
    r = numbers.corr().abs()
    correlated = {}
    for threshold in (0.05, 0.5, 0.95, 0.9999):
        kept, gone = [], []
        for column in numbers:
            if any(r.loc[other, column] > threshold for other in kept):
                gone.append(column)
            else:
                kept.append(column)
        correlated[str(threshold)] = gone
    return {"constant": constant, "unique": unique, "sparse": sparse, "correlated": correlated}


def main():
    table = make_table()
    result = {
        "table": {name: plain(table[name]) for name in table},
        "dates": date_parts(),
        "formats": formats(),
        "cast": casts(),
        "derive": {
            "a * 2 - b / 4": plain(table["a"] * 2 - table["b"] / 4),
            "abs(a) + b * b": plain(table["a"].abs() + table["b"] ** 2),
            "coalesce(a, -1)": plain(table["a"].fillna(-1)),
            "CASE WHEN b > 0 THEN 1.5 WHEN b < 0 THEN -1.5 END":
                plain(numpy.sign(table["b"]).replace(0, numpy.nan) * 1.5),
            "length(t)": plain(table["t"].str.len()),
        },
        "filter": {
            "a > 0": list(map(int, table.index[table["a"] > 0])),
            "a > 0 OR t = 'zebra'": list(map(int, table.index[(table["a"] > 0) |
                                                              (table["t"] == "zebra")])),
            "t IS NULL AND \"near b\" < 3": list(map(int, table.index[
                table["t"].isna() & (table["near b"] < 3)])),
        },
        "sort": orders(table),
        "deduplicate": duplicates(table),
        "prune": prunes(table),
    }
    target = HERE / "shape_reference.json"
    target.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
