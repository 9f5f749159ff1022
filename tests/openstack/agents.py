# SPDX-License-Identifier: Apache-2.0
"""The two host agents: orlop-compute from the build, and the rig's own nova-compute."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from rig import ROOT

BINARY = Path(os.environ.get("ORLOP_COMPUTE", ROOT / "build/release/src/bin/orlop-compute"))
BAD = re.compile(r"^\S+ \S+ \d+ (ERROR|CRITICAL) |Traceback|AddressSanitizer|runtime error:")
# FakeDriver has no get_host_uptime, which nova-compute tells at length.
UPTIME = re.compile(r"^\S+ \S+ \d+ ERROR oslo_messaging\.rpc\.server .*")

CONFIG = """[DEFAULT]
transport_url = {broker}
host = {host}
debug = true
log_file = {log}
instances_path = {dir}/instances
state_path = {dir}
force_config_drive = true
reserved_host_memory_mb = 0
compute_driver = {driver}
[oslo_concurrency]
lock_path = {dir}/lock
[libvirt]
virt_type = qemu
images_type = raw
[orlop]
user =
"""


class Agent:
    """One agent under one host name. 'started' is when it was executed (time.monotonic)."""

    program = ""

    def __init__(self, rig, driver, host):
        self.rig, self.driver, self.host = rig, driver, host
        self.started, self.mark = 0, 0
        self.proxy = None  # between it and the broker
        # libvirt and QEMU are named after the machine, which two agents can't share
        self.uts = f"m-{host}" if driver == "qemu" else None

    def broker(self):
        """The transport_url; it goes through the proxy when there is one."""
        ports = self.rig.settings()
        port = self.proxy.port if self.proxy else ports["AMQP_PORT"]
        return f"rabbit://nova:{ports['PW']}@127.0.0.1:{port}/"

    def log(self):
        """What was written since the last forget()."""
        try:
            with open(self.log_path, "rb") as f:
                f.seek(self.mark)
                return f.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def forget(self):
        self.mark = self.log_path.stat().st_size if self.log_path.exists() else 0

    def complaints(self):
        """Lines of its log that an operator would look at."""
        found = [line for line in self.log().splitlines() if BAD.search(line)]
        if any("message handling: NotImplementedError" in line for line in found):
            found = [line for line in found if not UPTIME.match(line)]
        return found


class Ours(Agent):
    program = "orlop"
    drivers = {"fake": "fake.FakeDriver", "qemu": "qemu.QemuDriver"}

    def __init__(self, rig, driver, host):
        super().__init__(rig, driver, host)
        self.dir = rig.base / "orlop" / host
        self.log_path = self.dir / "compute.log"
        self.process = None

    def start(self):
        (self.dir / "instances").mkdir(parents=True, exist_ok=True)
        base, own = self.dir / "nova-hosts.conf", self.dir / "compute.conf"
        base.write_text(self.rig.hosts_conf())
        base.chmod(0o600)
        own.write_text(CONFIG.format(host=self.host, log=self.log_path, dir=self.dir,
                                     broker=self.broker(), driver=self.drivers[self.driver]))
        own.chmod(0o600)
        self.forget()
        argv = [str(BINARY), "--config-file", str(base), "--config-file", str(own)]
        if self.uts:
            argv = ["unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', self.uts, *argv]
        self.started = time.monotonic()
        with open(self.dir / "out", "ab") as out:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            start_new_session=True)

    def pid(self):
        return self.process.pid

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("it did not follow SIGTERM for 90 s") from None
        finally:
            code, self.process = self.process.returncode, None
        assert code == 0, f"it left with {code}"


class Theirs(Agent):
    program = "nova"
    drivers = {"fake": "fake", "qemu": "libvirt"}

    def __init__(self, rig, driver, host):
        super().__init__(rig, driver, host)
        self.log_path = rig.root / f"var/log/nova/nova-compute-{host}.log"

    def start(self):
        self.forget()
        self.started = time.monotonic()
        self.rig.shell(f"EXTRA='transport_url = {self.broker()}' NOVA_DEBUG=true "
                       f"./compute.sh {self.drivers[self.driver]} {self.host}", uts=self.uts)

    def pid_file(self):
        return self.rig.base / "run" / f"nova-compute-{self.host}.pid"

    def pid(self):
        return int(self.pid_file().read_text().split()[0])

    def kill(self):
        os.kill(self.pid(), signal.SIGKILL)
        self.pid_file().unlink()  # the scripts take a zombie for a process

    def stop(self):
        self.rig.shell(f"./compute.sh stop {self.host}")
        if self.driver == "qemu":
            self.rig.shell("stop libvirtd 15")
