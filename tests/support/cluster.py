# SPDX-License-Identifier: Apache-2.0
"""
A cluster of one machine: 'orlop up' in mount, pid and network namespaces of its own, all its state below
one directory, and kubectl as its client.

    with Cluster(tmp_path) as cluster:
        cluster.apply(CLAIM)
        cluster.until(lambda: cluster.get("pvc", "data")["status"]["phase"] == "Bound")

The mount namespace keeps every mount away from the machine; what is mounted inside is seen through
Cluster.path().
"""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .debs import BUILD, SupportError, unpacked
from .loops import loops_below, release

PATIENCE = 60


def our(name):
    """A program of ours: in $ORLOP_BIN_DIR, or the release build's."""
    path = Path(os.environ.get("ORLOP_BIN_DIR", BUILD / "release/src/bin")) / name
    if not path.exists():
        raise SupportError(f"there is no program {path}; build it first ('make')")
    return path


def kubectl_program():
    """$ORLOP_KUBECTL, or Debian 12's, which is unpacked and not installed."""
    named = os.environ.get("ORLOP_KUBECTL")
    return Path(named) if named else unpacked("kubernetes-client") / "usr/bin/kubectl"


def until(ready, what="what was waited for", patience=PATIENCE):
    """The first true value of ready(), asked again and again; an answer that cannot be had yet is false."""
    end = time.monotonic() + patience
    last = None
    while time.monotonic() < end:
        try:
            value = ready()
            if value:
                return value
        except (SupportError, KeyError, IndexError, TypeError) as e:
            last = e
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {patience} s" + (f": {last}" if last else ""))


def has_ended(pid):
    """Nothing but its exit status is left, which the machine's first process takes when it likes."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


class Kubectl:
    """kubectl with a kubeconfig and a home of its own."""

    def __init__(self, config, home, enter=()):
        self.config, self.home, self.enter = Path(config), Path(home), enter
        self.program = kubectl_program()

    def run(self, *argv, text=None, check=True, timeout=PATIENCE):
        """The finished process; SupportError with its words when it failed and 'check' is asked for."""
        done = subprocess.run(
            [*self.enter, str(self.program), f"--kubeconfig={self.config}", *map(str, argv)], input=text,
            capture_output=True, text=True, timeout=timeout,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"], "KUBECONFIG": ""})
        if check and done.returncode:
            raise SupportError(f"kubectl {' '.join(map(str, argv))}: {done.stdout}{done.stderr}")
        return done

    def __call__(self, *argv, **kwargs):
        return self.run(*argv, **kwargs).stdout

    def get(self, *argv):
        return json.loads(self("get", *argv, "-o", "json"))

    def items(self, *argv):
        return self.get(*argv)["items"]

    def apply(self, text):
        return self("apply", "-f", "-", text=text)

    def events(self, name, reason=None):
        """Messages of the events about an object of this name."""
        found = self.items("events", "-A", "--field-selector", f"involvedObject.name={name}")
        return [e["message"] for e in found if reason in (None, e["reason"])]

    def phase(self, kind, name):
        return self.get(kind, name).get("status", {}).get("phase")


class Cluster:
    """One 'orlop up'. 'options' are added to its command line; 'net' is a NetSpace to run it in."""

    def __init__(self, where, *options, env=None, net=None, listen="127.0.0.1:0"):
        self.where = Path(where)
        self.options, self.env, self.listen = options, env or {}, listen
        self.enter = net.enter if net else []
        self.data = self.where / "data"
        self.config = self.where / "kubeconfig"
        self.log = self.where / "orlop.log"
        self.process = None
        self.loops = {}  # as they were before it ended; afterwards their paths may be gone
        self.kubectl = Kubectl(self.config, self.where, self.enter)
        self.data.mkdir(parents=True, exist_ok=True)

    # unshare's child is the first process of a pid namespace: when it ends, by whatever, all that
    # it has started ends too, and so do the mounts.
    def command(self):
        return [*self.enter, "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--propagation=private",
                "--mount-proc", str(our("orlop")), "up", f"--data-dir={self.data}",
                f"--kubeconfig={self.config}", f"--listen={self.listen}", "--node-name=node-1", *self.options]

    def start(self, wait=True):
        self.config.unlink(missing_ok=True)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, env={**os.environ, **self.env})
        if wait:
            self.until(self.is_ready, "the API server")
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"orlop up ended with {self.process.returncode}: {self.tail()}")
        return self.config.exists() and "ok" in self.kubectl("get", "--raw", "/readyz")

    def inner_pid(self):
        """The pid of orlop itself, outside its namespace."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        if not children:
            raise SupportError("orlop up is not running")
        return int(children[0])

    def path(self, path):
        """A path of the cluster's mount namespace, as seen from here."""
        return Path(f"/proc/{self.inner_pid()}/root") / str(path).lstrip("/")

    def mounts(self):
        """Mount points below the data directory."""
        lines = Path(f"/proc/{self.inner_pid()}/mountinfo").read_text().splitlines()
        return [l.split()[4] for l in lines if l.split()[4].startswith(str(self.data) + "/")]

    def stop(self):
        """Politely; the exit status."""
        if self.process and self.process.poll() is None:
            self.loops.update(loops_below(self.data))
            os.kill(self.inner_pid(), signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"orlop up did not end: {self.tail()}") from None
        return self.process.returncode if self.process else None

    def kill(self):
        if self.process and self.process.poll() is None:
            self.loops.update(loops_below(self.data))
            inner = self.inner_pid()
            self.process.kill()
            self.process.wait(20)
            until(lambda: has_ended(inner), "the end of the namespaces", 10)

    def tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def until(self, ready, what="what was waited for", patience=PATIENCE):
        try:
            return until(ready, what, patience)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.tail()}") from None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
        release({**loops_below(self.data), **self.loops})


def has_root():
    return os.geteuid() == 0 and shutil.which("unshare")
