"""What every lint shares: the files of the tree, and C++ split into tokens."""

import re
from pathlib import Path

SKIPPED_FOLDERS = {"build", ".git", ".cache", ".penstock", "node_modules", "__pycache__", "shared"}
CODE_SUFFIXES = {".h", ".cc", ".cu", ".cuh", ".proto", ".sql", ".py", ".sh", ".cmake", ".js", ".ts",
                 ".svelte", ".yaml", ".yml", ".service"}


def files(root, suffixes=None, under=""):
    """The files of the tree, sorted: all, or those with a suffix, or those under a folder.

    A file without a suffix counts as ".sh" where it starts with "#!"; CMakeLists.txt counts as
    ".cmake".
    """
    found = []
    base = Path(root) / under
    if not base.is_dir():
        return found
    for path in base.rglob("*"):
        parts = path.relative_to(root).parts
        if any(part in SKIPPED_FOLDERS for part in parts[:-1]) or not path.is_file():
            continue
        if suffixes is None or kind(path) in suffixes:
            found.append(path)
    return sorted(found)


def kind(path):
    """The suffix that says what is in a file."""
    if path.name == "CMakeLists.txt":
        return ".cmake"
    if path.suffix:
        return path.suffix
    with open(path, "rb") as stream:
        return ".sh" if stream.read(2) == b"#!" else ""


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


def name(root, path):
    return path.relative_to(root).as_posix()


# In order of precedence. A raw string ends at its own delimiter, hence the back reference.
_TOKEN = re.compile(
    r"""
    (?P<comment> //[^\n]* | /\*.*?\*/ )
  | (?P<raw> (?:u8|[uUL])?R"(?P<delimiter>[^()\\\s]{0,16})\((?P<rawtext>.*?)\)(?P=delimiter)" )
  | (?P<string> (?:u8|[uUL])?"(?P<text>(?:\\.|[^"\\\n])*)" )
  | (?P<char> (?:u8|[uUL])?'(?:\\.|[^'\\\n])+' )
  | (?P<word> [A-Za-z_]\w* )
  | (?P<number> \d(?:[\w.]|'\w|(?<=[eEpP])[+-])* )
  | (?P<symbol> \+= | << | :: | -> | [^\s\w] )
    """, re.VERBOSE | re.DOTALL)


def tokens(text):
    """Splits C++ into (type, text, line), type being word, number, symbol, char or string.

    Comments are left out, the continuation of a macro's line too, and adjacent string literals are
    joined, as the compiler joins them.
    """
    text = text.replace("\\\n", " \n")
    result = []
    line = 1
    position = 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        type_ = match.lastgroup
        if match.group("comment") is not None:
            continue
        if match.group("raw") is not None:
            type_, value = "string", match.group("rawtext")
        elif match.group("string") is not None:
            type_, value = "string", match.group("text")
        else:
            type_ = next(key for key in ("char", "word", "number", "symbol") if match.group(key))
            value = match.group()
        if type_ == "string" and result and result[-1][0] == "string":
            result[-1] = ("string", result[-1][1] + value, result[-1][2])
        else:
            result.append((type_, value, line))
    return result
