"""Who may include whom: every #include of the tree against one table.

A file belongs to the longest folder of FOLDERS that it lies in, and may include what that folder
names (and itself). A library's header may be included in the folders that LIBRARIES gives it. The
table is the design's; a new folder needs a line here before it can have a source file.
"""

import re

from source_tree import files, name, read, tokens

BELOW_STEPS = ["steps/api", "steps/catalog", "steps/table", "storage/model", "base"]
ALGORITHM = ["steps/model_io", *BELOW_STEPS]
ALL_STEPS = ["steps/algorithms/linear_learner", "steps/algorithms/xgboost", "steps/evaluate",
             "steps/http", "steps/import", "steps/notify", "steps/predict", "steps/process", "steps/profile", "steps/script",
             "steps/train", "steps/validate", "steps/xgb", *ALGORITHM]

# Lowest first: a folder names only folders that stand above it here (see check_table).
FOLDERS = {
    "base": [],
    "proto": [],
    "storage/model": ["base"],
    "storage/db": ["base"],
    "storage/artifact": ["storage/model", "base"],
    "storage/journal": ["storage/model", "base"],
    "storage/metadata": ["storage/db", "storage/model", "base"],
    "steps/catalog": ["storage/model", "base"],
    "steps/api": ["storage/model", "base"],
    "steps/table": ["steps/api", "steps/catalog", "storage/model", "base"],
    "steps/process": BELOW_STEPS,
    "steps/model_io": [*BELOW_STEPS, "steps/process"],
    "steps/xgb": ALGORITHM,
    # An algorithm knows no other algorithm.
    "steps/algorithms/xgboost": ["steps/xgb", *ALGORITHM],
    "steps/algorithms/linear_learner": ALGORITHM,
    "steps/algorithms": ALGORITHM,
    # A script's model is one of the kinds that the steps can be given.
    "steps/script": [*ALGORITHM, "steps/process"],
    # The model interface, never a named algorithm.
    "steps/train": [*ALGORITHM, "steps/process"],
    "steps/predict": [*ALGORITHM, "steps/process"],
    "steps/evaluate": [*ALGORITHM, "steps/process", "steps/predict"],  # the table of predictions
    "steps/profile": [*BELOW_STEPS, "steps/process"],
    "steps/validate": [*BELOW_STEPS, "steps/process"],
    "steps/http": ["storage/model", "base"],
    "steps/import": [*BELOW_STEPS, "steps/http"],
    "steps/notify": ["steps/api", "steps/http", "storage/model", "base"],
    "steps": ALL_STEPS,
    "server/core": ["storage/model", "steps/catalog", "base"],
    "server/definition": ["server/core", "steps/catalog", "storage/model", "base"],
    "server/engine": ["server/core", "storage/metadata", "storage/artifact", "storage/journal",
                      "storage/model", "steps/catalog", "base"],
    "server/triggers": ["server/engine", "server/core", "storage/metadata", "storage/model", "base"],
    "server/ops": ["server/engine", "storage/metadata", "storage/artifact", "storage/journal",
                   "storage/model", "base"],
    "server/rpc": ["server/engine", "server/ops", "server/definition", "server/core", "proto", "storage/metadata",
                   "storage/artifact", "storage/journal", "storage/model", "steps/catalog", "base"],
    "server/http": ["server/rpc", "server/engine", "server/definition", "proto", "storage/artifact",
                    "storage/model", "base"],
    "server": ["server/core", "server/definition", "server/engine", "server/ops", "server/triggers",
               "server/rpc", "server/http", "proto", "storage/metadata", "storage/db", "storage/artifact",
               "storage/journal", "storage/model", "steps/catalog", "base"],
    "worker/runner": [*ALL_STEPS, "steps", "storage/artifact", "storage/journal", "storage/model",
                      "base"],
    "worker/agent": ["worker/runner", "proto", "storage/artifact", "storage/journal",
                     "storage/model", "steps/catalog", "base"],
    "worker/local": ["worker/runner", "worker/agent", *ALL_STEPS, "storage/artifact",
                     "storage/journal", "storage/model", "base"],
    "worker": ["worker/runner", "worker/agent", "worker/local", "proto", *ALL_STEPS, "steps", "storage/artifact",
               "storage/journal", "storage/model", "base"],
    "client/cli": ["proto", "server/definition", "server/core", "steps/catalog", "storage/model",
                   "base"],
    "examples": ["base"],
}

RPC_FOLDERS = ["server/rpc", "server/http", "server", "worker/agent", "worker", "client/cli"]

# First match wins. The tests may include any of them.
LIBRARIES = [
    (r"sqlite3", ["storage/db"]),
    (r"duckdb", ["steps/table"]),
    (r"xgboost/", ["steps/xgb"]),
    (r"re2/", ["steps/catalog", "steps/script", "steps/validate"]),
    (r"grpc|grpcpp/|penstock/v1/.*\.grpc\.pb\.h", RPC_FOLDERS),
    (r"google/protobuf/|penstock/v1/.*\.pb\.h", ["proto", *RPC_FOLDERS]),
    (r"yaml-cpp/", ["server/definition", "server", "worker", "worker/agent", "client/cli"]),
    (r"httplib\.h", ["server/http"]),
    (r"prometheus/", ["server/http", "server/rpc", "server", "worker/agent", "worker"]),
    (r"CLI/", ["server", "worker", "client/cli", "examples"]),
    (r"Eigen/|unsupported/Eigen|cblas|lapacke?|omp\.h",
     ["steps/process", "steps/xgb", "steps/algorithms", "steps/algorithms/xgboost",
      "steps/algorithms/linear_learner", "steps/evaluate", "steps/predict", "steps/train",
      "steps/model_io"]),
    (r"openssl/", ["base", "server/rpc", "server/http", "server", "worker/agent", "worker",
                   "client/cli"]),
    (r"curl/", ["steps/http"]),
    (r"libpq", ["steps/import"]),
    (r"zstd", ["storage/artifact", "storage/journal", "steps/table"]),
    (r"spdlog/|fmt/", ["base"]),
    (r"nlohmann/", ["base"]),
    (r"gtest/|gmock/|benchmark/", []),
]

# What would make the pure core depend on time, threads or the machine.
CORE = "server/core"
CORE_HEADERS = re.compile(
    r"thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token|"
    r"fstream|iostream|filesystem|cstdio|stdio\.h|ctime|time\.h|random|unistd\.h|fcntl\.h|"
    r"sys/.*|base/(log|mutex|thread_checker|subprocess|random|file\w*)\.h")
CORE_WORDS = re.compile(
    r"system_clock|steady_clock|high_resolution_clock|clock_gettime|gettimeofday|this_thread|"
    r"MutexLock|jthread|spdlog|LOG_(DEBUG|INFO|WARN|ERROR)|ofstream|ifstream|getenv|"
    r"random_device|cout|cerr")
CORE_PAIRS = {("std", "thread"), ("std", "mutex"), ("std", "async"), ("Clock", "Real"), ("std", "time")}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_of(path):
    """The longest folder of the table that holds the path; None where there is none."""
    parts = path.split("/")[:-1]
    while parts:
        if "/".join(parts) in FOLDERS:
            return "/".join(parts)
        parts.pop()
    return None


def check_table():
    """The table itself: it can have no cycle where each line names only lines above it."""
    problems = []
    above = set()
    for folder, allowed in FOLDERS.items():
        problems += [f"layers.py: {folder} names {other}, which does not stand above it"
                     for other in allowed if other not in above]
        above.add(folder)
    return problems


def check_include(root, path, folder, bracket, header):
    """What is wrong with one #include; None where nothing is."""
    for pattern, allowed in LIBRARIES:
        if re.match(pattern, header):
            if folder in allowed:
                return None
            where = ", ".join(allowed) or "the tests"
            return f"includes {header}, which only {where} may include"
    if bracket == "<":
        return None
    if not (root / header).is_file():
        return (f'includes "{header}", which is no file of the tree: write its path from the root, '
                "or <…> for a library's header")
    other = folder_of(header)
    if other == folder or other in FOLDERS[folder]:
        return None
    if other is None:
        return f"includes {header}, which lies in no folder that {folder} may include"
    return f"includes {header}: {folder} may not include {other}"


def check_core(text):
    """(line, problem) for what server/core may not name."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        if include and CORE_HEADERS.fullmatch(include.group(2)):
            found.append((number, f"includes {include.group(2)}: {CORE} is pure"))
    stream = tokens(text)
    for index, (type_, word, line) in enumerate(stream):
        if type_ != "word":
            continue
        qualified = (stream[index - 2][1], word) if index > 1 and stream[index - 1][1] == "::" else ()
        if CORE_WORDS.fullmatch(word) or qualified in CORE_PAIRS:
            shown = "::".join(qualified) or word
            found.append((line, f"names {shown}: {CORE} has no threads, clocks, files or logging"))
    # A forbidden header's line would be named twice.
    lines = {line for line, problem in found if problem.startswith("includes")}
    return [(line, problem) for line, problem in found
            if problem.startswith("includes") or line not in lines]


def check(root):
    problems = check_table()
    for path in files(root, {".h", ".cc", ".cu", ".cuh"}):
        shown = name(root, path)
        if shown.startswith("tests/"):
            continue
        folder = folder_of(shown)
        if folder is None:
            problems.append(f"{shown}: its folder is not in the table of tests/lint/layers.py")
            continue
        text = read(path)
        for number, line in enumerate(text.splitlines(), 1):
            include = INCLUDE.match(line)
            if include:
                problem = check_include(root, shown, folder, *include.groups())
                if problem:
                    problems.append(f"{shown}:{number}: {problem}")
        if folder == CORE:
            problems += [f"{shown}:{number}: {problem}" for number, problem in check_core(text)]
    return problems
