# SPDX-License-Identifier: Apache-2.0
"""
containerd and runc from Debian packages that are unpacked and not installed, in mount and pid namespaces
of their own: whatever is started in such a space ends with it, and so does every mount.

    with Space() as space, Containerd(space, tmp_path / "cd") as containerd:
        containerd.add_image("local/busybox:1")
        space.popen(our("orlop-node"), f"--container-runtime-endpoint={containerd.socket}", ...)
"""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

from .debs import NeedsRoot, SupportError, unpacked

CONFIG = """\
version = 2
root = "{where}/root"
state = "{where}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "{where}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/local/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{where}/cni"
    conf_dir = "{where}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        BinaryName = "{runc}"
"""
APPLETS = ("sh", "sleep", "cat", "echo", "ls", "id", "touch", "dd", "true", "false", "test", "mkdir")


class Space:
    """Mount and pid namespaces; mounts inside are shared among its processes, never with the machine."""

    def __enter__(self):
        if os.geteuid() != 0:
            raise NeedsRoot("namespaces and mounts need root")
        # The first process reaps what its children leave: a container's shim is nobody's child.
        script = "mount --make-rshared / && echo ready && exec sh -c 'while :; do sleep 1000 & wait; done'"
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--propagation=private",
             "--mount-proc", "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise SupportError("a mount namespace cannot be made")
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        self.pid = int(children[0])
        self.enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid"]
        self.cgroups = cgroup_dirs()
        return self

    def popen(self, *argv, log, env=None):
        with open(log, "ab") as out:
            return subprocess.Popen([*self.enter, *map(str, argv)], stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=out, env={**os.environ, **(env or {})})

    def run(self, *argv, check=True, timeout=60):
        done = subprocess.run([*self.enter, *map(str, argv)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=timeout)
        if check and done.returncode:
            raise SupportError(f"{' '.join(map(str, argv))}: {done.stdout}{done.stderr}")
        return done.stdout

    def path(self, path):
        """A path of the space, as seen from the machine."""
        return Path(f"/proc/{self.pid}/root") / str(path).lstrip("/")

    def mounts(self, below):
        """Mount points below a directory, in the order of mounting."""
        lines = Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines()
        return [l.split()[4] for l in lines if l.split()[4].startswith(str(below) + "/")]

    def __exit__(self, *_):
        self.holder.kill()
        self.holder.wait(20)
        self.holder.stdout.close()
        remove_cgroups(self.cgroups)


def cgroup_dirs():
    """Directories in which the machine's cgroups are, three levels deep."""
    found = set()
    for depth in ("*", "*/*", "*/*/*"):
        found.update(p for p in Path("/sys/fs/cgroup").glob(depth) if p.is_dir())
    return found


def remove_cgroups(before):
    """Removes the empty cgroups that are new: those of containers whose runtime was killed."""
    for _ in range(50):
        new = sorted((p for p in cgroup_dirs() - before), key=lambda p: -len(p.parts))
        new = [p for p in new if "k8s.io" in p.parts or "kubepods" in str(p)]
        for path in new:
            try:
                for below in sorted((p for p in path.rglob("*") if p.is_dir()),
                                    key=lambda p: -len(p.parts)):
                    below.rmdir()
                path.rmdir()
            except OSError:
                pass
        if not new:
            return
        time.sleep(0.05)


class Containerd:
    def __init__(self, space, where):
        self.space, self.where = space, Path(where)
        self.socket = self.where / "containerd.sock"
        self.process = None

    def __enter__(self):
        package, runc = unpacked("containerd"), unpacked("runc")
        self.bin = package / "usr/bin"
        self.where.mkdir(parents=True)
        config = self.where / "config.toml"
        config.write_text(CONFIG.format(where=self.where, runc=runc / "usr/sbin/runc"))
        self.start()
        self.add_image("local/pause:1", ("/bin/sleep", "2147483647"))
        return self

    def start(self):
        path = f"{self.bin}:{unpacked('runc') / 'usr/sbin'}:{os.environ['PATH']}"
        self.process = self.space.popen(self.bin / "containerd", "--config", self.where / "config.toml",
                                        log=self.where / "log", env={"PATH": path})
        end = time.monotonic() + 30
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SupportError(f"containerd does not answer: {self.log()}")
            time.sleep(0.05)

    def stop(self):
        """containerd alone: its containers go on."""
        if not self.process or self.process.poll() is not None:
            return
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        os.kill(int(children[0]) if children else self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def answers(self):
        return self.socket.exists() and not subprocess.run(
            [*self.space.enter, str(self.bin / "ctr"), "-a", str(self.socket), "version"],
            stdin=subprocess.DEVNULL, capture_output=True).returncode

    def ctr(self, *argv):
        return self.space.run(self.bin / "ctr", "-a", self.socket, "-n", "k8s.io", *argv)

    def add_image(self, name, command=("/bin/sh",)):
        """An image of busybox under this name, without any registry."""
        tar = self.where / (name.replace("/", "_") + ".tar")
        tar.write_bytes(image(f"docker.io/{name}", command))
        self.ctr("image", "import", tar)

    def log(self):
        return (self.where / "log").read_text(errors="replace")[-4000:]

    def __exit__(self, *_):
        self.stop()


def layer():
    """A root file system as a tar: busybox, and what a container expects."""
    program = shutil.which("busybox") or unpacked("busybox-static") / "bin/busybox"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for folder in ("bin", "etc", "proc", "sys", "dev", "tmp"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        body = Path(program).read_bytes()
        info = tarfile.TarInfo("bin/busybox")
        info.size, info.mode = len(body), 0o755
        tar.addfile(info, io.BytesIO(body))
        for applet in APPLETS:
            info = tarfile.TarInfo(f"bin/{applet}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
    return data.getvalue()


def image(reference, command):
    """A docker archive with one layer."""
    body = layer()
    digest = hashlib.sha256(body).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": list(command), "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}, "history": [{"created_by": "test"}],
    }).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": [reference],
                            "Layers": [f"{digest}/layer.tar"]}]).encode()
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, content in ((f"{digest}/layer.tar", body), (name, config), ("manifest.json", manifest)):
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return data.getvalue()
