# SPDX-License-Identifier: Apache-2.0
"""The conductor of the tests with what a benchmark wants besides: any number of instances, builds that
are cast to a host, and pings that wait for it."""

import contextlib
import copy
import json
import socket
import threading
import uuid

from support.nova_conductor import WIRE, Conductor, name_of

SAMPLE = "78ac27d4-6df7-45a8-b896-be690101b8ee"  # the instance of the captured messages


def captured(name):
    exchange = json.loads(next(WIRE.glob(f"fake-*-{name}.json")).read_text())
    return exchange["request"]["oslo.message"]


class StandIn(Conductor):
    """'n_instances' are on the host already, running."""

    def __init__(self, rabbit, home, host, n_instances=0):
        super().__init__(rabbit, home)
        self.host = host
        self.build = json.dumps(captured("create-rpc-build_and_run_instance"))
        self.terminate = json.dumps(captured("delete-rpc-terminate_instance"))
        self.lock = threading.Lock()
        self.ended = threading.Semaphore(0)
        self.replies = threading.Semaphore(0)
        self.instances = [self.row(n) for n in range(n_instances)]

    def __enter__(self):
        super().__enter__()
        # Waiting for a confirm would run further answers within the first.
        self.channel.basic_publish = self.channel._basic_publish  # pylint: disable=protected-access
        self.sender = self.rabbit.connect(self.home)
        self.out = self.sender.channel()
        self.out.queue_declare(f"compute.{self.host}", durable=False, auto_delete=False)
        self.out.queue_bind(f"compute.{self.host}", "nova", f"compute.{self.host}")
        self.listener = self.rabbit.connect(self.home)
        channel = self.listener.channel()
        channel.queue_declare("reply_bench", auto_delete=True)
        channel.basic_consume("reply_bench", no_ack=True, callback=lambda _: self.replies.release())
        self.hearing = threading.Thread(target=self.hear, daemon=True)
        self.hearing.start()
        return self

    def hear(self):
        while not self.is_ending:
            with contextlib.suppress(socket.timeout):
                self.listener.drain_events(timeout=0.1)

    def __exit__(self, *_):
        super().__exit__()
        self.hearing.join(5)
        self.listener.collect()
        self.sender.collect()

    def row(self, n):
        instance = json.loads(self.terminate.replace(SAMPLE, str(uuid.uuid4())))["args"]["instance"]
        instance.pop("nova_object.changes", None)
        instance["nova_object.data"].update(
            id=n + 10, host=self.host, node=self.host, launched_on=self.host, vm_state="active", task_state=None, power_state=1)
        return instance

    def reply_to(self, message):
        reply = super().reply_to(message)
        name, args = name_of(message), message["args"]
        if name == "InstanceActionEvent.event_finish_with_failure":
            self.ended.release()
        if name in ("Instance.save", "Instance.destroy"):
            of = args["objinst"]["nova_object.data"]["uuid"]
            reply = json.loads(json.dumps(reply).replace(SAMPLE, of))
            if name == "Instance.save":
                fields = reply["result"][0]
                reply["result"][0] = {k: v for k, v in fields.items() if isinstance(v, dict) or k == "obj_what_changed"}
        elif name.startswith("InstanceList.get_by_host") and self.instances:
            reply = copy.deepcopy(reply)
            reply["result"]["nova_object.data"]["objects"] = self.instances
        elif name == "BlockDeviceMappingList.get_by_instance_uuid":
            reply = json.loads(json.dumps(reply).replace(SAMPLE, args["args"][0]))
        return reply

    def cast(self, message):
        with self.lock:
            self.send("nova", f"compute.{self.host}", {**message, "_unique_id": uuid.uuid4().hex}, self.out)

    def ping(self):
        """Put in the host's queue; 'replies' hears of the answer."""
        self.cast({"method": "ping", "namespace": "baseapi", "version": "1.0", "args": {"arg": "x"}, "_msg_id": uuid.uuid4().hex,
                   "_reply_q": "reply_bench", "_timeout": None})

    def build_and_delete(self, n, in_flight):
        """Conductor calls for each build alone, and the names of those that did not end well."""
        before = len(self.asked)
        ids = [str(uuid.uuid4()) for _ in range(n)]
        self.each(self.build, ids, in_flight)
        calls = (len(self.asked) - before) / n
        failed = self.asked[before:].count("ComputeTaskAPI.build_instances")
        return calls, failed, ids

    def each(self, text, ids, in_flight):
        for at in range(0, len(ids), in_flight):
            some = ids[at:at + in_flight]
            for one in some:
                self.cast(json.loads(text.replace(SAMPLE, one)))
            for _ in some:
                if not self.ended.acquire(timeout=15):
                    raise TimeoutError(f"a task did not end: {self.asked[-8:]}")

    def delete(self, ids):
        self.each(self.terminate, ids, 1)
