# SPDX-License-Identifier: Apache-2.0
"""
A whole Debian 12 below build/trees/: systemd, sshd, both network tools, and the Python
cloud-init to compare with. Bootstrapped once by mmdebstrap and never written to: every use
is an overlay of its own (box.py).
"""

import hashlib
import os
import shutil
import sys

from .debs import BUILD, NeedsRoot, SupportError, archive, locked, run

PACKAGES = (
    "systemd-sysv", "udev", "dbus", "iproute2", "ifupdown", "netplan.io", "openssh-server",
    "cloud-init", "kmod", "python3", "ca-certificates", "sudo", "isc-dhcp-client", "netbase",
    "e2fsprogs", "dosfstools", "cloud-guest-utils", "fdisk", "locales", "curl",
    "libyaml-0-2", "libjansson4", "zlib1g", "libblkid1", "libcurl4",
)
OPTIONS = (
    "--variant=minbase", "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*", '--aptopt=APT::Install-Recommends "false"',
)
TREE = BUILD / "trees" / "debian12"


def stamp_text():
    return hashlib.sha256(repr((PACKAGES, OPTIONS)).encode()).hexdigest()


def debian_tree():
    """The tree's directory; bootstraps it when it is missing or its package list changed."""
    stamp = TREE.with_suffix(".stamp")
    if os.geteuid() != 0:
        raise NeedsRoot("only root can make the Debian tree and enter it")
    with locked("tree-debian12"):
        if TREE.is_dir() and stamp.exists() and stamp.read_text() == stamp_text():
            return TREE
        stamp.unlink(missing_ok=True)
        shutil.rmtree(TREE, ignore_errors=True)
        TREE.parent.mkdir(parents=True, exist_ok=True)
        uri, release = archive()
        run("mmdebstrap", "--quiet", *OPTIONS, "--include=" + ",".join(PACKAGES), release,
            TREE, uri)
        settle()
        stamp.write_text(stamp_text())
    return TREE


def settle():
    """What a test needs of the tree beyond its packages."""
    # Compiled once here, or every run of the Python program would pay for it anew.
    run("chroot", TREE, "python3", "-m", "compileall", "-q", "/usr/lib/python3/dist-packages",
        "/usr/lib/python3.11")
    for key in (TREE / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (TREE / "etc/machine-id").write_text("")
    (TREE / "etc/resolv.conf").unlink(missing_ok=True)
    (TREE / "etc/resolv.conf").write_text("")
    (TREE / "etc/hostname").write_text("debian\n")


if __name__ == "__main__":
    try:
        debian_tree()
    except SupportError as problem:
        sys.exit(f"tree: {problem}")
