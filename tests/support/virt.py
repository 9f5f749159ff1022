# SPDX-License-Identifier: Apache-2.0
"""
Virt drivers driven by hand: tests/helpers/virt-run, and a guest of kernel and busybox that tells on its console
what it sees: "UP" at its start, "CONFIG …" of its config drive, "READY", and "SEES …" whenever disks or NICs
come or go. It powers off when asked by ACPI.
"""

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from .debs import BUILD, kernel, locked, run, unpacked
from .guest import install, install_modules, pack

MODULES = ("virtio_pci", "virtio_blk", "virtio_scsi", "sr_mod", "isofs", "ata_piix", "virtio_net", "virtio_console",
           "button", "evdev")
APPLETS = ("sh", "mount", "insmod", "cat", "echo", "sleep", "mkdir", "poweroff", "acpid", "ls", "grep")
RUNNING, PAUSED, SHUTDOWN, CRASHED = 1, 3, 4, 6
PATIENCE = 60


def program():
    """$ORLOP_VIRT_RUN, or that of a build: the release's first."""
    named = os.environ.get("ORLOP_VIRT_RUN")
    found = [Path(named)] if named else sorted(BUILD.glob("*/tests/helpers/virt-run"),
                                               key=lambda p: "release" not in p.parts)
    if not found:
        pytest.skip("there is no tests/helpers/virt-run in build/")
    return found[0]


def guest():
    """(kernel, initial file system) of the guest, made once."""
    image, modules = kernel()
    out = BUILD / "guests" / "virt-init.gz"
    out.parent.mkdir(parents=True, exist_ok=True)
    init = Path(__file__).with_name("virt-guest-init")
    with locked("virt-guest"):
        if out.exists() and out.stat().st_mtime > max(init.stat().st_mtime, image.stat().st_mtime,
                                                      Path(__file__).stat().st_mtime):
            return image, out
        with tempfile.TemporaryDirectory(dir=out.parent) as name:
            root = Path(name)
            for folder in ("bin", "dev", "proc", "sys", "mnt", "etc/acpi/PWRF", "lib/modules"):
                (root / folder).mkdir(parents=True)
            install(root, unpacked("busybox-static") / "bin/busybox", "bin/busybox")
            for applet in APPLETS:
                (root / "bin" / applet).symlink_to("busybox")
            install_modules(root, modules, MODULES)
            (root / "etc/acpi/PWRF/00000080").write_text("#!/bin/sh\nexec /bin/poweroff -f\n")
            (root / "etc/acpi/PWRF/00000080").chmod(0o755)
            (root / "init").write_bytes(init.read_bytes())
            (root / "init").chmod(0o755)
            pack(root, out)
    return image, out


def config_drive(where):
    (where / "cd/openstack/latest").mkdir(parents=True)
    (where / "cd/openstack/latest/meta_data.json").write_text('{"uuid": "from-the-drive"}\n')
    run("genisoimage", "-quiet", "-o", where / "config.iso", "-V", "config-2", "-J", "-R", where / "cd")
    return where / "config.iso"


class Driver:
    """One virt-run: spawn(machine) and all the other calls give its answer, a dict."""

    def __init__(self, where, kill_at=0, enter=(), driver="qemu", env=None, **options):
        self.where = Path(where)
        self.events = []
        self.answers = queue.Queue()
        options = {"instances_path": str(self.where / "instances"), "state_path": str(self.where / "state"),
                   "accelerator": "tcg", **options}
        env = {**os.environ, **(env or {})}
        if kill_at:
            env["ORLOP_KILL_AT"] = str(kill_at)
        with (self.where / "virt-run.log").open("ab") as log:
            self.process = subprocess.Popen([*enter, program(), driver, json.dumps(options)], env=env, text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        threading.Thread(target=self.read, daemon=True).start()
        assert self.answer() == {"open": True}, self.log()

    def read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            (self.events.append if "event" in said else self.answers.put)(said)
        self.answers.put(None)  # it has ended

    def log(self):
        return (self.where / "virt-run.log").read_text(errors="replace")[-6000:]

    def answer(self):
        return self.answers.get(timeout=150)

    def tell(self, name, machine=None, **more):
        """The answer whatever it is; None when it was killed meanwhile."""
        try:
            self.process.stdin.write(json.dumps({"call": name, "machine": machine, **more}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        return self.answer()

    def at_once(self, name, machines, **more):
        """The same call for all, each in a thread of its own."""
        calls = [{"call": name, "machine": m, **more} for m in machines]
        self.process.stdin.write(json.dumps({"calls": calls}) + "\n")
        self.process.stdin.flush()
        said = [self.answer() for _ in machines]
        assert all(s and s["result"] == 0 for s in said), f"{said}\n{self.log()}"

    def __getattr__(self, name):
        def call(machine=None, **more):
            said = self.tell(name, machine, **more)
            assert said and said["result"] == 0, f"{name}: {said}\n{self.log()}"
            return said
        return call

    def power(self, machine):
        return self.info(machine)["power"]

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(20) == 0, self.log()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


def machine(where, number=1, **more):
    uuid = f"00000000-0000-4000-8000-{number:012d}"
    base = Path(where) / "base.raw"
    if not base.exists():
        with base.open("wb") as f:
            f.truncate(1 << 20)
    return {"uuid": uuid, "name": f"instance-{number:08x}", "directory": f"{where}/instances/{uuid}",
            "memory_mb": 256, "vcpus": 1, "machine_type": "pc",
            "disks": [{"role": "disk", "is_ours": True, "is_qcow2": True, "base": str(base), "size": 8 << 20}],
            **more}


def bootable(where, **more):
    image, initrd = guest()
    return machine(where, kernel=str(image), initrd=str(initrd), cmdline="console=ttyS0 quiet panic=-1", **more)


def console(machine):
    path = Path(machine["directory"]) / "console.log"
    return path.read_text(errors="replace") if path.exists() else ""


def wait_for(what, ready, patience=PATIENCE):
    end = time.monotonic() + patience
    while not ready():
        assert time.monotonic() < end, f"no {what} in {patience} s"
        time.sleep(0.05)


def wait_said(machine, text, times=1):
    wait_for(f"'{text}' ({times}) on the console: {console(machine)[-1500:]}",
             lambda: console(machine).count(text) >= times)


def last_seen(machine):
    lines = [l for l in console(machine).splitlines() if l.startswith("SEES ")]
    return lines[-1].split()[1:] if lines else []


def processes(where):
    """{pid: argv} of each QEMU with a file below 'where', or with its working directory there."""
    found = {}
    for proc in Path("/proc").iterdir():
        if not proc.name.isdigit():
            continue
        try:
            argv = (proc / "cmdline").read_bytes().split(b"\0")
            if b"qemu-system" in argv[0] and (os.readlink(proc / "cwd").startswith(str(where))
                                              or str(where).encode() in b" ".join(argv)):
                found[int(proc.name)] = [a.decode(errors="replace") for a in argv]
        except OSError:
            continue
    return found


def end_processes(where):
    """What a failing test has left."""
    for pid in processes(where):
        os.kill(pid, 9)
