# SPDX-License-Identifier: Apache-2.0
"""What the boxes of several suites have in common: the files of a plain machine."""

import os
from pathlib import Path

from .box import File
from .debs import BUILD, SupportError

CONFIG = Path(__file__).with_name("box-cloud.cfg")
NOCLOUD = "/var/lib/cloud/seed/nocloud"
NOTHING = File(b"#!/bin/sh\nexit 0\n", 0o755)
STATIC_NETWORK = b"""version: 2
ethernets:
  eth0:
    match: {macaddress: "52:54:00:12:34:56"}
    set-name: eth0
    addresses: [192.0.2.4/24]
"""


def our_program():
    """Our cloud-init: ORLOP_BIN, or the one in ORLOP_BIN_DIR, or the release build's."""
    folder = Path(os.environ.get("ORLOP_BIN_DIR", BUILD / "release/src/bin"))
    path = Path(os.environ.get("ORLOP_BIN") or folder / "cloud-init")
    if not path.exists():
        raise SupportError(f"there is no program {path}; build it first ('make')")
    return path


def plain(datasources=("NoCloud", "None")):
    """
    A Debian with the modules that both programs have. No sshd may start and nothing may wait
    for a service manager or for a lease: neither belongs to what is compared.
    """
    return {
        "/etc/cloud/cloud.cfg": File(CONFIG.read_bytes()),
        "/etc/cloud/cloud.cfg.d/90_source.cfg": File(
            f"datasource_list: [{', '.join(datasources)}]\n".encode()),
        "/etc/init.d/ssh": NOTHING,
        "/usr/sbin/dhclient": NOTHING,
        "/usr/bin/systemctl": NOTHING,
    }


def seeded(instance_id, user_data, network=STATIC_NETWORK):
    """A plain machine with a NoCloud seed."""
    return {
        **plain(),
        f"{NOCLOUD}/meta-data": File(f"instance-id: {instance_id}\n".encode()),
        f"{NOCLOUD}/user-data": File(user_data.encode()),
        f"{NOCLOUD}/network-config": File(network),
    }
