# SPDX-License-Identifier: Apache-2.0
"""
An NFS server (nfs-ganesha) and an iSCSI target (tgt), from packages that are unpacked and not installed,
in mount and network namespaces of their own.

    with NetSpace() as net, NfsServer(net, tmp_path / "nfs") as nfs:
        (nfs.export / "f").write_text("...")      # NFS 4, 127.0.0.1:/exp inside 'net'
"""

import os
import signal
import subprocess
import time
from pathlib import Path

from .debs import SupportError
from .tree import storage_tree

GANESHA = """\
NFS_CORE_PARAM { NFS_Port = 2049; MNT_Port = 2050; Protocols = VERSIONS; Enable_NLM = false; Enable_RQUOTA = false;
                 Enable_UDP = false; }
NFSV4 { Graceless = true; Minor_Versions = 0,1,2; RecoveryBackend = fs; }
EXPORT { Export_Id = 1; Path = /exp; Pseudo = /exp; Access_Type = RW; Squash = none; SecType = sys;
         Transports = TCP; Protocols = VERSIONS; FSAL { Name = VFS; } }
LOG { Default_Log_Level = EVENT; }
"""
TARGET = "iqn.2026-01.dev.orlop:disk"


class Server:
    """A program of the storage tree, below an overlay of it, in a network namespace."""

    port = 0

    def __init__(self, net, where):
        self.net, self.where = net, Path(where)
        self.process = None

    def inside(self, *argv):
        """argv in the tree: the overlay has the server's files in 'up'."""
        tree = storage_tree()
        up, work, root = (self.where / n for n in ("up", "work", "root"))
        for folder in (up, work, root):
            folder.mkdir(parents=True, exist_ok=True)
        script = (f"mount -t tmpfs tmpfs {root} && mkdir {root}/up {root}/work {root}/all && "
                  f"mount -t overlay overlay -o lowerdir={tree},upperdir={root}/up,workdir={root}/work "
                  f"{root}/all && mkdir -p {root}/all/shared {root}/all/proc {root}/all/dev {root}/all/run {root}/all/etc && mount --bind {up} {root}/all/shared && "
                  f"mount -t proc proc {root}/all/proc && mount --rbind /dev {root}/all/dev && "
                  f"exec chroot {root}/all \"$@\"")
        return [*self.net.enter, "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL",
                "--propagation=private", "sh", "-ec", script, "sh", *argv]

    def start(self, script):
        with (self.where / "log").open("wb") as out:
            self.process = subprocess.Popen(self.inside("/bin/busybox", "sh", "-ec", script),
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        end = time.monotonic() + 30
        while not self.is_listening():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SupportError(f"{type(self).__name__} does not listen: "
                                   + (self.where / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def is_listening(self):
        seen = subprocess.run([*self.net.enter, "cat", "/proc/net/tcp", "/proc/net/tcp6"],
                              capture_output=True, text=True, check=False).stdout
        return any(f":{self.port:04X} " in line.split(" ", 4)[-1] and " 0A " in line
                   for line in seen.splitlines())

    def pids(self):
        """Of the server and what it started, outside its namespace."""
        found, open_ = [], [self.process.pid]
        while open_:
            pid = open_.pop()
            try:
                kids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            except OSError:
                continue
            open_ += map(int, kids)
            found += map(int, kids)
        return found

    def hang(self):
        """It keeps its port and answers nothing any more."""
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def go_on(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait(10)


class NfsServer(Server):
    """Of NFS 4; of 3 too, with what a client of it asks for ports, when 'versions' say so."""

    port = 2049

    def __init__(self, net, where, versions=(4,)):
        super().__init__(net, where)
        self.versions = versions

    def __enter__(self):
        self.where.mkdir(parents=True, exist_ok=True)
        self.export = self.where / "up/exp"
        self.export.mkdir(parents=True, exist_ok=True)
        (self.where / "up/ganesha.conf").write_text(
            GANESHA.replace("VERSIONS", ", ".join(map(str, self.versions))))
        ports = ""
        if 3 in self.versions:
            ports = ("mkdir -p /run/rpcbind; echo _rpc:x:109:65534::/run/rpcbind:/bin/false > /etc/passwd; "
                     "printf 'tcp 6 TCP\\nudp 17 UDP\\n' > /etc/protocols; "
                     "printf 'sunrpc 111/tcp portmapper\\nsunrpc 111/udp portmapper\\n' > /etc/services; "
                     "echo '127.0.0.1 localhost' > /etc/hosts; /sbin/rpcbind; mkdir -p /var/run; "
                     "ln -sf /run/rpcbind.sock /var/run/rpcbind.sock; ")
        self.start(ports + "mkdir -p /exp /run/ganesha /var/run/ganesha /var/lib/nfs/ganesha; "
                   "mount --bind /shared/exp /exp; echo \"127.0.0.1 localhost $(hostname)\" > /etc/hosts; ln -sf /proc/mounts /etc/mtab; "
                   "exec /usr/bin/ganesha.nfsd -F -f /shared/ganesha.conf -L /shared/log -p /run/g.pid")
        return self


class IscsiTarget(Server):
    """One disk of 64 MiB, LUN 1 of TARGET; for 'chap', a user and its password, alone."""

    port = 3260

    def __init__(self, net, where, chap=None):
        super().__init__(net, where)
        self.chap = chap

    def __enter__(self):
        (self.where / "up").mkdir(parents=True, exist_ok=True)
        with (self.where / "up/disk").open("wb") as disk:
            disk.truncate(64 << 20)
        admin = "/usr/sbin/tgtadm -C 1 --lld iscsi"
        chap = ""
        if self.chap:
            chap = (f"{admin} --mode account --op new --user {self.chap[0]} --password {self.chap[1]}; "
                    f"{admin} --mode account --op bind --tid 1 --user {self.chap[0]}; ")
        self.start("mkdir -p /run/tgtd /var/run/tgtd; /usr/sbin/tgtd -f -C 1 --iscsi portal=0.0.0.0:3260 & "
                   f"n=0; until {admin} --mode system --op show >/dev/null 2>&1; do sleep 0.1; n=$((n+1)); "
                   "[ $n -lt 100 ]; done; "
                   f"{admin} --mode target --op new --tid 1 -T {TARGET}; "
                   f"{admin} --mode logicalunit --op new --tid 1 --lun 1 -b /shared/disk; {chap}"
                   f"{admin} --mode target --op bind --tid 1 -I ALL; wait")
        return self
