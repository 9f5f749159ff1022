# SPDX-License-Identifier: Apache-2.0
"""
What an API server tells of itself, read by kubectl: a stub serves the documents and one volume. Each test
runs with Debian 12's kubectl (1.20) and, where it is installed, with the machine's own.
"""

import http.server
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from support.debs import BUILD, SupportError, unpacked

PROTO = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
VOLUME = {
    "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv-1", "uid": "u", "resourceVersion": "7"},
    "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "nfs": {"server": "s", "path": "/p"}},
}
MANIFEST = """\
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv-1, labels: {a: b}}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], nfs: {server: s, path: /p}}
"""


def documents():
    named = os.environ.get("ORLOP_KUBE_DOCUMENTS")
    for path in [Path(named)] if named else sorted(BUILD.glob("*/tests/helpers/kube-documents")):
        if path.exists():
            return path
    pytest.skip("there is no tests/helpers/kube-documents in build/")


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, body, content_type="application/json", status=200):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def document(self, path, accept):
        form = "v2" if "g=apidiscovery.k8s.io;v=v2;" in accept else "proto" if "protobuf" in accept else ""
        done = subprocess.run([self.server.program, path, form], capture_output=True)
        if done.returncode:
            return self.status(404, "NotFound", f"nothing at {path}")
        kind = "application/json"
        if path in ("/api", "/apis") and form == "v2":
            kind += ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        return self.answer(done.stdout, PROTO if form == "proto" else kind)

    def status(self, code, reason, message):
        self.answer(json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
                                "code": code, "message": message}).encode(), status=code)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/version":
            return self.answer(b'{"major":"1","minor":"32","gitVersion":"v1.32.0"}')
        if path == "/api/v1/persistentvolumes/pv-1":
            return self.answer(json.dumps(VOLUME).encode())
        if path.count("/") > 3 and not path.startswith("/openapi"):
            return self.status(404, "NotFound", f"nothing at {path}")
        return self.document(path, self.headers.get("Accept", ""))

    def write(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.writes.append((self.command, self.path, self.headers.get("Content-Type")))
        self.answer(json.dumps(VOLUME).encode())

    do_POST = do_PATCH = do_PUT = write


@pytest.fixture
def stub():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.program, server.writes = str(documents()), []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def programs():
    yield pytest.param(None, id="1.20")
    own = shutil.which("kubectl")
    yield pytest.param(own, id="installed", marks=[] if own else pytest.mark.skip(reason="no kubectl is installed"))


@pytest.fixture(params=programs())
def kubectl(request, stub, tmp_path):
    def run(*argv, text=None):
        done = subprocess.run([str(program), f"--server=http://127.0.0.1:{stub.server_port}", *argv], text=True,
                              input=text, capture_output=True, timeout=60,
                              env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "KUBECONFIG": ""})
        return done.returncode, done.stdout + done.stderr

    try:
        program = request.param or unpacked("kubernetes-client") / "usr/bin/kubectl"
    except SupportError as e:
        pytest.skip(str(e))
    run.is_old = request.param is None
    return run


def test_api_resources_are_listed(kubectl):
    status, text = kubectl("api-resources")
    assert status == 0, text
    rows = {row.split()[0]: row.split() for row in text.splitlines()}
    assert rows["persistentvolumes"][1:] == ["pv", "v1", "false", "PersistentVolume"]
    assert rows["storageclasses"][1:] == ["sc", "storage.k8s.io/v1", "false", "StorageClass"]
    assert rows["leases"][1:] == ["coordination.k8s.io/v1", "true", "Lease"]


@pytest.mark.parametrize("what, words", [
    ("pv", ["KIND:", "PersistentVolume", "spec"]),
    ("pv.spec", ["accessModes", "<[]string>", "claimRef", "nfs"]),
    ("pv.spec.claimRef.uid", ["<string>"]),
    ("pod.spec.containers.ports", ["containerPort", "<integer>", "required"]),
    ("sc", ["provisioner", "required"]),
    ("pvc.spec.resources.requests", ["<map[string]"]),
    ("lease.spec.renewTime", ["renewTime"]),
])
def test_explain_finds_its_way(kubectl, what, words):
    status, text = kubectl("explain", what)
    assert status == 0, text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("what", ["pv", "pvc", "pod", "node", "sc", "csinodes", "secret", "event", "lease"])
def test_explain_goes_down_to_the_bottom(kubectl, what):
    status, text = kubectl("explain", what, "--recursive")
    assert status == 0, text
    assert len(text.splitlines()) > 30


def test_a_dry_run_on_the_server_is_known_to_work(kubectl, stub):
    status, text = kubectl("apply", "--dry-run=server", "-f", "-", text=MANIFEST)
    assert status == 0, text
    method, path, kind = stub.writes[-1]
    assert (method, kind) == ("PATCH", "application/strategic-merge-patch+json")
    assert "dryRun=All" in path


def test_unknown_fields_are_found_before_anything_is_sent(kubectl, stub):
    status, text = kubectl("create", "-f", "-", text=MANIFEST.replace("nfs:", "bogus: 1, nfs:"))
    if kubectl.is_old:
        assert status != 0
        assert 'ValidationError(PersistentVolume.spec): unknown field "bogus"' in text
        assert not stub.writes
    else:  # newer ones leave it to the server
        assert "fieldValidation=Strict" in stub.writes[-1][1]


def test_what_is_right_passes_the_clients_validation(kubectl, stub):
    status, text = kubectl("create", "-f", "-", text=MANIFEST)
    assert status == 0, text
    assert len(stub.writes) == 1
