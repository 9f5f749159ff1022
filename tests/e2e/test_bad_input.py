# SPDX-License-Identifier: Apache-2.0
"""
Machines that are given broken or hostile data boot all the same: the stages end as the Python
program's do, what is wrong is told with its place, everything else is done, nothing that was
there is damaged, and no secret gets where everybody can read it.
"""

import gzip
import json
import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.box import Box, File, Link, boot_steps, program_files, run_step
from support.machine import NOCLOUD, our_program, plain, seeded
from support.tree import debian_tree

SECRET = "hunter2-" + "Zq7"
CANARY = "/opt/canary"
STATUS = "/var/lib/cloud/data/status.json"
LOG = "/var/log/cloud-init.log"
STAGES = ("init-local", "init", "modules-config", "modules-final")
MEMORY_KIB = 200 << 10


@dataclass
class Case:
    """What a machine is given, and what must come of it."""

    name: str
    user_data: bytes = b""
    files: dict = field(default_factory=dict)
    drive: bytes = b""           # a config drive's image
    before: str = ""             # shell commands ahead of the first stage
    statuses: tuple = (0, 0, 0, 0)  # as many errors as the stage had
    said: tuple = ()             # sentences of the log or the output
    left: dict = field(default_factory=dict)  # path: text, None = not there
    is_finished: bool = True     # the final stage came to its end

    def box(self):
        if self.drive:
            files = plain(("ConfigDrive", "None"))
        else:
            files = seeded("i-bad", "")
            files[f"{NOCLOUD}/user-data"] = File(self.user_data, 0o600)
        files = {**files, CANARY: File(b"canary\n"), **self.files, **program_files(our_program())}
        steps = [run_step("sh", "-ec", self.before, name="before")] if self.before else []
        return Box(debian_tree(), files=files, steps=steps + boot_steps(),
                   drives={"sr0": self.drive} if self.drive else {})


def config(text):
    """A cloud-config whose end shows that its later modules were reached."""
    return f"#cloud-config\n{text}\nruncmd: [touch /opt/ran]\n".encode()


RAN = {"/opt/ran": ""}


def has_default_user(passwd):
    return passwd.startswith("root:x:0:0:") and "\ndebian:" in passwd


def is_former_name(text):
    return text in (None, "debian\n")


def bomb():
    """1 GB of zeros in about 1 MB."""
    piece = bytes(1 << 20)
    with tempfile.TemporaryFile() as out:
        with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0) as packed:
            for _ in range(1 << 10):
                packed.write(piece)
        out.seek(0)
        return out.read()


def multipart(n):
    part = "--B\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n:\n"
    last = "--B\nContent-Type: text/cloud-config\n\n" + config("").decode()
    return ("Content-Type: multipart/mixed; boundary=B\nMIME-Version: 1.0\n\n" + part * (n - 1)
            + last + "--B--\n").encode()


def nested(depth):
    text = "Content-Type: multipart/mixed; boundary=B0\nMIME-Version: 1.0\n\n"
    for i in range(1, depth):
        text += f"--B{i - 1}\nContent-Type: multipart/mixed; boundary=B{i}\n\n"
    return text.encode()


META = {"uuid": "i-drive", "hostname": "drive"}


def iso(files):
    with tempfile.TemporaryDirectory() as name:
        top = Path(name) / "openstack/latest"
        top.mkdir(parents=True)
        for path, data in files.items():
            (top / path).write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        subprocess.run(["genisoimage", "-quiet", "-o", name + ".iso", "-V", "config-2", "-J", "-R",
                        "-l", name], check=True, stdin=subprocess.DEVNULL)
        data = Path(name + ".iso").read_bytes()
        os.unlink(name + ".iso")
        return data


def drive(**files):
    names = {"meta": "meta_data.json", "network": "network_data.json", "vendor": "vendor_data.json",
             "user": "user_data"}
    all_files = {"meta_data.json": META, "user_data": config("")}
    all_files.update({names[k]: v for k, v in files.items() if v is not None})
    for key, value in files.items():
        if value is None:
            all_files.pop(names[key])
    return iso(all_files)


def hidden_tools(*names):
    """Programs that the machine lacks; 'removed' below its own /usr."""
    return "rm -f " + " ".join(f"/usr/sbin/{n} /usr/bin/{n}" for n in names)


BIG = "x" * (1 << 20)

CASES = [
    Case("broken yaml", b"#cloud-config\nruncmd: [a\nb: }\n", said=("Failed loading yaml blob",)),
    Case("broken cloud.cfg.d", config(""),
         files={"/etc/cloud/cloud.cfg.d/x.cfg": File(b"a: [\nb: }\n")}, said=("x.cfg",), left=RAN),
    Case("yaml that is a list", b"#cloud-config\n- a\n- b\n"),
    Case("yaml of one line of 1 MB", config(f"x: {BIG}"), left=RAN),
    Case("deep yaml", b"#cloud-config\na: " + b"[" * 100000 + b"\n"),
    Case("unknown keys", config("no_such_key: {a: [1]}\nother: x"), left=RAN),
    Case("modules that are not there", config("ntp: {enabled: true}\npackages: [x]"), left=RAN),
    Case("a picture", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 64,
         said=("Unhandled",)),
    Case("utf-16", "#cloud-config\nruncmd: [touch /opt/ran]\n".encode("utf-16")),
    Case("byte order mark", b"\xef\xbb\xbf" + config("")),
    Case("gzip bomb", bomb(), statuses=(0, 1, 0, 0), said=("user-data.txt: gzip: ",),
         left={"/etc/passwd": has_default_user}),
    Case("10,000 parts", multipart(10000), left=RAN),
    Case("deep mime", nested(3000), statuses=(0, 1, 0, 0), said=("user-data.txt: MIME: ",),
         left={"/etc/passwd": has_default_user}),
    Case("host name with blanks", config('hostname: "a b"'), said=("hostname 'a b' is no name",),
         left={**RAN, "/etc/hostname": is_former_name}),
    Case("host name of 300", config("hostname: " + "h" * 300), said=("is no name for a machine",),
         left={**RAN, "/etc/hostname": is_former_name}),
    Case("host name of two lines", config('hostname: "a\\nb"\nmanage_etc_hosts: localhost'),
         said=("is no name for a machine",), left={**RAN, "/etc/hostname": is_former_name}),
    Case("host name for a shell", config("hostname: $(reboot)"),
         said=("'$(reboot)'",), left={**RAN, "/etc/hostname": is_former_name}),
    Case("files in places", config("""write_files:
- {path: /proc/no/such, content: a}
- {path: /etc, content: a}
- {path: /opt/dangling, content: a}
- {path: ../../etc/x, content: up}
- {path: /opt/mode, content: a, permissions: "999"}
- {path: /opt/owner, content: a, owner: "nobody-here:x"}
- {path: /opt/last, content: last}"""), files={"/opt/dangling": Link("/opt/nowhere")},
         statuses=(0, 1, 0, 0), said=("/proc/no/such", "'/etc'", "nobody-here"),
         left={**RAN, "/etc/x": "up", "/opt/last": "last", "/opt/mode": "a"}),
    Case("runcmd without a list", b"#cloud-config\nruncmd: touch /opt/ran\n",
         statuses=(0, 0, 1, 0), said=("runcmd",), left={"/opt/ran": None}),
    Case("users with names", config(f"""users:
- {{name: "root; rm -rf /", plain_text_passwd: {SECRET}}}
- {{name: -x}}
- {{name: ../x}}
- {{name: ""}}
- {{name: "a:b"}}
- {{name: good, sudo: "ALL=(ALL) ALL", plain_text_passwd: {SECRET}, lock_passwd: false}}"""),
         statuses=(0, 1, 0, 1), said=("root; rm -rf /", "'-x'", "'../x'"), left=RAN),
    Case("a user that exists", config(f"""users:
- {{name: daemon, uid: 77, shell: /bin/bash, homedir: /elsewhere, gecos: other,
   hashed_passwd: "$6$a${SECRET}", sudo: [null], ssh_authorized_keys: [null, "x", {SECRET}]}}"""),
         said=("users/0/sudo/0", "ssh_authorized_keys"), left={**RAN, "/etc/passwd": None}),
    Case("passwords of odd users", config(f"""chpasswd:
  users:
  - {{name: "-l", password: {SECRET}, type: text}}
  - {{name: nobody-here, password: {SECRET}, type: text}}
  - {{name: "a\\nroot", password: {SECRET}, type: text}}
  - {{name: daemon, password: [{SECRET}]}}
  - {{name: daemon, password: {SECRET}, type: plain}}"""), statuses=(0, 1, 0, 0),
         said=("chpasswd/users/3/password", "'plain'"), left=RAN),
    Case("keys", config(f"""ssh_keys:
  rsa_private: [{SECRET}]
  ed25519_private: {SECRET}
  other: {SECRET}
ssh_authorized_keys: ["{SECRET}", "ssh-rsa AAAA k\\n{SECRET}"]"""),
         said=("ssh_keys/rsa_private", "ssh_authorized_keys"), left=RAN),
    Case("disks", config("""mounts:
- [/dev/nothing, /data]
- [ephemeral0, /mnt]
- [[a], /b]
- x
swap: {filename: /etc/passwd, size: 1M}
mount_default_fields: {a: b}"""), said=("mounts/2/0", "mount_default_fields", "/etc/passwd"),
         left={**RAN, "/etc/passwd": has_default_user}),
    Case("no tools", config("""users: [{name: new, plain_text_passwd: p, lock_passwd: false}]
chpasswd: {users: [{name: daemon, password: p, type: text}]}"""),
         before=hidden_tools("useradd", "ssh-keygen", "chpasswd", "passwd", "usermod"),
         statuses=(0, 2, 0, 1), said=("useradd", "ssh-keygen", "chpasswd"), left=RAN),
    Case("drive without meta data", drive=drive(meta=None), said=("meta_data.json",)),
    Case("drive with a list", drive=drive(meta=[1, 2]), said=("it holds a list",)),
    Case("drive with a number as uuid", drive=drive(meta={"uuid": 5}), left=RAN),
    Case("drive with broken vendor data", drive=drive(vendor=b"{broken"), left=RAN,
         said=("vendor_data.json: not JSON",)),
    Case("drive with an unknown link", left=RAN, said=("link type (warp)",), drive=drive(network={
        "links": [{"id": "a", "type": "warp", "ethernet_mac_address": "52:54:00:12:34:56"}],
        "networks": [{"link": "b", "type": "ipv9"}], "services": [7]})),
    Case("drive without a content file", left=RAN, said=("/opt/f",), drive=drive(
        meta={**META, "files": [{"path": "/opt/f", "content_path": "/content/0000"}],
              "network_config": {"content_path": "/content/0001"}})),
    Case("half a drive", drive=drive()[:40 << 10], said=("Broken config drive",)),
    Case("a drive of noise", drive=bytes(i * 7 % 251 for i in range(64 << 10))),
    Case("full /var", config(""), before="""
cp -a /var/lib/cloud/seed /tmp/seed; mount -t tmpfs -o size=64k none /var
mkdir -p /var/lib/cloud /var/log; cp -a /tmp/seed /var/lib/cloud/
dd if=/dev/zero of=/var/fill bs=1k 2>/dev/null || :""", statuses=(1, 1, 1, 1), is_finished=False,
         said=("No space left",)),
    Case("full /etc", config("users: [{name: new}]\nwrite_files: [{path: /etc/y, content: z}]"),
         statuses=(1, 2, 0, 1), said=("/etc/y", "No space left"), left=RAN, before="""
mount -t tmpfs -o size=8m none /mnt; cp -a /etc/. /mnt/; mount --move /mnt /etc
dd if=/dev/zero of=/etc/fill bs=1k 2>/dev/null || :"""),
    Case("read-only", config(""), statuses=(1, 1, 1, 1), said=("Read-only",),
         before="mount --bind / /mnt; mount -o remount,ro,bind /", is_finished=False),
]


def seed(name, data):
    """Another file of the seed beside a good user-data."""
    return {f"{NOCLOUD}/{name}": File(data)}


CASES += [
    Case("instance id that leads out", config(""),
         files=seed("meta-data", b"instance-id: ../../../etc/out\n"),
         left={**RAN, "/var/lib/etc/out/user-data.txt": None, "/etc/out/user-data.txt": None}),
    Case("instance id of a map", config(""), files=seed("meta-data", b"instance-id: {a: b}\n"),
         left=RAN, said=("instance-id is a dict",)),
    Case("instance id of 300", config(""), files=seed("meta-data", b"instance-id: " + b"i" * 300),
         left=RAN, said=("200 bytes",)),
    Case("instance id that is empty", config(""), files=seed("meta-data", b"instance-id: ''\n"),
         left=RAN, said=("200 bytes",)),
    Case("instance id of two lines", config(""),
         files=seed("meta-data", b'instance-id: "a\\nb"\n')),
    Case("meta data that is a list", config(""), files=seed("meta-data", b"[a, b]\n"), left=RAN,
         said=("(meta-data)",)),
    Case("meta data that is broken", config(""), files=seed("meta-data", b"a: [\n"),
         left=RAN, said=("(meta-data)",)),
    Case("meta data of wrong types", config(""), left=RAN, files=seed(
        "meta-data", b"instance-id: i\nlocal-hostname: [a]\npublic-keys: {a: {b: 5}}\n")),
    Case("network of wrong types", config(""), left=RAN, statuses=(1, 0, 0, 0),
         said=("ethernets: eth0: must be a mapping",), files=seed(
        "network-config", b"version: 2\nethernets: {eth0: [a], b: {addresses: {c: d}}}\n")),
    Case("network that is broken", config(""), left=RAN, said=("(network-config)",), files=seed(
        "network-config", b"version: [\n")),
    Case("network of no version", config(""), left=RAN, statuses=(1, 0, 0, 0),
         said=("version: must be 1 or 2",), files=seed(
        "network-config", b"version: 9\nx: y\n")),
    Case("network with paths", config(""), left=RAN, files=seed(
        "network-config", b'version: 2\nethernets: {"../../x": {dhcp4: true, set-name: ../y}}\n')),
    Case("vendor data that is broken", config(""), left=RAN, files=seed(
        "vendor-data", b"#cloud-config\na: [\n")),
    Case("part names that lead out", b"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=B

--B
Content-Type: text/x-shellscript
Content-Disposition: attachment; filename="../../../../../../etc/out"

#!/bin/sh
touch /opt/ran
--B
Content-Type: text/cloud-boothook
Content-Disposition: attachment; filename="../../../../../../etc/out2"

#!/bin/sh
touch /opt/hook
--B--
""", left={**RAN, "/opt/hook": "", "/etc/out": None, "/etc/out2": None}),
    Case("template that is broken", b"## template: jinja\n#cloud-config\na: {% for x in %}\n",
         said=("line 3",)),
    Case("includes of nothing", b"#include\nfile:///no/such\nnothing\n",
         statuses=(0, 1, 0, 1), said=("/no/such",)),
    Case("a script without interpreter", b"#!/no/such\n:\n", statuses=(0, 0, 0, 1),
         said=("part-001",)),
    Case("a merge of wrong types", config("merge_how: {a: b}"), said=("merge_how",)),
    Case("system settings of wrong types", config("""system_info: [a]
output: {all: [1, 2, 3]}
reporting: [x]
datasource: x
vendor_data: x
users: default
growpart: x"""), left=RAN),
]


def run_all():
    def guarded(case):
        try:
            return case.box().run()
        except Exception as e:  # told by the tests of that case
            return e

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        return dict(zip([c.name for c in CASES], pool.map(guarded, CASES)))


@pytest.fixture(scope="module")
def found():
    return run_all()


def by_case(function):
    return pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)(function)


def outcome_of(found, case):
    if isinstance(found[case.name], Exception):
        raise found[case.name]
    return found[case.name]


def told(outcome):
    output = "\n".join(step["output"] for step in outcome.steps)
    return (outcome.text(LOG) or "") + "\n" + output


def stages(outcome):
    return {s["name"]: s for s in outcome.steps if s["name"] in STAGES}


@pytest.mark.demands(28)
@by_case
def test_the_stages_end_as_they_should(found, case):
    outcome = outcome_of(found, case)
    got = tuple(s["status"] for s in stages(outcome).values())
    status = json.loads(outcome.text(STATUS) or "{}").get("v1", {})
    about = {k: (v.get("errors"), v.get("recoverable_errors")) for k, v in status.items()
             if isinstance(v, dict)}
    assert got == case.statuses, f"{about}\n{told(outcome)[-3000:]}"
    if about:  # no status can be written on a full or read-only disk
        assert tuple(len(about[name][0]) for name in STAGES) == got, about
    if case.is_finished:
        assert any(p.endswith("/boot-finished") for p in outcome.files)


@by_case
def test_what_is_wrong_is_told(found, case):
    text = told(outcome_of(found, case))
    missing = [s for s in case.said if s not in text]
    assert not missing, text[-6000:]
    assert "(null)" not in text


@by_case
def test_the_rest_is_done_and_the_others_files_stay(found, case):
    outcome = outcome_of(found, case)
    assert CANARY not in outcome.files
    for path, want in case.left.items():
        got = outcome.text(path)
        is_right = want(got) if callable(want) else got == want
        assert is_right, f"{path}: {got!r}\n{told(outcome)[-3000:]}"


@by_case
def test_no_secret_gets_out(found, case):
    outcome = outcome_of(found, case)
    assert SECRET not in "".join(s["output"] for s in outcome.steps)
    for path, seen in outcome.files.items():
        if seen.type == "file" and (seen.mode & 0o004 or path.startswith("/var/log/")):
            assert SECRET.encode() not in seen.data, f"{path} {seen.mode:o}"


@by_case
def test_memory_stays_bounded(found, case):
    peaks = {n: s["maxrss_kib"] for n, s in stages(outcome_of(found, case)).items()}
    assert all(p < MEMORY_KIB for p in peaks.values()), peaks
