"""What a soak measures of its daemons, and whether it grew."""

import os
import pathlib
import sqlite3
import statistics
import threading
import time

# Tables that retention does not bound: what a person may still ask for, or a promise of 7 days.
KEPT = {"pipelines", "pipeline_versions", "pipeline_artifacts", "server", "workers", "idempotency",
        "tokens", "secrets", "model_groups", "model_versions", "model_aliases"}


def process_sample(pid):
    """Memory in MiB, descriptors, threads; None where it is gone."""
    folder = pathlib.Path("/proc") / str(pid)
    try:
        status = (folder / "status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        return {"rss": int(fields["VmRSS"].split()[0]) / 1024,
                "descriptors": len(os.listdir(folder / "fd")),
                "threads": int(fields["Threads"])}
    except (OSError, KeyError, ValueError):
        return None


def folder_sample(folder):
    """Files, and MiB that they take."""
    files = 0
    size = 0
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(base, name)).st_size
                files += 1
            except OSError:
                continue
    return {"files": files, "mib": size / (1 << 20)}


def row_counts(database):
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
    try:
        names = [row[0] for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                for name in names}
    finally:
        connection.close()


class Sampler:
    """A sample each `every` seconds: {"t", "coordinator": {…, "pid"}, …, "rows": {…}}."""

    def __init__(self, daemons, every):
        self._daemons = daemons
        self._every = every
        self._begin = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples = []

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join()

    def _run(self):
        while not self._stopping.wait(self._every):
            self.take()

    def take(self):
        sample = {"t": time.monotonic() - self._begin, "daemons": {}, "folders": {}}
        self._daemons.check_alive()
        for name in self._daemons.names():
            pid = self._daemons.pid(name)
            found = process_sample(pid) if pid else None
            if found:
                sample["daemons"][name] = {"pid": pid, **found}
        for name in ("coordinator", *sorted(n for n in self._daemons.names() if n != "coordinator")):
            sample["folders"][name] = folder_sample(self._daemons.data(name))
        try:
            sample["rows"] = row_counts(self._daemons.data("coordinator") / "penstock.db")
        except sqlite3.Error:
            sample["rows"] = {}
        self.samples.append(sample)


def compare(points, slack, share):
    """Whether the last quarter of (time, value) lies above the first by more than is allowed.

    The first quarter begins after warm-up. Also the slope by least squares, an hour.
    """
    if len(points) < 8:
        return None
    quarter = max(len(points) // 4, 2)
    first = statistics.median(value for _, value in points[:quarter])
    last = statistics.median(value for _, value in points[-quarter:])
    times = [t for t, _ in points]
    values = [value for _, value in points]
    middle = statistics.fmean(times)
    spread = sum((t - middle) ** 2 for t in times)
    slope = sum((t - middle) * v for t, v in points) / spread if spread else 0
    return {"first": round(first, 1), "last": round(last, 1), "highest": round(max(values), 1),
            "slope_per_hour": round(slope * 3600, 1), "minutes": round((times[-1] - times[0]) / 60, 1),
            "grew": last - first > max(slack, share * first)}


def longest_life(samples, name):
    """The samples of the process of that name which was there longest."""
    lives = {}
    for sample in samples:
        found = sample["daemons"].get(name)
        if found:
            lives.setdefault(found["pid"], []).append((sample["t"], found))
    return max(lives.values(), key=len, default=[])


def judge(samples, workers, warm_up):
    """Figures by what was looked at; "grew" says whether any did."""
    result = {}
    for name in ["coordinator", workers[-1]]:
        life = longest_life(samples, name)
        life = [(t, s) for t, s in life if t >= life[0][0] + warm_up] if life else []
        for what, slack, share in [("rss", 12, 0.15), ("descriptors", 12, 0.1), ("threads", 4, 0.1)]:
            found = compare([(t, s[what]) for t, s in life], slack, share)
            if found:
                result[f"{name}.{what}"] = found
    late = [s for s in samples if s["t"] >= warm_up]
    for name in ["coordinator", *workers]:
        for what, slack, share in [("files", 300, 0.3), ("mib", 24, 0.3)]:
            points = [(s["t"], s["folders"][name][what]) for s in late if name in s["folders"]]
            found = compare(points, slack, share)
            if found:
                result[f"{name}.{what}"] = found
    tables = sorted({table for s in late for table in s["rows"]} - KEPT)
    for table in tables:
        points = [(s["t"], s["rows"][table]) for s in late if table in s["rows"]]
        found = compare(points, 200, 0.4)
        if found:
            result[f"rows.{table}"] = found
    return result
