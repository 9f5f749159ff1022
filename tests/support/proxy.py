# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy on loopback that can cut its connections, or stop to forward without closing anything."""

import selectors
import socket
import threading


class Proxy:
    """with Proxy(port) as proxy: connect to 127.0.0.1:proxy.port"""

    def __init__(self, to):
        self.to = to
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.wake, self.woken = socket.socketpair()
        self.peers = {}
        self.is_stalled = self.is_ended = self.is_cutting = False
        self.n_accepted = 0
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def poke(self):
        self.wake.send(b"x")

    def cut(self):
        """Closes what is open; new connections are taken."""
        self.is_cutting = True
        self.poke()

    def stall(self, is_stalled=True):
        """From now on nothing passes; new connections are accepted and get no answer."""
        self.is_stalled = is_stalled
        self.poke()

    def drop(self, one):
        other = self.peers.pop(one, None)
        self.peers.pop(other, None)
        for s in (one, other):
            if s:
                s.close()

    def accept(self):
        client, _ = self.listener.accept()
        self.n_accepted += 1
        try:
            server = socket.create_connection(("127.0.0.1", self.to))
        except OSError:
            client.close()
            return
        self.peers[client], self.peers[server] = server, client

    def forward(self, one):
        try:
            data = one.recv(65536)
            if data:
                self.peers[one].sendall(data)
        except (OSError, KeyError):
            data = b""
        if not data:
            self.drop(one)

    def run(self):
        while not self.is_ended:
            with selectors.DefaultSelector() as s:
                s.register(self.listener, selectors.EVENT_READ)
                s.register(self.woken, selectors.EVENT_READ)
                for one in () if self.is_stalled else self.peers:
                    s.register(one, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in s.select()]
            for one in ready:
                if one is self.woken:
                    one.recv(4096)
                elif one is self.listener:
                    self.accept()
                elif one in self.peers:
                    self.forward(one)
            if self.is_cutting:
                self.is_cutting = False
                for one in list(self.peers):
                    self.drop(one)

    def end(self):
        """From now on connections are refused, and those that were are closed."""
        if self.is_ended:
            return
        self.is_ended = True
        self.poke()
        self.thread.join(10)
        for one in list(self.peers):
            self.drop(one)
        for s in (self.listener, self.wake, self.woken):
            s.close()

    def __exit__(self, *_):
        self.end()
