# SPDX-License-Identifier: Apache-2.0
"""The README's five commands, word for word, on a machine that has nothing below /var/lib."""

import re
import subprocess

import pytest

from support.cluster import has_root, kubectl_program, our
from support.debs import ROOT
from support.netspace import NetSpace

pytestmark = pytest.mark.skipif(not has_root(), reason="only root can mount volumes")

# Between what a person types there is time; here it is waited for.
WAITS = {
    "export": "n=0; until kubectl get --raw /readyz >/dev/null 2>&1; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ]; done",
    "cp": "n=0; until ls {target} >/dev/null 2>&1; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ]; done",
}


def commands():
    text = (ROOT / "README.md").read_text()
    block = re.search(r"From a claim to data in five commands:\n\n```\n(.*?)```", text, re.S).group(1)
    lines = block.splitlines()
    assert len(lines) == 5
    return lines


@pytest.mark.demands("V7")
def test_a_claim_comes_to_data_in_five_commands(tmp_path):
    first, *rest = commands()
    assert first == "make && build/release/src/bin/orlop up &"
    target = rest[-1].split()[-1]
    script = ["mount -t tmpfs tmpfs /var/lib", f"{our('orlop')} up &", rest[0], WAITS["export"], *rest[1:-1],
              WAITS["cp"].format(target=target), rest[-1], f"cmp README.md {target}/README.md && echo the same", "kubectl get pvc data"]
    with NetSpace() as net:
        done = subprocess.run(
            [*net.enter, "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc",
             "--propagation=private", "sh", "-ec", "\n".join(script)],
            cwd=ROOT, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
            env={"HOME": str(tmp_path), "PATH": f"{kubectl_program().parent}:/usr/sbin:/usr/bin:/sbin:/bin"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nthe same\n" in done.stdout
    assert re.search(r"^data +Bound +pvc-\S+ +100Mi +RWO +local ", done.stdout, re.M)
