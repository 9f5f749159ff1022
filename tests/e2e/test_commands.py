# SPDX-License-Identifier: Apache-2.0
"""The commands on a tree of their own (--root): what people do by hand with a booted machine."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from support.machine import our_program

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can chroot into the tree")

CONFIG = """\
datasource_list: [NoCloud, None]
users: []
cloud_init_modules: [bootcmd, write-files, set_hostname]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user, final-message]
system_info: {distro: debian, network: {renderers: [eni]}}
"""
META = "instance-id: i-hand\nlocal-hostname: hand\n"
USER = "#cloud-config\nwrite_files: [{path: /opt/here, content: here}]\n"
MAC = "52:54:00:12:34:56"


class Tree:
    """A small machine in a directory, with one interface in its sysfs."""

    def __init__(self, root, **files):
        self.root = root
        for name in ("ifquery", "ifup", "ifdown"):
            self.put(f"usr/sbin/{name}", "#!/bin/sh\n", 0o755)
        self.put("etc/cloud/cloud.cfg", CONFIG)
        self.put("etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        self.put("etc/group", "root:x:0:\n")
        self.put("etc/network/interfaces", "source interfaces.d/*\n")
        self.put("sys/class/net/eth0/address", MAC + "\n")
        self.put("sys/class/net/eth0/operstate", "up\n")
        self.put("sys/class/net/eth0/carrier", "1\n")
        self.put("sys/class/net/eth0/type", "1\n")
        self.put("sys/class/net/eth0/device/uevent", "")
        self.put("var/lib/cloud/seed/nocloud/meta-data", META)
        self.put("var/lib/cloud/seed/nocloud/user-data", USER)
        (root / "var/log").mkdir(parents=True)
        for path, text in files.items():
            self.put(path, text)

    def put(self, path, text, mode=0o644):
        to = self.root / path
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(text)
        to.chmod(mode)

    def read(self, path):
        return (self.root / path).read_text()

    def has(self, path):
        return os.path.lexists(self.root / path)

    def run(self, *argv, **kwargs):
        return subprocess.run([our_program(), "--root", self.root, *argv], text=True,
                              stdin=kwargs.pop("stdin", subprocess.DEVNULL),
                              capture_output=True, timeout=60, **kwargs)

    def add_shell(self):
        """The host's sh and what it is linked with."""
        found = subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True, check=True)
        for path in ["/bin/sh"] + [w for w in found.stdout.split() if w.startswith("/")]:
            to = self.root / path.lstrip("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)

    def boot(self):
        done = self.run("--all-stages")
        assert done.returncode == 0, done.stderr
        return done

    def status(self):
        return json.loads(self.read("run/cloud-init/status.json"))["v1"]


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.mark.demands(6)
@pytest.mark.parametrize("argv", [("init", "--local"), ("init", "-l"), ("init",),
                                  ("modules", "-m", "init"), ("modules", "--mode=init"),
                                  ("modules", "-m", "config"), ("modules", "--mode", "final")])
def test_a_stage_can_be_run_again_by_hand(tree, argv):
    tree.boot()
    done = tree.run(*argv)
    assert done.returncode == 0, done.stderr
    assert "running" in done.stderr


@pytest.mark.demands(7)
def test_query_and_single_take_their_old_options(tree):
    tree.boot()
    assert tree.run("query", "-n", "v1.local_hostname").stdout == "hand\n"
    assert tree.run("query", "local_hostname").stdout == "hand\n"
    (tree.root / "opt/here").unlink()
    assert tree.run("single", "-n", "write-files", "--frequency", "always").returncode == 0
    assert tree.read("opt/here") == "here"
    (tree.root / "opt/here").unlink()
    assert tree.run("single", "--name", "cc_write_files", "--frequency", "instance").returncode == 0
    (tree.root / "opt/here").unlink()
    again = tree.run("single", "--name", "cc_write_files", "--frequency", "instance")
    assert again.returncode == 0
    assert not tree.has("opt/here"), "once per instance was run twice"


@pytest.mark.parametrize("text, status, stdout, stderr", [
    ("## template: jinja\nhostname: {{ v1.local_hostname }}-{{ ds.meta_data.x }}\n", 0,
     "hostname: hand-CI_MISSING_JINJA_VAR/x\n",
     "WARNING: Could not render jinja template variables in file '/t': 'x'\n"),
    ("#cloud-config\n", 1, "", "ERROR: Cannot render from instance data due to exception:"
     " NotJinjaError('Payload is not a jinja template')\n"),
    ("## template: jinja\n{{ v1.x", 1, "",
     "ERROR: Failed to render templated user-data file '/t'."),
])
def test_render_shows_what_becomes_of_a_template(tree, text, status, stdout, stderr):
    tree.boot()
    tree.put("t", text)
    done = tree.run("devel", "render", "/t")
    assert (done.returncode, done.stdout) == (status, stdout)
    assert done.stderr.startswith(stderr)


def test_clean_names_the_hooks_that_failed(tree):
    tree.put("etc/cloud/clean.d/README", "no program")
    tree.put("etc/cloud/clean.d/10-bad", "#!/nothing/there\n", 0o755)
    tree.put("etc/cloud/clean.d/20-worse", "#!/nothing/there\n", 0o755)
    done = tree.run("clean")
    assert done.returncode == 1
    assert ("ERROR: Failure during run-parts of /etc/cloud/clean.d: Runparts: 2 failures"
            " (10-bad,20-worse) in 2 attempted commands\n") in done.stderr
    assert not tree.has("var/lib/cloud/instance")


def test_render_tells_which_file_is_missing(tree):
    tree.put("t", "## template: jinja\n")
    done = tree.run("devel", "render", "-i", "/nothing", "/t")
    assert done.returncode == 1
    assert done.stderr == "ERROR: Missing instance-data.json file: /nothing\n"
    tree.boot()
    done = tree.run("devel", "render", "/nothing")
    assert (done.returncode, done.stderr) == (1, "ERROR: Missing user-data file: /nothing\n")
    assert tree.run("devel", "render").returncode == 2


@pytest.mark.demands(9)
def test_scripts_do_not_read_what_the_service_manager_left_open(tree):
    tree.add_shell()
    tree.put("var/lib/cloud/seed/nocloud/user-data",
             "#!/bin/sh\nread line\necho \"got $line\" > /opt/got\n")
    (tree.root / "opt").mkdir()
    reader, writer = os.pipe()
    os.write(writer, b"not for them\n")
    done = tree.run("--all-stages", stdin=reader)
    os.close(writer)
    left = os.read(reader, 100)
    os.close(reader)
    assert done.returncode == 0, done.stderr
    assert tree.read("opt/got") == "got \n"
    assert left == b"not for them\n"


@pytest.mark.parametrize("distro", ["nosuch", "opensuse-leap", "cloudlinux"])
def test_a_distribution_is_never_missing(tree, distro):
    tree.put("etc/cloud/cloud.cfg.d/90.cfg", f"system_info: {{distro: {distro}}}\n")
    tree.boot()
    warned = f"Distro '{distro}' is not known" in tree.read("var/log/cloud-init.log")
    assert warned == (distro == "nosuch")
    assert tree.read("opt/here") == "here"


@pytest.mark.demands(10)
def test_a_single_module_without_an_instance_says_what_to_do(tree):
    done = tree.run("single", "--name", "write-files")
    assert done.returncode == 1
    assert "cloud-init init" in done.stderr
    assert not tree.has("opt/here")


@pytest.mark.demands(15)
def test_an_upgrade_from_the_python_program_runs_nothing_again(tree):
    instance = "var/lib/cloud/instances/i-hand"
    tree.put(f"{instance}/obj.pkl", "\x80 a pickle")
    tree.put(f"{instance}/sem/config_write_files", "1: 1.0\n")
    tree.put("var/lib/cloud/data/instance-id", "i-hand\n")
    (tree.root / "var/lib/cloud/instance").symlink_to("/" + instance)
    tree.boot()
    assert not tree.has("opt/here"), "a per-instance module ran again"
    assert not tree.has(f"{instance}/obj.pkl")
    cache = tree.root / instance / "obj.json"
    assert json.loads(cache.read_text())["version"] == 1
    assert cache.stat().st_mode & 0o777 == 0o400


@pytest.mark.demands(15)
def test_a_broken_cache_is_read_anew(tree):
    tree.boot()
    cache = tree.root / "var/lib/cloud/instances/i-hand/obj.json"
    cache.chmod(0o600)
    cache.write_text("{ no json")
    done = tree.run("init", "--local")
    assert done.returncode == 0, done.stderr
    assert json.loads(cache.read_text())["version"] == 1


@pytest.mark.demands(16)
def test_the_cache_is_read_and_changed(tree):
    tree.boot()
    assert tree.run("cache", "get", "metadata.local-hostname").stdout == '"hand"\n'
    assert tree.run("cache", "set", "metadata/vhost_queues", "1").returncode == 0
    assert tree.run("cache", "get", "metadata/vhost_queues").stdout == "1\n"
    assert tree.run("query", "ds.meta_data.vhost_queues").stdout == "1\n"
    assert tree.run("cache", "get", "no/such").returncode == 1
    assert tree.run("cache", "set", "source/x", "1").returncode == 1
    assert tree.run("cache", "set", "metadata/x", "{").returncode == 1


@pytest.mark.demands(20)
def test_keys_that_nobody_knows_harm_nothing(tree):
    tree.put("var/lib/cloud/seed/nocloud/user-data",
             USER + "ws_virt_network_dep: {FLOATIP: {port_0: {ip: 192.0.2.9, netmask: 24}}}\n")
    tree.boot()
    assert tree.read("opt/here") == "here"


@pytest.mark.demands(34)
def test_the_log_has_the_form_that_people_search(tree):
    tree.boot()
    log = tree.read("var/log/cloud-init.log")
    line = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - [\w.-]+"
                      r"\[(DEBUG|INFO|WARNING|DEPRECATED|ERROR|CRITICAL)\]: \S")
    assert [l for l in log.splitlines() if not line.match(l)] == []
    started = re.findall(r"handlers\.py\[DEBUG\]: start: (\S+): ", log)
    finished = re.findall(r"handlers\.py\[DEBUG\]: finish: (\S+): (?:SUCCESS|WARN|FAIL): ", log)
    assert "init-network/config-write-files" in started
    assert sorted(started) == sorted(finished)
    assert (tree.root / "var/log/cloud-init.log").stat().st_mode & 0o777 == 0o640


@pytest.mark.demands(34)
@pytest.mark.parametrize("setting", ["log_cfgs: [nonsense]", "log_cfgs: {a: 1}", "log_cfgs: null",
                                     "log_cfgs: [[1, [2]]]", "logcfg: x", "def_log_file: 7"])
def test_something_is_logged_whatever_the_configuration_says(tree, setting):
    tree.put("etc/cloud/cloud.cfg.d/90.cfg", setting + "\n")
    tree.boot()
    assert "running 'modules:final'" in tree.read("var/log/cloud-init.log")


@pytest.mark.demands(34)
def test_without_a_log_file_the_log_goes_to_stderr_once(tree):
    (tree.root / "var/log").rmdir()
    tree.put("var/log", "")
    done = tree.run("init", "--local")
    assert done.returncode == 0
    assert "log file '/var/log/cloud-init.log'" in done.stderr
    assert done.stderr.count("[init-local] will now be targeting instance id") == 1


@pytest.mark.demands(36)
@pytest.mark.parametrize("mode, stage", [("local", "init-local"), ("net", "init")])
def test_dsmode_says_in_which_stage_data_are_used(tree, mode, stage):
    tree.put("var/lib/cloud/seed/nocloud/meta-data", META + f"dsmode: {mode}\n")
    tree.run("init", "--local")
    assert tree.has("opt/here") == (stage == "init-local")
    tree.run("init")
    assert tree.has("opt/here")
    log = tree.read("var/log/cloud-init.log")
    assert log.count("Running config-write-files using lock") == 1


@pytest.mark.demands(46)
def test_what_the_local_stage_wrote_is_not_brought_up_again(tree):
    tree.boot()
    log = tree.read("var/log/cloud-init.log")
    assert "bringup=False" in log
    assert "bringup=True" not in log


@pytest.mark.demands(50)
def test_names_are_udev_rules_too(tree):
    tree.put("var/lib/cloud/seed/nocloud/network-config",
             f"version: 1\nconfig: [{{type: physical, name: eth0, mac_address: '{MAC}',"
             " subnets: [{type: dhcp}]}]\n")
    tree.boot()
    rules = tree.read("etc/udev/rules.d/70-persistent-net.rules")
    assert f'ATTR{{address}}=="{MAC}", NAME="eth0"' in rules


def test_a_dry_run_changes_nothing_and_tells_what_it_would(tree):
    before = sorted(p.relative_to(tree.root) for p in tree.root.rglob("*"))
    done = tree.run("--dry-run", "init", "--local")
    assert "would write" in done.stdout
    assert sorted(p.relative_to(tree.root) for p in tree.root.rglob("*")) == before


def test_explain_says_why_an_instance_is_new(tree):
    done = tree.run("explain")
    assert "New instance:      yes" in done.stdout, done.stdout + done.stderr
    tree.boot()
    done = tree.run("explain")
    assert "New instance:      no" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("argv, status", [((), 2), (("nonsense",), 2), (("single",), 2),
                                          (("modules", "--mode=x"), 2), (("--help",), 0),
                                          (("init", "--help"), 0), (("--version",), 0)])
def test_a_wrong_command_line_is_one_line(tree, argv, status):
    done = tree.run(*argv)
    assert done.returncode == status
    if status and argv:
        assert len(done.stderr.splitlines()) == 1


def test_misuse_names_the_help_that_exists(tree):
    """The command that the message tells to type can be typed."""
    done = tree.run("devel", "net-convert", "--no-such-option")
    hint = re.search(r"see 'cloud-init (.*)'", done.stderr)
    assert hint, done.stderr
    assert hint[1] == "devel net-convert --help"
    assert tree.run(*hint[1].split()).returncode == 0


@pytest.fixture
def near_tree():
    """One with a short name: what a socket is called has 108 bytes."""
    with tempfile.TemporaryDirectory(prefix="ci-", dir="/tmp") as root:
        yield Tree(Path(root))


@pytest.mark.demands(2)
def test_units_of_newer_images_are_answered(near_tree):
    """--all-stages under systemd: a socket per stage, "start" in, a line of shell out."""
    tree = near_tree
    notify = tree.root / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as n:
        n.bind(str(notify))
        n.settimeout(30)
        process = subprocess.Popen([our_program(), "--root", tree.root, "--all-stages"],
                                   env={**os.environ, "NOTIFY_SOCKET": str(notify)},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            assert n.recv(100) == b"READY=1"
            for stage in ("local", "network", "config", "final"):
                with socket.socket(socket.AF_UNIX) as c:
                    c.settimeout(30)
                    c.connect(str(tree.root / f"run/cloud-init/share/{stage}.sock"))
                    c.sendall(b"start")
                    answer = c.recv(1000).decode()
                shell = subprocess.run(["sh", "-c", answer], capture_output=True, text=True)
                assert shell.returncode == 0 and stage in shell.stdout
            assert process.wait(30) == 0
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    assert tree.status()["modules-final"]["finished"]
