# SPDX-License-Identifier: Apache-2.0
"""
A disk that boots by itself: Debian's cloud kernel and an initial file system with busybox and our cloud-init,
which reads the config drive. The console says "GUEST UP", "GUEST IS NAME ID CLOUD" and "GUEST READY"; ACPI's
power button powers off.
"""

import os
import tempfile
from pathlib import Path

from .debs import BUILD, kernel, locked, run, unpacked
from .guest import install_modules, make_root, pack
from .machine import our_program

HERE = Path(__file__).parent
INIT = HERE / "disk-guest-init"
MODULES = ("virtio_pci", "virtio_blk", "virtio_scsi", "sr_mod", "ata_piix", "virtio_net", "button", "evdev")
SIZE = 48 << 20
SYSLINUX = """\
SERIAL 0 115200
DEFAULT l
PROMPT 0
LABEL l
 KERNEL vmlinuz
 APPEND initrd=init.gz console=ttyS0 quiet panic=-1
"""


def disk_image():
    """The file, raw, made when one of its parts is newer."""
    image, modules = kernel()
    program = our_program()
    out = BUILD / "guests" / "disk-guest.raw"
    parts = (program, INIT, image, HERE / "guest.py", Path(__file__))
    out.parent.mkdir(parents=True, exist_ok=True)
    with locked("disk-guest"):
        if not out.exists() or out.stat().st_mtime <= max(p.stat().st_mtime for p in parts):
            with tempfile.TemporaryDirectory(dir=out.parent) as name:
                make_disk(Path(name), image, modules, program).rename(out)
    return out


def make_disk(where, image, modules, program):
    root, disk = where / "root", where / "disk.raw"
    make_root(root, program)
    (root / "bin/acpid").symlink_to("busybox")
    (root / "etc/acpi/PWRF").mkdir(parents=True)
    button = root / "etc/acpi/PWRF/00000080"
    button.write_text("#!/bin/sh\nexec /bin/poweroff -f\n")
    button.chmod(0o755)
    (root / "init").write_bytes(INIT.read_bytes())
    install_modules(root, modules, MODULES)
    pack(root, where / "init.gz")
    (where / "syslinux.cfg").write_text(SYSLINUX)
    with disk.open("wb") as f:
        f.truncate(SIZE)
    run("mkfs.vfat", "-n", "GUEST", disk, env=with_sbin())
    run(unpacked("syslinux") / "usr/bin/syslinux", "--install", disk, env=with_sbin())
    run("mcopy", "-i", disk, image, "::vmlinuz")
    run("mcopy", "-i", disk, where / "init.gz", where / "syslinux.cfg", "::")
    return disk


def with_sbin():
    return {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
