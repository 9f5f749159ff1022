# SPDX-License-Identifier: Apache-2.0
"""Shared by all pytest suites: the marker for demands, and the record for tests/run.py."""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


def pytest_configure(config):
    config.addinivalue_line("markers", "demands(*numbers): the demands of docs/demands.md it shows")


def _reason(report):
    if report.skipped:
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return text.removeprefix("Skipped: ")
    return report.longreprtext[-4000:] if report.failed else ""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """One line of JSON per test; a failing set-up or tear-down is a failing test."""
    report = (yield).get_result()
    path = os.environ.get("ORLOP_RESULTS")
    if not path or not (report.when == "call" or report.outcome != "passed"):
        return
    demands = [n for mark in item.iter_markers("demands") for n in mark.args]
    line = {
        "name": item.name,
        "file": str(item.nodeid.split("::")[0]),
        "status": report.outcome,
        "seconds": round(call.duration, 3),
        "demands": demands,
        "reason": _reason(report),
        "lanes": ["release"],
    }
    with open(path, "a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")
