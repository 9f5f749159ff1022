# SPDX-License-Identifier: Apache-2.0
"""
A first boot is killed at its first, second, third ... change of anything outside the process
until it ends by itself, each time on a fresh machine; it is then started again and has to
end in the state of a boot that nobody disturbed.

The program kills itself: ORLOP_KILL_AT=N in its environment is "SIGKILL instead of change
N". Scripts run at least once, so those of the document can be repeated.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from contract import normalise
from support.box import Box, program_files, reboot_step, run_step
from support.debs import BUILD
from support.machine import our_program, seeded
from support.tree import debian_tree

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
USER_DATA = f"""#cloud-config
hostname: web
fqdn: web.example.org
manage_etc_hosts: true
timezone: Europe/Berlin
bootcmd: [echo boot > /opt/boot]
groups: [staffers]
users:
  - default
  - {{name: alice, groups: staffers, sudo: "ALL=(ALL) NOPASSWD:ALL", shell: /bin/bash,
      ssh_authorized_keys: ["{KEY} alice"]}}
  - {{name: bob, lock_passwd: false, plain_text_passwd: s3cret}}
ssh_authorized_keys: ["{KEY} default"]
write_files:
  - {{path: /opt/deep/written, content: written, permissions: "0640"}}
  - {{path: /home/alice/late, content: late, owner: "alice:alice", defer: true}}
mounts: [[tmpfs, /scratch, tmpfs]]
runcmd: [echo ran > /opt/ran]
"""
# Every change is tried up to this many; beyond it every second, third ... one, since each
# costs two boots and the last of them are all of the kinds that the first ones had.
MOST_RUNS = 400
TOO_FAR = 1 << 20


def boot(steps):
    files = {**seeded("i-crash", USER_DATA), **program_files(our_program())}
    return Box(debian_tree(), files=files, steps=steps).run()


def killed_at(n):
    return run_step("cloud-init", "--all-stages", env={"ORLOP_KILL_AT": str(n)})


def is_killed(n):
    return boot([killed_at(n)]).steps[0]["status"] == -9


def count_changes():
    """The last N at which a boot is killed; between two of them it is found by halving."""
    low, high = 0, 64
    while is_killed(high):
        low, high = high, high * 2
        assert high < TOO_FAR, "the program never ends by itself"
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_killed(middle) else (low, middle)
    return low


def differences(undisturbed, outcome, is_power_cut):
    """After a power cut /run is that of a second boot, which does less."""
    found = []
    for path in sorted(set(undisturbed.files) | set(outcome.files)):
        if normalise.is_ignored(path) or (is_power_cut and path.startswith("/run/")):
            continue
        what = normalise.difference(path, undisturbed.files.get(path), outcome.files.get(path))
        if what:
            found.append(f"{path}: " + what.replace("theirs", "undisturbed")
                         .replace("ours", "after the kill"))
    return found


def trial(n, undisturbed, is_power_cut):
    """What is different after a kill at change n and one more run."""
    cut = [reboot_step()] if is_power_cut else []
    outcome = boot([killed_at(n), *cut, run_step("cloud-init", "--all-stages")])
    first, last = outcome.steps[0]["status"], outcome.steps[-1]["status"]
    found = differences(undisturbed, outcome, is_power_cut)
    if first != -9:
        found.append(f"was not killed but ended with {first}")
    if last != undisturbed.steps[0]["status"]:
        found.append(f"the run after it ended with {last}:\n{outcome.steps[-1]['output'][-1500:]}")
    return found


@pytest.fixture(scope="module")
def undisturbed():
    outcome = boot([run_step("cloud-init", "--all-stages")])
    assert outcome.steps[0]["status"] == 0, outcome.steps[0]["output"]
    assert outcome.files["/opt/ran"].data == b"ran\n"
    return outcome


@pytest.fixture(scope="module")
def n_changes(undisturbed):
    n = count_changes()
    (BUILD / "results").mkdir(parents=True, exist_ok=True)
    (BUILD / "results/crash.txt").write_text(
        f"crash test: a first boot makes {n} changes; killed at each of them"
        + (f" {stride(n)}th" if stride(n) > 1 else "") + ", N = 1 ... until it ends by itself\n")
    return n


def stride(n):
    return -(-n // MOST_RUNS)


@pytest.mark.parametrize("is_power_cut", [False, True], ids=["started again", "power cut"])
def test_killed_at_any_change_ends_in_the_same_state(undisturbed, n_changes, is_power_cut):
    numbers = list(range(1, n_changes + 1, stride(n_changes)))
    if is_power_cut:  # the same code runs; /run is what makes the difference
        numbers = numbers[::4]
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        trials = pool.map(lambda n: (n, trial(n, undisturbed, is_power_cut)), numbers)
        by_difference = {}
        for n, found in trials:
            for what in found:
                by_difference.setdefault(what, []).append(n)
    text = "\n".join(f"killed at {ns}: {what}" for what, ns in by_difference.items())
    assert not by_difference, f"{n_changes} changes, tried {len(numbers)}\n{text}"
