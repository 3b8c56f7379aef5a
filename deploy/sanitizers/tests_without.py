#!/usr/bin/env python3
"""Prints the ctest names of the test programs that do not link a library.

usage: tests_without.py BUILD_FOLDER LIBRARY

Asks ninja for the link command of each test program of a configured (not yet built) folder. A test's
name is its target's name (see penstock_test in the root CMakeLists.txt); what ctest runs that ninja
does not link, such as a lint script, is left out.
"""

import json
import os
import subprocess
import sys


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    build, library = sys.argv[1:]
    listing = json.loads(subprocess.run(
        ["ctest", "--test-dir", build, "--show-only=json-v1"],
        check=True, capture_output=True, text=True).stdout)
    targets = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"],
                             check=True, capture_output=True, text=True).stdout.splitlines()
    # "tests/base_test: CXX_EXECUTABLE_LINKER__base_test_RelWithDebInfo"
    programs = {os.path.basename(path): path for path, _, rule in
                (line.rpartition(": ") for line in targets) if "EXECUTABLE_LINKER" in rule}
    # A program that is not built yet has no command in ctest's listing: the name is what counts.
    for name in sorted({test["name"] for test in listing["tests"]} & programs.keys()):
        link = subprocess.run(["ninja", "-C", build, "-t", "commands", "-s", programs[name]],
                              check=True, capture_output=True, text=True).stdout
        if f"lib{library}" not in link:
            print(name)


if __name__ == "__main__":
    main()
