#!/usr/bin/env python3
"""An hour of real daemons under mixed load with faults: does anything grow, or end as it must not?

    python3 tests/bench/soak --bin build/bin --minutes 60 > soak.json

Prints one JSON document; its "verdict" is "ok" or "failed", and so is the exit code (0, 1). See the
README of tests/bench.
"""

import argparse
import json
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import daemons as daemons_module  # noqa: E402
import faults as faults_module  # noqa: E402
import load as load_module  # noqa: E402
import samples as samples_module  # noqa: E402

WORKERS = ["w1", "w2", "w3"]
# Low, so that what is deleted balances what is made within minutes.
RETENTION = ["--retention-run-age", "60s", "--retention-run-count", "200", "--retention-unused", "60s",
             "--retention-grace", "20s", "--retention-interval", "10s"]


def invariants(daemons):
    """What is wrong in the folders once the daemons have stopped; a line each."""
    wrong = []
    data = daemons.data("coordinator")
    check = subprocess.run([daemons.binaries / "penstockd", "--admin-check", "--verify", "--data-dir",
                            data], capture_output=True, text=True, check=False,
                           env=daemons_module.clean_environment())
    if check.returncode != 0:
        wrong.append("penstockd --admin-check: " + (check.stdout + check.stderr).strip()[-2000:])
    connection = sqlite3.connect(f"file:{data / 'penstock.db'}?mode=ro", uri=True)
    questions = {
        "runs that have not ended": "SELECT count(*) FROM runs WHERE state < 4",
        "steps that have not ended": "SELECT count(*) FROM steps WHERE state < 6",
        "attempts that have not ended": "SELECT count(*) FROM attempts WHERE state < 3",
        "holds of attempts": "SELECT count(*) FROM holds WHERE expires_at = 0",
        "steps that succeeded twice":
            "SELECT count(*) FROM (SELECT 1 FROM attempts WHERE state = 3 AND rank = 0 "
            "GROUP BY run, idx HAVING count(*) > 1)",
    }
    for what, question in questions.items():
        count = connection.execute(question).fetchone()[0]
        if count:
            wrong.append(f"{count} {what}")
    connection.close()
    for folder in [data / "artifacts" / "tmp", *(daemons.data(w) / "work" for w in WORKERS),
                   *(daemons.data(w) / "artifacts" / "tmp" for w in WORKERS)]:
        if folder.exists() and any(folder.iterdir()):
            wrong.append(f"files are left in {folder.relative_to(daemons.folder)}")
    until = time.monotonic() + 10
    while (left := daemons_module.runners(daemons.folder)) and time.monotonic() < until:
        time.sleep(0.1)
    if left:
        wrong.append(f"{len(left)} processes of steps are left")
    return wrong


def soak(options, daemons):
    load = load_module.Load(daemons, options.seed, options.clients)
    daemons.start_coordinator()
    for worker in WORKERS:
        daemons.start_worker(worker)
    load.prepare()
    sampler = samples_module.Sampler(daemons, options.sample)
    faults = faults_module.Faults(daemons, WORKERS, options.seed,
                                  options.minutes * options.kill_coordinator_share, options.every)
    begin = time.monotonic()
    load.start()
    sampler.start()
    faults.start()
    while time.monotonic() < begin + 60 * options.minutes:
        time.sleep(1)
    faults.stop()
    load.stop()
    sampler.stop()
    minutes = (time.monotonic() - begin) / 60
    for worker in WORKERS:
        daemons.stop(worker)
    daemons.stop("coordinator")
    growth = samples_module.judge(sampler.samples, WORKERS, 60 * options.minutes * options.warm_up)
    cancels = sorted(load.cancel_seconds)
    result = {
        "minutes": round(minutes, 1),
        "seed": options.seed,
        "operations": load.counts,
        "faults": faults.counts,
        "coordinator_starts": daemons.generation,
        "cancel_seconds_p50": round(cancels[len(cancels) // 2], 2) if cancels else None,
        "wrong": load.wrong[:100],
        "problems": daemons.problems + faults.problems,
        "invariants": invariants(daemons),
        "submissions_with_keys": load.keys,
        "rows_at_the_end": sampler.samples[-1]["rows"] if sampler.samples else {},
        "growth": growth,
        "grew": sorted(name for name, found in growth.items() if found["grew"]),
    }
    bad = result["wrong"] or result["problems"] or result["invariants"] or result["grew"]
    result["verdict"] = "failed" if bad else "ok"
    if options.samples:
        pathlib.Path(options.samples).write_text(json.dumps(sampler.samples))
    return result


def parse():
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", default="build/bin", help="folder of the programs")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--clients", type=int, default=8, help="that submit beside each other")
    parser.add_argument("--every", type=float, default=15, help="seconds between faults, about")
    parser.add_argument("--sample", type=float, default=10, help="seconds between samples")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill-coordinator-share", type=float, default=0.25,
                        help="of the time in which the coordinator is killed, too")
    parser.add_argument("--warm-up", type=float, default=0.15, help="of the time, not looked at")
    parser.add_argument("--samples", help="file that gets every sample")
    parser.add_argument("--keep", action="store_true", help="keep the folder, and say where it is")
    return parser.parse_args()


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    options = parse()
    signal.signal(signal.SIGTERM, interrupted)  # the daemons are ended in any case
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-soak-")).resolve()
    daemons = daemons_module.Daemons(options.bin, folder, RETENTION)
    failed = True
    try:
        result = soak(options, daemons)
        print(json.dumps(result, indent=2))
        failed = result["verdict"] != "ok"
    finally:
        daemons.close()
        if options.keep:
            print(f"everything is in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
