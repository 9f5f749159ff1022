# SPDX-License-Identifier: Apache-2.0
"""
The separate programs against an API server that is killed again and again, and disks without room: nothing
that was promised is lost, and all goes on afterwards.
"""

import os
import socket
import subprocess
import time

import pytest

from support import api
from support.cluster import has_root, until
from support.debs import SupportError
from support.host import Host

pytestmark = pytest.mark.skipif(not has_root(), reason="only root can mount volumes")
LOCAL, NODE = "local.orlop.dev", "node-1"
N_PODS, N_KILLS = 24, 6


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Programs(Host):
    """What 'orlop up' has in one process, as four."""

    def __init__(self, where):
        super().__init__(where)
        self.config, self.keys = self.where / "kubeconfig", self.where / "api"
        self.listen = f"127.0.0.1:{free_port()}"
        self.api = api.Api(self.config, self.keys)
        self.server = None

    def start_server(self):
        self.server = self.program("orlop-apiserver", f"--data-dir={self.keys}",
                                   f"--listen={self.listen}", f"--kubeconfig-out={self.config}")
        until(lambda: self.config.exists() and self.api.is_ready(), "the API server", 20)

    def start(self):
        self.start_server()
        driver = f"{self.where}/s"
        self.workers = [
            self.program("orlop-csi-local", f"--endpoint=unix://{driver}", f"--node-id={NODE}",
                         f"--state-dir={self.where}/volumes", "--enable-attach"),
            self.program("orlop-volume-controller", f"--kubeconfig={self.config}", "--controllers=*",
                         f"--csi-socket={driver}"),
            self.program("orlop-node", f"--kubeconfig={self.config}", f"--node-name={NODE}",
                         f"--root-dir={self.where}/node", f"--csi-socket={driver}"),
        ]
        self.api.create("driver", api.csi_driver(LOCAL, attach=True))
        self.api.create("class", api.storage_class("local", LOCAL, mode="WaitForFirstConsumer",
                                                   type="directory"))
        return self

    def insist(self, ask):
        """Like a client that tries again; what the server has done although its answer was lost is done."""

        def tried():
            try:
                ask()
            except SupportError as e:
                if ": 409 " not in str(e):
                    raise
            return True

        until(tried, "an answer of the API server", 30)

    def mounted(self):
        """Uids of pods with a volume."""
        return [m.split("/pods/")[1].split("/")[0] for m in self.mounts() if "/pods/" in m]

    def until(self, ready, what, patience=60):
        try:
            return until(ready, what, patience)
        except AssertionError as e:
            logs = "\n".join(f"--- {w.name}\n{w.tail(25)}" for w in [self.server, *self.workers])
            raise AssertionError(f"{e}\n{logs}") from None


def test_the_api_server_is_killed_under_load(tmp_path):
    with Programs(tmp_path) as host:
        host.start()
        uids, kills = {}, 0
        for i in range(N_PODS):
            host.insist(lambda i=i: host.api.create("pvc", api.claim(f"v{i}", "local")))
            host.insist(lambda i=i: host.api.create("pod", api.pod(f"v{i}", f"v{i}")))
            if i % (N_PODS // N_KILLS) == N_PODS // N_KILLS - 1:
                assert host.server.kill() == -9
                kills += 1
                time.sleep(0.3)
                host.start_server()
        for i in range(N_PODS):  # each was promised
            uids[host.api.get("pod", f"v{i}")["metadata"]["uid"]] = i
        host.until(lambda: sorted(host.mounted()) == sorted(uids), "all volumes")
        assert len(host.api.items("pv")) == N_PODS
        for i in range(N_PODS):
            host.insist(lambda i=i: host.api.delete("pod", f"v{i}"))
            host.insist(lambda i=i: host.api.delete("pvc", f"v{i}"))
            if i in (N_PODS // 3, 2 * N_PODS // 3):
                host.server.kill()
                host.start_server()
        host.until(lambda: not host.api.names("pod", "pvc", "pv", "attachment"), "the end of all")
        assert host.mounts() == []
        assert os.listdir(tmp_path / "volumes/data") == []
        assert [w.stop() for w in host.workers] == [0, 0, 0]
        assert host.server.stop() == 0
        assert kills == N_KILLS


def test_no_server_for_a_while_stops_no_program(tmp_path):
    """Those that work for it wait for it, and answer their own end at once."""
    with Programs(tmp_path) as host:
        host.start()
        host.api.create("pvc", api.claim("v", "local"))
        host.api.create("pod", api.pod("v", "v"))
        host.until(host.mounted, "the volume")
        host.server.kill()
        time.sleep(2)
        assert not any(w.has_ended() for w in host.workers)
        assert len(host.mounted()) == 1
        assert [w.stop() for w in host.workers] == [0, 0, 0]


# --- disks without room ---

def fill(host, directory):
    """Every byte of the file system; what frees it again."""
    file = f"{directory}/filler"
    subprocess.run([*host.prefix(), "dd", "if=/dev/zero", f"of={file}", "bs=64k"], check=False,
                   capture_output=True, timeout=60)
    return lambda: host.run("rm", file)


def test_a_full_disk_of_the_cluster_is_told_and_forgotten_when_there_is_room(tmp_path):
    with Host(tmp_path) as host:
        host.data.mkdir()
        host.run("mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", host.data)
        cluster = host.up()
        cluster.api.keys = host.path(cluster.data)
        cluster.start()
        cluster.api.create("pvc", api.claim("before", "local"))
        make_room = fill(host, host.data)
        status, answer = cluster.api.ask("POST", api.PATHS["pvc"], api.claim("refused", "local"))
        for i in range(200):  # what was free in a file of the server's is used first
            if status != 201:
                break
            status, answer = cluster.api.ask("POST", api.PATHS["pvc"], api.claim(f"refused-{i}", "none"))
        assert status == 500 and "no space left" in answer["message"]
        assert cluster.api.get("pvc", "before")["metadata"]["name"] == "before"
        make_room()
        until(lambda: cluster.api.ask("POST", api.PATHS["pod"], api.pod("first", "before"))[0]
              in (201, 409), "a pod", 20)
        cluster.until(lambda: any("/pods/" in m for m in host.mounts()), "the volume of the pod", 60)
        cluster.api.delete("pod", "first")
        cluster.api.delete("pvc", "before")
        cluster.until(lambda: not cluster.api.names("pv"), "the end of the volume", 60)
        assert cluster.stop() == 0


def test_a_full_disk_of_the_driver_is_told_to_the_claim(tmp_path):
    with Host(tmp_path) as host:
        volumes = tmp_path / "volumes"
        volumes.mkdir()
        host.run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", volumes)
        driver = host.program("orlop-csi-local", f"--endpoint=unix://{tmp_path}/s",
                              f"--node-id={NODE}", f"--state-dir={volumes}", "--debug")
        cluster = host.up("--no-driver", f"--csi-socket={tmp_path}/s").start()
        cluster.api.create("class", api.storage_class("full", LOCAL, type="directory"))
        cluster.api.create("driver", api.csi_driver(LOCAL))
        make_room = fill(host, volumes)
        cluster.api.create("pvc", api.claim("v", "full", "4Mi"))
        cluster.until(lambda: any("ResourceExhausted" in m for m in
                                  cluster.api.events("v", "ProvisioningFailed")), "the event", 20)
        assert cluster.api.phase("pvc", "v") == "Pending"
        make_room()
        cluster.until(lambda: cluster.api.phase("pvc", "v") == "Bound", "the volume", 40)
        cluster.api.delete("pvc", "v")
        cluster.until(lambda: not cluster.api.names("pvc", "pv"), "the end of the volume")
        assert os.listdir(host.path(volumes / "records")) == []
        assert not driver.has_ended()
