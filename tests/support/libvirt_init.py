# SPDX-License-Identifier: Apache-2.0
"""
The first process of libvirtd's namespaces (libvirt.py): starts and ends libvirtd as it is told on standard input, and
buries the machines that libvirtd leaves to it. They would be zombies for seconds elsewhere, and libvirtd waits for their
end.
"""

import ctypes
import os
import select
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
SOCKET = "/run/libvirt/libvirt-sock"
PATIENCE = 30


class Daemon:
    def __init__(self):
        self.pid = 0

    def bury(self):
        try:
            while (pid := os.waitpid(-1, os.WNOHANG)[0]):
                if pid == self.pid:
                    self.pid = 0
        except ChildProcessError:
            pass

    def wait(self, ready):
        end = time.monotonic() + PATIENCE
        while not ready() and time.monotonic() < end:
            time.sleep(0.005)
            self.bury()
        return ready()

    def start(self):
        if os.path.exists(SOCKET):
            os.unlink(SOCKET)
        self.pid = os.fork()
        if self.pid == 0:
            os.environ["LIBVIRT_DRIVER_DIR"] = "/run/drivers"
            os.dup2(2, 1)
            os.execv("/usr/sbin/libvirtd", ["/usr/sbin/libvirtd"])
        self.wait(lambda: os.path.exists(SOCKET) or not self.pid)
        return self.pid != 0

    def end(self, number):
        if self.pid:
            os.kill(self.pid, number)
        return self.wait(lambda: not self.pid)


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    daemon = Daemon()
    calls = {"start": daemon.start, "stop": lambda: daemon.end(signal.SIGTERM),
             "kill": lambda: daemon.end(signal.SIGKILL)}
    print("up", flush=True)
    while True:
        if select.select([sys.stdin], [], [], 0.01)[0]:
            line = sys.stdin.readline()
            if not line:
                daemon.end(signal.SIGKILL)
                return
            print("done" if calls[line.strip()]() else "failed", flush=True)
        daemon.bury()


main()
