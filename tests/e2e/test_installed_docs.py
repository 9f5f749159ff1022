# SPDX-License-Identifier: Apache-2.0
"""What the build makes of the command line's tables: the completion works, the pages are whole."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.machine import our_program

DAEMONS = ("orlop", "orlop-apiserver", "orlop-compute", "orlop-csi-local", "orlop-node", "orlop-volume-controller")
NAMES = ("cloud-init", "cloud-id", "cloud-init-per", *DAEMONS)
SECTIONS = ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS",
            "EXAMPLES")
pytestmark = pytest.mark.skipif("ORLOP_BIN" in os.environ, reason="another program is tested")


def made(name):
    """A file that the build made beside the program."""
    return Path(our_program()).resolve().parents[2] / "docs/man" / name


def offered(*words):
    """What bash offers for the last of the words."""
    script = f"""source {made(words[0])}
        COMP_WORDS=({" ".join(f"'{w}'" for w in words)}) COMP_CWORD={len(words) - 1}
        _{words[0].replace("-", "_")}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("words, wanted", [
    (("cloud-init", "st"), ["status"]),
    (("cloud-init", "status", "--w"), ["--wait"]),
    (("cloud-init", "devel", "net"), ["net-convert"]),
    (("cloud-init", "devel", "net-convert", "--ki"), ["--kind"]),
    (("cloud-init", "clean", "--dry"), ["--dry-run"]),
    (("cloud-id", "--j"), ["--json"]),
])
def test_the_completion_offers_what_fits(words, wanted):
    assert offered(*words) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_a_man_page_has_every_section(name):
    assert set(SECTIONS) <= set(re.findall(r"^\.SH (.+)$", made(f"{name}.1").read_text(), re.M))
