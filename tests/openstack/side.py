# SPDX-License-Identifier: Apache-2.0
"""One agent and what is done to it through nova's API; each method gives a fact to compare."""

import json
import re
import time

from api import Refused, wait

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FLAVOR, IMAGE = "r1.tiny", "rig"
STATES = ("status", "OS-EXT-STS:vm_state", "OS-EXT-STS:task_state", "OS-EXT-STS:power_state")
SERVER = (*STATES, "config_drive", "addresses", "OS-EXT-SRV-ATTR:root_device_name",
          "OS-SRV-USG:terminated_at", "host_status", "accessIPv4", "locked", "fault", "flavor",
          "OS-EXT-SRV-ATTR:launch_index", "OS-EXT-SRV-ATTR:kernel_id", "OS-DCF:diskConfig",
          "os-extended-volumes:volumes_attached", "trusted_image_certificates", "progress")


class Side:
    def __init__(self, rig, api, agent):
        self.rig, self.api, self.agent = rig, api, agent
        self.host, self.driver = agent.host, agent.driver
        self.server, self.provider, self.all_servers = None, None, []
        self.seen = ""  # of the console

    def plain(self, text):
        """Without names that differ from side to side."""
        text = text.replace(f"m-{self.host}", "HOST").replace(self.host, "HOST")
        return UUID.sub("UUID", text)

    # --- the host

    def _services(self):
        path = f"/os-services?binary=nova-compute&host={self.host}"
        return self.api.compute("GET", path)["services"]

    def service_up(self, seconds=60):
        def is_up():
            return self.rig.rows("SELECT JSON_OBJECT('n', 1) FROM services WHERE deleted=0 AND "
                                 f"host='{self.host}' AND `binary`='nova-compute' AND "
                                 "last_seen_up > UTC_TIMESTAMP() - INTERVAL 8 SECOND")
        wait(seconds, "a fresh report of the service", is_up, every=0.3)
        service = self._services()[0]
        return {k: service[k] for k in ("binary", "status", "state", "zone", "disabled_reason",
                                        "forced_down")}

    def _hypervisor(self, version):
        path = "/os-hypervisors/detail"
        if version == "2.88":
            path += f"?hypervisor_hostname_pattern={self.host}"
        found = self.api.compute("GET", path, version=version)["hypervisors"]
        return next((h for h in found if h["service"]["host"] == self.host), None)

    def hypervisor(self):
        old = wait(30, "its hypervisor in the list", lambda: self._hypervisor("2.87"), every=0.3)
        new = self._hypervisor("2.88")
        fact = {k: v for k, v in old.items() if k not in ("id", "service", "hypervisor_hostname")}
        # text that says the time, and which fake knows nothing of
        fact["uptime"] = type(new["uptime"]).__name__
        fact["keys"] = sorted(new)
        if self.driver == "qemu":
            # libvirt's own names and order of features; memory that changes as balloons do
            fact["cpu_info"] = sorted(fact["cpu_info"])
            for key in ("free_ram_mb", "memory_mb"):
                fact[key] = fact[key] > 0
        self.provider = new["id"]
        return fact

    def node_row(self):
        """What the API doesn't show of the node."""
        fields = ("hypervisor_type", "hypervisor_version", "stats", "metrics", "numa_topology",
                  "supported_instances", "pci_stats", "extra_resources", "cpu_allocation_ratio",
                  "ram_allocation_ratio", "disk_allocation_ratio", "mapped", "free_disk_gb",
                  "free_ram_mb", "running_vms", "current_workload", "local_gb_used",
                  "memory_mb_used", "vcpus_used", "host_ip")
        pairs = ", ".join(f"'{f}', {f}" for f in fields)
        row = self.rig.rows(f"SELECT JSON_OBJECT({pairs}) FROM compute_nodes WHERE deleted=0 AND "
                            f"host='{self.host}'")[0]
        # nova keeps counters that have fallen to zero until its next start
        stats = json.loads(row["stats"] or "{}")
        # and states of machines are as old as its last periodic look
        row["stats"] = {k: v for k, v in stats.items() if v != "0"
                        and not re.match("num_(vm|task)_|io_workload", k)}
        row["free_ram_mb"] = row["free_ram_mb"] > 0
        return {k: self.plain(v) if isinstance(v, str) else v for k, v in row.items()}

    def _of_provider(self, what):
        return self.api.placement(f"/resource_providers/{self.provider}/{what}")

    def inventories(self):
        found = wait(20, "inventories", lambda: self._of_provider("inventories")["inventories"])
        if self.driver == "qemu":
            for key in ("total", "max_unit"):
                found["MEMORY_MB"][key] = found["MEMORY_MB"][key] > 0
        return found

    def traits(self):
        return dict.fromkeys(wait(20, "traits", lambda: self._of_provider("traits")["traits"]), 1)

    def usages(self):
        return self._of_provider("usages")["usages"]

    def allocations(self):
        found = self.api.placement(f"/allocations/{self.server}")["allocations"]
        return [found[p]["resources"] for p in found if p == self.provider]

    # --- a server

    def _id_of(self, service, path, key, name):
        found = self.api.ask(service, "GET", path)[key]
        return next(x["id"] for x in found if x["name"] == name)

    def boot(self, name):
        """Asks for a server on this host; its id."""
        body = {"name": f"{name}-{self.host}", "networks": "none", "host": self.host,
                "imageRef": self._id_of("image", "/v2/images", "images", IMAGE),
                "flavorRef": self._id_of("compute", "/flavors", "flavors", FLAVOR),
                "metadata": {"of": "a test"}}
        made = self.api.compute("POST", "/servers", {"server": body}, "2.74")["server"]["id"]
        self.all_servers.append(made)
        return made

    def show(self, server=None):
        return self.api.compute("GET", f"/servers/{server or self.server}")["server"]

    def states(self, server=None):
        shown = self.show(server)
        return tuple(shown[k] for k in STATES)

    def settled(self, status, seconds=120, server=None):
        """Waits until nothing is under way; the states, of which 'status' has to be one."""
        def look():
            now = self.states(server)
            return now if now[2] is None and now[0] not in ("BUILD", "REBOOT", "HARD_REBOOT") \
                and (now[0] in status or now[0] == "ERROR") else None
        found = wait(seconds, lambda: f"{status}; it is {self.states(server)}", look)
        assert found[0] in status, f"{found[0]}: {self.show(server).get('fault', {})}"
        return found

    def create(self):
        self.server = self.boot("c")
        self.settled(("ACTIVE",), 300)
        shown = self.show()
        fact = {k: shown.get(k) for k in SERVER}
        fact["launched"] = bool(shown["OS-SRV-USG:launched_at"])
        fact["host"] = shown["OS-EXT-SRV-ATTR:host"] == self.host
        fact["hypervisor"] = self.plain(shown["OS-EXT-SRV-ATTR:hypervisor_hostname"])
        return fact

    def act(self, action, status, seconds=150):
        """One action of the API until its end; states and what was recorded of it."""
        known = len(self.actions())
        self.api.compute("POST", f"/servers/{self.server}/action", action)
        wait(20, "the action's record", lambda: len(self.actions()) > known)
        states = self.settled(status, seconds)
        return states, self.last_action()

    def actions(self, server=None):
        path = f"/servers/{server or self.server}/os-instance-actions"
        return self.api.compute("GET", path)["instanceActions"]

    def last_action(self, server=None):
        """Name, message and events of the newest action, once they have ended."""
        base = f"/servers/{server or self.server}/os-instance-actions"

        def look():
            newest = self.actions(server)[0]["request_id"]
            action = self.api.compute("GET", f"{base}/{newest}")["instanceAction"]
            ended = all(e["finish_time"] for e in action["events"])
            return action if ended and action["events"] else None
        action = wait(20, "the end of its events", look)
        events = [{k: e.get(k) for k in ("event", "result", "traceback", "host", "details")}
                  for e in action["events"]]
        for event in events:
            for key in ("traceback", "details", "host"):
                event[key] = self.plain(event[key]) if event[key] else event[key]
        return {"action": action["action"], "message": action["message"],
                "events": sorted(events, key=lambda e: e["event"])}

    def request_in_log(self):
        """The user's request id, user and project, and the instance, as operators look for them."""
        request = self.actions()[-1]["request_id"]
        wait(5, f"{request} in the log", lambda: request in self.agent.log())
        line = next(x for x in self.agent.log().splitlines()
                    if request in x and "Took" in x and "to build instance" in x)
        return self.plain(re.sub(r"^\S+ \S+ \d+ |\d+\.\d+|[0-9a-f]{32}", "", line))

    def instance_row(self):
        """What the databases keep of it and the API doesn't show."""
        fields = ("launched_on", "host", "node", "root_device_name", "default_ephemeral_device",
                  "default_swap_device", "config_drive", "auto_disk_config", "progress", "cell_name",
                  "availability_zone", "cleaned", "architecture", "vm_mode", "key_name", "os_type",
                  "power_state", "task_state", "vm_state", "ephemeral_key_uuid", "disable_terminate")
        pairs = ", ".join(f"'{f}', {f}" for f in fields)
        row = self.rig.rows(f"SELECT JSON_OBJECT({pairs}) FROM instances WHERE "
                            f"uuid='{self.server}'")[0]
        pairs = ("'key', `key`, 'value', value")
        meta = self.rig.rows(f"SELECT JSON_OBJECT({pairs}) FROM instance_system_metadata WHERE "
                             f"deleted=0 AND instance_uuid='{self.server}'")
        row["system_metadata"] = {m["key"]: m["value"] for m in meta}
        pairs = ", ".join(f"'{f}', {f}" for f in (
            "device_name", "delete_on_termination", "no_device", "connection_info", "source_type",
            "destination_type", "guest_format", "device_type", "disk_bus", "boot_index", "tag",
            "volume_size", "attachment_id"))
        row["mappings"] = self.rig.rows(f"SELECT JSON_OBJECT({pairs}) FROM block_device_mapping "
                                        f"WHERE deleted=0 AND instance_uuid='{self.server}'")
        pairs = "'numa', numa_topology, 'pci', pci_requests, 'device', device_metadata, " \
                "'vcpu_model', vcpu_model IS NULL, 'migration', migration_context, 'res', resources"
        row["extra"] = self.rig.rows(f"SELECT JSON_OBJECT({pairs}) FROM instance_extra WHERE "
                                     f"instance_uuid='{self.server}'")
        return {k: self.plain(v) if isinstance(v, str) else v for k, v in row.items()}

    def images(self):
        return sorted(i["name"] for i in self.api.ask("image", "GET", "/v2/images")["images"])

    def open_migrations(self):
        found = self.api.compute("GET", f"/os-migrations?instance_uuid={self.server}")
        return [m["status"] for m in found["migrations"] if m["status"] not in
                ("error", "failed", "confirmed", "completed", "done")]

    def console(self):
        body = {"os-getConsoleOutput": {}}
        return self.api.compute("POST", f"/servers/{self.server}/action", body)["output"]

    def console_tail(self, lines=2):
        body = {"os-getConsoleOutput": {"length": lines}}
        return self.api.compute("POST", f"/servers/{self.server}/action", body)["output"]

    def guest_ready(self, seconds=120):
        """One more boot as the console tells it: has the guest read its config drive? The log
        may go on or begin anew."""
        def look():
            text = self.console()
            new = text[len(self.seen):] if text.startswith(self.seen) else text
            return text if "RIG-GUEST-READY" in new else None
        text = wait(seconds, lambda: f"the guest; its console: {self.console()[-300:]!r}", look,
                    every=0.2)
        self.seen = text
        drive = text.rsplit("RIG-GUEST-UP", 1)[-1]
        assert "RIG-CONFIG-DRIVE" in drive, f"the guest saw no config drive: {drive[-500:]!r}"
        return {"device": re.search(r"RIG-CONFIG-DRIVE (\S+)", drive).group(1),
                "its own": self.server in drive, "metadata": '"of": "a test"' in drive}

    def diagnostics(self):
        return self.api.compute("GET", f"/servers/{self.server}/diagnostics")

    def refusal(self, method, path, body):
        try:
            self.api.compute(method, path, body)
        except Refused as e:
            return e.status
        return 0

    def delete(self, server=None, seconds=120):
        server = server or self.server
        was_good = self.states(server)[0] != "ERROR"
        self.api.compute("DELETE", f"/servers/{server}")

        def is_gone():
            try:
                shown = self.show(server)
            except Refused as e:
                return e.status == 404
            is_bad = shown["status"] == "ERROR" and not shown["OS-EXT-STS:task_state"]
            assert not (is_bad and was_good), shown.get("fault")
            return False
        wait(seconds, "its end", is_gone)
        left = self.api.placement(f"/allocations/{server}")["allocations"]
        row = self.rig.rows("SELECT JSON_OBJECT('vm_state', vm_state, 'task_state', task_state, "
                            "'power_state', power_state, 'deleted', deleted > 0, 'cleaned', cleaned,"
                            "'terminated', terminated_at IS NOT NULL) "
                            f"FROM instances WHERE uuid='{server}'")
        return {"allocations": left, "row": row, "action": self.deleted_action(server)}

    def deleted_action(self, server):
        pairs = "'action', a.action, 'event', e.event, 'result', e.result, 'ended', " \
                "e.finish_time IS NOT NULL, 'message', a.message"
        query = f"SELECT JSON_OBJECT({pairs}) FROM instance_actions a JOIN instance_actions_events " \
                f"e ON e.action_id=a.id WHERE a.instance_uuid='{server}' AND a.action='delete'"
        found = wait(10, "the end of its delete event",
                     lambda: (lambda r: r if r and r[0]["ended"] else None)(self.rig.rows(query)))
        return found

    def leave(self):
        """The host is forgotten by the control plane, or the scheduler would choose it while it
        still looks up."""
        for service in self._services():
            try:
                self.api.compute("DELETE", f"/os-services/{service['id']}")
            except Refused:
                continue
        name = self.agent.uts or self.host
        left = self.api.placement(f"/resource_providers?name={name}")["resource_providers"]
        assert not left, f"allocations keep the provider {name}: {left}"

    def sweep(self):
        """Whatever a failed step has left."""
        for server in self.all_servers:
            try:
                self.api.compute("DELETE", f"/servers/{server}")
            except Refused:
                continue
        end = time.monotonic() + 60
        while self.all_servers and time.monotonic() < end:
            server = self.all_servers[0]
            try:
                self.show(server)
                time.sleep(0.2)
            except Refused:
                self.all_servers.pop(0)
