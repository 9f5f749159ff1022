# SPDX-License-Identifier: Apache-2.0
"""orlop-apiserver as clients meet it: HTTP, watches, identity, crashes, a full disk."""

import os
import resource
import ssl
import threading

import pytest

from support.apiserver import ApiServer, Watch
from support.cluster import until

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = {"Content-Type": "application/merge-patch+json"}


def config_map(name, size=1, **labels):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels or None},
            "data": {"a": "b" * size}}


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path) as server:
        yield server


def names(answer):
    return [o["metadata"]["name"] for o in answer["items"]]


def test_answered_writes_survive_a_kill(tmp_path):
    server = ApiServer(tmp_path).start()
    answered, lock = [], threading.Lock()

    def write(worker):
        connection = server.connect()
        try:
            for i in range(100000):
                status, _ = server.ask("POST", CONFIG_MAPS, config_map(f"w{worker}-{i}"), connection=connection)
                assert status == 201
                with lock:
                    answered.append(f"w{worker}-{i}")
        except (OSError, ValueError, AssertionError):
            pass  # the server has been killed
        except Exception:  # http.client's own words for a connection that ended
            pass

    workers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for w in workers:
        w.start()
    until(lambda: len(answered) > 200)
    server.kill()
    for w in workers:
        w.join(20)
    with server:
        found = set(names(server.ask("GET", CONFIG_MAPS)[1]))
    assert set(answered) <= found
    assert len(found) <= len(answered) + 4


def test_watch_tells_of_changes_from_a_version_on(server):
    first = server.ask("POST", CONFIG_MAPS, config_map("a"))[1]["metadata"]["resourceVersion"]
    server.ask("PATCH", CONFIG_MAPS + "/a", {"data": {"x": "y"}}, MERGE)
    server.ask("DELETE", CONFIG_MAPS + "/a")
    watch = Watch(server, f"{CONFIG_MAPS}?watch=1&resourceVersion={first}")
    events = [watch.next(), watch.next()]
    assert [e["type"] for e in events] == ["MODIFIED", "DELETED"]
    versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in events]
    assert int(first) < versions[0] < versions[1]
    watch.close()


def test_watch_by_selector_sees_objects_come_and_go(server):
    watch = Watch(server, f"{CONFIG_MAPS}?watch=1&labelSelector=app%3Dweb&allowWatchBookmarks=true")
    server.ask("POST", CONFIG_MAPS, config_map("a", app="db"))
    for app in ("web", "web", "db"):
        server.ask("PATCH", CONFIG_MAPS + "/a", {"metadata": {"labels": {"app": app, "n": os.urandom(4).hex()}}}, MERGE)
    events = [watch.next() for _ in range(3)]
    assert [e["type"] for e in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert events[2]["object"]["metadata"]["labels"]["app"] == "web"
    watch.close()


def test_watch_list_ends_with_its_bookmark(server):
    for name in ("a", "b"):
        server.ask("POST", CONFIG_MAPS, config_map(name))
    watch = Watch(server, f"{CONFIG_MAPS}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
                          "&resourceVersionMatch=NotOlderThan&resourceVersion=")
    events = [watch.next() for _ in range(3)]
    assert [e["type"] for e in events] == ["ADDED", "ADDED", "BOOKMARK"]
    assert events[2]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    watch.close()
    status, answer = server.ask("GET", f"{CONFIG_MAPS}?watch=1&sendInitialEvents=true")
    assert (status, answer["reason"]) == (422, "Invalid")


def test_watch_ends_in_time_with_a_bookmark(server):
    watch = Watch(server, f"{CONFIG_MAPS}?watch=1&resourceVersion=1&timeoutSeconds=3&allowWatchBookmarks=true")
    events = []
    while (event := watch.next()) is not None:
        events.append(event["type"])
    assert events[-1] == "BOOKMARK"
    watch.close()


def test_version_from_before_a_restart_is_expired(tmp_path):
    server = ApiServer(tmp_path).start()
    for i in range(3):
        server.ask("POST", CONFIG_MAPS, config_map(f"a{i}"))
    server.stop()
    with server:
        watch = Watch(server, f"{CONFIG_MAPS}?watch=1&resourceVersion=1")
        event = watch.next()
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
        watch.close()
        future = server.ask("GET", f"{CONFIG_MAPS}?resourceVersion=1000000")
        assert (future[0], future[1]["reason"]) == (504, "Timeout")


def test_pages_are_of_one_moment(server):
    for i in range(6):
        server.ask("POST", CONFIG_MAPS, config_map(f"a{i}"))
    page = server.ask("GET", f"{CONFIG_MAPS}?limit=2")[1]
    assert names(page) == ["a0", "a1"] and page["metadata"]["remainingItemCount"] == 4
    server.ask("DELETE", CONFIG_MAPS + "/a3")
    server.ask("POST", CONFIG_MAPS, config_map("a2b"))
    rest, token = [], page["metadata"]["continue"]
    while token:
        page = server.ask("GET", f"{CONFIG_MAPS}?limit=2&continue={token.replace('=', '%3D').replace('+', '%2B')}")[1]
        rest += names(page)
        token = page["metadata"].get("continue")
    assert rest == ["a2", "a3", "a4", "a5"]
    assert server.ask("GET", f"{CONFIG_MAPS}?limit=2&continue=nonsense")[0] == 400


@pytest.mark.parametrize("method, path, body, headers, status, reason", [
    ("GET", "/api/v1/nothings", None, {}, 404, "NotFound"),
    ("GET", CONFIG_MAPS + "/none", None, {}, 404, "NotFound"),
    ("GET", "/api/v1/namespaces/default/pods/p/log", None, {}, 404, "NotFound"),
    ("PUT", CONFIG_MAPS, "{}", {}, 405, "MethodNotAllowed"),
    ("GET", CONFIG_MAPS, None, {"Accept": "image/png"}, 406, "NotAcceptable"),
    ("POST", CONFIG_MAPS, "{", {}, 400, "BadRequest"),
    ("POST", CONFIG_MAPS, "{}", {}, 422, "Invalid"),
    ("POST", CONFIG_MAPS, "<a/>", {"Content-Type": "text/xml"}, 415, "UnsupportedMediaType"),
    ("PATCH", CONFIG_MAPS + "/none", "{}", {"Content-Type": "text/plain"}, 415, "UnsupportedMediaType"),
    ("POST", CONFIG_MAPS, "x" * (3 << 20) + "x", {}, 413, "RequestEntityTooLarge"),
    ("GET", CONFIG_MAPS + "?limit=x", None, {}, 400, "BadRequest"),
    ("GET", CONFIG_MAPS + "?labelSelector=a+b", None, {}, 400, "BadRequest"),
    ("GET", CONFIG_MAPS + "/%zz", None, {}, 400, "BadRequest"),
], ids=lambda value: str(value)[:40])
def test_failures_are_statuses(server, method, path, body, headers, status, reason):
    got, answer = server.ask(method, path, body, headers)
    assert (got, answer["kind"], answer["reason"], answer["code"]) == (status, "Status", reason, status)


def test_preconditions_and_conflicts(server):
    made = server.ask("POST", CONFIG_MAPS, config_map("a"))[1]
    server.ask("PATCH", CONFIG_MAPS + "/a", {"data": {"x": "y"}}, MERGE)
    assert server.ask("PUT", CONFIG_MAPS + "/a", made)[0] == 409
    assert server.ask("DELETE", CONFIG_MAPS + "/a", {"preconditions": {"uid": "other"}})[0] == 409
    del made["metadata"]["resourceVersion"]
    assert server.ask("PUT", CONFIG_MAPS + "/a", made)[0] == 200
    version = server.ask("GET", CONFIG_MAPS + "/a")[1]["metadata"]["resourceVersion"]
    assert server.ask("PUT", CONFIG_MAPS + "/a", made)[1]["metadata"]["resourceVersion"] == version


def test_yaml_is_read_and_written(server):
    text = "kind: ConfigMap\nmetadata: {name: a}\ndata: {when: 2001-01-01}\n"
    assert server.ask("POST", CONFIG_MAPS, text, {"Content-Type": "application/yaml"})[0] == 201
    status, answer = server.ask("GET", CONFIG_MAPS + "/a", headers={"Accept": "application/yaml"})
    assert status == 200 and b"when: '2001-01-01'" in answer


def test_unknown_members_warn_or_fail(server):
    body = {**config_map("a"), "colour": "red"}
    status, answer = server.ask("POST", CONFIG_MAPS + "?fieldValidation=Strict", body)
    assert status == 400 and 'strict decoding error: unknown field "colour"' in answer["message"]
    connection = server.connect()
    connection.request("POST", CONFIG_MAPS + "?fieldValidation=Warn", __import__("json").dumps(body),
                       {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.headers["Warning"] == '299 - "unknown field \\"colour\\""'
    assert b"colour" not in response.read()
    connection.close()


def test_who_is_not_known_stays_outside(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text('s3cret,ann,7,"dev,ops"\n')
    with ApiServer(tmp_path, f"--token-auth-file={tokens}") as server:
        assert server.tls(CONFIG_MAPS)[0] == 401
        assert server.tls("/readyz") == (200, b"ok")
        assert server.tls(CONFIG_MAPS, {"Authorization": "Bearer wrong"})[0] == 401
        assert server.tls(CONFIG_MAPS, {"Authorization": "Bearer s3cret"})[0] == 200
        context = ssl.create_default_context(cafile=str(server.data / "ca.crt"))
        context.load_cert_chain(server.data / "admin.crt", server.data / "admin.key")
        assert server.tls(CONFIG_MAPS, context=context)[0] == 200
        for name in ("ca.key", "admin.key", "apiserver.key"):
            assert (server.data / name).stat().st_mode & 0o777 == 0o600
        assert server.config.stat().st_mode & 0o777 == 0o600
        assert server.socket.stat().st_mode & 0o777 == 0o600
        assert server.stop() == 0
        assert "s3cret" not in (tmp_path / "log").read_text()


def test_certificates_of_others_are_not_trusted(server, tmp_path_factory):
    with ApiServer(tmp_path_factory.mktemp("other")) as other:
        context = ssl.create_default_context(cafile=str(server.data / "ca.crt"))
        context.load_cert_chain(other.data / "admin.crt", other.data / "admin.key")
        try:
            assert server.tls(CONFIG_MAPS, context=context)[0] == 401
        except (ssl.SSLError, ConnectionError):
            pass  # refused in the handshake


def test_without_tls_only_loopback_is_served(tmp_path):
    with pytest.raises(AssertionError, match="without TLS only loopback is listened on"):
        ApiServer(tmp_path, "--plain", "--listen=0.0.0.0:0").start()


def test_second_server_on_the_same_data_is_refused(server, tmp_path_factory):
    second = ApiServer(tmp_path_factory.mktemp("second"))
    second.data = server.data
    with pytest.raises(AssertionError, match="another server uses the store"):
        second.start()


def test_thousand_idle_watches_leave_nothing(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    before = server.n_descriptors()
    watches = [Watch(server, f"{CONFIG_MAPS}?watch=1&resourceVersion=1") for _ in range(1000)]
    assert server.n_descriptors() >= before + 1000
    server.ask("POST", CONFIG_MAPS, config_map("a"))
    assert all(w.next()["type"] == "ADDED" for w in watches)
    for w in watches:
        w.close()
    until(lambda: server.n_descriptors() <= before)
    assert server.ask("GET", CONFIG_MAPS)[0] == 200


def test_slow_watcher_is_ended_and_stops_nobody(server):
    slow = Watch(server, f"{CONFIG_MAPS}?watch=1&resourceVersion=1")
    for i in range(20):
        assert server.ask("POST", CONFIG_MAPS, config_map(f"a{i}", size=900_000))[0] == 201
    seen = 0
    while slow.next() is not None:
        seen += 1
    assert seen < 20
    slow.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_full_disk_is_told_and_nothing_is_lost(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    server = ApiServer(tmp_path, before=f"mount -t tmpfs -o size=6m tmpfs {disk}")
    server.data = disk / "data"
    made = []
    with server:
        for i in range(100):
            status, answer = server.ask("POST", CONFIG_MAPS, config_map(f"a{i}", size=200_000))
            if status != 201:
                break
            made.append(f"a{i}")
        assert status == 500 and "no space left" in answer["message"]
        assert sorted(names(server.ask("GET", CONFIG_MAPS)[1])) == sorted(made)
        for name in made[:5]:
            server.ask("DELETE", f"{CONFIG_MAPS}/{name}")
        assert server.ask("GET", "/readyz")[0] == 200
        until(lambda: server.ask("POST", CONFIG_MAPS, config_map("small"))[0] == 201)
