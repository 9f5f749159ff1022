# SPDX-License-Identifier: Apache-2.0
"""orlop-csi-local with real loop devices and mounts, driven by Google's gRPC."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from support import protobuf
from support.csi import GIB, MIB, Driver, Mounts
from support.loops import loops_below, release_loops

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount and use loop devices")
if os.geteuid() == 0 and not os.path.exists("/dev/loop-control"):
    pytestmark = pytest.mark.skip(reason="there are no loop devices here")

Code = grpc.StatusCode


@pytest.fixture(scope="session")
def csi(tmp_path_factory):
    return protobuf.compiled("csi", tmp_path_factory.mktemp("proto"))


@pytest.fixture
def mounts():
    mounts = Mounts()
    yield mounts
    mounts.close()


@pytest.fixture
def make(csi, mounts, tmp_path):
    """Starts a driver with these options in an own directory."""
    drivers = []

    def start(*options):
        driver = Driver(csi, mounts, tmp_path, *options).start()
        drivers.append(driver)
        assert driver.wait_ready()
        return driver

    yield start
    for driver in drivers:
        assert driver.stop() == 0, driver.log.read_text()
    mounts.close()
    release_loops(tmp_path)


@pytest.fixture
def driver(make):
    return make()


def refused(code, call, *args, **fields):
    """The sentence of a call that has to fail with this code."""
    with pytest.raises(grpc.RpcError) as e:
        call(*args, **fields)
    assert e.value.code() == code, e.value.details()
    return e.value.details()


def create(driver, name="v", size=64 * MIB, cap=None, **fields):
    cap = cap or driver.client.capability()
    return driver.client.CreateVolume(name=name, capacity_range={"required_bytes": size},
                                      volume_capabilities=[cap], **fields).volume


def stage(driver, volume, cap, path="global"):
    staging = driver.staging(path)
    driver.client.NodeStageVolume(volume_id=volume, staging_target_path=str(staging),
                                  volume_capability=cap)
    return staging


def publish(driver, volume, cap, staging, path="pod", **fields):
    target = driver.target(path)
    driver.client.NodePublishVolume(volume_id=volume, staging_target_path=str(staging),
                                    target_path=str(target), volume_capability=cap, **fields)
    return target


def nothing_left(driver):
    assert driver.mounts.below(driver.directory) == {}
    assert loops_below(driver.directory) == {}
    assert list((driver.state / "records").iterdir()) == []
    assert list((driver.state / "data").iterdir()) == []


@pytest.mark.demands("V8")
@pytest.mark.parametrize("fs,size", [("", 64 * MIB), ("ext4", 64 * MIB), ("xfs", 300 * MIB)])
def test_a_volume_from_its_creation_to_its_end(driver, fs, size):
    client = driver.client
    cap = client.capability(fs)
    volume = create(driver, size=size, cap=cap)
    assert volume.capacity_bytes == size
    assert dict(volume.accessible_topology[0].segments) == {"topology.local.orlop.dev/node": "n1"}
    for _ in range(2):  # everything may be called twice
        staging = stage(driver, volume.volume_id, cap)
        target = publish(driver, volume.volume_id, cap, staging)
    assert len(loops_below(driver.directory)) == 1
    inside = driver.mounts.path(target)
    (inside / "file").write_text("data")
    stats = client.NodeGetVolumeStats(volume_id=volume.volume_id, volume_path=str(target))
    assert stats.usage[0].total > size * 0.7 and stats.usage[1].total > 0
    for _ in range(2):
        client.NodeUnpublishVolume(volume_id=volume.volume_id, target_path=str(target))
        client.NodeUnstageVolume(volume_id=volume.volume_id, staging_target_path=str(staging))
    assert not target.exists()
    assert loops_below(driver.directory) == {}
    staging = stage(driver, volume.volume_id, cap)
    assert (driver.mounts.path(staging) / "file").read_text() == "data"
    refused(Code.FAILED_PRECONDITION, client.DeleteVolume, volume_id=volume.volume_id)
    client.NodeUnstageVolume(volume_id=volume.volume_id, staging_target_path=str(staging))
    for _ in range(2):
        client.DeleteVolume(volume_id=volume.volume_id)
    nothing_left(driver)


def test_a_block_volume(driver):
    client = driver.client
    cap = client.capability(block=True)
    volume = create(driver, size=8 * MIB, cap=cap).volume_id
    staging = stage(driver, volume, cap)
    target = publish(driver, volume, cap, staging)
    publish(driver, volume, cap, staging)
    driver.mounts.run("dd", "if=/dev/zero", f"of={target}", "bs=1M", "count=8", "conv=fsync")
    assert driver.mounts.run("blockdev", "--getsize64", target).stdout == f"{8 * MIB}\n"
    stats = client.NodeGetVolumeStats(volume_id=volume, volume_path=str(target))
    assert stats.usage[0].total == 8 * MIB
    client.ControllerExpandVolume(volume_id=volume, capacity_range={"required_bytes": 16 * MIB})
    client.NodeExpandVolume(volume_id=volume, volume_path=str(target))
    assert driver.mounts.run("blockdev", "--getsize64", target).stdout == f"{16 * MIB}\n"
    for _ in range(2):
        client.NodeUnpublishVolume(volume_id=volume, target_path=str(target))
        client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))
    client.DeleteVolume(volume_id=volume)
    nothing_left(driver)


def test_a_directory(driver):
    client = driver.client
    cap = client.capability()
    volume = create(driver, cap=cap, parameters={"type": "directory"})
    assert volume.volume_context["type"] == "directory"
    staging = stage(driver, volume.volume_id, cap)
    target = publish(driver, volume.volume_id, cap, staging)
    (driver.mounts.path(target) / "file").write_text("data")
    reader = publish(driver, volume.volume_id, cap, staging, "reader", readonly=True)
    with pytest.raises(OSError):
        (driver.mounts.path(reader) / "file").write_text("other")
    assert (driver.mounts.path(reader) / "file").read_text() == "data"
    refused(Code.FAILED_PRECONDITION, client.DeleteVolume, volume_id=volume.volume_id)
    for path in (target, reader):
        client.NodeUnpublishVolume(volume_id=volume.volume_id, target_path=str(path))
    client.NodeUnstageVolume(volume_id=volume.volume_id, staging_target_path=str(staging))
    client.DeleteVolume(volume_id=volume.volume_id)
    nothing_left(driver)


def test_mount_flags_and_read_only(driver):
    client = driver.client
    cap = client.capability("ext4", flags=["noatime", "nodev", "discard"])
    volume = create(driver, cap=cap).volume_id
    staging = stage(driver, volume, cap)
    target = publish(driver, volume, cap, staging, readonly=True)
    publish(driver, volume, cap, staging, readonly=True)
    below = driver.mounts.below(driver.directory)
    assert {"noatime", "nodev", "rw"} <= set(below[str(staging)])
    assert {"noatime", "nodev", "ro"} <= set(below[str(target)])
    refused(Code.ALREADY_EXISTS, publish, driver, volume, cap, staging)
    client.NodeUnpublishVolume(volume_id=volume, target_path=str(target))
    client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))
    wrong = client.capability("ext4", flags=["no-such-option"])
    details = refused(Code.INVALID_ARGUMENT, stage, driver, volume, wrong)
    assert "no-such-option" not in details  # it may be a secret
    assert loops_below(driver.directory) == {}


def test_a_single_writer_has_one_target(driver):
    client = driver.client
    cap = client.capability(mode="SINGLE_NODE_SINGLE_WRITER")
    volume = create(driver, cap=cap).volume_id
    staging = stage(driver, volume, cap)
    target = publish(driver, volume, cap, staging)
    refused(Code.FAILED_PRECONDITION, publish, driver, volume, cap, staging, "second")
    client.NodeUnpublishVolume(volume_id=volume, target_path=str(target))
    target = publish(driver, volume, cap, staging, "second")
    client.NodeUnpublishVolume(volume_id=volume, target_path=str(target))
    client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))


def test_growing_a_mounted_xfs(driver):
    client = driver.client
    cap = client.capability("xfs")
    volume = create(driver, size=300 * MIB, cap=cap).volume_id
    staging = stage(driver, volume, cap)
    grown = client.ControllerExpandVolume(volume_id=volume,
                                          capacity_range={"required_bytes": 600 * MIB})
    assert (grown.capacity_bytes, grown.node_expansion_required) == (600 * MIB, True)
    for _ in range(2):
        client.NodeExpandVolume(volume_id=volume, volume_path=str(staging))
    v = os.statvfs(driver.mounts.path(staging))
    assert v.f_blocks * v.f_frsize > 500 * MIB
    client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))


def test_growing_ext4_happens_when_it_is_staged_at_the_latest(driver):
    client = driver.client
    cap = client.capability("ext4")
    volume = create(driver, cap=cap).volume_id
    staging = stage(driver, volume, cap)
    client.ControllerExpandVolume(volume_id=volume, capacity_range={"required_bytes": 256 * MIB})
    try:
        client.NodeExpandVolume(volume_id=volume, volume_path=str(staging))
    except grpc.RpcError as e:
        assert e.code() == Code.FAILED_PRECONDITION
        assert "while it is mounted" in e.details()
    client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))
    stage(driver, volume, cap)
    v = os.statvfs(driver.mounts.path(staging))
    assert v.f_blocks * v.f_frsize > 200 * MIB
    client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))


def test_many_volumes_at_once_get_devices_of_their_own(driver):
    cap = driver.client.capability()

    def live(n):
        volume = create(driver, f"v{n}", 16 * MIB).volume_id
        staging = stage(driver, volume, cap, f"global{n}")
        target = publish(driver, volume, cap, staging, f"pod{n}")
        (driver.mounts.path(target) / "file").write_text(str(n))
        return volume, staging, target

    def end(life):
        volume, staging, target = life
        driver.client.NodeUnpublishVolume(volume_id=volume, target_path=str(target))
        driver.client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))
        driver.client.DeleteVolume(volume_id=volume)

    with ThreadPoolExecutor(40) as pool:
        lives = list(pool.map(live, range(40)))
        assert len(loops_below(driver.directory)) == 40
        for n, (_, staging, _) in enumerate(lives):
            assert (driver.mounts.path(staging) / "file").read_text() == str(n)
        list(pool.map(end, lives))
    nothing_left(driver)


def test_who_still_has_the_device_keeps_the_volume(driver):
    client, cap = driver.client, driver.client.capability(block=True)
    volume = create(driver, cap=cap).volume_id
    staging = stage(driver, volume, cap)
    device, = loops_below(driver.directory)
    with open(device, "rb"):
        client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))
        refused(Code.FAILED_PRECONDITION, client.DeleteVolume, volume_id=volume)
    client.DeleteVolume(volume_id=volume)
    nothing_left(driver)


def reflinking(driver):
    """Puts the driver's data on xfs, which can share blocks."""
    image = driver.directory / "xfs"
    with image.open("wb") as f:
        f.truncate(4 * GIB)
    subprocess.run(["mkfs.xfs", "-q", image], check=True)
    driver.state.mkdir()
    driver.mounts.run("mount", "-o", "loop", image, driver.state)


@pytest.fixture
def reflinking_driver(csi, mounts, tmp_path):
    driver = Driver(csi, mounts, tmp_path)
    reflinking(driver)
    driver.start()
    assert driver.wait_ready()
    yield driver
    driver.stop()
    mounts.close()
    release_loops(tmp_path)


def test_snapshots_and_copies_share_blocks(reflinking_driver, mounts):
    driver = reflinking_driver
    client, cap = driver.client, driver.client.capability("xfs")
    volume = create(driver, size=300 * MIB, cap=cap).volume_id
    staging = stage(driver, volume, cap)
    (mounts.path(staging) / "file").write_text("before")
    for _ in range(2):
        snapshot = client.CreateSnapshot(name="s", source_volume_id=volume).snapshot
    assert snapshot.ready_to_use and snapshot.size_bytes == 300 * MIB
    assert snapshot.creation_time.seconds > time.time() - 60
    (mounts.path(staging) / "file").write_text("after")
    copies = {
        "before": create(driver, "from-snapshot", 400 * MIB, cap,
                         volume_content_source={"snapshot": {"snapshot_id": snapshot.snapshot_id}}),
        "after": create(driver, "clone", 300 * MIB, cap,
                        volume_content_source={"volume": {"volume_id": volume}}),
    }
    for text, copy in copies.items():
        path = stage(driver, copy.volume_id, cap, copy.volume_id)  # beside its original
        assert (mounts.path(path) / "file").read_text() == text
        client.NodeUnstageVolume(volume_id=copy.volume_id, staging_target_path=str(path))
    assert copies["before"].content_source.snapshot.snapshot_id == snapshot.snapshot_id
    listed = client.ListSnapshots(source_volume_id=volume).entries
    assert [e.snapshot.snapshot_id for e in listed] == [snapshot.snapshot_id]
    refused(Code.OUT_OF_RANGE, create, driver, "small", 100 * MIB, client.capability("ext4"),
            volume_content_source={"volume": {"volume_id": volume}})
    refused(Code.ALREADY_EXISTS, client.CreateSnapshot, name="s",
            source_volume_id=copies["after"].volume_id)
    client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))
    for copy in copies.values():
        client.DeleteVolume(volume_id=copy.volume_id)
    client.DeleteVolume(volume_id=volume)
    client.DeleteSnapshot(snapshot_id=snapshot.snapshot_id)
    assert list(mounts.path(driver.state / "data").iterdir()) == []
    assert list(loops_below(driver.directory).values()) == [str(driver.directory / "xfs")]


def test_without_reflinks_a_snapshot_says_so_and_leaves_nothing(driver):
    volume = create(driver).volume_id
    try:
        driver.client.CreateSnapshot(name="s", source_volume_id=volume)
    except grpc.RpcError as e:
        assert e.code() == Code.FAILED_PRECONDITION
        assert "reflink" in e.details()
        assert [p.name for p in (driver.state / "data").iterdir()] == [volume]
    else:
        pytest.skip("the file system of the temporary directory shares blocks")


def test_what_a_request_lacks_is_named(driver):
    client = driver.client
    cap = client.capability()
    there = create(driver).volume_id
    staging, target = str(driver.staging("global")), str(driver.target("pod"))
    none = "vol-" + "0" * 32
    for code, call, fields in (
            ("INVALID_ARGUMENT", "CreateVolume", {"volume_capabilities": [cap]}),
            ("INVALID_ARGUMENT", "CreateVolume", {"name": "x"}),
            ("INVALID_ARGUMENT", "CreateVolume", {"name": "x" * 129, "volume_capabilities": [cap]}),
            ("INVALID_ARGUMENT", "CreateVolume", {"name": "x", "volume_capabilities": [cap],
                                                  "parameters": {"replicas": "3"}}),
            ("INVALID_ARGUMENT", "CreateVolume",
             {"name": "x", "volume_capabilities": [client.capability(mode="MULTI_NODE_MULTI_WRITER")]}),
            ("INVALID_ARGUMENT", "CreateVolume",
             {"name": "x", "volume_capabilities": [client.capability("btrfs")]}),
            ("OUT_OF_RANGE", "CreateVolume",
             {"name": "x", "volume_capabilities": [client.capability("xfs")],
              "capacity_range": {"limit_bytes": 100 * MIB}}),
            ("RESOURCE_EXHAUSTED", "CreateVolume",
             {"name": "x", "volume_capabilities": [cap], "capacity_range": {"required_bytes": 1 << 59}}),
            ("RESOURCE_EXHAUSTED", "CreateVolume",
             {"name": "x", "volume_capabilities": [cap], "accessibility_requirements": {
                 "requisite": [{"segments": {"topology.local.orlop.dev/node": "n2"}}]}}),
            ("ALREADY_EXISTS", "CreateVolume",
             {"name": "v", "volume_capabilities": [cap], "capacity_range": {"required_bytes": GIB}}),
            ("NOT_FOUND", "CreateVolume",
             {"name": "x", "volume_capabilities": [cap],
              "volume_content_source": {"volume": {"volume_id": none}}}),
            ("INVALID_ARGUMENT", "DeleteVolume", {}),
            ("INVALID_ARGUMENT", "ValidateVolumeCapabilities", {"volume_id": there}),
            ("NOT_FOUND", "ValidateVolumeCapabilities",
             {"volume_id": none, "volume_capabilities": [cap]}),
            ("ABORTED", "ListVolumes", {"starting_token": "../../etc"}),
            ("INVALID_ARGUMENT", "ControllerExpandVolume", {"volume_id": there}),
            ("OUT_OF_RANGE", "ControllerExpandVolume",
             {"volume_id": there, "capacity_range": {"required_bytes": 1 << 59}}),
            ("NOT_FOUND", "NodeStageVolume",
             {"volume_id": "../../etc", "staging_target_path": staging, "volume_capability": cap}),
            ("INVALID_ARGUMENT", "NodeStageVolume",
             {"volume_id": there, "staging_target_path": staging}),
            ("INVALID_ARGUMENT", "NodeStageVolume",
             {"volume_id": there, "staging_target_path": "a/b", "volume_capability": cap}),
            ("FAILED_PRECONDITION", "NodePublishVolume",
             {"volume_id": there, "target_path": target, "volume_capability": cap}),
            ("FAILED_PRECONDITION", "NodePublishVolume",
             {"volume_id": there, "target_path": target, "staging_target_path": staging,
              "volume_capability": cap}),
            ("INVALID_ARGUMENT", "NodeUnpublishVolume", {"volume_id": there}),
            ("NOT_FOUND", "NodeGetVolumeStats", {"volume_id": there, "volume_path": target}),
            ("NOT_FOUND", "NodeExpandVolume", {"volume_id": there, "volume_path": target}),
            ("INVALID_ARGUMENT", "ControllerModifyVolume", {}),
            ("NOT_FOUND", "ControllerModifyVolume", {"volume_id": none}),
            ("INVALID_ARGUMENT", "ControllerModifyVolume",
             {"volume_id": there, "mutable_parameters": {"type": "directory"}})):
        refused(Code[code], getattr(client, call), **fields)
    nobody = client.ValidateVolumeCapabilities(
        volume_id=there, volume_capabilities=[client.capability(mode="MULTI_NODE_MULTI_WRITER")])
    assert not nobody.HasField("confirmed") and "one node" in nobody.message


def test_lists_come_in_pages(driver):
    names = {create(driver, f"v{n}", 4 * MIB).volume_id for n in range(5)}
    seen, token = [], ""
    while True:
        page = driver.client.ListVolumes(max_entries=2, starting_token=token)
        seen += [e.volume.volume_id for e in page.entries]
        token = page.next_token
        if not token:
            break
        assert len(page.entries) == 2
    assert set(seen) == names and len(seen) == 5


def test_capacity_is_what_was_promised(make):
    driver = make("--capacity", "1Gi", "--max-volumes", "3")
    assert driver.client.GetCapacity().available_capacity == GIB
    create(driver, "a", 700 * MIB)
    assert driver.client.GetCapacity().available_capacity == GIB - 700 * MIB
    refused(Code.RESOURCE_EXHAUSTED, create, driver, "b", 700 * MIB)
    elsewhere = {"segments": {"topology.local.orlop.dev/node": "n2"}}
    assert driver.client.GetCapacity(accessible_topology=elsewhere).available_capacity == 0
    info = driver.client.NodeGetInfo()
    assert (info.node_id, info.max_volumes_per_node) == ("n1", 3)


def test_thick_images_have_their_blocks(driver):
    volume = create(driver, size=32 * MIB, parameters={"thick": "true"}).volume_id
    cap = driver.client.capability()
    staging = stage(driver, volume, cap)
    assert (driver.state / "data" / volume).stat().st_blocks * 512 >= 32 * MIB
    driver.client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))


def test_a_mounted_thin_image_becomes_thick(driver):
    volume = create(driver, size=32 * MIB).volume_id
    cap = driver.client.capability()
    staging = stage(driver, volume, cap)
    target = publish(driver, volume, cap, staging)
    note = driver.mounts.path(target) / "note"
    note.write_text("kept")
    image = driver.state / "data" / volume
    assert image.stat().st_blocks * 512 < 32 * MIB
    for thick in ("true", "true", "false"):
        driver.client.ControllerModifyVolume(volume_id=volume, mutable_parameters={"thick": thick})
        assert image.stat().st_blocks * 512 >= 32 * MIB
        assert note.read_text() == "kept"
    driver.client.NodeUnpublishVolume(volume_id=volume, target_path=str(target))
    driver.client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))


def test_attaching(make):
    driver = make("--enable-attach")
    client, cap = driver.client, driver.client.capability()
    volume = create(driver).volume_id
    refused(Code.FAILED_PRECONDITION, stage, driver, volume, cap)
    refused(Code.NOT_FOUND, client.ControllerPublishVolume, volume_id=volume, node_id="n2",
            volume_capability=cap)
    for _ in range(2):
        client.ControllerPublishVolume(volume_id=volume, node_id="n1", volume_capability=cap)
    refused(Code.FAILED_PRECONDITION, client.ControllerPublishVolume, volume_id=volume,
            node_id="n2", volume_capability=cap)
    refused(Code.ALREADY_EXISTS, client.ControllerPublishVolume, volume_id=volume, node_id="n1",
            volume_capability=cap, readonly=True)
    assert client.ListVolumes().entries[0].status.published_node_ids == ["n1"]
    staging = stage(driver, volume, cap)
    client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))
    refused(Code.FAILED_PRECONDITION, client.DeleteVolume, volume_id=volume)
    for _ in range(2):
        client.ControllerUnpublishVolume(volume_id=volume, node_id="n1")
    client.DeleteVolume(volume_id=volume)
    nothing_left(driver)


def test_what_is_not_ours_is_not_unmounted(driver):
    volume = create(driver).volume_id
    target = driver.staging("foreign")
    driver.mounts.run("mount", "-t", "tmpfs", "none", target)
    refused(Code.INTERNAL, driver.client.NodeUnpublishVolume, volume_id=volume,
            target_path=str(target))
    assert str(target) in driver.mounts.below(driver.directory)
    driver.mounts.run("umount", target)
    (target / "precious").write_text("data")
    refused(Code.INTERNAL, driver.client.NodeUnpublishVolume, volume_id=volume,
            target_path=str(target))
    assert (target / "precious").read_text() == "data"


def test_secrets_are_in_no_log(driver):
    secret = {"key": "s3cret-value"}
    cap = driver.client.capability(flags=["context=s3cret-flag"])
    volume = create(driver, secrets=secret).volume_id
    refused(Code.INVALID_ARGUMENT, driver.client.NodeStageVolume, volume_id=volume,
            staging_target_path=str(driver.staging("global")), volume_capability=cap,
            secrets=secret)
    driver.client.DeleteVolume(volume_id=volume, secrets=secret)
    assert "s3cret" not in driver.log.read_text()


def test_a_second_driver_in_the_same_directory_refuses_to_start(driver, csi, mounts):
    second = Driver(csi, mounts, driver.directory)
    second.socket = driver.directory / "s2"
    second.start()
    assert not second.wait_ready()
    assert second.stop() == 1
    assert "another driver works in" in driver.log.read_text()


def test_it_ends_with_its_standard_input(csi, mounts, tmp_path):
    driver = Driver(csi, mounts, tmp_path)
    process = subprocess.Popen(
        [*mounts.prefix(), *driver.argv(), "--end-with-stdin"], stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    while not driver.socket.exists():
        time.sleep(0.005)
    process.stdin.close()
    assert process.wait(10) == 0
    assert not driver.socket.exists()


# --- killed at every change ---

def patiently(call, *args, **fields):
    """As a CO does: what is ABORTED is asked for again."""
    for _ in range(500):
        try:
            return call(*args, **fields)
        except grpc.RpcError as e:
            if e.code() != Code.ABORTED:
                raise
            time.sleep(0.01)
    raise TimeoutError("ABORTED for ever")


def create_or_find(driver, size, cap):
    """Its id; it may have been made, and made thick, before the kill."""
    try:
        return patiently(create, driver, size=size, cap=cap).volume_id
    except grpc.RpcError as e:
        if e.code() != Code.ALREADY_EXISTS:
            raise
        return create(driver, size=size, cap=cap, parameters={"thick": "true"}).volume_id


def lifetime(driver, kind):
    """A volume's life, once. Calls that have already been made are harmless."""
    client = driver.client
    block = kind == "block"
    cap = client.capability("" if block else kind, block=block)
    size = 300 * MIB if kind == "xfs" else 8 * MIB
    volume = create_or_find(driver, size, cap)
    staging = stage(driver, volume, cap)
    target = publish(driver, volume, cap, staging, readonly=not block)
    assert str(target) in driver.mounts.below(driver.directory)
    assert len(loops_below(driver.directory)) == 1
    patiently(client.ControllerModifyVolume, volume_id=volume, mutable_parameters={"thick": "true"})
    image = driver.state / "data" / volume
    assert image.stat().st_blocks * 512 >= image.stat().st_size
    client.NodeUnpublishVolume(volume_id=volume, target_path=str(target))
    client.NodeUnstageVolume(volume_id=volume, staging_target_path=str(staging))
    client.DeleteVolume(volume_id=volume)


def killed_at(driver, n, kind):
    """False when the driver has come to the end without being killed."""
    driver.start(ORLOP_KILL_AT=str(n))
    try:
        if driver.wait_ready():
            lifetime(driver, kind)
    except grpc.RpcError:
        assert driver.process.wait(20) == -signal.SIGKILL, driver.log.read_text()
    status = driver.stop()
    assert status in (0, -signal.SIGKILL), driver.log.read_text()
    return status != 0


@pytest.mark.parametrize("kind", ["ext4", "xfs", "block"])
def test_killed_at_any_change_the_next_driver_brings_it_to_its_end(csi, mounts, tmp_path, kind):
    n = 1
    while True:
        directory = tmp_path / str(n)
        directory.mkdir()
        driver = Driver(csi, mounts, directory)
        was_killed = killed_at(driver, n, kind)
        if was_killed:
            driver.start()
            assert driver.wait_ready()
            lifetime(driver, kind)
            assert driver.stop() == 0, driver.log.read_text()
        try:
            nothing_left(driver)
            assert not driver.target("pod").exists()
        finally:
            release_loops(directory)
        if not was_killed:
            break
        n += 1
    assert n > 25
    print(f"{kind}: killed at each of {n - 1} changes")
