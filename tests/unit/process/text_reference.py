#!/usr/bin/env python3
"""Computes what texts as tokens must give, with scikit-learn's vectorizers and Python's own lower
case: writes text_reference.json.

usage: text_reference.py    (scikit-learn)
"""

import json
import sys
from pathlib import Path

import numpy
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from encode_reference import hash_text, mix, MASK  # noqa: E402

WORDS = ("the a of to Engine engines Valve PUMP pump leak leaking oil seal Éclair éclair Größe "
         "ΔΟΚΙΜΗ δοκιμη Привет привет 日本 42 3d x_y").split()
BREAKS = [" ", "  ", ", ", ". ", "\n", " – ", "“", "… ", "-", "/"]
CASES = [
    {},
    {"ngrams": [1, 2], "min_count": 3},
    {"stop_words": ["the", "A", "of"], "max_share": 0.4, "values": "log"},
    {"norm": "l1", "smooth": False, "min_share": 0.15},
    {"norm": "none", "values": "binary", "lowercase": False},
    {"tokens": "character", "ngrams": [2, 3], "min_count": 5},
]


def options(case):
    """The same as scikit-learn calls it. None of its tokens has less than one character."""
    given = {"token_pattern": r"(?u)\w+", "lowercase": case.get("lowercase", True)}
    if case.get("tokens") == "character":
        given["analyzer"] = "char"
    given["ngram_range"] = tuple(case.get("ngrams", [1, 1]))
    if "stop_words" in case:
        given["stop_words"] = [word.lower() for word in case["stop_words"]]
    if "min_count" in case:
        given["min_df"] = case["min_count"]
    if "min_share" in case:
        given["min_df"] = case["min_share"]
    if "max_share" in case:
        given["max_df"] = case["max_share"]
    return given


def by_bytes(vectorizer, matrix):
    """Columns in the order of the tokens' bytes."""
    names = vectorizer.get_feature_names_out()
    order = sorted(range(len(names)), key=lambda i: names[i].encode())
    return [names[i] for i in order], matrix.toarray()[:, order].tolist()


def hashed(texts, columns, seed):
    analyze = CountVectorizer(token_pattern=r"(?u)\w+").build_analyzer()
    salt = mix(~seed & MASK)
    matrix = numpy.zeros((len(texts), columns))
    for i, text in enumerate(texts):
        for token in analyze(text):
            high, low = hash_text(token)
            sign = -1 if mix((low + salt) & MASK) & 1 else 1
            matrix[i, mix((high + salt) & MASK) % columns] += sign
    return matrix.tolist()


def lower_cases():
    """Characters of one lower-case character, of the scripts that LowerCase knows."""
    pairs = []
    for code in [*range(0x530), *range(0x531, 0x557), *range(0x1E00, 0x2000),
                 *range(0xFF21, 0xFF3B)]:
        lower = chr(code).lower()
        if len(lower) == 1 and lower != chr(code):
            pairs.append([chr(code), lower])
    return pairs


def main():
    random = numpy.random.default_rng(9)
    texts = []
    for _ in range(40):
        words = random.choice(WORDS, size=random.integers(0, 12))
        texts.append("".join(w + b for w, b in zip(words, random.choice(BREAKS, size=len(words)))))
    train = 30
    reference = {"texts": texts, "train": train, "lower": lower_cases(), "tf_idf": [], "bag": []}
    # Only spaces stand between characters: what runs of white space become is a rule of Penstock's.
    plain = [" ".join(text.split()) for text in texts]
    for case in CASES:
        of = plain if case.get("tokens") == "character" else texts
        given = options(case)
        counter = CountVectorizer(binary=case.get("values") == "binary", **given).fit(of[:train])
        names, matrix = by_bytes(counter, counter.transform(of))
        if case.get("values") != "log":
            kept = {k: v for k, v in case.items() if k not in ("norm", "smooth")}
            reference["bag"].append({"case": kept, "plain": of is plain, "tokens": names,
                                     "matrix": matrix})
        norm = case.get("norm", "l2")
        vectorizer = TfidfVectorizer(binary=case.get("values") == "binary",
                                     sublinear_tf=case.get("values") == "log",
                                     smooth_idf=case.get("smooth", True),
                                     norm=None if norm == "none" else norm, **given)
        names, matrix = by_bytes(vectorizer.fit(of[:train]), vectorizer.transform(of))
        reference["tf_idf"].append({"case": case, "plain": of is plain, "tokens": names,
                                    "matrix": matrix})
    # The most tokens: those of the most rows, of equals the first by bytes.
    counter = CountVectorizer(token_pattern=r"(?u)\w+", binary=True).fit(texts[:train])
    names, matrix = by_bytes(counter, counter.transform(texts[:train]))
    rows = numpy.array(matrix).sum(axis=0)
    most = sorted(range(len(names)), key=lambda i: (-rows[i], names[i].encode()))[:7]
    reference["most"] = {"max_tokens": 7,
                         "tokens": sorted((names[i] for i in most), key=lambda t: t.encode())}
    reference["hash"] = {"n_columns": 11, "seed": 4, "matrix": hashed(texts, 11, 4)}
    (HERE / "text_reference.json").write_text(
        json.dumps(reference, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
