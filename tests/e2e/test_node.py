# SPDX-License-Identifier: Apache-2.0
"""
orlop-node by itself against our API server, with real mounts in a mount namespace of their own, with containerd
and without.
"""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.cluster import Kubectl, has_root, our, until
from support.containerd import Containerd, Space
from support.debs import SupportError

pytestmark = pytest.mark.skipif(not has_root(), reason="only root can mount volumes")

STUB = """\
#!/bin/sh
# mount.nfs of a server that is a directory here, or that is dead.
case $1 in
dead:*) sleep 1000 ;;
*) exec mount --bind {export} "$2" ;;
esac
"""


def pod(name, volumes, mounts, command="sleep 1000", more=""):
    return f"""\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  nodeName: n1
  terminationGracePeriodSeconds: 1
  {more}
  volumes: [{volumes}]
  containers:
  - name: main
    image: local/busybox:1
    imagePullPolicy: Never
    command: ["/bin/sh", "-c", {command!r}]
    volumeMounts: [{mounts}]
"""


class Node:
    """An API server, and orlop-node in a space of its own."""

    def __init__(self, where, space, runtime=None):
        self.where, self.space, self.runtime = Path(where), space, runtime
        self.root = self.where / "kubelet"
        self.export = self.where / "export"
        self.bin = self.where / "bin"
        self.export.mkdir()
        self.bin.mkdir()
        (self.bin / "mount.nfs").write_text(STUB.format(export=self.export))
        (self.bin / "mount.nfs").chmod(0o755)
        config = self.where / "kubeconfig"
        with (self.where / "api.log").open("wb") as out:
            self.api = subprocess.Popen(
                [str(our("orlop-apiserver")), f"--data-dir={self.where}/api", "--listen=127.0.0.1:0",
                 f"--kubeconfig-out={config}"], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.kubectl = Kubectl(config, self.where)
        self.process = None
        until(lambda: config.exists() and "ok" in self.kubectl("get", "--raw", "/readyz"), "the API")

    def start(self, **env):
        argv = [our("orlop-node"), f"--kubeconfig={self.where}/kubeconfig", "--node-name=n1",
                f"--root-dir={self.root}", f"--pod-logs-dir={self.where}/logs", "--debug",
                f"--container-runtime-endpoint={self.runtime or self.where / 'none.sock'}"]
        self.process = self.space.popen(*argv, log=self.where / "node.log",
                                        env={"PATH": f"{self.bin}:{os.environ['PATH']}", **env})
        if env:
            return self
        until(lambda: self.kubectl.get("node", "n1")["status"]["conditions"], "the node")
        return self

    def inner_pid(self):
        """orlop-node itself: nsenter forks before it."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else self.process.pid

    def end(self, how=signal.SIGTERM):
        os.kill(self.inner_pid(), how)
        self.process.wait(20)

    def log(self):
        return (self.where / "node.log").read_text(errors="replace")[-5000:]

    def until(self, ready, what):
        try:
            return until(ready, what, 30)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.log()}") from None

    def uid(self, name):
        return self.kubectl.get("pod", name)["metadata"]["uid"]

    def volume(self, name, kind, volume):
        return self.root / "pods" / self.uid(name) / "volumes" / f"kubernetes.io~{kind}" / volume

    def mounts(self):
        return self.space.mounts(self.root)

    def gone(self, name):
        self.until(lambda: self.kubectl.run("get", "pod", name, check=False).returncode != 0,
                   f"the end of pod {name}")

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self.api.terminate()
        self.api.wait(10)


@pytest.fixture
def node(tmp_path):
    with Space() as space:
        n = Node(tmp_path, space).start()
        try:
            yield n
        finally:
            n.close()


@pytest.mark.demands("V4", "V25")
def test_volumes_come_without_a_runtime_and_the_pod_says_so(node):
    (node.export / "f").write_text("from the server")
    node.kubectl("create", "configmap", "cfg", "--from-literal=a=1")
    node.kubectl.apply(pod("p", "{name: nf, nfs: {server: s, path: /e}}, {name: c, configMap: {name: cfg}}",
                           "{name: nf, mountPath: /n}, {name: c, mountPath: /c}"))
    where = node.volume("p", "nfs", "nf")
    node.until(lambda: str(where) in node.mounts(), "the NFS mount")
    assert (node.space.path(where) / "f").read_text() == "from the server"
    config = node.space.path(node.volume("p", "configmap", "c"))
    node.until(lambda: (config / "a").exists() and (config / "a").read_text() == "1",
               "the file of the ConfigMap")
    ready = node.until(lambda: [c for c in node.kubectl.get("pod", "p")["status"]["conditions"]
                                if c["type"] == "Ready"], "the condition")[0]
    assert (ready["status"], ready["reason"]) == ("False", "NoContainerRuntime")
    node.kubectl("delete", "pod", "p", "--wait=false")
    node.gone("p")
    assert node.mounts() == []
    assert (node.export / "f").read_text() == "from the server"
    node.until(lambda: not list(node.root.glob("pods/*")), "the end of the pod's directory")


@pytest.mark.demands("V25")
def test_a_dead_server_stops_nobody_else(node):
    node.kubectl.apply(pod("dead", "{name: d, nfs: {server: dead, path: /e}}", "{name: d, mountPath: /d}"))
    node.until(lambda: node.volume("dead", "nfs", "d").is_dir() or node.space.path(
        node.volume("dead", "nfs", "d")).is_dir(), "the try")
    begun = time.monotonic()
    node.kubectl.apply(pod("alive", "{name: a, nfs: {server: s, path: /e}}", "{name: a, mountPath: /a}"))
    node.until(lambda: str(node.volume("alive", "nfs", "a")) in node.mounts(), "the mount of the other")
    assert time.monotonic() - begun < 5
    node.kubectl("delete", "pod", "alive", "--wait=false")
    node.gone("alive")


@pytest.mark.demands("V29")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_keeps_what_is_wanted_and_removes_the_rest(node, how):
    for name in ("stays", "goes"):
        node.kubectl.apply(pod(name, "{name: v, nfs: {server: s, path: /e}}", "{name: v, mountPath: /v}"))
        node.until(lambda: str(node.volume(name, "nfs", "v")) in node.mounts(), f"the mount of {name}")
    stays, goes = (str(node.volume(n, "nfs", "v")) for n in ("stays", "goes"))
    node.end(how)
    node.kubectl("delete", "pod", "goes", "--force", "--grace-period=0")
    assert sorted(node.mounts()) == sorted([stays, goes])
    node.start()
    node.until(lambda: goes not in node.mounts(), "the end of the mount of the pod that is gone")
    assert node.mounts().count(stays) == 1


def killed_at_each_change(node, is_done):
    """Starts orlop-node with a kill at its 1st, 2nd, 3rd … change until it gets through; how many kills."""
    for n in range(1, 100):
        node.start(ORLOP_KILL_AT=str(n))
        until(lambda: node.process.poll() is not None or is_done(), f"the kill at change {n}", 20)
        if node.process.poll() is None:
            time.sleep(0.3)  # what is left to be killed at
        if node.process.poll() is None:
            return n - 1
    raise AssertionError("orlop-node does not get through")


@pytest.mark.demands("V28", "V29")
def test_killed_at_any_change_the_next_start_ends_in_the_same_state(node):
    node.end()
    node.kubectl("create", "configmap", "cfg", "--from-literal=a=1")
    node.kubectl.apply(pod("p", "{name: nf, nfs: {server: s, path: /e}}, {name: c, configMap: {name: cfg}},"
                           "{name: m, emptyDir: {medium: Memory}}",
                           "{name: nf, mountPath: /n}, {name: c, mountPath: /c}, {name: m, mountPath: /m}"))
    wanted = sorted(str(node.volume("p", *v)) for v in (("nfs", "nf"), ("empty-dir", "m")))
    config = node.space.path(node.volume("p", "configmap", "c")) / "a"
    assert killed_at_each_change(node, lambda: sorted(node.mounts()) == wanted and config.exists()) > 2
    assert config.read_text() == "1"
    node.end()
    node.kubectl("delete", "pod", "p", "--wait=false")
    assert killed_at_each_change(
        node, lambda: node.kubectl.run("get", "pod", "p", check=False).returncode != 0) > 1
    assert node.mounts() == []
    node.until(lambda: not list(node.root.glob("pods/*")), "the end of the pod's directory")


def test_files_belong_to_the_pods_group(node):
    node.kubectl.apply(pod("p", "{name: e, emptyDir: {}}", "{name: e, mountPath: /e}",
                           more="securityContext: {fsGroup: 4711}"))
    where = node.space.path(node.volume("p", "empty-dir", "e"))
    node.until(lambda: where.exists() and where.stat().st_gid == 4711, "the group")
    assert where.stat().st_mode & 0o7770 == 0o2770


def test_a_missing_config_map_is_told_and_comes_later(node):
    node.kubectl.apply(pod("p", "{name: c, configMap: {name: late}}", "{name: c, mountPath: /c}"))
    node.until(lambda: 'MountVolume.SetUp failed for volume "c" : configmap "late" not found'
               in node.kubectl.events("p", "FailedMount"), "the event")
    node.kubectl("create", "configmap", "late", "--from-literal=a=1")
    config = node.space.path(node.volume("p", "configmap", "c"))
    node.until(lambda: (config / "a").exists() and (config / "a").read_text() == "1", "the file")


def test_a_block_device_is_formatted_once_and_shared(node, tmp_path):
    disk = tmp_path / "disk"
    with disk.open("wb") as f:
        f.truncate(64 << 20)
    loop = subprocess.run(["losetup", "-f", "--show", str(disk)], capture_output=True, text=True,
                          check=True).stdout.strip()
    try:
        node.kubectl.apply(f"""\
apiVersion: v1
kind: PersistentVolume
metadata: {{name: local-1}}
spec:
  capacity: {{storage: 64Mi}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  local: {{path: {loop}}}
  claimRef: {{namespace: default, name: c}}
  nodeAffinity: {{required: {{nodeSelectorTerms: [{{matchExpressions: [
    {{key: kubernetes.io/hostname, operator: In, values: [n1]}}]}}]}}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: c}}
spec:
  accessModes: [ReadWriteOnce]
  volumeName: local-1
  resources: {{requests: {{storage: 64Mi}}}}
""")
        uid = node.kubectl.get("pvc", "c")["metadata"]["uid"]
        node.kubectl("patch", "pv", "local-1", "-p", f'{{"spec": {{"claimRef": {{"uid": "{uid}"}}}}}}')
        bound = node.kubectl.get("pvc", "c")
        bound["status"] = {"phase": "Bound"}
        node.kubectl("replace", "--raw=/api/v1/namespaces/default/persistentvolumeclaims/c/status", "-f", "-",
                     text=json.dumps(bound))
        claim = "{name: v, persistentVolumeClaim: {claimName: c}}"
        for name in ("a", "b"):
            node.kubectl.apply(pod(name, claim, "{name: v, mountPath: /v}"))
            where = node.volume(name, "local-volume", "local-1")
            node.until(lambda: str(where) in node.mounts(), f"the mount in {name}")
        (node.space.path(node.volume("a", "local-volume", "local-1")) / "note").write_text("one disk")
        assert (node.space.path(where) / "note").read_text() == "one disk"
        device = str(node.root / "plugins/kubernetes.io/local-volume/mounts/local-1")
        assert node.mounts().count(device) == 1
        node.kubectl("delete", "pod", "a", "b", "--wait=false")
        node.gone("a")
        node.gone("b")
        node.until(lambda: node.mounts() == [], "the end of the device's mount")
    finally:
        subprocess.run(["losetup", "-d", loop], check=False)


# --- with containers ---


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    where = tmp_path_factory.mktemp("pods")
    with Space() as space:
        try:
            runtime = Containerd(space, where / "cd").__enter__()
        except SupportError as e:
            pytest.skip(str(e))
        runtime.add_image("local/busybox:1")
        n = Node(where, space, runtime.socket).start()
        try:
            yield n
        finally:
            n.close()
            runtime.__exit__()


def phase(node, name):
    return node.kubectl.phase("pod", name)


def waiting(node, name):
    state = node.kubectl.get("pod", name)["status"]["containerStatuses"][0]["state"]
    return state.get("waiting", {}).get("reason")


@pytest.mark.demands("V4", "V7")
def test_a_container_works_in_its_volume(machine):
    machine.kubectl.apply(pod("web", "{name: nf, nfs: {server: s, path: /e}}", "{name: nf, mountPath: /data}",
                              "echo $$ > /data/from-pod; sleep 1000"))
    machine.until(lambda: phase(machine, "web") == "Running", "the pod")
    machine.until(lambda: (machine.export / "from-pod").exists(), "what the container writes")
    status = machine.kubectl.get("pod", "web")["status"]
    assert status["podIP"] == status["hostIP"]
    assert {c["type"]: c["status"] for c in status["conditions"]}["Ready"] == "True"
    assert status["containerStatuses"][0]["containerID"].startswith("containerd://")
    machine.kubectl("delete", "pod", "web", "--wait=false")
    machine.gone("web")
    assert machine.mounts() == []


def test_a_pod_that_ends_says_how(machine):
    machine.kubectl.apply(pod("good", "", "", "true", "restartPolicy: Never"))
    machine.kubectl.apply(pod("bad", "", "", "exit 3", "restartPolicy: Never"))
    machine.until(lambda: phase(machine, "good") == "Succeeded", "the end of the good one")
    machine.until(lambda: phase(machine, "bad") == "Failed", "the end of the bad one")
    ended = machine.kubectl.get("pod", "bad")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    machine.kubectl("delete", "pod", "good", "bad", "--wait=false")
    machine.gone("good")
    machine.gone("bad")


def test_a_container_that_crashes_is_started_again_and_waits_longer(machine):
    machine.kubectl.apply(pod("crash", "", "", "exit 1"))
    machine.until(lambda: waiting(machine, "crash") == "CrashLoopBackOff", "the waiting")
    assert machine.kubectl.get("pod", "crash")["status"]["containerStatuses"][0]["restartCount"] >= 1
    assert phase(machine, "crash") == "Running"
    assert any("Back-off restarting failed container main" in m
               for m in machine.kubectl.events("crash", "BackOff"))
    machine.kubectl("delete", "pod", "crash", "--wait=false")
    machine.gone("crash")


def test_an_image_that_is_not_here_is_told(machine):
    machine.kubectl.apply(pod("no-image", "", "").replace("local/busybox:1", "local/none:1"))
    machine.until(lambda: waiting(machine, "no-image") == "ErrImageNeverPull", "the reason")
    machine.kubectl("delete", "pod", "no-image", "--wait=false")
    machine.gone("no-image")


def test_init_containers_come_first(machine):
    text = pod("init", "{name: e, emptyDir: {}}", "{name: e, mountPath: /e}", "cat /e/first && sleep 1000")
    text += """\
  initContainers:
  - name: first
    image: local/busybox:1
    imagePullPolicy: Never
    command: ["/bin/sh", "-c", "sleep 1; echo made > /e/first"]
    volumeMounts: [{name: e, mountPath: /e}]
"""
    machine.kubectl.apply(text)
    machine.until(lambda: phase(machine, "init") == "Running", "the pod")
    machine.kubectl("delete", "pod", "init", "--wait=false")
    machine.gone("init")


def test_a_part_of_a_volume_cannot_lead_out_of_it(machine):
    (machine.export / "part").mkdir(exist_ok=True)
    (machine.export / "way-out").symlink_to("/etc")
    nfs = "{name: nf, nfs: {server: s, path: /e}}"
    machine.kubectl.apply(pod("inside", nfs, "{name: nf, mountPath: /d, subPath: part}",
                              "echo x > /d/in-part; sleep 1000"))
    machine.kubectl.apply(pod("outside", nfs, "{name: nf, mountPath: /d, subPath: way-out}"))
    machine.until(lambda: (machine.export / "part/in-part").exists(), "what was written in the part")
    machine.until(lambda: waiting(machine, "outside") == "CreateContainerConfigError", "the refusal")
    machine.kubectl("delete", "pod", "inside", "outside", "--wait=false")
    machine.gone("inside")
    machine.gone("outside")
    assert machine.mounts() == []


@pytest.mark.demands("V29")
def test_containers_and_their_volumes_survive_the_node(machine):
    """The pod is deleted while orlop-node is not there: its volume stays until its container has ended."""
    beat = machine.export / "beat"
    machine.kubectl.apply(pod("long", "{name: nf, nfs: {server: s, path: /e}}", "{name: nf, mountPath: /d}",
                              "while true; do echo x >> /d/beat; sleep 0.2; done"))
    machine.until(beat.exists, "the first beat")
    machine.end(signal.SIGKILL)
    machine.kubectl("delete", "pod", "long", "--force", "--grace-period=0")
    size = beat.stat().st_size
    machine.until(lambda: beat.stat().st_size > size, "another beat")
    machine.start()
    machine.until(lambda: machine.mounts() == [], "the end of the mount")
    size = beat.stat().st_size
    time.sleep(0.6)
    assert beat.stat().st_size == size
