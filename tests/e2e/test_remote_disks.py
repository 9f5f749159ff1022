# SPDX-License-Identifier: Apache-2.0
"""
Disks that QEMU reads from servers by itself: NFS from nfs-ganesha, iSCSI with a password from tgt. Machines
have no system: their disks are on SCSI, which comes and goes without the guest's help.
"""

import json
import os
import socket
import subprocess

import pytest

from support import virt
from support.netspace import NetSpace
from support.storage import TARGET, IscsiTarget, NfsServer
from support.virt import Driver

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")

ADDRESS = "127.0.0.1"
USER, PASSWORD = "orlop", "not-in-any-argv"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    where = tmp_path_factory.mktemp("servers")
    with NetSpace() as net, NfsServer(net, where / "nfs", versions=(3, 4)) as nfs, \
            IscsiTarget(net, where / "iscsi", chap=(USER, PASSWORD)) as target:
        with (nfs.export / "volume-1").open("wb") as f:
            f.truncate(3 << 20)
        yield net, nfs, target


@pytest.fixture
def place(tmp_path):
    yield tmp_path
    virt.end_processes(tmp_path)


def scsi_machine(place, *more):
    m = virt.machine(place)
    m["disks"] = [{**m["disks"][0], "bus": "scsi"}, *more]
    return m


def file_disk(place):
    with (place / "volume-0").open("wb") as f:
        f.truncate(2 << 20)
    return {"role": "v-0", "serial": "v-0", "bus": "scsi", "path": str(place / "volume-0")}


NFS = {"role": "v-1", "serial": "v-1", "bus": "scsi", "path": f"nfs://{ADDRESS}/exp/volume-1"}
ISCSI = {"role": "v-2", "serial": "v-2", "bus": "scsi", "path": f"iscsi://{ADDRESS}:3260/{TARGET}/1",
         "initiator": "iqn.2026-11.org.orlop:cmp1", "user": USER, "password": PASSWORD}
SIZES = {"v-0": 2 << 20, "v-1": 3 << 20, "v-2": 64 << 20}


def blocks(machine):
    """Sizes of what QEMU has, asked while no agent is there."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    folder = os.open(machine["directory"], os.O_PATH)
    try:
        s.connect(f"/proc/self/fd/{folder}/monitor.sock")  # whatever the path's length is
    finally:
        os.close(folder)
    with s, s.makefile("rw") as f:
        f.readline()
        for command in ("qmp_capabilities", "query-block"):
            f.write(json.dumps({"execute": command}))
            f.flush()
            said = json.loads(f.readline())
    return sorted(b["inserted"]["image"]["virtual-size"] for b in said["return"])


@pytest.mark.parametrize("kind", ["file", "nfs", "iscsi"])
def test_a_volume_comes_to_a_running_machine_and_goes(site, place, kind):
    disk = {"file": file_disk(place), "nfs": NFS, "iscsi": ISCSI}[kind]
    m = scsi_machine(place)
    with Driver(place, enter=site[0].enter) as v:
        v.spawn(m)
        v.attach_disk(m, disk=disk)
        v.close()
    assert SIZES[disk["role"]] in blocks(m)
    with Driver(place, enter=site[0].enter) as v:  # an agent that has come after it
        v.attach_disk(m, disk=disk)
        v.detach_disk(m, role=disk["role"])
        said = v.tell("detach_disk", m, role=disk["role"])
        assert said["domain"] == "DiskNotFound"
        v.close()
    assert SIZES[disk["role"]] not in blocks(m)
    with Driver(place, enter=site[0].enter) as v:
        v.destroy(m)
        v.close()


def test_a_machine_starts_from_all_of_them_and_tells_no_password(site, place):
    m = scsi_machine(place, file_disk(place), NFS, ISCSI)
    with Driver(place, enter=site[0].enter) as v:
        v.spawn(m)
        (argv,) = virt.processes(place).values()
        v.close()
    assert set(SIZES.values()) < set(blocks(m))
    assert PASSWORD not in " ".join(argv)
    held = subprocess.run(["grep", "-rlF", PASSWORD, str(place)], capture_output=True, text=True, check=False)
    assert held.stdout == ""
    with Driver(place, enter=site[0].enter) as v:
        v.reboot(m, is_hard=True)
        v.detach_disk(m, role="v-2")
        v.attach_disk(m, disk=ISCSI)
        v.destroy(m)
        v.close()


@pytest.mark.parametrize("change, says", [
    ({"password": "another"}, "Failed to connect to LUN"),
    ({"path": f"iscsi://{ADDRESS}:1/{TARGET}/1"}, "Failed to connect to LUN"),
    ({"path": f"iscsi://{ADDRESS}:3260/{TARGET}/one"}, "is no iscsi://"),
    ({"path": f"nfs://{ADDRESS}/exp/nothing", "user": None}, "Failed to open"),
])
def test_a_disk_that_cannot_be_opened_leaves_nothing(site, place, change, says):
    m = scsi_machine(place)
    with Driver(place, enter=site[0].enter) as v:
        v.spawn(m)
        said = v.tell("attach_disk", m, disk={**ISCSI, **change})
        assert said["result"] < 0 and says in said["error"]
        v.attach_disk(m, disk=ISCSI)
        v.destroy(m)
        v.close()
