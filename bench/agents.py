# SPDX-License-Identifier: Apache-2.0
"""Host agents as processes, and what the kernel says of them."""

import os
import signal
import subprocess
import time
from pathlib import Path

from support.cluster import our
from support.debs import SupportError

CONFIG = """\
[DEFAULT]
host = {host}
compute_driver = fake.FakeDriver
state_path = {where}/state
instances_path = {where}/instances
log_file = {where}/compute.log
periodic_fuzzy_delay = 0
{more}
"""


def cpu_of(pid):
    """Seconds of all its threads, those that have ended too, to the nanosecond."""
    return time.clock_gettime((~pid << 3) | 2)


def status_of(pid, word):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(word + ":"):
            return int(line.split()[1])
    raise SupportError(f"process {pid} has ended")


def rss_mib(pid):
    return status_of(pid, "VmRSS") / 1024


def wakeups(pid):
    """How often its threads that are there have waited."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt"):
                total += int(line.split()[1])
    return total


class Program:
    """A process that is started by time_to_serve() and ended by TERM."""

    def __init__(self, argv, env, output):
        self.argv, self.env, self.output = [str(a) for a in argv], env, output
        self.process = self.pid = None

    def time_to_serve(self, ping, replies, patience=60):
        """ms from exec until what 'ping' put in its queue is answered."""
        ping()
        begin = time.perf_counter()
        with self.output.open("ab") as out:
            self.process = subprocess.Popen(self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.pid = self.process.pid
        if not replies.acquire(timeout=patience):
            raise SupportError(f"{self.argv[0]} does not serve:\n{self.output.read_text(errors='replace')[-2000:]}")
        return (time.perf_counter() - begin) * 1000

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Ours(Program):
    """'more': lines of [DEFAULT] and sections behind it; 'files': configuration that is read before."""

    def __init__(self, where, host, more="", files=()):
        self.where, self.host = where, host
        (where / "state").mkdir(parents=True)
        config = where / "nova.conf"
        config.write_text(CONFIG.format(where=where, host=host, more=more))
        argv = [our("orlop-compute")]
        for file in (*files, config):
            argv += ["--config-file", file]
        super().__init__(argv, {"PATH": os.environ["PATH"], "HOME": str(where)}, where / "output")
