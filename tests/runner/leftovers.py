# SPDX-License-Identifier: Apache-2.0
"""
What a run must not leave on the machine: processes, mounts, network namespaces, loop
devices, services, kernels. Taken before and after; the difference is the complaint.

Processes are known by a variable in their environment, since others may be at work on the
same machine; mounts and loop devices by a path below our own tree or a name of ours.
"""

import os
import time
import uuid
from pathlib import Path

from .results import ROOT

MARK = "ORLOP_TEST_RUN"


def mark():
    """Marks this process and what it starts from now on."""
    os.environ[MARK] = uuid.uuid4().hex


def _ancestors():
    pid, found = os.getpid(), set()
    while pid > 1:
        found.add(pid)
        stat = Path(f"/proc/{pid}/stat").read_text()
        pid = int(stat.rsplit(")", 1)[1].split()[1])
    return found


def processes():
    """Those that carry our mark, without ourselves."""
    wanted = f"{MARK}={os.environ.get(MARK, '-')}".encode()
    mine = _ancestors()
    found = set()
    for proc in Path("/proc").iterdir():
        if not proc.name.isdigit() or int(proc.name) in mine:
            continue
        try:
            if wanted in (proc / "environ").read_bytes():
                words = (proc / "cmdline").read_bytes().split(b"\0")[:3]
                found.add(f"process {proc.name}: {b' '.join(words).decode(errors='replace')}")
        except OSError:
            continue
    return found


def mounts():
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    where = (line.split()[4] for line in lines)
    return {f"mount {w}" for w in where if w.startswith(str(ROOT)) or "orlop" in w}


def namespaces():
    folder = Path("/run/netns")
    names = folder.iterdir() if folder.is_dir() else ()
    return {f"network namespace {p.name}" for p in names if p.name.startswith("orlop")}


def loops():
    found = set()
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            file = path.read_text().strip()
        except OSError:
            continue
        if file.startswith(str(ROOT)) or "orlop" in file:
            found.add(f"loop device for {file}")
    return found


def interfaces():
    names = os.listdir("/sys/class/net")
    return {f"network interface {n}" for n in names if n.startswith("orlop")}


def cgroups():
    """The two that systemd-nspawn makes and does not remove."""
    found = set()
    for name in ("payload", "supervisor"):
        found |= {f"cgroup {p}" for p in Path("/sys/fs/cgroup").glob(f"**/{name}")}
    return found


def services():
    found = set()
    for folder in ("/etc/systemd/system", "/lib/systemd/system", "/etc/init.d", "/boot",
                   "/lib/modules"):
        if os.path.isdir(folder):
            found |= {f"{folder}/{n}" for n in os.listdir(folder)}
    return found


def snapshot():
    return (mounts() | namespaces() | loops() | interfaces() | cgroups() | services()
            | processes())


def since(before, patience_s=10):
    """What is there now and was not before. The kernel takes a namespace apart after its end."""
    end = time.monotonic() + patience_s
    while (left := snapshot() - before) and time.monotonic() < end:
        time.sleep(0.2)
    return left
