# SPDX-License-Identifier: Apache-2.0
"""
A libvirtd of Debian's packages, unpacked below build/trees/libvirt and never installed: in a mount and a network
namespace where its files lie beside the machine's own, with /etc, /var and /run that nobody else sees.
"""

import os
import subprocess
from pathlib import Path

from .debs import BUILD, NeedsRoot, SupportError
from .tree import OPTIONS, bootstrapped

TREE = BUILD / "trees" / "libvirt"
PACKAGES = ("libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients")

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
printf '%s\\n' 'auth_unix_rw = "none"' 'auth_unix_ro = "none"' 'unix_sock_rw_perms = "0777"' \\
    > /etc/libvirt/libvirtd.conf
printf '%s\\n' 'security_driver = "none"' 'user = "root"' 'group = "root"' 'remember_owner = 0' 'namespaces = []' \\
    'stdio_handler = "file"' > /etc/libvirt/qemu.conf
exec /usr/bin/python3 "$3"
"""


def libvirt_tree():
    return bootstrapped(TREE, PACKAGES, ("--variant=extract", *OPTIONS), lambda: None)


class Libvirt:
    """with Libvirt(tmp_path) as l: Driver(place, driver="libvirt", enter=l.enter)"""

    def __init__(self, where):
        self.where = Path(where)

    def __enter__(self):
        if os.geteuid() != 0:
            raise NeedsRoot("only root can make namespaces for libvirtd")
        init = Path(__file__).with_name("libvirt_init.py")
        with (self.where / "libvirtd.log").open("ab") as log:
            self.holder = subprocess.Popen(
                ["unshare", "--mount", "--net", "sh", "-c", HOLD, "sh", libvirt_tree(), self.where / "space", init],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.enter = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", f"--net=/proc/{self.holder.pid}/ns/net"]
        self.answer("up")
        self.tell("start")
        return self

    def answer(self, wanted):
        if self.holder.stdout.readline().strip() != wanted:
            said = self.log()
            self.__exit__()
            raise SupportError(f"libvirtd: {said}")

    def tell(self, call):
        """"start", "stop" and "kill": machines go on."""
        self.holder.stdin.write(call + "\n")
        self.holder.stdin.flush()
        self.answer("done")

    def log(self):
        return (self.where / "libvirtd.log").read_text(errors="replace")[-3000:]

    def run(self, *argv):
        done = subprocess.run([*self.enter, *argv], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
        return done.stdout

    def __exit__(self, *_):
        self.holder.stdin.close()
        try:
            self.holder.wait(20)
        except subprocess.TimeoutExpired:
            self.holder.kill()
            self.holder.wait(10)
        self.holder.stdout.close()

    def virsh(self, *argv):
        return self.run("virsh", "-q", "-c", "qemu:///system", *argv)
