# SPDX-License-Identifier: Apache-2.0
"""
An agent in an OpenStack is killed instead of making its Nth outside change, from its start to the end of a build,
of a deletion or of a build that goes back to the conductor. Started again it has to end what was begun.
"""

from .cluster import until
from .compute import FAKE, Agent, end_qemus, qemus

NO_IMAGE = "00000000-0000-4000-8000-000000000000"
KILLED = -9
ENOUGH = 2


class CloudWalk:
    """Ways: "build", "delete", "reschedule" (a build whose image is missing)."""

    def __init__(self, where, nova, way, stride, options, driver=FAKE):
        self.where, self.nova, self.way, self.stride = where, nova, way, stride
        self.options, self.driver = options, driver
        self.killed, self.wrong, self.logs = [], {}, {}

    def run(self):
        n, misses = 1, 0
        while misses < ENOUGH:
            self.nova.host = f"{self.way}-{n}"
            agent = Agent(self.where / f"{self.way}{n}", f"host = {self.nova.host}\n{self.options}", self.driver, argv=())
            wrong = []
            try:
                was_killed = self.trial(agent, n, wrong)
            except AssertionError as e:
                wrong.append(str(e).splitlines()[0])
                was_killed = True
            finally:
                agent.kill()
                end_qemus(agent.where)
            self.note(agent, n, was_killed, wrong)
            misses = 0 if was_killed else misses + 1
            n += self.stride
        return self

    def note(self, agent, n, was_killed, wrong):
        if was_killed:
            self.killed.append(n)
        for what in wrong:
            self.wrong.setdefault(what, []).append(n)
            self.logs.setdefault(what, agent.tail())

    def trial(self, agent, n, wrong):
        nova = self.nova
        nova.casts.clear()
        nova.cloud.providers.clear()  # those of earlier hosts, which may have the same name
        nova.cloud.allocations.clear()
        agent.start(wait=False)
        until(lambda: nova.is_served(), "its queue", 15)
        if self.way == "delete":
            one = nova.build(nova.image)
            nova.wait_state(one, "active")
        agent.kill()
        until(lambda: not nova.is_served(), "the end of its queue", 15)
        if self.way == "build":
            one = nova.build(nova.image)
        elif self.way == "delete":
            nova.terminate(one)
        else:
            one = nova.build(NO_IMAGE, retry=True)
        agent.start(wait=False, kill_at=n)
        until(lambda: agent.has_ended() or nova.is_served() and self.is_over(one), "the way", 20)
        was_killed = agent.has_ended()
        if was_killed and agent.process.returncode != KILLED:
            wrong.append(f"ended with {agent.process.returncode}")
        agent.kill()
        agent.start(wait=False)
        until(lambda: nova.is_served(), "its queue after the kill", 15)
        try:
            until(lambda: self.is_over(one), "its end", 10)
        except AssertionError:
            row = nova.row("Instance", one)
            raise AssertionError(f"hangs: {row['vm_state']}, {row['task_state']}, on {row['host']}") from None
        self.check(agent, one, wrong)
        return was_killed

    def has_rescheduled(self, one):
        return any(m["method"] == "build_instances"
                   and m["args"]["instances"][0]["nova_object.data"]["uuid"] == one for m in self.nova.casts)

    def is_over(self, one):
        row, state = self.nova.row("Instance", one), self.nova.state_of(one)
        if self.has_rescheduled(one):
            return True
        return state == "gone" if self.way == "delete" else state in ("active", "error") and not row["task_state"]

    def check(self, agent, one, wrong):
        nova = self.nova
        if nova.state_of(one) == "error" and not nova.faults_of(one):
            wrong.append("an error without a reason")
        if nova.state_of(one) == "active" and nova.row("Instance", one)["host"] != nova.host:
            wrong.append("active on no host")
        if nova.state_of(one) not in ("gone",) and nova.row("Instance", one)["host"]:
            nova.terminate(one)
            nova.wait_state(one, "gone")
        if not (nova.state_of(one) == "error" and not nova.row("Instance", one)["host"]):
            # Of an instance without a host the API deletes the allocation.
            wrong += [f"an allocation is left by {nova.state_of(one)}" for c in nova.cloud.allocations if c == one]
        wrong += [f"left: {what}" for what in (*agent.files(), *qemus(agent.where).values())]

    def summary(self):
        step = "" if self.stride == 1 else f" each {self.stride}th tried,"
        bad = {n for ns in self.wrong.values() for n in ns}
        return (f"killed: compute, OpenStack, {self.way}:{step} {len(self.killed)} kill points"
                f" up to {max(self.killed, default=0)}, {len(bad)} did not converge")

    def complaint(self):
        return "\n".join(f"killed at {ns}: {what}\n{self.logs[what]}" for what, ns in self.wrong.items())
