# SPDX-License-Identifier: Apache-2.0
"""
From a claim to mounted data and back, with kubectl as the client, our driver, real loop devices and real
mounts. Containers are not started here (tests/e2e/test_pods.py does); a pod gets its volumes all the same.
"""

import os

import pytest

from support.cluster import Cluster, has_root

pytestmark = pytest.mark.skipif(not has_root(), reason="only root can mount volumes")

CLASS = """\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: {name}}}
provisioner: local.orlop.dev
reclaimPolicy: {policy}
volumeBindingMode: {mode}
allowVolumeExpansion: true
parameters: {{type: {type}, csi.storage.k8s.io/fstype: {fs}}}
"""
CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}}}
spec:
  accessModes: [ReadWriteOnce]
  volumeMode: {volume_mode}
  storageClassName: {storage_class}
  resources: {{requests: {{storage: {size}}}}}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: local/busybox:1
    {how}
  volumes:
  - name: data
    persistentVolumeClaim: {{claimName: {claim}}}
"""
MOUNT = "volumeMounts: [{mountPath: /data, name: data}]"
DEVICE = "volumeDevices: [{devicePath: /dev/data, name: data}]"


def storage_class(name, policy="Delete", mode="Immediate", fs="ext4", kind="image"):
    return CLASS.format(name=name, policy=policy, mode=mode, fs=fs, type=kind)


def claim(name, cls, size="64Mi", volume_mode="Filesystem"):
    return CLAIM.format(name=name, storage_class=cls, size=size, volume_mode=volume_mode)


def pod(name, of, how=MOUNT):
    return POD.format(name=name, claim=of, how=how)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("volumes")) as c:
        yield c
        assert c.stop() == 0


def bound(c, name):
    c.until(lambda: c.kubectl.phase("pvc", name) == "Bound", f"the binding of {name}")
    return c.kubectl.get("pvc", name)["spec"]["volumeName"]


def mount_of(c, pod_name, volume):
    """Where the pod's volume lies, as seen from here, once it is mounted."""
    uid = c.kubectl.get("pod", pod_name)["metadata"]["uid"]

    def find():
        wanted = [m for m in c.mounts() if f"/pods/{uid}/volumes/" in m and f"/{volume}/" in m + "/"]
        return wanted and c.path(wanted[0])

    return c.until(find, f"the mount of {volume} in {pod_name}")


def gone(c, kind, name):
    c.until(lambda: c.kubectl.run("get", kind, name, check=False).returncode != 0,
            f"the end of {kind} {name}")


def remove(c, *what):
    """Deletes objects (kind, name, …) and waits until they are gone."""
    for kind, name in zip(what[::2], what[1::2]):
        c.kubectl("delete", kind, name, "--wait=false", "--ignore-not-found")
    for kind, name in zip(what[::2], what[1::2]):
        gone(c, kind, name)


@pytest.mark.demands("V1")
def test_volumes_and_classes_belong_to_the_cluster_and_claims_to_a_namespace(cluster):
    k = cluster.kubectl
    of_cluster = k("api-resources", "--namespaced=false", "-o", "name").split()
    of_namespaces = k("api-resources", "--namespaced=true", "-o", "name").split()
    assert {"persistentvolumes", "storageclasses.storage.k8s.io"} <= set(of_cluster)
    assert {"persistentvolumeclaims", "pods"} <= set(of_namespaces)
    k.apply(storage_class("shared-name") + "---\n" + claim("twin", "shared-name"))
    k("create", "namespace", "other")
    k("apply", "-n", "other", "-f", "-", text=claim("twin", "shared-name"))
    first = bound(cluster, "twin")
    cluster.until(lambda: k.get("-n", "other", "pvc", "twin")["status"]["phase"] == "Bound", "the other's binding")
    second = k.get("-n", "other", "pvc", "twin")["spec"]["volumeName"]
    assert first != second
    k("delete", "namespace", "other", "--wait=false")
    gone(cluster, "pv", second)
    assert k.phase("pv", first) == "Bound"
    remove(cluster, "pvc", "twin", "pv", first)


@pytest.mark.demands("V3", "V6", "V17")
def test_a_claim_gets_a_volume_of_its_own(cluster):
    k = cluster.kubectl
    k.apply(storage_class("fast") + "---\n" + claim("one", "fast"))
    volume = bound(cluster, "one")
    pvc, pv = k.get("pvc", "one"), k.get("pv", volume)
    assert volume == "pvc-" + pvc["metadata"]["uid"]
    assert pv["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert pv["spec"]["csi"]["driver"] == "local.orlop.dev"
    row = k("get", "pvc", "one", "--no-headers").split()
    assert row[:6] == ["one", "Bound", volume, "64Mi", "RWO", "fast"]
    remove(cluster, "pvc", "one", "pv", volume)


@pytest.mark.demands("V7", "V12", "V26")
@pytest.mark.parametrize("fs", ["ext4", "xfs"])
def test_the_whole_way_and_back(cluster, fs):
    k = cluster.kubectl
    name = f"late-{fs}"
    k.apply(storage_class(name, mode="WaitForFirstConsumer", fs=fs) + "---\n"
            + claim(name, name, "300Mi"))
    cluster.until(lambda: k.events(name, "WaitForFirstConsumer"), "the event that it waits")
    assert k.phase("pvc", name) == "Pending"
    k.apply(pod(f"{name}-a", name) + "---\n" + pod(f"{name}-b", name))
    volume = bound(cluster, name)
    (mount_of(cluster, f"{name}-a", volume) / "note").write_text("kept")
    assert (mount_of(cluster, f"{name}-b", volume) / "note").read_text() == "kept"
    assert k.get("pvc", name)["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == "node-1"
    remove(cluster, "pod", f"{name}-a", "pod", f"{name}-b")
    k.apply(pod(f"{name}-c", name))
    assert (mount_of(cluster, f"{name}-c", volume) / "note").read_text() == "kept"
    remove(cluster, "pod", f"{name}-c", "pvc", name, "pv", volume)
    cluster.until(lambda: not [m for m in cluster.mounts() if volume in m], "the end of the mounts")


@pytest.mark.demands("V10", "V18")
def test_a_retained_volume_is_released_and_can_be_used_again(cluster):
    k = cluster.kubectl
    k.apply(storage_class("kept", policy="Retain") + "---\n" + claim("first", "kept") + "---\n"
            + pod("first", "first"))
    volume = bound(cluster, "first")
    (mount_of(cluster, "first", volume) / "note").write_text("still here")
    remove(cluster, "pod", "first", "pvc", "first")
    cluster.until(lambda: k.phase("pv", volume) == "Released", "the release")
    k("patch", "pv", volume, "--type=json", "-p", '[{"op": "remove", "path": "/spec/claimRef"}]')
    cluster.until(lambda: k.phase("pv", volume) == "Available", "the volume's being available again")
    k.apply(claim("second", "kept") + "---\n" + pod("second", "second"))
    assert bound(cluster, "second") == volume
    assert (mount_of(cluster, "second", volume) / "note").read_text() == "still here"
    remove(cluster, "pod", "second", "pvc", "second")
    k("patch", "pv", volume, "-p", '{"spec": {"persistentVolumeReclaimPolicy": "Delete"}}')
    gone(cluster, "pv", volume)


@pytest.mark.demands("V10", "V18")
def test_a_recycled_volume_is_emptied_and_free_again(cluster, tmp_path):
    k = cluster.kubectl
    (tmp_path / "scrubbed").mkdir()
    (tmp_path / "note").write_text("old")
    (tmp_path / "scrubbed/deep").write_text("old")
    k.apply(f"""\
apiVersion: v1
kind: PersistentVolume
metadata: {{name: again}}
spec:
  capacity: {{storage: 1Mi}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Recycle
  hostPath: {{path: {tmp_path}}}
""" + "---\n" + claim("again", '""', "1Mi"))
    assert bound(cluster, "again") == "again"
    remove(cluster, "pvc", "again")
    cluster.until(lambda: k.phase("pv", "again") == "Available", "the recycling")
    assert list(tmp_path.iterdir()) == []
    assert k.events("again", "VolumeRecycled")
    remove(cluster, "pv", "again")


@pytest.mark.demands("V8")
def test_a_block_volume_is_a_device_in_the_pod(cluster):
    k = cluster.kubectl
    k.apply(storage_class("raw") + "---\n" + claim("raw", "raw", volume_mode="Block") + "---\n"
            + pod("raw", "raw", DEVICE))
    volume = bound(cluster, "raw")
    uid = k.get("pod", "raw")["metadata"]["uid"]
    links = f"{cluster.data}/**/pods/{uid}/volumeDevices/kubernetes.io~csi/{volume}"
    root = cluster.path("/")
    link = cluster.until(lambda: next(root.glob(links.lstrip("/")), None), "the pod's link to the device")
    target = os.readlink(link)
    assert cluster.path(target).stat().st_size == 0 or target.startswith("/dev/")
    remove(cluster, "pod", "raw", "pvc", "raw", "pv", volume)


def size_of(path):
    seen = os.statvfs(path)
    return seen.f_blocks * seen.f_frsize


@pytest.mark.parametrize("fs, is_online", [("xfs", True), ("ext4", False)])
def test_a_claim_grows(cluster, fs, is_online):
    k = cluster.kubectl
    name = f"grow-{fs}"
    k.apply(storage_class(name, fs=fs) + "---\n" + claim(name, name, "320Mi") + "---\n" + pod(name, name))
    volume = bound(cluster, name)
    where = mount_of(cluster, name, volume)
    (where / "note").write_text("before")
    before = size_of(where)
    k("patch", "pvc", name, "-p", '{"spec": {"resources": {"requests": {"storage": "640Mi"}}}}')
    cluster.until(lambda: k.get("pv", volume)["spec"]["capacity"]["storage"] == "640Mi", "the volume's growth")
    if not is_online:
        remove(cluster, "pod", name)
        # The file system grows when it is staged anew: the device must have been released before.
        cluster.until(lambda: not [m for m in cluster.mounts() if "globalmount" in m], "the release")
        k.apply(pod(name, name))
        where = mount_of(cluster, name, volume)
    cluster.until(lambda: k.get("pvc", name)["status"]["capacity"]["storage"] == "640Mi", "the claim's growth")
    assert size_of(where) > before * 1.5
    assert (where / "note").read_text() == "before"
    refused = k.run("patch", "pvc", name, "-p", '{"spec": {"resources": {"requests": {"storage": "1Mi"}}}}',
                    check=False)
    assert refused.returncode and "less than" in refused.stderr
    remove(cluster, "pod", name, "pvc", name, "pv", volume)


@pytest.mark.demands("V27", "V24")
def test_deleting_in_the_worst_order_loses_nothing(cluster):
    """Volume first, then the claim, then the pod that uses them: each waits for the next."""
    k = cluster.kubectl
    k.apply(storage_class("worst") + "---\n" + claim("worst", "worst") + "---\n" + pod("worst", "worst"))
    volume = bound(cluster, "worst")
    where = mount_of(cluster, "worst", volume)
    (where / "note").write_text("here")
    k("delete", "pv", volume, "--wait=false")
    k("delete", "pvc", "worst", "--wait=false")
    assert "kubernetes.io/pvc-protection" in k.get("pvc", "worst")["metadata"]["finalizers"]
    assert (where / "note").read_text() == "here"
    k("delete", "pod", "worst", "--wait=false")
    for kind, name in (("pod", "worst"), ("pvc", "worst"), ("pv", volume)):
        gone(cluster, kind, name)


def test_a_class_that_does_not_exist_is_told_and_found_later(cluster):
    k = cluster.kubectl
    k.apply(claim("early", "to-come"))
    cluster.until(lambda: any("to-come" in m for m in k.events("early", "ProvisioningFailed")), "the event")
    k.apply(storage_class("to-come"))
    volume = bound(cluster, "early")
    remove(cluster, "pvc", "early", "pv", volume)


def test_nothing_is_left_of_volumes_that_are_deleted(cluster):
    k = cluster.kubectl
    assert k.items("pv") == [] and k.items("pvc") == []
    # One record and one file or directory of data per volume is what the driver keeps.
    kept = cluster.data / "csi-local/volumes"
    assert kept.is_dir() and [p for p in kept.rglob("*") if p.is_file() and p.name != "lock"] == []
