# SPDX-License-Identifier: Apache-2.0
"""orlop-csi-local in a mount namespace, and a client for any CSI driver."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import grpc

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("ORLOP_BUILD", ROOT / "build/dev")) / "src/bin/orlop-csi-local"
GIB = 1 << 30
MIB = 1 << 20


class Mounts:
    """A mount namespace that lives as long as we want it: what a driver has mounted outlives it."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sleep",
                                        "infinity"])
        ours = os.readlink("/proc/self/ns/mnt")
        while os.readlink(f"/proc/{self.holder.pid}/ns/mnt") == ours:
            time.sleep(0.001)

    def prefix(self):
        """What starts a program in there; it keeps its process id."""
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt"]

    def run(self, *argv):
        return subprocess.run([*self.prefix(), *argv], capture_output=True, text=True, check=True)

    def path(self, path):
        """The same path as it is seen in there."""
        return Path(f"/proc/{self.holder.pid}/root{path}")

    def below(self, path):
        """{mount point: options} below 'path', the options of the mount itself."""
        lines = Path(f"/proc/{self.holder.pid}/mountinfo").read_text().splitlines()
        return {l.split()[4]: l.split()[5].split(",") for l in lines
                if l.split()[4].startswith(f"{path}/")}

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Client:
    """Calls by the names of the RPCs: client.CreateVolume(name="v", …)."""

    SERVICES = ("Identity", "Controller", "Node")

    def __init__(self, csi, address):
        self.csi = csi
        self.channel = grpc.insecure_channel(address)

    def close(self):
        self.channel.close()

    def __getattr__(self, name):
        for service in self.SERVICES:
            method = self.csi.DESCRIPTOR.services_by_name[service].methods_by_name.get(name)
            if method:
                break
        request = getattr(self.csi, method.input_type.name)
        reply = getattr(self.csi, method.output_type.name)
        call = self.channel.unary_unary(f"/csi.v1.{service}/{name}", request.SerializeToString,
                                        reply.FromString)
        return lambda timeout=60, **fields: call(request(**fields), timeout=timeout,
                                                 wait_for_ready=False)

    def capability(self, fs="", mode="SINGLE_NODE_WRITER", block=False, flags=()):
        access = self.csi.VolumeCapability.AccessMode(
            mode=self.csi.VolumeCapability.AccessMode.Mode.Value(mode))
        if block:
            return self.csi.VolumeCapability(block={}, access_mode=access)
        return self.csi.VolumeCapability(mount={"fs_type": fs, "mount_flags": flags},
                                         access_mode=access)


class Driver:
    """One directory for state, socket and targets; start() and stop() as often as wanted."""

    def __init__(self, csi, mounts, directory, *options):
        self.csi = csi
        self.mounts = mounts
        self.directory = directory
        self.options = options
        self.socket = directory / "s"
        self.state = directory / "state"
        self.log = directory / "log"
        self.process = None
        self.client = None

    def argv(self):
        return [PROGRAM, "--endpoint", f"unix://{self.socket}", "--node-id", "n1", "--state-dir",
                self.state, "--debug", *self.options]

    def start(self, **environment):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.mounts.prefix(), *self.argv()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **environment})
        return self

    def wait_ready(self):
        """False when it has ended instead."""
        for _ in range(5000):
            if self.process.poll() is not None:
                return False
            with socket.socket(socket.AF_UNIX) as s:
                try:
                    s.connect(str(self.socket))
                except OSError:
                    time.sleep(0.002)
                    continue
            self.client = Client(self.csi, f"unix:{self.socket}")
            return True
        raise TimeoutError(self.log.read_text())

    def stop(self):
        """Its exit status."""
        if self.client:
            self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def target(self, name):
        """A path as a CO gives it: its parent is there."""
        path = self.directory / "targets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def staging(self, name):
        path = self.target(name)
        path.mkdir(exist_ok=True)
        return path
