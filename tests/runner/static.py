# SPDX-License-Identifier: Apache-2.0
"""Checks of the text itself: layers, sizes, format, words. Nothing here runs our code."""

import re
import subprocess

from . import demands
from .results import ROOT

# Who may include whom, by directory below src/. 'bin' may include everything.
MAY_USE = {
    "core": {"core"},
    "codec": {"core", "codec"},
    "net": {"core", "codec", "net"},
    "guest": {"core", "codec", "net", "guest"},
    "kube": {"core", "codec", "net", "kube"},
    "volume": {"core", "codec", "net", "kube", "volume"},
    "compute": {"core", "codec", "net", "compute"},
    "workload": {"core", "codec", "net", "kube", "volume", "compute", "workload"},
    "orlop": {"core", "codec", "net", "kube", "volume", "compute", "workload", "orlop"},
    "bin": None,
}
# The guest starts in a millisecond and links no event loop: of net it has this alone.
GUEST_USES_OF_NET = {"net/http-client.h", "net/curl.h"}

BANNED = re.compile(
    r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|strtok|gets|system|popen|atoi|atol|strtol|strtoul"
    r"|strtoll|strtoull|localtime|gmtime|tmpnam|mktemp)\s*\(")
# Number parsing is core/num.c's work; a codec may need the C library's own for its format.
NUMBERS = {"strtol", "strtoul", "strtoll", "strtoull"}
PARSES_NUMBERS = ("src/core/num.c", "src/codec/")
LINE = 100
FUNCTION_LINES, FILE_LINES, COMPLEXITY = 70, 600, 12
ALLOWED_SIZES = "tests/allowed-sizes.txt"
RATCHET = "tests/complexity.txt"


def tracked(*patterns):
    """Tracked files and new ones that are not ignored."""
    out = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(n for n in out.split("\0") if n and (ROOT / n).is_file())


def sources():
    return tracked("*.c", "*.h")


def text_of(name):
    return (ROOT / name).read_text(errors="replace")


def without_comments(text):
    """C text with comments and string literals blanked, lines kept."""
    token = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_format():
    names = sources()
    if not names:
        return []
    done = subprocess.run(["clang-format-16", "--dry-run", "--Werror", *names], cwd=ROOT,
                          capture_output=True, text=True)
    if done.returncode == 0:
        return []
    return sorted(set(re.findall(r"^([^\s:]+:\d+):", done.stderr, re.M)))


def includes(name):
    for m in re.finditer(r'^#include "([^"]+)"', text_of(name), re.M):
        yield m.group(1), line_of(text_of(name), m.start())


def check_layers():
    bad = []
    for name in sources():
        if not name.startswith("src/"):
            continue
        layer = name.split("/")[1]
        if layer not in MAY_USE:
            bad.append(f"{name}: no layer is called '{layer}'")
            continue
        for header, line in includes(name):
            used = header.split("/")[0]
            allowed = MAY_USE[layer]
            if "/" not in header:
                bad.append(f"{name}:{line}: \"{header}\" needs its directory")
            elif allowed is not None and used not in allowed:
                bad.append(f"{name}:{line}: {layer} must not include {header}")
            elif layer == "guest" and used == "net" and header not in GUEST_USES_OF_NET:
                bad.append(f"{name}:{line}: of net, guest uses only the HTTP client")
    return bad


def check_internal_headers():
    bad = []
    for name in sources():
        for header, line in includes(name):
            if not header.endswith("-internal.h"):
                continue
            here = name[len("src/"):].rsplit("/", 1)[0] if name.startswith("src/") else ""
            mirrored = name[len("tests/unit/"):] if name.startswith("tests/unit/") else ""
            home = header.rsplit("/", 1)[0]
            if here != home and not (mirrored and home.startswith(mirrored.split("/")[0])):
                bad.append(f"{name}:{line}: {header} is private to its directory")
    return bad


def check_banned():
    bad = []
    for name in sources():
        code = without_comments(text_of(name))
        for m in BANNED.finditer(code):
            if not (m.group(1) in NUMBERS and name.startswith(PARSES_NUMBERS)):
                bad.append(f"{name}:{line_of(code, m.start())}: {m.group(1)}() is banned")
    return bad


def check_left_over_words():
    word = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b(?!-)|#if" r" 0\b")
    bad = []
    for name in tracked("src", "tests", "bench", "packaging", "docs", "*.md", "Makefile"):
        if "/corpus/" in name or "/golden/" in name or name.startswith("tests/contract/cases/"):
            continue
        for n, line in enumerate(text_of(name).splitlines(), 1):
            if word.search(line):
                bad.append(f"{name}:{n}: {line.strip()}")
    return bad


def archive_hosts():
    """Host names of the package archives that this machine uses."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE)"], capture_output=True,
                          text=True)
    hosts = {re.sub(r"^\w+://", "", l).split("/")[0] for l in done.stdout.split()}
    return {h for h in hosts if "." in h}


def check_places():
    """No path of one machine, no archive's name."""
    place = re.compile(r"(?<![\w.])/(wor" r"k|root/\.pyenv)/")
    hosts = archive_hosts()
    bad = []
    for name in tracked():
        if "/corpus/" in name or "/golden/" in name or "/cases/" in name:
            continue
        for n, line in enumerate(text_of(name).splitlines(), 1):
            if place.search(line) and not name.startswith(("src/", "tests/unit/", "docs/")):
                bad.append(f"{name}:{n}: a path of one machine: {line.strip()}")
            if not name.startswith(("src/", "tests/unit/")):
                bad += [f"{name}:{n}: an archive's host name" for h in hosts if h in line]
    return bad


def allowances(name):
    """{key: number} of a file with lines 'KEY NUMBER  # reason'."""
    path = ROOT / name
    found = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        words = line.split("#")[0].split()
        if len(words) == 2:
            found[words[0]] = int(words[1])
    return found


def functions():
    """(file, function, lines, complexity) of every function below src/ and tests/."""
    names = [n for n in sources() if n.endswith(".c")]
    if not names:
        return
    done = subprocess.run(["pmccabe", *names], cwd=ROOT, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        m = re.match(r"(\d+)\t\d+\t\d+\t\d+\t(\d+)\t([^(]+)\(\d+\): (.+)$", line)
        if m:
            yield m.group(3), m.group(4), int(m.group(2)), int(m.group(1))


def check_sizes():
    allowed = allowances(ALLOWED_SIZES)
    bad = []
    for name in sources():
        lines = text_of(name).count("\n")
        if lines > allowed.get(name, FILE_LINES):
            bad.append(f"{name}: {lines} lines, more than {allowed.get(name, FILE_LINES)}")
    for name, function, lines, _ in functions():
        most = allowed.get(f"{name}:{function}", FUNCTION_LINES)
        if lines > most:
            bad.append(f"{name}: {function}() has {lines} lines, more than {most}")
    for name in sources():
        for n, line in enumerate(text_of(name).splitlines(), 1):
            if len(line) > LINE and "clang-format off" not in text_of(name):
                bad.append(f"{name}:{n}: {len(line)} columns")
    return bad


def check_complexity():
    """A ratchet: what is listed may not grow, what is not listed stays below the limit."""
    allowed = allowances(RATCHET)
    bad = []
    for name, function, _, value in functions():
        most = allowed.get(f"{name}:{function}", COMPLEXITY)
        if value > most:
            bad.append(f"{name}: {function}() has complexity {value}, more than {most}")
    return bad


def write_ratchet():
    """Rewrites the list of functions above the limit with their values of today."""
    rows = sorted(f"{name}:{function} {value}" for name, function, _, value in functions()
                  if value > COMPLEXITY)
    (ROOT / RATCHET).write_text(
        f"# Functions above complexity {COMPLEXITY}; a value here may only fall.\n"
        "# 'tests/run.py ratchet' rewrites this list.\n" + "".join(r + "\n" for r in rows))


def check_licence_line():
    return [n for n in sources() if not text_of(n).startswith("/* SPDX-License-Identifier: ")]


def check_links():
    """Pages and READMEs speak only of files that are there."""
    link = re.compile(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)")
    named = re.compile(r"`((?:src|tests|docs|packaging|bench)/[a-z0-9_./-]+)`")
    bad = []
    for name in tracked("*.md"):
        text = text_of(name)
        targets = [(ROOT / name).parent / t for t in link.findall(text)]
        targets += [ROOT / t for t in named.findall(text)]
        bad += [f"{name}: there is no {t}" for t in targets if not t.exists()]
    return bad


CHECKS = (
    ("the format is clang-format-16's", check_format),
    ("layers include only what is below them", check_layers),
    ("internal headers stay in their directory", check_internal_headers),
    ("no banned function is called", check_banned),
    ("no word of unfinished work is left", check_left_over_words),
    ("no place of one machine and no archive host is named", check_places),
    ("functions and files keep their sizes", check_sizes),
    ("complexity does not grow", check_complexity),
    ("every source starts with its licence", check_licence_line),
    ("documents name files that exist", check_links),
    ("tests name demands that exist, at most three", demands.problems),
)


def run(results):
    for name, check in CHECKS:
        try:
            bad = check()
        except (OSError, subprocess.CalledProcessError) as e:
            bad = [str(e)]
        results.check(name, "tests/runner/static.py", "\n".join(bad))
