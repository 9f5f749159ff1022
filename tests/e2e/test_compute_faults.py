# SPDX-License-Identifier: Apache-2.0
"""A host agent that stands alone, killed at every change that it makes from its start to the end of what it was asked."""

import os

import pytest

from support.compute import FAKE, QEMU
from support.compute_kill import Walk
from support.debs import BUILD
from support.openstack import OpenStack

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
