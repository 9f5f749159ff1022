# SPDX-License-Identifier: Apache-2.0
"""Our own message bus over a socket: processes that meet, die and misbehave."""

import contextlib
import os
import socket
import stat
import struct
import subprocess
import tempfile

import pytest

from support.cluster import our

HELLO, CONSUME, CANCEL, PUBLISH, ACK, NACK, DONE, DELIVER = range(8)
REPLY, TOPIC, FANOUT = range(3)
MANDATORY = 1
NOBODY = 65534


def program():
    return our("orlop").parents[2] / "bench/orlop-rpc-bench"


@contextlib.contextmanager
def serving(path):
    """A server of calls; the first of them serves the socket, too."""
    with subprocess.Popen([program(), "serve", f"orlop://{path}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def call(path, n=100, in_flight=4):
    done = subprocess.run([program(), "call", f"orlop://{path}", str(n), str(in_flight)], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert " 0 failed" in done.stdout


def frame(kind, name=b"", exchange=b"", flags=0, status=0, number=0, time=0, body=b""):
    rest = struct.pack(">BBBBiQq", kind, flags, len(exchange), len(name), status, number, time)
    rest += exchange + b"\0" + name + b"\0" + body
    return struct.pack(">I", len(rest)) + rest


class Peer:
    """One who speaks the bus's frames by hand."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))

    def greet(self):
        self.socket.sendall(frame(HELLO, status=1))
        assert self.read()[0] == HELLO
        return self

    def send(self, *argv, **named):
        self.socket.sendall(frame(*argv, **named))

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def read(self):
        """(type, status, id, body)"""
        rest = self.exactly(struct.unpack(">I", self.exactly(4))[0])
        kind, _, n_exchange, n_name, status, number, _ = struct.unpack(">BBBBiQq", rest[:24])
        return kind, status, number, rest[24 + n_exchange + n_name + 2:]

    def is_closed(self):
        try:
            self.read()
        except (EOFError, ConnectionResetError):
            return True
        return False

    def close(self):
        self.socket.close()


def test_processes_meet_at_a_socket(tmp_path):
    path = tmp_path / "bus"
    with serving(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        call(path)
        with serving(path):
            call(path)


def test_the_next_serves_when_the_first_is_killed(tmp_path):
    path = tmp_path / "bus"
    with serving(path) as first, serving(path):
        first.kill()
        first.wait(10)
        call(path)


def test_what_a_killed_one_left_is_no_hindrance(tmp_path):
    path = tmp_path / "bus"
    with serving(path):
        pass
    assert path.exists()
    with serving(path):
        call(path)


def test_what_was_not_acknowledged_comes_again(tmp_path):
    path = tmp_path / "bus"
    with serving(path):
        first, second = Peer(path).greet(), Peer(path).greet()
        first.send(CONSUME, b"compute.h", b"nova", flags=TOPIC, number=1)
        assert first.read()[:3] == (DONE, 0, 1)
        for n, body in ((2, b"one"), (3, b"two")):
            second.send(PUBLISH, b"compute.h", b"nova", number=n, body=body)
            assert second.read()[:3] == (DONE, 0, n)
        kind, _, tag, body = first.read()
        assert (kind, body) == (DELIVER, b"one")
        first.send(ACK, number=tag)
        assert first.read()[3] == b"two"
        # Its answer to this comes after the acknowledgement was read.
        first.send(PUBLISH, b"nowhere", flags=MANDATORY, number=9)
        assert first.read()[:3] == (DONE, -2, 9)
        first.close()
        second.send(CONSUME, b"compute.h", b"nova", flags=TOPIC, number=4)
        got = [second.read(), second.read()]
        assert [g[3] for g in got if g[0] == DELIVER] == [b"two"]
        second.close()


@pytest.mark.parametrize("junk", [
    b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0", b"\xff" * 64, frame(PUBLISH, b"q"), frame(HELLO, status=7),
    frame(HELLO, status=1) + frame(DELIVER), frame(HELLO, status=1) + frame(CONSUME, b"", flags=TOPIC),
    frame(HELLO, status=1) + frame(CONSUME, b"q", flags=9), frame(HELLO, status=1) + frame(PUBLISH, b"q", time=-1),
    frame(HELLO, status=1) * 2,
])
def test_junk_ends_its_own_connection(tmp_path, junk):
    path = tmp_path / "bus"
    with serving(path):
        peer = Peer(path)
        peer.socket.sendall(junk)
        while not peer.is_closed():
            pass
        peer.close()
        call(path, n=20)


def test_another_user_is_refused():
    if os.geteuid() != 0:
        pytest.skip("to be another user needs root")
    with tempfile.TemporaryDirectory(dir="/tmp") as place, serving(f"{place}/bus"):
        path = f"{place}/bus"
        os.chmod(place, 0o755)
        os.chmod(path, 0o666)
        child = os.fork()
        if child == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)
            try:
                peer = Peer(path)
                peer.send(HELLO, status=1)
                refused = peer.is_closed()
            except ConnectionError:
                refused = True
            except OSError:
                refused = False
            os._exit(0 if refused else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        call(path, n=20)
