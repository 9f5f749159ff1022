# SPDX-License-Identifier: Apache-2.0
"""orlop-compute as a process: its command line, log, signals; its start on RabbitMQ beside a conductor."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from support.cluster import our
from support.nova_conductor import WIRE, Conductor
from support.rabbit import Rabbit

CONFIG = """\
[DEFAULT]
host = h1
compute_driver = fake.FakeDriver
state_path = {state}
transport_url = {url}
log_file = {state}/compute.log
periodic_fuzzy_delay = 0
rpc_response_timeout = 5
graceful_shutdown_timeout = 10
[database]
connection = mysql://nobody:hunter2@nowhere/nova
"""
NOBODY = 65534
LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \d+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) "
                  r"[\w.]+ \[(-|\S+ req-[0-9a-f-]{36}( \S+){6})\] .*$")


class Daemon:
    def __init__(self, where, url, *argv, more="", **env):
        self.where = where
        self.state = where / "state"
        self.state.mkdir(exist_ok=True)
        self.config = where / "nova.conf"
        self.config.write_text(CONFIG.format(state=self.state, url=url) + more)
        self.log = self.state / "compute.log"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(where / "notify"))
        self.notify.settimeout(20)
        env = {"PATH": os.environ["PATH"], "HOME": str(where), "NOTIFY_SOCKET": str(where / "notify"), **env}
        self.process = subprocess.Popen(
            [our("orlop-compute"), "--config-file", self.config, *argv], env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def told(self):
        return self.notify.recv(100).decode()

    def wait_log(self, text, timeout=15):
        end = time.monotonic() + timeout
        while not self.log.exists() or text not in self.log.read_text():
            assert time.monotonic() < end and self.process.poll() is None, f"no '{text}' in {self.log.read_text()}"
            time.sleep(0.02)

    def end(self, number=signal.SIGTERM):
        """(exit status, standard error)"""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, err

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.notify.close()


@pytest.fixture
def daemon(tmp_path):
    daemons = []

    def start(*argv, **named):
        daemons.append(Daemon(tmp_path, *argv, **named))
        return daemons[-1]

    yield start
    for d in daemons:
        d.close()


@pytest.fixture
def lonely(daemon):
    """One that nobody answers: there is no broker."""
    d = daemon("rabbit://u:hunter2@127.0.0.1:1/")
    d.wait_log("is unreachable")
    return d


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory):
    if not WIRE:
        pytest.skip("the captured messages are missing")
    with Rabbit(tmp_path_factory.mktemp("rabbit") / "r") as broker:
        yield broker


@pytest.fixture
def conductor(rabbit):
    with Conductor(rabbit, rabbit.home()) as c:
        yield c


def run(*argv):
    return subprocess.run([our("orlop-compute"), *argv], capture_output=True, text=True, check=False, timeout=20)


def parent_of(proc):
    """The parent of a process; None when it is gone."""
    try:
        return int(re.search(r"^PPid:\s(\d+)$", (proc / "status").read_text(), re.M)[1])
    except (OSError, TypeError):
        return None


@pytest.mark.demands("C23", "C24")
def test_a_wrong_command_line_or_configuration_ends_with_2(tmp_path):
    bad = tmp_path / "bad.conf"
    bad.write_text("[DEFAULT]\nreport_interval = soon\n")
    cases = [
        (("--nope",), "--nope"),
        (("--config-file", tmp_path / "none"), f"{tmp_path}/none"),
        (("--config-file", bad), f"{bad}:2: [DEFAULT] report_interval: 'soon' is not a whole number"),
        (("--config-dir", tmp_path), f"{bad}:2: [DEFAULT] report_interval"),
        (("file",), "'file' is not understood"),
    ]
    for argv, text in cases:
        done = run(*argv)
        assert (done.returncode, done.stdout) == (2, "") and text in done.stderr and done.stderr.count("\n") == 1
    assert run("--version").stdout == "26.2.2\n"


@pytest.mark.demands("C27", "C29", "C30")
def test_usr2_writes_a_report_without_secrets_while_the_start_waits(lonely):
    lonely.process.send_signal(signal.SIGUSR2)
    time.sleep(0.5)
    status, err = lonely.end()
    assert status == 0
    titles = re.findall(r"^={4} +(\S.*?) +={4}$", err, re.M)
    assert titles == ["Guru Meditation", "Package", "Threads", "Tasks", "Processes", "Queues", "Instances", "Configuration"]
    assert {"orlop-compute", "start"} <= set(re.findall(r"^-+ +Thread #\d+ (\S+) +-+$", err, re.M))
    assert "version = 26.2.2" in err and "transport_url = ***" in err
    log = lonely.log.read_text()
    assert "nova.conf:11 sets [database] connection: this service has no access to a database" in log
    assert "hunter2" not in err + log


@pytest.mark.demands("C25")
def test_the_log_has_oslos_lines_and_follows_a_rotation(lonely):
    lonely.log.rename(lonely.state / "old")
    lonely.process.send_signal(signal.SIGHUP)
    lonely.wait_log("Caught SIGHUP")
    lines = ((lonely.state / "old").read_text() + lonely.log.read_text()).splitlines()
    assert len(lines) > 2 and [n for n in lines if not LINE.match(n)] == []


@pytest.mark.demands("C39")
def test_hup_reads_the_configuration_again(lonely):
    lonely.config.write_text(lonely.config.read_text().replace("host = h1", "host = h2\ndebug = true"))
    lonely.process.send_signal(signal.SIGHUP)
    lonely.wait_log("Ignoring change to immutable option DEFAULT.host")
    lonely.wait_log("Option DEFAULT.debug changed from [False] to [True]")
    lonely.config.write_text("oops")
    lonely.process.send_signal(signal.SIGHUP)
    lonely.wait_log("Caught Error while reloading configure files")
    assert lonely.process.poll() is None


@pytest.mark.demands("C39")
def test_int_ends_at_once(lonely):
    assert lonely.end(signal.SIGINT)[0] == 1
    assert "Caught SIGINT signal, instantaneous exiting" in lonely.log.read_text()


@pytest.mark.demands("C17", "C31", "C36")
def test_the_start_asks_in_novas_order_and_says_when_it_is_ready(daemon, conductor, rabbit):
    d = daemon(rabbit.url(conductor.home))
    assert d.told() == "READY=1"
    start = ["ping", "Service.get_minimum_version", "InstanceList.get_by_host", "Service.get_by_host_and_binary",
             "Service.create", "ComputeNode.create"]
    assert [n for n in conductor.asked if n in start] == start
    made = conductor.wait("Service.create")["args"]["objinst"]["nova_object.data"]
    assert {k: made[k] for k in ("host", "binary", "topic", "report_count", "version")} == {
        "host": "h1", "binary": "nova-compute", "topic": "compute", "report_count": 0, "version": 64}
    assert {"compute", "compute.h1"} <= set(rabbit.queues(conductor.home))
    assert d.end()[0] == 0
    assert d.told() == "STOPPING=1"


@pytest.mark.demands("C37", "C38")
def test_the_state_is_reported_after_5_s_and_periodic_tasks_run(daemon, conductor, rabbit):
    d = daemon(rabbit.url(conductor.home), "--debug")
    assert d.told() == "READY=1"
    ready = time.monotonic()
    saved = conductor.wait("Service.save")["args"]["objinst"]
    assert 4.5 < time.monotonic() - ready < 8
    assert saved["nova_object.data"]["report_count"] == 1 and saved["nova_object.changes"] == ["report_count"]
    d.wait_log("Running periodic task ComputeManager.")
    assert d.end()[0] == 0


@pytest.mark.demands("C34")
def test_it_does_not_start_beside_computes_that_are_too_old(daemon, conductor, rabbit):
    conductor.answers["Service.get_minimum_version"]["result"] = 60
    d = daemon(rabbit.url(conductor.home))
    assert d.process.wait(20) == 1
    assert "CRITICAL nova.service [-] Unhandled error: TooOldComputeService: Current Nova version does not support" \
        in d.log.read_text()


def test_it_answers_pings(daemon, conductor, rabbit):
    d = daemon(rabbit.url(conductor.home))
    assert d.told() == "READY=1"
    peer = rabbit.connect(conductor.home)
    channel, answers = peer.channel(), []
    channel.queue_declare("reply_test", auto_delete=True)
    channel.basic_consume("reply_test", no_ack=True, callback=lambda m: answers.append(json.loads(m.body)))
    conductor.send("nova", "compute.h1", {
        "method": "ping", "namespace": "baseapi", "version": "1.0", "args": {"arg": "hello"}, "_msg_id": "1" * 32,
        "_reply_q": "reply_test", "_timeout": None, "_unique_id": "2" * 32}, channel)
    while not answers:
        peer.drain_events(timeout=10)
    peer.collect()
    reply = json.loads(answers[0]["oslo.message"])
    assert reply["result"] == {"service": "compute", "arg": "hello"} and reply["failure"] is None


def test_the_watchdog_is_fed_while_it_reports(daemon, tmp_path):
    d = daemon(f"orlop://{tmp_path}/bus.sock", "--standalone", WATCHDOG_USEC="100000")
    assert [d.told() for _ in range(3)] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]


def test_it_waits_for_a_debugger_or_sigcont(daemon):
    d = daemon("rabbit://u:p@127.0.0.1:1/", "--remote_debug-host", "127.0.0.1", "--remote_debug-port", "5678")
    d.wait_log(f"gdbserver --attach 127.0.0.1:5678 {d.process.pid}")
    time.sleep(0.3)
    assert "is unreachable" not in d.log.read_text()
    d.process.send_signal(signal.SIGCONT)
    d.wait_log("Going on with the start")
    d.wait_log("is unreachable")


def put_program(folder, name, script):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.demands("C21")
def test_it_waits_for_a_unit_and_starts_it(daemon, tmp_path):
    put_program(tmp_path / "bin", "systemctl",
                f'echo "$@" >> {tmp_path}/calls; [ "$2" = start ] || [ $(grep -c start {tmp_path}/calls) -ge 2 ]')
    d = daemon("rabbit://", "--wait-unit", "ovs-cleanup", "--pre-start-only", PATH=f"{tmp_path}/bin:/usr/bin:/bin")
    assert d.process.wait(20) == 0
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"--quiet {verb} ovs-cleanup" for verb in ("is-active", "start", "is-active", "start", "is-active")]
    log = d.log.read_text()
    assert log.count("Attempting to start ovs-cleanup") == 2 and log.count("Recheck ovs-cleanup in 1s") == 2


@pytest.mark.demands("C19")
@pytest.mark.parametrize("status", [0, 1])
def test_nbd_is_loaded_and_a_failure_fails_the_start(daemon, tmp_path, status):
    if os.geteuid() != 0 or os.path.exists("/run/container_type") or os.path.exists("/run/systemd/container"):
        pytest.skip("no module is loaded without root or in a container")
    put_program(tmp_path / "bin", "modprobe", f'echo "$@" > {tmp_path}/calls; echo no such module >&2; exit {status}')
    d = daemon("rabbit://", "--load-nbd", "--pre-start-only", PATH=f"{tmp_path}/bin:/usr/bin:/bin",
               more="[orlop]\nuser = root\n")
    assert d.process.wait(20) == status
    assert (tmp_path / "calls").read_text() == "-- nbd\n"
    assert ("to load the module nbd: modprobe --: no such module (status 1)" in d.log.read_text()) == bool(status)


@pytest.fixture
def open_place():
    """A directory that everybody may look into; pytest's own are root's."""
    if os.geteuid() != 0:
        pytest.skip("only root can give up root")
    with tempfile.TemporaryDirectory(prefix="orlop-compute-") as where:
        place = Path(where)
        place.chmod(0o755)
        (place / "state").mkdir()
        os.chown(place / "state", NOBODY, NOBODY)
        yield place


@pytest.mark.demands("C26", "C39")
def test_standalone_it_is_an_ordinary_user_with_a_helper_and_stops_in_order(open_place):
    d = Daemon(open_place, f"orlop://{open_place}/state/bus.sock", "--standalone", more="[orlop]\nuser = nobody\n")
    (open_place / "notify").chmod(0o777)
    assert d.told() == "READY=1"
    status = (Path("/proc") / str(d.process.pid) / "status").read_text()
    assert re.search(rf"^Uid:\s{NOBODY}\s{NOBODY}\s{NOBODY}\s{NOBODY}$", status, re.M)
    helpers = [p for p in Path("/proc").glob("[0-9]*") if parent_of(p) == d.process.pid]
    assert [(p / "comm").read_text() for p in helpers] == ["compute-helper\n"]
    assert helpers[0].stat().st_uid == 0
    assert d.end()[0] == 0
    d.close()
    end = time.monotonic() + 5
    while helpers[0].exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not helpers[0].exists()


class Helper:
    """The privileged helper alone, asked as the daemon asks it."""

    def __init__(self, *roots):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(20)
        self.process = subprocess.Popen(["orlop-compute-helper", str(theirs.fileno()), *map(str, roots)],
                                        executable=our("orlop-compute"), pass_fds=[theirs.fileno()])
        theirs.close()

    def ask(self, *argv):
        """(errno, sentence)"""
        self.ours.send(b"".join(str(a).encode() + b"\0" for a in argv))
        answer = self.ours.recv(4096)
        return int.from_bytes(answer[:4], "little"), answer[4:].split(b"\0")[0].decode()

    def close(self):
        self.ours.close()
        return self.process.wait(10)


@pytest.mark.demands("C26")
def test_the_helper_does_what_is_in_its_table_below_its_roots_only(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root has privileges to share")
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, root / "a", outside):
        folder.mkdir()
    for file in (root / "a/disk", outside / "secret"):
        file.write_text("")
    (root / "link").symlink_to(outside)
    (root / "a/link").symlink_to(outside / "secret")
    os.link(outside / "secret", root / "a/hard")
    helper = Helper(root)
    assert helper.ask("chown", root / "a/disk", "nobody") == (0, "")
    assert (root / "a/disk").stat().st_uid == NOBODY
    for path in (root / "link/secret", root / "a/link", root / "a/hard", outside / "secret", f"{root}/../outside/secret"):
        assert helper.ask("chown", path, "nobody")[0] != 0
    assert (outside / "secret").stat().st_uid == 0
    assert helper.ask("umount", root / "a") == (0, "")
    assert helper.ask("umount", root / "link/x")[0] != 0
    for argv in (("sh", "-c", "id"), ("chown", "/etc/shadow", "nobody"), ("",), ("modprobe", "x")):
        assert helper.ask(*argv)[0] == 1
    assert helper.close() == 0
