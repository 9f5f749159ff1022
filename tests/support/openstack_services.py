# SPDX-License-Identifier: Apache-2.0
"""What each service of support/openstack.py answers: a function per service, (cloud, request) to
(status, body, headers). The forms are those that the real ones were seen to have."""

import re
import time
import urllib.parse
import uuid


class Refused(Exception):
    def __init__(self, status, body=None):
        super().__init__(status)
        self.status, self.body = status, body


def check_token(cloud, request):
    """401 without a good token; whose it is."""
    for header in ("x-auth-token", "x-service-token"):
        token = request.headers.get(header)
        known = cloud.tokens.get(token)
        if token is None and header == "x-service-token":
            continue
        if known is None or known["expires"] < time.time():
            raise Refused(401, {"error": {"code": 401, "title": "Unauthorized",
                                          "message": "The request you have made requires "
                                                     "authentication."}})
    return cloud.tokens[request.headers["x-auth-token"]]


def one_of(things, key, body):
    if key not in things:
        raise Refused(404, body)
    return things[key]


# --- keystone ---

def keystone(cloud, request):
    if request.path in ("/", "/v3", "/v3/"):
        link = {"rel": "self", "href": cloud.url("keystone") + "/v3/"}
        version = {"id": "v3.14", "status": "stable", "links": [link]}
        many = {"versions": {"values": [version]}}
        return (300, many, {}) if request.path == "/" else (200, {"version": version}, {})
    if request.path != "/v3/auth/tokens":
        raise Refused(404, {"error": {"code": 404, "message": "no such path"}})
    if request.method == "POST":
        return sign_in(cloud, request.body["auth"])
    check_token(cloud, request)
    subject = cloud.tokens.get(request.headers.get("x-subject-token"))
    if not subject:
        raise Refused(404, {"error": {"code": 404, "message": "no such token"}})
    return 200, {"token": describe(cloud, subject)}, {}


def sign_in(cloud, auth):
    identity = auth["identity"]
    good = False
    if identity["methods"] == ["password"]:
        user = identity["password"]["user"]
        good = user["name"] == cloud.user and user["password"] == cloud.password
        user["password"] = "***"
        good = good and ("scope" not in auth or "system" in auth["scope"]
                         or auth["scope"]["project"]["name"] == cloud.project)
    elif identity["methods"] == ["application_credential"]:
        given = identity["application_credential"]
        good = cloud.credentials.get(given["id"]) == given["secret"] and "scope" not in auth
    if not good:
        raise Refused(401, {"error": {"code": 401, "message": "The request you have made "
                                      "requires authentication.", "title": "Unauthorized"}})
    token = cloud.issue(cloud.user)
    body = {"token": {**describe(cloud, cloud.tokens[token]), "catalog": cloud.catalog()}}
    return 201, body, {"X-Subject-Token": token, "Vary": "X-Auth-Token"}


def describe(cloud, token):
    def stamp(t):
        return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(t))
    return {"methods": ["password"], "user": {"id": "u", "name": token["user"]},
            "project": {"id": token["project"], "name": cloud.project},
            "issued_at": stamp(token["expires"] - cloud.token_life),
            "expires_at": stamp(token["expires"]), "roles": [{"name": "admin"}]}


# --- placement ---

def problem(status, detail, code="placement.undefined_code"):
    return Refused(status, {"errors": [{"status": status, "title": "", "detail": detail,
                                        "code": code, "request_id": f"req-{uuid.uuid4()}"}]})


def placement(cloud, request):
    if request.path == "/":
        return 200, {"versions": [{"id": "v1.0", "max_version": "1.39", "min_version": "1.0",
                                   "status": "CURRENT", "links": []}]}, {}
    check_token(cloud, request)
    parts = request.path.strip("/").split("/")
    handler = {"resource_providers": providers, "traits": traits, "resource_classes": classes,
               "allocations": allocations}.get(parts[0])
    if not handler:
        raise problem(404, "The resource could not be found.")
    return handler(cloud, request, parts[1:])


def show(cloud, key):
    provider = cloud.providers[key]
    return {"uuid": key, "name": provider["name"], "generation": provider["generation"],
            "links": [], "parent_provider_uuid": provider["parent"],
            "root_provider_uuid": provider["parent"] or key}


def providers(cloud, request, parts):
    if parts:
        if parts[0] not in cloud.providers:
            raise problem(404, f"No resource provider with uuid {parts[0]} found")
        return provider_part(cloud, request, parts[0], parts[1] if len(parts) > 1 else None)
    if request.method == "POST":
        return create_provider(cloud, request)
    keys = list(cloud.providers)
    for name, test in (("in_tree", lambda k, v: v in (k, cloud.providers[k]["parent"])),
                       ("uuid", lambda k, v: k == v),
                       ("name", lambda k, v: cloud.providers[k]["name"] == v)):
        if name in request.query:
            keys = [k for k in keys if test(k, request.query[name][0])]
    return 200, {"resource_providers": [show(cloud, k) for k in keys]}, {}


def create_provider(cloud, request):
    body = request.body
    if body["uuid"] in cloud.providers:
        raise problem(409, f"Conflicting resource provider uuid: {body['uuid']} already exists.",
                      "placement.duplicate_name")
    if any(p["name"] == body["name"] for p in cloud.providers.values()):
        raise problem(409, f"Conflicting resource provider name: {body['name']} already exists.",
                      "placement.duplicate_name")
    cloud.providers[body["uuid"]] = {
        "name": body["name"], "generation": 0, "inventories": {}, "traits": [],
        "aggregates": [], "parent": body.get("parent_provider_uuid")}
    return 200, show(cloud, body["uuid"]), {}


def used(cloud, key):
    """Resources of a provider that are taken, by class."""
    taken = {}
    for record in cloud.allocations.values():
        for name, n in record["allocations"].get(key, {}).get("resources", {}).items():
            taken[name] = taken.get(name, 0) + n
    return taken


def provider_part(cloud, request, key, part):
    provider = cloud.providers[key]
    if part is None:
        if request.method == "DELETE":
            if used(cloud, key):
                raise problem(409, "Unable to delete resource provider: it has allocations.")
            del cloud.providers[key]
            return 204, None, {}
        return 200, show(cloud, key), {}
    if part == "usages":
        return 200, {"usages": used(cloud, key),
                     "resource_provider_generation": provider["generation"]}, {}
    if part == "allocations":
        found = {c: {"resources": r["allocations"][key]["resources"]}
                 for c, r in cloud.allocations.items() if key in r["allocations"]}
        return 200, {"allocations": found,
                     "resource_provider_generation": provider["generation"]}, {}
    if request.method == "PUT":
        change_part(cloud, request, key, part)
    return 200, {part: provider[part],
                 "resource_provider_generation": provider["generation"]}, {}


def change_part(cloud, request, key, part):
    provider, body = cloud.providers[key], request.body
    if body["resource_provider_generation"] != provider["generation"]:
        raise problem(409, "resource provider generation conflict", "placement.concurrent_update")
    if part == "inventories":
        unknown = set(body["inventories"]) - cloud.classes
        if unknown:
            raise problem(400, f"Unknown resource class in inventory: {unknown}")
        gone = set(used(cloud, key)) - set(body["inventories"])
        if gone:
            raise problem(409, f"Inventory for '{', '.join(gone)}' on resource provider '{key}' "
                          "in use.", "placement.inventory.inuse")
    elif part == "traits":
        unknown = [t for t in body["traits"] if t.startswith("CUSTOM_")
                   and t not in cloud.known_traits]
        if unknown:
            raise problem(400, f"No such trait {unknown}.")
    provider[part] = body[part]
    provider["generation"] += 1


def traits(cloud, request, parts):
    if parts and request.method == "PUT":
        cloud.known_traits.add(parts[0])
        return 201, None, {}
    names = request.query.get("name", ["in:"])[0][3:].split(",")
    return 200, {"traits": sorted(n for n in names if n in cloud.known_traits
                                  or not n.startswith("CUSTOM_"))}, {}


def classes(cloud, request, parts):
    if not parts[0].startswith("CUSTOM_"):
        raise problem(400, "The resource class is not custom.")
    cloud.classes.add(parts[0])
    return 201, None, {}


def allocations(cloud, request, parts):
    consumer = parts[0]
    if request.method == "DELETE":
        record = cloud.allocations.pop(consumer, None)
        if record is None:
            raise problem(404, f"No allocations for consumer '{consumer}'")
        for provider in record["allocations"]:
            if provider in cloud.providers:
                cloud.providers[provider]["generation"] += 1
        return 204, None, {}
    if request.method == "PUT":
        cloud.allocations[consumer] = {**request.body, "consumer_generation": 1}
        return 204, None, {}
    return 200, cloud.allocations.get(consumer, {"allocations": {}}), {}


# --- glance ---

def glance(cloud, request):
    if request.path in ("/", "/versions"):
        return 300, {"versions": [{"id": "v2.15", "status": "CURRENT", "links": []}]}, {}
    check_token(cloud, request)
    missing = {"message": "No image found with ID", "code": "404 Not Found", "title": "Not Found"}
    if request.path == "/v2/images":
        return 200, {"images": [i["meta"] for i in cloud.images.values()]}, {}
    found = re.fullmatch(r"/v2/images/([^/]+)(/file)?", request.path)
    if not found:
        raise Refused(404, missing)
    image = one_of(cloud.images, found.group(1), missing)
    if image["meta"]["visibility"] == "forbidden":
        raise Refused(403, {"message": "You are not authorized", "code": "403 Forbidden"})
    if not found.group(2):
        return 200, image["meta"], {}
    if not image["data"]:
        return 204, None, {}
    return 200, image["data"], {"Content-Type": "application/octet-stream",
                                "Content-MD5": image["meta"]["checksum"] or ""}


# --- neutron ---

def neutron(cloud, request):
    if request.path == "/":
        return 200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": []}]}, {}
    check_token(cloud, request)
    parts = request.path.strip("/").split("/")[1:]
    if parts[0] == "extensions":
        return 200, {"extensions": [{"alias": a} for a in ("binding", "router", "net-mtu")]}, {}
    things = {"ports": cloud.ports, "networks": cloud.networks, "subnets": cloud.subnets,
              "floatingips": cloud.floatingips}.get(parts[0])
    if things is None:
        raise Refused(404, "The resource could not be found.")
    if len(parts) == 1:
        return neutron_list(cloud, request, parts[0], things)
    kind = parts[0][:-1]
    thing = one_of(things, parts[1], {"NeutronError": {
        "type": f"{kind.title()}NotFound", "detail": "",
        "message": f"{kind.title()} {parts[1]} could not be found."}})
    if request.method == "DELETE":
        del things[parts[1]]
        return 204, None, {}
    if request.method == "PUT":
        change_thing(cloud, thing, request.body[kind])
    return 200, {kind: thing}, {}


def neutron_list(cloud, request, kind, things):
    if request.method == "POST":
        body = dict(request.body[kind[:-1]])
        port = cloud.add_port(body.pop("network_id"))
        change_thing(cloud, things[port], body)
        return 201, {"port": things[port]}, {}
    found = list(things.values())
    for name, values in request.query.items():
        if name in ("fields", "limit"):
            continue
        found = [t for t in found if str(t.get(name)) in values]
    return 200, {kind: found}, {}


def change_thing(cloud, thing, change):
    thing.update(change)
    if "binding:host_id" in change:
        is_bound = bool(change["binding:host_id"])
        thing["binding:vif_type"] = cloud.vif_type if is_bound else "unbound"
        thing["binding:vif_details"] = {"port_filter": True, "connectivity": "l2"} \
            if is_bound else {}


# --- cinder ---

def cinder(cloud, request):
    found = re.fullmatch(r"/v3/([^/]+)/(volumes|attachments)(?:/([^/]+))?(/action)?", request.path)
    who = check_token(cloud, request)
    if not found:
        raise Refused(404, {"itemNotFound": {"code": 404, "message": "Resource not found."}})
    project, kind, key, action = found.groups()
    if project != who["project"]:
        raise Refused(400, {"badRequest": {"code": 400, "message": "Malformed request url"}})
    things = cloud.volumes if kind == "volumes" else cloud.attachments
    if key is None:
        return create_attachment(cloud, request)
    thing = one_of(things, urllib.parse.unquote(key), {"itemNotFound": {
        "code": 404, "message": f"{kind[:-1].title()} {key} could not be found."}})
    if kind == "attachments" and not request.version:
        raise Refused(404, {"itemNotFound": {"code": 404, "message": "Version is too old."}})
    if request.method == "DELETE":
        del things[key]
        cloud.volumes[thing["volume_id"]]["status"] = "available"
        return 200, {"attachments": []}, {}
    if request.method == "PUT":
        connect(cloud, thing, request.body["attachment"]["connector"])
    if action and "os-complete" in request.body:
        thing["status"] = "attached"
        cloud.volumes[thing["volume_id"]]["status"] = "in-use"
        return 204, None, {}
    return 200, {kind[:-1]: thing}, {}


def create_attachment(cloud, request):
    body = request.body["attachment"]
    key = str(uuid.uuid4())
    cloud.attachments[key] = {"id": key, "volume_id": body["volume_uuid"], "status": "reserved",
                              "instance": body["instance_uuid"], "attach_mode": "null",
                              "connection_info": {}}
    return 200, {"attachment": cloud.attachments[key]}, {}


def connect(cloud, attachment, connector):
    attachment["connector"] = connector
    attachment["status"] = "attaching"
    own = cloud.volumes[attachment["volume_id"]].get("connection_info")
    attachment["connection_info"] = own or {
        "driver_volume_type": "iscsi", "attachment_id": attachment["id"],
        "target_iqn": f"iqn.2010-10.org.openstack:volume-{attachment['volume_id']}",
        "target_portal": "127.0.0.1:3260", "target_lun": 0, "access_mode": "rw",
        "volume_id": attachment["volume_id"], "encrypted": False}


SERVICES = {"keystone": keystone, "placement": placement, "glance": glance, "neutron": neutron,
            "cinder": cinder}
