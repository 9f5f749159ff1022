# SPDX-License-Identifier: Apache-2.0
"""What a host agent in a cloud does not do: load libraries for what nobody asked, ask again for each instance."""

import json
import uuid
from pathlib import Path

import pytest

from support.compute import Agent
from support.nova_conductor import WIRE, Conductor
from support.openstack import OpenStack
from support.rabbit import Rabbit

N_INSTANCES = 40


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory):
    if not WIRE:
        pytest.skip("the captured messages are missing")
    with Rabbit(tmp_path_factory.mktemp("rabbit") / "r") as broker:
        yield broker


@pytest.fixture
def cloud():
    with OpenStack() as c:
        yield c


def instance(n):
    """As the conductor would list it: of this host, running."""
    message = json.loads(next(WIRE.glob("fake-*-delete-rpc-terminate_instance.json")).read_text())["request"]["oslo.message"]
    row = message["args"]["instance"]
    row.pop("nova_object.changes", None)
    row["nova_object.data"].update(id=n, uuid=str(uuid.uuid4()), host="h1", node="h1", vm_state="active", task_state=None)
    return row


def asked_until_the_first_report(where, rabbit, cloud, instances):
    """(what the conductor was asked, the libraries that were loaded)"""
    home = rabbit.home()
    with Conductor(rabbit, home) as conductor:
        for name in ("InstanceList.get_by_host", "InstanceList.get_by_host_and_node"):
            conductor.answers[name]["result"]["nova_object.data"]["objects"] = instances
        # The first look at power states asks for each instance, as nova's; the fake driver forgets its machines.
        more = f"transport_url = {rabbit.url(home)}\nsync_power_state_interval = -1\n{cloud.nova_conf()}"
        agent = Agent(where, more, argv=())
        agent.start(wait=False)
        try:
            conductor.wait("Service.save", 40)
            asked = list(conductor.asked)
            maps = Path(f"/proc/{agent.process.pid}/maps").read_text()
        finally:
            agent.kill()
    return asked, {Path(line.split()[-1]).name for line in maps.splitlines() if ".so" in line}


def test_a_start_asks_as_often_with_instances_as_without_and_loads_no_libcurl(tmp_path, rabbit, cloud):
    none, libraries = asked_until_the_first_report(tmp_path / "none", rabbit, cloud, [])
    assert cloud.asked("keystone", "POST") and cloud.asked("placement", "PUT")
    assert not any("curl" in name for name in libraries), libraries
    some, _ = asked_until_the_first_report(tmp_path / "some", rabbit, cloud, [instance(n) for n in range(1, N_INSTANCES + 1)])
    assert sorted(some) == sorted(none)
