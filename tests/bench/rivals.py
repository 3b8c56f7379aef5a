"""The systems of side_by_side.py: how each runs so many no-op tasks, in a chain or beside each other.

`chain` and `fan` give the seconds from the request to the last task's end. What keeps running between
tasks (a coordinator, workers, a broker) is started by `start`, outside of the time.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time

SLOTS = 2
PATIENCE = 600


class TooSlow(Exception):
    pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_module(name):
    done = subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, check=False)
    return done.returncode == 0


class Rival:
    name = ""
    durability = ""
    folder = None
    programs = []
    modules = []

    def __init__(self):
        self._processes = []

    def missing(self):
        for program in self.programs:
            if shutil.which(program) is None:
                return f"no {program} here"
        for module in self.modules:
            if not has_module(module):
                return f"no Python module {module} for {sys.executable}"
        return None

    def start(self):
        pass

    def stop(self):
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def launch(self, *arguments, **more):
        log = open(self.folder / f"{pathname(arguments[0])}.log", "ab")  # closed with the process
        process = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, cwd=self.folder, **more)
        log.close()
        self._processes.append(process)
        return process

    def run(self, *arguments, **more):
        begin = time.perf_counter()
        try:
            done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True,
                                  cwd=self.folder, timeout=PATIENCE, check=False, **more)
        except subprocess.TimeoutExpired as error:
            raise TooSlow(f"more than {PATIENCE} s") from error
        took = time.perf_counter() - begin
        if done.returncode != 0:
            raise RuntimeError(f"{arguments[0]}: {(done.stdout + done.stderr).strip()[-400:]}")
        return took, done.stdout

    def wait_for(self, condition, what):
        until = time.monotonic() + 60
        while not condition():
            if time.monotonic() > until:
                raise RuntimeError(f"{what} did not come up")
            time.sleep(0.05)


def pathname(program):
    return str(program).rsplit("/", maxsplit=1)[-1]


class Penstock(Rival):
    name = "penstock"
    durability = "every start and end, by fsync before it is acted upon; logs, metrics, provenance"

    def __init__(self, binaries):
        super().__init__()
        self._bin = binaries
        self._environment = {}

    def missing(self):
        return None if (self._bin / "penstockd").exists() else f"no penstockd in {self._bin}"

    def _ready(self, folder):
        try:
            return json.loads((self.folder / folder / "ready.json").read_text())
        except (OSError, ValueError):
            return {}

    def start(self):
        self.launch(self._bin / "penstockd", "--data-dir", "data", "--grpc-address", "127.0.0.1:0",
                    "--http-address", "127.0.0.1:0", "--log-level", "warn")
        self.wait_for(lambda: self._ready("data"), "penstockd")
        address = self._ready("data")["grpc"]
        self.launch(self._bin / "penstock-worker", "--coordinator", address, "--name", "w1",
                    "--data-dir", "w1", "--cpus", SLOTS, "--log-level", "warn")
        self.wait_for(lambda: self._ready("w1"), "penstock-worker")
        self._environment = {**os.environ, "PENSTOCK_ADDRESS": address}

    def _run(self, name, steps):
        file = self.folder / f"{name}.yaml"
        file.write_text(f"name: {name}\nsteps:\n" + "".join(steps))
        return self.run(self._bin / "penstock", "run", "-f", file, "--no-cache", "--wait",
                        env=self._environment)[0]

    def chain(self, count):
        steps = ["- {name: s0, type: noop}\n"]
        steps += [f"- {{name: s{i}, type: noop, dependsOn: [s{i - 1}]}}\n" for i in range(1, count)]
        return self._run("chain", steps)

    def fan(self, count):
        return self._run("fan", [f"- {{name: s{i}, type: noop}}\n" for i in range(count)])


class Make(Rival):
    name = "make"
    durability = "nothing: a process that is gone has forgotten what ran"
    programs = ["make"]

    def _make(self, rules, goal):
        (self.folder / "Makefile").write_text(rules)
        return self.run("make", "-s", f"-j{SLOTS}", goal)[0]

    def chain(self, count):
        rules = "t0:\n\t@true\n" + "".join(f"t{i}: t{i - 1}\n\t@true\n" for i in range(1, count))
        return self._make(rules, f"t{count - 1}")

    def fan(self, count):
        names = " ".join(f"t{i}" for i in range(count))
        return self._make(f"all: {names}\n{names}:\n\t@true\n", "all")


class Snakemake(Rival):
    name = "snakemake"
    durability = "a file and a record for each task, without fsync"
    programs = ["snakemake"]

    def _snakemake(self, text):
        work = self.folder / f"work{time.monotonic_ns()}"
        work.mkdir()
        (work / "Snakefile").write_text(text)
        took = self.run("snakemake", "-q", "-j", SLOTS, "--directory", work, "--snakefile",
                        work / "Snakefile")[0]
        shutil.rmtree(work)
        return took

    def chain(self, count):
        rules = [f'rule all:\n    input: "f{count - 1}"\n', 'rule r0:\n    output: touch("f0")\n']
        rules += [f'rule r{i}:\n    input: "f{i - 1}"\n    output: touch("f{i}")\n'
                  for i in range(1, count)]
        return self._snakemake("\n".join(rules))

    def fan(self, count):
        return self._snakemake(f'rule all:\n    input: expand("f{{i}}", i=range({count}))\n'
                               'rule each:\n    output: touch("f{i}")\n')


class Dask(Rival):
    name = "dask.distributed"
    durability = "nothing: tasks and results live in memory"
    modules = ["distributed"]
    program = """
import json, sys, time
from distributed import Client, LocalCluster

def noop(before=None):
    return None

if __name__ == "__main__":
    cluster = LocalCluster(n_workers=%d, threads_per_worker=1, processes=True, host="127.0.0.1",
                           dashboard_address=None, scheduler_port=0)
    client = Client(cluster)
    print("ready", flush=True)
    for line in sys.stdin:
        kind, count = line.split()
        begin = time.perf_counter()
        if kind == "chain":
            last = None
            for i in range(int(count)):
                last = client.submit(noop, last, pure=False)
            last.result()
        else:
            client.gather(client.map(noop, range(int(count)), pure=False))
        print(time.perf_counter() - begin, flush=True)
    client.close()
    cluster.close()
""" % SLOTS

    def start(self):
        script = self.folder / "dask_tasks.py"
        script.write_text(self.program)
        with open(self.folder / "dask.log", "ab") as log:
            self._peer = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=log, text=True,
                                          cwd=self.folder)
        if self._peer.stdout.readline().strip() != "ready":
            raise RuntimeError((self.folder / "dask.log").read_text()[-400:])

    def stop(self):
        if getattr(self, "_peer", None) is None:
            return
        self._peer.stdin.close()
        try:
            self._peer.wait(20)
        except subprocess.TimeoutExpired:
            self._peer.terminate()
            self._peer.wait()
        self._peer.stdout.close()

    def _ask(self, kind, count):
        self._peer.stdin.write(f"{kind} {count}\n")
        self._peer.stdin.flush()
        return float(self._peer.stdout.readline())

    def chain(self, count):
        return self._ask("chain", count)

    def fan(self, count):
        return self._ask("fan", count)


class Celery(Rival):
    name = "celery with redis"
    durability = "in redis' memory, with a snapshot now and then"
    programs = ["redis-server"]
    modules = ["celery", "redis"]
    tasks = """
import os
from celery import Celery
url = os.environ["BENCH_REDIS"]
app = Celery("bench_tasks", broker=url, backend=url)

@app.task
def noop():
    return None
"""
    client = """
import sys, time
from celery import chain, group
from bench_tasks import noop
kind, count = sys.argv[1], int(sys.argv[2])
noop.delay().get(timeout=60)
begin = time.perf_counter()
if kind == "chain":
    chain(*[noop.si() for _ in range(count)])().get(timeout=500)
else:
    group(noop.si() for _ in range(count))().get(timeout=500)
print(time.perf_counter() - begin)
"""

    def start(self):
        port = free_port()
        (self.folder / "bench_tasks.py").write_text(self.tasks)
        (self.folder / "bench_client.py").write_text(self.client)
        self._environment = {**os.environ, "BENCH_REDIS": f"redis://127.0.0.1:{port}/0",
                             "PYTHONPATH": str(self.folder)}
        self.launch("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", self.folder)
        self.launch(sys.executable, "-m", "celery", "-A", "bench_tasks", "worker", "-c", SLOTS,
                    "--loglevel", "WARNING", "--without-gossip", "--without-mingle",
                    env=self._environment)

    def _ask(self, kind, count):
        _, out = self.run(sys.executable, "bench_client.py", kind, count, env=self._environment)
        return float(out)

    def chain(self, count):
        return self._ask("chain", count)

    def fan(self, count):
        return self._ask("fan", count)


def all_of_them(binaries):
    import slurm_rival  # stands alone: most of it is configuration

    return [Penstock(binaries), Make(), Snakemake(), Dask(), Celery(), slurm_rival.Slurm()]
