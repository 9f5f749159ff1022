# SPDX-License-Identifier: Apache-2.0
"""What every test said, and the file that keeps it: build/test-results.json."""

import json
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
STORE = BUILD / "test-results.json"

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
WORST = {PASSED: 0, SKIPPED: 1, FAILED: 2}


@dataclass
class Result:
    """One test. 'status' is the worst of all the builds that ran it."""

    name: str
    file: str
    status: str
    seconds: float = 0.0
    demands: list = field(default_factory=list)
    reason: str = ""
    lanes: list = field(default_factory=list)


class Results:
    """Collects results from several threads. The same test in several lanes is one test."""

    def __init__(self):
        self._by_key = {}
        self._lock = threading.Lock()

    def add(self, result):
        with self._lock:
            known = self._by_key.get((result.file, result.name))
            if known is None:
                self._by_key[(result.file, result.name)] = result
                return
            known.seconds += result.seconds
            known.lanes += result.lanes
            if WORST[result.status] > WORST[known.status]:
                known.status, known.reason = result.status, result.reason

    def check(self, name, file, reason="", seconds=0.0):
        """A check without a program: passed when there is no reason to fail."""
        status = FAILED if reason else PASSED
        self.add(Result(name, file, status, seconds, reason=reason))

    def all(self):
        with self._lock:
            return sorted(self._by_key.values(), key=lambda r: (r.file, r.name))

    def save(self):
        STORE.parent.mkdir(exist_ok=True)
        STORE.write_text(json.dumps([asdict(r) for r in self.all()], indent=1) + "\n")

    def count(self, status):
        return sum(1 for r in self.all() if r.status == status)


def load():
    """The results of the last run, or None when there was none."""
    if not STORE.exists():
        return None
    return [Result(**r) for r in json.loads(STORE.read_text())]


class Clock:
    """Seconds since the start, for the runner's own lines."""

    def __init__(self):
        self._start = time.monotonic()

    def __call__(self):
        return time.monotonic() - self._start
