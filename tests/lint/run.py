#!/usr/bin/env python3
"""Runs one lint over the tree; prints each finding as `file:line: problem`, and exits 1 on any.

usage: run.py NAME [--root DIR] [--update] [--break]

--update and --break belong to proto_numbers; see there.
"""

import argparse
import sys
from pathlib import Path

import housekeeping
import layers
import proto_comments
import proto_numbers
import sql_style

LINTS = {
    "layers": layers.check,
    "registered_tests": housekeeping.check_registered_tests,
    "sql_style": sql_style.check,
    "proto_numbers": proto_numbers.check,
    "proto_comments": proto_comments.check,
    "marks": housekeeping.check_marks,
    "file_length": housekeeping.check_file_length,
    "readmes": housekeeping.check_readmes,
    "limits": housekeeping.check_limits,
}


def main():
    parser = argparse.ArgumentParser(description="Runs one lint over the tree.")
    parser.add_argument("name", choices=sorted(LINTS))
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--update", action="store_true",
                        help="proto_numbers: list the numbers that are new")
    parser.add_argument("--break", dest="break_", action="store_true",
                        help="proto_numbers: list what is there, whatever was listed before")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    if arguments.update or arguments.break_:
        if arguments.name != "proto_numbers":
            parser.error("only proto_numbers has a listing")
        problems = proto_numbers.update(root, arguments.break_)
    else:
        problems = LINTS[arguments.name](root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
