# SPDX-License-Identifier: Apache-2.0
"""
Attaching, as kubectl's users see it: orlop-csi-local with --enable-attach stands for a driver whose volumes
have to be attached to a node before they can be mounted.
"""

import hashlib
import signal
import time

import pytest

from support.apiserver import ApiServer
from support.cluster import has_root, our, until
from support.containerd import Space
from support.loops import release_loops
from support.space_cluster import Program, SpaceCluster
from test_volumes import bound, claim, gone, mount_of, pod, remove, storage_class

pytestmark = pytest.mark.skipif(not has_root(), reason="only root can mount volumes")

DRIVER = """\
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: local.orlop.dev}
spec: {attachRequired: true, podInfoOnMount: false, volumeLifecycleModes: [Persistent]}
"""
FINALIZER = "external-attacher/local-orlop-dev"
SECOND_NODE = """\
apiVersion: v1
kind: Node
metadata:
  name: node-2
  labels: {kubernetes.io/hostname: node-2}
  annotations: {volumes.kubernetes.io/controller-managed-attach-detach: "true"}
---
apiVersion: storage.k8s.io/v1
kind: CSINode
metadata: {name: node-2}
spec:
  drivers: [{name: local.orlop.dev, nodeID: node-2, topologyKeys: [topology.local.orlop.dev/node]}]
"""
ATTACHMENT = """\
apiVersion: storage.k8s.io/v1
kind: VolumeAttachment
metadata: {{name: by-hand}}
spec: {{attacher: local.orlop.dev, nodeName: node-9, source: {{persistentVolumeName: {volume}}}}}
"""


def start_driver(space, where):
    (where / "volumes").mkdir(exist_ok=True)
    return Program(space, where / "driver.log", our("orlop-csi-local"), f"--endpoint=unix://{where}/csi.sock",
                   "--node-id=node-1", f"--state-dir={where}/volumes", "--enable-attach")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    where = tmp_path_factory.mktemp("attach")
    try:
        with Space() as space, start_driver(space, where) as driver, \
                SpaceCluster(space, where, "--no-driver", f"--csi-socket={where}/csi.sock") as c:
            c.driver = driver
            c.kubectl.apply(DRIVER + "---\n" + storage_class("attached", mode="WaitForFirstConsumer"))
            yield c
            c.driver.end()
            assert c.stop() == 0
    finally:
        release_loops(where)


def handle_of(c, volume):
    return c.kubectl.get("pv", volume)["spec"]["csi"]["volumeHandle"]


def attachment_name(c, volume, node="node-1"):
    words = handle_of(c, volume) + "local.orlop.dev" + node
    return "csi-" + hashlib.sha256(words.encode()).hexdigest()


def attachments(c, volume):
    return [a for a in c.kubectl.items("volumeattachments")
            if a["spec"]["source"].get("persistentVolumeName") == volume]


def node_status(c, name="node-1"):
    return c.kubectl.get("node", name)["status"]


def record(c, volume):
    """What the driver has of a volume."""
    return [p for p in (c.where / "volumes").rglob("*") if handle_of(c, volume) in p.name]


def mounted(c, name, claim_name):
    volume = bound(c, claim_name)
    mount_of(c, name, volume)
    return volume


def is_detached(c, volume):
    c.until(lambda: not attachments(c, volume), f"the end of {volume}'s attachment")


def use(c, name):
    c.kubectl.apply(claim(name, "attached") + "---\n" + pod(name, name))
    return mounted(c, name, name)


@pytest.mark.demands("V8", "V21", "V24")
def test_a_volume_is_attached_before_it_is_mounted_and_detached_behind_the_pod(cluster):
    k = cluster.kubectl
    volume = use(cluster, "one")
    (found,) = attachments(cluster, volume)
    assert found["metadata"]["name"] == attachment_name(cluster, volume)
    assert found["spec"] == {"attacher": "local.orlop.dev", "nodeName": "node-1",
                             "source": {"persistentVolumeName": volume}}
    assert found["status"]["attached"] is True
    assert FINALIZER in found["metadata"]["finalizers"]
    assert found["metadata"]["annotations"]["csi.alpha.kubernetes.io/node-id"] == "node-1"
    assert FINALIZER in k.get("pv", volume)["metadata"]["finalizers"]
    name = f"kubernetes.io/csi/local.orlop.dev^{handle_of(cluster, volume)}"
    status = node_status(cluster)
    assert name in status["volumesInUse"]
    assert name in [a["name"] for a in status["volumesAttached"]]
    assert k.events("one", "SuccessfulAttachVolume") == [
        f'AttachVolume.Attach succeeded for volume "{volume}" ']
    row = k("get", "volumeattachments", found["metadata"]["name"], "--no-headers").split()
    assert row[1:5] == ["local.orlop.dev", volume, "node-1", "true"]
    remove(cluster, "pod", "one")
    is_detached(cluster, volume)
    cluster.until(lambda: not node_status(cluster).get("volumesAttached"), "an empty volumesAttached")
    cluster.until(lambda: not node_status(cluster).get("volumesInUse"), "an empty volumesInUse")
    assert k.phase("pvc", "one") == "Bound"
    remove(cluster, "pvc", "one", "pv", volume)


@pytest.mark.demands("V18")
def test_a_volume_is_deleted_only_when_it_is_detached(cluster):
    """Somebody else's attachment to a node that nobody knows keeps the volume."""
    k = cluster.kubectl
    volume = use(cluster, "order")
    k.apply(ATTACHMENT.format(volume=volume))
    for kind, name in (("pv", volume), ("pvc", "order"), ("pod", "order")):
        k("delete", kind, name, "--wait=false")
    gone(cluster, "pod", "order")
    gone(cluster, "pvc", "order")
    cluster.until(lambda: [a["metadata"]["name"] for a in attachments(cluster, volume)] == ["by-hand"],
                  "the end of the pod's own attachment")
    cluster.until(lambda: any("still attached to node node-9" in m
                              for m in k.events(volume, "VolumeFailedDelete")), "the event")
    assert k.phase("pv", volume) == "Released" and record(cluster, volume)
    k("delete", "volumeattachment", "by-hand", "--wait=false")
    gone(cluster, "pv", volume)
    assert attachments(cluster, volume) == []


@pytest.mark.demands("V20", "V21")
def test_a_volume_in_use_is_not_attached_to_another_node(cluster):
    k = cluster.kubectl
    volume = use(cluster, "first")
    k.apply(SECOND_NODE)
    k.apply(pod("second", "first").replace("spec:\n", "spec:\n  nodeName: node-2\n", 1))
    words = cluster.until(lambda: k.events("second", "FailedAttachVolume"), "the refusal")
    assert words == [f'Multi-Attach error for volume "{volume}" Volume is already used by pod(s) first']
    assert [a["spec"]["nodeName"] for a in attachments(cluster, volume)] == ["node-1"]
    # When the first one has gone the second has its turn, and the driver of node-1 refuses it.
    remove(cluster, "pod", "first")
    refused = cluster.until(lambda: [m for m in k.events("second", "FailedAttachVolume") if "Multi" not in m],
                            "the driver's refusal")
    assert f'AttachVolume.Attach failed for volume "{volume}"' in refused[0]
    assert "this is node node-1, not 'node-2'" in refused[0]
    (found,) = attachments(cluster, volume)
    assert found["metadata"]["name"] == attachment_name(cluster, volume, "node-2")
    assert found["status"]["attached"] is False
    assert "this is node node-1" in found["status"]["attachError"]["message"]
    # Nobody runs on node-2: the pod goes by force, and what may be attached is detached.
    k("delete", "pod", "second", "--force", "--grace-period=0")
    is_detached(cluster, volume)
    remove(cluster, "node", "node-2", "pvc", "first", "pv", volume)


def test_an_attacher_that_is_away_is_told_and_waited_for(cluster):
    k = cluster.kubectl
    volume = use(cluster, "away")
    remove(cluster, "pod", "away")
    is_detached(cluster, volume)
    cluster.driver.end()
    k.apply(pod("away", "away"))
    try:
        words = cluster.until(lambda: k.events("away", "FailedAttachVolume"), "the error", 30)
        assert any(f'AttachVolume.Attach failed for volume "{volume}"' in w for w in words), words
    finally:
        cluster.driver = start_driver(cluster.space, cluster.where)
    mounted(cluster, "away", "away")
    assert attachments(cluster, volume)[0]["status"]["attached"] is True
    assert "attachError" not in attachments(cluster, volume)[0]["status"]
    remove(cluster, "pod", "away", "pvc", "away", "pv", volume)


# --- the programs one by one ---


class Split:
    """API server, controllers, driver and node as processes of their own in a space."""

    def __init__(self, space, where, controllers="*", node=()):
        self.space, self.where, self.controllers, self.node_options = space, where, controllers, node
        self.api = ApiServer(where).start()
        self.kubectl = self.api.kubectl
        self.programs = {}

    def start(self, *names):
        argv = {
            "controllers": [our("orlop-volume-controller"), f"--kubeconfig={self.api.config}",
                            f"--controllers={self.controllers}", f"--csi-socket={self.where}/csi.sock"],
            "node": [our("orlop-node"), f"--kubeconfig={self.api.config}", "--node-name=node-1",
                     f"--root-dir={self.where}/node", f"--csi-socket={self.where}/csi.sock",
                     f"--container-runtime-endpoint={self.where}/none.sock", *self.node_options],
        }
        for name in names:
            if name == "driver":
                self.programs[name] = start_driver(self.space, self.where)
            else:
                self.programs[name] = Program(self.space, self.where / f"{name}.log", *argv[name])
        return self

    def path(self, path):
        return self.space.path(path)

    def mounts(self):
        return self.space.mounts(self.where / "node")

    def until(self, ready, what="what was waited for", patience=30):
        try:
            return until(ready, what, patience)
        except AssertionError as e:
            logs = [p.read_text(errors="replace")[-1500:] for p in self.where.glob("*.log")]
            raise AssertionError("\n".join([str(e), *logs])) from None

    def close(self):
        for program in self.programs.values():
            program.end(signal.SIGKILL)
        self.api.kill()


@pytest.fixture
def split(tmp_path):
    made = []
    try:
        with Space() as space:
            def make(start=("driver", "controllers", "node"), **options):
                made.append(Split(space, tmp_path, **options))
                made[0].kubectl.apply(DRIVER + "---\n" + storage_class("attached", mode="WaitForFirstConsumer"))
                return made[0].start(*start)

            try:
                yield make
            finally:
                for each in made:
                    each.close()
    finally:
        release_loops(tmp_path)


@pytest.mark.demands("V19")
def test_a_node_that_is_asked_to_attaches_by_itself(split):
    s = split(controllers="*,-attachdetach,scheduler", node=["--enable-controller-attach-detach=false"])
    volume = use(s, "self")
    annotations = s.kubectl.get("node", "node-1")["metadata"].get("annotations", {})
    assert "volumes.kubernetes.io/controller-managed-attach-detach" not in annotations
    (found,) = attachments(s, volume)
    assert found["metadata"]["name"] == attachment_name(s, volume) and found["status"]["attached"]
    remove(s, "pod", "self")
    is_detached(s, volume)
    remove(s, "pvc", "self", "pv", volume)


@pytest.mark.demands("V24", "V29")
def test_a_dead_nodes_volumes_stay_attached_until_it_is_out_of_service(split):
    s = split(controllers="*,scheduler")
    k, volume = s.kubectl, use(s, "dead")
    annotations = k.get("node", "node-1")["metadata"]["annotations"]
    assert annotations["volumes.kubernetes.io/controller-managed-attach-detach"] == "true"
    s.programs["node"].end(signal.SIGKILL)
    k("delete", "pod", "dead", "--force", "--grace-period=0")
    gone(s, "pod", "dead")
    # Nobody says that it is unmounted.
    with pytest.raises(AssertionError):
        until(lambda: not attachments(s, volume), "a detach that must not be", 2)
    assert node_status(s)["volumesInUse"]
    k("taint", "node", "node-1", "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
    is_detached(s, volume)
    assert not node_status(s).get("volumesAttached")
    assert k.phase("pv", volume) == "Bound"


@pytest.mark.demands("V20")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_controllers_that_start_again_know_what_is_attached(split, how):
    s = split(controllers="*,scheduler")
    volume = use(s, "kept")
    (before,) = attachments(s, volume)
    s.programs["controllers"].end(how)
    s.start("controllers")
    s.kubectl.apply(pod("more", "kept"))
    mount_of(s, "more", volume)
    (after,) = attachments(s, volume)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    s.programs["controllers"].end(how)
    for name in ("kept", "more"):
        s.kubectl("delete", "pod", name, "--wait=false")
        gone(s, "pod", name)
    assert attachments(s, volume)
    s.start("controllers")
    is_detached(s, volume)


def test_a_driver_that_registers_late_is_waited_for_quietly(split):
    s = split(controllers="*,scheduler", start=("driver", "controllers"))
    k = s.kubectl
    k.apply("apiVersion: v1\nkind: Node\nmetadata: {name: node-1, labels: {kubernetes.io/hostname: node-1}}\n")
    k.apply(claim("late", "attached") + "---\n" + pod("late", "late"))
    s.until(lambda: k.items("pods")[0]["status"].get("conditions"), "a word about the pod")
    time.sleep(4)
    log = (s.where / "controllers.log").read_text()
    assert log.count("provisioning failed for PVC") < 6, log[-2000:]
    s.start("node")
    mounted(s, "late", "late")
