# SPDX-License-Identifier: Apache-2.0
"""
NFS and iSCSI for real: nfs-ganesha and tgt as servers, and orlop-node in a guest whose kernel has the
clients. One boot for all of it. The host runs API and controllers, in a network namespace with nothing but
the loopback, which the guest sees as 10.0.2.2.
"""

import re

import pytest

from support.cluster import Cluster, has_root
from support.netspace import NetSpace
from support.node_guest import HOST, NodeGuest
from support.storage import TARGET, IscsiTarget, NfsServer

pytestmark = pytest.mark.skipif(not has_root(), reason="only root can make namespaces")

ADDRESS = "192.168.4.1"  # of both servers, in the namespace
PORT = 6443
BOOT = 120  # seconds, for a kernel without the help of the processor
VOLUME = """\
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec:
  capacity: {{storage: 32Mi}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  {source}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}}}
spec:
  accessModes: [ReadWriteOnce]
  volumeName: {name}
  resources: {{requests: {{storage: 32Mi}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {{name: main, image: local/busybox:1, volumeMounts: [{{mountPath: /data, name: data}}]}}
  volumes:
  - {{name: data, persistentVolumeClaim: {{claimName: {name}}}}}
"""
NFS = f"nfs: {{server: {ADDRESS}, path: /exp}}"
ISCSI = f"iscsi: {{targetPortal: '{ADDRESS}:3260', iqn: {TARGET}, lun: 1, fsType: ext4}}"


def guest_config(text):
    """The administrator's kubeconfig, with the address that the guest has for the host."""
    return re.sub(r"server: https://\S+:(\d+)", rf"server: https://{HOST}:\1\n    tls-server-name: localhost",
                  text)


class Site:
    """Servers, API and the guest."""

    def mounted(self, name):
        uid = self.cluster.kubectl.get("pod", name)["metadata"]["uid"]

        def find():
            for where, text in self.guest.mounted().items():
                if f"/pods/{uid}/" in where:
                    return where, text
            return None

        return find

    def until(self, ready, what, patience=60):
        try:
            return self.cluster.until(ready, what, patience)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.guest.console()}") from None


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    where = tmp_path_factory.mktemp("remote")
    s = Site()
    with NetSpace() as net, NfsServer(net, where / "nfs") as s.nfs, \
            IscsiTarget(net, where / "iscsi") as s.iscsi, \
            Cluster(where / "up", "--no-node", "--no-driver", net=net, listen=f"127.0.0.1:{PORT}") as s.cluster, \
            NodeGuest(net, where, guest_config(s.cluster.config.read_text())) as s.guest:
        (s.nfs.export / "from-server").write_text("this is the export")
        s.until(lambda: s.cluster.kubectl.items("nodes"), "the guest as a node", BOOT)
        yield s


@pytest.mark.demands("V4", "V28", "V29")
def test_an_nfs_volume_is_the_servers_directory(site):
    k = site.cluster.kubectl
    k.apply(VOLUME.format(name="nfs", source=NFS))
    where, text = site.until(site.mounted("nfs"), "the mount of the export")
    assert "/volumes/kubernetes.io~nfs/nfs" in where and text == "this is the export"
    site.until(lambda: (site.nfs.export / "from-guest").exists(), "the guest's file at the server")


@pytest.mark.demands("V26")
def test_an_iscsi_disk_is_formatted_and_mounted_while_the_nfs_server_is_dead(site):
    k = site.cluster.kubectl
    site.nfs.hang()
    try:
        k.apply(VOLUME.format(name="late", source=NFS) + "---\n" + VOLUME.format(name="iscsi", source=ISCSI))
        where, _ = site.until(site.mounted("iscsi"), "the mount of the disk")
        assert "/volumes/kubernetes.io~iscsi/iscsi" in where
        assert not site.mounted("late")()
    finally:
        site.nfs.go_on()
    site.until(site.mounted("late"), "the mount that had to wait", 180)
    disk = (site.iscsi.where / "up/disk").read_bytes()
    assert disk[0x438:0x43a] == b"\x53\xef"  # ext4's magic


@pytest.mark.demands("V27")
def test_pods_end_and_their_data_stay_at_the_servers(site):
    k = site.cluster.kubectl
    for name in ("nfs", "late", "iscsi"):
        k("delete", "pod", name, "--wait=false", "--ignore-not-found")
    site.until(lambda: not k.items("pods"), "the end of the pods", 120)
    assert (site.nfs.export / "from-server").read_text() == "this is the export"
    assert (site.nfs.export / "from-guest").read_text().strip() == "from the guest"
