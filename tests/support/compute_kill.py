# SPDX-License-Identifier: Apache-2.0
"""
An agent that stands alone is killed instead of making its Nth outside change, from its start to the end of a
build or of a deletion, for N = 1, 2, 3 … until a run ends by itself. Started again it has to bring the
instance to active, to an error that says why, or to its end; deleting it has to leave nothing.
"""

import re
import shutil
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .cluster import until
from .compute import FAKE, Agent, Refused, end_qemus, qemus
from .debs import SupportError

KILLED = -9
ENOUGH, TOO_FAR = 2, 1000
PATIENCE = 30


class Trial:
    """One way ("build", "delete" …), killed at change 'n' of the agent's run."""

    def __init__(self, where, way, n, template, driver=FAKE, more="", cloud=None):
        shutil.copytree(template, where, symlinks=True)
        for stale in Path(where).rglob("*.sock*"):
            stale.unlink()
        self.way, self.n, self.cloud = way, n, cloud
        self.host = f"host-{way.split()[0]}-{n}"
        self.agent = Agent(where, f"{more}".replace("@host@", self.host), driver)
        self.wrong = []

    def prepare(self):
        """What there is before: without an agent that can be killed."""
        self.agent.start()
        if self.way != "build":
            made = self.agent.make("web", memory=64)
            assert made["vm_state"] == "active", made
            self.claim(made["uuid"])
        self.agent.kill()
        (self.agent.state / "orlop-bus.sock").unlink()  # nobody shall wait for one that is not there yet

    def claim(self, uuid):
        """What a scheduler does."""
        if self.cloud:
            provider = next(k for k, p in self.cloud.providers.items() if p["name"] == self.host)
            self.cloud.claim(uuid, provider, VCPU=1, MEMORY_MB=64)

    def ask(self):
        """What is killed: asked of the agent as soon as it answers, which may be never."""
        agent = self.agent
        until(lambda: agent.has_ended() or agent.is_served() and agent.run("service", "list").returncode == 0,
              "the agent", PATIENCE)
        try:
            if self.way == "build":
                agent.make("web", wait=False, memory=64)
            else:
                action, *options = self.way.split()
                agent.do(action, "web", *options, wait=False)
        except Refused:
            until(agent.has_ended, "the end of an agent that said no", 5)

    def is_over(self):
        row = self.agent.show("web")
        if self.way == "delete":
            return row is None
        return row and row["vm_state"] != "building" and not row["task_state"]

    def run(self):
        """True when it was killed."""
        agent = self.agent
        self.prepare()
        agent.start(wait=False, kill_at=self.n)
        self.ask()

        def ended():
            if agent.has_ended():
                return True
            try:
                return agent.is_served() and self.is_over()
            except SupportError:
                return False
        until(ended, f"the way {self.way}", PATIENCE)
        was_killed = agent.has_ended()
        if was_killed and agent.process.returncode != KILLED:
            self.wrong.append(f"ended with {agent.process.returncode}")
        agent.kill()
        agent.start()
        self.check()
        return was_killed

    def check(self):
        agent = self.agent
        try:
            until(lambda: all(not r["task_state"] and r["vm_state"] != "building" for r in agent.list()), "rest", 10)
        except AssertionError:
            self.wrong.append(f"hangs: {[(r['vm_state'], r['task_state'], r['host']) for r in agent.list()]}")
        rows = agent.list()
        if self.way == "delete" and rows and rows[0]["vm_state"] not in ("active", "error"):
            self.wrong.append(f"neither deleted nor as it was: {rows[0]['vm_state']}")
        for row in rows:
            fault = agent.show(row["uuid"]).get("fault")
            if row["vm_state"] == "error" and not (fault and fault["message"]):
                self.wrong.append("an error without a reason")
            agent.do("delete", row["uuid"])
        # It can build as before, and with that what was begun is at its end.
        agent.make("after", memory=64)
        agent.do("delete", "after")
        left = [re.sub(r"[0-9a-f-]{36}", "UUID", what)[:150] for what in (*agent.left(), *self.stray())]
        self.wrong += [f"left: {what}" for what in left]

    def stray(self):
        """What is half-made in the cache of images, and what the cloud still counts."""
        cache = self.agent.instances / "_base"
        yield from (p.name for p in cache.glob("*") if not re.fullmatch("[0-9a-f]{40}", p.name))
        if self.cloud:
            providers = {k for k, p in self.cloud.providers.items() if p["name"] == self.host}
            if len(providers) != 1:
                yield f"{len(providers)} providers"
            for consumer, record in self.cloud.allocations.items():
                if providers & set(record["allocations"]):
                    yield f"an allocation of {consumer}"

    def close(self):
        self.agent.kill()
        pids = end_qemus(self.agent.where)
        until(lambda: not qemus(self.agent.where), f"the end of {pids}", 5)
        shutil.rmtree(self.agent.where, ignore_errors=True)


class Walk:
    """All kill points of a way, each 'stride'th."""

    def __init__(self, where, way, stride=1, driver=FAKE, **kind):
        self.where, self.way, self.stride = Path(where), way, stride
        self.driver, self.kind = driver, kind
        self.lock = threading.Lock()
        self.next, self.misses = 1, set()
        self.killed, self.wrong, self.logs = [], defaultdict(list), {}

    def run(self, n_workers):
        template = self.where / "template"
        Agent(template).image()
        with ThreadPoolExecutor(n_workers) as pool:
            for done in [pool.submit(self.work, template) for _ in range(n_workers)]:
                done.result()
        return self

    def take(self):
        with self.lock:
            if len(self.misses) >= ENOUGH or self.next > TOO_FAR:
                return None
            n, self.next = self.next, self.next + self.stride
            return n

    def work(self, template):
        while (n := self.take()) is not None:
            trial = Trial(self.where / f"{self.way.split()[0]}{n}", self.way, n, template, self.driver, **self.kind)
            was_killed = True
            try:
                was_killed = trial.run()
            except (AssertionError, SupportError, OSError) as e:
                trial.wrong.append(str(e).splitlines()[0])
            self.note(trial, n, was_killed)
            trial.close()

    def note(self, trial, n, was_killed):
        with self.lock:
            if was_killed:
                self.killed.append(n)
            else:
                self.misses.add(n)
            for what in trial.wrong:
                self.wrong[what].append(n)
                self.logs.setdefault(what, f"N = {n}\n{trial.agent.tail()}")

    def summary(self):
        step = "" if self.stride == 1 else f" each {self.stride}th tried,"
        bad = {n for ns in self.wrong.values() for n in ns}
        return (f"killed: compute, {self.driver.split('.')[0]}, {self.way}:{step} {len(self.killed)} kill points"
                f" up to {max(self.killed, default=0)}, {len(bad)} did not converge")

    def complaint(self):
        return "\n".join(f"killed at {sorted(ns)}: {what}\n{self.logs[what]}" for what, ns in self.wrong.items())
