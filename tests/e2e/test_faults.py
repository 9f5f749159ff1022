# SPDX-License-Identifier: Apache-2.0
"""
What goes wrong around volumes, and that it ends well: our processes killed at every change that they
make, servers that hang.
"""

import os
import stat

import pytest

from support import api
from support.cluster import has_root, until
from support.debs import BUILD
from support.host import Host
from support.kill_walk import Walk

pytestmark = pytest.mark.skipif(not has_root(), reason="only root can mount volumes")
LOCAL = "local.orlop.dev"

# --- killed at every change ---

# Each walk goes on until a run ends by itself. The first two try every change; what they have in common
# with the others is tried by those at some of their changes, unless ORLOP_KILL_ALL=1.
WALKS = [
    ("orlop", 1, {}),
    ("driver", 1, {}),
    ("orlop", 2, {"mode": "Block"}),
    ("driver", 5, {"mode": "Block"}),
    ("orlop", 9, {"is_power_cut": True}),
    ("driver", 5, {"is_power_cut": True}),
]
RESULTS = BUILD / "results/faults.txt"


@pytest.fixture(scope="module")
def results():
    """A file that the runner prints."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text("")
    return RESULTS


@pytest.mark.demands("V25", "V27")
@pytest.mark.parametrize("process, stride, kind", WALKS, ids=[f"{p} {' '.join(k)}" for p, _, k in WALKS])
def test_killed_at_any_change_it_ends_as_if_nothing_had_been(process, stride, kind, results, tmp_path):
    if os.environ.get("ORLOP_KILL_ALL"):
        stride = 1
    walk = Walk(tmp_path, process, stride, **kind).run(min(len(os.sched_getaffinity(0)) + 1, 4))
    with results.open("a") as out:
        out.writelines(f"{line}\n" for line in walk.summary())
    assert not walk.wrong, walk.complaint()


# --- a server that does not answer ---

# Does what the real one does with a server that is down; the name of the server says how it ends.
MOUNT_NFS = """\
#!/bin/sh
echo "$$ $1" >> {where}/helpers
case "$1" in
dead:*) while [ ! -e {where}/answer ]; do sleep 0.02; done ;;
esac
[ -e {where}/refuse ] && echo "mount.nfs: Connection timed out" && exit 32
exec mount -t tmpfs tmpfs "$2"
"""


def nfs_volume(name, server):
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"],
                     "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "",
                     "nfs": {"server": server, "path": "/export"}}}


class NfsHost(Host):
    """'orlop up' with a helper for NFS of ours."""

    def __init__(self, where):
        super().__init__(where)
        helper = self.where / "bin/mount.nfs"
        helper.parent.mkdir()
        helper.write_text(MOUNT_NFS.format(where=self.where))
        helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
        self.cluster = self.up(env={"PATH": f"{helper.parent}:{os.environ['PATH']}"}).start()
        self.api = self.cluster.api

    def use(self, name, server):
        """A pod with an export of this server."""
        self.api.create("pv", nfs_volume(name, server))
        self.api.create("pvc", api.claim(name, "", modes=["ReadWriteMany"], volumeName=name))
        self.api.create("pod", api.pod(name, name))
        return self.uid(name)

    def use_local(self, name):
        self.api.create("pvc", api.claim(name, "local"))
        self.api.create("pod", api.pod(name, name))
        return self.uid(name)

    def uid(self, pod):
        return self.api.get("pod", pod)["metadata"]["uid"]

    def is_mounted(self, uid):
        return any(f"/pods/{uid}/" in m for m in self.mounts())

    def wait_mounted(self, uid):
        self.cluster.until(lambda: self.is_mounted(uid), f"the mount of {uid}", 20)

    def helpers(self, server):
        """Processes that work, or have worked, for this server."""
        lines = (self.where / "helpers").read_text().split("\n")
        return [int(line.split()[0]) for line in lines if f" {server}:" in line]

    def wait_hanging(self, server):
        self.cluster.until(lambda: (self.where / "helpers").exists() and self.helpers(server),
                           f"the helper for {server}")

    def running_helpers(self):
        return [c for c in self.processes().values() if "mount.nfs" in c]


@pytest.fixture
def nfs(tmp_path):
    with NfsHost(tmp_path) as host:
        yield host


def test_a_dead_server_stops_no_other_volume(nfs):
    stuck = nfs.use("stuck", "dead")
    nfs.wait_hanging("dead")
    for healthy in (nfs.use("other-server", "alive"), nfs.use_local("disk")):
        nfs.wait_mounted(healthy)
    assert not nfs.is_mounted(stuck)
    nfs.api.delete("pod", "disk")
    nfs.api.delete("pvc", "disk")
    nfs.cluster.until(lambda: nfs.api.names("pv") == ["pv/other-server", "pv/stuck"],
                      "the end of a volume beside one that hangs")
    (nfs.where / "answer").touch()
    nfs.wait_mounted(stuck)
    assert len([m for m in nfs.mounts() if stuck in m]) == 1


@pytest.mark.parametrize("end", ["refuse", "answer", "kill"])
def test_a_pod_whose_mount_hangs_can_be_deleted(nfs, end):
    """However its helper ends: nothing is mounted then, and nothing runs."""
    stuck = nfs.use("stuck", "dead")
    nfs.wait_hanging("dead")
    nfs.api.delete("pod", "stuck")
    nfs.api.delete("pvc", "stuck")
    nfs.cluster.until(lambda: not nfs.api.names("pod", "pvc"), "the end of pod and claim")
    nfs.wait_mounted(nfs.use_local("disk"))
    if end == "kill":
        nfs.run("kill", "-9", *[p for p in running_inside(nfs, "mount.nfs")])
    else:
        (nfs.where / end).touch()
        (nfs.where / "answer").touch()
    directory = nfs.data / "node/pods" / stuck
    nfs.cluster.until(lambda: not directory.exists(), "the end of the pod's directory", 20)
    assert not nfs.is_mounted(stuck)
    assert nfs.running_helpers() == []


def running_inside(host, name):
    """Process ids, as they are seen inside, of programs of this name."""
    for pid, command in host.processes().items():
        if name in command:
            status = dict(line.split(":\t", 1) for line in open(f"/proc/{pid}/status"))
            yield status["NSpid"].split()[-1]


def test_a_helper_that_hangs_dies_with_us(nfs):
    nfs.use("stuck", "dead")
    nfs.wait_hanging("dead")
    nfs.cluster.kill()
    until(lambda: nfs.running_helpers() == [], "the end of the helper", 10)
    (nfs.where / "answer").touch()
    nfs.cluster.start()
    nfs.wait_mounted(nfs.uid("stuck"))
    assert nfs.cluster.stop() == 0
