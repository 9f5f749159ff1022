# SPDX-License-Identifier: Apache-2.0
"""What the network contract tests share: running net-convert and reading what it wrote."""

import os
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PAIRS = ("eni|debian", "netplan|ubuntu", "networkd|photon")


def binary():
    """The cloud-init to be tested."""
    return Path(os.environ.get("ORLOP_BIN_DIR", TOP / "build/dev/src/bin")) / "cloud-init"


def can_convert():
    """True when the binary is there and knows the command."""
    if not binary().exists():
        return False
    argv = [str(binary()), "devel", "net-convert", "--help"]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def options(source, kind, pair, target, macs=()):
    """The command line behind "devel net-convert"."""
    renderer, distro = pair.split("|")
    argv = ["-p", str(source), "-k", kind, "-d", str(target), "-D", distro, "-O", renderer]
    for mac in macs:
        argv += ["-m", mac]
    return argv


def convert(source, kind, pair, target, macs=()):
    """Runs our net-convert."""
    argv = [str(binary()), "devel", "net-convert", *options(source, kind, pair, target, macs)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def read_tree(top):
    """Path below the output directory -> mode and text, in the form of the cases."""
    files = {}
    for path in sorted(Path(top).rglob("*")):
        if path.is_file():
            mode = oct(path.stat().st_mode & 0o7777)
            files["/" + str(path.relative_to(top))] = {"mode": mode, "text": path.read_text()}
    return files
