"""SQL that a reviewer can trust.

In C++: SQL stands only in storage/db and storage/metadata, as whole literals (values are bound, never
joined in), and names its columns. In tables: every CREATE TABLE is STRICT; migrations are numbered
0001, 0002 … without a gap. steps/table speaks DuckDB's dialect over files whose columns it learns at
run time: its texts are its own matter, and so are those that steps/import sends to other people's
PostgreSQL. Tests may write what they need.
"""

import re

from source_tree import files, name, read, tokens

FOLDERS = ("storage/db/", "storage/metadata/")
EXEMPT = ("steps/table/", "steps/import/", "tests/")

STATEMENT = re.compile(
    r"\s*(SELECT\s+\S|INSERT\s+(OR\s+\w+\s+)?INTO\s|REPLACE\s+INTO\s|UPDATE\s+(OR\s+\w+\s+)?\w+\s+SET\s|"
    r"DELETE\s+FROM\s|CREATE\s+(TEMP\s+|UNIQUE\s+)?(TABLE|INDEX|VIEW|TRIGGER)\s|ALTER\s+TABLE\s|"
    r"DROP\s+(TABLE|INDEX|VIEW|TRIGGER)\s|PRAGMA\s+\w|BEGIN\s+(IMMEDIATE|EXCLUSIVE|DEFERRED)|"
    r"SAVEPOINT\s|ROLLBACK\s+TO\s|ATTACH\s|VACUUM|WITH\s+(RECURSIVE\s+)?\w+.*\sAS\s*\()")
# Only where SQL may stand at all: a piece of a statement that something is joined to.
FRAGMENT = re.compile(r"\s*(FROM|WHERE|AND|OR|ORDER\s+BY|GROUP\s+BY|LIMIT|JOIN|VALUES|SET)\s|"
                      r"\sWHERE\s|\sFROM\s\w|=\s?\?")
STAR = re.compile(r"\bSELECT\s+(DISTINCT\s+)?(\w+\.)?\*", re.IGNORECASE)
JOINERS = {"StrCat", "format", "append", "Format", "Substitute", "sprintf", "snprintf", "Join",
           "sqlite3_mprintf", "StrAppend"}
CREATE = re.compile(r"CREATE\s+(?:TEMP(?:ORARY)?\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)\s*\((.*?);",
                    re.IGNORECASE | re.DOTALL)


def tables_not_strict(sql):
    """(offset, name) of each table that is made without STRICT."""
    sql = re.sub(r"--[^\n]*", lambda match: " " * len(match.group()), sql)
    return [(match.start(), match.group(1)) for match in CREATE.finditer(sql + ";")
            if not re.search(r"\)[^)]*\bSTRICT\b[^)]*$", match.group(2), re.IGNORECASE)]


def joined(stream, index):
    """Whether the literal at the index is joined with something else at run time.

    A number after `PRAGMA name = ` does not count: SQLite binds no values there.
    """
    following = [text for _, text, _ in stream[index + 1:index + 5]]
    if (re.search(r"(^|;)\s*PRAGMA\s+\w+\s*=\s*$", stream[index][1]) and
            following == ["+", "std", "::", "to_string"]):
        return False
    before = stream[index - 1][1] if index else ""
    after = stream[index + 1][1] if index + 1 < len(stream) else ""
    if before in {"+", "+=", "<<"} or after in {"+", "<<"}:
        return True
    called = stream[index - 2][1] if index > 1 and before == "(" else ""
    if called in JOINERS:
        return True
    # std::string("…") + x
    if called in {"string", "string_view"}:
        rest = stream[index + 1:index + 3]
        return len(rest) == 2 and rest[0][1] == ")" and rest[1][1] in {"+", "<<"}
    return False


def check_source(shown, text):
    problems = []
    stream = tokens(text)
    own = shown.startswith(FOLDERS)
    for index, (type_, value, line) in enumerate(stream):
        if type_ != "string":
            continue
        statement = STATEMENT.match(value)
        if statement and not own:
            problems.append(f"{shown}:{line}: SQL outside storage/db and storage/metadata: "
                            "add a method there")
        if not own:
            continue
        if STAR.search(value):
            problems.append(f"{shown}:{line}: SELECT *: name the columns, so that a migration cannot "
                            "change what a row means")
        if (statement or FRAGMENT.search(value)) and joined(stream, index):
            problems.append(f"{shown}:{line}: SQL is joined from pieces: write each statement out and "
                            "bind its values")
        problems += [f"{shown}:{line}: table {table} is not STRICT"
                     for _, table in tables_not_strict(value)]
    return problems


def check_migrations(root):
    problems = []
    folders = {}
    for path in files(root, {".sql"}):
        shown = name(root, path)
        sql = read(path)
        problems += [f"{shown}:{sql.count(chr(10), 0, offset) + 1}: table {table} is not STRICT"
                     for offset, table in tables_not_strict(sql)]
        if STAR.search(sql):
            problems.append(f"{shown}: SELECT *: name the columns")
        if path.parent.name == "migrations":
            folders.setdefault(path.parent, []).append(path.name)
    for folder, names in folders.items():
        for expected, found in enumerate(sorted(names), 1):
            if not re.fullmatch(rf"{expected:04d}_[a-z0-9_]+\.sql", found):
                problems.append(f"{name(root, folder)}/{found}: expected {expected:04d}_<what>.sql: "
                                "numbers have no gap and none is used twice")
                break
    return problems


def check(root):
    problems = check_migrations(root)
    for path in files(root, {".h", ".cc"}):
        shown = name(root, path)
        if not shown.startswith(EXEMPT):
            problems += check_source(shown, read(path))
    return problems
