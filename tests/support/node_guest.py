# SPDX-License-Identifier: Apache-2.0
"""
orlop-node in a machine of its own in QEMU, with Debian's cloud kernel: it has the kernel's NFS and iSCSI
clients, which the host may lack. It reaches the host's loopback, as the namespace 'net' has it, at 10.0.2.2.
"""

import shutil
import subprocess
from pathlib import Path

from .cluster import our
from .debs import kernel
from .guest import MAC, install, install_modules, pack
from .tree import storage_tree

MODULES = ("virtio_pci", "virtio_net", "virtio_rng", "sd_mod", "nfsv4", "iscsi_tcp", "crc32c_generic")
APPLETS = ("sh", "mount", "umount", "insmod", "cat", "echo", "sleep", "mkdir", "hostname", "ip", "sync",
           "grep", "ln", "ls")
TOOLS = ("/sbin/mount.nfs", "/sbin/umount.nfs", "/sbin/iscsiadm", "/sbin/iscsid", "/sbin/mkfs.ext4",
         "/sbin/blkid")
HOST = "10.0.2.2"


class NodeGuest:
    """with NodeGuest(net, tmp_path, kubeconfig_text) as guest: … guest.mounted() …"""

    def __init__(self, net, where, kubeconfig):
        self.net, self.where, self.kubeconfig = net, Path(where), kubeconfig
        self.process = None

    def make_root(self, root, modules):
        for name in ("bin", "dev", "proc", "sys", "run", "tmp", "usr/bin", "var/lib/kubelet", "etc", "lib64"):
            (root / name).mkdir(parents=True)
        tree = storage_tree()
        install(root, "/bin/busybox", "bin/busybox", tree)
        for applet in APPLETS:
            (root / "bin" / applet).symlink_to("busybox")
        for tool in TOOLS:
            install(root, tool, tool.lstrip("/"), tree)
        # busybox's mount calls no helper; util-linux's does.
        for tool in ("mount", "umount"):
            install(root, shutil.which(tool), f"usr/local/bin/{tool}")
        install(root, our("orlop-node"), "usr/bin/orlop-node")
        install_modules(root, modules, MODULES)
        (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
        (root / "etc/hosts").write_text("127.0.0.1 localhost node-guest\n")
        (root / "etc/netconfig").write_text("udp tpi_clts v inet udp - -\ntcp tpi_cots_ord v inet tcp - -\n")
        (root / "etc/protocols").write_text("tcp 6 TCP\nudp 17 UDP\n")
        (root / "etc/services").write_text("sunrpc 111/tcp\nnfs 2049/tcp\n")
        (root / "kubeconfig").write_text(self.kubeconfig)
        shutil.copy(Path(__file__).with_name("node-guest-init"), root / "init")
        (root / "init").chmod(0o755)

    def __enter__(self):
        root = self.where / "root"
        image, modules = kernel()
        self.make_root(root, modules)
        pack(root, self.where / "init.gz")
        argv = ["qemu-system-x86_64", "-machine", "pc", "-accel", "tcg", "-cpu", "max", "-m", "512",
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-serial", f"file:{self.where}/console", "-serial", f"file:{self.where}/report",
                "-device", "virtio-rng-pci", "-kernel", str(image), "-initrd", f"{self.where}/init.gz",
                "-append", "console=ttyS0 quiet panic=-1", "-netdev", "user,id=n0",
                "-device", f"virtio-net-pci,netdev=n0,mac={MAC},romfile="]
        with (self.where / "qemu.log").open("wb") as out:
            self.process = subprocess.Popen([*self.net.enter, *argv], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out)
        return self

    def mounted(self):
        """{mount point in the guest: what the server's file says}"""
        path = self.where / "report"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        words = [l.strip().split(" ", 2) for l in lines if l.startswith("mounted ")]
        return {w[1]: w[2] if len(w) > 2 else "" for w in words}

    def console(self):
        path = self.where / "console"
        return path.read_text(errors="replace")[-6000:] if path.exists() else ""

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)
