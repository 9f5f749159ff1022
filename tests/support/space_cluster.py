# SPDX-License-Identifier: Apache-2.0
"""
'orlop up' in a Space, beside whatever else runs there: containerd, a CSI driver. The space outlives it, so
that containers and mounts do.

    with Space() as space, SpaceCluster(space, tmp_path, f"--containerd={socket}") as cluster:
        cluster.kill()
        cluster.start()
"""

import os
import signal
import subprocess
from pathlib import Path

from .cluster import Cluster, our
from .debs import SupportError


class SpaceCluster(Cluster):
    def __init__(self, space, where, *options, env=None):
        super().__init__(where, *options, env=env)
        self.space = space

    def command(self):
        return [*self.space.enter, str(our("orlop")), "up", f"--data-dir={self.data}",
                f"--kubeconfig={self.config}", f"--listen={self.listen}", "--node-name=node-1", *self.options]

    def path(self, path):
        return self.space.path(path)

    def mounts(self):
        return self.space.mounts(self.data)

    def kill(self):
        """orlop alone: what it has started sees that by itself, or stays."""
        if self.process and self.process.poll() is None:
            try:
                os.kill(self.inner_pid(), signal.SIGKILL)
            except (SupportError, ProcessLookupError):
                self.process.kill()
            self.process.wait(20)

    # What is mounted goes with the space, whose file systems hold the loop devices; so they are released
    # behind it, by release_loops().
    def __exit__(self, *_):
        self.kill()


class Program:
    """Another program of ours in a space, to be ended by its pid."""

    def __init__(self, space, log, *argv, env=None):
        self.process = space.popen(*argv, log=log, env=env)

    def pid(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else self.process.pid

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            os.kill(self.pid(), how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGKILL)

