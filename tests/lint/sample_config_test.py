#!/usr/bin/env python3
"""A sample configuration of deploy/ is accepted, and holds the defaults that it says it holds.

usage: sample_config_test.py PROGRAM SAMPLE     (penstockd or penstock-worker, and its sample)
"""

import os
import subprocess
import sys


def effective(*command):
    # No PENSTOCK_* variable of the caller's may decide.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PENSTOCK_")}
    result = subprocess.run([*command, "--print-config"], capture_output=True, text=True,
                            env=environment, timeout=30, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {result.returncode}: {result.stderr}")
    return result.stdout


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program, sample = sys.argv[1:]
    expected, actual = effective(program), effective(program, "--config", sample)
    if not expected.strip() or expected != actual:
        sys.exit(f"{sample} does not hold the defaults.\ndefaults:\n{expected}\nsample:\n{actual}")


if __name__ == "__main__":
    main()
