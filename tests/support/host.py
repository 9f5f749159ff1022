# SPDX-License-Identifier: Apache-2.0
"""
A machine on which programs are killed and started again: mount and pid namespaces that outlive the
programs in them, so that who is started again finds the mounts that were left.

    with Host(tmp_path) as host:
        up = host.up("--no-driver", "--csi-socket=…", env={"ORLOP_KILL_AT": "7"})
        driver = host.driver()
"""

import os
import signal
import subprocess
from pathlib import Path

from .api import Api
from .cluster import PATIENCE, Cluster, has_ended, our, until
from .debs import SupportError
from .loops import loops_below, release

# The first process: it reaps what others leave, and its end is the end of all.
INIT = "sleep infinity & while :; do wait; done"


class Program:
    """A program inside, running."""

    def __init__(self, host, name, *argv, env=None, log=None):
        self.name, self.log = name, log or host.where / f"{name}.log"
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [*host.prefix(), str(our(name)), *map(str, argv)], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, env={**os.environ, **(env or {})})

    def has_ended(self):
        return self.process.poll() is not None

    def pid(self):
        """nsenter's child, which is the program."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return until(lambda: int(path.read_text().split()[0]), f"the start of {self.name}", 5)

    def kill(self, number=signal.SIGKILL):
        """Its exit status, -9 for one that was killed."""
        if not self.has_ended():
            try:
                os.kill(self.pid(), number)
            except (AssertionError, ProcessLookupError, FileNotFoundError):
                pass  # it has just ended by itself
        return self.process.wait(20)

    def stop(self):
        return self.kill(signal.SIGTERM)

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Up(Cluster):
    """An 'orlop up' in a host; kill() leaves its mounts."""

    def __init__(self, host, *options, env=None):
        super().__init__(host.where, *options)
        self.always = env or {}
        self.host = host
        self.api = Api(self.config, self.data)

    def command(self):
        whole = super().command()
        return [*self.host.prefix(), *whole[whole.index(str(our("orlop"))):]]

    def start(self, wait=True, kill_at=0):
        self.api.close()
        self.env = {**self.always, **({"ORLOP_KILL_AT": str(kill_at)} if kill_at else {})}
        return super().start(wait)

    def has_ended(self):
        return self.process is None or self.process.poll() is not None

    def is_ready(self):
        if self.has_ended():
            raise AssertionError(f"orlop up ended with {self.process.returncode}: {self.tail()}")
        return self.config.exists() and self.api.is_ready()

    def path(self, path):
        return self.host.path(path)

    def mounts(self):
        return self.host.mounts()

    def kill(self):
        if not self.has_ended():
            try:
                os.kill(self.inner_pid(), signal.SIGKILL)
            except (SupportError, ProcessLookupError, FileNotFoundError):
                pass  # it has just ended by itself
            self.process.wait(20)
        self.api.close()


class Host:
    """One directory for everything; programs are those of the build."""

    def __init__(self, where):
        self.where = Path(where)
        self.where.mkdir(parents=True, exist_ok=True)
        self.data = self.where / "data"
        self.first = None
        self.boot()

    def boot(self):
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--propagation=private",
             "--mount-proc", "bash", "-c", INIT], stdin=subprocess.DEVNULL)
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        self.first = until(lambda: int(children.read_text().split()[0]), "the first process", 10)
        until(lambda: Path(f"/proc/{self.first}/root/proc/1/comm").read_text() == "bash\n",
              "the namespaces", 10)

    def power_cut(self):
        """Everything that runs ends at once, and no mount and loop device is left."""
        loops = self.loops()
        self.holder.kill()
        self.holder.wait(20)
        until(lambda: has_ended(self.first), "the end of the namespaces", 10)
        release(loops)

    def prefix(self):
        ns = f"/proc/{self.first}/ns"
        return ["nsenter", f"--mount={ns}/mnt", f"--pid={ns}/pid"]

    def run(self, *argv, timeout=PATIENCE):
        return subprocess.run([*self.prefix(), *map(str, argv)], check=True, capture_output=True,
                              text=True, timeout=timeout)

    def up(self, *options, env=None):
        return Up(self, *options, env=env)

    def program(self, name, *argv, **kwargs):
        return Program(self, name, *argv, **kwargs)

    def path(self, path):
        """A path of the mount namespace, as seen from here."""
        return Path(f"/proc/{self.first}/root") / str(path).lstrip("/")

    def mounts(self):
        """Mount points below the directory, each as often as it is mounted."""
        lines = Path(f"/proc/{self.first}/mountinfo").read_text().splitlines()
        return [l.split()[4] for l in lines if l.split()[4].startswith(str(self.where) + "/")]

    def loops(self):
        return loops_below(self.where)

    def processes(self):
        """Command lines of what runs inside, our first two aside."""
        found = {}
        ours = os.readlink(f"/proc/{self.first}/ns/pid")
        for at in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(at / "ns/pid") == ours and int(at.name) != self.first:
                    found[int(at.name)] = (at / "cmdline").read_text().replace("\0", " ").strip()
            except OSError:
                continue
        return {p: c for p, c in found.items() if c and c != "sleep infinity"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.power_cut()
