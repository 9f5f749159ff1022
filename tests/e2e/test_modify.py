# SPDX-License-Identifier: Apache-2.0
"""
VolumeAttributesClasses: a claim that names another one has its volume changed, by a driver that says it
can; a class in use stays; killed at any change, the volume and what is told of it agree in the end.
"""

import pytest

from support import api, protobuf
from support.cluster import Cluster, has_root
from support.csi_fake import FakeDriver
from support.host import Host
from test_volumes import claim, pod, storage_class

pytestmark = pytest.mark.skipif(not has_root(), reason="only root has namespaces")

DRIVER = "fake.example.com"
THICK = """\
apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: {name: thick}
driverName: local.orlop.dev
parameters: {thick: "true"}
"""
KILLED = -9
TOO_FAR = 400
ENOUGH = 3  # runs in a row that end by themselves


@pytest.fixture(scope="session")
def csi(tmp_path_factory):
    return protobuf.compiled("csi", tmp_path_factory.mktemp("proto"))


class Modified(Host):
    """'orlop up' with a claim of class silver, whose volume is made."""

    def __init__(self, csi, where):
        super().__init__(where)
        self.fake = FakeDriver(csi, self.where / "f", DRIVER)
        self.cluster = self.up("--no-driver", f"--csi-socket={self.where}/f")
        self.api = self.cluster.api

    def start(self):
        self.fake.start()
        self.cluster.start()
        self.api.create("driver", api.csi_driver(DRIVER))
        self.api.create("class", api.storage_class("fast", DRIVER, label="data"))
        for name, iops in (("silver", "10"), ("gold", "100")):
            self.api.create("vac", api.attributes_class(name, DRIVER, iops=iops))
        self.api.create("pvc", api.claim("data", "fast", volumeAttributesClassName="silver"))
        self.cluster.until(lambda: self.is_at("silver", "10"), "the volume")
        return self

    def want(self, name):
        self.api.patch("pvc", "data", {"spec": {"volumeAttributesClassName": name}})

    def is_at(self, name, iops):
        """Driver, volume and claim agree that it has this class, and nothing is under way."""
        claim = self.api.get("pvc", "data")
        status = claim["status"]
        if "modifyVolumeStatus" in status or status.get("currentVolumeAttributesClassName") != name:
            return False
        pv = self.api.get("pv", claim["spec"]["volumeName"])
        return (pv["spec"]["volumeAttributesClassName"] == name and not status.get("conditions")
                and list(self.fake.attributes.values()) == [{"iops": iops}])

    def __exit__(self, *what):
        super().__exit__(*what)
        self.fake.stop()


@pytest.fixture
def host(csi, tmp_path):
    with Modified(csi, tmp_path) as host:
        yield host.start()


@pytest.mark.demands("V30")
def test_another_class_changes_the_volume_as_kubectl_shows_it(host):
    kubectl = host.cluster.kubectl
    assert kubectl("get", "vac").split()[:3] == ["NAME", "DRIVERNAME", "AGE"]
    refused = kubectl.run("patch", "vac", "gold", "--type=merge", "-p", '{"parameters":{"iops":"7"}}',
                          check=False)
    assert refused.returncode and "updates to parameters are forbidden" in refused.stderr
    kubectl("patch", "pvc", "data", "--type=merge", "-p", '{"spec":{"volumeAttributesClassName":"gold"}}')
    host.cluster.until(lambda: host.is_at("gold", "100"), "the change")
    told = kubectl.events("data")
    assert "external resizer is modifying volume data with vac gold" in told
    assert "external resizer modified volume data with vac gold successfully" in told
    assert "gold" in kubectl("get", "pvc", "data", "-o", "wide")


def test_a_change_that_fails_is_told_and_another_wish_ends_it(host):
    host.fake.refuse("ControllerModifyVolume", "INVALID_ARGUMENT")
    host.want("gold")
    host.cluster.until(lambda: host.api.get("pvc", "data")["status"]["modifyVolumeStatus"] == {
        "status": "Infeasible", "targetVolumeAttributesClassName": "gold"}, "the refusal")
    conditions = {c["type"]: c for c in host.api.get("pvc", "data")["status"]["conditions"]}
    assert conditions["ModifyVolumeError"]["reason"] == "InvalidArgument"
    assert conditions["ModifyVolumeError"]["message"] == "the test says INVALID_ARGUMENT"
    assert conditions["ModifyingVolume"]["message"] == \
        'Modifying volume to "gold" failed. Waiting for retry.'
    host.fake.obey()
    host.want("silver")
    host.cluster.until(lambda: host.is_at("silver", "10"), "the way back")


@pytest.mark.demands("V30")
def test_a_class_in_use_stays_until_it_is_not(host):
    host.api.delete("vac", "silver")
    host.api.delete("vac", "gold")
    host.cluster.until(lambda: not host.api.find("vac", "gold"), "the end of the unused one")
    assert host.api.get("vac", "silver")["metadata"]["finalizers"] == ["kubernetes.io/vac-protection"]
    host.api.create("vac", api.attributes_class("gold", DRIVER, iops="100"))
    host.want("gold")
    host.cluster.until(lambda: not host.api.find("vac", "silver"), "the end of the one that was left")
    assert host.is_at("gold", "100")


def test_a_volume_of_ours_becomes_thick_while_it_is_used(tmp_path):
    with Cluster(tmp_path) as cluster:
        kubectl = cluster.kubectl
        kubectl.apply(storage_class("fast") + "---\n" + claim("data", "fast") + "---\n" + pod("user", "data")
                      + "---\n" + THICK)
        cluster.until(cluster.mounts, "the mount")
        volume = kubectl.get("pvc", "data")["spec"]["volumeName"]
        image = cluster.data / "csi-local/volumes/data" / kubectl.get("pv", volume)["spec"]["csi"]["volumeHandle"]
        assert image.stat().st_blocks * 512 < image.stat().st_size
        kubectl("patch", "pvc", "data", "--type=merge", "-p", '{"spec":{"volumeAttributesClassName":"thick"}}')
        cluster.until(lambda: kubectl.get("pv", volume)["spec"].get("volumeAttributesClassName") == "thick",
                      "the change")
        assert image.stat().st_blocks * 512 >= image.stat().st_size
        assert cluster.stop() == 0


def killed_on_the_way(host, name, iops, kill_at):
    """Whether 'orlop up', started with this wish, was killed before it came true."""
    host.fake.stop()
    host.want(name)
    host.cluster.kill()
    host.fake.start()
    host.cluster.start(wait=False, kill_at=kill_at)
    host.cluster.until(lambda: host.cluster.has_ended() or (
        host.cluster.config.exists() and host.is_at(name, iops)), "the change or the kill")
    was_killed = host.cluster.has_ended()
    if was_killed:
        assert host.cluster.process.wait(20) == KILLED
        host.cluster.start()
        host.cluster.until(lambda: host.is_at(name, iops), f"the change after kill {kill_at}")
    else:  # it would be killed at the next wish
        host.cluster.kill()
        host.cluster.start()
    return was_killed


@pytest.mark.demands("V30")
def test_killed_at_any_change_it_ends_in_the_wanted_class(host):
    wishes = [("gold", "100"), ("silver", "10")]
    whole = 0
    for n in range(1, TOO_FAR):
        whole = 0 if killed_on_the_way(host, *wishes[n % 2], n) else whole + 1
        if whole >= ENOUGH:
            break
    assert whole >= ENOUGH, "it never ends by itself"
    assert n > 10, "it was hardly ever killed"
