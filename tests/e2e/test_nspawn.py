# SPDX-License-Identifier: Apache-2.0
"""
The whole Debian tree booted by systemd: our units and program beside Debian's own. Prints
how long each stage took on both sides.
"""

import pytest

from support import nspawn
from support.box import Box, File, run_step
from support.debs import BUILD
from support.machine import our_program
from support.tree import debian_tree

SEED = "/var/lib/cloud/seed/config_drive/openstack/latest/"
UNITS = ["cloud-init-local.service", "cloud-init.service", "cloud-config.service",
         "cloud-final.service"]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA k"
MACHINE = {
    "/etc/cloud/cloud.cfg.d/99_test.cfg": File(
        b"datasource_list: [ConfigDrive, None]\nssh_genkeytypes: [ed25519]\nlocale: C.UTF-8\n"
        b"apt_preserve_sources_list: true\n"),
    SEED + "meta_data.json": File(
        b'{"uuid": "b5f1d5f5-1111-2222-3333-444444444444", "hostname": "vm1.example"}'),
    SEED + "network_data.json": File(
        b'{"links": [{"id": "l", "type": "phy", "ethernet_mac_address": "52:54:00:12:34:56"}],'
        b' "networks": [{"id": "n", "type": "ipv4", "link": "l", "ip_address": "10.0.2.15",'
        b' "netmask": "255.255.255.0", "network_id": "x"}], "services": []}'),
    SEED + "user_data": File(
        b"#cloud-config\nssh_authorized_keys: [" + KEY.encode() + b"]\n"
        b"bootcmd: [echo boot >> /opt/boots]\n"
        b"write_files: [{path: /opt/written, content: hi}]\nruncmd: [echo once >> /opt/runs]\n"),
}


@pytest.fixture(scope="module")
def ours():
    return nspawn.boot({**MACHINE, **nspawn.our_files(our_program())}, boots=2)


@pytest.fixture(scope="module")
def theirs():
    return nspawn.boot(MACHINE, boots=2)


def stage_times(boot):
    return [boot.units[u].ms for u in UNITS if u in boot.units]


def test_stage_times_are_told_beside_pythons(ours, theirs):
    lines = ["boot under systemd (nspawn), ms per stage: local, network, config, final"]
    for name, (boots, _) in (("Python", theirs), ("ours", ours)):
        for which, boot in zip(("first boot", "reboot"), boots, strict=True):
            times = stage_times(boot)
            lines.append(f"  {name:7} {which:11} " + " ".join(f"{t:7.1f}" for t in times)
                         + f"  sum {sum(times):7.1f}; {boot.fact('analyze')}")
    text = "\n".join(lines) + "\n"
    (BUILD / "results").mkdir(parents=True, exist_ok=True)
    (BUILD / "results/nspawn.txt").write_text(text)
    assert sum(stage_times(ours[0][0])) < sum(stage_times(theirs[0][0])), text


@pytest.mark.demands(2, 3)
@pytest.mark.parametrize("which", [0, 1], ids=["first boot", "reboot"])
def test_units_run_in_their_order(ours, which):
    boot = ours[0][which]
    assert set(UNITS) <= set(boot.units), boot.text + boot.output
    assert {u: (boot.units[u].state, boot.units[u].result) for u in UNITS} == {
        u: ("active", "success") for u in UNITS}, boot.text
    for before, after in zip(UNITS, UNITS[1:]):
        assert boot.units[before].end_us <= boot.units[after].begin_us


@pytest.mark.demands(3)
def test_sshd_starts_after_the_network_stage(ours):
    units = ours[0][0].units
    assert units["cloud-init.service"].end_us <= units["ssh.service"].begin_us


@pytest.mark.parametrize("which", [0, 1], ids=["first boot", "reboot"])
def test_the_system_is_well(ours, which):
    boot = ours[0][which]
    assert (boot.fact("system"), boot.fact("failed"), boot.fact("cycle")) == (
        "running", "", ""), boot.text
    assert boot.fact("status") == "status: done"


@pytest.mark.demands(4, 41)
def test_the_address_is_there_because_the_network_manager_came_later(ours):
    assert "10.0.2.15/24" in ours[0][0].fact("address"), ours[0][0].text
    assert "10.0.2.15/24" in ours[0][1].fact("address"), ours[0][1].text


@pytest.mark.demands(45, 30)
def test_a_reboot_repeats_only_what_is_for_every_boot(ours):
    files = ours[1]
    assert files["/opt/boots"].data == b"boot\nboot\n"
    assert files["/opt/runs"].data == b"once\n"
    assert files["/opt/written"].data == b"hi"


def test_a_disabled_machine_is_left_alone():
    disabled = {"/etc/cloud/cloud-init.disabled": File(b"")}
    boots, files = nspawn.boot({**MACHINE, **nspawn.our_files(our_program()), **disabled})
    assert boots[0].fact("status") == "status: disabled", boots[0].text + boots[0].output
    assert {boots[0].units[u].state for u in UNITS} == {"inactive"}
    assert "/opt/written" not in files


@pytest.mark.demands(3)
def test_systemd_finds_nothing_wrong_with_our_units():
    names = [p.name for p in nspawn.UNITS.iterdir() if p.suffix in (".service", ".target")]
    stubs = {f"/usr/bin/{n}": File(b"#!/bin/sh\n", 0o755) for n in ("orlop", "orlop-compute")}
    files = {**nspawn.our_files(our_program()), **stubs}
    box = Box(debian_tree(), files=files, collect=False, steps=[
        run_step("systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                 *[f"{nspawn.UNIT_DIR}/{n}" for n in names])])
    step = box.run().steps[0]
    assert step["status"] == 0, step["output"]
    assert "cloud" not in step["output"] and "orlop" not in step["output"], step["output"]
