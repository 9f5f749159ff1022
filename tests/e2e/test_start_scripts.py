# SPDX-License-Identifier: Apache-2.0
"""The host agent's start scripts, run in a root of their own with stubs for what they call."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from support.debs import NeedsRoot, ROOT

SYSVINIT = ROOT / "packaging/sysvinit/nova-compute"
UPSTART = ROOT / "packaging/upstart/nova-compute.conf"
UNIT = ROOT / "packaging/systemd/orlop-compute.service"
UIDS = {"nova": 4711, "adm": 4}

# Notes its name and arguments, a line each, then does as /stub/NAME says (sourced), else succeeds.
STUB = """#!/bin/sh
name=${0##*/}
echo "$name $*" >> /calls
[ -e "/stub/$name" ] && . "/stub/$name"
exit 0
"""


class ScriptRoot:
    """A root directory with the machine's /usr, and stubs where the scripts' PATH looks first."""

    def __init__(self, path):
        self.path = path
        for name in ["etc/default", "etc/nova", "etc/init", "opt", "run", "sbin", "stub", "tmp", "usr",
                     "var/lib", "var/log", "var/cache", "proc", "dev"]:
            (path / name).mkdir(parents=True)
        for name in ["bin", "lib", "lib64"]:
            (path / name).symlink_to(f"usr/{name}")
        (path / "var/run").symlink_to("../run")
        (path / "var/lock").mkdir()
        (path / "etc/passwd").write_text(
            f"root:x:0:0::/root:/bin/sh\nnova:x:{UIDS['nova']}:{UIDS['nova']}::/var/lib/nova:/bin/sh\n")
        (path / "etc/group").write_text(f"root:x:0:\nadm:x:{UIDS['adm']}:\nnova:x:{UIDS['nova']}:\n")
        self.daemon = self.program("opt/daemon", STUB)
        for name in ["start-stop-daemon", "modprobe", "status", "start", "sleep"]:
            self.program(f"sbin/{name}", STUB)

    def program(self, name, text):
        file = self.path / name
        file.write_text(text)
        file.chmod(0o755)
        return f"/{name}"

    def stub(self, name, text):
        (self.path / "stub" / name).write_text(text + "\n")

    def run(self, script, *args, **env):
        """The script (text) with these arguments, in the root, with /usr, /proc and /dev bound."""
        (self.path / "script").write_text(script)
        (self.path / "calls").write_text("")
        mounts = "mount --rbind /usr usr && mount --rbind /dev dev && mount -t proc proc proc"
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "--fork", "--pid", "--kill-child",
             "sh", "-c", f'cd "$0" && {mounts} && exec chroot . /bin/sh "$@"', self.path,
             *(["-e"] if script.startswith("#e\n") else []), "/script", *args],
            env={"PATH": "/sbin:/usr/sbin:/bin:/usr/bin", **env}, capture_output=True, text=True,
            timeout=60)

    def init(self, word, **env):
        return self.run(SYSVINIT.read_text(), word, **{"DAEMON": self.daemon, **env})

    def calls(self, name=None):
        lines = (self.path / "calls").read_text().splitlines()
        return [line for line in lines if not name or line.split()[0] == name]


@pytest.fixture
def root(tmp_path):
    if os.geteuid() != 0:
        raise NeedsRoot("mounts for the scripts' root take root")
    return ScriptRoot(tmp_path / "root")


def header(name):
    return re.search(rf"^# {name}:\s*(.*)$", SYSVINIT.read_text(), re.M)[1].split()


@pytest.mark.demands("C1")
def test_the_lsb_header_names_what_has_to_run_before():
    assert header("Provides") == ["nova-compute"]
    assert header("Required-Start") == ["$network", "$local_fs", "$remote_fs", "$syslog"]
    assert header("Required-Stop") == ["$remote_fs"]
    should = header("Should-Start")
    assert {"libvirt-bin", "libvirtd", "postgresql", "mysql", "keystone", "rabbitmq-server", "ntp",
            "neutron-ovs-cleanup"} == set(should)
    assert set(header("Should-Stop")) == set(should) - {"neutron-ovs-cleanup"}
    assert header("Default-Start") == ["2", "3", "4", "5"]
    assert header("Default-Stop") == ["0", "1", "6"]


@pytest.mark.demands("C2", "C11")
def test_start_tests_first_and_then_starts_in_the_background(root):
    done = root.init("start")
    assert done.returncode == 0, done.stderr
    test, real = root.calls("start-stop-daemon")
    for call in (test, real):
        for word in ["--start", "--quiet", "--background", "--make-pidfile",
                     "--pidfile /var/run/nova/nova-compute.pid", "--chdir /var/lib/nova",
                     "--startas /opt/daemon"]:
            assert word in call
    assert "--test" in test and "--test" not in real
    assert "OpenStack Compute" in done.stdout and "nova-compute" in done.stdout


@pytest.mark.demands("C11")
def test_a_daemon_that_runs_already_is_a_success(root):
    root.stub("start-stop-daemon", "exit 1")
    assert root.init("start").returncode == 0
    assert len(root.calls("start-stop-daemon")) == 1


@pytest.mark.demands("C11")
def test_a_start_that_fails_is_told(root):
    root.stub("start-stop-daemon", 'case "$*" in *--test*) exit 0;; esac; exit 2')
    assert root.init("start").returncode == 1


@pytest.mark.demands("C3", "C6")
def test_the_second_configuration_file_is_named_last_and_only_if_it_exists(root):
    root.init("start")
    assert root.calls("start-stop-daemon")[1].endswith(
        "-- --config-file=/etc/nova/nova.conf --log-file=/var/log/nova/nova-compute.log")
    (root.path / "etc/nova/nova-compute.conf").write_text("")
    root.init("start")
    assert root.calls("start-stop-daemon")[1].endswith(
        "-- --config-file=/etc/nova/nova.conf --config-file=/etc/nova/nova-compute.conf "
        "--log-file=/var/log/nova/nova-compute.log")


@pytest.mark.demands("C4")
def test_the_environment_may_set_everything(root):
    other = root.program("opt/other", STUB)
    root.init("start", DAEMON=other, SYSTEM_USER="root", CONFIG_FILE="/etc/x.conf")
    call = root.calls("start-stop-daemon")[1]
    assert "--startas /opt/other" in call and "--config-file=/etc/x.conf" in call
    root.init("start", NO_OPENSTACK_CONFIG_FILE_DAEMON_ARG="yes",
              NO_OPENSTACK_LOGFILE_DAEMON_ARG="yes")
    assert root.calls("start-stop-daemon")[1].rstrip().endswith("--")
    usage = root.init("nonsense", SCRIPTNAME="/etc/init.d/mine")
    assert "/etc/init.d/mine" in usage.stderr


@pytest.mark.demands("C5")
@pytest.mark.parametrize("user, expected", [("nova", True), ("root", False)])
def test_the_daemon_changes_its_user_unless_that_is_root(root, user, expected):
    root.init("start", SYSTEM_USER=user)
    assert all(("--chuid nova:nova" in c) == expected for c in root.calls("start-stop-daemon"))


@pytest.mark.demands("C7")
def test_without_a_daemon_the_script_ends_silently(root):
    done = root.init("start", DAEMON="/opt/none")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert root.calls() == []


@pytest.mark.demands("C8")
def test_root_makes_the_directories_with_their_owners(root):
    root.init("start")
    for name in ["var/lock/nova", "run/nova", "var/lib/nova", "var/cache/nova"]:
        state = (root.path / name).stat()
        assert (state.st_uid, state.st_gid) == (UIDS["nova"], UIDS["nova"]), name
    log = (root.path / "var/log/nova").stat()
    assert (log.st_uid, log.st_gid) == (UIDS["nova"], UIDS["adm"])


@pytest.mark.demands("C9", "C10")
def test_defaults_are_read_in_their_order_and_choose_the_logs(root):
    (root.path / "etc/default/openstack").write_text("USE_SYSLOG=yes\nUSE_LOGFILE=no\n")
    root.init("start")
    call = root.calls("start-stop-daemon")[1]
    assert "--use-syslog" in call and "--log-file" not in call
    (root.path / "etc/default/nova-compute").write_text("USE_LOGFILE=yes\n")
    root.init("start")
    call = root.calls("start-stop-daemon")[1]
    assert "--use-syslog" in call and "--log-file=/var/log/nova/nova-compute.log" in call


@pytest.mark.demands("C12")
@pytest.mark.parametrize("status, expected", [(0, 0), (1, 0), (2, 1)])
def test_stop_takes_the_pid_file_away_whatever_happened(root, status, expected):
    root.stub("start-stop-daemon", f"exit {status}")
    pid_file = root.path / "run/nova/nova-compute.pid"
    pid_file.parent.mkdir()
    pid_file.write_text("1\n")
    assert root.init("stop").returncode == expected
    [call] = root.calls("start-stop-daemon")
    assert "--stop" in call and "--retry=TERM/30/KILL/5" in call
    assert "--pidfile /var/run/nova/nova-compute.pid" in call
    assert not pid_file.exists()


@pytest.mark.demands("C13")
def test_status_exits_as_status_of_proc(root):
    assert root.init("status").returncode == 3
    pid_file = root.path / "run/daemon.pid"
    pid_file.write_text("999999\n")
    functions = ('status_of_proc() { echo "$@" > /told; return 4; }; log_end_msg() { :; }\n')
    script = SYSVINIT.read_text().replace(". /lib/lsb/init-functions", functions)
    assert root.run(script, "status", DAEMON=root.daemon).returncode == 4
    assert (root.path / "told").read_text() == "/opt/daemon nova-compute\n"


@pytest.mark.demands("C14")
@pytest.mark.parametrize("word", ["restart", "force-reload"])
def test_restart_stops_and_starts(root, word):
    assert root.init(word).returncode == 0
    assert ["--stop" in c for c in root.calls("start-stop-daemon")] == [True, False, False]


@pytest.mark.demands("C14")
def test_a_restart_beside_the_old_process_is_a_failure(root):
    root.stub("start-stop-daemon", 'case "$*" in *--test*) exit 1;; esac; exit 0')
    assert root.init("restart").returncode == 1
    root.stub("start-stop-daemon", 'case "$*" in *--stop*) exit 2;; esac; exit 0')
    assert root.init("restart").returncode == 1
    assert len(root.calls("start-stop-daemon")) == 1


@pytest.mark.demands("C15")
def test_systemd_start_becomes_the_daemon_and_other_words_print_the_usage(root):
    root.stub("daemon", 'echo "I am $$"; exit 7')
    done = root.init("systemd-start")
    assert done.returncode == 7
    assert root.calls() == ["daemon --config-file=/etc/nova/nova.conf "
                            "--log-file=/var/log/nova/nova-compute.log"]
    done = root.init("dance")
    assert done.returncode == 3
    assert done.stderr.startswith("Usage: /etc/init.d/nova-compute {start|stop|status|restart")


@pytest.mark.demands("C16")
@pytest.mark.parametrize("word, status", [("start", 1), ("restart", 1), ("stop", 0)])
def test_under_upstart_the_job_owns_the_process(root, word, status):
    root.program("sbin/initctl", "#!/bin/sh\necho 'init (upstart 1.12.1)'\n")
    assert root.init(word).returncode == status
    assert root.calls("start-stop-daemon") == []


@pytest.mark.demands("C17")
def test_the_unit_waits_for_the_daemons_word():
    unit = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line)
    assert (unit["Type"], unit["NotifyAccess"]) == ("notify", "all")
    assert unit["Restart"] == "on-failure"
    assert unit["LimitNOFILE"] == "65535"
    assert unit["RuntimeDirectory"] == "nova lock/nova"
    assert unit["KillMode"] == "process"


def upstart_script(stanza):
    text = UPSTART.read_text()
    return "#e\n" + re.search(rf"^{stanza} script\n(.*?)^end script$", text, re.M | re.S)[1]


@pytest.fixture
def pre_start(root):
    for name in ["lock", "run"]:
        (root.path / "var" / name).mkdir(exist_ok=True)
    root.stub("status", "exit 1")
    return lambda: root.run(upstart_script("pre-start"))


@pytest.mark.demands("C18")
def test_the_upstart_job_follows_the_runlevels_and_makes_its_directories(root, pre_start):
    text = UPSTART.read_text()
    assert "\nstart on runlevel [2345]\nstop on runlevel [!2345]\n" in text
    assert "\nchdir /var/run\n" in text
    assert pre_start().returncode == 0
    for name in ["run/nova", "var/lock/nova"]:
        state = (root.path / name).stat()
        assert (state.st_uid, state.st_gid) == (UIDS["nova"], 0), name


@pytest.mark.demands("C19")
def test_nbd_is_loaded_unless_this_is_a_container(root, pre_start):
    assert pre_start().returncode == 0
    assert root.calls("modprobe") == ["modprobe nbd"]
    root.stub("modprobe", "exit 1")
    assert pre_start().returncode != 0
    (root.path / "run/container_type").write_text("lxc")
    assert pre_start().returncode == 0
    assert root.calls("modprobe") == []


@pytest.mark.demands("C20")
def test_the_job_waits_for_libvirt_where_there_is_one(root, pre_start):
    pre_start()
    assert root.calls("start") == []
    root.stub("status", '[ "$1" = libvirt-bin ] || exit 1; echo libvirt-bin start/starting')
    pre_start()
    assert root.calls("start") == [
        "start wait-for-state WAIT_FOR=libvirt-bin WAIT_STATE=running WAITER=nova-compute"]


@pytest.mark.demands("C21")
def test_the_job_waits_for_ovs_cleanup_with_growing_delay_and_goes_on(root, pre_start):
    (root.path / "etc/init/neutron-ovs-cleanup.conf").write_text("")
    root.stub("status", '[ "$1" = neutron-ovs-cleanup ] || exit 1; echo "$1 stop/waiting"')
    root.stub("start", "exit 1")
    done = pre_start()
    assert done.returncode == 0
    delays = [int(c.split()[1]) for c in root.calls("sleep")]
    assert delays == [1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15, 17, 17, 19, 19]
    assert done.stdout.count("Attempting to start neutron-ovs-cleanup") == 20
    assert "Max retries (20) reached - no longer waiting" in done.stdout


@pytest.mark.demands("C21")
def test_a_cleanup_that_has_run_ends_the_wait(root, pre_start):
    (root.path / "etc/init/neutron-ovs-cleanup.conf").write_text("")
    root.stub("status", '[ "$1" = neutron-ovs-cleanup ] || exit 1; '
                        '[ -e /tmp/begun ] && echo "$1 start/running" || echo "$1 stop/waiting"')
    root.stub("start", "touch /tmp/begun")
    done = pre_start()
    assert done.returncode == 0
    assert root.calls("sleep") == ["sleep 1"]
    assert "Max retries" not in done.stdout


@pytest.mark.demands("C22")
def test_the_job_runs_the_daemon_in_the_foreground(root):
    command = re.search(r"^exec (.*)$", UPSTART.read_text(), re.M)[1]
    assert root.run(f"exec {command}\n").returncode == 0
    assert root.calls() == [
        "start-stop-daemon --start --chuid nova --exec /usr/bin/nova-compute -- "
        "--config-file=/etc/nova/nova.conf --config-file=/etc/nova/nova-compute.conf"]
