# SPDX-License-Identifier: Apache-2.0
"""
A process of ours is killed instead of making its Nth outside change, for N = 1, 2, 3 … until a run ends
by itself; then it is started again and everything has to end as if nothing had happened.

The way there: a claim is provisioned, the volume attached, staged and published for a pod. The way over:
another pod takes the place of the first, and finds its data. The way back: pod and claim are deleted,
and nothing is left. What is wanted is written into the API while nobody but the API server runs, so that
change 1 is the first that a process makes at its start.
"""

import glob
import shutil
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import api
from .cluster import until
from .debs import SupportError
from .host import Host

WAYS = ("there", "over", "back")
DRIVER = "local.orlop.dev"
NODE = "node-1"
PATIENCE = 15
KILLED = -9
NOTE = b"this has to be kept"
# A way is walked to its end when so many runs in a row were over before their kill.
ENOUGH = 2
TOO_FAR = 2000


class Trial:
    """One host: one volume on its three ways, with a kill at change N of each."""

    def __init__(self, where, mode="Filesystem", is_power_cut=False):
        self.host = Host(where)
        self.mode, self.is_power_cut = mode, is_power_cut
        self.socket = self.host.data / "s"
        self.state = self.host.data / "volumes"
        self.up = self.host.up("--no-driver", f"--csi-socket={self.socket}")
        self.api = self.up.api
        self.driver = None

    # What a user does

    def alone(self, change):
        """change(api) with the API server as the only program."""
        self.up.config.unlink(missing_ok=True)
        server = self.host.program("orlop-apiserver", f"--data-dir={self.up.data}",
                                   "--listen=127.0.0.1:0", f"--kubeconfig-out={self.up.config}")
        try:
            until(lambda: self.up.config.exists() and self.api.is_ready(), "the API server", 20)
            change(self.api)
        finally:
            self.api.close()
            server.stop()

    def want(self, way):
        if way == "there":
            self.alone(self.want_there)
        elif way == "over":
            self.alone(lambda a: (a.delete("pod", "first"), a.create("pod", self.pod("second"))))
        else:
            self.alone(lambda a: (a.delete("pod", "second"), a.delete("pvc", "data")))

    def want_there(self, a):
        a.create("driver", api.csi_driver(DRIVER, attach=True))
        a.create("class", api.storage_class("local", DRIVER, mode="WaitForFirstConsumer"))
        a.create("pvc", api.claim("data", "local", volumeMode=self.mode))
        a.create("pod", self.pod("first"))

    def pod(self, name):
        return api.pod(name, "data", mode=self.mode)

    # What has to come of it

    def targets(self):
        """Where the volume is mounted for pods."""
        return [m for m in self.host.mounts() if "/pods/" in m or "/publish/" in m]

    def target(self, pod):
        """Where it is mounted for this one, or None."""
        uid = self.api.get("pod", pod)["metadata"]["uid"]
        return next((m for m in self.targets() if uid in m), None)

    def is_mounted_for(self, pod):
        return self.api.phase("pvc", "data") == "Bound" and self.target(pod)

    def is_there(self, way):
        if way == "there":
            return self.is_mounted_for("first")
        if way == "over":
            return self.is_mounted_for("second") and len(self.targets()) == 1
        return not self.left()

    def left(self):
        """What there should not be at the end."""
        left = self.api.names("pod", "pvc", "pv", "attachment")
        left += self.host.mounts() + list(self.host.loops().values())
        for pattern in ("volumes/*/*", "node/plugins/kubernetes.io/csi/*/*", "node/pods/*/volume*/*/*",
                        "node/plugins/kubernetes.io/csi/volumeDevices/*/*"):
            left += [p for p in glob.glob(f"{self.up.data}/{pattern}")
                     if Path(p).name not in ("staging", "publish")]
        return left

    def check(self, way):
        """What is wrong although the way has ended, sentences."""
        wrong = []
        if way == "back":
            return wrong
        mounts = self.host.mounts()
        wrong += [f"mounted twice: {m}" for m in set(mounts) if mounts.count(m) > 1]
        volumes = [p.name for p in self.state.glob("data/*")]
        if len(volumes) != 1:
            wrong.append(f"not one volume: {volumes}")
        loops = [f for f in self.host.loops().values() if "/data/vol-" in f]
        if len(loops) != 1:
            wrong.append(f"not one loop device: {loops}")
        if len(self.api.items("pv")) != 1:
            wrong.append(f"not one PV: {self.api.names('pv')}")
        note = self.note("first" if way == "there" else "second")
        if way == "there":
            note.write_bytes(NOTE)
            self.host.run("sync")
        elif not note.exists() or note.open("rb").read(len(NOTE)) != NOTE:
            wrong.append("the data is lost")
        return wrong

    def note(self, pod):
        """What the pod writes to: a file in the volume, or the device itself."""
        target = self.host.path(self.target(pod))
        return target if self.mode == "Block" else target / "note"

    # Programs

    def start(self, process, kill_at):
        """The driver and 'orlop up', of which 'process' shall be killed; that one's program."""
        self.start_driver(kill_at if process == "driver" else 0)
        self.up.start(wait=False, kill_at=kill_at if process == "orlop" else 0)
        return self.driver if process == "driver" else self.up

    def start_driver(self, kill_at=0):
        self.driver = self.host.program(
            "orlop-csi-local", f"--endpoint=unix://{self.socket}", f"--node-id={NODE}",
            f"--state-dir={self.state}", "--debug", "--enable-attach",
            env={"ORLOP_KILL_AT": str(kill_at)} if kill_at else None)

    def start_again(self, process):
        if self.is_power_cut:
            self.up.kill()
            self.driver.kill()
            self.host.power_cut()
            self.host.boot()
            self.start(process, 0)
        elif process == "driver":
            self.start_driver()
        else:
            self.up.start(wait=False)

    def stop(self):
        self.up.kill()
        if self.driver:
            self.driver.stop()

    def is_ready_and_there(self, way):
        return self.up.config.exists() and self.is_there(way)

    def run(self, way, process, kill_at):
        """(was it killed, what is wrong) of one way."""
        self.want(way)
        victim = self.start(process, kill_at)
        until(lambda: victim.has_ended() or self.is_ready_and_there(way), f"the way {way}", PATIENCE)
        wrong = self.check_unless_killed(way, victim)
        if wrong is not None:
            return False, wrong
        status = victim.process.wait(20)
        self.start_again(process)
        until(lambda: self.is_ready_and_there(way), f"the way {way} after the kill", PATIENCE)
        wrong = self.check(way)
        return True, wrong + ([f"ended with {status}"] if status != KILLED or not kill_at else [])

    def check_unless_killed(self, way, victim):
        """What check() says; None when 'victim' was killed before or meanwhile."""
        try:
            wrong = None if victim.has_ended() else self.check(way)
        except (SupportError, OSError):
            until(victim.has_ended, "the end of who does not answer", 5)
        return None if victim.has_ended() else wrong

    def told(self):
        """The ends of the logs, and what is there, for the report of a failure."""
        try:
            lines = [f"there is {what}" for what in self.left()]
        except SupportError as e:
            lines = [str(e)]
        for log in sorted(self.host.where.glob("*.log")):
            lines += [f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-40:]]
        return "\n".join(lines)

    def close(self):
        self.stop()
        self.host.power_cut()
        shutil.rmtree(self.host.where, ignore_errors=True)


class Walk:
    """All kill points of one process. After run(): 'killed' has the numbers of each way that were tried
    and hit, 'wrong' sentences and the numbers they are of, 'logs' the first log of each."""

    def __init__(self, where, process, stride=1, **kind):
        self.where, self.process, self.stride, self.kind = Path(where), process, stride, kind
        self.lock = threading.Lock()
        self.next = 1
        self.is_over = dict.fromkeys(WAYS, False)
        self.misses = defaultdict(set)
        self.killed = defaultdict(list)
        self.wrong = defaultdict(list)
        self.logs = {}

    def run(self, n_workers):
        with ThreadPoolExecutor(n_workers) as pool:
            for done in [pool.submit(self.work) for _ in range(n_workers)]:
                done.result()
        return self

    def work(self):
        while (n := self.take()) is not None:
            trial = Trial(self.where / f"{self.process[0]}{n}", **self.kind)
            try:
                self.try_ways(trial, n)
            finally:
                trial.close()

    def take(self):
        with self.lock:
            if all(self.is_over.values()) or self.next > TOO_FAR:
                return None
            n, self.next = self.next, self.next + self.stride
            return n

    def try_ways(self, trial, n):
        for way in WAYS:
            kill_at = 0 if self.is_over[way] else n
            try:
                was_killed, wrong = trial.run(way, self.process, kill_at)
            except (AssertionError, SupportError) as e:
                self.note(trial, way, n, [str(e).splitlines()[0]])
                return
            self.note(trial, way, n, wrong)
            trial.stop()
            with self.lock:
                if was_killed:
                    self.killed[way].append(n)
                elif kill_at:
                    self.misses[way].add(n)
                    self.is_over[way] = len(self.misses[way]) >= ENOUGH

    def note(self, trial, way, n, wrong):
        with self.lock:
            for what in wrong:
                self.wrong[f"{way}: {what}"].append(n)
                self.logs.setdefault(f"{way}: {what}", f"N = {n}\n{trial.told()}")

    def summary(self):
        """One line per way."""
        step = "" if self.stride == 1 else f" each {self.stride}th tried,"
        kind = "".join(f", {k}" for k in (self.kind.get("mode"), self.kind.get("is_power_cut")
                                          and "then the power cut") if k)
        for way in WAYS:
            numbers = sorted(self.killed[way])
            bad = {n for what, ns in self.wrong.items() if what.startswith(way) for n in ns}
            yield (f"killed: {self.process}{kind}, way {way}:{step} {len(numbers)} kill points"
                   f" up to {numbers[-1] if numbers else 0}, {len(bad)} did not converge")

    def complaint(self):
        """"" when all went well."""
        return "\n".join(f"killed at {sorted(ns)}: {what}\n{self.logs[what]}"
                         for what, ns in self.wrong.items())
