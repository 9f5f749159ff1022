#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
orlop-compute and Debian's nova-compute on one control plane, side by side: the same steps on
both, a table of results and times. Exit status 0 when ours passed all of them.

    tests/openstack/run.py [fake] [trouble] [refusals] [takeover] [qemu]      all without a word

ORLOP_OPENSTACK_RIG=DIR uses a control plane that runs (see rig.py), ORLOP_COMPUTE=PROGRAM
another agent. The control plane takes five minutes to install and 2 GB below build/.
"""

import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import steps
from agents import BINARY, Ours, Theirs
from api import Api
from rig import Rig
from side import Side
from table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.proxy import Proxy  # noqa: E402 (a sibling directory)

PARTS = ("fake", "trouble", "refusals", "takeover", "qemu")


@contextmanager
def running(rig, api, *agents, is_last=True):
    """Agents that run, as sides; stopped and swept at the end, and forgotten after the last."""
    sides = [Side(rig, api, a) for a in agents]
    with ExitStack() as stack:
        for side in sides if is_last else ():
            stack.callback(side.leave)
        for agent in agents:
            stack.callback(agent.stop)
            agent.start()
        yield sides
        for side in sides:
            side.sweep()


def both(rig, driver, name):
    return Ours(rig, driver, f"o{name}"), Theirs(rig, driver, f"n{name}")


def fake(rig, api, table):
    with running(rig, api, *both(rig, "fake", "f")) as sides:
        steps.fake_life(table, sides)


def trouble(rig, api, table):
    table.section("fake driver: trouble")
    agents = both(rig, "fake", "t")
    with ExitStack() as stack:
        for agent in agents:
            agent.proxy = stack.enter_context(Proxy(int(rig.settings()["AMQP_PORT"])))
        sides = stack.enter_context(running(rig, api, *agents))
        steps.joins(table, sides)
        table.step("create", sides, lambda s: s.create())
        table.step("connections to the broker cut", sides, steps.connections_cut)
        table.step("the same in the middle of builds", sides, steps.cut_while_building)
        table.step("no conductor for a minute", sides[:1], steps.conductor_away)
        table.step("delete", sides, lambda s: s.delete())


def refusals(rig, api, table):
    table.section("fake driver: what ours doesn't do yet is refused and leaves nothing hanging")
    with running(rig, api, *both(rig, "fake", "u")) as sides:
        for side in sides:
            side.service_up()
            side.hypervisor()
        ours = sides[:1]
        table.step("create", ours, lambda s: s.create())
        for name, make in steps.UNSUPPORTED:
            table.step(name, ours, steps.refused(make))
        table.step("stop", ours, steps.do({"os-stop": None}, "SHUTOFF"))
        table.step("delete", ours, lambda s: s.delete())
        table.step("usages after it", ours, lambda s: s.usages())
        # the other way round: ours is where nova's server should go to
        theirs = sides[1:]
        table.step("nova's: create", theirs, lambda s: s.create())
        for name, make in steps.MOVES:
            table.step(f"nova's: {name.replace('to nova', 'to orlop')}", theirs,
                       steps.refused(make))
        table.step("nova's: delete", theirs, lambda s: s.delete())
        steps.forget_bigger(theirs[0])


def takeover(rig, api, table):
    table.section("one host name, fake driver: orlop, then nova, then orlop")
    server, provider, host = None, None, "over"
    since = rig.control_logs()
    for turn, make in enumerate((Ours, Theirs, Ours)):
        with running(rig, api, make(rig, "fake", host), is_last=turn == 2) as sides:
            (side,) = sides
            side.server, name = server, side.agent.program
            table.step(f"{name}: service up", sides, lambda s: s.service_up(90))
            table.step(f"{name}: hypervisor", sides, lambda s: s.hypervisor())
            assert provider in (None, side.provider), "the provider changed"
            provider = side.provider
            if server:
                time.sleep(20)
                table.step(f"{name}: what the other made", sides,
                           lambda s: (s.states(), s.allocations(), s.usages()))
                table.step(f"{name}: hard reboot of it", sides,
                           steps.do({"reboot": {"type": "HARD"}}, "ACTIVE"))
                table.step(f"{name}: delete of it", sides, lambda s: s.delete())
            table.step(f"{name}: create", sides, lambda s: s.create())
            table.step(f"{name}: stop", sides, steps.do({"os-stop": None}, "SHUTOFF"))
            table.step(f"{name}: start", sides, steps.do({"os-start": None}, "ACTIVE"))
            server = side.server
            if turn == 2:
                table.step(f"{name}: delete", sides, lambda s: s.delete())
                table.step(f"{name}: usages after it", sides, lambda s: s.usages())
            else:
                side.all_servers.clear()
            table.step(f"{name}: no complaint in the log", sides, steps.no_complaints)
            table.step(f"{name}: none in scheduler's, conductor's", sides,
                       steps.control_is_content(since))


def qemu(rig, api, table):
    with running(rig, api, *both(rig, "qemu", "q")) as sides:
        steps.qemu_life(table, sides, steps.QEMU_KNOWN)


def main(words):
    rig = Rig()
    why = rig.why_not() or ("" if BINARY.is_file() else f"there is no {BINARY}")
    if why:
        print(f"skipped: {why}")
        return 0
    table = Table()
    with rig:
        api = Api(rig.settings())
        for part in words or PARTS:
            globals()[part](rig, api, table)
    print(f"\n{table.n_failed} steps failed")
    return 1 if table.n_failed else 0


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(PARTS)
    if unknown:
        sys.exit(f"run.py: unknown part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    sys.exit(main(sys.argv[1:]))
