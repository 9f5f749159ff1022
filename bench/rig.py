# SPDX-License-Identifier: Apache-2.0
"""The Python nova-compute and ours in one running OpenStack (../shared/openstack), in the same minutes: each is
started, loaded and stopped in turn under a host name of its own. What counts are the ratios."""

import json
import os
import subprocess
import threading
import time

import rpc
from agents import Ours, Program, cpu_of, rss_mib
from support.debs import SupportError
from support.nova_conductor import WIRE
from support.rabbit import py_amqp

PASSWORD, AMQP, KEYSTONE = "rig", 5672, 5000  # lib.sh
IDLE_SECONDS = 60
CALLS = 2000
BUILDS = 10
PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Pings:
    """One ping in the queue of a host, and its answer."""

    def __init__(self, host):
        self.key, self.replies, self.is_ending = f"compute.{host}", threading.Semaphore(0), False
        self.out, self.back = self.connect(), self.connect()
        channel = self.back.channel()
        self.reply = channel.queue_declare("", auto_delete=True).queue
        channel.basic_consume(self.reply, no_ack=True, callback=lambda _: self.replies.release())
        self.channel = self.out.channel()
        self.channel.queue_declare(self.key, durable=False, auto_delete=False)
        self.channel.queue_bind(self.key, "nova", self.key)
        self.channel.queue_purge(self.key)
        self.thread = threading.Thread(target=self.hear, daemon=True)
        self.thread.start()

    @staticmethod
    def connect():
        connection = py_amqp().Connection(f"127.0.0.1:{AMQP}", userid="nova", password=PASSWORD, heartbeat=0)
        connection.connect()
        return connection

    def hear(self):
        while not self.is_ending:
            try:
                self.back.drain_events(timeout=0.1)
            except TimeoutError:
                pass

    def put(self):
        message = {"method": "ping", "namespace": "baseapi", "version": "1.0", "args": {"arg": "x"}, "_timeout": None,
                   "_msg_id": os.urandom(16).hex(), "_unique_id": os.urandom(16).hex(), "_reply_q": self.reply}
        body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)})
        self.channel.basic_publish(
            py_amqp().Message(body, content_type="application/json", content_encoding="utf-8"), "nova", self.key)

    def close(self):
        self.is_ending = True
        self.thread.join(2)
        self.channel.queue_delete(self.key)
        self.out.collect()
        self.back.collect()


def chrooted(base, *argv):
    return ["/usr/sbin/chroot", base / "root", "/usr/bin/env", "-i", f"PATH={PATHS}", "HOME=/root", "LC_ALL=C.UTF-8", *argv]


def build(base, host, in_flight):
    """Builds and deletions through nova-api, by the rig's own program."""
    text = (WIRE.parent / "buildbench.py").read_text()
    done = subprocess.run([str(a) for a in chrooted(base, "python3", "-", host, BUILDS, PASSWORD, KEYSTONE, in_flight)],
                          input=text, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise SupportError(f"builds on {host}: {done.stderr[-500:]}")
    found = json.loads(done.stdout)
    if found["ok"] != BUILDS:
        raise SupportError(f"builds on {host}: {done.stdout}")
    return found


def ours(base, where, host):
    more = "reserved_host_memory_mb = 0\n[orlop]\nuser =\n"
    return Ours(where / host, host, more, [base / "root/etc/nova/nova-hosts.conf"])


def theirs(base, where, host):
    text = (f"[DEFAULT]\nhost = {host}\ncompute_driver = fake.FakeDriver\nreserved_host_memory_mb = 0\n"
            f"log_file = /var/log/nova/nova-compute-{host}.log\n")
    (base / f"root/etc/nova/compute-{host}.conf").write_text(text)
    argv = chrooted(base, "nova-compute", "--config-file", "/etc/nova/nova-hosts.conf",
                    "--config-file", f"/etc/nova/compute-{host}.conf")
    return Program(argv, {}, where / "python-output")


def measure(base, where, host, make):
    pings, found = Pings(host), {}
    url = f"rabbit://nova:{PASSWORD}@127.0.0.1:{AMQP}/"
    try:
        with make(base, where, host) as agent:
            found["start"] = agent.time_to_serve(pings.put, pings.replies, 120)
            found["start cpu"] = cpu_of(agent.pid) * 1000
            time.sleep(15)
            found["memory"] = rss_mib(agent.pid)
            before = cpu_of(agent.pid)
            time.sleep(IDLE_SECONDS)
            found["idle"] = (cpu_of(agent.pid) - before) * 1000 * 60 / IDLE_SECONDS
            for n in (1, 8):
                before = cpu_of(agent.pid)
                found[f"rpc {n}"] = rpc.call(url, n, host, "ping", n=CALLS)[0]
                found[f"rpc cpu {n}"] = (cpu_of(agent.pid) - before) * 1e6 / CALLS
            for name, in_flight in (("build", 1), ("build ten", 10)):
                before = cpu_of(agent.pid)
                found[f"{name} took"] = build(base, host, in_flight)["create_s"]["median"]
                found[f"{name} cpu"] = (cpu_of(agent.pid) - before) * 1000 / BUILDS
            found["memory after"] = rss_mib(agent.pid)
    finally:
        pings.close()
        (base / f"root/etc/nova/compute-{host}.conf").unlink(missing_ok=True)
    return found


# figure, label, unit, least ratio Python / ours (0 = none)
TABLE = (
    ("start", "exec until a ping is answered", "ms", 0),
    ("start cpu", "  own CPU", "ms", 0),
    ("memory", "memory 15 s later", "MiB", 0),
    ("memory after", "  after all of the below", "MiB", 0),
    ("idle", "idle: CPU a minute", "ms", 0),
    ("rpc 1", "pings, one after the other", "/s", 0),
    ("rpc cpu 1", "  own CPU for each", "us", 20),
    ("rpc 8", "pings, 8 in flight", "/s", 0),
    ("rpc cpu 8", "  own CPU for each", "us", 20),
    ("build took", "builds by nova-api one by one: until ACTIVE", "s", 0),
    ("build cpu", "  own CPU of each with its deletion", "ms", 20),
    ("build ten took", "ten at once: until ACTIVE", "s", 0),
    ("build ten cpu", "  own CPU of each with its deletion", "ms", 20),
)


def shown(value):
    return f"{value:9,.0f}" if value >= 100 else f"{value:9.2f}"


def table(base, where):
    """Ours first: what it leaves behind is small."""
    mine = measure(base, where, "b1", ours)
    python = measure(base, where, "b2", theirs)
    lines = [f"in one OpenStack, load {os.getloadavg()[0]:.1f}", f"{'':45} {'Python':>9} {'ours':>9}"]
    for name, label, unit, least in TABLE:
        ratio = mine[name] / python[name] if unit == "/s" else python[name] / max(mine[name], 1e-9)
        verdict = f"  {least}x: {'ok' if ratio >= least else 'NOT MET'}" if least else ""
        lines.append(f"{label:45} {shown(python[name])} {shown(mine[name])} {unit:4} {ratio:7.1f}x{verdict}")
    return "\n".join(lines) + "\n"
