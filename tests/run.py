#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The runner behind the Makefile: builds, runs every kind of test, counts.

    tests/run.py check          everything; last line "N passed, N failed, N skipped"
    tests/run.py build          the release build alone
    tests/run.py demands        which test of the last run shows which demand
    tests/run.py fuzz SECONDS   libFuzzer, per target
    tests/run.py demo | bench   see the Makefile
    tests/run.py ratchet        rewrites tests/complexity.txt

Results are kept in build/test-results.json.
"""

import os
import shutil
import subprocess
import sys
import threading
import traceback
from collections import Counter

from runner import builds, demands, leftovers, static, suites
from runner.results import BUILD, FAILED, PASSED, ROOT, SKIPPED, Clock, Result, Results

clock = Clock()


def say(text):
    print(f"[{clock():6.1f} s] {text}", flush=True)


def lane(which, results):
    """Builds one lane and runs its tests; whether it could be built."""
    begin = clock()
    reason = builds.build(which)
    results.check(f"the build '{which.name}' compiles without a warning", "meson.build", reason,
                  clock() - begin)
    say(f"built {which.name}" if not reason else f"the build {which.name} FAILED")
    if which.tests and not reason:
        builds.test(which, results)
        say(f"ran the unit tests and corpora of {which.name}")
    return not reason


def all_lanes(results, release_ready):
    """One after the other: ninja fills the cores by itself."""
    for which in builds.LANES:
        is_built = lane(which, results)
        if which is builds.RELEASE and is_built:
            release_ready.set()


def suite(name, results):
    suites.run(name, results)
    say(f"ran the suite {name}")


def prepare_machine(results):
    """Bootstraps the trees that the whole-program tests need, beside the builds."""
    begin = clock()
    done = subprocess.run([sys.executable, "-m", "support.tree"], cwd=ROOT / "tests",
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    reason = "" if done.returncode == 0 else done.stdout + done.stderr
    if reason and os.geteuid() != 0:
        results.add(Result("the Debian tree is there", "tests/support/tree.py", SKIPPED,
                           reason=reason.strip()))
        say("no Debian tree: that takes root")
        return
    results.check("the Debian tree is there", "tests/support/tree.py", reason, clock() - begin)
    say("the Debian tree is ready" if not reason else "the Debian tree FAILED")


def guarded(function, *args):
    """A thread whose own accident is a failed check, not a lost one."""
    results = next(a for a in args if isinstance(a, Results))

    def body():
        try:
            function(*args)
        except Exception:  # whatever it is, the run has to go on and to say it
            results.check(f"the runner's part '{function.__name__}'", "tests/run.py",
                          traceback.format_exc())

    thread = threading.Thread(target=body)
    thread.start()
    return thread


def check():
    results = Results()
    shutil.rmtree(BUILD / "results", ignore_errors=True)
    leftovers.mark()
    before = leftovers.snapshot()
    release_ready = threading.Event()
    tree = guarded(prepare_machine, results)
    lanes = guarded(all_lanes, results, release_ready)
    statics = guarded(static.run, results)
    tree.join()
    while lanes.is_alive() and not release_ready.wait(0.2):
        pass
    running = []
    if release_ready.is_set():
        running = [guarded(suite, name, results) for name in suites.SUITES]
    else:
        results.check("the suites run", "tests", "there is no release build to run them with")
    for thread in [statics, lanes, *running]:
        thread.join()
    left = sorted(leftovers.since(before))
    results.check("the run leaves nothing on the machine", "tests/runner/leftovers.py",
                  "\n".join(left))
    return summary(results)


def summary(results):
    """Prints what needs a look, keeps the rest, counts. The exit status."""
    results.save()
    skipped = Counter((r.file, r.reason) for r in results.all() if r.status == SKIPPED)
    for (file, reason), n in skipped.items():
        print(f"skipped: {n} of {file}: {reason}")
    for r in results.all():
        if r.status == FAILED:
            print(f"FAILED: {r.file}: {r.name}\n    " + r.reason.replace("\n", "\n    "))
    for name in ("contract", "nspawn", "crash", "faults", "compute-faults"):
        text = BUILD / "results" / f"{name}.txt"
        if text.exists():
            print(text.read_text().rstrip())
    print(f"details: {BUILD / 'test-results.json'}; took {clock():.0f} s")
    failed = results.count(FAILED)
    print(f"{results.count(PASSED)} passed, {failed} failed, {results.count(SKIPPED)} skipped")
    return 1 if failed else 0


def build():
    reason = builds.build(builds.RELEASE, os.environ.get("PREFIX", "/usr"))
    if reason:
        print(reason, file=sys.stderr)
    return 1 if reason else 0


def script(*argv):
    return subprocess.run([sys.executable, *argv], cwd=ROOT).returncode


def main(argv):
    command = argv[0] if argv else "check"
    if command == "check":
        return check()
    if command == "build":
        return build()
    if command == "demands":
        return demands.report()
    if command == "fuzz":
        return builds.fuzz(int(argv[1]) if len(argv) > 1 else 60)
    if command == "demo":
        return build() or script("tests/e2e/demo.py")
    if command == "bench":
        return build() or script("bench/bench.py") or script("bench/volume.py") or script("bench/compute.py")
    if command == "ratchet":
        static.write_ratchet()
        return 0
    print(f"tests/run.py: unknown command '{command}'", file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
