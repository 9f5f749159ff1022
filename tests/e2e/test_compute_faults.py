# SPDX-License-Identifier: Apache-2.0
"""A host agent killed at every change that it makes from its start to the end of what it was asked, alone and in an
OpenStack."""

import os

import pytest

from support.compute import FAKE, QEMU
from support.compute_kill import Walk
from support.compute_kill_cloud import CloudWalk
from support.debs import BUILD
from support.memory_conductor import MemoryConductor
from support.nova_conductor import WIRE
from support.openstack import OpenStack
from support.rabbit import Rabbit

RESULTS = BUILD / "results/compute-faults.txt"
TCG = "[orlop]\naccelerator = tcg\n"
# Each walk goes on until a run ends by itself; ORLOP_KILL_ALL=1 tries every change.
WALKS = [
    ("build", 1, FAKE, "", False),
    ("delete", 1, FAKE, "", True),
    ("stop", 2, FAKE, "", False),
    ("build", 1, QEMU, TCG, False),
    ("delete", 1, QEMU, TCG, False),
    ("reboot --hard", 3, QEMU, TCG, False),
]


@pytest.fixture(scope="module")
def results():
    """A file that the runner prints."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text("")
    return RESULTS


@pytest.fixture(scope="module")
def cloud():
    with OpenStack() as services:
        yield services


@pytest.mark.parametrize("way, stride, driver, more, has_cloud", WALKS,
                         ids=[f"{d.split('.')[0]} {w.split()[0]}" for w, _, d, _, _ in WALKS])
def test_killed_at_any_change_it_ends_well(way, stride, driver, more, has_cloud, cloud, results, tmp_path):
    if os.environ.get("ORLOP_KILL_ALL"):
        stride = 1
    more = "host = @host@\n" + more + (cloud.nova_conf() if has_cloud else "")
    walk = Walk(tmp_path, way, stride, driver, more=more, cloud=cloud if has_cloud else None)
    walk.run(min(len(os.sched_getaffinity(0)) + 1, 4))
    with results.open("a") as out:
        out.write(walk.summary() + "\n")
    print(walk.summary())
    assert not walk.wrong, walk.complaint()
    assert walk.killed


# --- in an OpenStack ---

CLOUD_WALKS = [("build", 2, FAKE), ("delete", 2, FAKE), ("reschedule", 1, QEMU)]


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory):
    if not WIRE:
        pytest.skip("the captured messages are missing")
    with Rabbit(tmp_path_factory.mktemp("rabbit") / "r") as broker:
        yield broker


@pytest.mark.parametrize("way, stride, driver", CLOUD_WALKS, ids=[w for w, _, _ in CLOUD_WALKS])
def test_killed_in_a_cloud_it_ends_well(way, stride, driver, rabbit, cloud, results, tmp_path):
    if os.environ.get("ORLOP_KILL_ALL"):
        stride = 1
    with MemoryConductor(rabbit, rabbit.home(), cloud) as nova:
        nova.image = cloud.add_image(b"image" * 1000)
        options = f"transport_url = {rabbit.url(nova.home)}\n{TCG}{cloud.nova_conf()}"
        walk = CloudWalk(tmp_path, nova, way, stride, options, driver).run()
    with results.open("a") as out:
        out.write(walk.summary() + "\n")
    print(walk.summary())
    assert not walk.wrong, walk.complaint()
    assert walk.killed
