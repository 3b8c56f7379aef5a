#!/usr/bin/env python3
"""The same no-op tasks on Penstock and on what else is installed, in turn on the same machine.

    /usr/bin/python3 tests/bench/side_by_side.py --bin build/bin [--only penstock,make] [--json FILE]

A chain of 200 tasks and a fan-out of 1,000, on two slots each. Each system runs in a temporary folder,
on free loopback ports, is started before the clock and stopped after it, by pid. What is not installed
is skipped, with the reason. Prints a table, then one JSON document with the ratios.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import rivals  # noqa: E402

CHAIN = 200
FAN = 1000


LONG = 60  # seconds; what takes longer is measured once


def median_of(take, times):
    """The median, or None with a reason where it takes too long."""
    try:
        took = [take()]
        while len(took) < times and took[0] < LONG:
            took.append(take())
    except rivals.TooSlow as error:
        return None, str(error)
    return statistics.median(took), None


def measure(rival, options):
    """{"chain_s", "fan_s", "durability"} or {"skipped"}."""
    reason = rival.missing()
    if reason:
        return {"skipped": reason}
    with tempfile.TemporaryDirectory(prefix=f"side-by-side-{rival.name}-") as folder:
        rival.folder = pathlib.Path(folder).resolve()
        try:
            rival.start()
            rival.chain(3)  # what is done once is not counted
            rival.fan(10)
            chain, chain_reason = median_of(lambda: rival.chain(options.chain), options.repeat)
            fan, fan_reason = median_of(lambda: rival.fan(options.fan), options.repeat)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            return {"skipped": f"{type(error).__name__}: {error}"[:500]}
        finally:
            rival.stop()
    found = {"durability": rival.durability, "chain_s": chain, "fan_s": fan}
    reasons = [reason for reason in (chain_reason, fan_reason) if reason]
    if reasons:
        found["gave_up"] = "; ".join(reasons)
    return found


def add_ratios(results):
    own = results.get("penstock", {})
    for found in results.values():
        for what in ("chain", "fan"):
            if own.get(what + "_s") and found.get(what + "_s"):
                found[what + "_ratio"] = round(found[what + "_s"] / own[what + "_s"], 2)


def table(results, options):
    lines = [f"{'':22}{f'chain of {options.chain}':>18}{'ratio':>8}{f'fan-out of {options.fan}':>20}"
             f"{'ratio':>8}  keeps"]
    for name, found in results.items():
        if "skipped" in found:
            lines.append(f"{name:22}skipped: {found['skipped'].splitlines()[0][:70]}")
            continue
        cells = [f"{found[w + '_s']:.2f} s" if found[w + "_s"] else "gave up" for w in ("chain", "fan")]
        ratios = [str(found.get(w + "_ratio", "")) for w in ("chain", "fan")]
        lines.append(f"{name:22}{cells[0]:>18}{ratios[0]:>8}{cells[1]:>20}{ratios[1]:>8}  "
                     f"{found['durability']}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", default="build/bin", help="folder of Penstock's programs")
    parser.add_argument("--only", default="", help="names, with commas")
    parser.add_argument("--chain", type=int, default=CHAIN)
    parser.add_argument("--fan", type=int, default=FAN)
    parser.add_argument("--repeat", type=int, default=3, help="times; the median counts")
    parser.add_argument("--json", help="file for the document, beside stdout")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    results = {}
    for rival in rivals.all_of_them(pathlib.Path(options.bin).resolve()):
        if only and rival.name not in only:
            continue
        begin = time.monotonic()
        results[rival.name] = measure(rival, options)
        print(f"{rival.name}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
    add_ratios(results)
    document = json.dumps({"chain": options.chain, "fan": options.fan, "slots": rivals.SLOTS,
                           "results": results}, indent=2)
    print(table(results, options))
    print(document)
    if options.json:
        pathlib.Path(options.json).write_text(document + "\n")


if __name__ == "__main__":
    main()
