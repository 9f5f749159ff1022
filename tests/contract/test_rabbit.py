# SPDX-License-Identifier: Apache-2.0
"""The rabbit transport against RabbitMQ of Debian 12, with py-amqp (what oslo.messaging uses) as the other side."""

import os
import re
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from support.proxy import Proxy
from support.rabbit import PASSWORD, Rabbit, free_ports, py_amqp

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("ORLOP_BUILD", ROOT / "build/dev")) / "tests/helpers/link-tool"
CAPTURED = ROOT / "../shared/openstack/wire/amqp/fake-methods.log"


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory):
    with Rabbit(tmp_path_factory.mktemp("rabbit") / "r") as broker:
        yield broker


@pytest.fixture
def home(rabbit):
    return rabbit.home()


@pytest.fixture
def peer(rabbit, home):
    connection = rabbit.connect(home)
    yield connection
    connection.collect()


class Link:
    """link-tool: what it says is kept in 'lines'; expect() finds each line once, from mark() on."""

    def __init__(self, url, name="nova-compute:1:id-of-it"):
        self.url, self.lines, self.seen, self.floor = url, [], set(), 0
        self.process = subprocess.Popen([TOOL, url, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def find(self, pattern):
        for n in range(self.floor, len(self.lines)):
            found = n not in self.seen and re.search(pattern, self.lines[n])
            if found:
                self.seen.add(n)
                return found
        return None

    def mark(self):
        """What was said until now is not expected any more."""
        self.floor = len(self.lines)

    def expect(self, pattern, timeout=10):
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                found = self.find(pattern)
                if found:
                    return found
                left = end - time.monotonic()
                assert left > 0, f"no line with {pattern!r} in\n" + "\n".join(self.lines[-40:])
                self.changed.wait(left)

    def has(self, pattern):
        return [line for line in self.lines if re.search(pattern, line)]

    def consume(self, kind, name, timeout=10):
        """The queue's own name, or the error."""
        self.say(f"consume {kind} {name} {timeout * 1000}")
        return self.expect(f"^consumed {re.escape(name)} (.*)", timeout + 5).group(1)

    def publish(self, number, exchange, key, body, flags="-", timeout=10):
        self.say(f"publish {number} {exchange} {key} {flags} {timeout * 1000} {body}")

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            assert self.process.wait(15) == 0
        self.reader.join(5)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.close()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(10)
            self.reader.join(5)
            self.process.stdout.close()
            if not self.process.stdin.closed:
                try:
                    self.process.stdin.close()
                except BrokenPipeError:
                    pass
        assert not self.has(re.escape(PASSWORD)), "a password was shown"


@pytest.fixture
def link(rabbit, home):
    with Link(rabbit.url(home)) as one:
        yield one


def get(peer, queue, timeout=5):
    """The next message of a queue, as py-amqp sees it."""
    channel = peer.channel()
    end = time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            message = channel.basic_get(queue, no_ack=True)
            if message:
                return message
            time.sleep(0.02)
    finally:
        channel.close()
    return None


def send(peer, key, body, exchange=""):
    channel = peer.channel()
    channel.basic_publish_confirm(py_amqp().Message(body), exchange=exchange, routing_key=key)
    channel.close()


# --- declarations ---

def test_queues_are_declared_as_the_python_agent_does(rabbit, home, link):
    assert link.consume("topic", "compute") == "compute"
    assert link.consume("topic", "compute.h1") == "compute.h1"
    fanout = link.consume("fanout", "scheduler")
    assert re.fullmatch("scheduler_fanout_[0-9a-f]{32}", fanout)
    assert link.consume("reply", "reply_1") == "reply_1"
    expires = '[{"x-expires",1800000}]'
    assert rabbit.queues(home) == {
        "compute": ("false", "false", "[]"), "compute.h1": ("false", "false", "[]"),
        fanout: ("false", "false", expires), "reply_1": ("false", "false", expires)}
    bound = rabbit.control("list_bindings", "-p", home.vhost, "--no-table-headers", "source_name", "destination_name",
                           "routing_key").splitlines()
    assert sorted(b for b in bound if not b.startswith("\t")) == sorted([
        "nova\tcompute\tcompute", "nova\tcompute.h1\tcompute.h1", f"scheduler_fanout\t{fanout}\tscheduler"])
    exchanges = rabbit.control("list_exchanges", "-p", home.vhost, "--no-table-headers", "name", "type", "durable",
                               "auto_delete").splitlines()
    assert "nova\ttopic\tfalse\tfalse" in exchanges and "scheduler_fanout\tfanout\tfalse\ttrue" in exchanges


def test_the_python_agents_own_declarations_fit(home, link, peer):
    """What was captured of Python's, once more: other flags would be refused."""
    if not CAPTURED.exists():
        pytest.skip(f"{CAPTURED} is not here")
    link.consume("topic", "compute")
    link.consume("fanout", "compute")
    link.consume("reply", "reply_1")
    text = CAPTURED.read_text()
    assert "queue.declare [0, 'compute', '{}', {}]" in text
    channel = peer.channel()
    channel.exchange_declare("nova", "topic", durable=False, auto_delete=False)
    channel.exchange_declare("compute_fanout", "fanout", durable=False, auto_delete=True)
    channel.queue_declare("compute", durable=False, auto_delete=False)
    channel.queue_declare("reply_1", durable=False, auto_delete=False, arguments={"x-expires": 1800000})


def test_connection_has_name_capabilities_and_heartbeat(rabbit, home, link):
    link.expect("^up")
    out = rabbit.control("list_connections", "--no-table-headers", "user", "auth_mechanism", "timeout", "frame_max",
                         "client_properties")
    row = next(line for line in out.splitlines() if line.startswith(home.user + "\t"))
    assert row.split("\t")[1:4] == ["AMQPLAIN", "60", "131072"]
    for word in ("nova-compute:1:id-of-it", "authentication_failure_close", "connection.blocked",
                 "consumer_cancel_notify"):
        assert word in row


def test_plain_is_used_when_it_is_asked_for(rabbit, home):
    with Link(rabbit.url(home, rabbit_login_method="PLAIN")) as link:
        link.expect("^up")
        out = rabbit.control("list_connections", "--no-table-headers", "user", "auth_mechanism")
        assert f"{home.user}\tPLAIN" in out.splitlines()


def test_quorum_and_transient_quorum_queues(rabbit, home):
    options = {"rabbit_quorum_queue": 1, "rabbit_transient_quorum_queue": 1, "rabbit_quorum_delivery_limit": 5,
               "use_queue_manager": "true", "hostname": "node1", "processname": "nova-compute"}
    with Link(rabbit.url(home, **options)) as link:
        assert link.consume("topic", "compute") == "compute"
        fanout = link.consume("fanout", "compute")
        assert re.fullmatch("compute_fanout_node1:nova-compute:[0-9]+", fanout)
        queues = rabbit.queues(home)
        assert queues["compute"][0] == queues[fanout][0] == "true"
        assert '{"x-queue-type","quorum"}' in queues["compute"][2] and '{"x-delivery-limit",5}' in queues["compute"][2]
        assert '{"x-expires",1800000}' in queues[fanout][2]
        link.publish(1, "nova", "compute", "to a quorum")
        link.expect("^sent 1 0")
        link.expect("deliver compute 11 to a quorum")


def test_stream_fanout_reads_what_comes_and_goes_on(rabbit, home, peer):
    options = {"rabbit_stream_fanout": 1, "rabbit_transient_quorum_queue": 1, "rabbit_retry_interval": 0}
    with Proxy(rabbit.port) as proxy, Link(rabbit.url(home, port=proxy.port, **options)) as link:
        assert link.consume("fanout", "compute") == "compute_fanout"
        assert '{"x-queue-type","stream"}' in rabbit.queues(home)["compute_fanout"][2]
        send(peer, "", "one", exchange="compute_fanout")
        link.expect("^deliver compute 3 one")
        proxy.cut()
        send(peer, "", "two", exchange="compute_fanout")
        link.expect("^deliver compute 3 two")
        assert len(link.has("deliver compute 3 one")) == 1


# --- messages ---

def test_publish_looks_as_kombus(link, peer):
    peer.channel().queue_declare("q")
    link.publish(1, "-", "q", '{"oslo.version": "2.0"}')
    link.expect("^sent 1 0$")
    message = get(peer, "q")
    assert message.body == '{"oslo.version": "2.0"}'
    assert message.properties == {"content_type": "application/json", "content_encoding": "utf-8",
                                  "application_headers": {}, "delivery_mode": 2, "priority": 0}


def test_bodies_of_all_sizes_pass(link, peer):
    peer.channel().queue_declare("q")
    sizes = (1, 131064, 131065, 262128, 1000003, 16 << 20)
    for n, size in enumerate(sizes):
        link.publish(n, "-", "q", f"*{size}", timeout=20)
        link.expect(f"^sent {n} 0$", 20)
        assert len(get(peer, "q").body) == size
    link.publish(99, "-", "q", f"*{(16 << 20) + 1}")
    link.expect("^sent 99 -90$")
    assert get(peer, "q", 0.1) is None


def test_message_that_is_too_long_is_taken_and_dropped(link, peer):
    link.consume("reply", "r")
    send(peer, "r", "x" * ((16 << 20) + 1))
    link.expect("^log ERROR a message of 16777217 bytes in queue 'r' is dropped", 20)
    send(peer, "r", "y" * (16 << 20))
    link.expect("^deliver r 16777216 yyy", 20)
    send(peer, "r", "")
    link.expect("^deliver r 0")


def test_each_delivery_is_acknowledged(rabbit, home, link, peer):
    link.consume("topic", "compute")
    for n in range(50):
        send(peer, "compute", f"m{n}", exchange="nova")
    link.expect("deliver compute 3 m49")
    assert [l.split()[-1] for l in link.has("^deliver")] == [f"m{n}" for n in range(50)]
    out = rabbit.control("list_queues", "-p", home.vhost, "--no-table-headers", "name", "messages")
    assert out.split() == ["compute", "0"]


def test_reply_to_a_queue_that_is_gone_comes_back(link, peer):
    peer.channel().queue_declare("here")
    link.publish(1, "-", "gone", "a", flags="m")
    link.publish(2, "-", "here", "b", flags="m")
    link.publish(3, "-", "gone", "c")
    link.publish(4, "-", "gone", "*300000", flags="m")
    for n in range(1, 5):
        link.expect(f"^sent {n} ")
    assert sorted(link.has("^sent")) == ["sent 1 -2", "sent 2 0", "sent 3 0", "sent 4 -2"]


def test_cast_without_a_queue_is_no_error(link):
    link.publish(1, "nova", "nobody", "x")
    link.publish(2, "-", "nobody", "x", flags="f")
    link.expect("^sent 2 0$")
    link.expect("^sent 1 0$")


def test_fanout_reaches_all_of_the_topic(rabbit, home, link):
    with Link(rabbit.url(home)) as other, Link(rabbit.url(home)) as sender:
        for one in (link, other):
            one.consume("fanout", "compute")
        sender.publish(1, "-", "compute", "to all", flags="f")
        for one in (link, other):
            one.expect("^deliver compute 6 to all")


def test_fanout_queue_goes_with_us_and_others_stay(rabbit, home):
    with Link(rabbit.url(home)) as link:
        link.consume("fanout", "compute")
        link.consume("topic", "compute")
        link.consume("reply", "r")
    assert sorted(rabbit.queues(home)) == ["compute", "r"]


def test_cancelled_queue_keeps_what_is_sent_to_it(rabbit, home, link, peer):
    link.consume("topic", "compute")
    link.consume("topic", "other")
    link.say("cancel topic compute")
    link.expect("^cancelled")
    time.sleep(0.2)
    send(peer, "compute", "later", exchange="nova")
    send(peer, "other", "now", exchange="nova")
    link.expect("^deliver other 3 now")
    assert get(peer, "compute").body == "later"
    assert not link.has("^deliver compute")
    assert link.consume("topic", "compute") == "compute"


def test_a_confirm_is_waited_for_20000_times_at_once(link, peer):
    peer.channel().queue_declare("q")
    link.say("flood 20000 200 q")
    link.expect("^flooded 20000 0 ", 30)
    assert peer.channel().queue_declare("q", passive=True).message_count == 20000


def test_more_than_any_buffer_can_be_under_way(link):
    link.say("flood 200 1000000 nobody")
    link.expect("^flooded 200 0 ", 60)
    assert not link.has("^down")


# --- refusals ---

@pytest.mark.parametrize("flags,args,option,words", [
    ({"durable": True}, {}, "amqp_durable_queues", "'durable' for queue 'compute'"),
    ({"auto_delete": True}, {}, "amqp_auto_delete", "'auto_delete' for queue 'compute'"),
    ({"durable": True}, {"x-queue-type": "quorum"}, "rabbit_quorum_queue", "for queue 'compute'"),
])
def test_other_flags_are_named_with_their_option(link, peer, flags, args, option, words):
    peer.channel().queue_declare("compute", auto_delete=flags.pop("auto_delete", False), arguments=args, **flags)
    said = link.consume("topic", "compute")
    assert said.startswith("-71 queue 'compute' cannot be declared: (406) PRECONDITION_FAILED - inequivalent arg ")
    assert words in said
    assert f"Set {option} in [oslo_messaging_rabbit]" in said or option == "rabbit_quorum_queue"
    assert link.consume("topic", "other") == "other", "the link is usable"
    link.publish(1, "nova", "other", "hello")
    link.expect("^deliver other 5 hello")


def test_exchange_with_other_flags_is_published_to(link, peer):
    channel = peer.channel()
    channel.exchange_declare("nova", "topic", durable=True, auto_delete=False)
    channel.queue_declare("q")
    channel.queue_bind("q", "nova", "q")
    link.publish(1, "nova", "q", "x")
    link.expect("^log WARNING exchange 'nova' is used as it is.*inequivalent arg 'durable'")
    link.expect("^sent 1 0")
    assert get(peer, "q").body == "x"


def test_exchange_that_vanishes_is_declared_again(link, peer):
    link.publish(1, "nova", "q", "x")
    link.expect("^sent 1 0")
    peer.channel().exchange_delete("nova")
    link.publish(2, "nova", "q", "y")
    link.publish(3, "-", "q", "z")
    link.expect("^sent 3 0")
    link.expect("^sent 2 0")


def test_message_that_the_broker_finds_too_long_harms_no_other(rabbit, home, peer):
    peer.channel().queue_declare("q")
    before = rabbit.eval("application:get_env(rabbit, max_message_size, none).").strip()
    rabbit.eval("application:set_env(rabbit, max_message_size, 1000), persistent_term:put(max_message_size, 1000), ok.")
    try:
        with Link(rabbit.url(home)) as link:
            link.publish(1, "-", "q", "*1000")
            link.publish(2, "-", "q", "*1001")
            link.publish(3, "-", "q", "*999")
            for n, status in ((1, 0), (2, -90), (3, 0)):
                link.expect(f"^sent {n} {status}$")
    finally:
        rabbit.eval(f"application:set_env(rabbit, max_message_size, {before}), "
                    f"persistent_term:put(max_message_size, {before}), ok.")


def test_no_permission_is_said_and_others_are_served(rabbit, home):
    rabbit.control("set_permissions", "-p", home.vhost, home.user, "^(ok.*|allowed)$", "^(ok.*|allowed|amq\\.default)$", ".*")
    with Link(rabbit.url(home)) as link:
        said = link.consume("topic", "secret", 2)
        assert re.match(r"-110 queue 'secret' is not there in time: queue 'secret' cannot be declared: "
                        r"\(403\) ACCESS_REFUSED", said)
        assert len(link.has("^log ERROR Failed to declare consumer for topic 'secret'")) == 1
        assert link.consume("reply", "ok") == "ok"
        link.publish(1, "refused", "k", "x", timeout=3)
        link.publish(2, "allowed", "k", "x")
        link.expect("^sent 2 0")
        link.expect("^log ERROR Failed to publish message to topic 'refused': .*ACCESS_REFUSED")
        link.publish(3, "-", "ok", "y")
        link.expect("^deliver ok 1 y")
        link.expect("^sent 1 -110$")


def test_wrong_password_is_explained_once_and_tried_again(rabbit, home):
    with Link(rabbit.url(home, password="wrong", rabbit_retry_interval=0, rabbit_retry_backoff=0)) as link:
        link.expect(r"^log ERROR RabbitMQ on 127.0.0.1:\d+ refuses user '%s'.*transport_url" % home.user)
        for _ in range(3):
            link.expect(r"^log ERROR \[id-of-it\] AMQP server on 127.0.0.1:\d+ is unreachable: \(403\) ACCESS_REFUSED - "
                        r"Login was refused .* Trying again in \d+ seconds\.$")
        assert len(link.has("refuses user")) == 1
        assert link.consume("topic", "t", 1).startswith("-110 queue 't' is not there in time: (403) ACCESS_REFUSED")
        assert not link.has("wrong")


def test_unknown_vhost_is_explained(rabbit, home):
    with Link(rabbit.url(home, vhost="nowhere")) as link:
        link.expect(r"^log ERROR RabbitMQ on .* refuses virtual host 'nowhere' to user '%s'" % home.user)
        link.expect(r"is unreachable: \(530\) NOT_ALLOWED - ")


def test_url_that_is_none_is_refused_without_its_password():
    done = subprocess.run([TOOL, "rabbit://u:sec,ret@h/v", "n:1:i"], capture_output=True, text=True)
    assert done.returncode == 1 and "refused transport_url: " in done.stdout
    assert "sec" not in done.stdout and "ret@" not in done.stdout


# --- TLS ---

@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls_with_the_right_ca(rabbit, home, host):
    url = rabbit.url(home, host=host, port=rabbit.tls_port, ssl=1, ssl_ca_file=rabbit.where / "certs/ca.pem")
    with Link(url) as link:
        assert link.consume("reply", "r") == "r"
        link.publish(1, "-", "r", "*16000000", timeout=30)
        link.expect("^deliver r 16000000 x", 30)
        link.publish(2, "-", "r", "small")
        link.expect("^deliver r 5 small")


def test_tls_files_of_our_own_are_read_or_named(rabbit, home):
    certs = rabbit.where / "certs"
    files = {"ssl_ca_file": certs / "ca.pem", "ssl_cert_file": certs / "server.pem", "ssl_key_file": certs / "server.key"}
    with Link(rabbit.url(home, port=rabbit.tls_port, ssl=1, **files)) as link:
        link.expect("^up")
    for name in ("ssl_ca_file", "ssl_cert_file"):
        with Link(rabbit.url(home, port=rabbit.tls_port, ssl=1, **{**files, name: "/nowhere"})) as link:
            link.expect(f"is unreachable: {name} '/nowhere': Error while reading file")


def test_tls_with_a_wrong_ca_is_said(rabbit, home):
    url = rabbit.url(home, port=rabbit.tls_port, ssl=1, ssl_ca_file=rabbit.where / "certs/other.pem")
    with Link(url) as link:
        link.expect(r"is unreachable: TLS: the certificate of 127.0.0.1: .*issuer is unknown.* Trying again")
        assert not link.has("^up")


def test_tls_to_a_plain_port_and_plain_to_a_tls_port(rabbit, home):
    with Link(rabbit.url(home, ssl=1)) as one, Link(rabbit.url(home, port=rabbit.tls_port)) as two:
        one.expect("is unreachable: TLS: ")
        two.expect("is unreachable: .* Trying again", 25)


def test_tls_without_ca_works_and_warns(rabbit, home):
    with Link(rabbit.url(home, port=rabbit.tls_port, ssl=1)) as link:
        link.expect("^log WARNING the certificate of RabbitMQ is not verified")
        link.expect("^up")


# --- what breaks ---

def test_cut_connection_comes_back_with_its_consumers(rabbit, home, peer):
    with Proxy(rabbit.port) as proxy, Link(rabbit.url(home, port=proxy.port)) as link:
        link.consume("topic", "compute")
        fanout = link.consume("fanout", "compute")
        link.mark()
        proxy.cut()
        link.expect(r"^log ERROR \[id-of-it\] AMQP server on 127.0.0.1:%d is unreachable: Server unexpectedly closed "
                    r"connection\. Trying again in 1 seconds\.$" % proxy.port)
        link.expect("^down Server unexpectedly closed connection")
        link.publish(1, "nova", "compute", "meanwhile")
        link.expect(r"^log INFO \[id-of-it\] Reconnected to AMQP server on 127.0.0.1:%d via \[amqp\] client with port "
                    r"\d+\.$" % proxy.port)
        link.expect("^up")
        link.expect("^deliver compute 9 meanwhile")
        send(peer, "", "f", exchange="compute_fanout")
        link.expect("^deliver compute 1 f")
        assert fanout in rabbit.queues(home)


def test_unconfirmed_publishes_are_sent_again(rabbit, home, peer):
    peer.channel().queue_declare("q")
    with Proxy(rabbit.port) as proxy, Link(rabbit.url(home, port=proxy.port)) as link:
        link.expect("^up")
        proxy.stall()
        for n in range(20):
            link.publish(n, "-", "q", f"m{n}", timeout=20)
        time.sleep(0.3)
        assert not link.has("^sent")
        proxy.cut()
        proxy.stall(False)
        link.expect("^sent 19 0", 15)
    assert [get(peer, "q").body for _ in range(20)] == [f"m{n}" for n in range(20)]


def test_stalled_connection_is_noticed_by_heartbeat(rabbit, home, peer):
    with Proxy(rabbit.port) as proxy, Link(rabbit.url(home, port=proxy.port, heartbeat_timeout_threshold=2)) as link:
        link.consume("topic", "compute")
        link.mark()
        begin = time.monotonic()
        proxy.stall()
        link.publish(1, "nova", "compute", "in the dark", timeout=30)
        link.publish(2, "nova", "compute", "too late", timeout=1)
        link.expect("^sent 2 -110$", 3)
        link.expect("^log WARNING RabbitMQ on .* is connected, but did not confirm a message to 'compute' in time")
        link.expect("is unreachable: Too many heartbeats missed: nothing came for 4 seconds", 8)
        assert 2.5 < time.monotonic() - begin < 6.5
        proxy.cut()
        proxy.stall(False)
        link.expect("^up", 25)
        link.expect("^deliver compute 11 in the dark")


def test_idle_connection_is_kept(rabbit, home):
    with Link(rabbit.url(home, heartbeat_timeout_threshold=1)) as link:
        link.consume("topic", "compute")
        time.sleep(4.5)
        assert not link.has("unreachable")
        link.publish(1, "nova", "compute", "x")
        link.expect("^deliver compute 1 x")


def test_deleted_queue_is_declared_again(link, peer):
    link.consume("topic", "compute")
    link.mark()
    peer.channel().queue_delete("compute")
    link.expect("^log WARNING .*Basic.cancel received: queue 'compute' is gone")
    link.expect("Queue.declare: compute$")
    send(peer, "compute", "x", exchange="nova")
    link.expect("^deliver compute 1 x")
    assert not link.has("^down")


def test_first_host_that_is_down_costs_no_time(rabbit, home):
    dead, = free_ports(1)
    url = rabbit.url(home).replace("@127.0.0.1:", f"@127.0.0.1:{dead},{home.user}:{quote(PASSWORD, safe='')}@127.0.0.1:")
    for _ in range(3):
        begin = time.monotonic()
        with Link(url) as link:
            link.expect("^up")
            assert time.monotonic() - begin < 1
            link.say("peer")
            link.expect(f"^peer rabbit://{home.user}@127.0.0.1:{rabbit.port}/{home.vhost}$")


def test_host_that_dies_is_left_for_the_other(rabbit, home):
    with Proxy(rabbit.port) as one, Proxy(rabbit.port) as two:
        url = rabbit.url(home, port=one.port)
        url = url.replace(f":{one.port}/", f":{one.port},{home.user}:{quote(PASSWORD, safe='')}@127.0.0.1:{two.port}/")
        with Link(url) as link:
            link.consume("topic", "compute")
            link.mark()
            first = one if one.n_accepted else two
            first.end()
            begin = time.monotonic()
            link.expect("^up")
            assert time.monotonic() - begin < 1 and one.n_accepted == two.n_accepted == 1
            link.publish(1, "nova", "compute", "x")
            link.expect("^deliver compute 1 x")


def test_consume_waits_for_a_broker_that_comes_and_ends_in_time(rabbit, home):
    port, = free_ports(1)
    with Link(rabbit.url(home, port=port, rabbit_retry_backoff=0)) as link:
        said = link.consume("topic", "t", 1)
        assert said.startswith("-110 queue 't' is not there in time: [Errno 111] Connection refused")
        link.expect(r"is unreachable: \[Errno 111\] Connection refused\. Trying again in 1 seconds\.$")
        link.say("consume topic later 60000")
        time.sleep(0.2)
    assert link.has("^consumed later -125 ")


def test_blocked_connection_is_said_and_publishes_wait(rabbit, home, link, peer):
    link.consume("topic", "compute")
    try:
        rabbit.eval('rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []}), ok.')
        link.publish(1, "nova", "compute", "first")
        link.expect("^log ERROR The broker has blocked the connection: low on memory", 5)
        link.publish(2, "nova", "compute", "second")
        link.publish(3, "nova", "compute", "third", timeout=1)
        link.expect("^sent 3 -110$", 5)
    finally:
        rabbit.eval('rabbit_alarm:clear_alarm({resource_limit, memory, node()}), ok.')
    link.expect("^log INFO The broker has unblocked the connection")
    link.expect("^sent 2 0")


def test_broker_that_is_killed_and_started_again(rabbit, home):
    with Link(rabbit.url(home, rabbit_retry_backoff=0)) as link:
        link.consume("topic", "compute")
        link.consume("reply", "r")
        link.mark()
        rabbit.kill()
        link.expect("^down")
        link.publish(1, "-", "r", "while away", timeout=60)
        rabbit.start()
        link.expect("^up", 20)
        link.expect("^sent 1 0")
        link.publish(2, "nova", "compute", "x")
        link.expect("^deliver compute 1 x")
        link.mark()
        rabbit.control("close_all_connections", "--global", "maintenance")
        link.expect(r"is unreachable: \(320\) CONNECTION_FORCED - maintenance")
        link.expect("^up", 10)
