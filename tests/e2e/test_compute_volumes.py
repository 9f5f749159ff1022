# SPDX-License-Identifier: Apache-2.0
"""A volume of a running machine, whose agent is killed at each change of an attach and of a detach."""

import json
import sqlite3

import pytest

from support import bus
from support.cluster import until
from support.compute import QEMU, Agent
from support.debs import SupportError
from support.openstack import OpenStack

MORE = "[orlop]\naccelerator = tcg\nqemu_machine = q35\n"  # its config drive is on SCSI: disks come without a guest
KILLED = -9


class Volume:
    def __init__(self, agent, cloud, instance):
        self.agent, self.cloud, self.instance = agent, cloud, instance
        self.path = agent.where / "volume"
        with self.path.open("wb") as f:
            f.truncate(1 << 20)
        self.id, self.attachment = cloud.add_volume(instance, connection_info={
            "driver_volume_type": "local", "device_path": str(self.path), "access_mode": "rw"})

    def data(self, table, key, value):
        db = sqlite3.connect(f"file:{self.agent.state}/orlop-compute.sqlite?mode=ro", uri=True, timeout=10)
        try:
            rows = [json.loads(r[0]) for r in db.execute(f"SELECT data FROM {table} WHERE deleted = 0")]
        finally:
            db.close()
        return next((r for r in rows if r.get(key) == value), None)

    def mapping(self):
        return self.data("block_device_mapping", "volume_id", self.id)

    def cast(self, method, **args):
        instance = bus.primitive("Instance", "2.7", self.data("instance", "uuid", self.instance))
        bus.cast(self.agent.state, "h1", method, {"instance": instance, **args})

    def reserve(self):
        self.cast("reserve_block_device_name", volume_id=self.id, device=None, disk_bus="scsi", device_type="disk",
                  tag=None, multiattach=False)
        until(self.mapping, "the mapping", 10)

    def attach(self):
        data = {**self.mapping(), "attachment_id": self.attachment}
        self.cast("attach_volume", bdm=bus.primitive("BlockDeviceMapping", "1.20", data, ["attachment_id"]))

    def detach(self):
        self.cast("detach_volume", volume_id=self.id, attachment_id=self.attachment)

    def is_attached(self):
        return self.cloud.attachments.get(self.attachment, {}).get("status") == "attached" and self.is_plugged()

    def is_plugged(self):
        return self.id in (self.agent.instances / self.instance / "machine.json").read_text()

    def is_gone(self):
        return not self.mapping() and self.attachment not in self.cloud.attachments and not self.is_plugged()


def killed(agent, number, do, is_done):
    """True when the agent was killed before it was done; it runs again afterwards."""
    agent.kill()
    agent.start(wait=False, kill_at=number)
    try:
        until(lambda: agent.has_ended() or agent.is_served() and agent.run("service", "list").returncode == 0,
              "the agent", 20)
        if not agent.has_ended():
            do()
        until(lambda: agent.has_ended() or is_done(), "what was asked", 20)
    except (OSError, SupportError, ValueError):
        until(agent.has_ended, "the end of an agent that broke off", 5)
    was_killed = agent.has_ended()
    assert not was_killed or agent.process.returncode == KILLED, agent.tail()
    agent.kill()
    agent.start()
    return was_killed


@pytest.mark.parametrize("way", ["attach", "detach"])
def test_killed_at_any_change_a_volume_can_be_detached_and_nothing_is_left(way, tmp_path):
    with OpenStack() as cloud, Agent(tmp_path, MORE + cloud.nova_conf(), QEMU) as agent:
        instance = agent.make("web", memory=64)["uuid"]
        number, was_killed = 1, True
        while was_killed:
            volume = Volume(agent, cloud, instance)
            volume.reserve()
            if way == "attach":
                was_killed = killed(agent, number, volume.attach, volume.is_attached)
            else:
                volume.attach()
                until(volume.is_attached, "the volume", 20)
                was_killed = killed(agent, number, volume.detach, volume.is_gone)
            if not volume.is_gone():
                if volume.mapping():
                    volume.detach()
                until(volume.is_gone, f"the end of the volume, killed at {number}: {volume.mapping()} "
                                      f"{cloud.attachments} {agent.tail()}", 30)
            number += 1
        print(f"killed: compute, volume, {way}: up to {number}")
        agent.do("delete", "web")
        assert not agent.left() and not cloud.attachments
