# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Protecting VMs anew whose old primary does not come back: towards a new host, or the third site that has them.

A VM that is failed over to the host in the middle of a chain goes on towards its third site without a new copy
(Resume-VMReplication -Continue). Everything else is committed, ended on this side, and enabled anew. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .command_line import command, to_confirm, typed_vm
from .failover_acts import ACTS
from .failover_one_side import asked_for, check_hosts_accepted, confirmed_by, sight_on, states_of
from .failover_sight import Record, Seen, Sight
from .failover_states import (
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
from .heard import host_answered, records_of
from .names import is_one_of, same_host
from .partner_server import problem as server_problem
from .partner_server import read_server
from .plan_lines import plan_line

STAGES = ("continue", "commit", "remove", "protect")


class _Step(NamedTuple):
    """One cmdlet, its stage, what of its parameters is known beforehand, and why."""

    stage: str
    cmdlet: str
    parameters: Mapping[str, Any]
    why: str


@dataclass(frozen=True)
class _Job:
    """What all VMs share. `old` are inventory hosts of the old partners, `new_server` the new host's Windows name."""

    inputs: Mapping[str, Any]
    readings: Mapping[str, Any]
    host: str
    old: Sequence[str]
    new_server: str
    sight: Sight

    @property
    def new(self) -> str:
        """The inventory host to protect them to."""
        return str(self.inputs["new_replica"])


def to_protect(
    inputs: Mapping[str, Any],
    readings: Mapping[str, Any],
    host: str,
    others: Iterable[str],
    new_server: str,
    found: Mapping[str, Any] | None = None,
    reach: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Ids by stage (continue, commit, remove, protect); `lines`, `refused`, and what confirms it.

    `others` are inventory hosts of the old partners. One that still has the VM, or that answers and does not tell, is
    not lost: reverse the replication instead; one that nobody asked is not known to be lost. Nothing is committed
    before the new host is known to be ready. `found` is what the partners were found with (failover_partners.py),
    `reach` are the hosts that may be contacted.
    """
    sight = sight_on(readings, host, found or {}, reach)
    check_hosts_accepted(inputs, host, found or {})
    job = _Job(inputs, readings, host, list(dict.fromkeys(others)), new_server, sight)
    stages: dict[str, list[str]] = {stage: [] for stage in STAGES}
    lines, refused = [], []
    records = asked_for(inputs, readings[host], host)
    for record in records:
        name = str(record["name"])
        if _protected(job, record) and record["state"] != READY:
            lines.append(f"{name}: protected towards {new_server} already")
            continue
        reason = _against(job, record)
        if reason:
            refused.append(f"{name}: REFUSED: {reason}")
            continue
        steps = list(_steps(job, record))
        for stage in dict.fromkeys(step.stage for step in steps):
            stages[stage].append(str(record["id"]))
        lines.append(f"{name}: {states_of(record)} on {host}")
        lines += [plan_line(n, host, step.cmdlet, step.parameters, step.why) for n, step in enumerate(steps, 1)]
        lines += _left_behind(job, record)
    return {**stages, "lines": lines, "refused": refused, **confirmed_by(inputs, records, host)}


def unprotected(
    inputs: Mapping[str, Any], readings: Mapping[str, Any], host: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """`failures`: which VMs are not protected after all, where they run, and the command that goes on."""
    rest = [r for r in asked_for(inputs, readings[host], host) if r["mode"] != PRIMARY]
    names, to = [typed_vm(str(r["name"]), str(r["id"])) for r in rest], str(inputs["to"] or host)
    lines = [f"UNPROTECTED: {r['name']} is {states_of(r)} on {host}, and nothing replicates it" for r in rest]
    again = {"failover_to": to, "vms": names, "confirm": to_confirm(to, names)}
    kept = {name: value for name, value in given.items() if name not in ("to", "vms", "groups", "confirm")}
    kept["candidates"] = kept.pop("hosts", None)
    return {"lines": lines, "failures": [*lines, command("reprotect", {**again, **kept})] if rest else []}


def third_site(record: Record) -> Mapping[str, Any] | None:
    """The leg on which this host's replica is replicated on; None without one."""
    return next((leg for leg in record["relations"] or () if leg["type"] == "Extended"), None)


def _protected(job: _Job, record: Record) -> bool:
    return bool(record["mode"] == PRIMARY and same_host(str(record["partner"]), job.new_server))


def _goes_on(job: _Job, record: Record) -> bool:
    """True when the new host is the third site of the VM."""
    leg = third_site(record)
    names = [leg["replica_server"], leg["current_replica_server"]] if leg else []
    return is_one_of(job.new_server, [str(name) for name in names if name])


def _steps(job: _Job, record: Record) -> Iterator[_Step]:
    if _goes_on(job, record):
        act = ACTS["continue"]
        yield _Step("continue", act.cmdlet, act.parameters, act.meaning)
        return
    if record["state"] == FAILED_OVER_WAITING:
        yield _Step("commit", ACTS["commit"].cmdlet, {}, "commit the failover: its recovery points go")
    if record["state"] in FAILED_OVER_STATES:
        why = "end the old replication on this side (UNPROTECTED from then on)"
        yield _Step("remove", ACTS["remove"].cmdlet, {}, why)
    if record["mode"] != PRIMARY:
        server = {"ReplicaServerName": job.new_server}
        yield _Step("protect", "Enable-VMReplication", server, "protect it towards the new host")
    yield _Step("protect", ACTS["start_copy"].cmdlet, {}, "start the first copy towards the new host")


# -- what speaks against it ------------------------------------------------------------------------------------------


def _against(job: _Job, record: Record) -> str:
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
    return ("" if _protected(job, record) else _not_lost(job, record)) or _unfit(job)


def _not_lost(job: _Job, record: Record) -> str:
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
    for host in job.old if goes_on else dict.fromkeys([*job.old, job.new]):
        reading = job.readings.get(host) or {}
        there = _copy(reading, record)
        if there is not None and power_may_run(there["power"]) and power_may_run(record["power"]):
            both = f"{states_of(there)} on {host}, and {states_of(record)} here"
            return f"it may be running on BOTH hosts: {both}. Neither is touched"
        if there is not None and not (goes_on and _rests(there)):
            return f"{host} answers and has it ({states_of(there)}), so it is not lost: use reverse_replication"
        if records_of(reading) is None and host_answered(reading):
            return f"{host} answers, so it is not lost: {reading.get('msg') or 'its VMs could not be read'}"
    return ""


def _nobody_asked(job: _Job, seen: Seen) -> bool:
    hosts = job.sight.partner_hosts(seen.partner)
    accepted = any(is_one_of(str(name), [*hosts, seen.partner]) for name in job.inputs.get("accept") or ())
    outside = [host for host in hosts if job.sight.reach is not None and host not in job.sight.reach]
    return bool(seen.partner) and not accepted and (not hosts or bool(outside))


def _rests(there: Record) -> bool:
    """A primary that is prepared is off and cannot be started: nothing is lost when it stays behind."""
    return bool(there["mode"] == PRIMARY and there["state"] == PREPARED and there["power"] == OFF)


def _left_behind(job: _Job, record: Record) -> Iterator[str]:
    """What an old host keeps of a VM that goes on without it."""
    for host in job.old:
        there = _copy(job.readings.get(host) or {}, record)
        if there is not None and _goes_on(job, record):
            yield (
                f"  {host} keeps its copy and its relation ({states_of(there)}), so that the copy cannot be started:"
                " leave it so until it is deleted there"
            )


def _no_copy_to_go_on_with(job: _Job, record: Record, leg: Mapping[str, Any]) -> str:
    """Why the third site cannot become the replica; "" when its copy is complete and rests."""
    reading = job.readings.get(job.new) or {}
    if records_of(reading) is None:
        return f"new_replica: {job.new} could not be read: {_problem(reading)}"
    there = _copy(reading, record)
    if there is None:
        return f"new_replica: {job.new} has no copy of it, although {job.host} replicates it on to there"
    if there["power"] != OFF:
        return f"its copy on {job.new} is {there['power']}, not Off: look at it first"
    if not leg["last_replication_time"]:
        return f"its copy on {job.new} is not complete yet: wait for it"
    return ""


def _unfit(job: _Job) -> str:
    """Why VMs cannot be protected towards the new host; "" when nothing known speaks against it."""
    reading = job.readings.get(job.new) or {}
    if records_of(reading) is None:
        return f"new_replica: {job.new} could not be read: {_problem(reading)}"
    server = read_server(reading.get("server"))
    if server is None:
        return f"new_replica: whether {job.new} is a replica server could not be read"
    type_ = str(job.inputs["authentication"] or server.only_type or "")
    if server.enabled and not type_:
        return f"authentication: {job.new} takes {server.authentication}. Give one of them"
    own_name = str(job.readings[job.host].get("windows_name") or job.host)
    problem = server_problem(server, job.new, type_, own_name, clustered=False)
    return f"new_replica: {problem}" if problem else ""


def _problem(reading: Mapping[str, Any]) -> str:
    return str(reading.get("msg") or "it is not in the inventory, or outside of --limit")


def _copy(reading: Mapping[str, Any], record: Record) -> Record | None:
    """The same VM on another host."""
    return next((r for r in records_of(reading) or () if r["id"] == record["id"]), None)
