# SPDX-License-Identifier: Apache-2.0
"""Steps on both sides, and the table of how they went."""

import json
import re
import time
import traceback
from dataclasses import dataclass


@dataclass
class Outcome:
    fact: object = None
    seconds: float = 0.0
    why: str = ""        # it failed
    was_run: bool = True


def attempt(side, run):
    begin = time.monotonic()
    try:
        return Outcome(run(side), time.monotonic() - begin)
    except AssertionError as e:
        return Outcome(seconds=time.monotonic() - begin, why=str(e) or "an assertion")
    except Exception:  # whatever it is, the other steps have to be tried
        return Outcome(seconds=time.monotonic() - begin,
                       why="".join(traceback.format_exc().splitlines(True)[-3:]))


def differences(ours, theirs, at=""):
    """Where two facts differ, as lines."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        lines = []
        for key in sorted({*ours, *theirs}):
            if key not in ours or key not in theirs:
                lines.append(f"{at}/{key}: only {'orlop' if key in ours else 'nova'}: "
                             f"{json.dumps(ours.get(key, theirs.get(key)))[:200]}")
            else:
                lines += differences(ours[key], theirs[key], f"{at}/{key}")
        return lines
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)) \
            and len(ours) == len(theirs):
        return [line for n, (a, b) in enumerate(zip(ours, theirs))
                for line in differences(a, b, f"{at}/{n}")]
    if ours == theirs:
        return []
    return [f"{at or '/'}: orlop {json.dumps(ours)[:200]}, nova {json.dumps(theirs)[:200]}"]


class Table:
    def __init__(self):
        self.rows, self.notes, self.n_failed = [], [], 0
        self._head = f"{'step':44} {'orlop':>7} {'s':>7}   {'nova':>7} {'s':>7}   compared"

    def section(self, title):
        print(f"\n{title}\n{self._head}\n{'-' * len(self._head)}", flush=True)

    def step(self, name, sides, run, allowed=()):
        """One step on each side. 'allowed': patterns of differences that have a reason."""
        outcomes = [attempt(side, run) for side in sides]
        words, notes = [], []
        for side, o in zip(sides, outcomes):
            words.append("ok" if not o.why else "FAILED")
            if o.why:
                notes.append(f"{side.agent.program}: {o.why}")
        same = ""
        if len(outcomes) == 2 and not any(o.why for o in outcomes):
            lines = differences(outcomes[0].fact, outcomes[1].fact)
            known = [x for x in lines if any(re.match(a, x) for a in allowed)]
            notes += [x for x in lines if x not in known]
            same = "DIFFERS" if len(known) < len(lines) else \
                f"equal but {len(known)} known" if known else "equal"
        # The Python agent's own failure is for the reader: the verdict is about ours.
        is_bad = bool(outcomes[0].why) or same == "DIFFERS"
        self.n_failed += is_bad
        cells = dict.fromkeys(("orlop", "nova"), f"{'-':>7} {'':7}")
        for side, word, o in zip(sides, words, outcomes):
            cells[side.agent.program] = f"{word:>7} {o.seconds:7.2f}"
        print(f"{name:44} {'   '.join(cells.values())}   {same}", flush=True)
        for note in notes:
            print("      " + note.replace("\n", "\n      "), flush=True)
        return not is_bad
