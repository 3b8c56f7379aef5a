"""Field numbers of the API are never given a second meaning.

proto_numbers.txt lists every field and enum value that the API has had, as

    penstock.v1.Run.name = 2 string

A listed number must still mean the same, or be `reserved` in its message. A new one must be listed:
`tests/lint/run.py proto_numbers --update` adds it. That never drops a line; `--break` writes the
listing anew, for an API that nobody uses yet.
"""

import re
from pathlib import Path

from source_tree import files, name, read

LISTING = "tests/lint/proto_numbers.txt"
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[A-Za-z_][\w.]*|-?\d\w*|[^\s\w]')
_LABELS = {"repeated", "optional", "required"}


class Proto:
    """What one or more .proto files declare."""

    def __init__(self):
        self.numbers = {}  # (scope, number) → (name, type)
        self.reserved = {}  # scope → list of (first, last)

    def parse(self, text):
        text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL)
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        self._package = ""
        while self._at < len(self._tokens):
            word = self._next()
            if word == "package":
                self._package = self._statement()[0]
            elif word in ("message", "enum"):
                self._block(word, f"{self._package}.{self._next()}" if self._package else self._next())
            elif word in ("service", "extend"):
                self._skip_to("{")
                self._skip_block()
            elif word != ";":
                self._statement()

    def _next(self):
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self):
        return self._tokens[self._at] if self._at < len(self._tokens) else "}"

    def _statement(self):
        """The tokens up to the next ; which is consumed."""
        start = self._at
        while self._at < len(self._tokens) and self._tokens[self._at] != ";":
            self._at += 1
        self._at += 1
        return self._tokens[start:self._at - 1]

    def _skip_to(self, token):
        while self._at < len(self._tokens) and self._next() != token:
            pass

    def _skip_block(self):
        depth = 1
        while depth and self._at < len(self._tokens):
            depth += {"{": 1, "}": -1}.get(self._next(), 0)

    def _block(self, kind, scope):
        self._skip_to("{")
        while self._at < len(self._tokens):
            word = self._peek()
            if word == "}":
                self._at += 1
                return
            if word in ("message", "enum") and self._tokens[self._at + 2] == "{":
                self._at += 1
                self._block(word, f"{scope}.{self._next()}")
            elif word == "oneof" and self._tokens[self._at + 2] == "{":
                # A oneof's fields are its message's.
                self._block("message", scope)
            else:
                self._field(kind, scope, self._statement())

    def _field(self, kind, scope, statement):
        if not statement or statement[0] in ("option", "extensions"):
            return
        if statement[0] == "reserved":
            self._reserve(scope, statement[1:])
            return
        if "=" not in statement:
            return
        equals = statement.index("=")
        field = statement[equals - 1]
        number = int(statement[equals + 1], 0)
        type_ = "value" if kind == "enum" else "".join(
            part for part in statement[:equals - 1] if part not in _LABELS - {"repeated"})
        self.numbers[(scope, number)] = (field, type_.replace("repeated", "repeated:", 1)
                                         if statement[0] == "repeated" else type_)

    def _reserve(self, scope, words):
        ranges = self.reserved.setdefault(scope, [])
        index = 0
        while index < len(words):
            if re.fullmatch(r"-?\d+", words[index]):
                first = last = int(words[index])
                if index + 2 < len(words) and words[index + 1] == "to":
                    last = 2**31 if words[index + 2] == "max" else int(words[index + 2])
                    index += 2
                ranges.append((first, last))
            index += 1

    def is_reserved(self, scope, number):
        return any(first <= number <= last for first, last in self.reserved.get(scope, []))


def declared(root):
    proto = Proto()
    for path in files(root, {".proto"}, "proto"):
        proto.parse(read(path))
    return proto


def line_of(scope, number, meaning):
    return f"{scope}.{meaning[0]} = {number} {meaning[1]}"


def listed(root):
    """(scope, number) → (name, type), as the listing has it."""
    path = Path(root) / LISTING
    numbers = {}
    for line in read(path).splitlines() if path.is_file() else []:
        match = re.fullmatch(r"(\S+)\.(\w+) = (-?\d+) (\S+)", line)
        if match:
            numbers[(match.group(1), int(match.group(3)))] = (match.group(2), match.group(4))
    return numbers


def changes(proto, numbers):
    """What gives a listed number another meaning."""
    problems = []
    for (scope, number), meaning in sorted(numbers.items()):
        now = proto.numbers.get((scope, number))
        if now == meaning or (now is None and proto.is_reserved(scope, number)):
            continue
        if now is None:
            problems.append(f"{scope}: {meaning[0]} = {number} is gone: write `reserved {number};` in "
                            "its place")
        else:
            problems.append(f"{scope}: number {number} was {meaning[0]} ({meaning[1]}) and is now "
                            f"{now[0]} ({now[1]}): give the new field a new number")
    return problems


def check(root):
    proto = declared(root)
    numbers = listed(root)
    problems = changes(proto, numbers)
    problems += [f"{scope}.{meaning[0]} = {number} is not in {LISTING}: run "
                 "`tests/lint/run.py proto_numbers --update`"
                 for (scope, number), meaning in sorted(proto.numbers.items())
                 if (scope, number) not in numbers]
    return problems


def update(root, break_=False):
    """Adds what is new to the listing. Returns what stands against it; then nothing is written."""
    proto = declared(root)
    numbers = {} if break_ else listed(root)
    problems = changes(proto, numbers)
    if not problems:
        lines = sorted(line_of(scope, number, meaning)
                       for (scope, number), meaning in {**numbers, **proto.numbers}.items())
        (Path(root) / LISTING).write_text("".join(line + "\n" for line in lines))
    return problems
