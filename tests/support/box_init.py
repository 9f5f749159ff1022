# SPDX-License-Identifier: Apache-2.0
"""
Process 1 of a box (see box.py), in fresh mount, UTS, pid and network namespaces: puts an
overlay over the tree, runs the steps in it, and writes what they did to a JSON file.

    box_init.py SPEC.json OUTCOME.json
"""

import base64
import ctypes
import functools
import http.server
import json
import os
import socketserver
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LARGEST = 4 << 20
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9),
           "tty": (5, 0)}


def run(*argv):
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def mount(kind, where, options="", source="none"):
    where.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", kind, *(["-o", options] if options else []), source, str(where))


def put(root, files):
    """Writes {path: {data, mode} or {link}} below root."""
    for path, file in files.items():
        where = Path(root) / path.lstrip("/")
        where.parent.mkdir(parents=True, exist_ok=True)
        if "link" in file:
            where.unlink(missing_ok=True)
            where.symlink_to(file["link"])
            continue
        where.write_bytes(base64.b64decode(file["data"]))
        where.chmod(file["mode"])


def make_devices(dev):
    mount("tmpfs", dev, "mode=755,size=1m")
    old = os.umask(0)
    for name, (major, minor) in DEVICES.items():
        os.mknod(dev / name, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
    os.umask(old)
    (dev / "console").touch()
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"),
                         ("stderr", "fd/2"), ("ptmx", "pts/ptmx")):
        (dev / name).symlink_to(target)
    (dev / "shm").mkdir()
    mount("devpts", dev / "pts", "newinstance,ptmxmode=0666,mode=620")


def fresh_run(root):
    """What a reboot empties; /run/systemd/system says that systemd runs the machine."""
    for name, mode in (("run", "755"), ("tmp", "1777")):
        mount("tmpfs", root / name, f"mode={mode},size=64m")
    for name in ("lock", "systemd/system"):
        (root / "run" / name).mkdir(parents=True)


def make_root(spec, work):
    """The overlay, with what the box's files add in a layer of its own, and file systems."""
    mount("tmpfs", work, "mode=755")
    for name in ("files", "upper", "overlay", "root"):
        (work / name).mkdir()
    put(work / "files", spec["files"])
    root = work / "root"
    mount("overlay", root, f"lowerdir={work}/files:{spec['tree']},upperdir={work}/upper,"
                           f"workdir={work}/overlay", "overlay")
    mount("proc", root / "proc")
    mount("sysfs", root / "sys", "ro")
    make_devices(root / "dev")
    fresh_run(root)
    return root


def make_network(mac):
    """eth0 with that address; its other end lies in the namespace of a sleeping child."""
    child = os.fork()
    if child == 0:
        LIBC.unshare(CLONE_NEWNET)
        while True:
            time.sleep(3600)
    own = os.readlink("/proc/self/ns/net")
    while os.readlink(f"/proc/{child}/ns/net") == own:
        time.sleep(0.001)
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "eth0", "address", mac, "type", "veth", "peer", "name", "p0",
        "netns", str(child))
    run("nsenter", "-t", str(child), "-n", "ip", "link", "set", "p0", "up")


def add_drive(root, work, name, data):
    """
    A block device /dev/NAME with that content, read-only. The loop device is already told to go
    when the last descriptor closes, and the only one is ours: nothing stays however we end.
    """
    image = work / f"drive-{name}"
    image.write_bytes(data)
    device = subprocess.run(["losetup", "-r", "-f", "--show", str(image)], check=True,
                            capture_output=True, text=True).stdout.strip()
    held = os.open(device, os.O_RDONLY)
    run("losetup", "-d", device)
    for node in (name, Path(device).name):  # sysfs knows it by the second name
        os.mknod(root / "dev" / node, 0o660 | stat.S_IFBLK, os.fstat(held).st_rdev)


def serve(folder):
    """HTTP on 127.0.0.1:80 of the box; the requests' lines are returned."""
    seen = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, _format, *args):
            seen.append(str(args[0]))

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(f"{self.requestline} {body.decode(errors='replace')}")
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = socketserver.ThreadingTCPServer(
        ("127.0.0.1", 80), functools.partial(Handler, directory=folder))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return seen


def own_cpu_ms(pid):
    """CPU of an ended process itself, without its children; it has not been reaped yet."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e6


def environment(step):
    return {"PATH": PATH, "TERM": "linux", **step.get("env", {})}


def start(root, step, out):
    """
    Starts a command in the box; its process id. Through chroot(8) and without a fork of this
    interpreter, whose cost would be counted as the command's own.
    """
    null = os.open("/dev/null", os.O_RDONLY)
    fds = [(os.POSIX_SPAWN_DUP2, fd, n) for n, fd in enumerate((null, out.fileno(), out.fileno()))]
    try:
        return os.posix_spawn("/usr/sbin/chroot", ["chroot", str(root), *step["run"]],
                              environment(step), file_actions=fds, setsid=True)
    finally:
        os.close(null)


class Traced:
    """Reads a process's own peak of memory at the moment of its end, by ptrace(2)."""

    TRACEME, CONT, SETOPTIONS, OPT_EXIT, EVENT_EXIT = 0, 7, 0x4200, 0x40, 6

    def __init__(self, pid):
        self.pid = pid
        self.peak_kib = 0

    def request(self, what, data):
        LIBC.ptrace(what, self.pid, None, ctypes.c_void_p(data))

    def run(self):
        """From the stop at exec to the end; the raw wait status."""
        _, status = os.waitpid(self.pid, 0)
        self.request(self.SETOPTIONS, self.OPT_EXIT)
        self.request(self.CONT, 0)
        while True:
            _, status = os.waitpid(self.pid, 0)
            if not os.WIFSTOPPED(status):
                return status
            is_end = status >> 16 == self.EVENT_EXIT
            if is_end:
                text = Path(f"/proc/{self.pid}/status").read_text()
                self.peak_kib = int(text.split("VmHWM:")[1].split()[0])
            self.request(self.CONT, 0 if is_end else os.WSTOPSIG(status))


def do_traced(root, step, work):
    """The peak of one command's own memory, without what it starts; times mean nothing."""
    with open(work / "output", "w+b") as out:
        def enter():
            os.chroot(root)
            os.chdir("/")
            LIBC.ptrace(Traced.TRACEME, 0, None, None)

        child = subprocess.Popen(step["run"], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 env=environment(step), preexec_fn=enter)
        traced = Traced(child.pid)
        child.returncode = os.waitstatus_to_exitcode(traced.run())
    return {"name": step["name"], "status": child.returncode, "peak_kib": traced.peak_kib}


def do_run(root, step, work):
    with open(work / "output", "w+b") as out:
        begin = time.monotonic()
        pid = start(root, step, out)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        seconds = time.monotonic() - begin
        own = own_cpu_ms(pid)
        _, status, usage = os.wait4(pid, 0)
        out.seek(0)
        text = out.read(LARGEST).decode(errors="replace")
    return {
        "name": step.get("name", " ".join(step["run"])),
        "status": os.waitstatus_to_exitcode(status),
        "ms": seconds * 1000,
        "own_cpu_ms": own,
        "cpu_ms": (usage.ru_utime + usage.ru_stime) * 1000,
        "maxrss_kib": usage.ru_maxrss,
        "output": text,
    }


def wait_for_orphans(seconds):
    """What a killed program had started comes to its end, as it would on any machine."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        children = Path("/proc/self/task/1/children").read_text().split()
        if len(children) <= 1:  # the sleeper that holds the other end of the network
            return
        for pid in children:
            try:
                os.waitpid(int(pid), os.WNOHANG)
            except ChildProcessError:
                continue
        time.sleep(0.005)


def do_reboot(root):
    for name in ("tmp", "run"):
        run("umount", "-l", str(root / name))
    fresh_run(root)
    name = (root / "etc/hostname").read_bytes().strip() or b"debian"
    LIBC.sethostname(name, len(name))
    subprocess.run(["ip", "addr", "flush", "dev", "eth0"], stdin=subprocess.DEVNULL, check=False,
                   capture_output=True)


def entry(path, info):
    """What is compared of one file."""
    found = {"mode": stat.S_IMODE(info.st_mode), "uid": info.st_uid, "gid": info.st_gid}
    if stat.S_ISLNK(info.st_mode):
        return {"type": "link", "target": os.readlink(path), "uid": info.st_uid,
                "gid": info.st_gid}
    if stat.S_ISDIR(info.st_mode):
        return {"type": "dir", **found}
    if stat.S_ISREG(info.st_mode):
        data = path.read_bytes()[:LARGEST]
        return {"type": "file", **found, "data": base64.b64encode(data).decode()}
    if stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
        return {"type": "removed"}
    return {"type": "other", **found}


def walk(top, prefix, below=()):
    """{path: entry} of a tree, without what one of 'below' has in the same state."""
    found = {}
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            path = Path(folder) / name
            place = prefix + "/" + str(path.relative_to(top))
            mine = entry(path, path.lstat())
            if mine != was(place, below):
                found[place] = mine
    return found


def was(place, below):
    for layer in below:
        path = Path(layer) / place.lstrip("/")
        try:
            return entry(path, path.lstat())
        except OSError:
            continue
    return None


def collect(work, root, spec):
    found = walk(work / "upper", "", (work / "files", spec["tree"]))
    found.update(walk(root / "run", "/run"))
    found.update(walk(root / "tmp", "/tmp"))
    return found


def main(spec_file, outcome_file):
    spec = json.loads(Path(spec_file).read_text())
    work = Path(spec["work"])
    LIBC.sethostname(b"debian", 6)
    root = make_root(spec, work)
    make_network(spec["mac"])
    for name, data in spec["drives"].items():
        add_drive(root, work, name, base64.b64decode(data))
    requests = []
    if spec["served"]:
        put(work / "served", spec["served"])
        requests = serve(work / "served")
    steps = []
    for step in spec["steps"]:
        if "run" in step:
            how = do_traced if step.get("is_traced") else do_run
            steps.append(how(root, step, work))
            if steps[-1]["status"] < 0:
                wait_for_orphans(5)
        elif "reboot" in step:
            do_reboot(root)
        elif "files" in step:
            put(root, step["files"])
    outcome = {"steps": steps, "requests": requests,
               "files": collect(work, root, spec) if spec["collect"] else {}}
    Path(outcome_file).write_text(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
