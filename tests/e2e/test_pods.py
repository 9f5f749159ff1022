# SPDX-License-Identifier: Apache-2.0
"""
Pods with containers, as kubectl's users see them: 'orlop up' and containerd in namespaces of their own, our
driver's volumes on real loop devices. Containers write to the directory /out, a hostPath, what they see.
"""

import os
import signal
import time

import pytest

from support.cluster import has_root
from support.containerd import Containerd, Space
from support.debs import SupportError
from support.loops import release_loops
from support.space_cluster import SpaceCluster
from test_article import POD as ARTICLE_POD
from test_article import STATIC as ARTICLE_STATIC
from test_article import STUB as MOUNT_NFS
from test_volumes import bound, claim, remove, storage_class

pytestmark = pytest.mark.skipif(not has_root(), reason="only root can mount volumes")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    where = tmp_path_factory.mktemp("pods")
    for name in ("export", "tools", "out"):
        (where / name).mkdir()
    (where / "out").chmod(0o777)
    (where / "export/index").write_text("from the server")
    stub = where / "tools/mount.nfs"
    stub.write_text(MOUNT_NFS.format(log=where / "mounts", export=where / "export"))
    stub.chmod(0o755)
    try:
        with Space() as space:
            try:
                runtime = Containerd(space, where / "cd").__enter__()
            except SupportError as e:
                pytest.skip(str(e))
            runtime.add_image("library/nginx:alpine", ("/bin/sleep", "100000"))
            runtime.add_image("local/busybox:1")
            with SpaceCluster(space, where, f"--containerd={runtime.socket}",
                              env={"PATH": f"{where / 'tools'}:{os.environ['PATH']}"}) as cluster:
                cluster.runtime = runtime
                cluster.kubectl.apply(storage_class("late", mode="WaitForFirstConsumer") + "---\n"
                                      + storage_class("now"))
                yield cluster
                assert cluster.stop() == 0
            runtime.__exit__()
    finally:
        release_loops(where)


def volume_of(name):
    return f"{{name: data, persistentVolumeClaim: {{claimName: {name}}}}}"


DATA = "{name: data, mountPath: /data}"


def pod(machine, name, command="sleep 100000", volumes="", mounts=DATA, **more):
    """A pod of one container with /out; 'volumes' are further ones, 'pod' and 'container' further members."""
    return f"""\
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  terminationGracePeriodSeconds: {more.get("grace", 1)}
  {more.get("pod", "")}
  volumes: [{{name: out, hostPath: {{path: {machine.where}/out}}}}{", " + volumes if volumes else ""}]
  containers:
  - name: main
    image: local/busybox:1
    imagePullPolicy: Never
    command: ["/bin/sh", "-c", {command!r}]
    volumeMounts: [{{name: out, mountPath: /out}}{", " + mounts if volumes and mounts else ""}]
    {more.get("container", "")}
"""


def said(machine, name):
    """What a container has written to /out/NAME, complete."""
    path = machine.where / "out" / name
    return machine.until(lambda: path.exists() and path.read_text().endswith("\n") and path.read_text(),
                         f"what a container says in {name}").rstrip("\n")


def is_running(machine, name):
    machine.until(lambda: machine.kubectl.phase("pod", name) == "Running", f"the running of {name}")


def state(machine, name):
    return machine.kubectl.get("pod", name)["status"]["containerStatuses"][0]


def unused(machine, volume):
    machine.until(lambda: not [m for m in machine.mounts() if volume in m], f"the end of {volume}'s mounts")


def clear(machine, claim_name, *pods):
    """Pods go before their claim, and the device is released before the volume is deleted."""
    volume = bound(machine, claim_name)
    for name in pods:
        machine.kubectl("delete", "pod", name, "--wait=false")
    for name in pods:
        remove(machine, "pod", name)
    unused(machine, volume)
    device = f"{machine.data}/node/plugins/"
    machine.until(lambda: not [m for m in machine.mounts() if m.startswith(device)], "the device's release")
    remove(machine, "pvc", claim_name, "pv", volume)


def row(machine, name):
    return machine.kubectl("get", "pod", name, "--no-headers").split()


@pytest.mark.demands("V4", "V7", "V28")
def test_the_articles_pod_runs_as_printed(machine):
    k = machine.kubectl
    k.apply(ARTICLE_STATIC + "---\n" + ARTICLE_POD)
    is_running(machine, "test-nfs")
    assert row(machine, "test-nfs")[:4] == ["test-nfs", "1/1", "Running", "0"]
    container = state(machine, "test-nfs")["containerID"].removeprefix("containerd://")
    seen = machine.runtime.ctr("tasks", "exec", "--exec-id=see", container, "/bin/cat", "/data/index")
    assert seen == "from the server"
    assert {"Scheduled", "Pulled", "Created", "Started"} <= {
        e["reason"] for e in k.items("events", "--field-selector", "involvedObject.name=test-nfs")}
    k("delete", "pod", "test-nfs", "--grace-period=1", timeout=30)
    remove(machine, "pvc", "nfs-pvc")
    machine.until(lambda: k.phase("pv", "nfs-pv") == "Released", "the release")
    assert (machine.where / "export/index").exists()
    unused(machine, "nfs-pv")
    remove(machine, "pv", "nfs-pv")


@pytest.mark.demands("V7", "V12", "V26")
def test_what_a_container_writes_the_next_one_reads(machine):
    k = machine.kubectl
    k.apply(claim("notes", "late") + "---\n"
            + pod(machine, "writer", "echo kept > /data/note && echo done > /out/writer", volume_of("notes"),
                  pod="restartPolicy: Never"))
    volume = bound(machine, "notes")
    machine.until(lambda: k.phase("pod", "writer") == "Succeeded", "the writer's end")
    assert row(machine, "writer")[1:3] == ["0/1", "Completed"]
    # A pod that is over holds no volume.
    unused(machine, volume)
    k.apply(pod(machine, "reader", "cat /data/note > /out/reader", volume_of("notes"), pod="restartPolicy: Never"))
    assert said(machine, "reader") == "kept"
    clear(machine, "notes", "writer", "reader")


@pytest.mark.demands("V26", "V27")
def test_two_pods_share_a_volume_that_is_mounted_once(machine):
    k = machine.kubectl
    k.apply(claim("both", "late") + "---\n"
            + pod(machine, "left", "echo left > /data/left; sleep 100000", volume_of("both")) + "---\n"
            + pod(machine, "right", "while ! test -e /data/left; do sleep 0.1; done; cat /data/left > /out/right;"
                                    "sleep 100000", volume_of("both")))
    assert said(machine, "right") == "left"
    volume = bound(machine, "both")
    devices = [m for m in machine.mounts() if m.endswith("/globalmount")]
    assert len(devices) == len(set(devices)) == 1
    assert len([m for m in machine.mounts() if "/pods/" in m and f"/{volume}/mount" in m]) == 2
    remove(machine, "pod", "left")
    assert [m for m in machine.mounts() if m.endswith("/globalmount")] == devices
    assert k.phase("pod", "right") == "Running"
    clear(machine, "both", "right")
    assert not [m for m in machine.mounts() if m.endswith("/globalmount")]


@pytest.mark.demands("V8")
def test_a_block_volume_is_a_device_in_the_container(machine):
    k = machine.kubectl
    k.apply(claim("disk", "now", volume_mode="Block") + "---\n"
            + pod(machine, "disk", "test -b /dev/data && echo written > /tmp/n && dd if=/tmp/n of=/dev/data conv=fsync"
                                   " && dd if=/dev/data bs=8 count=1 > /tmp/m && cat /tmp/m > /out/disk; echo >> /out/disk;"
                                   "sleep 100000", volume_of("disk"), mounts="",
                  container="volumeDevices: [{name: data, devicePath: /dev/data}]"))
    assert said(machine, "disk") == "written"
    clear(machine, "disk", "disk")


def test_a_container_of_the_group_can_write_and_sees_only_its_part(machine):
    k = machine.kubectl
    k.apply(claim("group", "late") + "---\n"
            + pod(machine, "group", "id > /out/group-id && touch /data/mine && ls -lnd /data > /out/group;"
                                    "sleep 100000", volume_of("group"),
                  mounts="{name: data, mountPath: /data, subPath: part/of}",
                  pod="securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 4711}"))
    volume = bound(machine, "group")
    words = said(machine, "group").split()
    assert words[3] == "4711", words
    assert "4711" in said(machine, "group-id")
    uid = k.get("pod", "group")["metadata"]["uid"]
    whole = next(m for m in machine.mounts() if f"/pods/{uid}/volumes/" in m and volume in m)
    assert machine.path(f"{whole}/part/of/mine").exists()
    clear(machine, "group", "group")


def test_a_container_that_crashes_is_told_by_kubectl(machine):
    k = machine.kubectl
    k.apply(pod(machine, "crash", "exit 3"))
    machine.until(lambda: row(machine, "crash")[2] == "CrashLoopBackOff", "the waiting")
    seen = state(machine, "crash")
    assert seen["restartCount"] >= 1
    assert seen["lastState"]["terminated"]["exitCode"] == 3
    assert int(row(machine, "crash")[3]) == seen["restartCount"]
    assert any("Back-off restarting failed container" in m for m in k.events("crash", "BackOff"))
    remove(machine, "pod", "crash")


def test_a_container_has_its_grace_to_end(machine):
    k = machine.kubectl
    k.apply(pod(machine, "polite", "trap 'sleep 1; echo bye > /out/polite; exit 0' TERM; echo up > /out/polite-up;"
                                   "while true; do sleep 0.1; done", grace=20) + "---\n"
            + pod(machine, "stubborn", "trap '' TERM; while true; do sleep 0.1; done", grace=2))
    said(machine, "polite-up")
    is_running(machine, "stubborn")
    begun = time.monotonic()
    k("delete", "pod", "polite", "--wait=false")
    k("delete", "pod", "stubborn", "--wait=false")
    assert row(machine, "stubborn")[2] == "Terminating"
    remove(machine, "pod", "polite", "pod", "stubborn")
    assert 1 < time.monotonic() - begun < 15
    assert said(machine, "polite") == "bye"


def test_a_stopped_container_keeps_its_own_exit_code(machine):
    """Who ends in time has said how; who has to be killed has the code of SIGKILL."""
    k = machine.kubectl
    held = {"polite": "trap 'exit 7' TERM; echo up > /out/seven-up; while true; do sleep 0.1; done",
            "stubborn": "trap '' TERM; echo up > /out/deaf-up; while true; do sleep 0.1; done"}
    for name, command in held.items():
        k.apply(pod(machine, name, command, grace=2).replace(
            f"{{name: {name}}}", f"{{name: {name}, finalizers: [example.com/look]}}", 1))
    said(machine, "seven-up")
    said(machine, "deaf-up")
    k("delete", "pod", *held, "--wait=false")
    for name, code in (("polite", 7), ("stubborn", 137)):
        machine.until(lambda name=name: "terminated" in state(machine, name)["state"], f"the end of {name}")
        assert state(machine, name)["state"]["terminated"]["exitCode"] == code
        assert state(machine, name)["state"]["terminated"]["reason"] == "Error"
        k("patch", "pod", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    remove(machine, "pod", "polite", "pod", "stubborn")


def test_the_node_says_what_runs_its_containers(machine):
    info = machine.kubectl.get("node", "node-1")["status"]["nodeInfo"]
    name, version = info["containerRuntimeVersion"].split("://")
    assert name == "containerd" and version[0].isdigit()
    assert info["kubeletVersion"].startswith("v1.") and info["systemUUID"] and info["bootID"]


def test_an_image_that_is_missing_is_told(machine):
    k = machine.kubectl
    k.apply(pod(machine, "none").replace("local/busybox:1", "local/none:1"))
    machine.until(lambda: row(machine, "none")[2] == "ErrImageNeverPull", "the reason")
    assert k.phase("pod", "none") == "Pending"
    assert any("local/none:1" in m for m in k.events("none", "ErrImageNeverPull"))
    # The image comes; nobody has to touch the pod.
    machine.runtime.add_image("local/none:1")
    is_running(machine, "none")
    remove(machine, "pod", "none")


def test_settings_and_secrets_are_files(machine):
    k = machine.kubectl
    k("create", "configmap", "settings", "--from-literal=colour=red")
    k("create", "secret", "generic", "key", "--from-literal=word=open")
    k.apply(pod(machine, "files", "cat /c/colour /s/word > /out/files; echo >> /out/files; sleep 100000",
                "{name: c, configMap: {name: settings}}, {name: s, secret: {secretName: key, defaultMode: 0400}}",
                mounts="{name: c, mountPath: /c}, {name: s, mountPath: /s}"))
    assert said(machine, "files") == "redopen"
    uid = k.get("pod", "files")["metadata"]["uid"]
    secret = next(m for m in machine.mounts() if f"/pods/{uid}/volumes/kubernetes.io~secret" in m)
    assert machine.path(f"{secret}/word").stat().st_mode & 0o777 == 0o400
    remove(machine, "pod", "files", "configmap", "settings", "secret", "key")


def test_a_pod_whose_time_is_over_fails(machine):
    k = machine.kubectl
    k.apply(pod(machine, "brief", pod="activeDeadlineSeconds: 2"))
    is_running(machine, "brief")
    machine.until(lambda: k.phase("pod", "brief") == "Failed", "the end of its time")
    status = k.get("pod", "brief")["status"]
    assert status["reason"] == "DeadlineExceeded"
    assert k.events("brief", "DeadlineExceeded")
    remove(machine, "pod", "brief")


@pytest.mark.demands("V29")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_containers_go_on_while_orlop_is_restarted(machine, how):
    k, name = machine.kubectl, f"long-{how.name.lower()}"
    k.apply(claim(name, "late") + "---\n"
            + pod(machine, name, f"while true; do echo x >> /data/beat; cat /data/beat > /out/{name}; sleep 0.2; done",
                  volume_of(name)) + "---\n"
            + pod(machine, f"{name}-ends", f"while ! test -e /out/{name}-end; do sleep 0.1; done",
                  pod="restartPolicy: Never") + "---\n"
            + pod(machine, f"{name}-goes"))
    for each in (name, f"{name}-ends", f"{name}-goes"):
        is_running(machine, each)
    volume, beat = bound(machine, name), machine.where / "out" / name
    said(machine, name)
    before = {n: state(machine, n)["containerID"] for n in (name, f"{name}-ends")}
    mounts = sorted(m for m in machine.mounts() if volume in m or m.endswith("/globalmount"))
    machine.stop() if how == signal.SIGTERM else machine.kill()
    size = beat.stat().st_size
    (machine.where / f"out/{name}-end").touch()
    machine.until(lambda: beat.stat().st_size > size, "the beat without orlop")
    machine.start()
    machine.until(lambda: k.phase("pod", f"{name}-ends") == "Succeeded", "what ended meanwhile")
    machine.until(lambda: row(machine, name)[1:3] == ["1/1", "Running"], "the row of the one that goes on")
    seen = state(machine, name)
    assert (seen["containerID"], seen["restartCount"]) == (before[name], 0)
    assert sorted(m for m in machine.mounts() if volume in m or m.endswith("/globalmount")) == mounts
    size = beat.stat().st_size
    machine.until(lambda: beat.stat().st_size > size, "the beat after the restart")
    clear(machine, name, name, f"{name}-ends", f"{name}-goes")


@pytest.mark.demands("V26")
def test_kubectl_waits_for_a_pod_and_describes_it(machine):
    """Two containers and one that begins, in one volume of the pod's own; a part of it read-only."""
    k = machine.kubectl
    k.apply(pod(machine, "team", "cat /data/first > /out/team; echo no > /data/other; echo $? >> /out/team;"
                                 "sleep 100000", "{name: data, emptyDir: {}}",
                mounts="{name: data, mountPath: /data, readOnly: true}") + """\
  - name: other
    image: local/busybox:1
    imagePullPolicy: Never
    command: ["/bin/sh", "-c", "echo second >> /e/first; sleep 100000"]
    volumeMounts: [{name: data, mountPath: /e}]
  initContainers:
  - name: first
    image: local/busybox:1
    imagePullPolicy: Never
    command: ["/bin/sh", "-c", "echo first > /e/first"]
    volumeMounts: [{name: data, mountPath: /e}]
""")
    k("wait", "--for=condition=Ready", "pod/team", "--timeout=30s")
    assert row(machine, "team")[1] == "2/2"
    machine.until(lambda: said(machine, "team").split()[-1] == "1", "the refusal to write")
    assert said(machine, "team").split()[0] == "first"
    words = k("describe", "pod", "team")
    for each in ("Successfully assigned default/team to node-1", "EmptyDir", "Started container other",
                 "Init Containers:", "Reason:       Completed"):
        assert each in words, words
    # By force: the object goes at once, the containers and the volumes behind it.
    begun = time.monotonic()
    k("delete", "pod", "team", "--force", "--grace-period=0")
    assert time.monotonic() - begun < 5
    machine.until(lambda: not machine.runtime.ctr("tasks", "list", "-q").split(), "the end of the containers")


def test_a_claim_that_is_missing_is_told(machine):
    k = machine.kubectl
    k.apply(pod(machine, "early", volumes=volume_of("to-come")))
    machine.until(lambda: any('persistentvolumeclaim "to-come" not found' in m
                              for m in k.events("early", "FailedScheduling")), "the event")
    assert row(machine, "early")[2] == "Pending"
    k.apply(claim("to-come", "late"))
    is_running(machine, "early")
    clear(machine, "to-come", "early")


@pytest.mark.demands("V29")
def test_a_runtime_that_is_away_for_a_while_changes_nothing(machine):
    k = machine.kubectl
    k.apply(claim("steady", "late") + "---\n"
            + pod(machine, "steady", "while true; do echo x >> /data/beat; cat /data/beat > /out/steady; sleep 0.2; done",
                  volume_of("steady")))
    said(machine, "steady")
    before = state(machine, "steady")["containerID"]
    machine.runtime.stop()
    time.sleep(1)
    size = (machine.where / "out/steady").stat().st_size
    machine.until(lambda: (machine.where / "out/steady").stat().st_size > size, "the beat without containerd")
    assert k.phase("pod", "steady") == "Running"
    k.apply(pod(machine, "waits", "echo here > /out/waits; sleep 100000"))
    machine.runtime.start()
    assert said(machine, "waits") == "here"
    machine.until(lambda: row(machine, "steady")[1:3] == ["1/1", "Running"], "the row")
    assert (state(machine, "steady")["containerID"], state(machine, "steady")["restartCount"]) == (before, 0)
    clear(machine, "steady", "steady", "waits")


def test_without_containerd_the_condition_says_so(tmp_path):
    with Space() as space, SpaceCluster(space, tmp_path, f"--containerd={tmp_path}/none.sock",
                                        "--no-driver") as cluster:
        (tmp_path / "out").mkdir()
        cluster.kubectl.apply(pod(cluster, "idle"))
        ready = cluster.until(lambda: [c for c in cluster.kubectl.get("pod", "idle")["status"]["conditions"]
                                       if c["type"] == "Ready"], "the condition")[0]
        assert (ready["status"], ready["reason"]) == ("False", "NoContainerRuntime")
        assert cluster.kubectl.phase("pod", "idle") == "Pending"
        remove(cluster, "pod", "idle")


@pytest.mark.demands("V29")
def test_nothing_is_left(machine):
    k = machine.kubectl
    assert k.items("pods") == [] and k.items("pv") == []
    machine.until(lambda: machine.mounts() == [], "the end of the mounts")
    assert machine.runtime.ctr("containers", "list", "-q") == ""
