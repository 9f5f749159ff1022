# SPDX-License-Identifier: Apache-2.0
"""Which test shows which numbered demand of docs/demands*.md: 18 of the guest, V18 of volumes."""

import re

from .results import FAILED, PASSED, ROOT, load

MOST_PER_TEST = 3
NUMBERED = re.compile(r"^([A-Z]?\d+)\. (.+?)(?=^[A-Z]?\d+\. |^#|\Z)", re.M | re.S)
ABOVE_FUNCTION = re.compile(
    r"/\* demands?:([A-Z\d ,]+)\*/\s*\n(?:static\s+)?(?:int|void)\s+(\w+)\s*\(")
ANY_COMMENT = re.compile(r"/\* demands?:")
MARKER = re.compile(r"@pytest\.mark\.demands\(([^)]*)\)")


def numbers(text):
    return re.findall(r"[A-Z]?\d+", text)


def order(number):
    """Those of the guest, which have no letter, come first; 9 before 10."""
    return re.sub(r"\d", "", number), int(re.sub(r"\D", "", number))


def listed():
    """{number: sentence} from docs/demands*.md."""
    texts = [path.read_text() for path in sorted((ROOT / "docs").glob("demands*.md"))]
    return {n: " ".join(s.split()) for text in texts for n, s in NUMBERED.findall(text)}


def unit_demands():
    """{(file, function): numbers} of the C tests; a fuzz target counts for its replay."""
    found = {}
    for path in sorted(ROOT.glob("tests/**/*.c")):
        file = str(path.relative_to(ROOT))
        for which, function in ABOVE_FUNCTION.findall(path.read_text(errors="replace")):
            name = "" if function == "LLVMFuzzerTestOneInput" else function
            found[(file, name)] = numbers(which)
    return found


def problems():
    """Sentences about marks that say nothing or too much."""
    known = listed()
    bad = []
    for path in sorted([*ROOT.glob("tests/**/*.c"), *ROOT.glob("tests/**/test_*.py")]):
        file = path.relative_to(ROOT)
        text = path.read_text(errors="replace")
        marks = [numbers(m) for m, _ in ABOVE_FUNCTION.findall(text)]
        if path.suffix == ".c" and len(ANY_COMMENT.findall(text)) != len(marks):
            bad.append(f"{file}: a 'demands:' comment does not stand directly above a function")
        if path.suffix == ".py":
            marks = [numbers(m) for m in MARKER.findall(text)]
        for mark in marks:
            if not 0 < len(mark) <= MOST_PER_TEST:
                bad.append(f"{file}: a test names {len(mark)} demands, 1 to {MOST_PER_TEST} are allowed")
            bad += [f"{file}: there is no demand {n}" for n in mark if n not in known]
    return bad


def report():
    """Prints the table of the last run. Exit status: 1 when a shown demand fails."""
    results = load()
    if results is None:
        print("demands: no results yet, run 'make check' first")
        return 1
    failed, opened, shown = 0, [], 0
    for number, sentence in sorted(listed().items(), key=lambda row: order(row[0])):
        tests = [r for r in results if number in r.demands]
        good = [r for r in tests if r.status == PASSED]
        bad = [r for r in tests if r.status == FAILED]
        state = "FAILS" if bad else "shown" if good else "open"
        failed += bool(bad)
        shown += state == "shown"
        opened += [number] if state == "open" else []
        print(f"{number:4} {state:6} {sentence}")
        for r in tests:
            print(f"             {r.status:8} {r.file}: {r.name}"
                  + (f" ({r.reason.splitlines()[0]})" if r.reason else ""))
    print(f"{shown} shown, {failed} failing, {len(opened)} open"
          + (": " + " ".join(opened) if opened else ""))
    return 1 if failed else 0
