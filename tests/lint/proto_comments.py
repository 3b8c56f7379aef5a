"""Each RPC of the API says which errors it answers and whether a retry is safe.

The comments of the .proto files are the API's specification. The one right above an `rpc` names an
error (NOT_FOUND, …) or says "No errors of its own" (the codes that any RPC answers stand in
common.proto), and speaks of retries.
"""

import re

from source_tree import files, name, read

_RPC = re.compile(r"\s*rpc\s+(\w+)")
_ERROR = re.compile(r"\b[A-Z]+_[A-Z_]+\b|\bNo errors of its own\b")
_RETRY = re.compile(r"\bretry\b", re.IGNORECASE)


def check(root):
    problems = []
    for path in files(root, {".proto"}, "proto"):
        comment = []
        for number, line in enumerate(read(path).splitlines(), 1):
            text = line.strip()
            if text.startswith("//"):
                comment.append(text[2:].strip())
                continue
            rpc = _RPC.match(line)
            if rpc:
                said = " ".join(comment)
                where = f"{name(root, path)}:{number}: {rpc.group(1)}"
                if not _ERROR.search(said):
                    problems.append(f"{where}: say which errors it answers, or \"No errors of its own\"")
                if not _RETRY.search(said):
                    problems.append(f"{where}: say whether a retry is safe")
            comment = []
    return problems
