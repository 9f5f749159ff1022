# SPDX-License-Identifier: Apache-2.0
"""
A libvirtd of Debian's packages, unpacked below build/trees/libvirt and never installed: in a mount and a network
namespace where its files lie beside the machine's own, with /etc, /var and /run that nobody else sees.
"""

import os
import subprocess
import time
from pathlib import Path

from .debs import BUILD, NeedsRoot, SupportError
from .tree import OPTIONS, bootstrapped

TREE = BUILD / "trees" / "libvirt"
PACKAGES = ("libvirt-daemon", "libvirt-daemon-driver-qemu")

# Without cgroups: libvirt would leave empty directories in the machine's. Of its drivers QEMU's is enough.
HOLD = """set -e
ip link set lo up
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/usr:$1/usr" /usr
mkdir -p "$2" && mount -t tmpfs tmpfs "$2"
for name in etc var; do
    mkdir "$2/$name" "$2/$name-work"
    mount -t overlay overlay -o "lowerdir=/$name,upperdir=$2/$name,workdir=$2/$name-work" "/$name"
done
mount -t tmpfs tmpfs /run
umount --recursive --lazy /sys
mount -t sysfs -o ro sysfs /sys
mkdir -p /etc/libvirt /run/drivers
ln -s /usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so /run/drivers/
echo 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin' >> /etc/passwd
echo 'libvirt-qemu:x:64055:' >> /etc/group
printf '%s\\n' 'auth_unix_rw = "none"' 'auth_unix_ro = "none"' > /etc/libvirt/libvirtd.conf
printf '%s\\n' 'security_driver = "none"' 'user = "root"' 'group = "root"' 'remember_owner = 0' 'namespaces = []' \\
    'stdio_handler = "file"' > /etc/libvirt/qemu.conf
echo up
exec sleep infinity
"""
PATIENCE = 30


def libvirt_tree():
    return bootstrapped(TREE, PACKAGES, ("--variant=extract", *OPTIONS), lambda: None)


class Libvirt:
    """with Libvirt(tmp_path) as l: Driver(place, driver="libvirt", enter=l.enter)"""

    def __init__(self, where):
        self.where = Path(where)
        self.daemon = None

    def __enter__(self):
        if os.geteuid() != 0:
            raise NeedsRoot("only root can make namespaces for libvirtd")
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "sh", "-c", HOLD, "sh", libvirt_tree(), self.where / "space"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline().strip() != "up":
            said = self.holder.stderr.read()
            self.__exit__()
            raise SupportError(f"no namespace for libvirtd: {said}")
        self.enter = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", f"--net=/proc/{self.holder.pid}/ns/net"]
        self.start()
        return self

    def run(self, *argv):
        return subprocess.run([*self.enter, *argv], capture_output=True, text=True, timeout=PATIENCE)

    def start(self):
        with (self.where / "libvirtd.log").open("ab") as log:
            self.daemon = subprocess.Popen([*self.enter, "/usr/sbin/libvirtd"], stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log, env={**os.environ, "LIBVIRT_DRIVER_DIR": "/run/drivers"})
        end = time.monotonic() + PATIENCE
        socket = Path(f"/proc/{self.holder.pid}/root/run/libvirt/libvirt-sock")
        while not socket.exists():
            if self.daemon.poll() is not None or time.monotonic() > end:
                raise SupportError(f"libvirtd does not start: {self.log()}")
            time.sleep(0.02)

    def stop(self):
        """Machines go on."""
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(10)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait(10)
        Path(f"/proc/{self.holder.pid}/root/run/libvirt/libvirt-sock").unlink(missing_ok=True)

    def log(self):
        path = self.where / "libvirtd.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def __exit__(self, *_):
        self.stop()
        self.holder.kill()
        self.holder.wait(10)
        self.holder.stdout.close()
        self.holder.stderr.close()
