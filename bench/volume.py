#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The second half of 'make bench': volumes. Binding, mounting, memory and the API server itself, on this
machine's disk and with its fsync beside each figure. Targets stand at the rows.

    volume.py [WORD…]     all, or the parts whose names begin with a word:
                          match bind http socket memory pods up api
"""

import contextlib
import json
import os
import selectors
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.cluster import Cluster, has_root, our, until  # noqa: E402
from support.debs import BUILD, SupportError  # noqa: E402

PAIRS = 10000
ROUNDS = 3
SMALL = 10000
WATCHERS, WATCHED = 100, 3000
IN_FLIGHT = 64


def fsync_ms(where):
    """The median of what the disk needs for 4 KiB."""
    took = []
    with tempfile.TemporaryFile(dir=where) as f:
        for _ in range(25):
            f.write(b"x" * 4096)
            f.flush()
            begin = time.perf_counter()
            os.fdatasync(f.fileno())
            took.append(time.perf_counter() - begin)
    return statistics.median(took) * 1000


@contextlib.contextmanager
def place():
    """A directory on the disk of the build, not in memory."""
    (BUILD / "bench").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD / "bench") as name:
        yield Path(name)


def bench(*argv, timeout=120):
    """What orlop-bench printed, in lines."""
    program = our("orlop").parents[2] / "bench/orlop-bench"
    done = subprocess.run([program, *map(str, argv)], capture_output=True, text=True,
                          timeout=timeout)
    if done.returncode:
        raise SupportError(f"orlop-bench {argv[0]}: {done.stderr}")
    return done.stdout.split("\n")[:-1]


def status_mib(pid, word="VmRSS"):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(word + ":"):
            return int(line.split()[1]) / 1024
    raise SupportError(f"process {pid} has ended")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settled_mib(pid):
    """Its memory, when it has come to rest."""
    while True:
        before = cpu_seconds(pid)
        time.sleep(1)
        if cpu_seconds(pid) - before < 0.03:
            return status_mib(pid)


# --- programs ---


@contextlib.contextmanager
def running(*argv, **kwargs):
    process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, **kwargs)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def api_server(where):
    """orlop-apiserver with TLS, and a socket for the loader. Gives its process and two kubeconfigs."""
    sock, config, local = where / "api.sock", where / "kubeconfig", where / "local"
    local.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"unix://{sock}"}}],
        "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}))
    with running(our("orlop-apiserver"), f"--data-dir={where}", "--listen=127.0.0.1:0",
                 f"--unix-socket={sock}", f"--kubeconfig-out={config}",
                 stdout=subprocess.PIPE) as process:
        if not process.stdout.readline().startswith(b"ready"):
            raise SupportError("orlop-apiserver did not start")
        yield process, config, local, sock


def controller(config, *options):
    return running(our("orlop-volume-controller"), f"--kubeconfig={config}", *options,
                   stdout=subprocess.DEVNULL)


class Watch:
    """A watch on the server's socket, of which nothing but lines and words are looked at. HTTP/1.0:
    without chunks, whose heads could stand within a word."""

    def __init__(self, sock, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(sock))
        self.socket.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        self.lines = 0
        self.rest = b""

    def read(self, word=b""):
        """How often 'word' came. Lines of the head, which have a CR, are not counted."""
        try:
            data = self.socket.recv(1 << 20)
        except TimeoutError:
            raise SupportError("a watch heard nothing for 30 s") from None
        if not data:
            raise SupportError("the watch has ended")
        self.lines += data.count(b"\n") - data.count(b"\r")
        if not word:
            return 0
        whole = self.rest + data
        found = whole.count(word)
        self.rest = whole[-len(word) + 1:]
        return found

    def close(self):
        self.socket.close()


# --- binding ---


def bind_in_process():
    for _ in range(ROUNDS):
        for name, command in (("bind in-process", "bind-available"), ("all in-process", "bind")):
            with place() as where:
                fsync = fsync_ms(where)
                yield name, PAIRS / float(bench(command, PAIRS, where)[-1]), fsync


def bind_over_http():
    for _ in range(ROUNDS):
        with place() as where, api_server(where) as (_, config, local, sock):
            make_available(local, sock)
            fsync = fsync_ms(where)
            yield "bind over HTTPS", PAIRS / time_to_bind(config, sock), fsync
        with place() as where, api_server(where) as (_, config, local, sock):
            load("pairs", local)
            fsync = fsync_ms(where)
            yield "all over HTTPS", PAIRS / time_to_bind(config, sock), fsync


def memory():
    with place() as where, api_server(where) as (server, config, local, sock):
        with controller(config) as c:
            idle = settled_mib(c.pid)
        load("pairs", local)
        time_to_bind(config, sock)
        yield from memory_of_pairs(server, config, idle)


def bind_over_socket():
    for _ in range(ROUNDS):
        with place() as where, api_server(where) as (_, _, local, sock):
            make_available(local, sock)
            fsync = fsync_ms(where)
            yield "bind over the socket", PAIRS / time_to_bind(local, sock), fsync
        with place() as where, api_server(where) as (_, _, local, sock):
            load("pairs", local)
            fsync = fsync_ms(where)
            yield "all over the socket", PAIRS / time_to_bind(local, sock), fsync


def load(what, local):
    bench("load", what, PAIRS, IN_FLIGHT * 4, local)


def make_available(local, sock):
    """Volumes that a binder has seen and that wait for claims, then the claims; nobody works on them yet."""
    load("volumes", local)
    time_until(local, sock, "persistentvolumes", b'"phase":"Available"')
    load("claims", local)


def time_to_bind(config, sock):
    return time_until(config, sock, "persistentvolumeclaims", b'"phase":"Bound"')


def time_until(config, sock, plural, word):
    """Seconds from the exec of the controllers, without any list yet, until all objects have the word."""
    watch = Watch(sock, f"/api/v1/{plural}?watch=1")
    while watch.lines < PAIRS:
        watch.read()
    begin = time.perf_counter()
    reached = 0
    with controller(config, "--controllers=persistentvolume-binder"):
        while reached < PAIRS:
            reached += watch.read(word)
        took = time.perf_counter() - begin
    watch.close()
    return took


def memory_of_pairs(server, config, idle):
    with controller(config) as c:
        yield "controller memory", settled_mib(c.pid) - idle, None
        yield "controller idle", idle, None
        yield "API server memory", status_mib(server.pid), None


# --- pods ---


class Api:
    """One kept connection with the administrator's certificate."""

    def __init__(self, config, where):
        text = Path(config).read_text()
        words = dict(l.strip().lstrip("- ").split(": ", 1) for l in text.splitlines() if ": " in l)
        for name in ("client-certificate-data", "client-key-data"):
            (where / name).write_bytes(b64decode(words[name].strip('"')))
        context = ssl.create_default_context(
            cadata=b64decode(words["certificate-authority-data"].strip('"')).decode())
        context.load_cert_chain(where / "client-certificate-data", where / "client-key-data")
        self.connection = HTTPSConnection(urlsplit(words["server"].strip('"')).netloc,
                                          context=context, timeout=60)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body else None,
                                {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SupportError(f"{method} {path}: {text.decode()}")
        return json.loads(text)


def storage_class(kind):
    return {"metadata": {"name": "bench"}, "provisioner": "local.orlop.dev",
            "parameters": {"type": kind}, "volumeBindingMode": "Immediate"}


def claim(name):
    return {"metadata": {"name": name},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "bench",
                     "resources": {"requests": {"storage": "64Mi"}}}}


def pod(name, claims):
    return {"metadata": {"name": name},
            "spec": {"containers": [{"name": "main", "image": "local/none:1", "volumeMounts": [
                         {"name": c, "mountPath": f"/{c}"} for c in claims]}],
                     "volumes": [{"name": c, "persistentVolumeClaim": {"claimName": c}}
                                 for c in claims]}}


def time_to_mount(kind, n_pods, n_claims):
    """Seconds from the first request to the last mount; None when it took a minute."""
    n = n_pods * n_claims
    with place() as where, Cluster(where / "c") as cluster:
        api = Api(cluster.config, where)
        api.ask("POST", "/apis/storage.k8s.io/v1/storageclasses", storage_class(kind))
        core = "/api/v1/namespaces/default"
        node = until(lambda: api.ask("GET", "/apis/storage.k8s.io/v1/csinodes/node-1")["spec"]
                     ["drivers"], "the driver's registration")
        fsync, begin = fsync_ms(where), time.perf_counter()
        for at in range(n_pods):
            names = [f"c-{at}-{i}" for i in range(n_claims)]
            for name in names:
                api.ask("POST", f"{core}/persistentvolumeclaims", claim(name))
            api.ask("POST", f"{core}/pods", pod(f"p-{at}", names))
        asked = time.perf_counter() - begin
        mounts = []
        while len(mounts) < n and node:
            if time.perf_counter() - begin > 60:
                raise SupportError(f"{len(mounts)} of {n} mounts of type {kind}: {cluster.tail()}")
            time.sleep(0.01)
            mounts = [m for m in cluster.mounts() if "/pods/" in m and m.endswith("/mount")]
        return time.perf_counter() - begin, asked, fsync


def pods():
    if not has_root():
        return
    for kind in ("directory", "image"):
        for name, n_pods, n_claims in (("100 volumes", 1, 100), ("100 pods", 100, 1)):
            for _ in range(ROUNDS):
                took, _, fsync = time_to_mount(kind, n_pods, n_claims)
                yield f"{name}, {kind}", took, fsync


# --- orlop up ---


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_ready(port, context):
    try:
        c = HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
        c.request("GET", "/readyz")
        return c.getresponse().status == 200
    except OSError:
        return False


def start_up(where, name):
    """One 'orlop up' until it is ready."""
    port = free_port()
    context = ssl._create_unverified_context()
    cluster = Cluster(where, f"--listen=127.0.0.1:{port}")
    begin = time.perf_counter()
    cluster.start(wait=False)
    while not is_ready(port, context):
        if time.perf_counter() - begin > 20:
            raise SupportError(f"orlop up: {cluster.tail()}")
        time.sleep(0.001)
    return cluster, (name, (time.perf_counter() - begin) * 1000, None)


def up():
    for at in range(ROUNDS * 2 - 1):
        with place() as where:
            fsync = fsync_ms(where)
            cluster, row = start_up(where / "c", "up first")
            time.sleep(1)
            cluster.stop()
            yield *row[:2], fsync
            cluster, row = start_up(where / "c", "up again")
            try:
                yield *row[:2], fsync
                if at == 0:
                    yield from up_idle(cluster.inner_pid())
            finally:
                cluster.kill()


def up_idle(pid):
    yield "up memory", settled_mib(pid), None
    before = cpu_seconds(pid)
    time.sleep(10)
    yield "up idle", (cpu_seconds(pid) - before) * 10, None


# --- the API server ---


def api():
    for _ in range(ROUNDS):
        with place() as where:
            yield "writes in-process", SMALL / float(bench("small", SMALL, IN_FLIGHT, where)[0]), \
                fsync_ms(where)
        with place() as where, api_server(where) as (_, config, _, sock):
            took = float(bench("load", "small", SMALL, IN_FLIGHT, config)[0])
            yield "writes over HTTPS", SMALL / took, fsync_ms(where)
        with place() as where, api_server(where) as (_, _, local, sock):
            yield "watch fan-out", fan_out(local, sock), fsync_ms(where)


def fan_out(local, sock):
    """Events per second that arrive at all watchers together."""
    selector = selectors.DefaultSelector()
    watches = [Watch(sock, "/api/v1/configmaps?watch=1") for _ in range(WATCHERS)]
    for w in watches:
        selector.register(w.socket, selectors.EVENT_READ, w)
    time.sleep(0.5)
    while selector.select(0):
        for key, _ in selector.select(0):
            key.data.read()
    already = sum(w.lines for w in watches)
    program = our("orlop").parents[2] / "bench/orlop-bench"
    begin = time.perf_counter()
    with running(program, "load", "small", WATCHED, IN_FLIGHT, local, stdout=subprocess.DEVNULL):
        while sum(w.lines for w in watches) - already < WATCHERS * WATCHED:
            ready = selector.select(20)
            if not ready:
                raise SupportError("watchers heard nothing for 20 s")
            for key, _ in ready:
                key.data.read()
    took = time.perf_counter() - begin
    for w in watches:
        w.close()
    return WATCHERS * WATCHED / took


def match():
    for _ in range(ROUNDS):
        for line in bench("match"):
            n, took = line.split()
            yield f"match {n}", float(took), None


# --- the table ---

PARTS = {"match": match, "bind": bind_in_process, "http": bind_over_http, "socket": bind_over_socket,
         "memory": memory, "pods": pods, "up": up, "api": api}
MOST, LEAST = "<=", ">="
# figure, label, unit (None = a heading), target (None = none)
TABLE = (
    ("bind in-process", "10,000 claims to Bound, volumes Available before", None, None),
    ("bind in-process", "  all in one process", "claims/s", (LEAST, 3000)),
    ("bind over HTTPS", "  over HTTPS", "claims/s", (LEAST, 3000)),
    ("bind over the socket", "  over HTTP by a Unix socket", "claims/s", (LEAST, 3000)),
    ("all in-process", "the same with the volumes' first status", None, None),
    ("all in-process", "  all in one process", "claims/s", None),
    ("all over HTTPS", "  over HTTPS", "claims/s", None),
    ("all over the socket", "  over HTTP by a Unix socket", "claims/s", None),
    ("controller memory", "  controllers' growth by the 10,000 pairs", "MiB", (MOST, 30)),
    ("controller idle", "    controllers without them", "MiB", None),
    ("API server memory", "  API server with them", "MiB", (MOST, 60)),
    ("100 volumes, directory", "a pod with 100 dynamic volumes, directories", "s", (MOST, 2)),
    ("100 volumes, image", "  images with ext4", "s", (MOST, 2)),
    ("100 pods, directory", "100 pods with one each, directories", "s", (MOST, 5)),
    ("100 pods, image", "  images with ext4", "s", (MOST, 5)),
    ("match 1000", "best match among 1,000 volumes", "us", None),
    ("match 10000", "  10,000", "us", None),
    ("match 100000", "  100,000", "us", None),
    ("up first", "orlop up until /readyz, first start", "ms", None),
    ("up again", "  later ones", "ms", (MOST, 50)),
    ("up memory", "  memory", "MiB", (MOST, 25)),
    ("up idle", "  idle, of one CPU", "%", None),
    ("writes in-process", "API server: small writes, one process", "/s", None),
    ("writes over HTTPS", "  over HTTPS, one client", "/s", None),
    ("watch fan-out", "  events to 100 watchers together", "/s", None),
)


def verdict(value, target):
    if target is None:
        return ""
    is_met = value <= target[1] if target[0] == MOST else value >= target[1]
    return f"{target[0]} {target[1]:g}: {'ok' if is_met else 'NOT MET'}"


def table(seen):
    lines = [f"medians of up to {ROUNDS * 2 - 1} rounds on {os.cpu_count()} cores",
             f"{'':45} {'ours':>9} {'':9} {'fsync':>8}  target"]
    for name, label, unit, target in TABLE:
        if name not in seen:
            continue
        if unit is None:
            lines.append(label)
            continue
        value = statistics.median(v for v, _ in seen[name])
        disk = [f for _, f in seen[name] if f is not None]
        fsync = f"{statistics.median(disk):5.2f} ms" if disk else ""
        shown = f"{value:9,.0f}" if value >= 100 else f"{value:9.2f}"
        lines.append(f"{label:45} {shown} {unit:9} {fsync:>8}  {verdict(value, target)}".rstrip())
    return "\n".join(lines) + "\n"


def main(argv):
    seen = {}
    for name, part in PARTS.items():
        if argv and not any(name.startswith(a) for a in argv):
            continue
        for figure, value, fsync in part():
            seen.setdefault(figure, []).append((value, fsync))
    text = table(seen)
    if not argv:
        (BUILD / "results").mkdir(parents=True, exist_ok=True)
        (BUILD / "results/bench-volume.txt").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SupportError as problem:
        sys.exit(f"bench: {problem}")
