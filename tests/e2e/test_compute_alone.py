# SPDX-License-Identifier: Apache-2.0
"""A host agent that stands alone: machines in QEMU whose guests run our cloud-init, many at once, what is refused
and how that is said, and what its own end and the machines' ends do."""

import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.cluster import until
from support.compute import QEMU, Agent, Refused, qemus, wait_gone
from support.disk_guest import disk_image

TCG = "shutdown_timeout = {}\n[orlop]\naccelerator = tcg\n"
USER_DATA = """\
#cloud-config
runcmd:
- echo "USER DATA of $(hostname)" > /dev/console
"""


@pytest.fixture
def fake(tmp_path):
    with Agent(tmp_path) as agent:
        yield agent


@pytest.fixture
def qemu(tmp_path):
    """Its guests have an ACPI button and a minute."""
    with Agent(tmp_path, TCG.format(60), QEMU) as agent:
        yield agent


@pytest.fixture
def bare(tmp_path):
    """Its machines have no system that could be asked to power off."""
    with Agent(tmp_path, TCG.format(1), QEMU) as agent:
        yield agent


def wait_said(agent, name, text, times=1, patience=60):
    until(lambda: agent.console(name).count(text) >= times, f"'{text}' of {name}", patience)


def many(work, names):
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(work, names))


# --- machines ---

def test_a_machine_lives_from_create_to_delete(qemu):
    user_data = qemu.where / "user-data"
    user_data.write_text(USER_DATA)
    made = qemu.make("Web 1", disk_image(), memory=256, user_data=user_data)
    assert (made["vm_state"], made["task_state"], made["power_state"]) == ("active", None, "Running")
    wait_said(qemu, "Web 1", "GUEST READY")
    said = qemu.console("Web 1")
    assert "USER DATA of web-1" in said and f"GUEST IS web-1 {made['uuid']} configdrive" in said

    qemu.do("stop", "Web 1")
    assert qemu.state_of("Web 1") == ("stopped", None, "Shutdown")
    assert "Power down" in qemu.console("Web 1") and not qemus(qemu.where)  # it was asked, not killed
    qemu.do("start", "Web 1")
    assert qemu.state_of("Web 1") == ("active", None, "Running")
    wait_said(qemu, "Web 1", "GUEST UP", 2)
    before = qemus(qemu.where)
    qemu.do("reboot", "Web 1", "--hard")
    assert qemu.state_of("Web 1") == ("active", None, "Running")
    wait_said(qemu, "Web 1", "GUEST UP", 3)
    assert len(qemus(qemu.where)) == 1 and qemus(qemu.where).keys() != before.keys()
    actions = [a["action"] for a in qemu.show("Web 1")["actions"]]
    assert actions == ["reboot-hard", "start", "stop", "create"]

    running = qemus(qemu.where)
    qemu.do("delete", made["uuid"])
    wait_gone(running)
    assert qemu.list() == [] and qemu.left() == []


def test_machines_go_on_while_the_agent_is_away(bare):
    for name in ("runs", "stopped", "dies", "leaves"):
        bare.make(name, memory=64)
    bare.do("stop", "stopped")
    pids = {name: next(p for p, argv in qemus(bare.where).items() if bare.show(name)["uuid"] in argv)
            for name in ("runs", "dies", "leaves")}
    assert bare.stop() == 0
    os.kill(pids["dies"], signal.SIGKILL)
    bare.start()
    assert bare.state_of("runs") == ("active", None, "Running")
    assert pids["runs"] in qemus(bare.where)
    assert bare.state_of("stopped") == ("stopped", None, "Shutdown")
    bare.wait_state("dies", "stopped")

    # And while it is there.
    os.kill(pids["leaves"], signal.SIGKILL)
    bare.wait_state("leaves", "stopped")
    bare.wait_log("(Lifecycle Event)")
    bare.do("start", "dies")
    assert bare.state_of("dies") == ("active", None, "Running")

    bare.kill()
    bare.start()
    assert bare.state_of("runs") == bare.state_of("dies") == ("active", None, "Running")
    many(lambda name: bare.do("delete", name), ("runs", "stopped", "dies", "leaves"))
    assert bare.left() == []


def test_a_hundred_at_once(fake):
    names = [f"m{n}" for n in range(100)]
    made = many(lambda name: fake.make(name, memory=64), names)
    assert {(m["vm_state"], m["task_state"]) for m in made} == {("active", None)}
    assert len({m["uuid"] for m in made}) == len(fake.list()) == 100
    node = fake.asked("hypervisor", "list")[0]
    assert (node["running_vms"], node["vcpus_used"], node["memory_mb_used"]) == (100, 100, 6400 + 512)
    many(lambda name: fake.do("delete", name), names)
    assert fake.list() == [] and fake.left() == []
    assert fake.asked("hypervisor", "list")[0]["vcpus_used"] == 0
    assert "ERROR" not in fake.text()


# --- what is refused ---

def backed(where):
    """A qcow2 that would show its owner another file of this host."""
    path = where / "backed.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", path, "1M"], check=True)
    return path


def torn(where):
    path = where / "torn.qcow2"
    path.write_bytes(b"QFI\xfb\0\0\0\3" + b"\xff" * 60000)
    return path


@pytest.mark.parametrize("image, text", [
    (lambda where: where / "none.raw", "none.raw"),
    (backed, "backing file"),
    (torn, "unacceptable"),
    (lambda where: where, "is not a regular file"),
], ids=["missing", "backed", "torn", "directory"])
def test_an_image_that_is_no_good_is_named(bare, image, text):
    with pytest.raises(Refused, match=f"instance bad is in error: .*{text}"):
        bare.make("bad", image(bare.where))
    row = bare.show("bad")
    assert (row["vm_state"], row["task_state"]) == ("error", None) and text in row["fault"]["message"]
    assert "Traceback" not in row["fault"]["message"]
    bare.do("delete", "bad")
    assert bare.left() == []


@pytest.mark.parametrize("options, text", [
    ({"memory": 2000000}, "memory"), ({"vcpus": 16001}, "vcpu"), ({"disk": 700000}, "disk"),
], ids=["memory", "vcpus", "disk"])
def test_what_does_not_fit_is_said(fake, options, text):
    with pytest.raises(Refused, match=f"instance big is in error: .*({text})"):
        fake.make("big", **options)
    row = fake.show("big")
    assert (row["vm_state"], row["task_state"]) == ("error", None) and re.search(text, row["fault"]["message"])
    fake.do("delete", "big")
    assert fake.left() == []


def test_a_wrong_command_is_answered_with_a_sentence(fake):
    web = fake.make("web")["uuid"]
    with pytest.raises(Refused, match="Instance nobody could not be found."):
        fake.do("stop", "nobody")
    with pytest.raises(Refused, match="there is an instance 'web' already"):
        fake.make("web")
    with pytest.raises(Refused, match=f"Cannot 'start' instance {web} while it is in vm_state active"):
        fake.do("start", "web")
    fake.do("stop", "web")
    for action in ("stop", "pause", "reboot", "suspend"):
        with pytest.raises(Refused, match=f"Cannot '{action}' instance {web} while it is in vm_state stopped"):
            fake.do(action, "web")
    for argv, text in ((("--memory=0",), "at least 1"), (("--memory=much",), "'much' is no number for memory"),
                       (("--user-data=/none",), "/none")):
        with pytest.raises(Refused, match=text):
            fake.ask("instance", "create", "x", "--image", fake.image(), *argv)
    assert fake.state_of("web") == ("stopped", None, "Shutdown")
    assert [i["display_name"] for i in fake.list()] == ["web"]


def test_without_an_agent_the_command_says_so(tmp_path):
    agent = Agent(tmp_path)
    assert "start 'orlop-compute --standalone'" in agent.run("instance", "list").stderr
    with agent:
        agent.kill()  # its socket is left
        begin = time.monotonic()
        done = agent.run("instance", "list")
        assert done.returncode == 1 and "nobody answers at" in done.stderr and time.monotonic() - begin < 9


# --- its own life ---

def test_a_second_agent_leaves_the_first_alone(fake):
    fake.make("web")
    second = Agent(fake.where)
    second.log = fake.where / "second.log"
    second.start(wait=False)
    try:
        assert second.process.wait(15) == 1
    finally:
        second.kill()
    assert f"another agent works in {fake.state}" in second.text()
    assert fake.state_of("web") == ("active", None, "Running")


@pytest.mark.demands("C39")
def test_term_lets_builds_end(fake):
    names = [f"m{n}" for n in range(30)]
    many(lambda name: fake.make(name, wait=False), names)
    assert fake.stop() == 0
    fake.start()
    rows = fake.list()
    # What was cast and not begun is lost with the bus, and told.
    assert len(rows) == 30 and {(r["vm_state"], r["task_state"]) for r in rows} <= {("active", None), ("error", None)}
    for row in rows:
        if row["vm_state"] == "error":
            assert "stopped before it began" in fake.show(row["uuid"])["fault"]["message"]
    many(lambda name: fake.do("delete", name), names)
    assert fake.left() == []


@pytest.mark.demands("C39")
def test_int_is_fast_and_hup_reads_debug_anew(fake):
    assert " DEBUG " not in fake.text()
    fake.configure("debug = true\nhost = h2")
    fake.send(signal.SIGHUP)
    fake.wait_log("Option DEFAULT.debug changed from [False] to [True]")
    with pytest.raises(Refused):
        fake.make("web", memory=2000000)
    fake.wait_log(" DEBUG nova.compute.manager [")
    begin = time.monotonic()
    assert fake.stop(signal.SIGINT) == 1 and time.monotonic() - begin < 1


@pytest.mark.demands("C29", "C30")
def test_usr2_tells_of_machines_and_of_no_secret(tmp_path):
    secret = "hunter2-of-the-operator"
    user_data = tmp_path / "user-data"
    user_data.write_text(f"#cloud-config\npassword: {secret}\n")
    with Agent(tmp_path, f"[placement]\nusername = nova\n[database]\nconnection = mysql://n:{secret}@db/nova\n"
                         f"[service_user]\npassword = {secret}\n") as agent:
        web = agent.make("web", user_data=user_data)["uuid"]
        agent.send(signal.SIGUSR2)
        agent.wait_log("Configuration")
        until(lambda: "=" * 4 in agent.text(), "the report")
        assert agent.stop() == 0
        titles = re.findall(r"^={4} +(\S.*?) +={4}$", agent.text(), re.M)
        assert titles == ["Guru Meditation", "Package", "Threads", "Tasks", "Processes", "Queues", "Instances",
                          "Configuration"]
        assert web in agent.text() and secret not in agent.text()
