#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
'make bench': our cloud-init and Debian's Python one side by side, in turns, on the same
machine in the same minutes. What counts is the ratio; targets stand at the rows.

    bench.py [ROUNDS]     at least 7, medians are printed
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.box import Box, boot_steps, program_files, reboot_step, run_step  # noqa: E402
from support.debs import BUILD, SupportError  # noqa: E402
from support.machine import our_program, seeded  # noqa: E402
from support.tree import debian_tree  # noqa: E402

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
USER_DATA = f"""#cloud-config
hostname: web
fqdn: web.example.org
manage_etc_hosts: true
timezone: Europe/Berlin
bootcmd: [echo boot >> /opt/boots]
users:
  - default
  - {{name: alice, groups: adm, sudo: "ALL=(ALL) NOPASSWD:ALL", ssh_authorized_keys: ["{KEY} a"]}}
  - {{name: bob, lock_passwd: false, shell: /bin/bash}}
chpasswd: {{expire: false, users: [{{name: bob, password: s3cret, type: text}}]}}
ssh_authorized_keys: ["{KEY} d"]
write_files:
  - {{path: /opt/one, content: one}}
  - {{path: /opt/two, content: dHdv, encoding: b64, permissions: "0600"}}
  - {{path: /opt/three/deep, content: three, owner: "root:adm"}}
  - {{path: /opt/four, content: four, append: true}}
runcmd:
  - echo one > /opt/ran
  - [sh, -c, echo two >> /opt/ran]
  - [touch, /opt/three/touched]
"""
QUICK = {"--version": ("--version",), "query": ("query", "v1.instance_id"),
         "status": ("status",)}
# How often a quick command runs in a row, to be measured as one: ours is near the clock's grain.
IN_A_ROW = {"Python": 3, "ours": 50}
LEAST_ROUNDS = 7


def in_a_row(side, argv):
    """A step that runs the command that often, by a shell's loop."""
    loop = f"i=0; while [ $i -lt {IN_A_ROW[side]} ]; do {argv} >/dev/null; i=$((i+1)); done"
    return run_step("sh", "-c", loop, name=f"quick {argv}")


def traced(steps):
    return [{**s, "name": f"memory {s['name']}", "is_traced": True} for s in steps]


def steps(side):
    quick = [in_a_row(side, " ".join(("cloud-init", *argv))) for argv in QUICK.values()]
    floor = in_a_row(side, "/bin/true")
    first = [{**s, "name": f"first {s['name']}"} for s in boot_steps()]
    second = [{**s, "name": f"second {s['name']}"} for s in boot_steps()]
    return [*first, floor, run_step("/bin/true", name="true"), *quick, reboot_step(), *second]


def measure(side, program):
    """One round of one side: {figure: value}."""
    files = seeded("i-bench", USER_DATA)
    if program:
        files.update(program_files(program))
    done = Box(debian_tree(), files=files, steps=steps(side), collect=False).run().steps
    bad = [s["name"] for s in done if s["status"] != 0]
    if bad:
        raise SupportError(f"{side}: failed: {', '.join(bad)}\n{done[0]['output'][-2000:]}")
    row = {}
    for boot in ("first", "second"):
        stages = [s for s in done if s["name"].startswith(boot)]
        row[f"{boot} boot"] = sum(s["ms"] for s in stages)
        row[f"{boot} own cpu"] = sum(s["own_cpu_ms"] for s in stages)
        row[f"{boot} children cpu"] = sum(s["cpu_ms"] for s in stages) - row[f"{boot} own cpu"]
    for name, argv in QUICK.items():
        step = next(s for s in done if s["name"] == "quick cloud-init " + " ".join(argv))
        row[name] = step["ms"] / IN_A_ROW[side]
    row["floor own cpu"] = 4 * next(s for s in done if s["name"] == "true")["own_cpu_ms"]
    row["floor"] = next(s for s in done if s["name"] == "quick /bin/true")["ms"] / IN_A_ROW[side]
    return row


def peak_mib(program):
    """The largest peak of memory of the four stages' own processes."""
    files = seeded("i-bench", USER_DATA)
    if program:
        files.update(program_files(program))
    done = Box(debian_tree(), files=files, steps=traced(boot_steps()), collect=False).run().steps
    return max(s["peak_kib"] for s in done) / 1024


def size_mib(program):
    """Ours without symbols; of the Python one, its own modules' source alone."""
    if program is None:
        top = debian_tree() / "usr/lib/python3/dist-packages/cloudinit"
        return sum(p.stat().st_size for p in top.rglob("*.py")) / 2**20
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "stripped"
        subprocess.run(["strip", "-o", str(out), str(program)], check=True)
        return out.stat().st_size / 2**20


# figure, unit, target of ours (None = none), least ratio (None = none)
TABLE = (
    ("--version", "ms", 2, None),
    ("query", "ms", 2, None),
    ("status", "ms", 2, None),
    ("first boot", "ms", None, 10),
    ("first own cpu", "ms", 10, None),
    ("floor own cpu", "ms", None, None),
    ("first children cpu", "ms", None, None),
    ("second boot", "ms", 10, None),
    ("second own cpu", "ms", None, None),
    ("peak memory", "MiB", 4, None),
    ("size", "MiB", 1.5, None),
    ("floor", "ms", None, None),
)
LABELS = {
    "first boot": "first boot, four stages", "first own cpu": "  own CPU of the four processes",
    "first children cpu": "  CPU of the tools they call",
    "floor own cpu": "    of it, four times chroot + true",
    "second boot": "reboot, same instance", "second own cpu": "  own CPU",
    "peak memory": "peak memory (own)", "size": "program (Python: its own .py)",
    "floor": "fork + exec of /bin/true",
}


def verdict(ours, ratio, target, least):
    if target is not None:
        return f"<= {target:g}: " + ("ok" if ours <= target else "NOT MET")
    if least is not None:
        return f"{least}x: " + ("ok" if ratio >= least else "NOT MET")
    return ""


def table(figures, rounds):
    lines = [f"medians of {rounds} rounds in turns; ed25519 host key alone",
             f"{'':37} {'Python':>10} {'ours':>10} {'ratio':>8}  target"]
    for name, unit, target, least in TABLE:
        theirs, ours = figures["Python"][name], figures["ours"][name]
        ratio = theirs / ours if ours else 0
        lines.append(f"{LABELS.get(name, name):37} {theirs:7.1f} {unit:3}{ours:7.2f} {unit:3}"
                     f"{ratio:7.1f}x  {verdict(ours, ratio, target, least)}")
    return "\n".join(lines) + "\n"


def main(argv):
    rounds = max(LEAST_ROUNDS, int(argv[0])) if argv else LEAST_ROUNDS
    sides = {"Python": None, "ours": our_program()}
    seen = {side: [] for side in sides}
    for side, program in sides.items():
        measure(side, program)  # warms the page cache
    for _ in range(rounds):
        for side, program in sides.items():
            seen[side].append(measure(side, program))
    figures = {}
    for side, program in sides.items():
        figures[side] = {k: statistics.median(r[k] for r in seen[side]) for k in seen[side][0]}
        figures[side]["peak memory"] = peak_mib(program)
        figures[side]["size"] = size_mib(program)
    text = table(figures, rounds)
    (BUILD / "results").mkdir(parents=True, exist_ok=True)
    (BUILD / "results/bench.txt").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SupportError as problem:
        sys.exit(f"bench: {problem}")
