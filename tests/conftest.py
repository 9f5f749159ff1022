# SPDX-License-Identifier: Apache-2.0
"""Shared by all pytest suites: the marker for demands, and the record for tests/run.py."""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.debs import NeedsRoot  # noqa: E402, below the path it is found by


def pytest_configure(config):
    config.addinivalue_line("markers", "demands(*numbers): the demands of docs/demands*.md it shows")


def _skip_without_root(item, call, report):
    if call.excinfo and isinstance(call.excinfo.value, NeedsRoot):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1], f"Skipped: {call.excinfo.value}")


def _reason(report):
    if report.skipped:
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return text.removeprefix("Skipped: ")
    return report.longreprtext[-4000:] if report.failed else ""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """One line of JSON per test; a failing set-up or tear-down is a failing test.
    Without root, what takes root is skipped."""
    report = (yield).get_result()
    _skip_without_root(item, call, report)
    path = os.environ.get("ORLOP_RESULTS")
    if not path or not (report.when == "call" or report.outcome != "passed"):
        return
    demands = [str(n) for mark in item.iter_markers("demands") for n in mark.args]
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
