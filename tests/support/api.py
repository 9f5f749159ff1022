# SPDX-License-Identifier: Apache-2.0
"""
The API of a cluster of ours without kubectl, for tests that ask it thousands of times: JSON over one
connection, with the administrator's certificate from the API server's data directory.

    api = Api(cluster.config, cluster.data)
    api.create("pvc", claim("one", "fast"))
    api.get("pvc", "one")["status"]["phase"]
"""

import http.client
import json
import re
import ssl
from pathlib import Path

from .debs import SupportError

CORE, STORAGE = "/api/v1", "/apis/storage.k8s.io/v1"
HERE = CORE + "/namespaces/default"
PATHS = {
    "pv": CORE + "/persistentvolumes",
    "pvc": HERE + "/persistentvolumeclaims",
    "pod": HERE + "/pods",
    "event": HERE + "/events",
    "node": CORE + "/nodes",
    "class": STORAGE + "/storageclasses",
    "vac": STORAGE + "/volumeattributesclasses",
    "attachment": STORAGE + "/volumeattachments",
    "driver": STORAGE + "/csidrivers",
    "csinode": STORAGE + "/csinodes",
}
MERGE = "application/merge-patch+json"
GONE = (404,)


class Api:
    """'config' is a kubeconfig that names the server; it is read again when the server went away."""

    def __init__(self, config, keys):
        self.config, self.keys = Path(config), Path(keys)
        self.connection = None

    def connect(self):
        found = re.search(r"server: https://([^\s:]+):(\d+)", self.config.read_text())
        if not found:
            raise SupportError(f"no server in {self.config}")
        context = ssl.create_default_context(cafile=str(self.keys / "ca.crt"))
        context.check_hostname = False
        context.load_cert_chain(self.keys / "admin.crt", self.keys / "admin.key")
        return http.client.HTTPSConnection(found[1], int(found[2]), timeout=20, context=context)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def ask(self, method, path, body=None, kind="application/json"):
        """(status, value) of one request; SupportError when nobody answers."""
        try:
            self.connection = self.connection or self.connect()
            self.connection.request(method, path, body=json.dumps(body) if body is not None else None,
                                    headers={"Content-Type": kind, "Accept": "application/json"})
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as e:
            self.close()
            raise SupportError(f"{method} {path}: {e}") from None
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text.decode(errors="replace")

    def __call__(self, method, path, body=None, kind="application/json"):
        status, value = self.ask(method, path, body, kind)
        if status >= 300:
            raise SupportError(f"{method} {path}: {status} {value}")
        return value

    def is_ready(self):
        return self.ask("GET", "/readyz")[0] == 200

    def create(self, kind, value):
        return self("POST", PATHS[kind], value)

    def get(self, kind, name):
        return self("GET", f"{PATHS[kind]}/{name}")

    def find(self, kind, name):
        """The object, or None when there is none."""
        status, value = self.ask("GET", f"{PATHS[kind]}/{name}")
        if status not in (200, *GONE):
            raise SupportError(f"{kind} {name}: {status} {value}")
        return value if status == 200 else None

    def items(self, kind):
        return self("GET", PATHS[kind])["items"]

    def names(self, *kinds):
        """["pvc/one", …], what is there of these kinds."""
        return [f"{k}/{i['metadata']['name']}" for k in kinds for i in self.items(k)]

    def patch(self, kind, name, value):
        return self("PATCH", f"{PATHS[kind]}/{name}", value, MERGE)

    def delete(self, kind, name):
        """Begins; what is gone already is no error."""
        status, value = self.ask("DELETE", f"{PATHS[kind]}/{name}")
        if status >= 300 and status not in GONE:
            raise SupportError(f"DELETE {kind} {name}: {status} {value}")

    def phase(self, kind, name):
        return self.get(kind, name).get("status", {}).get("phase")

    def events(self, name, reason=None):
        """Messages of the events about an object of this name."""
        return [e["message"] for e in self.items("event") if e["involvedObject"]["name"] == name
                and reason in (None, e["reason"])]


def storage_class(name, provisioner, mode="Immediate", policy="Delete", **parameters):
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
            "provisioner": provisioner, "reclaimPolicy": policy, "volumeBindingMode": mode,
            "parameters": parameters}


def attributes_class(name, driver, **parameters):
    return {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttributesClass",
            "metadata": {"name": name}, "driverName": driver, "parameters": parameters}


def csi_driver(name, attach=False):
    return {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": name},
            "spec": {"attachRequired": attach}}


def claim(name, cls, size="16Mi", modes=("ReadWriteOnce",), **spec):
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {"accessModes": list(modes), "storageClassName": cls,
                     "resources": {"requests": {"storage": size}}, **spec}}


def pod(name, of, node=None, mode="Filesystem"):
    """A pod with the volume of the claim 'of' at /data."""
    how = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    if mode == "Block":
        how = {"volumeDevices": [{"name": "data", "devicePath": "/dev/data"}]}
    spec = {"terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": "local/busybox:1", **how}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": of}}]}
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
