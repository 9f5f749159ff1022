# SPDX-License-Identifier: Apache-2.0
"""
orlop-apiserver as a process of its own, on any free port of loopback, all its state below one directory.

    with ApiServer(tmp_path) as server:
        server.kubectl("get", "pv")
"""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

from .cluster import Kubectl, our
from .debs import released

PATIENCE = 20


class ApiServer:
    """One server. 'options' are added to its command line."""

    def __init__(self, where, *options, kubectl=None, env=None, before=None):
        """'before': shell text that is run in a mount namespace of its own and then becomes the server."""
        self.where = Path(where)
        self.before = before
        self.data = self.where / "data"
        self.config = self.where / "kubeconfig"
        self.socket = self.where / "socket"
        self.options, self.env = options, env or {}
        self.process, self.url, self.started_in = None, None, None
        self.kubectl = Kubectl(self.config, self.where)
        if kubectl:
            self.kubectl.program = Path(kubectl)

    def start(self):
        argv = [our("orlop-apiserver"), f"--data-dir={self.data}", f"--kubeconfig-out={self.config}",
                f"--unix-socket={self.socket}", *self.options]
        if not any(o.startswith("--listen") for o in self.options):
            argv.append("--listen=127.0.0.1:0")
        if self.before:
            argv = ["unshare", "--mount", "--propagation=private", "sh", "-ec", self.before + '; exec "$@"', "sh", *argv]
        begun = time.monotonic()
        self.log = (self.where / "log").open("ab")
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env={**os.environ, **self.env})
        line = self.process.stdout.readline()
        self.started_in = time.monotonic() - begun
        if not line.startswith("ready "):
            self.process.wait(PATIENCE)
            raise AssertionError(f"no server: {line}{(self.where / 'log').read_text()}")
        self.url = line.split()[1]
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.log.close()

    def stop(self):
        """Politely; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            self.process.stdout.close()
            self.log.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        if self.process and self.process.poll() is None:
            self.stop()

    def resident_mib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        raise AssertionError("no VmRSS")

    def n_descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connect(self):
        """An HTTP connection over the administrator's socket."""
        return UnixConnection(self.socket)

    def ask(self, method, path, body=None, headers=None, connection=None):
        """(status, decoded body) of one exchange."""
        c = connection or self.connect()
        text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        c.request(method, path, text, {"Content-Type": "application/json", **(headers or {})})
        answer = c.getresponse()
        data = answer.read()
        if connection is None:
            c.close()
        try:
            return answer.status, json.loads(data)
        except ValueError:
            return answer.status, data

    def tls(self, path, headers=None, context=None):
        """(status, body) over TLS, by default without a client certificate."""
        host, port = self.url.split("//")[1].rsplit(":", 1)
        context = context or ssl.create_default_context(cafile=str(self.data / "ca.crt"))
        c = http.client.HTTPSConnection(host, int(port), context=context, timeout=PATIENCE)
        c.request("GET", path, headers=headers or {})
        answer = c.getresponse()
        data = answer.read()
        c.close()
        return answer.status, data


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.unix_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self.unix_path))


KUBECTLS = ("debian12", "trixie", "sid")


def kubectl_of(release):
    """The kubectl of a release of Debian, unpacked; None is the default one, of Debian 12."""
    return None if release == "debian12" else released("kubectl", release) / "usr/bin/kubectl"


class Watch:
    """A watch over the administrator's socket, event by event."""

    def __init__(self, server, path, accept="application/json"):
        self.connection = server.connect()
        self.connection.request("GET", path, headers={"Accept": accept})
        self.answer = self.connection.getresponse()

    def next(self):
        line = self.answer.readline()
        return json.loads(line) if line else None

    def close(self):
        self.answer.close()
        self.connection.close()
