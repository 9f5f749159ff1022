# SPDX-License-Identifier: Apache-2.0
"""
The whole Debian tree booted by its own systemd, in systemd-nspawn: no kernel of its own and
no udev, but real units in a real order. nspawn itself is unpacked below build/ and runs with
the tree's libraries; nothing is installed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from .box import MAC, File, Link, Seen, program_files
from .debs import BUILD, ROOT, SupportError, unpacked
from .tree import debian_tree

INIT = Path(__file__).with_name("nspawn_init.py")
UNITS = ROOT / "packaging/systemd"
UNIT_DIR = "/usr/lib/systemd/system"  # /lib is a link in the tree
REPORT_UNIT = """[Unit]
Description=tells what the boot was like
[Service]
Type=simple
ExecStart=/usr/local/sbin/orlop-report
[Install]
WantedBy=multi-user.target
"""
REPORT = """#!/bin/sh
n=0
while [ ! -e /run/cloud-init/result.json ] && [ ! -e /run/cloud-init/disabled ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
systemctl is-system-running --wait > /dev/null
{
    echo "@ system $(systemctl is-system-running)"
    echo "@ analyze $(systemd-analyze time | head -1)"
    for unit in cloud-init-local cloud-init cloud-config cloud-final ssh; do
        systemctl show $unit -p Id,ActiveState,Result,InactiveExitTimestampMonotonic,\\
ActiveEnterTimestampMonotonic | paste -sd' ' | sed 's/^/@ unit /'
    done
    echo "@ failed $(systemctl list-units --failed --plain --no-legend | paste -sd,)"
    echo "@ status $(cloud-init status)"
    echo "@ hostname $(hostname)"
    ip -4 -o addr show eth0 | sed 's/^/@ address /'
    journalctl -b --no-pager | grep -i 'ordering cycle\\|deleted to break' | sed 's/^/@ cycle /'
} > /var/log/orlop-report 2>&1
systemctl --force poweroff
"""


@dataclass
class Unit:
    state: str
    result: str
    begin_us: int
    end_us: int

    @property
    def ms(self):
        return (self.end_us - self.begin_us) / 1000


@dataclass
class Boot:
    seconds: float
    text: str
    output: str
    units: dict = field(default_factory=dict)

    def fact(self, name):
        found = re.search(rf"^@ {name} ?(.*)$", self.text, re.M)
        return found.group(1).strip() if found else ""


def parse(run):
    boot = Boot(run["seconds"], run["report"], run["output"])
    for line in re.findall(r"^@ unit (.*)$", run["report"], re.M):
        values = dict(word.split("=", 1) for word in line.split() if "=" in word)
        boot.units[values["Id"]] = Unit(
            values["ActiveState"], values["Result"],
            int(values.get("InactiveExitTimestampMonotonic") or 0),
            int(values.get("ActiveEnterTimestampMonotonic") or 0))
    return boot


def our_files(program):
    """Our program and our units in the places of the Python package's."""
    files = program_files(program)
    for path in UNITS.iterdir():
        if path.suffix in (".service", ".target"):
            files[f"{UNIT_DIR}/{path.name}"] = File(path.read_bytes())
    files["/usr/lib/systemd/system-generators/cloud-init-generator"] = File(
        (UNITS / "cloud-init-generator").read_bytes(), 0o755)
    files[f"{UNIT_DIR}/cloud-init-network.service"] = Link("cloud-init.service")
    return files


def common_files():
    wants = "/etc/systemd/system/multi-user.target.wants"
    return {
        "/etc/fstab": File(b""),
        "/usr/local/sbin/orlop-report": File(REPORT.encode(), 0o755),
        f"{UNIT_DIR}/orlop-report.service": File(REPORT_UNIT.encode()),
        f"{wants}/orlop-report.service": Link(f"{UNIT_DIR}/orlop-report.service"),
    }


def nspawn_command(tree):
    """nspawn of the unpacked package, run by the tree's loader with the tree's libraries."""
    binary = unpacked("systemd-container") / "usr/bin/systemd-nspawn"
    lib = f"{tree}/lib/x86_64-linux-gnu:{tree}/usr/lib/x86_64-linux-gnu/systemd"
    return [f"{tree}/lib64/ld-linux-x86-64.so.2", "--library-path", lib, str(binary), "-q", "-b",
            "--register=no", "--keep-unit", "--console=pipe", "--link-journal=no",
            "--capability=CAP_NET_ADMIN,CAP_NET_RAW"]


def remove_cgroups():
    """nspawn leaves two without processes in each hierarchy."""
    for name in ("payload", "supervisor"):
        for top in Path("/sys/fs/cgroup").glob(f"**/{name}"):
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:  # in use by another boot
                    break


def boot(files, boots=1, timeout=90):
    """Boots the tree with these files added, 'boots' times in a row; ([Boot], {path: Seen})."""
    tree = debian_tree()
    work = BUILD / "boxes" / uuid.uuid4().hex[:12]
    (work / "root").mkdir(parents=True)
    spec = {"tree": str(tree), "work": str(work / "root"), "mac": MAC, "boots": boots,
            "timeout": timeout, "nspawn": nspawn_command(tree),
            "files": {p: f.spec() for p, f in {**common_files(), **files}.items()}}
    try:
        (work / "spec.json").write_text(json.dumps(spec))
        argv = ["unshare", "-m", "-u", "-n", "-p", "-f", "--kill-child", "--propagation",
                "private", "--mount-proc", sys.executable, "-S", str(INIT),
                str(work / "spec.json"), str(work / "outcome.json")]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout * boots + 30, env={
                                  "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1",
                                  "ORLOP_TEST_RUN": os.environ.get("ORLOP_TEST_RUN", "")})
        if not (work / "outcome.json").exists():
            raise SupportError(f"nspawn ended with {done.returncode}\n{done.stderr[-3000:]}")
        raw = json.loads((work / "outcome.json").read_text())
    finally:
        shutil.rmtree(work, ignore_errors=True)
        remove_cgroups()
    return [parse(r) for r in raw["runs"]], {p: Seen.of(f) for p, f in raw["files"].items()}
