"""Writes a source file with a bug planted into it: make_mutant.py MUTANT SOURCE_FOLDER OUT

A mutant is a text: lines of `# what it is`, `file: PATH`, then pairs of `--- find` and `--- replace`
with what stands behind them. What is to be found must be there exactly once, so that a mutant that
no longer fits its source stops the build.
"""

import pathlib
import re
import sys


def main():
    mutant, folder, out = map(pathlib.Path, sys.argv[1:])
    text = mutant.read_text()
    source = pathlib.Path(re.search(r"^file: (.+)$", text, re.M).group(1))
    code = (folder / source).read_text()
    changes = re.findall(r"^--- find\n(.*?)^--- replace\n(.*?)(?=^--- find\n|\Z)", text, re.M | re.S)
    if not changes:
        sys.exit(f"{mutant}: nothing is to be replaced")
    for find, replace in changes:
        if code.count(find) != 1:
            sys.exit(f"{mutant}: what it looks for stands {code.count(find)} times in {source}:\n{find}")
        code = code.replace(find, replace)
    out.write_text(code)


main()
