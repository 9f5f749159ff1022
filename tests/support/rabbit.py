# SPDX-License-Identifier: Apache-2.0
"""
RabbitMQ of Debian 12, unpacked and not installed, on loopback ports of its own; Erlang, its port mapper and
the broker are in a process namespace that ends with us.

    with Rabbit(tmp_path / "rabbit") as rabbit:
        home = rabbit.home()                 # a virtual host and its user, nobody else's
        rabbit.url(home)                     # "rabbit://u1:…@127.0.0.1:…/v1"
        rabbit.connect(home)                 # py-amqp, what oslo.messaging uses
"""

import functools
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

from .debs import BUILD, NeedsRoot, SupportError, run, unpacked
from .tree import OPTIONS, bootstrapped

TREE = BUILD / "trees" / "rabbit"
SERVER = "usr/lib/rabbitmq/bin"
N_HOMES = 60
PASSWORD = "p@ss:w/,%41?#"
CONFIG = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
listeners.ssl.1 = 127.0.0.1:{tls}
ssl_options.cacertfile = {certs}/ca.pem
ssl_options.certfile = {certs}/server.pem
ssl_options.keyfile = {certs}/server.key
ssl_options.verify = verify_none
log.file = false
log.console = true
"""
ERL = """\
#!/bin/sh
export EMU=beam PROGNAME=erl ROOTDIR={erlang} BINDIR={bin}
exec "$BINDIR/erlexec" "$@"
"""
HOME = ('rabbit_vhost:add(<<"v{n}">>, <<"t">>), rabbit_auth_backend_internal:add_user(<<"u{n}">>, <<"{password}">>, <<"t">>), '
        'rabbit_auth_backend_internal:set_permissions(<<"u{n}">>, <<"v{n}">>, <<".*">>, <<".*">>, <<".*">>, <<"t">>)')


def rabbit_tree():
    return bootstrapped(TREE, ("rabbitmq-server",), ("--variant=extract", *OPTIONS), lambda: None)


@functools.cache
def py_amqp():
    """The module amqp, from packages that are not installed."""
    for package in ("python3-vine", "python3-amqp"):
        path = str(unpacked(package) / "usr/lib/python3/dist-packages")
        if path not in sys.path:
            sys.path.append(path)
    import amqp  # pylint: disable=import-outside-toplevel
    return amqp


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def make_certs(where):
    """A CA, a server's certificate for localhost and 127.0.0.1, and a CA that signed nothing."""
    where.mkdir()
    for name in ("ca", "other"):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", f"/CN=test {name}", "-keyout", where / f"{name}.key", "-out", where / f"{name}.pem")
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
        "-keyout", where / "server.key", "-out", where / "server.csr")
    (where / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("openssl", "x509", "-req", "-in", where / "server.csr", "-CA", where / "ca.pem", "-CAkey", where / "ca.key",
        "-CAcreateserial", "-days", "30", "-extfile", where / "ext", "-out", where / "server.pem")


class Rabbit:
    def __init__(self, where):
        self.where = Path(where)
        self.process = None
        self.n_homes = 0

    def __enter__(self):
        if os.geteuid() != 0:
            raise NeedsRoot("a process namespace needs root")
        self.tree = rabbit_tree()
        self.bin = next((self.tree / "usr/lib/erlang").glob("erts-*")) / "bin"
        self.where.mkdir(parents=True)
        self.port, self.tls_port, self.dist, self.epmd = free_ports(4)
        make_certs(self.where / "certs")
        (self.where / "conf").write_text(CONFIG.format(amqp=self.port, tls=self.tls_port, certs=self.where / "certs"))
        (self.where / "plugins").write_text("[].\n")
        (self.where / "bin").mkdir()
        erl = self.where / "bin/erl"
        erl.write_text(ERL.format(erlang=self.tree / "usr/lib/erlang", bin=self.bin))
        erl.chmod(0o755)
        self.start()
        homes = ", ".join(HOME.format(n=n, password=PASSWORD) for n in range(1, N_HOMES + 1))
        self.eval(homes + ", ok.")
        return self

    def environment(self):
        at = self.where
        return {
            "HOME": str(at), "LANG": "C.UTF-8",
            "PATH": f"{at}/bin:{self.tree}/usr/lib/erlang/bin:/usr/bin:/bin", "ESCRIPT_EMULATOR": f"{at}/bin/erl",
            "RABBITMQ_MNESIA_BASE": f"{at}/mnesia", "RABBITMQ_LOG_BASE": f"{at}/log",
            "RABBITMQ_CONFIG_FILE": f"{at}/conf", "RABBITMQ_ENABLED_PLUGINS_FILE": f"{at}/plugins",
            "RABBITMQ_NODENAME": f"orlop{self.port}@localhost", "RABBITMQ_DIST_PORT": str(self.dist),
            "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(self.epmd),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
        }

    def start(self):
        script = (f"{self.bin}/epmd -address 127.0.0.1 -port {self.epmd} >/dev/null 2>&1 & "
                  f"exec {self.tree}/{SERVER}/rabbitmq-server")
        with (self.where / "output").open("ab") as out:
            self.process = subprocess.Popen(
                ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "sh", "-c", script], cwd=self.where,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.environment())
        end = time.monotonic() + 60
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SupportError(f"RabbitMQ does not start: {self.output()}")
            time.sleep(0.05)

    def is_up(self):
        """Both listeners: they are opened last."""
        for port in (self.port, self.tls_port):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)):
                    return False
        return True

    def output(self):
        return (self.where / "output").read_text(errors="replace")[-3000:]

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def control(self, *argv):
        """rabbitmqctl, some 0.6 s each."""
        return run(self.tree / SERVER / "rabbitmqctl", "-q", *argv, env=self.environment(), timeout=60)

    def eval(self, erlang):
        return self.control("eval", erlang)

    def home(self):
        self.n_homes += 1
        assert self.n_homes <= N_HOMES
        return SimpleNamespace(vhost=f"v{self.n_homes}", user=f"u{self.n_homes}")

    def url(self, home, port=None, host="127.0.0.1", password=PASSWORD, vhost=None, **query):
        port = port or self.port
        rest = "&".join(f"{k}={quote(str(v), safe='')}" for k, v in query.items())
        return (f"rabbit://{home.user}:{quote(password, safe='')}@{host}:{port}/{vhost or home.vhost}"
                + (f"?{rest}" if rest else ""))

    def connect(self, home):
        connection = py_amqp().Connection(f"127.0.0.1:{self.port}", userid=home.user, password=PASSWORD,
                                          virtual_host=home.vhost, confirm_publish=True, heartbeat=0)
        connection.connect()
        return connection

    def queues(self, home):
        """{name: (durable, auto_delete, arguments)}"""
        out = self.control("list_queues", "-p", home.vhost, "--no-table-headers", "name", "durable", "auto_delete",
                           "arguments")
        rows = [line.split("\t") for line in out.splitlines() if line]
        return {r[0]: (r[1], r[2], r[3] if len(r) > 3 else "") for r in rows}

    def __exit__(self, *_):
        if self.process:
            self.kill()
