# SPDX-License-Identifier: Apache-2.0
"""A network namespace with nothing but its loopback (127.0.0.1 and 192.168.4.1), held by a process that ends with us."""

import subprocess
from pathlib import Path

HOLD = "ip link set lo up && ip addr add 192.168.4.1/32 dev lo && echo up && exec sleep infinity"


class NetSpace:
    """with NetSpace() as net: subprocess.run([*net.enter, "ip", "link"])"""

    def __enter__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "--kill-child", "--fork", "sh", "-c", HOLD],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline().strip() != "up":
            self.__exit__()
            raise RuntimeError("no network namespace could be made")
        task = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}")
        inner = (task / "children").read_text().split()[0]
        self.enter = ["nsenter", f"--net=/proc/{inner}/ns/net"]
        return self

    def __exit__(self, *_):
        self.holder.kill()
        self.holder.wait(10)
        self.holder.stdout.close()
