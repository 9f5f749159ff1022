# SPDX-License-Identifier: Apache-2.0
"""Machines in libvirt: their whole life, libvirtd restarted under them, domains of nova's, and a kill at every change."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import virt
from support.debs import ROOT
from support.libvirt import Libvirt
from support.virt import PAUSED, RUNNING, SHUTDOWN, last_seen, wait_for, wait_said

NOVA_DOMAIN = ROOT / "../shared/openstack/wire/libvirt-domain.xml"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces for libvirtd take root")


@pytest.fixture(scope="module")
def libvirt(tmp_path_factory):
    with Libvirt(tmp_path_factory.mktemp("libvirt")) as found:
        yield found


@pytest.fixture
def place(tmp_path, libvirt):
    yield tmp_path
    left, domains = virt.processes(tmp_path), libvirt.virsh("list", "--all", "--name").split()
    virt.end_processes(tmp_path)
    for name in domains:
        libvirt.virsh("undefine", "--managed-save", name)
    assert not left and not domains


@pytest.fixture
def driver(libvirt):
    """driver(place) is an open one."""
    return lambda where, **more: virt.Driver(where, driver="libvirt", enter=libvirt.enter, **more)


def volume(place, name="11111111-2222-3333-4444-555555555555"):
    path = place / name
    with path.open("wb") as f:
        f.truncate(4 << 20)
    return {"role": name, "path": str(path), "serial": name}


@pytest.mark.parametrize("kind", ["pc", "q35"])
def test_a_machine_lives_from_spawn_to_destroy(place, driver, kind):
    m = virt.bootable(place, machine_type=kind, has_status_port=True)
    m["disks"].append({"role": "disk.config", "path": str(virt.config_drive(place)), "is_cdrom": True})
    m["nics"] = [{"id": "port-1", "mac": "52:54:00:12:34:56", "kind": "user"}]
    with driver(place) as v:
        v.spawn(m)
        assert v.power(m) == RUNNING
        wait_said(m, "READY")
        assert 'CONFIG {"uuid": "from-the-drive"}' in v.console(m)["console"]
        assert json.loads((Path(m["directory"]) / "status.log").read_text()) == {"stage": "up"}
        before = ["block/vda", "block/sd*", "net/eth0"]
        wait_for("devices", lambda: last_seen(m) == before)

        disk = volume(place)
        v.attach_disk(m, disk=disk)
        v.attach_disk(m, disk=disk)  # there already
        v.attach_nic(m, nic={"id": "port-2", "mac": "52:54:00:12:34:57", "kind": "user"})
        wait_for("hot-plug", lambda: last_seen(m) == ["block/vda", "block/vdb", "block/sd*", "net/eth0", "net/eth1"])
        v.detach_nic(m, id="port-2")
        v.detach_nic(m, id="port-2")  # gone already

        v.pause(m)
        assert v.power(m) == PAUSED
        v.unpause(m)
        v.suspend(m)
        assert v.power(m) == SHUTDOWN and not virt.processes(place)
        v.resume(m)
        assert v.power(m) == RUNNING
        v.detach_disk(m, role=disk["role"])
        wait_for("unplug", lambda: last_seen(m) == before)
        assert v.tell("detach_disk", m, role=disk["role"])["domain"] == "DiskNotFound"

        if kind == "pc":
            v.reboot(m)
            wait_said(m, "READY")
        v.power_off(m, timeout_ms=30000, retry_ms=5000)
        assert v.power(m) == SHUTDOWN and not virt.processes(place)
        assert v.tell("pause", m)["domain"] == "InstanceNotRunning"
        v.power_on(m)
        v.reboot(m, is_hard=True)
        assert v.power(m) == RUNNING
        assert not v.events  # nothing but what it was told
        v.destroy(m)
        assert not Path(m["directory"]).exists() and v.list()["uuids"] == []
        assert v.tell("info", m)["domain"] == "InstanceNotFound"
        v.close()


def test_the_host_is_described_before_any_emulator_is_probed(place, driver, libvirt):
    with driver(place) as v:
        host = v.resources()
        assert (host["hypervisor_type"], host["vcpus"]) == ("QEMU", os.cpu_count())
        assert host["hypervisor_version"] >= 7000000 and "COMPUTE_NODE" in host["traits"]
        assert host["us"] < 1e6
        assert " load average: " in v.uptime()["uptime"]


def test_what_a_machine_does_by_itself_is_told(place, driver, libvirt):
    m = virt.machine(place)
    with driver(place) as v:
        v.spawn(m)
        steps = (("suspend", "paused"), ("resume", "resumed"), ("destroy", "stopped"), ("start", "started"))
        for call, event in steps:
            libvirt.virsh(call, m["name"])
            wait_for(event, lambda: v.events and v.events[-1] == {"event": event, "uuid": m["uuid"]})
        os.kill(next(iter(virt.processes(place))), 9)
        wait_for("its end", lambda: v.events[-1]["event"] == "stopped")
        assert v.power(m) == SHUTDOWN
        assert len(v.events) == len(steps) + 1
        v.destroy(m)


def test_machines_outlive_us_and_are_found_again(place, driver):
    m, other = virt.machine(place), virt.machine(place, 2)
    with driver(place) as v:
        v.at_once("spawn", [m, other])
        v.pause(other)
        v.kill()
    before = virt.processes(place)
    assert len(before) == 2
    with driver(place) as v:
        assert v.list()["uuids"] == [m["uuid"], other["uuid"]]
        assert (v.power(m), v.power(other)) == (RUNNING, PAUSED)
        v.spawn(m)  # done already
        assert virt.processes(place) == before and v.resources()["vcpus_used"] == 2
        v.at_once("destroy", [m, other])
        v.close()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_libvirtd_may_come_and_go(place, driver, libvirt, how):
    m, other = virt.machine(place), virt.machine(place, 2)
    with driver(place) as v:
        v.at_once("spawn", [m, other])
        libvirt.tell(how)
        wait_for("loss", lambda: v.tell("info", m).get("domain") == "HypervisorUnavailable")
        assert v.tell("pause", m)["domain"] == "HypervisorUnavailable"
        assert len(virt.processes(place)) == 2
        os.kill(next(p for p, argv in virt.processes(place).items() if other["uuid"] in argv), 9)
        libvirt.tell("start")
        wait_for("connection", lambda: v.tell("info", m)["result"] == 0)
        wait_for("news", lambda: v.events)
        assert v.events == [{"event": "stopped", "uuid": other["uuid"]}]
        assert v.power(m) == RUNNING
        v.pause(m)
        v.at_once("destroy", [m, other])
        assert v.log().count("is lost") == 1 and v.log().count("is back") == 1
        v.close()


def nova_domain(place, m):
    """A domain as nova has defined it, with the paths of this test and a processor that runs here."""
    text = NOVA_DOMAIN.read_text()
    old = re.search(r"<uuid>(.*)</uuid>", text)[1]
    text = re.sub(r"(?s)<seclabel.*?</seclabel>|<cpu .*?</cpu>|<vcpu.*?</vcpu>| id='31'", "", text)
    text = re.sub(r"/var/lib/nova/instances[^/]*/" + old, m["directory"], text)
    return text.replace(old, m["uuid"])


@pytest.mark.skipif(not NOVA_DOMAIN.exists(), reason="there are no captured files of OpenStack")
def test_a_domain_of_nova_is_taken_over(place, driver, libvirt):
    m = virt.machine(place, name="instance-0000008e")
    m["disks"][0].pop("is_qcow2")
    folder = Path(m["directory"])
    folder.mkdir(parents=True)
    for name in ("disk", "disk.config"):
        (folder / name).write_bytes(bytes(1 << 20))
    disk = volume(place)
    extra = (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk['path']}'/>"
             f"<target dev='vdb' bus='virtio'/><serial>{disk['serial']}</serial></disk></devices>")
    (place / "nova.xml").write_text(nova_domain(place, m).replace("</devices>", extra))
    libvirt.virsh("define", str(place / "nova.xml"))
    libvirt.virsh("start", m["name"])
    with driver(place) as v:
        assert v.list()["uuids"] == [m["uuid"]] and v.power(m) == RUNNING
        v.pause(m)
        v.unpause(m)
        v.suspend(m)
        v.resume(m)
        v.attach_disk(m, disk=disk)  # nova has done it
        v.power_off(m)
        v.detach_disk(m, role=disk["role"])
        assert disk["path"] not in libvirt.virsh("dumpxml", m["name"])
        v.power_on(m)
        assert v.power(m) == RUNNING
        v.destroy(m)
        assert not folder.exists()


def meaning(domain):
    """What a domain's XML says of the machine, without what libvirt adds by itself."""
    def text(path):
        return domain.findtext(path)
    disks = {(d.get("type"), d.get("device"), d.find("driver").get("type"), d.find("driver").get("cache"),
              d.find("source").get("file"), d.find("target").get("dev"), d.find("target").get("bus"),
              d.find("readonly") is not None) for d in domain.iter("disk")}
    return {
        "type": domain.get("type"), "name": text("name"), "uuid": text("uuid"), "memory": text("memory"),
        "vcpu": text("vcpu"), "sysinfo": {e.get("name"): e.text for e in domain.iter("entry")},
        "machine": domain.find("os/type").get("machine").split("-")[0], "boot": domain.find("os/boot").get("dev"),
        "smbios": domain.find("os/smbios").get("mode"), "features": {f.tag for f in domain.find("features")},
        "clock": domain.find("clock").get("offset"), "disks": disks,
        "console": domain.find("devices/serial/log").attrib, "usb": domain.find(".//controller[@type='usb']").get("model"),
        "balloon": domain.find(".//memballoon/stats").get("period"), "rng": text(".//rng/backend"),
        "nova": {e.tag for e in domain.find("metadata").iter()} - {"metadata"},
    }


@pytest.mark.skipif(not NOVA_DOMAIN.exists(), reason="there are no captured files of OpenStack")
def test_a_domain_means_what_nova_defines():
    ours = meaning(ElementTree.parse(ROOT / "tests/golden/virt/libvirt-plain.out").getroot())
    theirs = meaning(ElementTree.parse(NOVA_DOMAIN).getroot())
    assert ours.pop("nova") <= theirs.pop("nova")
    assert ours == theirs


@pytest.mark.parametrize("golden", sorted((ROOT / "tests/golden/virt").glob("libvirt-*.out")), ids=lambda p: p.stem)
def test_libvirt_takes_each_golden_domain(place, libvirt, golden):
    text = golden.read_text().replace("type='kvm'", "type='qemu'").replace("/opt/qemu", "/usr/bin/qemu-system-x86_64")
    (place / "domain.xml").write_text(text.replace("host-passthrough", "host-model"))
    # Its schema wants a user id of NFS, of which its parser takes QEMU's own.
    libvirt.virsh("define", *([] if "protocol='nfs'" in text else ["--validate"]), str(place / "domain.xml"))
    libvirt.virsh("undefine", "instance-0000008e")


def test_a_bridged_nic_is_on_its_bridge(place, driver, libvirt):
    m = virt.machine(place)
    m["nics"] = [{"id": "0f5ab8e2-1111-2222-3333-444444444444", "mac": "52:54:00:12:34:56", "kind": "bridge",
                  "bridge": "br0", "mtu": 1400}]  # without the bridge, which is made
    with driver(place) as v:
        v.spawn(m)
        line = next(l for l in libvirt.run("ip", "-o", "link").splitlines() if "tap0f5ab8e2-11" in l)
        assert "master br0" in line and "mtu 1400" in line and "UP" in line
        v.destroy(m)
        assert "tap0f5ab8e2-11" not in libvirt.run("ip", "-o", "link")
    libvirt.run("ip", "link", "del", "br0")


def test_a_held_machine_waits_to_be_let_go(place, driver):
    m = virt.machine(place, is_held=True)
    with driver(place) as v:
        v.spawn(m)
        assert v.power(m) == PAUSED
        v.spawn(m)  # done already
        assert v.power(m) == PAUSED
        v.unpause(m)
        assert v.power(m) == RUNNING and not v.events
        v.destroy(m)


def test_without_root_a_machine_lives_and_its_console_is_read(driver, libvirt):
    """nova-compute runs as the user nova; here as nobody, in a directory that it can reach."""
    where = Path(tempfile.mkdtemp(prefix="orlop-libvirt-"))
    shutil.chown(where, 65534, 65534)
    m = virt.machine(where)
    try:
        with driver(where, user="nobody") as v:
            assert "Uid:\t65534\t65534\t65534\t65534" in Path(f"/proc/{v.process.pid}/status").read_text()
            v.spawn(m)
            log = Path(m["directory"]) / "console.log"
            wait_for("console", lambda: log.exists())
            assert log.stat().st_uid == 0 and log.stat().st_mode & 0o7 == 0
            assert v.console(m)["console"] == ""
            v.reboot(m, is_hard=True)
            assert v.power(m) == RUNNING
            v.destroy(m)
            assert not Path(m["directory"]).exists()
            v.close()
        assert not virt.processes(where)
        kvm = Path("/dev/kvm")
        if kvm.exists() and not kvm.stat().st_mode & 0o6:  # closed to us, not to libvirt's QEMU
            with driver(where, user="nobody", accelerator="auto", virt_type="kvm") as v:
                assert "x86_64/kvm/hvm" in v.resources()["hv_specs"]
    finally:
        virt.end_processes(where)
        shutil.rmtree(where)


def test_without_the_library_the_option_is_named(tmp_path):
    done = subprocess.run([virt.program(), "libvirt.LibvirtDriver", json.dumps({"instances_path": str(tmp_path)})],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    if done.returncode == 0 or "connect to" in done.stderr:
        pytest.skip("this machine has libvirt")
    assert "compute_driver = libvirt.LibvirtDriver needs libvirt.so.0" in done.stderr


# --- killed instead of the Nth change ---

WAYS = ("spawn", "attach_disk", "suspend", "resume", "destroy")


def changes(place, driver):
    """{way: numbers of the changes that it makes}, seen in a run that is not killed."""
    m = virt.machine(place)
    numbers, before = {}, 0
    with driver(place) as v:
        before = v.list()["changes"]
        for call in WAYS:
            after = getattr(v, call)(m, disk=volume(place))["changes"]
            numbers[call] = range(before + 1, after + 1)
            before = after
        v.close()
    return numbers


def live_with_a_kill(place, driver, way, n):
    where = place / f"{way}-{n}"
    where.mkdir()
    m = virt.machine(where, n)
    with driver(where, kill_at=n) as v:
        for call in WAYS:
            if v.tell(call, m, disk=volume(where)) is None or call == way:
                break
        assert v.process.wait(20) == -9, f"change {n} was not made"
    with driver(where) as v:
        getattr(v, way)(m, disk=volume(where))
        if way in ("spawn", "attach_disk", "resume"):
            assert v.power(m) == RUNNING
        assert len(virt.processes(where)) == (way in ("spawn", "attach_disk", "resume"))
        v.destroy(m)
        v.close()
    assert not virt.processes(where) and not Path(m["directory"]).exists(), f"change {n}"


def test_killed_at_any_change_it_ends_the_same(place, driver):
    numbers = changes(place, driver)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(live_with_a_kill, place, driver, way, n) for way in WAYS for n in numbers[way]]:
            done.result()
