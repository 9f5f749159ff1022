# SPDX-License-Identifier: Apache-2.0
"""The builds, and the unit tests and corpus replays that each of them runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass

from .demands import unit_demands
from .results import BUILD, FAILED, PASSED, ROOT, SKIPPED, Result


@dataclass(frozen=True)
class Lane:
    """One way to compile; 'tests' says whether its test programs are run as well."""

    name: str
    directory: str
    options: tuple
    cc: str = "gcc"
    tests: bool = False


RELEASE = Lane("release", "release", ("--buildtype=debugoptimized", "--werror"))
LANES = (
    RELEASE,
    Lane("gcc", "check/gcc", ("-Doptimization=1", "-Ddebug=true", "--werror"), tests=True),
    Lane("asan", "check/asan", (
        "--buildtype=debugoptimized", "--werror", "-Db_sanitize=address,undefined",
        "-Db_lundef=false", "-Dc_args=-fno-sanitize-recover=all -fno-omit-frame-pointer"),
        tests=True),
    Lane("clang", "check/clang", ("--buildtype=debugoptimized", "--werror"), cc="clang",
         tests=True),
)
FUZZ = Lane("fuzz", "check/fuzz", (
    "--buildtype=debugoptimized", "-Dfuzz=true", "-Dtests=false", "-Db_sanitize=address,undefined",
    "-Db_lundef=false", "-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize-recover=all"),
    cc="clang")


def run_logged(argv, log, env=None):
    """Runs argv with its output in the file 'log'; the exit status."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        out.write(("$ " + " ".join(argv) + "\n").encode())
        out.flush()
        return subprocess.run(argv, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=out,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode


def tail(log, lines=40):
    """The end of a log, without ninja's lines about what went well."""
    text = log.read_text(errors="replace").splitlines()
    return "\n".join([l for l in text if not re.match(r"\[\d+/\d+\] ", l)][-lines:])


def build(lane, prefix="/usr"):
    """Configures when that is needed, and compiles. The reason of a failure, or ''."""
    where = BUILD / lane.directory
    log = BUILD / "logs" / f"build-{lane.name}.log"
    log.unlink(missing_ok=True)
    options = [f"--prefix={prefix}", *lane.options]
    stamp = where / "orlop-options"
    wanted = " ".join([lane.cc, *options])
    if not (where / "build.ninja").exists() or not stamp.exists() or stamp.read_text() != wanted:
        wipe = ["--wipe"] if (where / "meson-info").exists() else []
        argv = ["meson", "setup", *wipe, *options, str(where)]
        if run_logged(argv, log, {"CC": lane.cc}):
            return f"meson setup failed, see {log}\n{tail(log)}"
        stamp.write_text(wanted)
    if run_logged(["ninja", "-C", str(where)], log):
        return f"the build failed, see {log}\n{tail(log)}"
    return ""


@contextmanager
def own_tmp(lane, argv):
    """
    (argv with a /tmp of its own, the directory that gets what was left there): others may be at
    work in the machine's. It lies in memory, where files are quick. Without root, or where we
    ourselves lie in /tmp, there is only the machine's, and nothing is told about it.
    """
    tmp = BUILD / "tmp" / lane.name
    shutil.rmtree(tmp, ignore_errors=True)
    tmp.mkdir(parents=True)
    if os.geteuid() == 0 and not ROOT.is_relative_to("/tmp"):
        script = ('mount -t tmpfs -o mode=1777 orlop /tmp && "$@"; '
                  'status=$?; cp -r /tmp/. "$0"; exit $status')
        argv = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, str(tmp), *argv]
    yield argv, tmp
    shutil.rmtree(tmp)


def test(lane, results):
    """Runs the test programs of a lane that has been built."""
    where = BUILD / lane.directory
    log = BUILD / "logs" / f"test-{lane.name}.log"
    log.unlink(missing_ok=True)
    record = where / "meson-logs" / "testlog.json"
    record.unlink(missing_ok=True)
    env = {
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }
    argv = ["meson", "test", "-C", str(where), "--no-rebuild"]
    with own_tmp(lane, argv) as (argv, tmp):
        run_logged(argv, log, env)
        results.check("unit tests remove their temporary files", "tests/unit",
                      "\n".join(f"[{lane.name}] /tmp/{p.name}" for p in tmp.iterdir()))
    if not record.exists():
        results.check(f"tests of the build '{lane.name}'", "meson.build",
                      f"meson test left no record, see {log}\n{tail(log)}")
        return
    sources = unit_demands()
    for line in record.read_text().splitlines():
        add_program(json.loads(line), lane, sources, results)


TAP = re.compile(r"^(not )?ok \d+ - (\S+)(?:\s+#\s*(SKIP\S*)\s*(.*))?$", re.M | re.I)


def unit_sources():
    """{name of the program: its source}: tests/unit/volume/csi/test-nfs.c is test-volume-csi-nfs."""
    found = {}
    for path in (ROOT / "tests/unit").rglob("test-*.c"):
        folder = path.parent.relative_to(ROOT / "tests/unit")
        name = "-".join(["test", *folder.parts, path.stem[len("test-"):]])
        found[name] = str(path.relative_to(ROOT))
    return found


UNIT_SOURCES = unit_sources()


def source_of(program):
    """The source file of a test program from its place below the build directory."""
    path = program["command"][0].split("/tests/", 1)[-1]
    if path.startswith("unit/"):
        return UNIT_SOURCES.get(os.path.basename(path), "tests/" + path)
    if path.startswith("fuzz/"):
        return f"tests/fuzz/fuzz-{os.path.basename(path)[len('replay-'):]}.c"
    return "tests/" + path


def add_program(program, lane, sources, results):
    """Takes over the record of one test program: each TAP line is a test."""
    file = source_of(program)
    output = program.get("stdout", "")
    points = TAP.findall(output)
    bad = program["result"] not in ("OK", "EXPECTEDFAIL", "SKIP")
    for failed, name, skip, reason in points:
        status = FAILED if failed else SKIPPED if skip else PASSED
        why = reason if skip else excerpt(program, lane) if failed else ""
        results.add(Result(name, file, status, program["duration"] / len(points),
                           sources.get((file, name), []), why, [lane.name]))
    if not points or (bad and not any(p[0] for p in points)):
        status = FAILED if bad else PASSED
        results.add(Result(program["name"].split(" / ")[-1], file, status, program["duration"],
                           sources.get((file, ""), []), excerpt(program, lane) if bad else "",
                           [lane.name]))


def excerpt(program, lane):
    text = "\n".join(program.get(k, "") for k in ("stdout", "stderr"))
    lines = [l for l in text.splitlines() if not l.startswith("ok ")]
    return f"[{lane.name}] {program['result']}\n" + "\n".join(lines[-30:])


def fuzz(seconds):
    """Builds the libFuzzer programs and runs each of them for a while. Exit status."""
    reason = build(FUZZ)
    if reason:
        print(reason, file=sys.stderr)
        return 1
    failed = 0
    for line in (ROOT / "tests/fuzz/targets.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        name = line.split()[0]
        found = BUILD / "fuzz" / name
        found.mkdir(parents=True, exist_ok=True)
        argv = [str(BUILD / FUZZ.directory / "tests/fuzz" / f"fuzz-{name}"),
                f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024",
                "-max_len=65536", "-print_final_stats=0", "-verbosity=0",
                f"-artifact_prefix={found}/crash-", str(found),
                str(ROOT / "tests/fuzz/corpus" / name)]
        log = BUILD / "logs" / f"fuzz-{name}.log"
        log.unlink(missing_ok=True)
        status = run_logged(argv, log)
        print(f"fuzz: {name}: " + (f"found something, see {log} and {found}" if status
                                   else f"clean after {seconds} s"), flush=True)
        failed += status != 0
    return 1 if failed else 0
