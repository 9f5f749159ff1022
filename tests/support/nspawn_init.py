# SPDX-License-Identifier: Apache-2.0
"""
Process 1 of the namespaces around a systemd-nspawn boot (see nspawn.py): overlay, network,
nspawn, and what it left as JSON.

    nspawn_init.py SPEC.json OUTCOME.json
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import box_init


def make_root(spec, work):
    box_init.mount("tmpfs", work, "mode=755")
    for name in ("files", "upper", "overlay", "root"):
        (work / name).mkdir()
    box_init.put(work / "files", spec["files"])
    root = work / "root"
    box_init.mount("overlay", root, f"lowerdir={work}/files:{spec['tree']},"
                                    f"upperdir={work}/upper,workdir={work}/overlay", "overlay")
    return root


def run_nspawn(argv, seconds):
    """Its status and output; one that hangs is ended and says what the console showed."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          env={"PATH": box_init.PATH, "SYSTEMD_SECCOMP": "0"}) as child:
        try:
            output, _ = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            output, _ = child.communicate()
            output += f"\nthe boot did not end within {seconds} s\n".encode()
    return child.returncode, output


def main(spec_file, outcome_file):
    spec = json.loads(Path(spec_file).read_text())
    work = Path(spec["work"])
    root = make_root(spec, work)
    box_init.make_network(spec["mac"])
    runs = []
    for _ in range(spec["boots"]):
        begin = time.monotonic()
        status, output = run_nspawn([*spec["nspawn"], "-D", str(root)], spec["timeout"])
        report = root / "var/log/orlop-report"
        runs.append({"seconds": time.monotonic() - begin, "status": status,
                     "output": output.decode(errors="replace")[-20000:],
                     "report": report.read_text() if report.exists() else ""})
        report.unlink(missing_ok=True)
        # A machine that starts again has no addresses yet.
        subprocess.run(["ip", "addr", "flush", "dev", "eth0"], check=False)
        subprocess.run(["ip", "link", "set", "eth0", "down"], check=False)
    files = box_init.walk(work / "upper", "", (work / "files", spec["tree"]))
    Path(outcome_file).write_text(json.dumps({"runs": runs, "files": files}))
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
