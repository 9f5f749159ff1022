# SPDX-License-Identifier: Apache-2.0
"""
A conductor for one host agent: on a RabbitMQ of ours it answers what a start asks, with the answers that
nova-conductor gave to nova-compute (captured, ../shared/openstack/wire).

    with Conductor(rabbit, home) as conductor:
        ...
        conductor.asked                     # ["ping", "Service.get_minimum_version", ...]
"""

import json
import socket
import threading
import time
import uuid
from pathlib import Path

from .rabbit import py_amqp

ROOT = Path(__file__).resolve().parents[2]
WIRE = next((p for p in (ROOT.parent / "shared/openstack/wire", ROOT.parents[1] / "shared/openstack/wire") if p.exists()), None)


def name_of(message):
    """"Service.create" of an object's call, else the method."""
    args = message["args"]
    if message["method"] == "object_action":
        return f"{args['objinst']['nova_object.name']}.{args['objmethod']}"
    if message["method"] == "object_class_action_versions":
        return f"{args['objname']}.{args['objmethod']}"
    return message["method"]


def captured():
    """{name: reply} of the first exchange of each name."""
    answers = {}
    for path in sorted(WIRE.glob("fake-*-rpc-*.json")):
        exchange = json.loads(path.read_text())
        if exchange.get("reply"):
            answers.setdefault(name_of(exchange["request"]["oslo.message"]), exchange["reply"]["oslo.message"])
    return answers


class Conductor:
    def __init__(self, rabbit, home):
        self.rabbit, self.home = rabbit, home
        self.answers = captured()
        self.asked, self.messages = [], []
        self.changed = threading.Condition()
        self.is_ending = False

    def __enter__(self):
        self.connection = self.rabbit.connect(self.home)
        self.channel = self.connection.channel()
        self.channel.exchange_declare("nova", "topic", durable=False, auto_delete=False)
        self.channel.queue_declare("conductor", durable=False, auto_delete=False)
        self.channel.queue_bind("conductor", "nova", "conductor")
        self.channel.basic_consume("conductor", no_ack=True, callback=self.answer)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_ending = True
        self.thread.join(5)
        self.connection.collect()

    def serve(self):
        while not self.is_ending:
            try:
                self.connection.drain_events(timeout=0.1)
            except socket.timeout:
                pass

    def reply_to(self, message):
        name = name_of(message)
        if name == "ping":
            return {"result": {"service": "conductor", "arg": message["args"]["arg"]}, "failure": None}
        if name not in self.answers:
            return {"result": None, "failure": json.dumps({
                "class": "NotImplementedError", "module": "builtins", "message": name, "tb": [], "args": [name], "kwargs": {}})}
        reply = dict(self.answers[name])
        if reply["failure"]:
            reply["failure"] = json.dumps(next(iter(reply["failure"].values())))
        return reply

    def answer(self, delivery):
        message = json.loads(json.loads(delivery.body)["oslo.message"])
        with self.changed:
            self.asked.append(name_of(message))
            self.messages.append(message)
            self.changed.notify_all()
        if "_reply_q" in message:
            reply = {**self.reply_to(message), "ending": True, "_msg_id": message["_msg_id"], "_unique_id": uuid.uuid4().hex}
            self.send("", message["_reply_q"], reply)

    def send(self, exchange, key, message, channel=None):
        """By a channel of one's own from other threads."""
        body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)})
        (channel or self.channel).basic_publish(
            py_amqp().Message(body, content_type="application/json", content_encoding="utf-8"), exchange, key)

    def wait(self, name, timeout=20):
        """The first message of that name."""
        end = time.monotonic() + timeout
        with self.changed:
            while name not in self.asked:
                assert self.changed.wait(end - time.monotonic()), f"nobody asked {name}: {self.asked}"
            return self.messages[self.asked.index(name)]
