# SPDX-License-Identifier: Apache-2.0
"""
nova-conductor, nova-api and the scheduler for one host agent, as far as its messages need them: objects in
memory, saved and asked for over a RabbitMQ of ours.

    with MemoryConductor(rabbit, home, cloud) as nova:
        agent …
        uuid = nova.build(image)
        nova.wait_state(uuid, "active")
        nova.cast("stop_instance", uuid, "powering-off", clean_shutdown=True)
"""

import copy
import datetime
import json
import socket
import time
import uuid as uuids

from .cluster import until
from .nova_conductor import WIRE, Conductor, name_of
from .rabbit import py_amqp

HOST = "h1"
NEVER = {"created_at": "2026-01-01T00:00:00Z", "updated_at": None, "deleted_at": None, "deleted": False}
VERSIONS = {"Instance": "2.7", "InstanceList": "2.6", "Service": "1.22", "ComputeNode": "1.19",
            "ComputeNodeList": "1.19", "BlockDeviceMapping": "1.21", "BlockDeviceMappingList": "1.18",
            "MigrationList": "1.5", "PciDeviceList": "1.3", "VirtualInterfaceList": "1.0", "ServiceList": "1.19"}


class Failed(Exception):
    """What goes back as a failure."""

    def __init__(self, name, message, module="nova.exception", **kwargs):
        super().__init__(message)
        self.text = json.dumps({"class": name, "module": module, "message": message, "tb": [], "args": [message],
                                "kwargs": kwargs})


def primitive(name, data, version=None):
    return {"nova_object.name": name, "nova_object.namespace": "nova",
            "nova_object.version": version or VERSIONS[name], "nova_object.data": data}


def list_of(name, items):
    one = name.removesuffix("List")
    return primitive(name, {"objects": [primitive(one, i) for i in items]})


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def template(pattern):
    """Arguments of a message that was captured."""
    message = json.loads(next(WIRE.glob(pattern)).read_text())["request"]["oslo.message"]
    return {k: v for k, v in message["args"].items()}, {k: v for k, v in message.items() if k.startswith("_context_")}


class MemoryConductor(Conductor):
    def __init__(self, rabbit, home, cloud):
        super().__init__(rabbit, home)
        self.cloud, self.host = cloud, HOST
        self.rows = {name: {} for name in ("Service", "ComputeNode", "Instance", "BlockDeviceMapping")}
        self.faults, self.events, self.states, self.casts = [], [], {}, []
        self.is_silent = False
        self.last_id = 0

    # The connection comes back by itself.

    def __enter__(self):
        super().__enter__()
        return self

    def serve(self):
        while not self.is_ending:
            try:
                self.connection.drain_events(timeout=0.1)
            except socket.timeout:
                pass
            except Exception:  # pylint: disable=broad-except
                self.reconnect()

    def reconnect(self):
        while not self.is_ending:
            try:
                self.connection = self.rabbit.connect(self.home)
                self.channel = self.connection.channel()
                self.channel.exchange_declare("nova", "topic", durable=False, auto_delete=False)
                self.channel.queue_declare("conductor", durable=False, auto_delete=False)
                self.channel.queue_bind("conductor", "nova", "conductor")
                self.channel.basic_consume("conductor", no_ack=True, callback=self.answer)
                return
            except Exception:  # pylint: disable=broad-except
                time.sleep(0.2)

    def answer(self, delivery):
        message = json.loads(json.loads(delivery.body)["oslo.message"])
        if self.is_silent:
            with self.changed:
                self.asked.append("silence")
            return
        if "_reply_q" not in message:
            self.casts.append(message)
        super().answer(delivery)

    def reply_to(self, message):
        name, args = name_of(message), message["args"]
        if name == "ping":
            return super().reply_to(message)
        try:
            if message["method"] == "object_backport_versions":
                return self.result({**args["objinst"], "nova_object.version": args["object_versions"]["Instance"]})
            if message["method"] == "object_action":
                return self.result([self.on_object(args["objinst"], args["objmethod"], args["kwargs"]), None])
            return self.result(self.on_class(name, args["args"], args["kwargs"]))
        except Failed as e:
            return {"result": None, "failure": e.text}

    @staticmethod
    def result(value):
        return {"result": value, "failure": None}

    # Objects

    def row(self, name, key):
        with self.changed:
            return copy.deepcopy(self.rows[name].get(key))

    def where(self, name, **fields):
        return [copy.deepcopy(r) for r in self.rows[name].values()
                if not r["deleted"] and all(r.get(k) == v for k, v in fields.items())]

    def on_object(self, objinst, method, kwargs):
        name, data = objinst["nova_object.name"], objinst["nova_object.data"]
        changes = objinst.get("nova_object.changes", [])
        if name == "InstanceFault":
            self.faults.append(data)
            return {"id": len(self.faults), "obj_what_changed": []}
        if name == "InstanceInfoCache":
            row = self.need_instance(data["instance_uuid"])
            row["info_cache"]["nova_object.data"].update({k: data[k] for k in changes})
            return {"obj_what_changed": []}
        if method == "create":
            self.last_id += 1
            row = {"uuid": str(uuids.uuid4()), **NEVER, **data, "id": self.last_id, "created_at": now()}
            self.rows[name][row["uuid"]] = row
            return {k: row[k] for k in ("id", "uuid", *NEVER)} | {"obj_what_changed": []}
        row = self.need_instance(data["uuid"]) if name == "Instance" else self.rows[name][data["uuid"]]
        if method == "destroy":
            row.update(deleted=True, deleted_at=now())
            return {"deleted": True, "deleted_at": row["deleted_at"], "obj_what_changed": []}
        if method == "save":
            if name == "Instance":
                self.check_task(row, kwargs)
            row.update({k: data[k] for k in changes}, updated_at=now())
            self.states.setdefault(data["uuid"], []).append((row.get("vm_state"), row.get("task_state")))
            return {"updated_at": row["updated_at"], "obj_what_changed": []}
        return {"obj_what_changed": []}

    def need_instance(self, key):
        row = self.rows["Instance"].get(key)
        if not row or row["deleted"]:
            raise Failed("InstanceNotFound", f"Instance {key} could not be found.", code=404)
        return row

    @staticmethod
    def check_task(row, kwargs):
        expected = kwargs.get("expected_task_state")
        if "expected_task_state" not in kwargs or expected == []:
            return
        expected = expected if isinstance(expected, list) else [expected]
        if row["task_state"] not in expected:
            is_deleting = row["task_state"] == "deleting"
            raise Failed("UnexpectedDeletingTaskStateError" if is_deleting else "UnexpectedTaskStateError",
                         f"Conflict updating instance {row['uuid']}. Expected: {{'task_state': {expected}}}. "
                         f"Actual: {{'task_state': '{row['task_state']}'}}", code=500)

    def on_class(self, name, args, kwargs):
        first = args[0] if args else kwargs.get("uuid")
        if name == "Service.get_minimum_version":
            return 64
        if name in ("Service.get_by_host_and_binary", "Service.get_by_compute_host"):
            found = self.where("Service", host=first)
            return primitive("Service", found[0]) if found else None
        if name.startswith("ComputeNode"):
            found = self.where("ComputeNode", host=first)
            if not found:
                raise Failed("ComputeHostNotFound", f"Compute host {first} could not be found.", code=404, host=first)
            return list_of("ComputeNodeList", found) if "List" in name else primitive("ComputeNode", found[0])
        if name == "Instance.get_by_uuid":
            return primitive("Instance", copy.deepcopy(self.need_instance(first)))
        if name == "InstanceList.get_by_filters":
            found = [r for r in self.where("Instance") if r["uuid"] in first.get("uuid", [r["uuid"]])
                     and r["vm_state"] == first.get("vm_state", r["vm_state"])]
            return list_of("InstanceList", found)
        if name.startswith("InstanceList"):
            return list_of("InstanceList", self.where("Instance", host=first))
        if name == "BlockDeviceMappingList.get_by_instance_uuid":
            return list_of("BlockDeviceMappingList", self.where("BlockDeviceMapping", instance_uuid=first))
        if name.startswith("InstanceActionEvent"):
            self.events.append((name.split(".")[1], *args))
            return None
        if name.split(".")[0] in VERSIONS:
            return list_of(name.split(".")[0], [])
        return None

    # What users and the API do

    def context(self):
        return {f"_context_{k}": v for k, v in self.cloud.context().items()}

    def send_to_agent(self, method, args, version="6.0", raw=None, **more):
        message = {"method": method, "args": args, "version": version, "_unique_id": uuids.uuid4().hex,
                   **template("fake-028*")[1], **self.context(), **more}
        body = raw if raw is not None else json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)})
        connection = self.rabbit.connect(self.home)
        try:
            connection.channel().basic_publish_confirm(
                py_amqp().Message(body, content_type="application/json", content_encoding="utf-8"), "nova",
                f"compute.{self.host}")
        finally:
            connection.close()

    def call(self, method, args=None, version="6.0", timeout=15, **more):
        """(result, failure or None)"""
        connection, answers = self.rabbit.connect(self.home), []
        queue, call = f"reply_{uuids.uuid4().hex}", uuids.uuid4().hex
        try:
            channel = connection.channel()
            channel.queue_declare(queue, auto_delete=True)
            channel.basic_consume(queue, no_ack=True, callback=lambda m: answers.append(json.loads(m.body)))
            self.send_to_agent(method, args or {}, version, _msg_id=call, _reply_q=queue, _timeout=None, **more)
            connection.drain_events(timeout=timeout)
        finally:
            connection.close()
        reply = json.loads(answers[0]["oslo.message"])
        return reply["result"], reply["failure"] and json.loads(reply["failure"])

    def provider(self):
        node = self.where("ComputeNode", host=self.host)[0]
        return node["uuid"]

    def is_served(self):
        """Whether an agent takes what is cast to its host."""
        connection = self.rabbit.connect(self.home)
        try:
            return connection.channel().queue_declare(f"compute.{self.host}", passive=True).consumer_count > 0
        except py_amqp().NotFound:
            return False
        finally:
            connection.close()

    def build(self, image, version=None, retry=False):
        """The uuid of a new instance, cast to the agent."""
        args, _ = template("fake-028*")
        key = str(uuids.uuid4())
        data = json.loads(json.dumps(args["instance"]["nova_object.data"]).replace(
            args["instance"]["nova_object.data"]["uuid"], key).replace(args["image"]["id"], image))
        mapping = {**args["block_device_mapping"]["nova_object.data"]["objects"][0]["nova_object.data"],
                   "uuid": str(uuids.uuid4()), "instance_uuid": key, "image_id": image}
        with self.changed:
            self.last_id += 1
            data["id"] = self.last_id
            self.rows["Instance"][key] = copy.deepcopy(data)
            self.rows["BlockDeviceMapping"][mapping["uuid"]] = mapping
        self.cloud.claim(key, self.provider(), VCPU=1, MEMORY_MB=192, DISK_GB=1)
        args["instance"] = primitive("Instance", data, version)
        args["image"]["id"] = image
        args["block_device_mapping"] = list_of("BlockDeviceMappingList", [mapping])
        if not retry:
            args["filter_properties"] = {}
        self.send_to_agent("build_and_run_instance", args)
        return key

    def cast(self, method, key, task, **args):
        with self.changed:
            self.rows["Instance"][key]["task_state"] = task
        self.send_to_agent(method, {"instance": primitive("Instance", self.row("Instance", key)), **args})

    def terminate(self, key):
        mappings = list_of("BlockDeviceMappingList", self.where("BlockDeviceMapping", instance_uuid=key))
        self.cast("terminate_instance", key, "deleting", bdms=mappings)

    def state_of(self, key):
        row = self.row("Instance", key)
        return "gone" if row["deleted"] else row["vm_state"]

    def wait_state(self, key, state, patience=20):
        def is_there():
            row = self.row("Instance", key)
            return self.state_of(key) == state and not row["task_state"]
        until(is_there, f"{state} of {self.row('Instance', key)['vm_state']}, {self.states.get(key)}", patience)

    def faults_of(self, key):
        return [f["message"] for f in self.faults if f["instance_uuid"] == key]
