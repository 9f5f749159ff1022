#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
'make demo': boots the guest of support/guest.py once and shows what our cloud-init did in it.
Nothing is left on this machine.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import guest  # noqa: E402
from support.debs import SupportError  # noqa: E402
from support.machine import our_program  # noqa: E402

SHOWN = ("/etc/motd", "/opt/app/settings.json", "/opt/app/ran",
         "/etc/network/interfaces.d/50-cloud-init", "/var/lib/cloud/data/status.json")


def title(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}")


def show_file(report, path):
    data = report.files.get(path)
    if data is None:
        print(f"  {path}: not there")
        return
    print(f"  {path}")
    for line in data.decode(errors="replace").rstrip().splitlines():
        print(f"    | {line}")


def users(report):
    lines = report.files.get("/etc/passwd", b"").decode().splitlines()
    return [l for l in lines if not l.startswith("root:")]


def show(report):
    facts = report.facts
    title("A machine of 256 MB, booted by Debian's cloud kernel, config drive on a CD-ROM")
    print(f"  {facts.get('version', '?')}")
    print(f"  kernel ready after {facts.get('kernel_seconds', '?')} s (emulated CPU), "
          f"everything done after {facts.get('end', '?')} s, {report.seconds:.1f} s here")
    title("Stages")
    for name, status, ms in report.stages:
        print(f"  {name:15} {ms:5} ms  exit status {status}")
    title("The machine")
    print(f"  host name    {facts.get('hostname', '?')}\n  instance     "
          f"{facts.get('instance_id', '?')}\n  {facts.get('status', '?')}")
    for line in users(report):
        print(f"  user         {line}")
    title("Files")
    for path in SHOWN:
        show_file(report, path)
    made = [p for p in sorted(report.files) if p.lstrip("/") not in guest.FILES]
    print(f"  {len(made)} files made, among them:")
    for path in made:
        if path.startswith(("/home", "/root", "/etc/ssh", "/etc/sudoers.d")):
            print(f"    {path}")
    title(f"What arrived on the virtio-serial port {guest.STATUS_PORT}")
    for line in report.status_lines:
        print(f"  {line}")


def main():
    try:
        report = guest.boot(our_program(), (HERE / "demo-user-data").read_text())
    except SupportError as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    show(report)
    bad = [name for name, status, _ in report.stages if status != 0]
    if bad or len(report.stages) != 4:
        print(f"\ndemo: these stages failed: {', '.join(bad) or 'not all ran'}")
        print(report.console[-3000:])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
