# SPDX-License-Identifier: Apache-2.0
"""The control plane: Debian's OpenStack in a chroot, by the scripts of ../shared/openstack.

It lives below build/openstack-rig and is stopped at the end, or is one that runs already:
ORLOP_OPENSTACK_RIG=DIR, which is left as it was."""

import json
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT.parent / "shared" / "openstack"


class RigError(Exception):
    pass


class Rig:
    def __init__(self):
        given = os.environ.get("ORLOP_OPENSTACK_RIG")
        self.scripts = Path(os.environ.get("ORLOP_OPENSTACK_SCRIPTS", SCRIPTS)).resolve()
        self.base = Path(given or ROOT / "build" / "openstack-rig").resolve()
        self.is_ours = not given
        self.env = dict(os.environ, BASE=str(self.base))
        self.ports = None
        self.root = self.base / "root"

    def why_not(self):
        """Why nothing can be run here; "" when it can."""
        if not (self.scripts / "up.sh").is_file():
            return f"there is no {self.scripts}/up.sh"
        if os.geteuid() != 0:
            return "a chroot takes root"
        return ""

    def shell(self, text, timeout=120, uts=None):
        """Bash with lib.sh sourced, in the scripts' directory; in a host name of its own."""
        argv = ["bash", "-c", f". ./lib.sh; {text}"]
        if uts:
            argv = ["unshare", "--uts", "bash", "-c", f"hostname {uts}; . ./lib.sh; {text}"]
        # The archives are of no use after up.sh, and finding them takes a second.
        env = dict(self.env, MIRROR="-", SECURITY="-")
        done = subprocess.run(argv, cwd=self.scripts, env=env, timeout=timeout,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              check=False)
        if done.returncode:
            raise RigError(f"{text}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def __enter__(self):
        done = subprocess.run(["./up.sh"], cwd=self.scripts, env=self.env, timeout=1800,
                              stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise RigError("the control plane did not come up")
        return self

    def __exit__(self, *_):
        if self.is_ours:
            subprocess.run(["./down.sh"], cwd=self.scripts, env=self.env, timeout=300,
                           stdin=subprocess.DEVNULL, check=False)

    def settings(self):
        """Ports and password as lib.sh has them."""
        names = ("KS_PORT", "NOVA_PORT", "PL_PORT", "GL_PORT", "AMQP_PORT", "DB_PORT", "PW")
        values = self.shell("echo " + " ".join(f"${n}" for n in names)).split()
        return dict(zip(names, values))

    def hosts_conf(self):
        """nova.conf as a compute host has it: without databases."""
        text, keep = [], True
        for line in (self.root / "etc/nova/nova.conf").read_text().splitlines():
            if line.startswith("["):
                keep = not line.strip().endswith("database]")
            if keep:
                text.append(line)
        return "\n".join(text) + "\n"

    def rows(self, query):
        """Of the cell's database: a list of dictionaries. 'query' selects JSON_OBJECT(...)."""
        if not self.ports:
            self.ports = self.settings()
        argv = ["chroot", str(self.root), "mariadb", "-h127.0.0.1", f"-P{self.ports['DB_PORT']}",
                "-uroot", "-N", "-B", "--raw", "nova_cell1"]
        done = subprocess.run(argv, env=dict(os.environ, MYSQL_PWD=self.ports["PW"]), timeout=60,
                              capture_output=True, text=True, input=query, check=False)
        if done.returncode:
            raise RigError(done.stderr.strip())
        return [json.loads(line) for line in done.stdout.splitlines()]

    def stop_conductor(self):
        self.shell("stop nova-conductor 5")

    def start_conductor(self):
        self.shell("start nova-conductor nova-conductor --config-file /etc/nova/nova.conf")

    def control_logs(self):
        """Sizes of the logs of those that our messages reach."""
        logs = {}
        for name in ("nova-scheduler", "nova-conductor"):
            path = self.root / f"var/log/nova/{name}.log"
            logs[path] = path.stat().st_size if path.exists() else 0
        return logs

    def control_complaints(self, since):
        """Their lines of errors since control_logs()."""
        found = []
        for path, size in since.items():
            with open(path, "rb") as f:
                f.seek(size)
                text = f.read().decode(errors="replace")
            found += [x for x in text.splitlines() if re.match(r"\S+ \S+ \d+ (ERROR|CRITICAL) ", x)]
        return found
