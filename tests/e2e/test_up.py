# SPDX-License-Identifier: Apache-2.0
"""How 'orlop up' starts: from where, as whom, and what it says then."""

import os
import tempfile

import pytest

from support.cluster import Cluster, has_root, our
from test_volumes import claim, pod, storage_class

pytestmark = pytest.mark.skipif(not has_root(), reason="only root has namespaces")
NOBODY = 65534


class Here(Cluster):
    """Started in its directory, with paths relative to that."""

    def command(self):
        whole = [f"--data-dir={self.data.name}" if a.startswith("--data-dir=") else
                 f"--kubeconfig=./{self.config.name}" if a.startswith("--kubeconfig=") else a
                 for a in super().command()]
        return ["env", f"--chdir={self.where}", *whole]


class Unprivileged(Cluster):
    """As nobody, in no namespace: nothing can be mounted."""

    def command(self):
        whole = super().command()
        os.chown(self.where, NOBODY, NOBODY)
        os.chown(self.data, NOBODY, NOBODY)
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                *whole[whole.index(str(our("orlop"))):]]

    def inner_pid(self):
        return self.process.pid

    def is_ready(self):
        assert self.process.poll() is None, self.tail()
        return self.config.exists() and "ok" in self.kubectl("get", "--raw", "/readyz")


def warnings(cluster):
    return [line for line in cluster.log.read_text().splitlines()
            if " WARNING " in line or " ERROR " in line]


def test_it_starts_in_a_relative_directory(tmp_path):
    with Here(tmp_path) as cluster:
        cluster.kubectl.apply(storage_class("late", mode="WaitForFirstConsumer"))
        cluster.kubectl.apply(claim("data", "late") + "---\n" + pod("user", "data"))
        cluster.until(cluster.mounts, "the mount")
        assert (tmp_path / "data/orlop.db").exists()
        assert cluster.stop() == 0


def test_without_root_it_says_at_once_what_will_not_work():
    with tempfile.TemporaryDirectory() as where, Unprivileged(where) as cluster:
        said = warnings(cluster)
        assert len(said) == 1 and "not run by root" in said[0] and "mounted" in said[0]
        cluster.kubectl.apply(claim("data", "local"))
        assert cluster.stop() == 0


def test_a_normal_start_has_nothing_to_warn_of(tmp_path):
    """Not even when claims and pods were there before the node was."""
    with Cluster(tmp_path, "--no-node") as cluster:
        cluster.kubectl.apply(storage_class("late", mode="WaitForFirstConsumer") + "---\n"
                              + storage_class("now"))
        cluster.kubectl.apply(claim("one", "late") + "---\n" + pod("user", "one") + "---\n"
                              + claim("two", "now") + "---\n" + pod("other", "two"))
    cluster.log.unlink()
    with Cluster(tmp_path) as cluster:
        cluster.until(lambda: len(cluster.mounts()) >= 2, "the mounts")
        assert warnings(cluster) == []
