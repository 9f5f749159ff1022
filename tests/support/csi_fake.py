# SPDX-License-Identifier: Apache-2.0
"""
A CSI driver that does what a test says: it answers with errors, late or never, and writes down what it was
asked. Volumes are names in a dictionary, targets plain directories; nothing is mounted.

    fake = FakeDriver(csi, tmp_path / "s", "one.example.com").start()
    fake.refuse("CreateVolume", "UNAVAILABLE")        # until fake.obey()
    with fake.hold("NodeStageVolume") as held: …      # calls that come meanwhile wait

A volume's id begins with the parameter "label" of its class, so a rule knows whom it is asked about.
"""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

CODES = [c.name for c in grpc.StatusCode if c.name != "OK"]
CHANGES = ("CreateVolume", "DeleteVolume", "ControllerPublishVolume", "ControllerUnpublishVolume",
           "NodeStageVolume", "NodeUnstageVolume", "NodePublishVolume", "NodeUnpublishVolume",
           "ControllerModifyVolume")


class Refusal(Exception):
    """What a rule raises to answer with an error."""

    def __init__(self, code):
        super().__init__(code)
        self.code = grpc.StatusCode[code]


def label_of(request):
    """Of the volume that a request is about."""
    if hasattr(request, "volume_id"):
        return request.volume_id.split(".")[0]
    return request.parameters.get("label", "")


class FakeDriver:
    def __init__(self, csi, socket, name):
        self.csi, self.socket, self.name = csi, socket, name
        self.lock = threading.Lock()
        self.calls = []  # (method, request), as they come
        self.rules = {}  # method: function of the request, called before it is done
        self.volumes = {}  # name: id
        self.attributes = {}  # id: mutable parameters
        self.attached, self.staged, self.published = set(), set(), set()
        self.server = None

    # --- what a test sees and says ---

    def count(self, method, label=None):
        with self.lock:
            return sum(1 for m, r in self.calls if m == method and label in (None, label_of(r)))

    def counts(self, method):
        """Calls per label."""
        with self.lock:
            return Counter(label_of(r) for m, r in self.calls if m == method)

    def labels(self):
        """Of the volumes that there are."""
        with self.lock:
            return sorted(v.split(".")[0] for v in self.volumes.values())

    def targets(self, label):
        with self.lock:
            return [path for volume, path in self.published if volume.split(".")[0] == label]

    def is_empty(self):
        with self.lock:
            return not (self.volumes or self.attached or self.staged or self.published)

    def left(self):
        with self.lock:
            return {"volumes": self.volumes, "attached": self.attached, "staged": self.staged,
                    "published": self.published}

    def refuse(self, method, code=None, only=None):
        """Errors, with the code that the label ends in ("x-UNAVAILABLE") when none is given."""

        def rule(request):
            label = label_of(request)
            if only is None or label in only:
                raise Refusal(code or label.split("-", 1)[1])

        self.rules[method] = rule

    def obey(self):
        self.rules.clear()

    @contextmanager
    def hold(self, method, only=None):
        """Calls wait until the block ends, and are done then, whether or not one still waits for them."""
        let_go = threading.Event()

        def rule(request):
            if only is None or label_of(request) in only:
                let_go.wait(120)

        self.rules[method] = rule
        try:
            yield let_go
        finally:
            self.rules.pop(method, None)
            let_go.set()

    # --- what the calls do ---

    def create(self, r):
        volume = self.volumes.setdefault(r.name, f"{r.parameters.get('label', '')}.{r.name}")
        self.attributes.setdefault(volume, dict(r.mutable_parameters))
        return {"volume": {"volume_id": volume, "capacity_bytes": r.capacity_range.required_bytes}}

    def delete(self, r):
        self.volumes = {n: v for n, v in self.volumes.items() if v != r.volume_id}

    def modify(self, r):
        self.attributes[r.volume_id] = dict(r.mutable_parameters)

    def attach(self, r):
        self.attached.add((r.volume_id, r.node_id))
        return {"publish_context": {"disk": r.volume_id}}

    def detach(self, r):
        self.attached.discard((r.volume_id, r.node_id))

    def stage(self, r):
        self.staged.add((r.volume_id, r.staging_target_path))

    def unstage(self, r):
        self.staged.discard((r.volume_id, r.staging_target_path))

    def publish(self, r):
        os.makedirs(r.target_path, exist_ok=True)
        self.published.add((r.volume_id, r.target_path))

    def unpublish(self, r):
        if os.path.isdir(r.target_path):
            os.rmdir(r.target_path)
        self.published.discard((r.volume_id, r.target_path))

    def capabilities(self, kind):
        of = {"Controller": ("CREATE_DELETE_VOLUME", "PUBLISH_UNPUBLISH_VOLUME", "MODIFY_VOLUME"),
              "Node": ("STAGE_UNSTAGE_VOLUME",)}[kind]
        message = getattr(self.csi, f"{kind}ServiceCapability")
        return {"capabilities": [{"rpc": {"type": message.RPC.Type.Value(name)}} for name in of]}

    def answers(self):
        return {
            "GetPluginInfo": lambda r: {"name": self.name, "vendor_version": "1"},
            "GetPluginCapabilities": lambda r: {"capabilities": [{"service": {"type": 1}}]},
            "Probe": lambda r: {},
            "ControllerGetCapabilities": lambda r: self.capabilities("Controller"),
            "NodeGetCapabilities": lambda r: self.capabilities("Node"),
            "NodeGetInfo": lambda r: {"node_id": "fake-node"},
            **dict(zip(CHANGES, (self.create, self.delete, self.attach, self.detach, self.stage,
                                 self.unstage, self.publish, self.unpublish, self.modify))),
        }

    # --- the server ---

    def serve(self, method, answer, reply):
        def call(request, context):
            with self.lock:
                self.calls.append((method, request))
                rule = self.rules.get(method)
            try:
                if rule:
                    rule(request)
            except Refusal as e:
                context.abort(e.code, f"the test says {e.code.name}")
            with self.lock:
                return reply(**(answer(request) or {}))

        return call

    def start(self):
        self.server = grpc.server(ThreadPoolExecutor(64))
        answers = self.answers()
        for service in ("Identity", "Controller", "Node"):
            methods = self.csi.DESCRIPTOR.services_by_name[service].methods_by_name
            handlers = {}
            for name, method in methods.items():
                if name in answers:
                    reply = getattr(self.csi, method.output_type.name)
                    handlers[name] = grpc.unary_unary_rpc_method_handler(
                        self.serve(name, answers[name], reply),
                        getattr(self.csi, method.input_type.name).FromString, reply.SerializeToString)
            self.server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(f"csi.v1.{service}", handlers),))
        self.server.add_insecure_port(f"unix:{self.socket}")
        self.server.start()
        return self

    def stop(self):
        """As if its process were killed; what it has stays."""
        if self.server:
            self.server.stop(0).wait(5)
        self.server = None
