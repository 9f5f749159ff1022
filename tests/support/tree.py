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
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*", '--aptopt=APT::Install-Recommends "false"',
)
TREE = BUILD / "trees" / "debian12"
# Servers and clients of network storage: unpacked only, since they are run by hand.
STORAGE_PACKAGES = (
    "nfs-ganesha", "nfs-ganesha-vfs", "tgt", "open-iscsi", "nfs-common", "e2fsprogs", "xfsprogs",
    "busybox-static", "util-linux",
)
STORAGE_TREE = BUILD / "trees" / "storage"


def bootstrapped(tree, packages, options, settle):
    """The tree's directory; bootstraps it when it is missing or its package list changed."""
    stamp = tree.with_suffix(".stamp")
    wanted = hashlib.sha256(repr((packages, options)).encode()).hexdigest()
    if os.geteuid() != 0:
        raise NeedsRoot(f"only root can make the tree {tree.name} and enter it")
    with locked(f"tree-{tree.name}"):
        if tree.is_dir() and stamp.exists() and stamp.read_text() == wanted:
            return tree
        stamp.unlink(missing_ok=True)
        shutil.rmtree(tree, ignore_errors=True)
        tree.parent.mkdir(parents=True, exist_ok=True)
        uri, release = archive()
        run("mmdebstrap", "--quiet", *options, "--include=" + ",".join(packages), release, tree, uri)
        settle()
        stamp.write_text(wanted)
    return tree


def debian_tree():
    return bootstrapped(TREE, PACKAGES, ("--variant=minbase", *OPTIONS), settle)


def storage_tree():
    return bootstrapped(STORAGE_TREE, STORAGE_PACKAGES, ("--variant=extract", *OPTIONS), lambda: None)


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
