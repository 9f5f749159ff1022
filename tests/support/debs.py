# SPDX-License-Identifier: Apache-2.0
"""
Debian packages that are used without being installed: downloaded with the machine's own
apt and unpacked below build/debs/NAME. For what would bring a kernel or a service.
"""

import fcntl
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


class SupportError(Exception):
    """A machine for tests cannot be prepared; the sentence says why."""


class NeedsRoot(SupportError):
    """It cannot, because we are not root: the test is skipped and not failed."""


@contextmanager
def locked(name):
    """One process at a time prepares what is called 'name'."""
    folder = BUILD / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name.replace("/", "_")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(*argv, **kwargs):
    """Runs a command; what it printed, or SupportError with its last lines."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, **kwargs)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise SupportError(f"{' '.join(map(str, argv[:6]))} ended with {done.returncode}\n{last}")
    return done.stdout


def archive():
    """(uri, release name) of the archive that this machine's apt is configured for."""
    rows = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)",
               "Created-By: Packages").splitlines()
    for row in rows:
        uri, name = row.split()
        if name == "bookworm":
            return uri, name
    raise SupportError("apt on this machine knows no archive of Debian 12 (bookworm)")


def candidate(package):
    out = run("apt-cache", "policy", package)
    version = re.search(r"Candidate: (\S+)", out)
    return version.group(1) if version and version.group(1) != "(none)" else None


def version_of(package):
    """The version apt would take; its index is fetched when it knows none."""
    version = candidate(package)
    if version is None:
        run("apt-get", "update", "-q")
        version = candidate(package)
    if version is None:
        raise SupportError(f"there is no package '{package}' in the archive")
    return version


def kernel_package():
    """The package that the newest cloud kernel's meta package depends on."""
    version_of("linux-image-cloud-amd64")
    found = re.search(r"Depends: (linux-image-\S+)",
                      run("apt-cache", "depends", "linux-image-cloud-amd64"))
    if not found:
        raise SupportError("linux-image-cloud-amd64 depends on no kernel")
    return found.group(1)


def unpacked(package):
    """The directory with the package's files, as they would lie below /."""
    version = version_of(package)
    where = BUILD / "debs" / package
    stamp = where / ".orlop-version"
    with locked(f"deb-{package}"):
        if stamp.exists() and stamp.read_text() == version:
            return where
        shutil.rmtree(where, ignore_errors=True)
        fetch = BUILD / "debs" / f"fetch-{package}-{os.getpid()}"
        fetch.mkdir(parents=True)
        try:
            try:
                run("apt-get", "download", package, cwd=fetch)
            except SupportError:  # an old index names what the archive has dropped
                run("apt-get", "update", "-q")
                run("apt-get", "download", package, cwd=fetch)
                version = version_of(package)
            run("dpkg-deb", "-x", next(fetch.glob("*.deb")), where)
        finally:
            shutil.rmtree(fetch)
        stamp.write_text(version)
    return where


def released(package, release):
    """The directory with a package of another release of Debian, from the same archive; apt's own state is
    not touched. SupportError when it can't be had."""
    where = BUILD / "debs" / f"{release}-{package}"
    with locked(f"deb-{release}-{package}"):
        if (where / "usr").is_dir():
            return where
        apt = BUILD / "debs" / f"apt-{release}"
        for folder in ("lists/partial", "cache/archives/partial", "fetch"):
            (apt / folder).mkdir(parents=True, exist_ok=True)
        (apt / "list").write_text(f"deb {archive()[0]} {release} main\n")
        settings = [f"Dir::Etc::sourcelist={apt}/list", "Dir::Etc::sourceparts=/dev/null",
                    f"Dir::State::lists={apt}/lists", "Dir::State::status=/dev/null",
                    f"Dir::Cache={apt}/cache", "Acquire::Languages=none", "APT::Sandbox::User=root"]
        options = [word for setting in settings for word in ("-o", setting)]
        try:
            run("apt-get", *options, "-q", "update")
            run("apt-get", *options, "download", package, cwd=apt / "fetch")
            run("dpkg-deb", "-x", next((apt / "fetch").glob("*.deb")), where)
        finally:
            shutil.rmtree(apt)
    return where


def kernel():
    """(kernel image, module directory) of one and the same package."""
    package = unpacked(kernel_package())
    return next(package.glob("boot/vmlinuz-*")), next((package / "lib/modules").iterdir())
