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
    linked = set(subprocess.run(
        ["ninja", "-C", build, "-t", "targets", "all"],
        check=True, capture_output=True, text=True).stdout.splitlines())
    linked = {line.rsplit(": ", 1)[0] for line in linked if "EXECUTABLE_LINKER" in line}
    for test in listing["tests"]:
        command = test.get("command") or [""]
        program = os.path.relpath(command[0], build) if os.path.isabs(command[0]) else command[0]
        matches = [path for path in linked if path == program or
                   os.path.basename(path) == os.path.basename(program) == test["name"]]
        if not matches:
            continue
        link = subprocess.run(["ninja", "-C", build, "-t", "commands", "-s", matches[0]],
                              check=True, capture_output=True, text=True).stdout
        if f"lib{library}" not in link:
            print(test["name"])


if __name__ == "__main__":
    main()
