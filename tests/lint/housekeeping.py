"""Small rules: tests are registered, nothing is left half done, files stay short, folders explain
themselves. Each is a check of its own (see run.py)."""

import re
from pathlib import Path

from source_tree import CODE_SUFFIXES, files, name, read

TOP_FOLDERS = {"proto", "server", "worker", "steps", "storage", "deploy", "tests", "examples", "base",
               "client"}
MAX_LINES = 700

# Written in two halves, so that this file passes its own check.
MARKS = [
    (re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|XX" + r"X|HA" + r"CK)\b"), "finish it, or open an issue"),
    (re.compile(r"\b(not " + "implemented|un" + r"implemented)\b"), "build it, or leave it out"),
    (re.compile(r"\bplace" + "holder", re.IGNORECASE), "build it, or leave it out"),
    (re.compile(r"\bfor " + r"now\b", re.IGNORECASE), "say what it does, and why that is right"),
    # gRPC's generated clients are called so too, and a variable of one, and a folder of headers of
    # Protobuf's: code has punctuation on it.
    (re.compile(r"(?<![*&(>] )(?<![*&(.>`/])\bst" + r"ubs?\b(?!\s*(->|[=(),;{}>*&]|\.\w))"),
     "build it, or leave it out"),
    (re.compile(r"\bDISABLED" + "_"), "mend the test, or delete it"),
    (re.compile(r"\b(EXPECT|ASSERT)_TRUE\(" + r"true\)|\b(EXPECT|ASSERT)_FALSE\(" + r"false\)"),
     "a test that cannot fail is a defect"),
]


def check_registered_tests(root):
    """Every *_test.cc and *_test.py under tests/ is named in a CMakeLists.txt beside or above it."""
    problems = []
    for path in files(root, {".cc", ".py"}, "tests"):
        if not path.stem.endswith("_test"):
            continue
        folder = path.parent
        found = False
        while folder != Path(root) and not found:
            listing = folder / "CMakeLists.txt"
            if listing.is_file():
                text = re.sub(r"#[^\n]*", "", read(listing))
                words = {word.removeprefix("${CMAKE_CURRENT_SOURCE_DIR}/")
                         for word in re.split(r'[\s()";]+', text)}
                relative = path.relative_to(folder).as_posix()
                found = relative in words or ("/" not in relative and path.suffix == ".cc" and
                                              "*_test.cc" in words)
            folder = folder.parent
        if not found:
            problems.append(f"{name(root, path)}: no CMakeLists.txt beside or above it registers it, so "
                            "it never runs")
    # tests/CMakeLists.txt looks three folders deep.
    problems += [f"{name(root, path)}: too deep for tests/CMakeLists.txt to find"
                 for path in files(root, {".cmake"}, "tests")
                 if path.name == "CMakeLists.txt" and len(path.relative_to(root).parts) > 5]
    return problems


def check_marks(root):
    """No mark of unfinished work in code, scripts or build files."""
    problems = []
    for path in files(root, CODE_SUFFIXES):
        for number, line in enumerate(read(path).splitlines(), 1):
            for pattern, advice in MARKS:
                match = pattern.search(line)
                if match:
                    problems.append(f"{name(root, path)}:{number}: '{match.group()}': {advice}")
    return problems


def check_file_length(root):
    """No source file is longer than a reader will read."""
    problems = []
    for path in files(root, CODE_SUFFIXES):
        lines = read(path).count("\n")
        if lines > MAX_LINES:
            problems.append(f"{name(root, path)}: {lines} lines, and {MAX_LINES} is the most: split it")
    return problems


def check_readmes(root):
    """Each top-level folder is one that the layout names, and says what lives in it."""
    problems = []
    top = sorted({path.relative_to(root).parts[0] for path in files(root)
                  if len(path.relative_to(root).parts) > 1})
    for folder in top:
        if folder.startswith("."):
            continue
        if folder not in TOP_FOLDERS:
            problems.append(f"{folder}/: no top-level folder of the layout; move it into one of "
                            f"{', '.join(sorted(TOP_FOLDERS))}")
        elif not (Path(root) / folder / "README.md").is_file():
            problems.append(f"{folder}/README.md is missing: what lives here, what may not, how to add "
                            "one")
    return problems


def check_limits(root):
    """Each row of the limits file is named in a test."""
    path = Path(root) / "storage/model/limits.h"
    if not path.is_file():
        return []
    tests = "\n".join(read(test) for test in files(root, {".cc", ".h"}, "tests"))
    named = set(re.findall(r"\blimits::(k\w+)", tests))
    problems = []
    for number, line in enumerate(read(path).splitlines(), 1):
        match = re.match(r"inline constexpr [\w:]+ (k\w+)", line)
        if match and match.group(1) not in named:
            problems.append(f"{name(root, path)}:{number}: no test names limits::{match.group(1)}")
    return problems
