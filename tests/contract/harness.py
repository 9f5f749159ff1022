# SPDX-License-Identifier: Apache-2.0
"""
The contract: the same instance data given to Debian's Python cloud-init and to ours, each in
a box of its own; exit statuses and the trees they leave are compared path by path.

A case is a directory below cases/:

    case.json       {"about", "demands", "steps", "seed", "datasource_list", "drive"}, all
                    optional; a drive that is "broken" has a label and nothing behind it
    user-data, meta-data, vendor-data, network-config      the NoCloud seed (or seed/ below)
    meta-data.2     the meta-data of the step "new-instance"
    files/          further files of the machine, by their place
    served/         what http://127.0.0.1/ offers

Steps: "boot" runs the four stages; "reboot" empties /run and /tmp before it; "new-instance"
does so too, with meta-data.2; "rerun" runs the stages again in the same boot.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from support.box import (Box, File, boot_steps, files_step, program_files, reboot_step, run_step)
from support.machine import NOCLOUD, STATIC_NETWORK, our_program, plain
from support.tree import debian_tree

from . import differences, normalise

HERE = Path(__file__).parent
CASES = HERE / "cases"
SEED_FILES = ("user-data", "meta-data", "vendor-data", "network-config")


def broken_drive(label=b"config-2"):
    """An ISO 9660 volume with that label, whose root directory lies behind its end."""
    block = 2048

    def both(number, size):
        return number.to_bytes(size, "little") + number.to_bytes(size, "big")

    root = bytes([34, 0]) + both(4000, 4) + both(block, 4) + bytes(7) + bytes([2, 0, 0])
    root += both(1, 2) + b"\1\0"
    volume = b"\1CD001\1\0" + b" " * 32 + label.ljust(32) + bytes(8) + both(5000, 4) + bytes(32)
    volume += both(1, 2) + both(1, 2) + both(block, 2) + both(10, 4) + bytes(16) + root
    end = b"\xffCD001\1"
    return bytes(16 * block) + volume.ljust(block, b"\0") + end.ljust(block, b"\0")


@dataclass
class Case:
    name: str
    about: str = ""
    demands: list = field(default_factory=list)
    steps: list = field(default_factory=lambda: ["boot"])
    seed: str = NOCLOUD
    datasource_list: list = field(default_factory=lambda: ["NoCloud", "None"])
    drive: str = ""

    @staticmethod
    def load(folder):
        path = folder / "case.json"
        return Case(folder.name, **(json.loads(path.read_text()) if path.exists() else {}))

    @property
    def folder(self):
        return CASES / self.name

    def tree_files(self, sub):
        """{place: File} of a directory of the case; executables keep their bits."""
        top = self.folder / sub
        found = {}
        for path in sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else ():
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            found["/" + str(path.relative_to(top))] = File(path.read_bytes(), mode)
        return found

    def machine(self):
        """The files of the machine before its first boot."""
        files = {**plain(self.datasource_list),
                 f"{self.seed}/network-config": File(STATIC_NETWORK)}
        files.update({self.seed + place: f for place, f in self.tree_files("seed").items()})
        for name in SEED_FILES:
            if (self.folder / name).exists():
                files[f"{self.seed}/{name}"] = File((self.folder / name).read_bytes())
        files.update(self.tree_files("files"))
        return files

    def box_steps(self):
        found = []
        for step in self.steps:
            if step in ("reboot", "new-instance"):
                found.append(reboot_step())
            if step == "new-instance":
                data = (self.folder / "meta-data.2").read_bytes()
                found.append(files_step({f"{self.seed}/meta-data": File(data)}))
            if step.startswith("$ "):
                found.append(run_step("sh", "-c", step[2:], name=step))
            else:
                found += [{**s, "name": f"{step}: {s['name']}"} for s in boot_steps()]
        return found

    def run(self, program):
        """One side. 'program' is None for the Python one."""
        files = self.machine()
        if program:
            files.update(program_files(program))
        box = Box(debian_tree(), files=files, steps=self.box_steps(),
                  served=self.tree_files("served"),
                  drives={"sr0": broken_drive()} if self.drive == "broken" else {})
        return box.run()


def cases():
    return [Case.load(p) for p in sorted(CASES.iterdir()) if p.is_dir()]


@dataclass
class Comparison:
    """What the two sides of a case have in common and what not."""

    case: Case
    theirs: object
    ours: object
    equal: list = field(default_factory=list)
    known: dict = field(default_factory=dict)
    unknown: dict = field(default_factory=dict)

    def statuses(self):
        """[(step, theirs, ours)]"""
        return [(a["name"], a["status"], b["status"])
                for a, b in zip(self.theirs.steps, self.ours.steps, strict=True)]


def compare(case, theirs, ours):
    result = Comparison(case, theirs, ours)
    for path in sorted(set(theirs.files) | set(ours.files)):
        a, b = theirs.files.get(path), ours.files.get(path)
        if normalise.is_ignored(path):
            continue
        what = normalise.difference(path, a, b)
        if not what:
            result.equal.append(path)
        elif (entry := differences.entry(case.name, path, what)) is not None:
            result.known[path] = entry
        else:
            result.unknown[path] = what
    return result


def run_case(case):
    """ORLOP_BIN=python puts the Python program on both sides, to test the harness itself."""
    ours = case.run(None if os.environ.get("ORLOP_BIN") == "python" else our_program())
    return compare(case, case.run(None), ours)


def run_all(wanted):
    """{name: Comparison or the exception of its accident}; cases run side by side."""
    def guarded(case):
        try:
            return run_case(case)
        except Exception as e:  # told by the test of that case
            return e

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        return dict(zip([c.name for c in wanted], pool.map(guarded, wanted)))


def report(found):
    """The table for the end of a run: what each case has in common."""
    lines = ["contract with the Python cloud-init: paths that are equal / known to differ / wrong"]
    total = [0, 0, 0]
    for name, c in sorted(found.items()):
        if isinstance(c, Exception):
            lines.append(f"  {name:28} did not run")
            continue
        row = [len(c.equal), len(c.known), len(c.unknown)]
        total = [t + n for t, n in zip(total, row)]
        lines.append(f"  {name:28} {row[0]:4} {row[1]:4} {row[2]:4}")
    share = 100 * total[0] / max(1, sum(total))
    lines.append(f"  {'all':28} {total[0]:4} {total[1]:4} {total[2]:4}   {share:.1f} % equal")
    return share, "\n".join(lines) + "\n"
