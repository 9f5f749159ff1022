# SPDX-License-Identifier: Apache-2.0
"""The unit tests' own configurations, against cloud-init itself where its source is at hand.

ORLOP_CLOUDINIT_SOURCE is a directory with the package "cloudinit" in it (26.2 for equality).
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from net_convert import PAIRS, TOP, can_convert, convert, options, read_tree

SOURCE = os.environ.get("ORLOP_CLOUDINIT_SOURCE", "")
GOLDEN = TOP / "tests/golden/network"
KINDS = {".yaml": "yaml", ".json": "network_data.json", ".eni": "eni"}
INPUTS = sorted(p for p in GOLDEN.glob("*") if p.suffix in KINDS)
MACS = [f"eth{n},fa:16:3e:00:00:0{n + 1}" for n in range(3)]

# Where upstream crashes, loses something or writes what no program reads.
INTENDED = {
    "interfaces-debian.eni": {"eni|debian"},
    "v1-stack.yaml": {"networkd|photon"},
    "v2-numeric-mac.yaml": {"eni|debian", "netplan|ubuntu", "networkd|photon"},
    "v2-routes.yaml": {"eni|debian", "networkd|photon"},
    "v2-stack.yaml": {"eni|debian", "networkd|photon"},
}

# The machine's own interfaces must not be seen, and its users may lack systemd-network.
UPSTREAM = """
import sys
from cloudinit import net, util
from cloudinit.net import network_state
from cloudinit.cmd.devel import net_convert
util.chownbyname = lambda *args: None
network_state.get_interfaces_by_mac = net.get_interfaces_by_mac = lambda: {}
net.get_ib_hwaddrs_by_interface = lambda: {}
net_convert.handle_args("net-convert", net_convert.get_parser().parse_args(sys.argv[1:]))
"""


def convert_upstream(source, pair, target):
    """Runs cloud-init's own net-convert."""
    argv = options(source, KINDS[source.suffix], pair, target, MACS)
    env = {**os.environ, "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", UPSTREAM, *argv], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not SOURCE, reason="ORLOP_CLOUDINIT_SOURCE is not set")
@pytest.mark.skipif(not can_convert(), reason="the binary has no 'devel net-convert'")
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("source", INPUTS, ids=lambda p: p.name)
def test_files_are_those_of_cloud_init(source, pair, tmp_path):
    """demands: 33 50"""
    theirs = convert_upstream(source, pair, tmp_path / "theirs")
    ours = convert(source, KINDS[source.suffix], pair, tmp_path / "ours", MACS)
    assert ours.returncode == 0, ours.stderr
    if pair in INTENDED.get(source.name, ()):
        return
    assert theirs.returncode == 0, theirs.stderr
    assert read_tree(tmp_path / "ours") == read_tree(tmp_path / "theirs")
