# SPDX-License-Identifier: Apache-2.0
"""Every case of cases/, through the Python program of Debian 12 and through ours."""

import pytest

from contract import differences, harness
from support.debs import BUILD
from support.tree import debian_tree

CASES = harness.cases()
LEAST_EQUAL_PERCENT = 90


@pytest.fixture(scope="session")
def found():
    debian_tree()
    result = harness.run_all(CASES)
    _, text = harness.report(result)
    (BUILD / "results").mkdir(parents=True, exist_ok=True)
    (BUILD / "results" / "contract.txt").write_text(text)
    return result


def case_params():
    for case in CASES:
        marks = [pytest.mark.demands(*case.demands)] if case.demands else []
        yield pytest.param(case.name, id=case.name, marks=marks)


@pytest.mark.parametrize("name", case_params())
def test_leaves_what_python_leaves(found, name):
    c = found[name]
    if isinstance(c, Exception):
        raise c
    bad = [f"{step}: exit status {b}, the Python program's is {a}\n{c.ours.steps[i]['output']}"
           for i, (step, a, b) in enumerate(c.statuses()) if a != b]
    bad += [f"{path}: {what}" for path, what in c.unknown.items()]
    assert not bad, f"{len(c.equal)} paths are equal, but:\n" + "\n".join(bad)


def test_nearly_every_path_is_equal(found):
    share, text = harness.report(found)
    assert share >= LEAST_EQUAL_PERCENT, text


def test_every_known_difference_is_still_one(found):
    seen = {n for c in found.values() if not isinstance(c, Exception) for n in c.known.values()}
    stale = [known[:3] for n, known in enumerate(differences.KNOWN) if n not in seen]
    assert not stale, f"nothing differs that way any more, take it out: {stale}"
