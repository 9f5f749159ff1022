# SPDX-License-Identifier: Apache-2.0
"""
The two NFS examples that many know from an introduction to Kubernetes' storage, as printed there. The
kernel of this machine may have no NFS client, so mount.nfs is a stub that binds a directory; the guest of
test_remote_storage.py has the real one.
"""

import os

import pytest

from support.cluster import Cluster, has_root
from test_volumes import bound, gone, mount_of, remove

pytestmark = pytest.mark.skipif(not has_root(), reason="only root can mount volumes")

STATIC = """\
apiVersion: v1
kind: PersistentVolume
metadata:
  name: nfs-pv
spec:
  capacity:
    storage: 10Gi
  accessModes:
    - ReadWriteOnce
  persistentVolumeReclaimPolicy: Retain
  nfs:
    server: 192.168.4.1
    path: /nfs_storage
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: nfs-pvc
spec:
  accessModes:
    - ReadWriteOnce
  resources:
    requests:
      storage: 10Gi
"""
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: test-nfs
spec:
  containers:
  - image: nginx:alpine
    imagePullPolicy: IfNotPresent
    name: nginx
    volumeMounts:
    - mountPath: /data
      name: nfs-volume
  volumes:
  - name: nfs-volume
    persistentVolumeClaim:
      claimName: nfs-pvc
"""
DYNAMIC = """\
kind: StorageClass
apiVersion: storage.k8s.io/v1
metadata:
  name: nfs-sc
provisioner: example.com/nfs
mountOptions:
- vers=4.1
---
kind: PersistentVolumeClaim
apiVersion: v1
metadata:
  name: nfs
{annotations}spec:
  accessModes:
  - ReadWriteMany
  resources:
    requests:
      storage: 10Mi
  storageClassName: nfs-sc
"""
BETA = '  annotations:\n    volume.beta.kubernetes.io/storage-class: "example-nfs"\n'
EXAMPLE_CLASS = DYNAMIC.split("---")[0].replace("nfs-sc", "example-nfs")

# mount.nfs SOURCE TARGET -o OPTIONS: notes what it was asked for, binds the export's directory.
STUB = """\
#!/bin/sh
echo "$@" >> {log}
exec mount --bind {export}"${{1##*:/nfs_storage}}" "$2"
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    where = tmp_path_factory.mktemp("article")
    export, tools = where / "export", where / "tools"
    export.mkdir()
    tools.mkdir()
    (export / "index").write_text("from the server")
    stub = tools / "mount.nfs"
    stub.write_text(STUB.format(log=where / "mounts", export=export))
    stub.chmod(0o755)
    path = {"PATH": f"{tools}:{os.environ['PATH']}"}
    with Cluster(where, f"--nfs-provisioner=example.com/nfs=192.168.4.1:/nfs_storage,local={export}",
                 env=path) as cluster:
        cluster.export = export
        yield cluster


@pytest.mark.demands("V4", "V7", "V28")
def test_the_static_example_works_as_printed(machine):
    k = machine.kubectl
    k.apply(STATIC)
    assert bound(machine, "nfs-pvc") == "nfs-pv"
    row = k("get", "pvc", "nfs-pvc", "--no-headers").split()
    assert row[:5] == ["nfs-pvc", "Bound", "nfs-pv", "10Gi", "RWO"]
    head = k("get", "pvc").splitlines()[0].split("  ")
    assert [h.strip() for h in head if h.strip()][:6] == [
        "NAME", "STATUS", "VOLUME", "CAPACITY", "ACCESS MODES", "STORAGECLASS"]
    k.apply(POD)
    where = mount_of(machine, "test-nfs", "nfs-pv")
    assert (where / "index").read_text() == "from the server"
    asked = (machine.where / "mounts").read_text()
    assert asked.startswith("192.168.4.1:/nfs_storage /")
    remove(machine, "pod", "test-nfs", "pvc", "nfs-pvc")
    machine.until(lambda: k.phase("pv", "nfs-pv") == "Released", "the release")
    assert (machine.export / "index").exists()
    remove(machine, "pv", "nfs-pv")


@pytest.mark.demands("V5")
def test_the_dynamic_example_as_printed_waits_and_says_for_what(machine):
    k = machine.kubectl
    k.apply(DYNAMIC.format(annotations=BETA))
    words = machine.until(lambda: k.events("nfs", "ProvisioningFailed"), "the event")
    assert any('"example-nfs"' in w and "volume.beta.kubernetes.io/storage-class" in w for w in words), words
    assert k.phase("pvc", "nfs") == "Pending"
    # With a class of that name it goes on by itself.
    k.apply(EXAMPLE_CLASS)
    volume = bound(machine, "nfs")
    assert k.get("pv", volume)["spec"]["storageClassName"] == "example-nfs"
    remove(machine, "pvc", "nfs", "pv", volume)
    k("delete", "sc", "example-nfs")


@pytest.mark.demands("V5", "V6")
def test_the_dynamic_example_without_the_annotation_binds(machine):
    k = machine.kubectl
    k.apply(DYNAMIC.format(annotations=""))
    volume = bound(machine, "nfs")
    assert volume == "pvc-" + k.get("pvc", "nfs")["metadata"]["uid"]
    row = k("get", "pv", volume, "--no-headers").split()
    assert row[1:6] == ["10Mi", "RWX", "Delete", "Bound", "default/nfs"]
    spec = k.get("pv", volume)["spec"]
    assert spec["nfs"]["server"] == "192.168.4.1" and spec["mountOptions"] == ["vers=4.1"]
    folder = machine.export / os.path.relpath(spec["nfs"]["path"], "/nfs_storage")
    assert folder.is_dir() and folder.name == f"default-nfs-{volume}"
    (folder / "kept").write_text("archived")
    remove(machine, "pvc", "nfs", "pv", volume)
    gone(machine, "pv", volume)
    assert (machine.export / f"archived-{folder.name}" / "kept").read_text() == "archived"
