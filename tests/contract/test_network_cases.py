# SPDX-License-Identifier: Apache-2.0
"""Every recorded network configuration through the binary, against what cloud-init 26.2 wrote."""

import json
import os
from pathlib import Path

import pytest
from net_convert import PAIRS, TOP, can_convert, convert, read_tree

CASES = Path(os.environ.get("ORLOP_CASES", TOP.parent / "shared/cases")) / "network"


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no recorded cases in {CASES}")
@pytest.mark.skipif(not can_convert(), reason="the binary has no 'devel net-convert'")
@pytest.mark.parametrize("pair", PAIRS)
def test_files_are_equal(pair, tmp_path):
    """demands: 33 50"""
    differing, refused, n_equal = [], [], 0
    for path in sorted(CASES.glob("*.json")):
        case = json.loads(path.read_text())
        want = case["outputs"][pair]
        source = tmp_path / "input.yaml"
        source.write_text(case["input"])
        target = tmp_path / path.stem
        done = convert(source, "yaml", pair, target)
        if done.returncode != 0:
            refused.append(f"{path.stem}: {done.stderr.strip()}")
        elif want["status"] != "ok":
            assert read_tree(target), f"{path.stem}: upstream crashes here, we write nothing"
        elif read_tree(target) == want["files"]:
            n_equal += 1
        else:
            differing.append(path.stem)
    print(f"\n{pair}: {n_equal} equal, {len(differing)} differ, {len(refused)} refused")
    assert not differing
    assert not refused
