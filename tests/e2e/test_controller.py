# SPDX-License-Identifier: Apache-2.0
"""orlop-volume-controller with one controller: what it does alone, and what probes and Prometheus ask it for."""

import re
import subprocess
import urllib.error
import urllib.request

import pytest

from support.apiserver import ApiServer
from support.cluster import our, until

PAIR = {
    "persistentvolumes": {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "one"},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                 "storageClassName": "slow", "hostPath": {"path": "/srv/one"}}},
    "namespaces/default/persistentvolumeclaims": {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "one"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "slow",
                 "resources": {"requests": {"storage": "1Gi"}}}},
}


def fetch(url):
    """(status, text)"""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


@pytest.fixture
def binder(tmp_path):
    """(the API, the address of the metrics)"""
    log = tmp_path / "controller.log"
    with ApiServer(tmp_path) as server, log.open("wb") as out:
        for path, body in PAIR.items():
            assert server.ask("POST", f"/api/v1/{path}", body)[0] == 201
        process = subprocess.Popen(
            [str(our("orlop-volume-controller")), f"--kubeconfig={server.config}", "--metrics=127.0.0.1:0",
             "--controllers=persistentvolume-binder"], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            found = until(lambda: re.search(r"metrics at (http://\S+)/metrics", log.read_text()), "the address", 20)
            yield server, found.group(1)
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_a_controller_tells_what_it_counts_and_whether_it_is_ready(binder):
    _, base = binder
    until(lambda: fetch(f"{base}/readyz") == (200, "ok"), "readiness", 20)
    until(lambda: 'pv_collector_bound_pv_count{storage_class="slow"} 1' in fetch(f"{base}/metrics")[1],
          "the bound volume among the metrics", 20)
    assert fetch(f"{base}/healthz")[0] == 200
    assert fetch(f"{base}/nothing")[0] == 404


@pytest.mark.demands("V2", "V15")
def test_the_binder_asks_for_a_volume_and_leaves_making_it_to_the_provisioner(binder):
    server, _ = binder
    claims = "/api/v1/namespaces/default/persistentvolumeclaims"
    server.ask("POST", "/apis/storage.k8s.io/v1/storageclasses", {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "far"},
        "provisioner": "example.com/far"})
    body = dict(PAIR["namespaces/default/persistentvolumeclaims"], metadata={"name": "two"})
    server.ask("POST", claims, {**body, "spec": {**body["spec"], "storageClassName": "far"}})
    annotation = "volume.kubernetes.io/storage-provisioner"

    def asked():
        found = server.ask("GET", f"{claims}/two")[1]
        return found["metadata"].get("annotations", {}).get(annotation) == "example.com/far" and found

    assert until(asked, "the annotation", 20)["status"]["phase"] == "Pending"
    events = until(lambda: server.ask("GET", "/api/v1/namespaces/default/events")[1]["items"], "the event", 20)
    assert {e["reason"] for e in events if e["involvedObject"]["name"] == "two"} == {"ExternalProvisioning"}
    volumes = server.ask("GET", "/api/v1/persistentvolumes")[1]["items"]
    assert [v["metadata"]["name"] for v in volumes] == ["one"]
    assert server.ask("GET", "/apis/storage.k8s.io/v1/volumeattachments")[1]["items"] == []
