# SPDX-License-Identifier: Apache-2.0
"""YAML as PyYAML reads and writes it, through `cloud-init devel yaml`.

ORLOP_BIN_DIR  where the program is (default: build/dev/src/bin)
ORLOP_CASES    the recorded cases (default: ../shared/cases/yaml.json)
"""

import ast
import base64
import datetime
import functools
import json
import os
import pathlib
import random
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("ORLOP_BIN_DIR", TOP / "build/dev/src/bin")) / "cloud-init"
CASES = pathlib.Path(os.environ.get("ORLOP_CASES", TOP.parent / "shared/cases/yaml.json"))

needs_program = pytest.mark.skipif(not PROGRAM.exists(), reason=f"no program {PROGRAM}")
needs_cases = pytest.mark.skipif(not CASES.exists(), reason=f"no recorded cases {CASES}")


@functools.lru_cache
def cases():
    return json.loads(CASES.read_text(encoding="utf-8"))


def run(path, *options):
    return subprocess.run(
        [PROGRAM, "devel", "yaml", *options, path], capture_output=True, check=False, timeout=20
    )


def load(path, text):
    path.write_bytes(text.encode("utf-8"))
    done = run(path)
    assert done.stdout, done.stderr.decode()
    return json.loads(done.stdout)


def dump(path, tagged, style):
    path.write_text(json.dumps(tagged), encoding="utf-8")
    done = run(path, "--dump" + style)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def tag(v):
    """The tagged form of a value that safe_load gave."""
    if v is None:
        return {"null": True}
    if isinstance(v, bool):
        return {"bool": v}
    if isinstance(v, int):
        return {"int": str(v)}
    if isinstance(v, float):
        return {"float": repr(v)}
    if isinstance(v, str):
        return {"str": v}
    if isinstance(v, bytes):
        return {"bytes": base64.b64encode(v).decode()}
    if isinstance(v, datetime.date):
        return {"timestamp": str(v)}
    if isinstance(v, (list, tuple)):
        return {"list": [tag(x) for x in v]}
    if isinstance(v, set):
        return {"set": [tag(x) for x in v]}
    return {"map": [[tag(k), tag(x)] for k, x in v.items()]}


def settled(v):
    """Recorded Python literals become values; a set has no order."""
    if isinstance(v, list):
        return [settled(x) for x in v]
    if not isinstance(v, dict):
        return v
    if list(v) == ["other"]:
        return settled(tag(ast.literal_eval(v["other"])))
    if list(v) == ["set"]:
        return {"set": sorted((settled(x) for x in v["set"]), key=json.dumps)}
    return {k: settled(x) for k, x in v.items()}


def mismatch(got, want):
    if "error" in want:
        return any(got.get(k) != v for k, v in want.items())
    return settled(got) != settled(want)


# demands: 18
@needs_program
@needs_cases
def test_documents_are_read_as_recorded(tmp_path):
    wrong = []
    for case in cases()["load"]:
        got = load(tmp_path / "in.yaml", case["yaml"])
        if mismatch(got, case["value"]):
            wrong.append((case["yaml"], got, case["value"]))
    assert not wrong


@needs_program
@needs_cases
@pytest.mark.parametrize(
    "style, key",
    [("", "safe_dump_default_flow_style_false"), ("=cloud-init", "cloudinit_dumps")],
)
def test_values_are_written_as_recorded(tmp_path, style, key):
    for case in cases()["dump"]:
        assert dump(tmp_path / "in.json", case["value"], style) == case[key]


# Put together at random, these come to nearly every rule of the scanner and the grammar.
PIECES = [
    "a", "b: 1", "- ", "? ", ": ", "\n", "\n  ", "\n- ", "{", "}", "[", "]", ",", '"', "'", "&a ",
    "*a", "!!str ", "!x ", "! ", "|\n", ">-\n  ", "#c", " # c\n", "\t", "---\n", "...\n",
    "%YAML 1.1\n", "<<: *a", "~", "é", "\\", "\x85", "\u2028", "@", "0x1f", "1:30", "2001-01-01",
    "=", "key: value\n", "x:\n  - y\n", '"\\u00e9"', "!!binary aGk=", "!!omap [{a: 1}]", "\r\n",
    "|2+\n   x\n\n", "'it''s'", '"a\n  b"', ".inf",
]  # fmt: skip

DOCUMENTS = [
    "a: 1\nb\n", "a: [1", "a: {b", "a:\tb", "[a\t]", "a: 'x", "k: >\n a\n  b\n\n c\n",
    "a: b # c\n", "? a\n: - b\n", "- - a\n  - b\n-\n", "{a, b: , : c}", "[a: b, ? c]",
    "!<tag:yaml.org,2002:int> 3", "%TAG !e! tag:yaml.org,2002:\n--- !e!int '3'",
    "&a [1, &b {x: *a}, *b]", "a: !!float 1_0", "=: 1", "- !!int 0o17\n- !!int 1:30",
    "{<<: {a: 1}, <<: [{a: 2}, {b: 3}], b: 4}", "2001-01-01 1:2:3 +5:30", "a: !!binary é",
    "a\x07", "\ufeffa: b", "--- |\n x\n...\n", "a: \"\\x4\"", "a: !y!z b", "'a': \"b\"",
]  # fmt: skip


def documents():
    rng = random.Random(1)
    made = ["".join(rng.choices(PIECES, k=rng.randint(1, 8))) for _ in range(270)]
    return DOCUMENTS + made


def expected(yaml, text):
    """What safe_load makes of it; of errors that are not YAML's own only the class."""
    try:
        return tag(yaml.safe_load(text))
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark
        place = {"line": mark.line + 1, "column": mark.column + 1, "problem": e.problem}
        return {"error": type(e).__name__, **place}
    except Exception as e:
        return {"error": type(e).__name__}


@needs_program
def test_documents_are_read_as_the_installed_pyyaml_reads_them(tmp_path):
    yaml = pytest.importorskip("yaml")
    wrong = []
    for text in documents():
        want = expected(yaml, text)
        got = load(tmp_path / "in.yaml", text)
        if mismatch(got, want):
            wrong.append((text, got, want))
    assert not wrong


@needs_program
def test_values_are_written_as_the_installed_pyyaml_writes_them(tmp_path):
    yaml = pytest.importorskip("yaml")
    for text in documents():
        try:
            value = yaml.safe_load(text)
            tagged = tag(value)
        except Exception:
            continue
        if '"set"' in json.dumps(tagged):
            continue  # written in the order of hashes when it cannot be sorted
        # No objects are shared: tagged values have no anchors.
        want = yaml.dump(value, Dumper=no_alias_dumper(yaml), default_flow_style=False)
        assert dump(tmp_path / "in.json", tagged, "") == want


def no_alias_dumper(yaml):
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data):
            return True

    return Dumper
