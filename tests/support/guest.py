# SPDX-License-Identifier: Apache-2.0
"""
A machine of 256 MB in QEMU: Debian's cloud kernel, an initial file system with busybox, our
cloud-init and the tools it calls, and a real config drive on a CD-ROM. It runs the four
stages, tells what came of them over a second serial line, and powers off.

TCG always: a kvm device that opens may still emulate slower than TCG does.
"""

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from .debs import BUILD, SupportError, kernel, run, unpacked

HERE = Path(__file__).parent
MAC = "52:54:00:12:34:56"
STATUS_PORT = "org.orlop.status"
MODULES = ("virtio_pci", "virtio_scsi", "sr_mod", "virtio_console", "virtio_rng",
           "virtio_net")
APPLETS = ("sh", "mount", "umount", "insmod", "ls", "cat", "echo", "sleep", "poweroff", "mkdir",
           "hostname", "ip", "sync", "date", "true", "false", "env", "chmod", "chown", "grep",
           "base64", "find", "cut", "ln", "tee", "id", "sed", "test", "touch", "rm", "ifup", "ifdown",
           "ifquery")
# Of the machine itself, which is a Debian 12 too.
TOOLS = ("useradd", "groupadd", "usermod", "passwd", "chpasswd", "ssh-keygen")
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\nadm:x:4:\nsudo:x:27:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/gshadow": "root:*::\nadm:*::\nsudo:*::\n",
    "etc/login.defs": "UID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nUMASK 022\n"
                      "USERGROUPS_ENAB yes\nENCRYPT_METHOD SHA512\n",
    "etc/shells": "/bin/sh\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
    "etc/pam.d/other": "auth sufficient pam_rootok.so\naccount required pam_permit.so\n"
                       "password required pam_permit.so\nsession required pam_permit.so\n",
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
                      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\n',
    "etc/debian_version": "12.0\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/hostname": "unnamed\n",
    "etc/ssh/sshd_config": "PasswordAuthentication no\n",
    "etc/network/interfaces": "source interfaces.d/*\n",
}
META_DATA = {
    "uuid": "b5f1d5f5-1111-2222-3333-444444444444", "hostname": "vm1.example", "name": "vm1",
    "launch_index": 0, "availability_zone": "nova", "project_id": "p1", "meta": {"role": "demo"},
    "public_keys": {"k": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
                         "Jx0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA demo@example"},
}
NETWORK_DATA = {
    "links": [{"id": "tap1", "type": "phy", "ethernet_mac_address": MAC}],
    "networks": [{"id": "network0", "type": "ipv4", "link": "tap1", "ip_address": "10.0.2.15",
                  "netmask": "255.255.255.0", "network_id": "n", "routes": [
                      {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.2.2"}]}],
    "services": [{"type": "dns", "address": "10.0.2.3"}],
}


@dataclass
class Report:
    """What a guest told before it powered off."""

    seconds: float
    files: dict = field(default_factory=dict)    # path: bytes
    stages: list = field(default_factory=list)   # (name, exit status, ms in the guest)
    status_lines: list = field(default_factory=list)
    console: str = ""
    facts: dict = field(default_factory=dict)


def module_files(folder, names):
    """Paths of the modules and of those they depend on, these first."""
    by_name = {p.stem.replace("-", "_"): p for p in folder.rglob("*.ko")}
    found = []

    def need(name):
        path = by_name.get(name)
        if path is None or path in found:  # not there: built into the kernel
            return
        depends = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
        for other in depends.group(1).decode().split(",") if depends else ():
            need(other.replace("-", "_"))
        found.append(path)

    for name in names:
        need(name)
    return found


def libraries(program, tree=None):
    """Shared libraries of a program with the places where it looks for them: on this machine, or
    of a path below another tree."""
    loader = ["chroot", str(tree), "/lib64/ld-linux-x86-64.so.2", "--list"] if tree else ["ldd"]
    out = subprocess.run([*loader, str(program)], capture_output=True, text=True, check=False).stdout
    return [m for m in re.findall(r"(/\S+) \(0x", out)]


def install(root, program, place, tree=None):
    """Copies a program, of this machine or of a tree, with its libraries."""
    base = Path(tree or "/")
    where = root / place
    where.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(base / str(program).lstrip("/"), where)
    where.chmod(0o755)
    for library in libraries(program, tree):
        target = root / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(base / library.lstrip("/"), target)


def pack(root, out):
    """The tree as an initial file system."""
    names = sorted(str(p.relative_to(root)) for p in root.rglob("*"))
    packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=root,
                            input="\n".join([".", *names]).encode() + b"\n",
                            capture_output=True, check=True).stdout
    with gzip.open(out, "wb", compresslevel=1) as f:
        f.write(packed)


def install_modules(root, folder, names):
    """Kernel modules in lib/modules, and the file 'modules' that says their order."""
    listed = []
    (root / "lib/modules").mkdir(parents=True, exist_ok=True)
    for path in module_files(folder, names):
        shutil.copy(path, root / "lib/modules" / path.name)
        listed.append(f"/lib/modules/{path.name}\n")
    (root / "modules").write_text("".join(listed))


def make_root(root, program):
    for name in ("bin", "dev", "proc", "sys", "run", "tmp", "root", "usr/bin", "usr/sbin",
                 "etc/cloud/cloud.cfg.d", "etc/sudoers.d", "etc/network/interfaces.d", "var/log",
                 "var/lib", "home", "opt", "lib/modules", "lib/x86_64-linux-gnu/security", "lib64"):
        (root / name).mkdir(parents=True, exist_ok=True)
    install(root, unpacked("busybox-static") / "bin/busybox", "bin/busybox")
    for applet in APPLETS:
        (root / "usr/bin" / applet).symlink_to("/bin/busybox")
        (root / "bin" / applet).symlink_to("busybox")
    for name in ("ifup", "ifdown", "ifquery"):
        (root / "usr/sbin" / name).symlink_to("/bin/busybox")
    for place, text in FILES.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text)
    for secret in ("etc/shadow", "etc/gshadow"):
        (root / secret).chmod(0o640)
    shutil.copy(HERE / "guest-cloud.cfg", root / "etc/cloud/cloud.cfg")
    install(root, program, "usr/bin/cloud-init")
    for tool in TOOLS:
        found = shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin")
        if found:
            install(root, found, found.lstrip("/"))
    for module in ("pam_permit.so", "pam_rootok.so"):
        for path in Path("/lib/x86_64-linux-gnu/security").glob(module):
            install(root, path, str(path).lstrip("/"))
    shutil.copy(HERE / "guest-init", root / "init")
    (root / "init").chmod(0o755)


def make_initramfs(program, modules, out):
    with tempfile.TemporaryDirectory(dir=out.parent) as name:
        root = Path(name)
        make_root(root, program)
        install_modules(root, modules, MODULES)
        pack(root, out)


def make_drive(user_data, out):
    """A config drive as Nova writes it."""
    with tempfile.TemporaryDirectory(dir=out.parent) as name:
        latest = Path(name) / "openstack/latest"
        latest.mkdir(parents=True)
        (latest / "meta_data.json").write_text(json.dumps(META_DATA))
        (latest / "network_data.json").write_text(json.dumps(NETWORK_DATA))
        (latest / "user_data").write_text(user_data)
        run("genisoimage", "-quiet", "-o", out, "-V", "config-2", "-J", "-R", "-ldots",
            "-allow-lowercase", "-allow-multidot", "-l", "-publisher", "OpenStack Nova", name)


def qemu(work, image, machine):
    scsi = ["-device", "virtio-scsi-pci,id=scsi0",
            "-drive", f"file={work}/drive.iso,if=none,id=c0,format=raw,readonly=on,media=cdrom",
            "-device", "scsi-cd,drive=c0,bus=scsi0.0"]
    # Nothing beyond the guest's own network can be reached.
    net = ["-netdev", "user,id=n0,restrict=on",
           "-device", f"virtio-net-pci,netdev=n0,mac={MAC},romfile="]
    port = ["-device", "virtio-serial-pci",
            "-chardev", f"file,id=status,path={work}/status",
            "-device", f"virtserialport,chardev=status,name={STATUS_PORT}"]
    return ["qemu-system-x86_64", "-machine", machine, "-accel", "tcg", "-cpu", "max",
            "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-serial", f"file:{work}/console", "-serial", f"file:{work}/report",
            "-device", "virtio-rng-pci", "-kernel", str(image), "-initrd", f"{work}/init.gz",
            "-append", "console=ttyS0 quiet panic=-1", *scsi, *port,
            *net]


def parse_report(text, report):
    """Lines "stage NAME STATUS BEGIN END", "fact NAME TEXT", "file PATH BASE64"."""
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        words = rest.split(" ")
        if kind == "stage" and len(words) == 4:
            ms = round(1000 * (float(words[3]) - float(words[2])))
            report.stages.append((words[0], int(words[1]), ms))
        elif kind == "fact":
            report.facts[words[0]] = rest.partition(" ")[2]
        elif kind == "file":
            report.files[words[0]] = base64.b64decode(words[1] if len(words) > 1 else "")


def boot(program, user_data, machine="q35", timeout=120):
    """Boots one guest with this program and user-data until it powers off."""
    image, modules = kernel()
    (BUILD / "guests").mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=BUILD / "guests"))
    try:
        make_initramfs(program, modules, work / "init.gz")
        make_drive(user_data, work / "drive.iso")
        begin = time.monotonic()
        try:
            done = subprocess.run(qemu(work, image, machine), stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            text = (work / "console").read_text(errors="replace")
            raise SupportError(f"the guest did not power off within {timeout} s\n"
                               + text[-2000:]) from None
        report = Report(time.monotonic() - begin)
        report.console = (work / "console").read_text(errors="replace")
        if done.returncode:
            raise SupportError(f"QEMU ended with {done.returncode}\n{done.stderr}")
        if not (work / "report").read_text(errors="replace"):
            raise SupportError(f"the guest told nothing\n{report.console[-2000:]}")
        parse_report((work / "report").read_text(errors="replace").replace("\r", ""), report)
        status = (work / "status").read_text(errors="replace")
        report.status_lines = [l for l in status.splitlines() if l]
        return report
    finally:
        if not os.environ.get("ORLOP_KEEP"):
            shutil.rmtree(work, ignore_errors=True)
