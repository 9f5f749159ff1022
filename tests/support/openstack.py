# SPDX-License-Identifier: Apache-2.0
"""The services around a host agent, as far as its life needs them: keystone, placement, glance,
neutron and cinder on loopback, in memory, with trouble on demand.

    with OpenStack() as cloud:
        image = cloud.add_image(b"...", disk_format="raw")
        cloud.fault("placement", "PUT", "/inventories$", status=409)
        ... run something whose nova.conf has cloud.nova_conf() ...
        assert cloud.asked("placement", "DELETE", "/allocations/")

Each service has a port of its own; every request is kept in cloud.requests. State is plain
dictionaries, to be looked at and changed between requests (cloud.lock when something runs).
"""

import dataclasses
import datetime
import hashlib
import http.server
import json
import re
import socket
import struct
import threading
import time
import urllib.parse
import uuid

from .openstack_services import SERVICES, Refused

TYPES = {"keystone": "identity", "placement": "placement", "glance": "image",
         "neutron": "network", "cinder": "block-storage"}


@dataclasses.dataclass
class Request:
    service: str
    method: str
    path: str           # without the query
    query: dict         # name: list of values
    headers: dict       # names in lower case
    body: object        # JSON value, or None
    status: int = 0     # what was answered; 0 = the connection was reset

    @property
    def version(self):
        """The microversion, as "1.26"; None = the header was not sent."""
        value = self.headers.get("openstack-api-version")
        return value.split()[-1] if value else None


@dataclasses.dataclass
class Fault:
    service: str
    method: str = None
    path: str = None      # a regular expression that is searched in path?query
    times: int = 1        # how many requests it hits; -1 = all
    status: int = None    # answered instead of doing it
    body: object = None
    reset: bool = False   # the connection is reset instead of an answer
    done: bool = False    # but what was asked is done
    delay: float = 0      # seconds until the answer
    damage: bool = False  # a byte of the body is another
    cut: int = None       # so many bytes of the body are sent, then the connection is closed

    def hits(self, request, line):
        return (self.times != 0 and self.service == request.service
                and (self.method in (None, request.method))
                and (self.path is None or re.search(self.path, line)))


class OpenStack:
    user, password, project = "nova", "s3cret-of-nova", "service"
    region = "RegionOne"

    def __init__(self, token_life=3600, vif_type="ovs"):
        self.lock = threading.RLock()
        self.token_life, self.vif_type = token_life, vif_type
        self.requests, self.faults, self.servers = [], [], {}
        self.tokens = {}              # token: {"expires": time, "project": id, "user": name}
        self.credentials = {}         # application credential id: secret
        self.project_id = uuid.uuid4().hex
        self.providers = {}           # uuid: {"name", "generation", "inventories", "traits", ...}
        self.known_traits, self.classes = set(), {"VCPU", "MEMORY_MB", "DISK_GB", "PCPU"}
        self.allocations = {}         # consumer: {"allocations": {provider: {"resources"}}, ...}
        self.images = {}              # id: {"meta": as glance shows it, "data": bytes}
        self.networks, self.subnets, self.ports, self.floatingips = {}, {}, {}, {}
        self.volumes, self.attachments = {}, {}

    # --- life ---

    def start(self):
        for name, handle in SERVICES.items():
            server = Server(("127.0.0.1", 0), Handler)
            server.cloud, server.name, server.handle_request_of = self, name, handle
            self.servers[name] = server
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        for server in self.servers.values():
            server.shutdown()
            server.server_close()
            server.close_connections()
        self.servers.clear()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # --- where and how to sign in ---

    def url(self, service):
        return f"http://127.0.0.1:{self.servers[service].server_address[1]}"

    def endpoint(self, service, project=None):
        tail = {"keystone": "/v3", "cinder": f"/v3/{project or self.project_id}"}.get(service, "")
        return self.url(service) + tail

    def auth(self, **more):
        """The options of a section of nova.conf that signs in."""
        return {"auth_url": self.url("keystone") + "/v3", "auth_type": "password",
                "username": self.user, "password": self.password, "project_name": self.project,
                "user_domain_name": "Default", "project_domain_name": "Default",
                "region_name": self.region, **more}

    def nova_conf(self):
        """Sections for nova.conf: all services, and a service token beside the user's."""
        text = ""
        for section in ("placement", "neutron", "cinder", "service_user", "keystone_authtoken"):
            more = {"send_service_user_token": "true"} if section == "service_user" else {}
            text += f"[{section}]\n"
            text += "".join(f"{k} = {v}\n" for k, v in self.auth(**more).items())
        return text + f"[glance]\napi_servers = {self.url('glance')}\n"

    def catalog(self):
        return [{"id": uuid.uuid4().hex, "type": TYPES[name], "name": name, "endpoints": [
            {"id": uuid.uuid4().hex, "interface": interface, "region": self.region,
             "region_id": self.region, "url": self.endpoint(name)}
            for interface in ("internal", "public")]} for name in SERVICES]

    def context_catalog(self, project=None):
        """The same as a request context of a project's user has it."""
        return [{"type": TYPES[name], "name": name, "endpoints": [
            {"region": self.region, "internalURL": self.endpoint(name, project),
             "publicURL": self.endpoint(name, project)}]} for name in SERVICES if name != "keystone"]

    def context(self, project=None):
        """What a request context of a user of a project has of this: token and catalogue."""
        return {"request_id": f"req-{uuid.uuid4()}", "project_id": project or self.project_id,
                "auth_token": self.issue(project=project), "roles": ["member"],
                "service_catalog": self.context_catalog(project)}

    def issue(self, user="demo", project=None, life=None):
        """A token of a user."""
        token = "gAAAAA" + uuid.uuid4().hex
        with self.lock:
            self.tokens[token] = {"expires": time.time() + (life or self.token_life),
                                  "user": user, "project": project or self.project_id}
        return token

    def expire_tokens(self):
        with self.lock:
            self.tokens.clear()

    # --- trouble and what was asked ---

    def fault(self, service, method=None, path=None, **kind):
        """What goes wrong with the next request of that kind; see Fault."""
        with self.lock:
            self.faults.append(Fault(service, method, path, **kind))

    def asked(self, service, method=None, path=None):
        with self.lock:
            return [r for r in self.requests if r.service == service
                    and method in (None, r.method)
                    and (path is None or re.search(path, r.path))]

    # --- what there is ---

    def add_image(self, data, name="image", disk_format="raw", **more):
        image = str(uuid.uuid4())
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        meta = {"id": image, "name": name, "status": "active", "disk_format": disk_format,
                "container_format": "bare", "visibility": "public", "size": len(data),
                "virtual_size": None, "checksum": hashlib.md5(data).hexdigest(), "min_ram": 0,
                "min_disk": 0, "os_hash_algo": "sha512",
                "os_hash_value": hashlib.sha512(data).hexdigest(), "owner": self.project_id,
                "created_at": now, "updated_at": now, "tags": [], "protected": False,
                "os_hidden": False, "self": f"/v2/images/{image}",
                "file": f"/v2/images/{image}/file", "schema": "/v2/schemas/image", **more}
        with self.lock:
            self.images[image] = {"meta": meta, "data": data}
        return image

    def add_network(self, cidr="10.0.0.0/24", name="net", dhcp=True, **more):
        """A network with a subnet, and its DHCP server's port. (network id, subnet id)"""
        network, subnet = str(uuid.uuid4()), str(uuid.uuid4())
        base = cidr.split("/")[0].rsplit(":" if ":" in cidr else ".", 1)[0]
        sep = ":" if ":" in cidr else "."
        with self.lock:
            self.networks[network] = {
                "id": network, "name": name, "tenant_id": self.project_id, "mtu": 1450,
                "shared": False, "admin_state_up": True, "status": "ACTIVE",
                "subnets": [subnet], "provider:network_type": "vxlan",
                "provider:physical_network": None, "provider:segmentation_id": 7}
            self.subnets[subnet] = {
                "id": subnet, "network_id": network, "cidr": cidr, "tenant_id": self.project_id,
                "ip_version": 6 if sep == ":" else 4, "gateway_ip": f"{base}{sep}1",
                "enable_dhcp": dhcp, "dns_nameservers": [], "host_routes": [],
                "ipv6_address_mode": None, **more}
            if dhcp:
                self.add_port(network, device_owner="network:dhcp")
        return network, subnet

    def add_port(self, network, **more):
        port = str(uuid.uuid4())
        with self.lock:
            fixed = []
            for subnet in self.networks[network]["subnets"]:
                sep = ":" if ":" in self.subnets[subnet]["cidr"] else "."
                n = sum(p["network_id"] == network for p in self.ports.values()) + 2
                base = self.subnets[subnet]["gateway_ip"].rsplit(sep, 1)[0]
                fixed.append({"subnet_id": subnet, "ip_address": f"{base}{sep}{n}"})
            self.ports[port] = {
                "id": port, "network_id": network, "name": "", "admin_state_up": True,
                "status": "DOWN", "tenant_id": self.project_id, "device_id": "",
                "device_owner": "", "mac_address": "fa:16:3e:" + ":".join(
                    port[i:i + 2] for i in (0, 2, 4)), "fixed_ips": fixed,
                "binding:vnic_type": "normal", "binding:host_id": "", "binding:profile": {},
                "binding:vif_type": "unbound", "binding:vif_details": {},
                "security_groups": [], **more}
        return port

    def add_volume(self, instance=None, **more):
        """A volume and, for an instance, its attachment. (volume id, attachment id or None)"""
        volume = str(uuid.uuid4())
        with self.lock:
            self.volumes[volume] = {"id": volume, "name": "", "size": 1, "status": "available",
                                    "bootable": "false", "attachments": [],
                                    "multiattach": False, "encrypted": False, **more}
            if instance is None:
                return volume, None
            attachment = str(uuid.uuid4())
            self.attachments[attachment] = {
                "id": attachment, "volume_id": volume, "instance": instance,
                "status": "reserved", "attach_mode": "null", "connection_info": {}}
            self.volumes[volume]["status"] = "reserved"
        return volume, attachment

    def claim(self, consumer, provider, **resources):
        """What the scheduler does: an allocation, which moves the provider's generation on."""
        with self.lock:
            self.allocations[consumer] = {
                "allocations": {provider: {"resources": resources,
                                           "generation": self.providers[provider]["generation"]}},
                "project_id": self.project_id, "user_id": "u", "consumer_generation": 1}
            self.providers[provider]["generation"] += 1


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args):
        super().__init__(*args)
        self.connections = set()

    def process_request(self, request, client_address):
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self):
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        pass  # clients come and go


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do(self):
        cloud, name = self.server.cloud, self.server.name
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length)
        path, _, query = self.path.partition("?")
        try:
            body = json.loads(data) if data else None
        except ValueError:
            return self.answer(400, {"error": {"code": 400, "message": "no JSON"}}, {})
        request = Request(name, self.command, path, urllib.parse.parse_qs(query),
                          {k.lower(): v for k, v in self.headers.items()}, body)
        with cloud.lock:
            cloud.requests.append(request)
            fault = next((f for f in cloud.faults if f.hits(request, self.path)), None)
            if fault:
                fault.times -= 1
        if fault and fault.delay:
            time.sleep(fault.delay)
        if fault and fault.reset and not fault.done:
            return self.reset()
        if fault and fault.status and not fault.done:
            request.status = fault.status
            return self.answer(fault.status, fault.body, {})
        with cloud.lock:
            try:
                request.status, result, headers = self.server.handle_request_of(cloud, request)
            except Refused as e:
                request.status, result, headers = e.status, e.body, {}
        if fault and fault.done:
            return self.reset() if fault.reset else self.answer(fault.status, fault.body, {})
        return self.answer(request.status, result, headers, fault)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = do

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def answer(self, status, body, headers, fault=None):
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(
            body).encode()
        if fault and fault.damage and data:
            data = data[:-1] + bytes([data[-1] ^ 1])
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not isinstance(body, bytes) and body is not None:
            self.send_header("Content-Type", "application/json")
        self.send_header("x-openstack-request-id", f"req-{uuid.uuid4()}")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if fault and fault.cut is not None:
            self.wfile.write(data[:fault.cut])
            self.close_connection = True
        elif status != 204 and self.command != "HEAD":
            self.wfile.write(data)
