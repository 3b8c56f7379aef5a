"""The daemons of a soak: one coordinator and some workers, in one folder, on free ports.

Each is started, killed, stopped and continued by its pid. A daemon that ends without having been told
to is a finding.
"""

import json
import os
import pathlib
import signal
import subprocess
import threading
import time

# Short, so that faults and their ends fit into minutes.
LEASE = ["--lease-ttl", "3s", "--lease-heartbeat", "500ms"]


class Daemons:
    def __init__(self, binaries, folder, retention):
        self.binaries = pathlib.Path(binaries).resolve()
        self.folder = pathlib.Path(folder)
        self.retention = retention
        self.grpc = "127.0.0.1:0"
        self.http = "127.0.0.1:0"
        self.generation = 0  # raised by each start of the coordinator
        self.problems = []
        self._processes = {}
        self._meant = {}
        self._closed = False
        self._lock = threading.RLock()

    def data(self, name):
        return self.folder / name

    def pid(self, name):
        with self._lock:
            process = self._processes.get(name)
            return process.pid if process and process.poll() is None else 0

    def names(self):
        with self._lock:
            return list(self._processes)

    def start_coordinator(self, faults=()):
        """Waits until it serves; keeps its ports from the first start on."""
        data = self.data("coordinator")
        arguments = [self.binaries / "penstockd", "--data-dir", data, "--grpc-address", self.grpc,
                     "--http-address", self.http, "--log-level", "warn", *LEASE, *self.retention]
        if faults:
            arguments += ["--faults", ",".join(faults)]
        ready = self._start("coordinator", arguments, data)
        self.grpc, self.http = ready["grpc"], ready["http"]
        self.generation += 1

    def start_worker(self, name, more=()):
        data = self.data(name)
        self._start(name, [self.binaries / "penstock-worker", "--coordinator", self.grpc, "--name",
                           name, "--data-dir", data, "--cpus", "2", "--cache-size", "2MiB",
                           "--kill-grace", "1s", "--log-level", "warn", *more], data)

    def _start(self, name, arguments, data):
        data.mkdir(parents=True, exist_ok=True)
        with self._lock, open(self.folder / (name + ".log"), "ab") as log:
            if self._closed:
                raise RuntimeError("the soak is over")
            process = subprocess.Popen([str(part) for part in arguments], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True,
                                       env=clean_environment())
            self._processes[name] = process
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended at once with {process.returncode}; see {log.name}")
            try:
                ready = json.loads((data / "ready.json").read_text())
                if ready.get("pid") == process.pid:
                    return ready
            except (OSError, ValueError):
                pass
            time.sleep(0.02)
        raise RuntimeError(f"{name} did not come up; see {log.name}")

    def signal(self, name, number):
        with self._lock:
            process = self._processes.get(name)
            if process and process.poll() is None:
                process.send_signal(number)

    def kill(self, name):
        with self._lock:
            process = self._processes.pop(name, None)
        if process:
            process.kill()
            process.wait()

    def stop(self, name):
        """SIGTERM; an exit code other than 0, or none within a minute, is a finding."""
        with self._lock:
            process = self._processes.pop(name, None)
        if not process:
            return
        process.terminate()
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code != 0:
            self.problems.append(f"{name} ended with {code} when it was told to stop")

    def check_alive(self):
        """Notes those that ended by themselves, and forgets them."""
        with self._lock:
            for name, process in list(self._processes.items()):
                if process.poll() is not None:
                    self.problems.append(f"{name} ended by itself with {process.returncode}")
                    del self._processes[name]

    def close(self):
        """Kills all, and starts none any more, whoever is about to."""
        with self._lock:
            self._closed = True
            for name in self.names():
                self.kill(name)


def clean_environment():
    return {key: value for key, value in os.environ.items() if not key.startswith("PENSTOCK_")}


def runners(folder):
    """Pids of the processes that run steps for the workers in a folder: they carry it in a mark."""
    mark = b"PENSTOCK_ATTEMPT_OWNER=" + str(folder).encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def kill_pid(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
