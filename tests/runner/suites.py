# SPDX-License-Identifier: Apache-2.0
"""Runs the pytest suites, each in its own process, and takes over what they said."""

import json
import os
import sys

from .builds import run_logged, tail
from .results import BUILD, ROOT, Result


# Each is one run of pytest, beside the others. What waits more than it works is by itself.
WAITING = ("test_faults*.py", "test_attach.py", "test_node.py", "test_pods.py")
SUITES = ("contract", "e2e", "waiting")


def files(suite):
    """The test files of a suite, below the project."""
    folder = ROOT / "tests" / ("contract" if suite == "contract" else "e2e")
    found = set(folder.glob("test_*.py"))
    waiting = {p for pattern in WAITING for p in folder.glob(pattern)}
    chosen = waiting if suite == "waiting" else found - waiting
    return sorted(str(p.relative_to(ROOT)) for p in chosen)


def run(suite, results):
    """One of SUITES."""
    chosen = files(suite)
    record = BUILD / "results" / f"{suite}.jsonl"
    log = BUILD / "logs" / f"pytest-{suite}.log"
    record.parent.mkdir(parents=True, exist_ok=True)
    (BUILD / "tmp").mkdir(exist_ok=True)
    record.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    env = {
        "ORLOP_RESULTS": str(record),
        "ORLOP_BIN_DIR": os.environ.get("ORLOP_BIN_DIR", str(BUILD / "release/src/bin")),
        "ORLOP_BUILD": str(BUILD / "release"),
        "TMPDIR": str(BUILD / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    status = run_logged([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs",
                         *chosen], log, env)
    found = [Result(**json.loads(l)) for l in record.read_text().splitlines()] \
        if record.exists() else []
    for result in found:
        results.add(result)
    # 0 all passed, 1 some failed, 5 nothing collected; the rest is trouble with pytest itself.
    if status not in (0, 1) or not found:
        results.check(f"the suite {suite} ran", "tests/runner/suites.py",
                      f"pytest ended with {status}, see {log}\n{tail(log)}")
