# SPDX-License-Identifier: Apache-2.0
"""Our client of a Kubernetes API at work on our server: over HTTPS, over a socket, in one process, and while
the server is killed and started again. What its cache is told has to add up to what was done."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from support.cluster import our
from support.debs import BUILD

COUNT = 300
LINE = re.compile(r"new (\d+) changed (\d+) gone (\d+) retried (\d+)")


def tool():
    named = os.environ.get("ORLOP_KUBE_TOOL")
    for path in [Path(named)] if named else sorted(BUILD.glob("*/tests/helpers/kube-tool")):
        if path.exists():
            return path
    pytest.skip("there is no tests/helpers/kube-tool in build/")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """orlop-apiserver on one port and one directory, however often it is started."""

    def __init__(self, tmp):
        self.tmp, self.port, self.process = tmp, free_port(), None
        self.config, self.socket = tmp / "kubeconfig", tmp / "socket"
        (tmp / "tokens").write_text('secret,robot,1,"system:masters"\n')

    def start(self):
        self.process = subprocess.Popen(
            [our("orlop-apiserver"), "--data-dir", self.tmp / "data", "--listen", f"127.0.0.1:{self.port}",
             "--unix-socket", self.socket, "--token-auth-file", self.tmp / "tokens", "--kubeconfig-out",
             self.config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        while b"ready" not in (line := self.process.stdout.readline()):
            assert line, "the server did not start"
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process.stdout.close()


@pytest.fixture
def server(tmp_path):
    (tmp_path / "data").mkdir()
    server = Server(tmp_path).start()
    yield server
    server.stop()


def config(server, address=None, user=None):
    """The administrator's kubeconfig with another address of the cluster, or another user."""
    text = server.config.read_text()
    if address:
        text = re.sub(r"server: .*", "server: " + address, text)
    if user:
        text = re.sub(r"(\n  user:\n).*", r"\1    " + user + "\n", text, flags=re.S)
    path = server.tmp / "changed"
    path.write_text(text)
    return path


def check(done):
    assert done.returncode == 0, done.stdout + done.stderr
    new, changed, gone, retried = map(int, LINE.search(done.stdout).groups())
    assert (new, gone) == (COUNT, COUNT // 2) and changed >= COUNT
    return retried


def run(*argv, timeout=60):
    return subprocess.run([tool(), *argv, str(COUNT)], capture_output=True, text=True, timeout=timeout)


def test_the_cache_sees_all_over_https_with_a_certificate(server):
    assert check(run(server.config)) == 0


def test_the_cache_sees_all_with_a_token_from_a_file(server):
    (server.tmp / "token").write_text("secret\n")
    assert check(run(config(server, user="tokenFile: token"))) == 0


def test_the_cache_sees_all_over_a_socket(server):
    assert check(run(config(server, address=f"unix://{server.socket}"))) == 0


def test_the_cache_sees_all_in_one_process(tmp_path):
    assert check(run("--local", tmp_path)) == 0


def test_another_name_in_the_certificate_can_be_asked_for(server):
    text = server.config.read_text().replace("    server:", "    tls-server-name: localhost\n    server:")
    (server.tmp / "named").write_text(text)
    assert check(run(server.tmp / "named")) == 0


def test_a_server_that_is_not_the_one_is_not_believed(server):
    text = re.sub(r"\n *certificate-authority-data: .*", "", server.config.read_text())
    (server.tmp / "unknown").write_text(text)
    with subprocess.Popen([tool(), server.tmp / "unknown", "1"], stderr=subprocess.PIPE, text=True) as p:
        line = p.stderr.readline()
        p.terminate()
        p.wait(20)
    assert "certificate" in line


def test_a_wrong_token_is_said_so(server):
    with subprocess.Popen([tool(), config(server, user="token: wrong"), "1"], stderr=subprocess.PIPE,
                          text=True) as p:
        line = p.stderr.readline()
        p.terminate()
        p.wait(20)
    assert "list of configmaps: Unauthorized" in line
    assert "wrong" not in line


def test_a_server_that_is_killed_and_comes_back_loses_nothing(server):
    process = subprocess.Popen([tool(), server.config, str(COUNT * 10)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    watcher = subprocess.Popen([tool(), "--watch", server.config, str(COUNT * 100)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    for _ in range(3):
        time.sleep(0.4)
        server.kill()
        time.sleep(0.2)
        server.start()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    new, _, gone, _ = map(int, LINE.search(out).groups())
    assert new - gone == COUNT * 5
    time.sleep(3)  # it may be waiting to ask again
    watcher.terminate()
    out, err = watcher.communicate(timeout=60)
    seen, _, gone, _ = map(int, LINE.search(out).groups())
    # What came and went while there was no server it can't have seen.
    assert seen - gone == COUNT * 5, out + err
