"""Slurm for side_by_side.py: a controller and a node of this machine, in a temporary folder."""

import getpass
import os
import shutil
import socket
import time

import rivals

CONFIGURATION = """ClusterName=bench
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
ReturnToService=2
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort={control}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
MaxArraySize=20001
MaxJobCount=50000
MinJobAge=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={slots} State=UNKNOWN
PartitionName=bench Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class Slurm(rivals.Rival):
    name = "slurm"
    durability = "jobs and their state, in files that are written within seconds"
    programs = ["slurmctld", "slurmd", "sbatch", "squeue", "munged"]

    def missing(self):
        # Installed where not everybody's PATH looks.
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        return super().missing() or (None if os.geteuid() == 0 else "slurmd needs root")

    def start(self):
        folder = self.folder
        for name in ("state", "spool"):
            (folder / name).mkdir()
        os.chmod(folder, 0o755)
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        os.chmod(key, 0o600)
        self.launch(shutil.which("munged"), "--foreground", "--force", "--key-file", key, "--socket",
                    folder / "munge.socket", "--pid-file", folder / "munge.pid", "--log-file",
                    folder / "munge.log", "--seed-file", folder / "munge.seed")
        self.wait_for((folder / "munge.socket").exists, "munged")
        self._host = socket.gethostname().split(".")[0]
        configuration = folder / "slurm.conf"
        configuration.write_text(CONFIGURATION.format(
            host=self._host, user=getpass.getuser(), folder=folder, control=rivals.free_port(),
            node=rivals.free_port(), slots=rivals.SLOTS))
        (folder / "cgroup.conf").write_text("CgroupPlugin=autodetect\n")
        self._environment = {**os.environ, "SLURM_CONF": str(configuration)}
        self.launch("slurmctld", "-D", "-f", configuration, env=self._environment)
        self.launch("slurmd", "-D", "-f", configuration, "-N", self._host, env=self._environment)
        self.wait_for(self._idle, "slurmd")
        self._script = folder / "noop.sh"
        self._script.write_text("#!/bin/sh\ntrue\n")

    def _idle(self):
        try:
            _, out = self.run("sinfo", "-h", "-o", "%T", env=self._environment)
        except RuntimeError:
            return False
        return out.strip() == "idle"

    def _submit(self, *more):
        _, out = self.run("sbatch", "--parsable", "--output=/dev/null", "-n1", *more, self._script,
                          env=self._environment)
        return out.strip().split(";")[0]

    def _wait(self, begin):
        while True:
            try:
                _, out = self.run("squeue", "-h", "-r", "-o", "%i", "-t",
                                  "PENDING,RUNNING,COMPLETING,CONFIGURING", env=self._environment)
            except RuntimeError:
                out = "busy"
            took = time.perf_counter() - begin
            if not out.strip():
                return took
            if took > rivals.PATIENCE:
                left = len(out.split())
                self.run("scancel", "--user", getpass.getuser(), env=self._environment)
                raise rivals.TooSlow(f"{left} tasks were left after {rivals.PATIENCE} s")
            time.sleep(0.2)

    def chain(self, count):
        begin = time.perf_counter()
        last = self._submit()
        for _ in range(count - 1):
            last = self._submit(f"--dependency=afterany:{last}")
        return self._wait(begin)

    def fan(self, count):
        begin = time.perf_counter()
        self._submit(f"--array=0-{count - 1}")
        return self._wait(begin)
