# SPDX-License-Identifier: Apache-2.0
"""The client of OpenStack's services against services in memory and their troubles, and what it
sends against what nova-compute was seen to send."""

import hashlib
import json
import os
import random
import shutil
import ssl
import subprocess
import uuid
from pathlib import Path

import pytest

from support.openstack import OpenStack

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("ORLOP_BUILD", ROOT / "build/dev")) / "tests/helpers/cloud-tool"
WIRE = ROOT.parent / "shared/openstack/wire"
if not WIRE.is_dir():
    WIRE = ROOT.parents[1] / "shared/openstack/wire"
NODE = "67dc0829-1b4b-4da4-98b7-ef83b344bb81"
VCPU = {"total": 8, "max_unit": 8, "min_unit": 1, "step_size": 1, "allocation_ratio": 4.0,
        "reserved": 0}
PLACEMENT, GLANCE, NEUTRON, CINDER = range(4)


@pytest.fixture
def cloud():
    with OpenStack() as c:
        yield c


def start(cloud, *steps, timeout=60, user=None, env=None, **config):
    """The steps, by the tool."""
    given = {name: cloud.auth() for name in ("placement", "neutron", "cinder")}
    given.update({"steps": steps, "user": user or {"request_id": "req-test"}})
    given.update({k: v for k, v in config.items() if v is not None})
    return subprocess.run([TOOL], input=json.dumps(given), capture_output=True, text=True,
                          timeout=timeout, env={**os.environ, **(env or {})})


def run(cloud, *steps, **config):
    """What each step gave, in order."""
    done = start(cloud, *steps, **config)
    assert done.returncode == 0, done.stderr
    assert cloud.password not in done.stdout + done.stderr
    for token in cloud.tokens:
        assert token not in done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def good(cloud, *steps, **config):
    results = run(cloud, *steps, **config)
    assert [r.get("error") for r in results] == [None] * len(results)
    return [r["result"] for r in results]


def list_providers():
    return ["fetch", PLACEMENT, "GET", "/resource_providers", "1.14"]


def sync(inventories=None, traits=("COMPUTE_NODE",), clear=False):
    return ["sync", NODE, "cmp2", {"VCPU": VCPU} if inventories is None else inventories,
            list(traits), clear]


# --- tokens ---

def test_one_token_serves_many_threads_until_it_ends(cloud):
    run(cloud, *[list_providers()] * 5, threads=8)
    assert len(cloud.asked("keystone", "POST")) == 1
    assert len(cloud.asked("placement")) == 40


def test_a_token_is_renewed_before_it_ends():
    with OpenStack(token_life=2) as cloud:
        good(cloud, list_providers(), ["sleep", 2.1], list_providers())
        assert len(cloud.asked("keystone", "POST")) == 2
        assert {r.status for r in cloud.asked("placement")} == {200}


def test_a_refused_token_is_made_anew_once(cloud):
    cloud.fault("placement", status=401)
    assert good(cloud, list_providers())[0][0] == 200
    assert len(cloud.asked("keystone", "POST")) == 2
    cloud.fault("placement", status=401, times=-1)
    assert good(cloud, list_providers())[0][0] == 401
    assert len(cloud.asked("placement")) == 4


def test_wrong_passwords_are_told_without_them(cloud):
    auth = cloud.auth(password="wr0ng")
    result = run(cloud, list_providers(), placement=auth)[0]
    assert "keystone" in result["error"] and "401" in result["error"]
    assert "requires authentication" in result["error"]
    assert "wr0ng" not in json.dumps(result)


def test_an_application_credential_signs_in(cloud):
    cloud.credentials["cred"] = "cr3d"
    auth = {"auth_url": cloud.url("keystone"), "application_credential_id": "cred",
            "application_credential_secret": "cr3d"}
    good(cloud, list_providers(), placement=auth)
    body = cloud.asked("keystone", "POST")[0].body
    assert body["auth"]["identity"]["methods"] == ["application_credential"]
    assert "scope" not in body["auth"]


def test_the_user_s_token_goes_with_the_service_s_beside_it(cloud):
    image = cloud.add_image(b"x")
    user = cloud.context()
    service = cloud.auth(send_service_user_token=True)
    good(cloud, ["image", image], user=user, service_user=service)
    asked = cloud.asked("glance")[0]
    assert asked.headers["x-auth-token"] == user["auth_token"]
    assert asked.headers["x-service-token"] in cloud.tokens
    assert asked.headers["x-openstack-request-id"] == user["request_id"]


def test_an_expired_service_token_is_made_anew_beside_the_user_s(cloud):
    image = cloud.add_image(b"x")
    cloud.fault("glance", status=401)
    good(cloud, ["image", image], user=cloud.context(),
         service_user=cloud.auth(send_service_user_token=True))
    assert len(cloud.asked("keystone", "POST")) == 2


def test_a_section_without_credentials_is_named(cloud):
    result = run(cloud, list_providers(), placement={}, neutron={}, cinder={})[0]
    assert "[placement]" in result["error"]


# --- connections ---

def test_a_reset_connection_is_tried_again_when_that_is_safe(cloud):
    cloud.fault("placement", "GET", reset=True)
    good(cloud, list_providers())
    cloud.fault("placement", "POST", reset=True)
    body = {"uuid": NODE, "name": "n"}
    result = run(cloud, ["fetch", PLACEMENT, "POST", "/resource_providers", "1.20", body])[0]
    assert "placement" in result["error"] and "code" in result
    assert not cloud.providers


def test_a_server_that_stays_away_is_named(cloud):
    cloud.fault("placement", reset=True, times=-1)
    result = run(cloud, list_providers())[0]
    assert result["error"].startswith("placement: ")
    assert len(cloud.asked("placement")) == 3


def test_a_slow_server_is_given_up(cloud):
    cloud.fault("placement", delay=3)
    result = run(cloud, list_providers(), placement=cloud.auth(timeout=0.5))[0]
    assert result["code"] == 110


def test_unavailable_for_a_moment_is_asked_again(cloud):
    cloud.fault("placement", "GET", status=503)
    assert good(cloud, list_providers())[0][0] == 200


def test_redirects_take_no_token_elsewhere(cloud):
    cloud.fault("placement", "GET", status=302)
    assert good(cloud, list_providers())[0][0] == 302


def test_certificates_are_checked_against_the_named_authorities(cloud, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", tmp_path / "key", "-out", tmp_path / "cert"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    server = cloud.servers["placement"]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = cloud.url("placement").replace("http", "https", 1)
    auth = cloud.auth(endpoint_override=url)
    assert run(cloud, list_providers(), placement=auth)[0]["error"].startswith("placement: ")
    for more in ({"cafile": str(tmp_path / "cert")}, {"insecure": True}):
        assert good(cloud, list_providers(), placement={**auth, **more})[0][0] == 200


# --- placement ---

def golden(name):
    if not WIRE.is_dir():
        pytest.skip("no captured messages on this machine")
    return json.loads(next(WIRE.glob(name)).read_text())


def as_sent(request):
    query = "&".join(f"{k}={v}" for k, values in request.query.items() for v in values)
    return (request.method, request.path + ("?" + query if query else ""), request.version,
            request.body)


def as_captured(message):
    version = message["headers"].get("OpenStack-API-Version")
    return (message["method"], message["path"], version.split()[-1] if version else None,
            message["body"])


def test_a_new_node_is_reported_as_nova_reports_it(cloud):
    names = ("fake-017*", "fake-018*", "fake-021*", "fake-022*", "fake-023*")
    wanted = [golden(n) for n in names]
    inventories = wanted[2]["body"]["inventories"]
    good(cloud, ["sync", wanted[1]["body"]["uuid"], wanted[1]["body"]["name"], inventories,
                 wanted[4]["body"]["traits"], False])
    assert [as_sent(r) for r in cloud.asked("placement")] == [as_captured(m) for m in wanted]


def test_allocations_are_asked_for_as_nova_does(cloud):
    wanted = [golden(n) for n in ("fake-031*", "fake-019*", "fake-068*")]
    consumer = wanted[0]["path"].rsplit("/", 1)[1]
    provider = wanted[1]["path"].split("/")[2]
    cloud.providers[provider] = {"name": "n", "generation": 0, "inventories": {}, "traits": [],
                                 "parent": None}
    cloud.claim(consumer, provider, VCPU=1)
    results = good(cloud, ["allocations", consumer], ["provider_allocations", provider],
                   ["delete_allocations", consumer], ["delete_allocations", consumer])
    assert results[0] == {provider: {"resources": {"VCPU": 1}, "generation": 0}}
    assert results[1] == {consumer: {"resources": {"VCPU": 1}}}
    assert [as_sent(r) for r in cloud.asked("placement")][:3] == [as_captured(m) for m in wanted]


def test_nothing_is_sent_when_nothing_has_changed(cloud):
    good(cloud, sync(), sync())
    assert len(cloud.asked("placement")) == 5
    good(cloud, sync())
    assert not cloud.asked("placement")[5:] or not [
        r for r in cloud.asked("placement")[5:] if r.method != "GET"]


def test_a_generation_that_moved_on_is_read_anew(cloud):
    good(cloud, sync())
    cloud.fault("placement", "PUT", "/inventories$", status=409, body={"errors": [
        {"status": 409, "code": "placement.concurrent_update", "detail": "conflict"}]})
    good(cloud, sync({"VCPU": {**VCPU, "total": 9}}))
    assert cloud.providers[NODE]["inventories"]["VCPU"]["total"] == 9
    assert len(cloud.asked("placement", "PUT", "/inventories$")) == 3


def test_a_lost_answer_does_no_harm(cloud):
    cloud.fault("placement", "PUT", "/inventories$", reset=True, done=True)
    cloud.fault("placement", "PUT", "/traits$", reset=True, done=True)
    good(cloud, sync())
    assert cloud.providers[NODE]["traits"] == ["COMPUTE_NODE"]
    assert cloud.providers[NODE]["inventories"]["VCPU"] == VCPU


def test_conflicts_without_end_are_told(cloud):
    cloud.fault("placement", "PUT", "/inventories$", status=409, times=-1, body={"errors": [
        {"status": 409, "code": "placement.concurrent_update", "detail": "busy busy"}]})
    result = run(cloud, sync())[0]
    assert result["status"] == 409 and "busy busy" in result["error"]
    assert len(cloud.asked("placement", "PUT", "/inventories$")) == 4


def test_inventories_in_use_stay(cloud):
    good(cloud, sync({"VCPU": VCPU, "CUSTOM_X": {**VCPU, "total": 2}}))
    assert "CUSTOM_X" in cloud.classes
    cloud.claim("c", NODE, CUSTOM_X=1)
    good(cloud, sync({"VCPU": {**VCPU, "total": 6}}))
    assert cloud.providers[NODE]["inventories"]["VCPU"]["total"] == 6
    assert cloud.providers[NODE]["inventories"]["CUSTOM_X"]["total"] == 2
    cloud.allocations.clear()
    good(cloud, sync({"VCPU": {**VCPU, "total": 6}}))
    assert list(cloud.providers[NODE]["inventories"]) == ["VCPU"]


def test_traits_of_others_stay_and_ours_go(cloud):
    good(cloud, sync(traits=["COMPUTE_NODE", "COMPUTE_RESCUE_BFV", "CUSTOM_OURS"]))
    assert "CUSTOM_OURS" in cloud.known_traits
    cloud.providers[NODE]["traits"] += ["CUSTOM_ADMIN", "STORAGE_DISK_SSD"]
    good(cloud, sync(traits=["COMPUTE_NODE"]))
    assert sorted(cloud.providers[NODE]["traits"]) == ["COMPUTE_NODE", "CUSTOM_ADMIN",
                                                       "CUSTOM_OURS", "STORAGE_DISK_SSD"]


def test_a_name_that_another_node_has_is_told_at_once(cloud):
    cloud.providers[str(uuid.uuid4())] = {"name": "cmp2", "generation": 0, "inventories": {},
                                          "traits": [], "parent": None}
    result = run(cloud, sync())[0]
    assert "Conflicting resource provider name" in result["error"]
    assert len(cloud.asked("placement")) == 2


def test_an_id_that_would_be_another_path_is_refused(cloud):
    assert run(cloud, ["delete_allocations", "../resource_providers/x"])[0]["code"] == 22
    assert not cloud.asked("placement")


# --- images ---

def raw_image(size=300000):
    return random.Random(7).randbytes(size)


def qemu_img(*argv):
    if not shutil.which("qemu-img"):
        pytest.skip("qemu-img is not installed")
    subprocess.run(["qemu-img", *argv], check=True, capture_output=True, timeout=60)


def base_of(tmp_path, image):
    return tmp_path / "_base" / hashlib.sha1(image.encode()).hexdigest()


def images_left(tmp_path):
    return sorted(p.name for p in (tmp_path / "_base").glob("*"))


def get_base(cloud, tmp_path, image, **more):
    return run(cloud, ["base", image], instances_path=str(tmp_path), **more)[0]


def test_an_image_is_kept_under_nova_s_name(cloud, tmp_path):
    data = raw_image()
    image = cloud.add_image(data)
    result = get_base(cloud, tmp_path, image, user=cloud.context())["result"]
    assert result == {"path": str(base_of(tmp_path, image)), "is_raw": True,
                      "virtual_size": len(data)}
    assert base_of(tmp_path, image).read_bytes() == data
    get_base(cloud, tmp_path, image)
    assert len(cloud.asked("glance", "GET", "/file$")) == 1


def test_many_who_want_an_image_download_it_once(cloud, tmp_path):
    image = cloud.add_image(raw_image())
    cloud.fault("glance", path="/file$", delay=0.3)
    results = run(cloud, ["base", image], threads=12, instances_path=str(tmp_path))
    assert len(results) == 12 and all(r["result"] for r in results)
    assert len(cloud.asked("glance", "GET", "/file$")) == 1


@pytest.mark.parametrize("fault", [{"damage": True}, {"cut": 1000, "times": -1}], ids=str)
def test_damaged_images_are_not_kept(cloud, tmp_path, fault):
    image = cloud.add_image(raw_image())
    cloud.fault("glance", path="/file$", **fault)
    result = get_base(cloud, tmp_path, image)
    assert "error" in result and images_left(tmp_path) == []
    if "damage" in fault:
        assert result["exception"] == "ImageCorrupt" or "checksum" in result["error"]


def test_more_bytes_than_were_announced_end_the_download(cloud, tmp_path):
    image = cloud.add_image(raw_image(), size=1000)
    result = get_base(cloud, tmp_path, image)
    assert "1000" in result["error"] and images_left(tmp_path) == []


def test_a_download_that_breaks_off_is_begun_anew(cloud, tmp_path):
    data = raw_image()
    image = cloud.add_image(data)
    cloud.fault("glance", path="/file$", cut=1000)
    assert get_base(cloud, tmp_path, image)["result"]
    assert base_of(tmp_path, image).read_bytes() == data


def test_old_images_have_md5_alone(cloud, tmp_path):
    image = cloud.add_image(raw_image(), os_hash_algo=None, os_hash_value=None)
    assert get_base(cloud, tmp_path, image)["result"]
    other = cloud.add_image(b"other", os_hash_algo=None, os_hash_value=None, checksum="0" * 32)
    assert "checksum" in get_base(cloud, tmp_path, other)["error"]


def test_another_server_of_glance_is_asked_when_one_is_away(cloud, tmp_path):
    image = cloud.add_image(raw_image())
    for _ in range(2):
        assert get_base(cloud, tmp_path, image, glance_api_servers=[
            "http://127.0.0.1:1", cloud.url("glance")])["result"]
        base_of(tmp_path, image).unlink()


def test_where_signatures_are_asked_for_no_image_is_taken_without(cloud, tmp_path):
    result = get_base(cloud, tmp_path, cloud.add_image(b"x"), verify_glance_signatures=True)
    assert result["exception"] == "ImageUnacceptable" and "signatures" in result["error"]
    assert not cloud.asked("glance", path="/file$") and images_left(tmp_path) == []


def test_missing_and_foreign_images_have_nova_s_names(cloud, tmp_path):
    image = cloud.add_image(b"x", visibility="forbidden")
    assert get_base(cloud, tmp_path, image)["exception"] == "ImageNotAuthorized"
    missing = str(uuid.uuid4())
    result = get_base(cloud, tmp_path, missing)
    assert result["exception"] == "ImageNotFound"
    assert result["error"] == f"Image {missing} could not be found."
    assert get_base(cloud, tmp_path, "../x")["exception"] == "ImageNotFound"


def test_qcow2_is_kept_or_made_raw(cloud, tmp_path):
    content = raw_image(1 << 20)
    (tmp_path / "raw").write_bytes(content)
    qemu_img("convert", "-f", "raw", "-O", "qcow2", tmp_path / "raw", tmp_path / "q")
    image = cloud.add_image((tmp_path / "q").read_bytes(), disk_format="qcow2")
    result = get_base(cloud, tmp_path / "a", image)["result"]
    assert result["is_raw"] is False and result["virtual_size"] == 1 << 20
    result = get_base(cloud, tmp_path / "b", image, force_raw_images=True)["result"]
    assert result["is_raw"] is True
    assert base_of(tmp_path / "b", image).read_bytes() == content
    assert len(images_left(tmp_path / "b")) == 1


def hostile(tmp_path, kind):
    """An image that reads another file of the host, or seems to be something else."""
    q = tmp_path / "q"
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 65536)
    if kind == "backing file":
        qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", secret, q)
    elif kind == "data file":
        qemu_img("create", "-f", "qcow2", "-o", f"data_file={tmp_path}/d,data_file_raw=on", q,
                 "64k")
    elif kind == "qcow2 called raw":
        qemu_img("create", "-f", "qcow2", q, "64k")
        return q.read_bytes(), "raw"
    elif kind == "raw called qcow2":
        return secret.read_bytes(), "qcow2"
    elif kind == "vmdk":
        return b"# Disk DescriptorFile\nversion=1\nRW 1 FLAT \"/etc/shadow\" 0\n" * 99, "vmdk"
    elif kind == "qcow2 in qcow2":
        qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", secret, tmp_path / "in")
        qemu_img("convert", "-f", "raw", "-O", "qcow2", tmp_path / "in", q)
    elif kind == "cut off":
        return b"QFI\xfb\0\0\0\3", "qcow2"
    return q.read_bytes(), "qcow2"


@pytest.mark.parametrize("kind", ["backing file", "data file", "qcow2 called raw",
                                  "raw called qcow2", "vmdk", "qcow2 in qcow2", "cut off"])
def test_hostile_images_are_refused_and_not_kept(cloud, tmp_path, kind):
    data, disk_format = hostile(tmp_path, kind)
    image = cloud.add_image(data, disk_format=disk_format)
    result = get_base(cloud, tmp_path, image, force_raw_images=True)
    assert result["exception"] == "ImageUnacceptable", result
    assert images_left(tmp_path) == []


def test_images_that_nobody_uses_go_when_they_are_old(cloud, tmp_path):
    images = [cloud.add_image(raw_image(1000 + i)) for i in range(3)]
    for image in images:
        get_base(cloud, tmp_path, image)
    for image in images[:2]:
        os.utime(base_of(tmp_path, image), (1, 1))
    (tmp_path / "_base" / "not-ours").write_text("")
    os.utime(tmp_path / "_base" / "not-ours", (1, 1))
    good(cloud, ["clean", [images[0]], 3600], instances_path=str(tmp_path))
    assert images_left(tmp_path) == sorted(
        [base_of(tmp_path, images[0]).name, base_of(tmp_path, images[2]).name, "not-ours"])


def test_a_file_of_this_host_can_be_an_image(cloud, tmp_path):
    (tmp_path / "disk.img").write_bytes(raw_image())
    for name in (f"file://{tmp_path}/disk.img", f"{tmp_path}/disk.img"):
        result = get_base(cloud, tmp_path, name, standalone=True, placement={}, neutron={}, cinder={})["result"]
        assert Path(result["path"]).read_bytes() == raw_image()
    assert not cloud.requests


def test_in_a_cloud_no_user_names_a_file_of_this_host(cloud, tmp_path):
    """base_image_ref is a property that users may set, and a rescue boots from it."""
    (tmp_path / "disk.config").write_bytes(raw_image())
    for name in (f"file://{tmp_path}/disk.config", f"{tmp_path}/disk.config"):
        assert get_base(cloud, tmp_path, name)["exception"] == "ImageNotFound"
    assert images_left(tmp_path) == []


def test_images_are_asked_for_as_nova_does(cloud, tmp_path):
    wanted = [golden(n) for n in ("libvirt-040*", "libvirt-041*")]
    image = cloud.add_image(b"x")
    user = cloud.context()
    good(cloud, ["download", image, f"{tmp_path}/f"], user=user,
         service_user=cloud.auth(send_service_user_token=True))
    captured = wanted[0]["reply"]["id"]
    for request, message in zip(cloud.asked("glance"), wanted, strict=True):
        assert as_sent(request) == (message["method"], message["path"].replace(captured, image),
                                    None, None)
        for name in ("X-Auth-Token", "X-Service-Token", "X-OpenStack-Request-ID"):
            assert (name in message["headers"]) == (name.lower() in request.headers)
    assert (tmp_path / "f").read_bytes() == b"x"


def test_killed_at_any_change_the_next_run_makes_it_whole(cloud, tmp_path):
    content = raw_image(1 << 18)
    (tmp_path / "raw").write_bytes(content)
    qemu_img("convert", "-f", "raw", "-O", "qcow2", tmp_path / "raw", tmp_path / "q")
    image = cloud.add_image((tmp_path / "q").read_bytes(), disk_format="qcow2")
    for n in range(1, 100):
        where = tmp_path / str(n)
        cloud.providers.clear()
        config = {"instances_path": str(where), "force_raw_images": True}
        done = start(cloud, sync(), ["base", image], env={"ORLOP_KILL_AT": str(n)}, **config)
        good(cloud, sync(), ["base", image], **config)
        assert base_of(where, image).read_bytes() == content
        assert images_left(where) == [base_of(where, image).name]
        assert cloud.providers[NODE]["traits"] == ["COMPUTE_NODE"]
        shutil.rmtree(where)
        if done.returncode == 0:
            break
    assert 8 < n < 99


# --- networks ---

def test_ports_become_nova_s_model(cloud):
    network, _ = cloud.add_network("10.0.0.0/24", dns_nameservers=["8.8.8.8"])
    port = cloud.add_port(network, device_id="i-1", device_owner="compute:nova")
    cloud.add_port(network, device_id="i-2")
    cloud.floatingips["f"] = {"port_id": port, "floating_ip_address": "203.0.113.5",
                              "fixed_ip_address": "10.0.0.3"}
    updated, info = good(cloud, ["update_port", port, {"binding:host_id": "cmp2"}],
                         ["network_info", "i-1"])
    assert updated["binding:vif_type"] == "ovs"
    assert len(info) == 1 and info[0]["id"] == port
    assert info[0]["type"] == "ovs" and info[0]["ovs_interfaceid"] == port
    assert info[0]["devname"] == f"tap{port}"[:14] and info[0]["active"] is False
    assert info[0]["network"]["bridge"] == "br-int"
    assert info[0]["network"]["meta"]["tunneled"] is True
    subnet = info[0]["network"]["subnets"][0]
    assert subnet["meta"] == {"dhcp_server": "10.0.0.2"}
    assert subnet["dns"][0]["address"] == "8.8.8.8"
    assert subnet["ips"][0]["address"] == "10.0.0.3"
    assert subnet["ips"][0]["floating_ips"][0]["address"] == "203.0.113.5"


def test_neutron_is_asked_with_our_own_token(cloud):
    user = cloud.context()
    good(cloud, ["ports", "i-1"], user=user)
    asked = cloud.asked("neutron")[0]
    assert asked.headers["x-auth-token"] != user["auth_token"]
    assert asked.headers["x-openstack-request-id"] == user["request_id"]


def test_ports_are_made_and_deleted(cloud):
    network, _ = cloud.add_network()
    port = good(cloud, ["create_port", {"network_id": network, "device_id": "i-1"}])[0]["id"]
    good(cloud, ["delete_port", port], ["delete_port", port])
    assert port not in cloud.ports
    result = run(cloud, ["update_port", port, {"device_id": ""}])[0]
    assert result["exception"] == "PortNotFound"
    assert result["error"] == f"Port id {port} could not be found."


# --- volumes ---

def test_an_attachment_lives(cloud):
    user = cloud.context(project="p-of-user")
    volume, attachment = cloud.add_volume("i-1")
    shown, info, *_ = good(
        cloud, ["volume", volume], ["attachment_update", attachment, {"host": "cmp2"}],
        ["attachment_complete", attachment], ["attachment_delete", attachment],
        ["attachment_delete", attachment], user=user)
    assert shown["id"] == volume and info["driver_volume_type"] == "iscsi"
    assert cloud.volumes[volume]["status"] == "available" and not cloud.attachments
    assert {r.version for r in cloud.asked("cinder")} == {"3.44"}
    assert cloud.asked("cinder", "PUT")[0].body == {"attachment": {"connector": {"host": "cmp2"}}}
    assert cloud.asked("cinder", "POST")[0].body == {"os-complete": None}


def test_a_missing_volume_has_nova_s_name(cloud):
    result = run(cloud, ["volume", "none"], user=cloud.context())[0]
    assert result["exception"] == "VolumeNotFound"
    assert result["error"] == "Volume none could not be found."


# --- config drives ---

def test_a_vfat_drive_holds_what_the_iso_holds(cloud, tmp_path):
    for name in ("mkfs.vfat", "mcopy"):
        if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            pytest.skip(f"{name} is not installed")
    good(cloud, ["config_drive", "vfat", f"{tmp_path}/v"],
         ["config_drive", "iso9660", f"{tmp_path}/i"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["i", "v"]
    assert (tmp_path / "v").stat().st_mode & 0o777 == 0o600
    for name in ("openstack/latest/meta_data.json", "ec2/latest/user-data"):
        vfat = subprocess.run(["mtype", "-i", tmp_path / "v", f"::/{name}"], check=True,
                              capture_output=True).stdout
        iso = subprocess.run([TOOL.parent / "iso-tool", "cat", tmp_path / "i", name], check=True,
                             capture_output=True).stdout
        assert vfat == iso != b""
    label = subprocess.run(["blkid", "-s", "LABEL", "-o", "value", "-p", tmp_path / "v"],
                           capture_output=True, text=True).stdout
    assert label.strip() in ("config-2", "CONFIG-2")
