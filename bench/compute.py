#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The last part of 'make bench': the host agent, on a RabbitMQ of its own, beside a conductor and services in
Python; and the Python nova-compute at its side when $ORLOP_OPENSTACK_RIG names a running OpenStack
(../shared/openstack). Targets stand at the rows; the load of the machine stands above them.

    compute.py [WORD…]     all, or the parts whose names begin with a word:
                           start memory idle rpc builds many rig
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import rig  # noqa: E402
import rpc  # noqa: E402
from agents import Ours, cpu_of, rss_mib, wakeups  # noqa: E402
from stand_in import StandIn  # noqa: E402
from support.debs import BUILD, SupportError  # noqa: E402
from support.nova_conductor import WIRE  # noqa: E402
from support.openstack import OpenStack  # noqa: E402
from support.rabbit import Rabbit  # noqa: E402

ROUNDS = 5
IDLE_SECONDS = 65
BUILDS = 20
MANY = 1000


class World:
    """A broker and services; each agent gets a virtual host of its own."""

    def __init__(self, rabbit, cloud, where):
        self.rabbit, self.cloud, self.where = rabbit, cloud, where
        self.n = 0

    @contextlib.contextmanager
    def agent(self, n_instances=0):
        """An agent that serves, its conductor, and how many ms it took to get there."""
        self.n += 1
        home, host = self.rabbit.home(), f"h{self.n}"
        with StandIn(self.rabbit, home, host, n_instances) as conductor:
            url = self.rabbit.url(home)
            more = f"transport_url = {url}\n{self.cloud.nova_conf()}"
            with Ours(self.where / host, host, more) as agent:
                took = agent.time_to_serve(conductor.ping, conductor.replies)
                agent.url = url
                yield agent, conductor, took


def start(world):
    for _ in range(ROUNDS):
        with world.agent() as (agent, _, took):
            yield "start", took
            yield "start cpu", cpu_of(agent.pid) * 1000


def memory(world):
    with world.agent() as (agent, conductor, _):
        time.sleep(8)
        yield "memory start", rss_mib(agent.pid)
        rpc.call(agent.url, 8, agent.host, "ping", n=1000)
        yield "memory rpc", rss_mib(agent.pid)
        _, _, ids = build(world, conductor, BUILDS, 1)
        conductor.delete(ids)
        build(world, conductor, 10, 10)
        yield "memory builds", rss_mib(agent.pid)


def idle(world):
    with world.agent() as (agent, conductor, _):
        time.sleep(12)
        cpu, woken, asked = cpu_of(agent.pid), wakeups(agent.pid), len(conductor.asked)
        time.sleep(IDLE_SECONDS)
        scale = 60 / IDLE_SECONDS
        yield "idle cpu", (cpu_of(agent.pid) - cpu) * scale * 1000
        yield "idle wakeups", (wakeups(agent.pid) - woken) * scale
        yield "idle calls", (len(conductor.asked) - asked) * scale


def rpc_calls(world):
    """The rate beside the least that can answer, in turns; the agent's own CPU for each."""
    with world.agent() as (agent, _, _):
        echo = {n: [] for n in rpc.CALLS}
        ours = {n: [] for n in rpc.CALLS}
        for _ in range(ROUNDS):
            for n in rpc.CALLS:
                before = cpu_of(agent.pid)
                rate, _ = rpc.call(agent.url, n, agent.host, "ping", n=rpc.CALLS[n] // 4)
                yield f"rpc cpu {n}", (cpu_of(agent.pid) - before) * 1e6 / (rpc.CALLS[n] // 4)
                ours[n].append(rate)
                with rpc.answering("echo", agent.url, []):
                    echo[n].append(rpc.call(agent.url, n, n=rpc.CALLS[n] // 4)[0])
        for n in rpc.CALLS:
            yield f"rpc {n}", statistics.median(ours[n])
            yield f"echo {n}", statistics.median(echo[n])
            yield f"share {n}", 100 * statistics.median(ours[n]) / statistics.median(echo[n])


def build(world, conductor, n, in_flight):
    found = conductor.build_and_delete(n, in_flight)
    if found[1]:
        raise SupportError(f"{found[1]} of {n} builds failed")
    return found


def builds(world):
    with world.agent() as (agent, conductor, _):
        _, _, ids = build(world, conductor, 2, 1)
        conductor.delete(ids)
        for name, in_flight in (("one", 1), ("ten", 10)):
            before, begin = cpu_of(agent.pid), time.perf_counter()
            calls, _, ids = build(world, conductor, BUILDS, in_flight)
            yield f"build cpu {name}", (cpu_of(agent.pid) - before) * 1000 / BUILDS
            yield f"build took {name}", (time.perf_counter() - begin) * 1000 / BUILDS
            yield f"build calls {name}", calls
            before = cpu_of(agent.pid)
            conductor.delete(ids)
            yield "delete cpu", (cpu_of(agent.pid) - before) * 1000 / BUILDS


def many(world):
    with world.agent(MANY) as (agent, conductor, took):
        yield "many start", took
        yield "many cpu", cpu_of(agent.pid) * 1000
        yield "many calls", len(conductor.asked)
        yield "many memory", rss_mib(agent.pid)
        time.sleep(15)
        yield "many memory later", rss_mib(agent.pid)


PARTS = {"start": start, "memory": memory, "idle": idle, "rpc": rpc_calls, "builds": builds, "many": many}
MOST, LEAST = "<=", ">="
# figure, label, unit, target (None = none)
TABLE = (
    ("start", "exec until a ping is answered", "ms", (MOST, 100)),
    ("start cpu", "  own CPU", "ms", None),
    ("memory start", "memory after the start", "MiB", (MOST, 11)),
    ("memory rpc", "  after 1,000 calls", "MiB", (MOST, 11)),
    ("memory builds", "  after 30 builds, 10 of them at once", "MiB", (MOST, 12)),
    ("idle cpu", "idle: CPU a minute", "ms", (MOST, 10)),
    ("idle wakeups", "  wake-ups a minute, all threads", "", None),
    ("idle calls", "  conductor calls a minute", "", None),
    ("rpc 1", "pings, one after the other", "/s", None),
    ("echo 1", "  a bare librabbitmq", "/s", None),
    ("share 1", "  share of it", "%", None),
    ("rpc cpu 1", "  own CPU for each", "us", None),
    ("rpc 8", "pings, 8 in flight", "/s", None),
    ("echo 8", "  a bare librabbitmq", "/s", None),
    ("share 8", "  share of it", "%", (LEAST, 70)),
    ("rpc cpu 8", "  own CPU for each", "us", None),
    ("rpc 32", "pings, 32 in flight", "/s", None),
    ("echo 32", "  a bare librabbitmq", "/s", None),
    ("share 32", "  share of it", "%", None),
    ("rpc cpu 32", "  own CPU for each", "us", None),
    ("build cpu one", "fake builds one by one: own CPU for each", "ms", None),
    ("build took one", "  wall clock (the conductor is Python)", "ms", None),
    ("build calls one", "  messages to the conductor", "", None),
    ("build cpu ten", "ten at once: own CPU for each", "ms", None),
    ("build took ten", "  wall clock", "ms", None),
    ("delete cpu", "deletion: own CPU", "ms", None),
    ("many start", f"exec until a ping, {MANY:,} instances there", "ms", None),
    ("many cpu", "  own CPU", "ms", None),
    ("many calls", "  messages to the conductor", "", None),
    ("many memory", "  memory then", "MiB", None),
    ("many memory later", "  15 s later", "MiB", None),
)


def verdict(value, target):
    if target is None:
        return ""
    is_met = value <= target[1] if target[0] == MOST else value >= target[1]
    return f"{target[0]} {target[1]:g}: {'ok' if is_met else 'NOT MET'}"


def table(seen):
    lines = [f"medians on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"]
    for name, label, unit, target in TABLE:
        if name in seen:
            value = statistics.median(seen[name])
            shown = f"{value:9,.0f}" if value >= 100 else f"{value:9.2f}"
            lines.append(f"{label:45} {shown} {unit:4} {verdict(value, target)}".rstrip())
    return "\n".join(lines) + "\n"


def alone(argv):
    """What needs nothing but what 'make deps' brings, and the captured messages."""
    seen = {}
    wanted = {n: p for n, p in PARTS.items() if not argv or any(n.startswith(a) for a in argv)}
    if not wanted:
        return ""
    if not WIRE:
        return "the host agent is left out: the captured messages are missing\n"
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        with Rabbit(where / "rabbit") as rabbit, OpenStack() as cloud:
            world = World(rabbit, cloud, where)
            for part in wanted.values():
                for figure, value in part(world):
                    seen.setdefault(figure, []).append(value)
    return table(seen)


def main(argv):
    text = alone(argv)
    base = os.environ.get("ORLOP_OPENSTACK_RIG")
    if base and (not argv or any("rig".startswith(a) for a in argv)):
        with tempfile.TemporaryDirectory() as name:
            text += rig.table(Path(base), Path(name))
    if not argv:
        (BUILD / "results").mkdir(parents=True, exist_ok=True)
        (BUILD / "results/bench-compute.txt").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (SupportError, subprocess.SubprocessError) as problem:
        sys.exit(f"bench: {problem}")
