# SPDX-License-Identifier: Apache-2.0
"""What is done on both sides."""

import time

from api import wait

FAKE_CONSOLE = "FAKE CONSOLE OUTPUT\nANOTHER\nLAST LINE"

# Differences that have a reason, as patterns of the beginning of lines of table.differences().
FAKE_KNOWN = (
    "/0/3: ",  # power_state: a machine of ours really is paused, suspended, rescued
)
QEMU_KNOWN = (
    "/numa_topology: ",        # not reported yet
    "/supported_instances: ",  # one emulator, not every one that is installed
    # what libvirt can do and ours can't yet
    "/COMPUTE_(ACCELERATORS|DEVICE_TAGGING|GRAPHICS_|NET_|RESCUE_BFV|SECURITY_|SOCKET_|"
    "STORAGE_BUS_|TRUSTED_CERTS|VIOMMU_|VOLUME_|IMAGE_TYPE_|REMOTE_|MANAGE_|MIGRATE_|SAME_)"
    "[A-Z0-9_]*: only nova",
    "/HW_(CPU|ARCH)_[A-Z0-9_]+: only",  # libvirt's model of an emulated CPU, ours the host's flags
    # libvirt's choices of devices are kept with the instance; ours with the machine's record
    "/system_metadata/image_hw_", "/extra/0/vcpu_model: ", "/mappings/0/disk_bus: ",
)


def do(action, *status):
    return lambda side: side.act(action, status)


def reported(side):
    fact = side.service_up()
    print(f"      {side.agent.program}: {time.monotonic() - side.agent.started:.2f} s from its start "
          f"to the report", flush=True)
    return fact


LIFE = (
    ("pause", do({"pause": None}, "PAUSED")),
    ("unpause", do({"unpause": None}, "ACTIVE")),
    ("suspend", do({"suspend": None}, "SUSPENDED")),
    ("resume", do({"resume": None}, "ACTIVE")),
    ("reboot, soft", do({"reboot": {"type": "SOFT"}}, "ACTIVE")),
    ("reboot, hard", do({"reboot": {"type": "HARD"}}, "ACTIVE")),
    ("rescue", do({"rescue": {}}, "RESCUE")),
    ("unrescue", do({"unrescue": None}, "ACTIVE")),
)


def no_complaints(side):
    found = side.agent.complaints()
    assert not found, "\n".join(found[:5])


def control_is_content(since):
    def run(side):
        found = side.rig.control_complaints(since)
        assert not found, "\n".join(x[:300] for x in found[:5])
    return run


def joins(table, sides, allowed=()):
    table.step("service up", sides, reported)
    table.step("hypervisor listed and shown", sides, lambda s: s.hypervisor(), allowed)
    table.step("row of the compute node", sides, lambda s: s.node_row(), allowed)
    table.step("inventories in placement", sides, lambda s: s.inventories(), allowed)
    table.step("traits in placement", sides, lambda s: s.traits(), allowed)


def after_create(table, sides, allowed=()):
    table.step("events of create", sides, lambda s: s.last_action())
    table.step("request id and instance in the log", sides, lambda s: s.request_in_log())
    table.step("rows of the instance", sides, lambda s: s.instance_row(), allowed)
    table.step("allocations", sides, lambda s: s.allocations())
    table.step("usages", sides, lambda s: s.usages())
    table.step("row of the compute node, in use", sides, lambda s: s.node_row(), allowed)


def fake_life(table, sides):
    table.section("fake driver: one server's life")
    since = sides[0].rig.control_logs()
    joins(table, sides)
    table.step("create", sides, lambda s: s.create())
    after_create(table, sides)
    table.step("console log", sides, lambda s: s.console())
    table.step("console log, last 2 lines", sides, lambda s: s.console_tail())
    table.step("diagnostics", sides, lambda s: sorted(s.diagnostics()))
    table.step("stop", sides, do({"os-stop": None}, "SHUTOFF"))
    table.step("start", sides, do({"os-start": None}, "ACTIVE"))
    for name, run in LIFE:
        table.step(name, sides, run, FAKE_KNOWN)
    table.step("rows of the instance at the end", sides, lambda s: s.instance_row())
    table.step("delete", sides, lambda s: s.delete())
    table.step("usages after it", sides, lambda s: s.usages())
    table.step("row of the compute node after it", sides, lambda s: s.node_row())
    table.step("no complaint in the log", sides, no_complaints)
    table.step("no complaint in scheduler's, conductor's", sides[:1], control_is_content(since))


def qemu_life(table, sides, allowed):
    table.section("QEMU (orlop: over QMP; nova: over libvirt), TCG: one server's life")
    since = sides[0].rig.control_logs()
    joins(table, sides, allowed)
    table.step("create", sides, lambda s: s.create(), allowed)
    table.step("the guest read its config drive", sides, lambda s: s.guest_ready())
    after_create(table, sides, allowed)
    table.step("diagnostics", sides, lambda s: sorted(s.diagnostics()))
    table.step("stop (the guest follows ACPI)", sides, do({"os-stop": None}, "SHUTOFF"))
    table.step("start", sides, do({"os-start": None}, "ACTIVE"))
    table.step("the guest is there again", sides, lambda s: s.guest_ready())
    for name, run in LIFE:
        table.step(name, sides, run)
        if name in ("reboot, soft", "reboot, hard", "rescue", "unrescue"):
            table.step(f"the guest after {name}", sides, lambda s: s.guest_ready())
    table.step("delete", sides, lambda s: s.delete())
    table.step("usages after it", sides, lambda s: s.usages())
    table.step("no complaint in the log", sides, no_complaints)
    table.step("no complaint in scheduler's, conductor's", sides[:1], control_is_content(since))
    table.step("killed in a build, started again", sides, killed_in_a_build)


# --- trouble


def conductor_away(side, away=60, n=4):
    """Builds that are under way when the conductor goes away for a while."""
    servers = [side.boot(f"t{i}") for i in range(n)]

    def under_way():
        return any(side.states(s)[2] not in ("scheduling",) for s in servers)
    wait(30, "a build under way", under_way, every=0.02)
    side.rig.stop_conductor()
    time.sleep(away)
    side.rig.start_conductor()
    ended = [side.settled(("ACTIVE",), 240, s) for s in servers]
    for server in servers:
        side.delete(server)
    return ended


def connections_cut(side):
    """The agent's connections to the broker end; the next thing is done all the same."""
    n = side.agent.proxy.n_accepted
    assert n > 0, "the agent didn't go through the proxy"
    side.agent.proxy.cut()
    found = [side.act({"os-stop": None}, ("SHUTOFF",))]
    side.agent.proxy.cut()
    found.append(side.act({"os-start": None}, ("ACTIVE",)))
    assert side.agent.proxy.n_accepted > n, "it never connected again"
    return found


def cut_while_building(side, n=4):
    servers = [side.boot(f"r{i}") for i in range(n)]
    wait(30, "a build under way", lambda: any(side.states(s)[2] != "scheduling" for s in servers),
         every=0.02)
    side.agent.proxy.cut()
    ended = [side.settled(("ACTIVE",), 240, s) for s in servers]
    for server in servers:
        side.delete(server)
    return ended


def killed_in_a_build(side):
    """Killed while the API says "spawning": the build ends (ACTIVE when its last save was on its
    way, else in ERROR, as nova has it), and deleting it leaves nothing."""
    server = side.boot("k")
    wait(60, "its spawn", lambda: side.states(server)[2] in ("spawning", None), every=0.01)
    side.agent.kill()
    side.agent.start()
    side.settled(("ACTIVE", "ERROR"), 120, server)
    gone = side.delete(server)
    return gone["allocations"], gone["row"]


UNSUPPORTED = (
    ("snapshot", lambda s: {"createImage": {"name": f"snap-{s.host}"}}),
    ("backup", lambda s: {"createBackup": {"name": "b", "backup_type": "daily", "rotation": 1}}),
    ("rebuild", lambda s: {"rebuild": {"imageRef": s.show()["image"]["id"]}}),
    ("shelve", lambda s: {"shelve": None}),
    ("change password", lambda s: {"changePassword": {"adminPass": "x"}}),
    ("resize, to nova", lambda s: {"resize": {"flavorRef": bigger(s)}}),
    ("migrate, cold, to nova", lambda s: {"migrate": None}),
    ("migrate, live, to nova",
     lambda s: {"os-migrateLive": {"host": None, "block_migration": "auto"}}),
    ("crash dump", lambda s: {"trigger_crash_dump": None}),
)


MOVES = tuple(row for row in UNSUPPORTED if row[0].endswith("to nova"))


def bigger(side):
    found = side.api.compute("GET", "/flavors")["flavors"]
    for flavor in found:
        if flavor["name"] == "r1.more":
            return flavor["id"]
    body = {"flavor": {"name": "r1.more", "vcpus": 1, "ram": 256, "disk": 1}}
    return side.api.compute("POST", "/flavors", body)["flavor"]["id"]


def forget_bigger(side):
    side.api.compute("DELETE", f"/flavors/{bigger(side)}")


def refused(make):
    """Nothing hangs, the allocations are as they were, and somebody says why."""
    def run(side):
        before, image = side.allocations(), side.show()["image"]
        known, images = len(side.actions()), side.images()
        status = side.refusal("POST", f"/servers/{side.server}/action", make(side))
        if status:
            return f"the API answers {status}"
        wait(20, "the action's record", lambda: len(side.actions()) > known)
        side.settled(("ACTIVE", "SHUTOFF"), 90)
        action = side.last_action()
        wait(5, lambda: f"its allocations: {side.allocations()}",
             lambda: side.allocations() == before)
        assert side.show()["image"] == image, "it has another image now"
        assert side.images() == images, "an image is left"
        assert not side.open_migrations(), f"migrations are left: {side.open_migrations()}"
        failed = [e for e in action["events"] if e["result"] == "Error"]
        fault = latest_fault(side)
        assert failed, f"its events: {action['events']}"
        # before a live migration conductor tries the next host, and there is none
        words = ("not supported", "No valid host")
        assert fault and any(w in fault["message"] for w in words), f"fault: {fault}"
        return [e["event"] for e in action["events"]]
    return run


def latest_fault(side):
    rows = side.rig.rows("SELECT JSON_OBJECT('code', code, 'message', message) FROM "
                         f"instance_faults WHERE instance_uuid='{side.server}' ORDER BY id DESC "
                         "LIMIT 1")
    return rows[0] if rows else None
