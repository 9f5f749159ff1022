# SPDX-License-Identifier: Apache-2.0
"""A host agent in an OpenStack: a RabbitMQ, a conductor and services in memory, and what goes wrong between them."""

import time

import pytest

from support.cluster import until
from support.compute import FAKE, QEMU, Agent, end_qemus, qemus
from support.memory_conductor import HOST, MemoryConductor, primitive
from support.nova_conductor import WIRE
from support.openstack import OpenStack
from support.proxy import Proxy
from support.rabbit import PASSWORD, Rabbit

OPTIONS = """\
transport_url = {url}
debug = true
report_interval = 1
rpc_response_timeout = {timeout}
[oslo_messaging_rabbit]
rabbit_retry_interval = 1
rabbit_interval_max = 2
[orlop]
accelerator = tcg
"""
READY = "Creating RPC server for service compute"


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory):
    if not WIRE:
        pytest.skip("the captured messages are missing")
    with Rabbit(tmp_path_factory.mktemp("rabbit") / "r") as broker:
        yield broker


@pytest.fixture
def nova(rabbit):
    with OpenStack() as cloud, MemoryConductor(rabbit, rabbit.home(), cloud) as conductor:
        conductor.image = cloud.add_image(b"image" * 1000)
        yield conductor


@pytest.fixture
def agents(nova, tmp_path):
    """Starts one: agents(url of another place, timeout, wait for its start)."""
    all_agents = []

    def start(url=None, timeout=4, wait=True, driver=FAKE):
        options = OPTIONS.format(url=url or nova.rabbit.url(nova.home), timeout=timeout) + nova.cloud.nova_conf()
        agent = Agent(tmp_path, options, driver, argv=())
        all_agents.append(agent)
        agent.start(wait=False)
        if wait:
            agent.wait_log(READY)
            until(lambda: f"compute.{HOST}" in queues(nova), "the queues")
        return agent

    yield start
    for agent in all_agents:
        agent.kill()
        end_qemus(tmp_path)
        assert PASSWORD not in agent.text() and nova.cloud.password not in agent.text()
        assert "Assertion" not in agent.text() and agent.process.returncode in (0, 1, -9)


@pytest.fixture
def agent(agents):
    return agents()


@pytest.fixture
def qemu(agents):
    """Images are for machines with disks."""
    return agents(driver=QEMU)


def queues(nova):
    """Names of those that somebody consumes."""
    out = nova.rabbit.control("list_queues", "-p", nova.home.vhost, "--no-table-headers", "name", "consumers")
    return [line.split("\t")[0] for line in out.splitlines() if not line.endswith("\t0")]


def consumers(nova, key):
    return sum(state == ("active", None) for state in nova.states.get(key, []))


# --- as it should be ---

@pytest.mark.demands("C32", "C36", "C37")
def test_it_shows_up_and_reports(nova, agent):
    service, node = nova.where("Service")[0], nova.where("ComputeNode")[0]
    assert (service["host"], service["binary"], service["topic"]) == (HOST, "nova-compute", "compute")
    assert (node["host"], node["hypervisor_hostname"], node["vcpus"]) == (HOST, HOST, 1000)
    assert nova.cloud.providers[nova.provider()]["inventories"]["VCPU"]["total"] == 1000
    assert nova.provider() == node["uuid"]
    until(lambda: nova.where("Service")[0]["report_count"] >= 2, "reports", 15)
    assert nova.call("get_host_uptime", {})[1]["class"] == "NotImplementedError"  # as nova's fake driver says


@pytest.mark.demands("C31")
def test_build_stop_start_reboot_terminate(nova, agent):
    one = nova.build(nova.image)
    nova.wait_state(one, "active")
    row = nova.row("Instance", one)
    assert (row["host"], row["node"], row["launched_on"], row["power_state"]) == (HOST, HOST, HOST, 1)
    assert [s[1] for s in nova.states[one]] == [None, None, "networking", "block_device_mapping", "spawning", None]
    nova.cast("stop_instance", one, "powering-off", clean_shutdown=True)
    nova.wait_state(one, "stopped")
    nova.cast("start_instance", one, "powering-on")
    nova.wait_state(one, "active")
    nova.cast("reboot_instance", one, "rebooting_hard", block_device_info=None, reboot_type="HARD")
    nova.wait_state(one, "active")
    assert nova.call("get_console_output", {"instance": primitive("Instance", nova.row("Instance", one)),
                                            "tail_length": 2}) == ("ANOTHER\nLAST LINE", None)
    nova.terminate(one)
    nova.wait_state(one, "gone")
    assert nova.cloud.allocations == {} and agent.files() == [] and nova.faults == []
    until(lambda: nova.events[-1][0] == "event_finish_with_failure", "the end of the action")
    starts = [e[2] for e in nova.events if e[0] == "event_start"]
    assert starts == ["compute__do_build_and_run_instance", "compute_stop_instance", "compute_start_instance",
                      "compute_reboot_instance", "compute_terminate_instance"]


# --- what nobody should send ---

def test_strange_messages_are_answered_or_told(nova, agent):
    assert nova.call("make_coffee")[1]["class"] == "NoSuchMethod"
    assert nova.call("get_host_uptime", version="6.99")[1]["class"] == "UnsupportedVersion"
    assert nova.call("get_host_uptime", version="7.0")[1]["class"] == "UnsupportedVersion"
    for raw in ("this is not JSON", "{", "[]", '{"oslo.version": "2.0", "oslo.message": "{"}',
                '{"oslo.version": "9.0", "oslo.message": "{}"}', "{}", "\x00" * 100):
        nova.send_to_agent("", {}, raw=raw)
    nova.send_to_agent("make_coffee", {})
    nova.send_to_agent("stop_instance", {})
    nova.send_to_agent("stop_instance", {"instance": "me"})
    nova.send_to_agent("build_and_run_instance", {"instance": {"nova_object.name": "Flavor"}})
    agent.wait_log("was dropped", 5)
    assert nova.call("ping", {"arg": "still here"}, "1.0", namespace="baseapi")[0] == {"service": "compute", "arg": "still here"}


def test_a_newer_object_is_kept_as_it_is_and_an_unknown_one_refused(nova, agent):
    """A newer minor version has more fields than we know, and nothing else: it goes back as it came."""
    one = nova.build(nova.image, version="2.99")
    nova.wait_state(one, "active")
    saves = [m["args"]["objinst"] for m in nova.messages if m["method"] == "object_action"
             and m["args"]["objinst"]["nova_object.name"] == "Instance"]
    assert {s["nova_object.version"] for s in saves} == {"2.99"}
    failure = nova.call("get_console_output", {"instance": primitive("Instance", {}, "3.0"), "tail_length": 1})[1]
    assert failure["class"] == "IncompatibleObjectVersion" and "3.0" in failure["message"]


# --- images, placement ---

@pytest.mark.parametrize("retry", [False, True], ids=["at once", "rescheduled"])
def test_a_missing_image_is_the_instances_fault(nova, qemu, retry):
    gone = "00000000-0000-4000-8000-000000000000"
    one = nova.build(gone, retry=retry)
    if retry:
        until(lambda: any(m["method"] == "build_instances" for m in nova.casts), "the cast to the conductor")
        row = nova.row("Instance", one)
        assert (row["task_state"], row["host"], row["node"]) == ("scheduling", None, None)
        message = next(m for m in nova.casts if m["method"] == "build_instances")
        assert message["namespace"] == "compute_task"
    else:
        nova.wait_state(one, "error")
        assert nova.faults_of(one) == [f"Image {gone} could not be found."]
    assert nova.cloud.allocations == {} and qemu.files() == []


def test_a_damaged_image_ends_the_build(nova, qemu):
    nova.cloud.fault("glance", "GET", "/file$", times=-1, damage=True)
    one = nova.build(nova.image)
    nova.wait_state(one, "error")
    assert nova.faults_of(one) and "Traceback" not in nova.faults_of(one)[0]
    nova.cloud.faults.clear()
    two = nova.build(nova.image)
    nova.wait_state(two, "active")
    assert f"{two}/disk" in qemu.files() and one not in qemu.files() and len(qemus(qemu.where)) == 1
    nova.terminate(two)
    nova.wait_state(two, "gone")
    assert qemu.files() == [] and not qemus(qemu.where)


def test_placement_may_be_away(nova, agents):
    nova.cloud.fault("placement", times=-1, status=503)
    agent = agents()
    agent.wait_log("placement was not told of node h1: placement: ")
    assert "HTTP 503" in agent.text()
    nova.cloud.faults.clear()
    assert agent.stop() == 0
    agents()
    one = nova.build(nova.image)
    nova.wait_state(one, "active")
    # The allocation is the last that goes: until then the instance can be deleted again.
    nova.cloud.fault("placement", "DELETE", times=-1, status=503)
    nova.terminate(one)
    nova.wait_state(one, "error")
    nova.cloud.faults.clear()
    nova.terminate(one)
    nova.wait_state(one, "gone")
    assert nova.cloud.allocations == {}


# --- who does not answer ---

@pytest.mark.demands("C37")
def test_a_silent_conductor_is_told_once(nova, agents):
    agent = agents(timeout=1)
    until(lambda: nova.where("Service")[0]["report_count"] >= 1, "a report", 15)
    nova.is_silent = True
    lost, found = "Lost connection to nova-conductor for reporting service status.", "Recovered from being unable to report status."
    agent.wait_log(lost)
    until(lambda: nova.asked.count("silence") >= 4, "more reports that nobody answers", 15)
    nova.is_silent = False
    agent.wait_log(found)
    assert agent.text().count(lost) == agent.text().count(found) == 1


def test_a_broker_that_is_gone_for_a_while_costs_no_build(nova, agents, rabbit):
    with Proxy(rabbit.port) as proxy:
        agent = agents(rabbit.url(nova.home, port=proxy.port), timeout=40, driver=QEMU)
        nova.cloud.fault("glance", "GET", "/file$", delay=2)
        built = [nova.build(nova.image) for _ in range(3)]
        until(lambda: all(nova.row("Instance", b)["task_state"] == "spawning" for b in built), "builds under way", 10)
        proxy.to = 1
        proxy.cut()
        time.sleep(15)
        assert "active" not in [nova.state_of(b) for b in built]
        proxy.to = rabbit.port
        for one in built:
            nova.wait_state(one, "active")
            assert [s[1] for s in nova.states[one]].count("spawning") == 1 and consumers(nova, one) == 1
        assert len(qemus(agent.where)) == 3
        two = nova.build(nova.image)
        nova.wait_state(two, "active")
        assert agent.stop() == 0


def test_a_broker_that_is_started_again(nova, agents, rabbit):
    agent = agents(timeout=40)
    one = nova.build(nova.image)
    nova.wait_state(one, "active")
    rabbit.kill()
    agent.wait_log("The message bus was lost")
    rabbit.start()
    until(lambda: {"compute", f"compute.{HOST}"} <= set(queues(nova)), "the queues", 30)
    nova.cast("stop_instance", one, "powering-off", clean_shutdown=True)
    nova.wait_state(one, "stopped")
    reports = nova.where("Service")[0]["report_count"]
    until(lambda: nova.where("Service")[0]["report_count"] > reports, "a report after it", 15)


# --- configured wrongly ---

@pytest.mark.parametrize("wrong, text", [
    ({"password": "wrong"}, "refuses user"), ({"vhost": "nowhere"}, "refuses virtual host 'nowhere'"),
], ids=["password", "vhost"])
def test_a_broker_that_refuses_is_named(nova, agents, rabbit, wrong, text):
    agent = agents(rabbit.url(nova.home, **wrong), wait=False)
    agent.wait_log(text)
    assert not agent.has_ended() and agent.stop() == 0


def test_a_queue_with_other_flags_names_the_option(nova, agents, rabbit):
    peer = rabbit.connect(nova.home)
    peer.channel().queue_declare(f"compute.{HOST}", durable=True, auto_delete=False)
    agent = agents(wait=False)
    agent.wait_log(f"queue 'compute.{HOST}' cannot be declared: (406) PRECONDITION_FAILED")
    assert "Set amqp_durable_queues in [oslo_messaging_rabbit]" in agent.text()
    peer.close()
