"""What the clients of a soak do: runs of every kind, each with the state that it must end in.

Clients talk HTTP and JSON, and come back after every loss of the coordinator: a submission carries an
idempotency key, so that one that was asked for twice is one run.
"""

import http.client
import json
import random
import subprocess
import threading
import time

import daemons as daemons_module

PATIENCE = 150  # seconds for a run that takes one, with kills and lost leases in between

RETRY = "retry: {maxAttempts: 10, interval: 50ms}"
PIPELINES = {
    "chain": "name: chain\ndefaults: {%s}\nsteps:\n- {name: s0, type: noop}\n" % RETRY + "".join(
        "- {name: s%d, type: noop, dependsOn: [s%d]}\n" % (i, i - 1) for i in range(1, 6)),
    "fan": "name: fan\ndefaults: {%s}\nsteps:\n- name: items\n  type: map\n  over: {range: 40}\n"
           "  steps: [{name: work, type: noop, with: {metrics: {n: 1}}}]\n"
           "  outputs: {n: \"${steps.work.metrics.n}\"}\n" % RETRY,
    "script": """name: script
parameters: {text: {type: string}}
defaults: {%s}
steps:
- name: make
  type: script
  with:
    command: [/bin/sh, -c, 'echo "making $0"; seq 1 2000; echo "$0" > $SM_OUTPUT_DATA_DIR/made', "${parameters.text}"]
    outputs: {made: {}}
- name: read
  type: script
  inputs: {made: "${steps.make.outputs.made}"}
  with: {command: [/bin/sh, -c, 'cat $SM_CHANNEL_MADE/*']}
""" % RETRY,
    "failing": """name: failing
defaults: {retry: {maxAttempts: 2, interval: 50ms}}
steps:
- {name: before, type: noop, retry: {maxAttempts: 10, interval: 50ms}}
- {name: broken, type: script, dependsOn: [before], with: {command: [/bin/sh, -c, "echo no; exit 3"]}}
- {name: after, type: noop, dependsOn: [broken]}
""",
    "long": "name: long\ndefaults: {%s}\nsteps:\n- {name: work, type: noop, with: {duration: 10m}}\n"
            "- {name: also, type: script, with: {command: [sleep, \"600\"]}}\n"
            "- {name: after, type: noop, dependsOn: [work, also]}\n" % RETRY,
    "approval": """name: approval
defaults: {%s}
steps:
- {name: build, type: noop}
- {name: sign-off, type: approval, dependsOn: [build], with: {message: "go on?"}}
- {name: publish, type: noop, dependsOn: [sign-off]}
""" % RETRY,
    "small-model": """name: small-model
parameters: {data: {type: dataset}, rounds: {type: integer}}
defaults: {%s}
steps:
- name: prepare
  type: process
  inputs: {data: "${parameters.data}"}
  with:
    read: {format: csv, header: true}
    roles: {label: y}
    labels: {classes: ["0", "1"], positive: "1"}
    split: {train: 0.8, test: 0.2, seed: 1}
- name: train
  type: train
  algorithm: xgboost
  inputs: {train: "${steps.prepare.outputs.train}"}
  hyperparameters: {objective: "binary:logistic", num_round: "${parameters.rounds}"}
- {name: evaluate, type: evaluate, inputs: {model: "${steps.train.outputs.model}", data: "${steps.prepare.outputs.test}"}}
""" % RETRY,
}


class ApiError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body.get('message', body)}")
        self.reason = body.get("reason", "")
        self.code = body.get("code", "")


class Api:
    """One connection; made again whenever it breaks."""

    def __init__(self, daemons):
        self._daemons = daemons
        self._connection = None

    def call(self, method, request, timeout=30):
        """The answer. OSError where the coordinator is not there; ApiError for what it refuses."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._daemons.http, timeout=timeout)
        try:
            self._connection.request("POST", "/v1/" + method, json.dumps(request),
                                     {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            body = json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.drop()
            raise OSError(str(error)) from error
        if answer.status != 200:
            raise ApiError(answer.status, body)
        return body

    def again(self, method, request, patience=PATIENCE):
        """The same, repeated while nobody answers: for what is safe to retry."""
        until = time.monotonic() + patience
        while True:
            try:
                return self.call(method, request)
            except OSError:
                if time.monotonic() > until:
                    raise
            except ApiError as error:
                if error.code not in LOST or time.monotonic() > until:
                    raise
            time.sleep(0.1)

    def open_and_leave(self, method, request):
        """Opens a stream, reads its first line, and goes away without a word."""
        connection = http.client.HTTPConnection(self._daemons.http, timeout=10)
        try:
            connection.request("POST", "/v1/" + method, json.dumps(request),
                               {"Content-Type": "application/json"})
            connection.getresponse().readline()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def drop(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None


# A lost message is DATA_LOSS here: that is what the injected fault answers.
LOST = {"UNAVAILABLE", "DATA_LOSS", "RESOURCE_EXHAUSTED", "CANCELLED", "DEADLINE_EXCEEDED", "ABORTED",
        "UNKNOWN"}
ENDED = {"SUCCEEDED", "FAILED", "CANCELLED"}


class Load:
    """Threads that submit until told to stop. `wrong` holds what did not end as it must."""

    def __init__(self, daemons, seed, clients):
        self._daemons = daemons
        self._seed = seed
        self._clients = clients
        self._stopping = threading.Event()
        self._threads = []
        self._lock = threading.Lock()
        self._data = ""
        self.counts = {}
        self.wrong = []
        self.cancel_seconds = []
        self.keys = 0

    def prepare(self):
        api = Api(self._daemons)
        for text in PIPELINES.values():
            api.again("PipelineService/RegisterPipeline", {"definition": {"text": text}})
        rows = self._daemons.folder / "rows.csv"
        rows.write_text("x,y\n" + "".join(
            f"{i * 37 % 101},{int(i * 37 % 101 > 50)}\n" for i in range(2000)))
        self._data = self.put(rows)

    def put(self, path):
        done = subprocess.run([self._daemons.binaries / "penstock", "artifacts", "put", path],
                              env={**daemons_module.clean_environment(),
                                   "PENSTOCK_ADDRESS": self._daemons.grpc},
                              capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.split("\n")[0] if done.returncode == 0 else ""

    def start(self):
        for number in range(self._clients):
            thread = threading.Thread(target=self._client, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self):
        """Lets every client end what it began."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _client(self, number):
        random_ = random.Random(f"{self._seed}/{number}")
        api = Api(self._daemons)
        kinds = [(self._chain, 5), (self._fan, 3), (self._script, 3), (self._failing, 2),
                 (self._cancelled, 2), (self._approval, 2), (self._small_model, 2),
                 (self._leaving, 3), (self._upload, 1), (self._lists, 3)]
        while not self._stopping.is_set():
            kind = random_.choices([k for k, _ in kinds], [weight for _, weight in kinds])[0]
            name = kind.__name__.strip("_")
            try:
                kind(api, random_)
                self._count(name)
            except Exception as error:  # whatever it is, it is a finding and the soak goes on
                self._note(f"{name}: {type(error).__name__}: {error}")
            self._stopping.wait(random_.uniform(0.05, 0.4))

    def _count(self, name):
        with self._lock:
            self.counts[name] = self.counts.get(name, 0) + 1

    def _note(self, text):
        with self._lock:
            self.wrong.append(text)

    def _submit(self, api, random_, pipeline, parameters=None, no_cache=False):
        request = {"pipeline": pipeline, "noCache": no_cache,
                   "parameters": parameters or {},
                   "idempotencyKey": f"{random_.getrandbits(64):x}"}
        with self._lock:
            self.keys += 1
        return api.again("RunService/SubmitRun", request)["run"]["runId"]

    def _wait(self, api, run):
        until = time.monotonic() + PATIENCE
        pause = 0.02
        while time.monotonic() < until:
            state = api.again("RunService/GetRun", {"runId": run}).get("state")
            if state in ENDED:
                return state
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        return "nothing"

    def _expect(self, api, run, *states):
        state = self._wait(api, run)
        if state in states:
            return
        found = api.again("RunService/GetRun", {"runId": run})
        steps = [f"{s['name']} {s.get('state')} {s.get('cause', '')} {s.get('message', '')[:200]}"
                 for s in found.get("steps", []) if s.get("state") not in ("SUCCEEDED", "CACHED")]
        self._note(f"{found.get('pipeline')} {run} ended as {state}, not {' or '.join(states)}: "
                   + "; ".join(steps[:5]))

    def _chain(self, api, random_):
        self._expect(api, self._submit(api, random_, "chain"), "SUCCEEDED")

    def _fan(self, api, random_):
        self._expect(api, self._submit(api, random_, "fan"), "SUCCEEDED")

    def _script(self, api, random_):
        # Some results are found again, most are new.
        text = str(random_.randrange(20)) if random_.random() < 0.3 else f"{random_.random()}"
        self._expect(api, self._submit(api, random_, "script", {"text": {"text": text}}),
                     "SUCCEEDED")

    def _failing(self, api, random_):
        run = self._submit(api, random_, "failing")
        self._expect(api, run, "FAILED")
        again = api.again("RunService/RetryRun", {
            "runId": run, "idempotencyKey": f"{random_.getrandbits(64):x}"})["run"]["runId"]
        with self._lock:
            self.keys += 1
        self._expect(api, again, "FAILED")

    def _cancelled(self, api, random_):
        run = self._submit(api, random_, "long")
        time.sleep(random_.uniform(0, 1.5))
        api.again("RunService/CancelRun", {"runId": run})
        asked = time.monotonic()
        self._expect(api, run, "CANCELLED")
        with self._lock:
            self.cancel_seconds.append(time.monotonic() - asked)

    def _approval(self, api, random_):
        run = self._submit(api, random_, "approval")
        approve = random_.random() < 0.7
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                api.call("RunService/DecideApproval",
                         {"runId": run, "step": "sign-off", "approve": approve})
                break
            except (OSError, ApiError):
                # Not there yet; or decided, and the answer was lost.
                if self._decided(api, run):
                    break
                time.sleep(0.1)
        self._expect(api, run, "SUCCEEDED" if approve else "FAILED")

    @staticmethod
    def _decided(api, run):
        steps = api.again("RunService/GetRun", {"runId": run}).get("steps", [])
        return any(s["name"] == "sign-off" and s.get("state") in ENDED for s in steps)

    def _small_model(self, api, random_):
        run = self._submit(api, random_, "small-model",
                           {"data": {"text": self._data},
                            "rounds": {"integer": str(random_.randrange(2, 6))}},
                           no_cache=random_.random() < 0.7)
        self._expect(api, run, "SUCCEEDED")

    def _leaving(self, api, random_):
        run = self._submit(api, random_, "chain")
        for _ in range(3):
            api.open_and_leave("RunService/WatchRun", {"runId": run})
        self._expect(api, run, "SUCCEEDED")
        api.open_and_leave("RunService/ReadLogs", {"runId": run, "step": "s0", "follow": True})
        api.drop()

    def _upload(self, api, random_):
        # Of few contents: each is held for its uploader for an hour.
        number = random_.randrange(30)
        path = self._daemons.folder / f"upload-{number}-{threading.get_ident()}"
        path.write_bytes(random.Random(number).randbytes(20_000))
        self.put(path)
        path.unlink()

    def _lists(self, api, random_):
        api.again("RunService/ListRuns", {"pipeline": random_.choice(list(PIPELINES))})
        api.again("RunService/ListRuns", {"states": [random_.choice(sorted(ENDED))]})
        api.again("WorkerService/ListWorkers", {})
        api.again("ArtifactService/ListArtifacts", {})
