# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The conversation that protects VMs anew, until its first act: find the VMs and all their hosts, read the new one,
plan, agree, test the way there. Pure. The acts are flow.py's.

Every phase is a function that is called when all its questions are answered; it asks more, or names the next phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...base.command_line import unconfirmed
from ...base.identity import twins
from ..conversation import ACT, TEST, Ask, End, Phases, Wanted, refuse
from ..heard import records_of
from ..looks import Look, Told
from ..policy import Hosts, tasks_of
from ..search_talk import SEARCH, Readings, SearchTalk, read_targets, vms_of, whom
from .plan import PROTECT, Job, Left, job_of, to_protect

GATHER = ("relations", "cluster", "server")


@dataclass(frozen=True)
class ReprotectTalk(SearchTalk):
    """first: the plan that was agreed on. own: the hosts that each VM concerns.

    left: what is left to do for each VM as it was looked at last, and told: what its hosts said then. looks and due:
    who is looked at, and who is to be. silent: old hosts that said nothing when they were asked last, and when that
    was. tried: stages of a VM that are behind it; lost: those of which an answer was lost. stale: how often what was
    read for a VM had grown too old. unread: how often the host could not be read. done: what the calls gave. stopped:
    why the run goes no further.
    """

    gather: Sequence[str] = GATHER
    first: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left: Mapping[str, Left] = field(default_factory=dict)
    told: Mapping[str, Readings] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()
    due: tuple[str, ...] = ()
    silent: Told = field(default_factory=dict)
    tried: frozenset[tuple[str, str]] = frozenset()
    lost: frozenset[tuple[str, str]] = frozenset()
    stale: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    done: tuple[Mapping[str, Any], ...] = ()
    stopped: str = ""

    @property
    def host(self) -> str:
        """The inventory host where the VMs run."""
        return self.want.targets[0]

    @property
    def new(self) -> str:
        """The inventory host to protect them to."""
        return str(self.want.inputs["new_replica"])

    def gathers(self, host: str) -> list[str]:
        """The new host may be a candidate that no relation names."""
        return list(GATHER) if host == self.new else ["relations"]

    def job(self, readings: Readings) -> Job:
        """What the plans rest on, from these readings."""
        want = self.want
        new_server = Hosts(self.host, readings, want.variables).windows_name(self.new)
        return job_of(want.inputs, readings, self.host, new_server, self.found, want.reach, self.met)


def start(want: Wanted) -> ReprotectTalk:
    """The conversation before anything was asked."""
    return ReprotectTalk("targets", want=want, vms=vms_of(want.inputs))


# -- until the first act ---------------------------------------------------------------------------------------------


def _targets(talk: ReprotectTalk, now: float) -> ReprotectTalk:
    """Read the host where the VMs run."""
    new = talk.want.inputs["new_replica"]
    if not new:
        return refuse(talk, "new_replica is required: the inventory host to protect the VMs to. Nothing was done.")
    if new == talk.host:
        return refuse(talk, f"new_replica is {new} itself. Name the other host. Nothing was done.")
    return read_targets(talk, now, talk.ids).goes_to("renamed")


def _new(talk: ReprotectTalk, now: float) -> ReprotectTalk:
    """Read the new host, where it was not among the others."""
    known = talk.readings.get(talk.new) or {}
    if talk.new not in talk.want.reach or "server" in known or (known and records_of(known) is None):
        return talk.goes_to("agree")
    asked: ReprotectTalk = talk.read(now, [talk.new], **whom((), talk.found["ids"]), gather=list(GATHER))
    return asked.goes_to("agree")


def _agree(talk: ReprotectTalk, now: float) -> ReprotectTalk:
    """Show the plan; refuse what speaks against it, and what was not confirmed."""
    talk = talk.learn()
    want, job = talk.want, talk.job(talk.readings)
    same = twins(job.sight.identity(host) for host in (talk.host, talk.new) if job.sight.records(host) is not None)
    if same:
        return refuse(talk, f"new_replica: {same}. Nothing was changed.")
    plan = to_protect(job, talk.found)
    shown = ("What is going to be done:", *plan["lines"], *plan["refused"])
    vms: list[Left] = plan["vms"]
    own = {vm.id: hosts_of(talk, job, vm.id) for vm in vms}
    told = {vm.id: talk.readings for vm in vms}
    talk = replace(talk, first=plan, plan=shown, own=own, left={vm.id: vm for vm in vms}, told=told)
    if plan["refused"]:
        return refuse(talk, "Nothing was changed.", *plan["refused"])
    typed = want.inputs["confirm"]
    unsure = (
        "" if typed is None or not plan["acts"] or want.check else unconfirmed(typed, plan["confirm"], plan["asked"])
    )
    return refuse(talk, unsure) if unsure else talk.goes_to("test")


def hosts_of(talk: ReprotectTalk, job: Job, vm: str) -> tuple[str, ...]:
    """The hosts that a VM concerns: where it runs, the new one, those that its relations name, and all with a copy."""
    seen = job.sight.see(vm, "")
    hosts = [talk.host, *job.there, *job.sight.partner_hosts(seen.partner), *(copy.host for copy in seen.pair.rest)]
    return tuple(host for host in dict.fromkeys(hosts) if host in talk.want.reach)


def _test(talk: ReprotectTalk, now: float) -> ReprotectTalk:
    """Ask whether the host reaches the new one, before anything is given up."""
    vms = [vm for vm in talk.left.values() if PROTECT in vm.stages]
    if not vms:
        return talk.goes_to("begin")
    task = protection(talk, talk.readings, [vm.id for vm in vms])
    options = {name: task[name] for name in _OF_A_TEST if name in task}
    asked: ReprotectTalk = talk.also([Ask(0, TEST, talk.host, {"state": "connection_tested", **options}, at=now)])
    return asked.goes_to("tested")


_OF_A_TEST = ("replica_server", "authentication", "certificate_thumbprint", "partner_server")


def protection(talk: ReprotectTalk, readings: Readings, vms: Sequence[str]) -> dict[str, Any]:
    """The options that protect VMs towards the new host: those of a policy of the role vm_replication."""
    policy = {"ids": list(vms), "replica_host": talk.new, **talk.job(readings).way}
    (task,) = tasks_of([policy], Hosts(talk.host, readings, talk.want.variables))
    return {name: value for name, value in task.items() if name not in ("label", "partner_host")}


def _tested(talk: ReprotectTalk, now: float) -> ReprotectTalk:
    ((ask, result),) = talk.answered.values()
    if result.get("failures") or result.get("msg"):
        told = f"{talk.host} does not reach {ask.options['replica_server']} as a replica server: {result.get('msg')}"
        return refuse(talk, told, "Nothing was changed.")
    ways = [vm["connection"] for vm in result.get("vms") or ()]
    lines = (
        f"{talk.host} reaches {way['replica_server']} on port {way['replica_port']} ({way['authentication']})"
        for way in ways
    )
    return replace(talk, lines=(*talk.lines, *lines)).goes_to("begin")


def _begin(talk: ReprotectTalk, now: float) -> ReprotectTalk:
    if talk.want.check:
        return replace(talk, end=End({"changed": talk.first["acts"] > 0}))
    return replace(talk, due=tuple(vm.id for vm in talk.left.values() if vm.stages)).goes_to(ACT)


PHASES: Phases[ReprotectTalk] = {
    "targets": _targets,
    **SEARCH,
    "plan": _new,
    "agree": _agree,
    "test": _test,
    "tested": _tested,
    "begin": _begin,
}
