# SPDX-License-Identifier: Apache-2.0
"""
Interfaces and their names in a network namespace of their own: swapped, detached, taken by
another. Whatever happens, no interface is left with a temporary name.
"""

import os
import re

import pytest

from support.box import MAC, Box, program_files, reboot_step, run_step
from support.machine import our_program, seeded
from support.tree import debian_tree

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make network namespaces")

SECOND, THIRD = "52:54:00:12:34:57", "52:54:00:12:34:58"
INIT_LOCAL = run_step("cloud-init", "init", "--local")
SHOW = run_step("ip", "-o", "link", name="show")


def config(**names):
    """Version 2: name=MAC."""
    text = "version: 2\nethernets:\n"
    for name, mac in names.items():
        text += (f"  {name}:\n    match: {{macaddress: '{mac}'}}\n    set-name: {name}\n"
                 "    addresses: [192.0.2.4/24]\n")
    return text.encode()


def add(name, mac):
    """A virtual pair; its other end has a name that no test uses."""
    return run_step("ip", "link", "add", name, "address", mac, "type", "veth", "peer", "name",
                    f"peer-{name}")


def boot(network, *steps):
    files = {**seeded("i-nics", "#cloud-config\n", network), **program_files(our_program())}
    outcome = Box(debian_tree(), files=files, steps=list(steps)).run()
    for step in outcome.steps:
        if step["name"].startswith("ip "):
            assert step["status"] == 0, step["output"]
    return outcome


def names(outcome):
    """{MAC: name}, {name: is up} as the last look saw them."""
    shown = [s["output"] for s in outcome.steps if s["name"] == "show"][-1]
    found = re.findall(r"^\d+: ([^:@]+)[^<]*<([^>]*)>.*?link/ether ([0-9a-f:]+)", shown, re.M)
    assert "cirename" not in shown
    return {mac: name for name, _, mac in found}, {name: "UP" in flags.split(",")
                                                  for name, flags, _ in found}


@pytest.mark.demands(26, 43)
def test_names_are_swapped_and_links_stay_up():
    outcome = boot(config(eth0=SECOND, eth1=MAC), add("eth1", SECOND),
                   run_step("ip", "link", "set", "eth1", "up"), INIT_LOCAL, SHOW)
    by_mac, is_up = names(outcome)
    assert by_mac[MAC] == "eth1" and by_mac[SECOND] == "eth0", outcome.steps
    assert is_up["eth0"] and not is_up["eth1"]


@pytest.mark.demands(26)
def test_three_names_go_round():
    outcome = boot(config(eth0=SECOND, eth1=THIRD, eth2=MAC), add("eth1", SECOND),
                   add("eth2", THIRD), INIT_LOCAL, SHOW)
    by_mac, _ = names(outcome)
    assert [by_mac[m] for m in (SECOND, THIRD, MAC)] == ["eth0", "eth1", "eth2"]


@pytest.mark.demands(26, 45)
def test_a_new_port_keeps_its_name_when_the_old_one_is_gone():
    """The port is detached, another is attached, the machine reboots: nothing is renamed."""
    outcome = boot(config(eth0=MAC), INIT_LOCAL, run_step("ip", "link", "del", "eth0"),
                   add("eth0", SECOND), reboot_step(), INIT_LOCAL, SHOW)
    by_mac, _ = names(outcome)
    assert by_mac[SECOND] == "eth0"
    log = outcome.text("/var/log/cloud-init.log")
    assert f"[nic not present] Cannot rename mac={MAC} to eth0, not available." in log


@pytest.mark.demands(26)
def test_a_name_that_another_interface_has_is_refused():
    outcome = boot(config(eth1=MAC), add("eth1", SECOND), INIT_LOCAL, SHOW)
    by_mac, _ = names(outcome)
    assert by_mac[MAC] == "eth0" and by_mac[SECOND] == "eth1"
    log = outcome.text("/var/log/cloud-init.log")
    assert "[busy-target] Error renaming mac=" in log


def test_an_interface_in_use_is_not_taken_down():
    outcome = boot(config(lan0=MAC), run_step("ip", "addr", "add", "192.0.2.9/24", "dev", "eth0"),
                   run_step("ip", "link", "set", "eth0", "up"), INIT_LOCAL, SHOW)
    by_mac, is_up = names(outcome)
    assert by_mac[MAC] == "eth0" and is_up["eth0"]
    assert "[busy] Error renaming mac=" in outcome.text("/var/log/cloud-init.log")
