# SPDX-License-Identifier: Apache-2.0
"""Loop devices that a test's programs have made, and those that they have left."""

import subprocess
from pathlib import Path


def loop_file(device):
    """The file of a loop device, or None."""
    try:
        return Path(f"/sys/block/{Path(device).name}/loop/backing_file").read_text().strip()
    except OSError:
        return None


def loops_below(path):
    """{loop device: file} of files below 'path', those that were removed included."""
    found = {}
    for at in Path("/sys/block").glob("loop*/loop/backing_file"):
        device = f"/dev/{at.parts[3]}"
        file = loop_file(device)
        if file and file.startswith(f"{path}/"):
            found[device] = file
    return found


def release(loops):
    """Detaches those of loops_below() that are still there, although what they lay on may be gone: without
    that mount a file has no path any more."""
    for device, file in loops.items():
        if loop_file(device) in (file, f"{file} (deleted)", "/"):
            subprocess.run(["losetup", "-d", device], check=False)


def release_loops(path):
    """Those whose files are still to be seen below 'path'."""
    release(loops_below(path))
