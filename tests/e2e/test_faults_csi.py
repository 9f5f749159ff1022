# SPDX-License-Identifier: Apache-2.0
"""
CSI drivers that answer with errors, late, or not at all, beside one that works: what was asked of them,
what is told to the user, and that nothing is left of it.
"""

import time

import pytest

from support import api, protobuf
from support.cluster import has_root, until
from support.csi_fake import CODES, FakeDriver
from support.host import Host

pytestmark = pytest.mark.skipif(not has_root(), reason="only root has namespaces")

BAD, GOOD = "bad.example.com", "good.example.com"
# Codes after which something may have happened all the same: of the provisioner, and of the node.
UNSURE = {"CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "ABORTED"}
UNSURE_ON_NODE = UNSURE | {"RESOURCE_EXHAUSTED"}
DEADLINE = 15


@pytest.fixture(scope="session")
def csi(tmp_path_factory):
    return protobuf.compiled("csi", tmp_path_factory.mktemp("proto"))


class Fakes(Host):
    """'orlop up' with two drivers, of which 'bad' does what it is told."""

    def __init__(self, csi, where):
        super().__init__(where)
        self.bad = FakeDriver(csi, self.where / "b", BAD)
        self.good = FakeDriver(csi, self.where / "g", GOOD)
        self.cluster = self.up("--no-driver", f"--csi-socket={self.where}/b",
                               f"--csi-socket={self.where}/g")
        self.api = self.cluster.api

    def start(self):
        self.bad.start()
        self.good.start()
        self.cluster.start()
        for fake in (self.bad, self.good):
            self.api.create("driver", api.csi_driver(fake.name, attach=True))
        return self

    def claim(self, name, fake=None, label=None):
        """A claim, and the class that gives its volume the label (its own name, if none is said)."""
        fake, label = fake or self.bad, label or name
        self.api.create("class", api.storage_class(name, fake.name, label=label))
        self.api.create("pvc", api.claim(name, name))

    def pod(self, name, *more, **kwargs):
        self.claim(name, *more, **kwargs)
        self.api.create("pod", api.pod(name, name))

    def remove(self, name):
        self.api.delete("pod", name)
        self.api.delete("pvc", name)

    def until(self, ready, what, patience=30):
        return self.cluster.until(ready, what, patience)

    def wait_published(self, label, fake=None, patience=30):
        self.until(lambda: (fake or self.bad).targets(label), f"the volume of {label}", patience)

    def wait_empty(self, patience=30):
        """Nothing in the API and in the drivers."""
        try:
            self.until(lambda: not self.api.names("pod", "pvc", "pv", "attachment")
                       and self.bad.is_empty() and self.good.is_empty(), "the end of all", patience)
        except AssertionError as e:
            raise AssertionError(f"{self.api.names('pod', 'pvc', 'pv', 'attachment')} {self.bad.left()}"
                                 f" {self.good.left()} {e}") from None

    def remove_all(self):
        for kind, name in (n.split("/") for n in self.api.names("pod", "pvc")):
            self.api.delete(kind, name)

    def __exit__(self, *what):
        super().__exit__(*what)
        self.bad.stop()
        self.good.stop()


@pytest.fixture
def fakes(csi, tmp_path):
    with Fakes(csi, tmp_path) as host:
        yield host.start()


def named(code):
    """A Kubernetes name and the label of a volume whose calls end with this code."""
    return f"c-{code.lower().replace('_', '-')}", f"c-{code}"


def labels(codes):
    return sorted(named(c)[1] for c in codes)


# --- answers that are errors ---

@pytest.mark.demands("V17")
def test_after_each_code_of_create_volume(fakes):
    """After a final code the claim can go; after another one it is asked until the answer is final, and
    what was made by then is deleted."""
    fakes.bad.refuse("CreateVolume")
    for code in CODES:
        fakes.claim(*named(code)[:1], label=named(code)[1])
    fakes.until(lambda: len(fakes.bad.counts("CreateVolume")) == len(CODES), "all first answers")
    for code in CODES:
        name = named(code)[0]
        fakes.until(lambda name=name: any("the test says" in m for m in
                                          fakes.api.events(name, "ProvisioningFailed")), "the event")
        fakes.api.delete("pvc", name)
    final = [named(c)[0] for c in CODES if c not in UNSURE]
    fakes.until(lambda: not any(fakes.api.find("pvc", n) for n in final), "the end of what was refused")
    held = {named(c)[0] for c in UNSURE}
    assert {n.split("/")[1] for n in fakes.api.names("pvc")} == held
    before = fakes.bad.counts("CreateVolume")
    fakes.until(lambda: all(fakes.bad.count("CreateVolume", n) > before[n] for n in labels(UNSURE)),
                "the next try of what may have been made")
    assert all(fakes.bad.count("CreateVolume", n) == before[n]
               for n in labels(set(CODES) - UNSURE)), "a claim that is gone was provisioned"
    fakes.bad.obey()
    fakes.wait_empty(60)
    assert sorted(fakes.bad.counts("DeleteVolume")) == labels(UNSURE)


@pytest.mark.parametrize("method", ["ControllerPublishVolume", "NodeStageVolume", "NodePublishVolume"])
def test_after_each_code_on_the_way_to_a_pod(fakes, method):
    """What may have happened is undone when the pod goes, the attachment in any case."""
    fakes.bad.refuse(method)
    for code in CODES:
        fakes.pod(named(code)[0], label=named(code)[1])
    fakes.until(lambda: len(fakes.bad.counts(method)) == len(CODES), "all first answers")
    some = CODES[::3]
    for code in some:
        fakes.api.delete("pod", named(code)[0])
    fakes.until(lambda: sorted(fakes.bad.counts("ControllerUnpublishVolume")) == labels(some),
                "the detachment of what no pod uses")
    unsure = labels(c for c in some if c in UNSURE_ON_NODE)
    if method == "NodeStageVolume":
        assert sorted(fakes.bad.counts("NodeUnstageVolume")) == unsure
    elif method == "NodePublishVolume":
        assert sorted(fakes.bad.counts("NodeUnpublishVolume")) == unsure
        assert sorted(fakes.bad.counts("NodeUnstageVolume")) == labels(some)
    fakes.bad.obey()
    for code in sorted(set(CODES) - set(some)):
        fakes.wait_published(named(code)[1], patience=60)
    fakes.remove_all()
    fakes.wait_empty(60)


def test_after_each_code_of_delete_volume(fakes):
    """A volume that cannot be deleted stays known; one that there is not is gone."""
    fakes.bad.refuse("DeleteVolume")
    volumes = {}
    for code in CODES:
        fakes.claim(named(code)[0], label=named(code)[1])
    for code in CODES:
        name = named(code)[0]
        fakes.until(lambda name=name: fakes.api.phase("pvc", name) == "Bound", "the binding")
        volumes[code] = fakes.api.get("pvc", name)["spec"]["volumeName"]
    fakes.remove_all()
    fakes.until(lambda: len(fakes.bad.counts("DeleteVolume")) == len(CODES), "all first answers")
    fakes.until(lambda: not fakes.api.find("pv", volumes["NOT_FOUND"]), "the end of what is not there")
    for code in set(CODES) - {"NOT_FOUND"}:
        assert fakes.api.phase("pv", volumes[code]) in ("Released", "Failed")
        fakes.until(lambda code=code: fakes.api.events(volumes[code], "VolumeFailedDelete"), "the event")
    fakes.bad.volumes = {n: v for n, v in fakes.bad.volumes.items() if not v.startswith("c-NOT_FOUND")}
    fakes.bad.obey()
    fakes.wait_empty(60)


# --- answers that come late or never ---

def test_a_driver_that_hangs_holds_up_no_other(fakes):
    with fakes.bad.hold("NodePublishVolume"), fakes.bad.hold("NodeStageVolume", only=["stage"]), \
            fakes.bad.hold("ControllerPublishVolume", only=["attach"]), \
            fakes.bad.hold("CreateVolume", only=["create"]):
        for name in ("create", "attach", "stage", "publish"):
            fakes.pod(name)
        for name, method in (("create", "CreateVolume"), ("attach", "ControllerPublishVolume"),
                             ("stage", "NodeStageVolume"), ("publish", "NodePublishVolume")):
            fakes.until(lambda m=method, n=name: fakes.bad.count(m, n), f"the call {method}")
        begin = time.monotonic()
        fakes.pod("healthy", fakes.good)
        fakes.wait_published("healthy", fakes.good, 10)
        fakes.remove("healthy")
        fakes.until(fakes.good.is_empty, "the whole way of the other driver", 10)
        assert time.monotonic() - begin < DEADLINE, "the hanging calls have ended before"
        # Those with a short deadline are asked again; the others are still waited for.
        for name, method in (("create", "CreateVolume"), ("attach", "ControllerPublishVolume")):
            fakes.until(lambda m=method, n=name: fakes.bad.count(m, n) > 1, f"the second {method}",
                        2 * DEADLINE)
    for name in ("create", "attach", "stage", "publish"):
        fakes.wait_published(name)
    assert fakes.bad.labels() == ["attach", "create", "publish", "stage"]
    assert len({r.name for m, r in fakes.bad.calls if m == "CreateVolume"}) == 4, "a second name"
    fakes.remove_all()
    fakes.wait_empty()


@pytest.mark.parametrize("is_killed", [False, True], ids=["awaited", "restarted"])
def test_a_claim_deleted_while_its_volume_is_made_leaves_none(fakes, is_killed):
    with fakes.bad.hold("CreateVolume"):
        fakes.claim("short")
        fakes.until(lambda: fakes.bad.count("CreateVolume"), "the call")
        fakes.api.delete("pvc", "short")
        if is_killed:
            fakes.cluster.kill()
    until(fakes.bad.labels, "the volume that was asked for", 10) if is_killed else None
    if is_killed:
        fakes.cluster.start()
    fakes.wait_empty()
    assert fakes.bad.count("DeleteVolume") >= 1


# --- a driver that is not there ---

def test_a_driver_that_comes_later_and_goes_away_for_a_while(fakes):
    fakes.bad.stop()
    fakes.cluster.kill()
    fakes.cluster.start()
    fakes.pod("early")
    fakes.pod("healthy", fakes.good)
    fakes.wait_published("healthy", fakes.good)
    assert fakes.api.phase("pvc", "early") == "Pending"
    fakes.bad.start()
    fakes.wait_published("early")
    fakes.bad.stop()
    fakes.pod("second")
    fakes.remove("healthy")
    fakes.until(fakes.good.is_empty, "the end of the other driver's volume")
    fakes.remove("early")
    fakes.bad.start()
    fakes.wait_published("second")
    fakes.until(lambda: fakes.bad.labels() == ["second"], "the end of the first volume")
    fakes.remove("second")
    fakes.wait_empty()
