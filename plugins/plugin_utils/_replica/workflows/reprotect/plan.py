# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Protecting VMs anew whose old primary does not come back: towards a new host, or the third site that has them.

A VM that is failed over to the host in the middle of a chain goes on towards its third site without a new copy
(Resume-VMReplication -Continue). Everything else is committed, ended on this side, and enabled anew. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from ...base.acts import ACTS
from ...base.errors import PlanError
from ...base.names import is_one_of
from ...base.partner_server import problem as server_problem
from ...base.partner_server import read_server
from ...base.plan_lines import plan_line
from ...base.states import (
    FAILED_OVER_STATES,
    FAILED_OVER_WAITING,
    NONE,
    OFF,
    PREPARED,
    PRIMARY,
    READY,
    REPLICA,
    power_may_run,
)
from ...facts.cluster import Broker, Cluster
from ...relation.partner import collision, read_partner
from ..failover.inputs import groups_of
from ..failover.sides import Record, Seen, Sight
from ..heard import host_answered, records_of
from ..prepare.plan import check_hosts_accepted, confirmed_by, states_of

CONTINUE, COMMIT, REMOVE, PROTECT = "continue", "commit", "remove", "protect"
KERBEROS, CERTIFICATE = "kerberos", "certificate"


class _Step(NamedTuple):
    """One cmdlet, its stage, what of its parameters is known beforehand, and why."""

    stage: str
    cmdlet: str
    parameters: Mapping[str, Any]
    why: str


@dataclass(frozen=True)
class Left:
    """What is left to do for a VM. stages: which come next, in their order. lines: of the plan. against: why none is
    gone through; "" when nothing known speaks against it.
    """

    id: str
    name: str
    stages: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    against: str = ""


@dataclass(frozen=True)
class Job:
    """What all VMs share. `new_server` is the new host's Windows name, or that of its cluster's broker."""

    inputs: Mapping[str, Any]
    readings: Mapping[str, Any]
    host: str
    new_server: str
    sight: Sight

    @property
    def new(self) -> str:
        """The inventory host to protect them to."""
        return str(self.inputs["new_replica"])

    @cached_property
    def there(self) -> list[str]:
        """The same with the other nodes of its cluster, as far as a relation names it."""
        return list(dict.fromkeys([self.new, *self.sight.partner_hosts(self.new_server)]))

    @cached_property
    def old(self) -> list[str]:
        """Inventory hosts of the old partners."""
        every = (host for hosts in self.sight.partners.values() for host in hosts)
        return [host for host in dict.fromkeys(every) if host not in self.there]

    def is_new(self, name: str) -> bool:
        """True for a name of the new host or of its cluster."""
        return is_one_of(name, [self.new_server, *self.sight.identity(self.new).names])

    @property
    def way(self) -> dict[str, str | None]:
        """The type of the connection, and this host's certificate for it: what was given, else the only type that the
        new host takes, and what this host uses as a replica server.
        """
        server = read_server((self.readings.get(self.new) or {}).get("server"))
        type_ = self.inputs["authentication"] or (server.only_type if server else None)
        own = (self.readings[self.host].get("server") or {}).get("certificate_thumbprint")
        given = self.inputs["certificate_thumbprint"]
        return {"authentication": type_, "certificate_thumbprint": given or (own if type_ == CERTIFICATE else None)}


def job_of(
    inputs: Mapping[str, Any],
    readings: Mapping[str, Any],
    host: str,
    new_server: str,
    found: Mapping[str, Any],
    reach: Sequence[str] | None = None,
    first: Mapping[str, str] | None = None,
) -> Job:
    """What the plans of all VMs of a host rest on. `found` is what the partners were found with (failover/partners.py),
    `reach` are the hosts that may be contacted, `first` the Windows names that hosts answered with at first.
    """
    partners, names = found.get("partners") or {}, found.get("names") or {}
    return Job(inputs, readings, host, new_server, Sight(readings, [host], partners, names, first or {}, reach=reach))


def to_protect(job: Job, found: Mapping[str, Any]) -> dict[str, Any]:
    """`vms`, what is Left for each; `lines`, `refused`, `acts`, and what confirms it.

    An old host that still has the VM, or that answers and does not tell, is not lost: reverse the replication instead;
    one that nobody asked is not known to be lost. Nothing is committed before the new host is known to be ready. Raises
    PlanError for VMs that the host does not have.
    """
    check_hosts_accepted(job.inputs, job.host, found)
    if records_of(job.readings[job.host]) is None:
        why = job.readings[job.host].get("msg") or "it gave no answer"
        raise PlanError(f"{job.host} could not be read: {why}")
    asked = [job.sight.asked_for(str(vm)) for group in groups_of(job.inputs) for vm in group["vms"]]
    records = list({str(record["id"]): record for record in asked}.values())
    vms = [left_of(job, record) for record in records]
    return {
        "vms": vms,
        "lines": [line for vm in vms for line in vm.lines],
        "refused": [f"{vm.name}: REFUSED: {vm.against}" for vm in vms if vm.against],
        "acts": sum(bool(vm.stages) for vm in vms),
        **confirmed_by(job.inputs, records, job.host),
    }


def left_of(job: Job, record: Record) -> Left:
    """What is left to do for the VM of this record of the host."""
    name = str(record["name"])
    left = Left(str(record["id"]), name)
    if is_through(job, record):
        return replace(left, lines=(f"{name}: protected towards {job.new_server} already",))
    against = _against(job, record)
    if against:
        return replace(left, against=against)
    steps = list(_steps(job, record))
    lines = [f"{name}: {states_of(record)} on {job.host}"]
    lines += [plan_line(n, job.host, step.cmdlet, step.parameters, step.why) for n, step in enumerate(steps, 1)]
    stages = tuple(dict.fromkeys(step.stage for step in steps))
    return replace(left, stages=stages, lines=(*lines, *_left_behind(job, record)))


def third_site(record: Record) -> Mapping[str, Any] | None:
    """The leg on which this host's replica is replicated on; None without one."""
    return next((leg for leg in record["relations"] or () if leg["type"] == "Extended"), None)


def is_through(job: Job, record: Record) -> bool:
    """True for a VM that is protected towards the new host, be its first copy still on its way."""
    return _protected(job, record) and record["state"] != READY


def _protected(job: Job, record: Record) -> bool:
    return bool(record["mode"] == PRIMARY and job.is_new(str(record["partner"])))


def _goes_on(job: Job, record: Record) -> bool:
    """True when the new host is the third site of the VM."""
    leg = third_site(record)
    names = [leg["replica_server"], leg["current_replica_server"]] if leg else []
    return any(job.is_new(str(name)) for name in names if name)


def _steps(job: Job, record: Record) -> Iterator[_Step]:
    if _goes_on(job, record):
        act = ACTS["continue"]
        yield _Step(CONTINUE, act.cmdlet, act.parameters, act.meaning)
        return
    if record["state"] == FAILED_OVER_WAITING:
        yield _Step(COMMIT, ACTS["commit"].cmdlet, {}, "commit the failover: its recovery points go")
    if record["state"] in FAILED_OVER_STATES:
        why = "end the old replication on this side (UNPROTECTED from then on)"
        yield _Step(REMOVE, ACTS["remove"].cmdlet, {}, why)
    if record["mode"] != PRIMARY:
        server = {"ReplicaServerName": job.new_server}
        yield _Step(PROTECT, "Enable-VMReplication", server, "protect it towards the new host")
    yield _Step(PROTECT, ACTS["start_copy"].cmdlet, {}, "start the first copy towards the new host")


# -- what speaks against it ------------------------------------------------------------------------------------------


def _against(job: Job, record: Record) -> str:
    """Why this VM is not protected anew; "" when nothing known speaks against it."""
    failed_over = record["mode"] == REPLICA and record["state"] in FAILED_OVER_STATES
    if not (failed_over or _protected(job, record) or record["mode"] == NONE):
        return f"it is {states_of(record)} on {job.host}, and not failed over to it"
    leg = third_site(record)
    if leg and not _goes_on(job, record):
        return (
            f"it replicates on to {leg['replica_server']}, which has a copy of it: give that host as new_replica, or"
            " end that leg first (hyperv_vm_replication: relationship extended, state absent)"
        )
    if leg:
        return _not_lost(job, record) or _no_copy_to_go_on_with(job, record, leg)
    return ("" if _protected(job, record) else _not_lost(job, record)) or _unfit(job, record)


def _not_lost(job: Job, record: Record) -> str:
    """Why an old host of the VM is not lost for good; "" when none of them shows it."""
    goes_on = _goes_on(job, record)
    seen = job.sight.see(str(record["id"]), str(record["name"]))
    beside = [copy.host for copy in seen.pair.rest if copy.side is not None and copy.side.may_run]
    if seen.strange or beside:
        return seen.strange or f"it runs on {', '.join(beside)}. See to that copy first"
    if seen.pair.other is None and _nobody_asked(job, seen):
        return (
            f"{seen.unread}, so nobody knows whether it is lost. Bring it into reach; or, if it is lost for certain,"
            f" accept that (-e accept={seen.host_shown('other')})"
        )
    for host in job.old if goes_on else [*job.old, *job.there]:
        against = _copy_there(job, record, host)
        if against:
            return against
    return ""


def _copy_there(job: Job, record: Record, host: str) -> str:
    """What a copy on another host has against it; "" when nothing known does."""
    reading, there = job.readings.get(host) or {}, _copy(job, record, host)
    if there is None:
        if records_of(reading) is not None or not host_answered(reading) or host in job.there or record["mode"] == NONE:
            return ""
        return f"{host} answers, so it is not lost: {reading.get('msg') or 'its VMs could not be read'}"
    if power_may_run(there["power"]) and power_may_run(record["power"]):
        both = f"{states_of(there)} on {host}, and {states_of(record)} here"
        return f"it may be running on BOTH hosts: {both}. Neither is touched"
    if record["mode"] == NONE:  # its old replication has ended here, so what the old host keeps is idle
        own = job.sight.identity(job.host).names
        return collision(read_partner([there])[str(there["id"])], own, False) if host in job.there else ""
    if _goes_on(job, record) and _rests(there):
        return ""
    return f"{host} answers and has it ({states_of(there)}), so it is not lost: use reverse_replication"


def _nobody_asked(job: Job, seen: Seen) -> bool:
    hosts = job.sight.partner_hosts(seen.partner)
    accepted = any(is_one_of(str(name), [*hosts, seen.partner]) for name in job.inputs.get("accept") or ())
    outside = [host for host in hosts if job.sight.reach is not None and host not in job.sight.reach]
    return bool(seen.partner) and not accepted and (not hosts or bool(outside))


def _rests(there: Record) -> bool:
    """A primary that is prepared is off and cannot be started: nothing is lost when it stays behind."""
    return bool(there["mode"] == PRIMARY and there["state"] == PREPARED and there["power"] == OFF)


def _left_behind(job: Job, record: Record) -> Iterator[str]:
    """What an old host keeps of a VM that goes on without it."""
    for host in job.old:
        there = _copy(job, record, host)
        if there is not None and _goes_on(job, record):
            yield (
                f"  {host} keeps its copy and its relation ({states_of(there)}), so that the copy cannot be started:"
                " leave it so until it is deleted there"
            )


def _no_copy_to_go_on_with(job: Job, record: Record, leg: Mapping[str, Any]) -> str:
    """Why the third site cannot become the replica; "" when its copy is complete and rests."""
    reading = job.readings.get(job.new) or {}
    if records_of(reading) is None:
        return f"new_replica: {job.new} could not be read: {_problem(reading)}"
    there = next(filter(None, (_copy(job, record, host) for host in job.there)), None)
    if there is None:
        return f"new_replica: {job.new} has no copy of it, although {job.host} replicates it on to there"
    if there["power"] != OFF:
        return f"its copy on {job.new} is {there['power']}, not Off: look at it first"
    if not leg["last_replication_time"]:
        return f"its copy on {job.new} is not complete yet: wait for it"
    return ""


def _unfit(job: Job, record: Record) -> str:
    """Why a VM cannot be protected towards the new host; "" when nothing known speaks against it."""
    reading = job.readings.get(job.new) or {}
    if records_of(reading) is None:
        return f"new_replica: {job.new} could not be read: {_problem(reading)}"
    server = read_server(reading.get("server"))
    if server is None:
        return f"new_replica: whether {job.new} is a replica server could not be read"
    type_, thumbprint = (str(job.way[name] or "") for name in ("authentication", "certificate_thumbprint"))
    if server.enabled and not type_:
        return f"authentication: {job.new} takes {server.authentication}. Give one of them"
    own = _own_cluster(job, record)
    name = (own.broker.name if own and own.broker else "") or job.sight.identity(job.host).windows_name or job.host
    problem = server_problem(server, job.new, type_, name, clustered=bool(record.get("clustered")) and own is None)
    if problem:
        return f"new_replica: {problem}"
    if type_ == KERBEROS and thumbprint:
        return "certificate_thumbprint: Kerberos uses no certificate. Leave it out"
    if type_ == CERTIFICATE and not thumbprint:
        return f"certificate_thumbprint: {job.new} is reached by certificate. Give that of {job.host}, or auto"
    return own.problem if own else ""


def _own_cluster(job: Job, record: Record) -> Cluster | None:
    """The cluster of this host, for a VM that is a role of it: others know that VM by the name of its broker."""
    said = job.readings[job.host].get("cluster") or {}
    if not record.get("clustered") or not said.get("name"):
        return None
    broker = said.get("broker")
    own = Broker(str(broker["name"] or ""), str(broker["state"] or ""), "") if broker else None
    return Cluster(str(said["name"]), str(said.get("domain") or ""), (), own)


def _problem(reading: Mapping[str, Any]) -> str:
    return str(reading.get("msg") or "it is not in the inventory, or outside of --limit")


def _copy(job: Job, record: Record, host: str) -> Record | None:
    """The same VM on another host."""
    return job.sight.holders_of(str(record["id"])).get(host)
