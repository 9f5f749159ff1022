# SPDX-License-Identifier: Apache-2.0
"""kubectl as people use it, of Debian 12, 13 and sid, against orlop-apiserver."""

import json
import os
import re
import stat
import subprocess
import time

import pytest

from support.apiserver import KUBECTLS, ApiServer, kubectl_of
from support.debs import SupportError
from support.cluster import until

PV = """\
apiVersion: v1
kind: PersistentVolume
metadata: {name: nfs-pv, labels: {tier: gold}}
spec:
  capacity: {storage: 10Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  nfs: {server: 192.168.4.1, path: /nfs_storage}
"""
PVC = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: nfs-pvc}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Gi}}
"""
CLASS = """\
kind: StorageClass
apiVersion: storage.k8s.io/v1
metadata: {name: nfs-sc}
provisioner: example.com/nfs
mountOptions: [vers=4.1]
"""


def config_map(name, **labels):
    meta = {"name": name, "labels": labels} if labels else {"name": name}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}})


@pytest.fixture(scope="module", params=KUBECTLS)
def server(request, tmp_path_factory):
    try:
        program = kubectl_of(request.param)
    except SupportError as e:
        pytest.skip(f"the kubectl of {request.param} can't be had: {str(e).splitlines()[0]}")
    with ApiServer(tmp_path_factory.mktemp("api"), kubectl=program) as server:
        yield server


@pytest.fixture
def kubectl(server):
    yield server.kubectl
    server.kubectl("delete", "pvc,cm", "--all", "--wait=false")
    for kind in ("pvc", "pv"):
        for name in server.kubectl("get", kind, "-o", "name").split():
            server.kubectl.run("patch", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}', check=False)
    server.kubectl("delete", "pv,sc", "--all", "--wait=false")
    for name in server.kubectl("get", "pv", "-o", "name").split():
        server.kubectl.run("patch", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}', check=False)


def test_volumes_are_shown_in_every_form(kubectl):
    kubectl.apply(PV + "---\n" + PVC + "---\n" + CLASS)
    table = kubectl("get", "pv")
    assert re.match(r"NAME +CAPACITY +ACCESS MODES +RECLAIM POLICY +STATUS +CLAIM +STORAGECLASS", table)
    assert re.search(r"nfs-pv +10Gi +RWO +Retain +Pending", table)
    assert re.match(r"NAME +STATUS +VOLUME +CAPACITY +ACCESS MODES +STORAGECLASS", kubectl("get", "pvc"))
    assert "VOLUMEMODE" in kubectl("get", "pv", "-o", "wide")
    assert kubectl("get", "pv", "-o", "name").strip() == "persistentvolume/nfs-pv"
    assert kubectl("get", "pv", "nfs-pv", "-o", "jsonpath={.spec.nfs.server}") == "192.168.4.1"
    assert "server: 192.168.4.1" in kubectl("get", "pv", "nfs-pv", "-o", "yaml")
    assert kubectl("get", "pv", "-o", "custom-columns=N:.metadata.name", "--no-headers").strip() == "nfs-pv"
    assert kubectl("get", "pv", "--show-labels", "--no-headers").strip().endswith("tier=gold")
    assert "nfs-sc" in kubectl("get", "sc,pv,pvc")
    assert "nfs-pvc" in kubectl("get", "pvc", "-A")
    assert kubectl("get", "sc", "nfs-sc", "-o", "jsonpath={.reclaimPolicy} {.volumeBindingMode}") == "Delete Immediate"


def test_what_is_created_has_defaults_and_finalizers(kubectl):
    kubectl.apply(PV + "---\n" + PVC)
    pv, pvc = kubectl.get("pv", "nfs-pv"), kubectl.get("pvc", "nfs-pvc")
    assert pv["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
    assert pvc["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert pv["spec"]["volumeMode"] == pvc["spec"]["volumeMode"] == "Filesystem"
    assert pv["status"]["phase"] == pvc["status"]["phase"] == "Pending"
    assert pv["status"]["lastPhaseTransitionTime"]
    assert "storageClassName" not in pvc["spec"]


def test_claims_without_class_get_the_newest_default(kubectl):
    for name in ("b-old", "a-new"):
        kubectl.apply(CLASS.replace("{name: nfs-sc}", "{name: %s, annotations: "
                                    '{storageclass.kubernetes.io/is-default-class: "true"}}' % name))
        time.sleep(1.1)
    kubectl.apply(PVC)
    assert kubectl.get("pvc", "nfs-pvc")["spec"]["storageClassName"] == "a-new"


def test_claims_grow_only_when_bound_and_allowed(kubectl):
    kubectl.apply(CLASS)
    kubectl.apply(PVC.replace("spec:", "spec:\n  storageClassName: nfs-sc"))
    more = '{"spec":{"resources":{"requests":{"storage":"20Gi"}}}}'
    assert "forbidden" in kubectl.run("patch", "pvc", "nfs-pvc", "-p", more, check=False).stderr
    status = {"status": {"phase": "Bound", "capacity": {"storage": "10Gi"}}}
    path = "/api/v1/namespaces/default/persistentvolumeclaims/nfs-pvc"
    server_patch(kubectl, path + "/status", status)
    refused = kubectl.run("patch", "pvc", "nfs-pvc", "-p", more, check=False).stderr
    assert ("only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
            "must support resize") in refused
    kubectl("patch", "sc", "nfs-sc", "-p", '{"allowVolumeExpansion":true}')
    kubectl("patch", "pvc", "nfs-pvc", "-p", more)


def server_patch(kubectl, path, patch):
    kubectl.server.ask("PATCH", path, patch, {"Content-Type": "application/merge-patch+json"})


@pytest.fixture(autouse=True)
def _server_of_kubectl(server):
    server.kubectl.server = server


def test_describe_tells_of_events(kubectl):
    kubectl.apply(PVC)
    uid = kubectl.get("pvc", "nfs-pvc")["metadata"]["uid"]
    kubectl("create", "-f", "-", text=json.dumps({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "nfs-pvc.1"}, "type": "Normal",
        "reason": "FailedBinding", "message": "no persistent volumes available",
        "involvedObject": {"kind": "PersistentVolumeClaim", "namespace": "default", "name": "nfs-pvc", "uid": uid},
        "source": {"component": "persistentvolume-controller"}, "count": 1,
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z"}))
    text = kubectl("describe", "pvc", "nfs-pvc")
    assert re.search(r"Status: +Pending", text)
    assert re.search(r"FailedBinding .* persistentvolume-controller +no persistent volumes available", text)
    kubectl("delete", "events", "--all")


def test_apply_merges_and_removes(kubectl):
    kubectl.apply(config_map("c", x="1"))
    kubectl("label", "cm", "c", "mine=1")
    kubectl.apply(config_map("c", y="2"))
    labels = kubectl.get("cm", "c")["metadata"]["labels"]
    assert labels == {"mine": "1", "y": "2"}
    assert "unchanged" in kubectl.apply(config_map("c", y="2"))


def test_server_side_apply_knows_who_holds_what(kubectl):
    kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", text=config_map("c"))
    other = config_map("c").replace('"b"', '"z"')
    refused = kubectl.run("apply", "--server-side", "--field-manager=two", "-f", "-", text=other, check=False)
    assert refused.returncode and 'conflict with "one"' in refused.stderr and ".data.a" in refused.stderr
    kubectl("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", text=other)
    assert kubectl.get("cm", "c")["data"] == {"a": "z"}


@pytest.mark.parametrize("kind, patch", [
    ("strategic", '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'),
    ("merge", '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'),
    ("json", '[{"op":"replace","path":"/spec/persistentVolumeReclaimPolicy","value":"Delete"}]'),
])
def test_patches_of_each_type(kubectl, kind, patch):
    kubectl.apply(PV)
    kubectl("patch", "pv", "nfs-pv", f"--type={kind}", "-p", patch)
    assert kubectl.get("pv", "nfs-pv")["spec"]["persistentVolumeReclaimPolicy"] == "Delete"


def test_edit_replace_label_annotate(kubectl, tmp_path):
    kubectl.apply(PV)
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/Retain/Recycle/" "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run([str(kubectl.program), f"--kubeconfig={kubectl.config}", "edit", "pv", "nfs-pv"],
                          capture_output=True, text=True, timeout=60,
                          env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "KUBE_EDITOR": str(editor)})
    assert done.returncode == 0, done.stderr
    kubectl("label", "pv", "nfs-pv", "a=b", "tier-")
    kubectl("annotate", "pv", "nfs-pv", "note=hello world")
    pv = kubectl.get("pv", "nfs-pv")
    assert pv["spec"]["persistentVolumeReclaimPolicy"] == "Recycle"
    assert pv["metadata"]["labels"] == {"a": "b"}
    assert pv["metadata"]["annotations"]["note"] == "hello world"
    pv["metadata"]["labels"]["a"] = "c"
    kubectl("replace", "-f", "-", text=json.dumps(pv))
    refused = kubectl.run("replace", "-f", "-", text=json.dumps(pv), check=False)
    assert "the object has been modified; please apply your changes to the latest version and try again" in refused.stderr


def test_deletion_waits_for_finalizers(kubectl):
    kubectl.apply(PVC)
    kubectl("delete", "pvc", "nfs-pvc", "--wait=false")
    pvc = kubectl.get("pvc", "nfs-pvc")
    assert pvc["metadata"]["deletionTimestamp"]
    assert "Terminating" in kubectl("get", "pvc", "nfs-pvc")
    with subprocess.Popen([str(kubectl.program), f"--kubeconfig={kubectl.config}", "wait", "--for=delete",
                           "pvc/nfs-pvc", "--timeout=20s"], stdout=subprocess.DEVNULL) as waiting:
        time.sleep(0.3)
        kubectl("patch", "pvc", "nfs-pvc", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        assert waiting.wait(20) == 0
    assert "NotFound" in kubectl.run("get", "pvc", "nfs-pvc", check=False).stderr


def test_watch_shows_changes(kubectl):
    kubectl.apply(config_map("c"))
    with subprocess.Popen([str(kubectl.program), f"--kubeconfig={kubectl.config}", "get", "cm", "c", "-w",
                           "--no-headers"], stdout=subprocess.PIPE, text=True) as watching:
        assert re.match(r"c +1 ", watching.stdout.readline())
        kubectl("patch", "cm", "c", "-p", '{"data":{"x":"y"}}')
        assert re.match(r"c +2 ", watching.stdout.readline())
        watching.terminate()
        watching.wait(10)


def test_selectors_and_pages(kubectl):
    for i in range(12):
        kubectl.apply(config_map(f"c{i:02}", parity="odd" if i % 2 else "even"))
    assert len(kubectl.items("cm", "-l", "parity=odd")) == 6
    assert len(kubectl.items("cm", "-l", "parity in (odd,even),parity!=odd")) == 6
    assert len(kubectl.items("cm", "--field-selector", "metadata.name=c03")) == 1
    paged = kubectl("get", "cm", "--chunk-size=5", "--no-headers").splitlines()
    assert [l.split()[0] for l in paged] == [f"c{i:02}" for i in range(12)]
    refused = kubectl.run("get", "cm", "--field-selector", "data.a=b", check=False)
    assert "field label not supported: data.a" in refused.stderr


def test_dry_run_changes_nothing(kubectl):
    kubectl("apply", "--dry-run=server", "-f", "-", text=PV)
    assert "NotFound" in kubectl.run("get", "pv", "nfs-pv", check=False).stderr
    kubectl.apply(PV)
    kubectl("apply", "--dry-run=server", "-f", "-", text=PV.replace("Retain", "Delete"))
    kubectl("delete", "pv", "nfs-pv", "--dry-run=server")
    pv = kubectl.get("pv", "nfs-pv")
    assert pv["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert "deletionTimestamp" not in pv["metadata"]


def test_wrong_objects_are_refused_with_their_fields(kubectl):
    bad = kubectl.run("create", "--validate=false", "-f", "-", text=PV.replace("[ReadWriteOnce]", "[Nope]"),
                      check=False)
    assert bad.returncode and "spec.accessModes" in bad.stderr and "invalid" in bad.stderr
    kubectl("create", "-f", "-", text=config_map("twice"))
    twice = kubectl.run("create", "-f", "-", text=config_map("twice"), check=False)
    assert 'configmaps "twice" already exists' in twice.stderr
    nowhere = kubectl.run("create", "-n", "nowhere", "-f", "-", text=PVC, check=False)
    assert 'namespaces "nowhere" not found' in nowhere.stderr
    unknown = kubectl.run("apply", "-f", "-", text=PV + "  colour: red\n", check=False)
    assert unknown.returncode and "colour" in unknown.stderr


def test_namespaces_go_with_what_is_in_them(kubectl):
    kubectl("create", "namespace", "room")
    kubectl("create", "configmap", "c", "-n", "room", "--from-literal=a=b")
    kubectl("create", "secret", "generic", "s", "-n", "room", "--from-literal=a=b")
    kubectl("delete", "namespace", "room")
    assert "room" not in kubectl("get", "ns")
    kubectl("create", "namespace", "room")
    assert kubectl.items("cm,secret", "-n", "room") == []
    kubectl("delete", "namespace", "room")
    assert "this namespace may not be deleted" in kubectl.run("delete", "ns", "default", check=False).stderr


def test_questions_about_the_server(kubectl):
    assert kubectl("auth", "can-i", "create", "pv").strip() == "yes"
    assert "Server Version" in kubectl("version")
    assert kubectl("get", "--raw", "/readyz").strip() == "ok"
    resources = kubectl("api-resources")
    assert re.search(r"^persistentvolumeclaims +pvc ", resources, re.M)
    assert re.search(r"^storageclasses +sc ", resources, re.M)
    assert "storage.k8s.io/v1" in kubectl("api-versions")
    assert "capacity" in kubectl("explain", "pv.spec")
    assert "nfs" in kubectl("explain", "persistentvolume.spec.nfs")
    assert "apiserver_storage_objects" in kubectl("get", "--raw", "/metrics")


def test_pods_are_bound_and_leave_gracefully(kubectl):
    kubectl("run", "p", "--image=busybox", "--restart=Never")
    server = kubectl.server
    path = "/api/v1/namespaces/default/pods/p"
    assert server.ask("POST", path + "/binding", {"target": {"kind": "Node", "name": "n1"}})[0] == 201
    status, answer = server.ask("POST", path + "/binding", {"target": {"kind": "Node", "name": "n2"}})
    assert (status, answer["reason"]) == (409, "Conflict")
    assert kubectl.get("pod", "p")["spec"]["nodeName"] == "n1"
    kubectl("delete", "pod", "p", "--wait=false")
    pod = kubectl.get("pod", "p")["metadata"]
    assert pod["deletionGracePeriodSeconds"] == 30
    kubectl("delete", "pod", "p", "--grace-period=0", "--force")
    until(lambda: "NotFound" in kubectl.run("get", "pod", "p", check=False).stderr)
