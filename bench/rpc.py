#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Calls a second over a message bus: our server beside the least that can answer on librabbitmq, over a
RabbitMQ of our own and with the same client; then our own bus. Calls are nova's ping.

    rpc.py [ROUNDS]     medians of at least 3 rounds, in turns
"""

import contextlib
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.cluster import our  # noqa: E402
from support.debs import SupportError  # noqa: E402
from support.rabbit import Rabbit  # noqa: E402

CALLS = {1: 4000, 8: 20000, 32: 20000}
LEAST_ROUNDS = 3
LEAST_SHARE = 0.7  # of the bare echo, 8 in flight


def program():
    return our("orlop").parents[2] / "bench/orlop-rpc-bench"


def call(url, in_flight, *called, n=None):
    """(calls a second, microseconds of the client's CPU for each); 'called': a compute's host, its method"""
    done = subprocess.run([program(), "call", url, str(n or CALLS[in_flight]), str(in_flight), *called],
                          capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise SupportError(f"orlop-rpc-bench call: {done.stdout}{done.stderr}")
    return (float(re.search(r"([\d.]+) calls/s", done.stdout)[1]),
            float(re.search(r"([\d.]+) us of CPU", done.stdout)[1]))


@contextlib.contextmanager
def answering(kind, url, found):
    """A server; how much CPU each answer took goes to the figures."""
    with subprocess.Popen([program(), kind, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout.readline() != "ready\n":
                raise SupportError(f"orlop-rpc-bench {kind} does not start")
            yield
            process.stdin.close()
            found.append(float(re.search(r"([\d.]+) us of CPU", process.stdout.read())[1]))
        finally:
            process.kill()


def measure(label, kind, url, figures):
    with answering(kind, url, figures.setdefault((label, "server CPU"), [])):
        for in_flight in CALLS:
            rate, cpu = call(url, in_flight)
            figures.setdefault((label, in_flight), []).append(rate)
            figures.setdefault((label, "client CPU"), []).append(cpu)


def main():
    rounds = max(LEAST_ROUNDS, int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    figures = {}
    with tempfile.TemporaryDirectory() as where, Rabbit(Path(where) / "rabbit") as rabbit:
        home = rabbit.home()
        for _ in range(rounds):
            measure("ours, RabbitMQ", "serve", rabbit.url(home), figures)
            measure("bare echo, RabbitMQ", "echo", rabbit.url(home), figures)
            measure("ours, orlop: socket", "serve", f"orlop://{where}/bus", figures)
    medians = {key: statistics.median(values) for key, values in figures.items()}
    print(f"{'':24}" + "".join(f"{n:>4} in flight" for n in CALLS) + "   server us/call   client us/call")
    for label in dict.fromkeys(label for label, _ in medians):
        print(f"{label:24}" + "".join(f"{medians[label, n]:14.0f}" for n in CALLS)
              + "".join(f"{medians[label, f'{side} CPU']:17.1f}" for side in ("server", "client")))
    share = medians["ours, RabbitMQ", 8] / medians["bare echo, RabbitMQ", 8]
    print(f"ours / bare echo, 8 in flight: {share:.0%} (target: {LEAST_SHARE:.0%} at least)")
    return share < LEAST_SHARE


if __name__ == "__main__":
    sys.exit(main())
