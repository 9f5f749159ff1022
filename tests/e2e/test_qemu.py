# SPDX-License-Identifier: Apache-2.0
"""Machines in a real QEMU: their whole life, what survives us, and a kill at every change."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from support import virt
from support.virt import CRASHED, PAUSED, RUNNING, SHUTDOWN, Driver, last_seen, wait_for, wait_said


@pytest.fixture
def place(tmp_path):
    yield tmp_path
    left = virt.processes(tmp_path)
    virt.end_processes(tmp_path)
    assert not left


def files(machine):
    folder = Path(machine["directory"])
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else None


def volume(place, name="volume"):
    path = place / name
    with path.open("wb") as f:
        f.truncate(4 << 20)
    return {"role": name, "path": str(path), "serial": "4c1f9a4e-2b2b-4d8b-a111-222222222222"}


@pytest.mark.parametrize("kind", ["pc", "q35"])
def test_a_machine_lives_from_spawn_to_destroy(place, kind):
    m = virt.bootable(place, machine_type=kind, has_status_port=True)
    m["disks"].append({"role": "disk.config", "path": str(virt.config_drive(place)), "is_cdrom": True})
    m["nics"] = [{"id": "port-1", "mac": "52:54:00:12:34:56", "kind": "user"}]
    with Driver(place) as v:
        v.spawn(m)
        assert v.power(m) == RUNNING
        wait_said(m, "READY")
        assert 'CONFIG {"uuid": "from-the-drive"}' in v.console(m)["console"]
        assert json.loads((Path(m["directory"]) / "status.log").read_text()) == {"stage": "up"}
        before = ["block/vda", "block/sd*", "net/eth0"]
        wait_for("devices", lambda: last_seen(m) == before)

        v.attach_disk(m, disk=volume(place))
        v.attach_nic(m, nic={"id": "port-2", "mac": "52:54:00:12:34:57", "kind": "user"})
        wait_for("hot-plug", lambda: last_seen(m) == ["block/vda", "block/vdb", "block/sd*", "net/eth0", "net/eth1"])
        v.detach_nic(m, id="port-2")

        v.pause(m)
        assert v.power(m) == PAUSED
        v.unpause(m)
        # With the volume and without the NIC, which its definition as given does not know.
        v.suspend(m)
        assert v.power(m) == SHUTDOWN and not virt.processes(place)
        v.resume(m)
        assert v.power(m) == RUNNING and "machine.state" not in files(m)
        v.detach_disk(m, role="volume")
        wait_for("unplug", lambda: last_seen(m) == before)
        assert virt.console(m).count("UP") == 1  # all in one life
        assert v.tell("detach_disk", m, role="volume")["domain"] == "DiskNotFound"

        if kind == "q35":
            v.reboot(m)
            wait_said(m, "READY", 2)
        v.power_off(m, timeout_ms=30000, retry_ms=5000)
        assert v.power(m) == SHUTDOWN and not virt.processes(place)
        v.power_on(m)
        v.reboot(m, is_hard=True)
        assert v.power(m) == RUNNING
        assert not v.events  # nothing but what it was told
        v.destroy(m)
        assert files(m) is None and v.list()["uuids"] == []
        v.close()


def test_what_a_machine_does_by_itself_is_told(place):
    m = virt.machine(place)
    with Driver(place) as v:
        v.spawn(m)
        pid = next(iter(virt.processes(place)))
        os.kill(pid, 9)
        wait_for("event", lambda: v.events)
        assert v.events == [{"event": "crashed", "uuid": m["uuid"]}]
        assert v.power(m) == CRASHED
        wait_for("its burial", lambda: not Path(f"/proc/{pid}").exists())
        v.close()
    with Driver(place) as v:
        assert v.power(m) == CRASHED
        v.power_on(m)
        assert v.power(m) == RUNNING
        v.destroy(m)


def test_a_guest_that_powers_off_is_stopped_seen_or_not(place):
    """The second time we are not there to see it."""
    m = virt.bootable(place)
    m["cmdline"] += " rdinit=/bin/poweroff -- -f"
    with Driver(place) as v:
        v.spawn(m)
        wait_for("event", lambda: v.events)
        assert v.events == [{"event": "stopped", "uuid": m["uuid"]}]
        assert v.power(m) == SHUTDOWN
        v.power_on(m)
        v.kill()
    with Driver(place) as v:
        wait_for("its end", lambda: v.power(m) == SHUTDOWN)
        wait_for("the end of its process", lambda: not virt.processes(place))
        v.destroy(m)


def test_a_guest_that_does_not_hear_is_off_after_its_time(place):
    m = virt.machine(place)
    with Driver(place) as v:
        v.spawn(m)
        took = v.power_off(m, timeout_ms=1500, retry_ms=500)["us"] / 1e6
        assert 1.4 < took < 10 and not virt.processes(place)
        v.power_off(m, timeout_ms=1500, retry_ms=500)  # off already
        assert v.tell("pause", m)["domain"] == "InstanceNotRunning"
        v.destroy(m)
        assert v.tell("info", m)["domain"] == "InstanceNotFound"


def test_one_that_hangs_is_left_alone_until_it_is_told_to_end(place):
    m = virt.machine(place)
    with Driver(place) as v:
        v.spawn(m)
        v.kill()
    pid = next(iter(virt.processes(place)))
    os.kill(pid, signal.SIGSTOP)
    with Driver(place) as v:
        assert v.power(m) == 0
        assert list(virt.processes(place)) == [pid]
        v.destroy(m)
        assert not virt.processes(place)


def test_one_that_cannot_be_reached_goes_on(place):
    m = virt.machine(place)
    with Driver(place) as v:
        v.spawn(m)
        v.kill()
    pid = next(iter(virt.processes(place)))
    (Path(m["directory"]) / "monitor.sock").unlink()
    with Driver(place) as v:
        assert v.power(m) == 0
        assert list(virt.processes(place)) == [pid]
        v.destroy(m)
        assert not virt.processes(place)


def test_a_record_of_an_old_volume_gives_way_to_the_new_one(place):
    m = virt.machine(place)
    old, new = volume(place, "old"), {**volume(place, "new"), "role": "volume"}
    with Driver(place) as v:
        v.spawn(m)
        v.power_off(m)
        v.attach_disk(m, disk={**old, "role": "volume"})
        v.attach_disk(m, disk=new)
        v.power_on({**m, "disks": [*m["disks"], new]})
        pid = next(iter(virt.processes(place)))
        opened = {os.readlink(p) for p in Path(f"/proc/{pid}/fd").iterdir()}
        assert new["path"] in opened and old["path"] not in opened
        said = v.tell("attach_disk", m, disk={**old, "role": "volume"})
        assert said["result"] < 0 and "is another one" in said["error"]
        v.destroy(m)


def test_machines_outlive_us_and_are_found_again(place):
    m, other = virt.machine(place), virt.machine(place, 2)
    with Driver(place) as v:
        v.spawn(m)
        v.spawn(other)
        v.pause(other)
        v.kill()
    before = virt.processes(place)
    assert len(before) == 2
    with Driver(place) as v:
        assert v.list()["uuids"] == [m["uuid"], other["uuid"]]
        assert (v.power(m), v.power(other)) == (RUNNING, PAUSED)
        v.spawn(m)  # done already
        assert virt.processes(place) == before
        v.destroy(m)
        v.destroy(other)
        v.close()


def test_many_machines_are_served_at_once(place):
    machines = [virt.machine(place, n, memory_mb=32) for n in range(1, 9)]
    with Driver(place) as v:
        for call in ("spawn", "pause", "info", "unpause", "suspend", "resume"):
            v.at_once(call, machines)
        assert len(virt.processes(place)) == len(machines)
        assert v.resources()["vcpus_used"] == len(machines)
        v.at_once("reboot", machines, is_hard=True)
        pids = list(virt.processes(place))
        for pid in pids[:4]:
            os.kill(pid, 9)
        wait_for("events", lambda: len(v.events) == 4)
        v.at_once("power_on", machines)
        v.at_once("destroy", machines)
        assert v.list()["uuids"] == [] and not virt.processes(place)
        v.close()


def test_qemu_is_shut_in_and_gets_no_secret(place):
    """It runs as the user that the option names, who may write its disks and nothing else."""
    m = virt.machine(place)
    del m["disks"][0]["base"]  # it could not reach it: the way there is closed to others
    with Driver(place, qemu_user="nobody") as v:
        v.spawn(m)
        pid, argv = next(iter(virt.processes(place).items()))
        status = Path(f"/proc/{pid}/status").read_text()
        assert "Uid:\t65534\t65534\t65534\t65534" in status
        assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
        assert "-nodefaults" in argv and "-no-user-config" in argv
        folder = Path(m["directory"])
        assert folder.stat().st_uid == 0 and (folder / "disk").stat().st_uid == 65534
        assert Path(f"/proc/{pid}/stat").read_text().split()[5] == str(pid)  # a session of its own
        v.destroy(m)


def test_disks_are_made_as_nova_makes_them(place):
    m = virt.machine(place)
    m["disks"] += [{"role": "disk.eph0", "is_ours": True, "size": 16 << 20},
                   {"role": "disk.swap", "is_ours": True, "is_qcow2": True, "size": 4 << 20},
                   {"role": "disk.raw", "is_ours": True, "base": str(place / "base.raw"), "size": 2 << 20}]
    with Driver(place) as v:
        v.spawn(m)
        v.power_off(m)
        folder = Path(m["directory"])
        info = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", folder / "disk"]))
        assert (info["format"], info["virtual-size"]) == ("qcow2", 8 << 20)
        assert info["backing-filename"] == str(place / "base.raw")
        assert (folder / "disk.raw").stat().st_size == 2 << 20
        said = subprocess.check_output(["blkid", "-p", folder / "disk.eph0"], text=True)
        assert 'LABEL="ephemeral0"' in said and 'TYPE="ext4"' in said
        (folder / "disk").unlink()
        del m["disks"][0]["base"]  # as it is told when it is only started
        v.power_on(m)
        v.power_off(m)
        again = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", folder / "disk"]))
        assert again["backing-filename"] == info["backing-filename"]
        swap = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", folder / "disk.swap"]))
        assert swap["format"] == "qcow2"
        v.destroy(m)


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")
def test_a_bridged_nic_is_there_for_as_long_as_its_machine(place):
    net = ["unshare", "--net"]  # without the bridge, which is made
    m = virt.machine(place)
    m["nics"] = [{"id": "0f5ab8e2-1111-2222-3333-444444444444", "mac": "52:54:00:12:34:56", "kind": "bridge",
                  "bridge": "br0", "mtu": 1400}]
    with Driver(place, enter=net) as v:
        inside = ["nsenter", f"--net=/proc/{v.process.pid}/ns/net", "ip", "-o", "link"]
        v.spawn(m)
        line = next(l for l in subprocess.check_output(inside, text=True).splitlines() if "tap0f5ab8e2-11" in l)
        assert "master br0" in line and "mtu 1400" in line and "UP" in line
        v.attach_nic(m, nic={"id": "9999", "mac": "52:54:00:12:34:57", "kind": "bridge", "bridge": "br0"})
        assert "tap9999" in subprocess.check_output(inside, text=True)
        v.destroy(m)
        assert "tap" not in subprocess.check_output(inside, text=True)
        v.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")
def test_without_root_the_helper_makes_what_takes_root():
    """nova-compute runs as the user nova; here as nobody, in a directory that it can reach."""
    place = Path(tempfile.mkdtemp(prefix="orlop-virt-"))
    shutil.chown(place, 65534, 65534)
    m = virt.machine(place)
    m["nics"] = [{"id": "0f5ab8e2-1111-2222-3333-444444444444", "mac": "52:54:00:12:34:56", "kind": "bridge",
                  "bridge": "br0"}]
    net = ["unshare", "--net", "sh", "-c", 'ip link add br0 type bridge && exec "$@"', "sh"]
    try:
        with Driver(place, enter=net, user="nobody") as v:
            inside = ["nsenter", f"--net=/proc/{v.process.pid}/ns/net", "ip", "-o", "link"]
            assert "Uid:\t65534\t65534\t65534\t65534" in Path(f"/proc/{v.process.pid}/status").read_text()
            v.spawn(m)
            line = next(l for l in subprocess.check_output(inside, text=True).splitlines() if "tap0f5ab8e2-11" in l)
            assert "master br0" in line and "UP" in line
            v.reboot(m, is_hard=True)
            assert v.power(m) == RUNNING
            v.destroy(m)
            assert "tap" not in subprocess.check_output(inside, text=True)
            v.close()
        assert not virt.processes(place)
    finally:
        virt.end_processes(place)
        shutil.rmtree(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")
def test_open_vswitch_is_told_of_ports_as_by_os_vif(place):
    tools = place / "tools"
    tools.mkdir()
    (tools / "ovs-vsctl").write_text(f'#!/bin/sh\necho "$*" >> {place}/told\n')
    (tools / "ovs-vsctl").chmod(0o755)
    m = virt.machine(place)
    m["nics"] = [{"id": "0f5ab8e2-1111-2222-3333-444444444444", "mac": "52:54:00:12:34:56", "kind": "ovs",
                  "bridge": "br-int"}]
    with Driver(place, enter=["unshare", "--net"], env={"PATH": f"{tools}:{os.environ['PATH']}"}) as v:
        v.spawn(m)
        v.destroy(m)
    add, remove = (place / "told").read_text().splitlines()
    assert add == ("--timeout=60 -- --if-exists del-port tap0f5ab8e2-11 -- add-port br-int tap0f5ab8e2-11 -- set "
                   "Interface tap0f5ab8e2-11 external_ids:iface-id=0f5ab8e2-1111-2222-3333-444444444444 "
                   "external_ids:iface-status=active external_ids:attached-mac=52:54:00:12:34:56 "
                   f"external_ids:vm-uuid={m['uuid']}")
    assert remove == "--timeout=60 -- --if-exists del-port br-int tap0f5ab8e2-11"


def test_the_host_is_described_and_kvm_proved_once_per_boot(place):
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with Driver(place, accelerator="auto") as v:
        host = v.resources()
        kept = place / "state/accelerator"
        assert kept.read_text().split() == [boot, "kvm" if "x86_64/kvm/hvm" in host["hv_specs"] else "tcg"]
        assert (host["hypervisor_type"], host["vcpus"]) == ("QEMU", os.cpu_count())
        assert host["hypervisor_version"] >= 7000000 and "COMPUTE_NODE" in host["traits"]
        assert json.loads(host["cpu_info"])["arch"] == "x86_64"
        assert " load average: " in v.uptime()["uptime"]
    kept.write_text(f"{boot} kvm\n")
    with Driver(place, accelerator="auto") as v:
        again = v.resources()
        assert "x86_64/kvm/hvm" in again["hv_specs"]  # as it is kept, without another trial
        assert again["hypervisor_version"] == host["hypervisor_version"] and again["changes"] == 0


def test_a_machine_that_qemu_refuses_says_why(place):
    m = virt.machine(place)
    m["disks"].append({"role": "bad", "path": str(place / "nothing-here")})
    with Driver(place) as v:
        said = v.tell("spawn", m)
        assert said["result"] < 0 and "nothing-here" in said["error"]
        m["disks"].pop()
        m["machine_type"] = "no-such-board"
        said = v.tell("spawn", m)
        assert "no-such-board" in said["error"] or "machine type" in said["error"]
        assert v.power(m) == SHUTDOWN
        v.destroy(m)
        assert files(m) is None


# --- killed instead of the Nth change ---

WAYS = ("spawn", "attach_disk", "suspend", "resume", "destroy")


def changes(place, way):
    """(where, where to) of the numbers of changes that a call makes, seen in a run that is not killed."""
    m = virt.machine(place)
    with Driver(place) as v:
        seen = [v.list()["changes"]]
        for call in WAYS:
            seen.append(getattr(v, call)(m, disk=volume(place))["changes"])
            if call == way:
                break
        else:
            raise AssertionError(way)
        if way != "destroy":
            v.destroy(m)
        v.close()
    return seen[-2] + 1, seen[-1]


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_any_change_it_ends_the_same(tmp_path, place, way):
    first, last = changes(place, way)
    for n in range(first, last + 1):
        where = place / f"{way}-{n}"
        where.mkdir()
        m = virt.machine(where)
        with Driver(where, kill_at=n) as v:
            for call in WAYS:
                if v.tell(call, m, disk=volume(where)) is None or call == way:
                    break
            assert v.process.wait(20) == -9, f"change {n} was not made"
        with Driver(where) as v:
            getattr(v, way)(m, disk=volume(where))
            if way in ("spawn", "attach_disk", "resume"):
                assert v.power(m) == RUNNING
                assert len(virt.processes(where)) == 1
            else:
                assert not virt.processes(where)
            v.destroy(m)
            assert v.list()["uuids"] == []
            v.close()
        assert not virt.processes(where) and files(m) is None, f"change {n}"
        shutil.rmtree(where)
