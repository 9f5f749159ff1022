# SPDX-License-Identifier: Apache-2.0
"""
A host agent of ours, started, stopped, killed and asked; all that it makes is below one directory.

    with Agent(tmp_path) as agent:                      # alone, with the fake driver
        agent.make("web", image=agent.image())
        assert agent.show("web")["vm_state"] == "active"
        agent.do("delete", "web")
        assert not agent.left()
"""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

from .cluster import our, until
from .debs import SupportError

FAKE, QEMU = "fake.FakeDriver", "qemu.QemuDriver"
BASE = """\
[DEFAULT]
host = h1
state_path = {where}/state
instances_path = {where}/instances
compute_driver = {driver}
use_stderr = true
my_ip = 127.0.0.1
periodic_fuzzy_delay = 0
{bus}
{more}
"""


class Refused(SupportError):
    """The orlop command said no; its standard error."""


def qemus(where):
    """{pid: argv} of each QEMU that works below 'where'."""
    found = {}
    for proc in Path("/proc").iterdir():
        try:
            argv = (proc / "cmdline").read_bytes().split(b"\0") if proc.name.isdigit() else [b""]
            if b"qemu-system" in argv[0] and (str(where).encode() in b" ".join(argv)
                                              or os.readlink(proc / "cwd").startswith(str(where))):
                found[int(proc.name)] = [a.decode(errors="replace") for a in argv]
        except OSError:
            continue
    return found


def end_qemus(where):
    """What a failing test has left; who they are."""
    left = qemus(where)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return left


class Agent:
    """One orlop-compute. 'more' are lines of [DEFAULT] and sections behind it."""

    def __init__(self, where, more="", driver=FAKE, argv=("--standalone",)):
        self.where = Path(where)
        self.where.mkdir(parents=True, exist_ok=True)
        self.argv = argv
        self.state, self.instances = self.where / "state", self.where / "instances"
        self.state.mkdir(exist_ok=True)
        self.config = self.where / "nova.conf"
        self.log = self.where / "compute.log"
        self.bus = f"orlop://{self.state}/orlop-bus.sock"
        self.configure(more, driver)
        self.process = None

    def configure(self, more="", driver=FAKE):
        bus = f"transport_url = {self.bus}" if "--standalone" in self.argv else ""
        self.config.write_text(BASE.format(where=self.where, driver=driver, bus=bus, more=more))

    # Its life

    def start(self, wait=True, kill_at=0):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.where)}
        if kill_at:
            env["ORLOP_KILL_AT"] = str(kill_at)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen([our("orlop-compute"), "--config-file", self.config, *self.argv],
                                            env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        if wait:
            until(self.is_ready, "the agent", 20)
        return self

    def is_ready(self):
        """It answers; of one that has ended, never."""
        if self.has_ended():
            raise AssertionError(f"orlop-compute ended with {self.process.returncode}:\n{self.tail()}")
        return self.is_served() and self.run("service", "list").returncode == 0

    def is_served(self):
        """Its socket takes connections; that of a killed one doesn't."""
        folder = os.open(self.state, os.O_PATH)  # a socket's name may not be long
        try:
            with socket.socket(socket.AF_UNIX) as s:
                return not s.connect_ex(f"/proc/self/fd/{folder}/orlop-bus.sock")
        finally:
            os.close(folder)

    def has_ended(self):
        return self.process.poll() is not None

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process and not self.has_ended():
            self.process.kill()
        if self.process:
            self.process.wait(10)

    def stop(self, number=signal.SIGTERM, patience=30):
        """Its exit status."""
        self.send(number)
        return self.process.wait(patience)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self.kill()
        left = end_qemus(self.where)
        if kind is None and left:
            raise AssertionError(f"machines are left: {left}")

    # What it says

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self):
        return self.text()[-5000:]

    def wait_log(self, text, times=1, patience=20):
        try:
            until(lambda: self.text().count(text) >= times, f"'{text}'", patience)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.tail()}") from None

    # What is asked of it by the orlop command

    def run(self, *argv, timeout=100):
        return subprocess.run([our("orlop"), *map(str, argv), "--bus", self.bus], capture_output=True, text=True,
                              check=False, timeout=timeout, stdin=subprocess.DEVNULL)

    def ask(self, *argv):
        """What it prints; Refused with its standard error."""
        done = self.run(*argv)
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout

    def asked(self, *argv):
        return json.loads(self.ask(*argv, "-o", "json"))

    def image(self, size=1 << 20, name="image.raw"):
        path = self.where / name
        if not path.exists():
            with path.open("wb") as f:
                f.truncate(size)
        return path

    def make(self, name, image=None, wait=True, **options):
        argv = [f"--{k.replace('_', '-')}={v}" for k, v in options.items()]
        return self.asked("instance", "create", name, "--image", image or self.image(), *argv,
                          *(["--wait"] if wait else []))

    def do(self, action, name, *options, wait=True):
        """What is printed about it; nothing once it is gone."""
        return self.ask("instance", action, name, *options, *(["--wait"] if wait else []))

    def show(self, name):
        """None when there is no such instance."""
        try:
            return self.asked("instance", "show", name)
        except Refused as e:
            if "could not be found" in str(e):
                return None
            raise

    def list(self):
        return self.asked("instance", "list")

    def state_of(self, name):
        """("active", None, "Running"), or None when it is gone."""
        row = self.show(name)
        return row and (row["vm_state"], row["task_state"], row["power_state"])

    def console(self, name):
        return self.ask("instance", "console", name)

    def wait_state(self, name, *states, patience=30):
        """Until it is in one of these vm_states with nothing under way."""
        def is_there():
            row = self.show(name)
            return row and row["vm_state"] in states and not row["task_state"]
        until(is_there, f"{name} in {states}, now {self.state_of(name)}", patience)

    # What is left of machines

    def rows(self):
        """Live rows of the database that are about instances, "table: data"."""
        db = sqlite3.connect(f"file:{self.state}/orlop-compute.sqlite?mode=ro", uri=True, timeout=10)
        try:
            return [f"{table}: {row[0]}" for table in ("instance", "fault", "block_device_mapping", "virtual_interface")
                    for row in db.execute(f"SELECT data FROM {table} WHERE deleted = 0")]
        finally:
            db.close()

    def files(self):
        """Below the instances' directory, but for the cache of images."""
        return sorted(str(p.relative_to(self.instances)) for p in self.instances.rglob("*")
                      if p.relative_to(self.instances).parts[0] not in ("_base", "locks", "compute_nodes"))

    def left(self):
        """What there should not be once all instances are deleted."""
        return [*self.files(), *self.rows(), *map(str, qemus(self.where).values())]


def wait_gone(pids, patience=10):
    end = time.monotonic() + patience
    while any(Path(f"/proc/{p}").exists() for p in pids):
        assert time.monotonic() < end, f"processes are left: {pids}"
        time.sleep(0.05)
