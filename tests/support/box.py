# SPDX-License-Identifier: Apache-2.0
"""
A box: a throw-away machine without a kernel of its own. An overlay on a tmpfs over the
Debian tree, in its own mount, UTS, pid and network namespaces, with one network interface
and no daemon. What ran in it is told by the overlay: the exact difference to the tree.

    box = Box(tree, files={"/etc/x": File(b"...")}, steps=[Run("cloud-init", "init")])
    outcome = box.run()
    outcome.files["/etc/hostname"].data
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from .debs import BUILD, SupportError

INIT = Path(__file__).with_name("box_init.py")
MAC = "52:54:00:12:34:56"
STAGES = {
    "init-local": ("cloud-init", "init", "--local"),
    "init": ("cloud-init", "init"),
    "modules-config": ("cloud-init", "modules", "--mode=config"),
    "modules-final": ("cloud-init", "modules", "--mode=final"),
}


@dataclass(frozen=True)
class File:
    """A file to put into a box before its steps."""

    data: bytes
    mode: int = 0o644

    def spec(self):
        return {"data": base64.b64encode(self.data).decode(), "mode": self.mode}


@dataclass(frozen=True)
class Link:
    target: str

    def spec(self):
        return {"link": self.target}


def run_step(*argv, name=None, env=None):
    return {"run": list(argv), "name": name or " ".join(argv), "env": env or {}}


def boot_steps():
    """The four stages of one boot."""
    return [run_step(*argv, name=name) for name, argv in STAGES.items()]


def reboot_step():
    return {"reboot": True}


def files_step(files):
    return {"files": {path: file.spec() for path, file in files.items()}}


@dataclass
class Seen:
    """One path that is different from the tree after the run."""

    type: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    data: bytes = b""
    target: str = ""

    @staticmethod
    def of(raw):
        data = base64.b64decode(raw["data"]) if "data" in raw else b""
        return Seen(raw["type"], raw.get("mode", 0), raw.get("uid", 0), raw.get("gid", 0), data,
                    raw.get("target", ""))


@dataclass
class Outcome:
    steps: list
    files: dict
    requests: list = field(default_factory=list)

    def text(self, path):
        """A file's text, or None when the run did not change it."""
        seen = self.files.get(path)
        return seen.data.decode(errors="replace") if seen and seen.type == "file" else None


def program_files(program):
    """Our program in the place of the Python one, under all its names."""
    data = Path(program).read_bytes()
    files = {"/usr/bin/cloud-init": File(data, 0o755)}
    for name in ("cloud-id", "cloud-init-per"):
        files[f"/usr/bin/{name}"] = Link("cloud-init")
    return files


@dataclass
class Box:
    tree: Path
    files: dict = field(default_factory=dict)
    steps: list = field(default_factory=list)
    served: dict = field(default_factory=dict)
    drives: dict = field(default_factory=dict)  # name below /dev: bytes
    collect: bool = True
    timeout: float = 120

    def run(self):
        # One that is replaced by a directory would hide everything below it.
        links = [p for p in self.files if p.split("/")[1] in ("bin", "sbin", "lib", "lib64")]
        assert not links, f"links of the tree, write /usr/...: {links}"
        work = BUILD / "boxes" / uuid.uuid4().hex[:12]
        (work / "root").mkdir(parents=True)
        spec = {
            "tree": str(self.tree), "work": str(work / "root"), "mac": MAC,
            "files": {path: file.spec() for path, file in self.files.items()},
            "served": {path: file.spec() for path, file in self.served.items()},
            "drives": {n: base64.b64encode(d).decode() for n, d in self.drives.items()},
            "steps": self.steps, "collect": self.collect,
        }
        try:
            return self._run(work, spec)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _run(self, work, spec):
        (work / "spec.json").write_text(json.dumps(spec))
        argv = ["unshare", "-m", "-u", "-n", "-p", "-f", "--kill-child", "--propagation",
                "private", "--mount-proc", sys.executable, "-S", str(INIT), str(work / "spec.json"),
                str(work / "outcome.json")]
        env = {"PATH": os.environ["PATH"], "ORLOP_TEST_RUN": os.environ.get("ORLOP_TEST_RUN", "")}
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=env) as child:
            try:
                output, _ = child.communicate(timeout=self.timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()
                raise SupportError(f"a box did not end within {self.timeout} s") from None
        if child.returncode or not (work / "outcome.json").exists():
            raise SupportError(f"a box ended with {child.returncode}\n"
                               + output.decode(errors="replace")[-3000:])
        raw = json.loads((work / "outcome.json").read_text())
        return Outcome(raw["steps"], {p: Seen.of(f) for p, f in raw["files"].items()},
                       raw["requests"])
