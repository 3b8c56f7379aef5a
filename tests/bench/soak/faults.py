"""What happens to the daemons of a soak.

Through the first part of it (`Faults.coordinator_until`) the coordinator is killed too; from then on it
lives on, so that what it holds on to can be seen to grow.
"""

import random
import signal
import threading
import time

import daemons as daemons_module

METHODS = ["SubmitRun", "GetRun", "LeaseSteps", "ReportSteps", "Heartbeat", "AppendLogs", "OpenSession",
           "CommitArtifact", "StatArtifacts", "CancelRun", "DecideApproval"]


def lost_messages(random_):
    """Requests and replies that the next coordinator loses, each at a hit of its own."""
    return [f"rpc.{way}.{method}=eio@{random_.randrange(5, 400)}"
            for method in METHODS for way in ("request", "reply")]


class Faults:
    def __init__(self, daemons, workers, seed, minutes, every):
        self._daemons = daemons
        self._workers = workers
        self._random = random.Random(f"faults/{seed}")
        self._until = time.monotonic() + 60 * minutes
        self._every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.counts = {}
        self.problems = []

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._thread.join()

    def _run(self):
        while not self._stopping.wait(self._random.uniform(0.5, 1.5) * self._every):
            kinds = [self._kill_worker, self._kill_runner, self._kill_runner, self._stop_worker,
                     self._stop_coordinator]
            if time.monotonic() < self._until:
                kinds += [self._kill_coordinator, self._kill_coordinator, self._kill_both]
            kind = self._random.choice(kinds)
            try:
                kind()
                name = kind.__name__.strip("_")
                self.counts[name] = self.counts.get(name, 0) + 1
            except RuntimeError as error:
                self.problems.append(str(error))

    def _restart_coordinator(self):
        self._daemons.start_coordinator(lost_messages(self._random))

    def _kill_coordinator(self):
        self._daemons.kill("coordinator")
        self._stopping.wait(self._random.uniform(0, 2))
        self._restart_coordinator()

    # The last worker is never killed: what it holds on to is looked at.
    def _kill_worker(self):
        worker = self._random.choice(self._workers[:-1])
        self._daemons.kill(worker)
        self._stopping.wait(self._random.uniform(0, 5))
        self._daemons.start_worker(worker)

    def _kill_both(self):
        worker = self._random.choice(self._workers[:-1])
        self._daemons.kill("coordinator")
        self._daemons.kill(worker)
        self._restart_coordinator()
        self._daemons.start_worker(worker)

    def _kill_runner(self):
        found = daemons_module.runners(self._daemons.folder)
        if found:
            daemons_module.kill_pid(self._random.choice(found))

    def _stop_worker(self):
        worker = self._random.choice(self._workers)
        self._daemons.signal(worker, signal.SIGSTOP)
        self._stopping.wait(self._random.uniform(1, 6))  # the lease lasts 3 s
        self._daemons.signal(worker, signal.SIGCONT)

    def _stop_coordinator(self):
        self._daemons.signal("coordinator", signal.SIGSTOP)
        self._stopping.wait(self._random.uniform(0.2, 5))
        self._daemons.signal("coordinator", signal.SIGCONT)
