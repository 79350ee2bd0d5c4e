# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The plan of a removal: the primary first, then the legs behind it, then the replicas, and last their copies. Pure.

Derived anew from what the hosts say, so it may be asked again after every stage, and after any interruption. The order
is ours: Windows takes either, but a replica that goes first frees its copy to be started beside the live one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...base.command_line import to_confirm, typed_vm
from ...base.errors import PlanError
from ...base.names import is_one_of
from ...base.plan_lines import plan_line
from ...base.states import EXTENDED, NO_START, OFF, PRIMARY, REPLICA_MODES, SAVED
from ..heard import records_of
from .evidence import Evidence, evidence
from .refusals import DELETE_ALL, deletes, refusal, shown
from .sides import (
    EXTENDED_LEG,
    Readings,
    Record,
    Subject,
    World,
    chosen,
    elsewhere,
    is_replica,
    may_run,
    missing,
    see,
    unread,
)

STAGES = ("primary", "extended", "idle", "replica", "delete")
GOAL_REACHED = "nothing to do: it is not replicated"


@dataclass(frozen=True)
class Step:
    """One thing to do for one VM on one host."""

    stage: str
    host: str
    why: str
    relationship: str = ""
    files: tuple[str, ...] = ()

    @property
    def cmdlets(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """The cmdlets that it takes, with their parameters."""
        if self.stage == "idle":
            return (("Set-VM", {"AutomaticStartAction": NO_START}),)
        if self.stage == "delete":
            files = (("Remove-Item", {"LiteralPath": self.files}),) if self.files else ()
            return (*files, ("Remove-VM", {"Force": True}))
        return (("Remove-VMReplication", {}),)


@dataclass
class Removal:
    """One VM: what is left to do for it, or why nothing is done. `live` is the inventory host of the live VM."""

    subject: Subject
    found: Evidence = field(default_factory=Evidence)
    steps: list[Step] = field(default_factory=list)
    refused: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def live(self) -> str:
        """Inventory host of the live VM, "" where nothing shows it."""
        return self.found.live

    @property
    def stage(self) -> str:
        """The stage that is next, "" when there is none."""
        return self.steps[0].stage if self.steps and not self.refused else ""

    def known(self) -> dict[str, Any]:
        """What a later plan of the same run has to know."""
        return {
            "name": self.subject.name,
            "live": self.live,
            "proven": sorted(self.found.proven),
            "hosts": {host: str(record["host"]) for host, record in self.subject.sides.items()},
            "refused": self.refused,
        }


def removal_plan(
    readings: Readings,
    host: str,
    inputs: Mapping[str, Any],
    found: Mapping[str, Any],
    known: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The plan. `found` is what removal_hosts gave, `known` what the first plan of this run gave as that (None: it is
    the first).

    Gives `vms`, `refused`, `nothing`, VMs that are nowhere, or have no replication and are not on this host, `stages`
    that have something to do, `calls` of modules for what is next, `known`, `lines`, `confirm` (what is typed to
    confirm) and `going` (the VMs that it is about), and `acts`, the number of steps. Raises PlanError for a first
    plan of a host that could not be read.
    """
    if known is None and records_of(readings.get(host)) is None:
        raise PlanError(f"{host} could not be read: {(readings.get(host) or {}).get('msg') or 'it gave no answer'}")
    vms = list(inputs.get("vms") or ())
    world = World(readings, found.get("partners") or {}, found.get("names") or {})
    if known is None:
        removals = [_first(world, record, inputs) for record in chosen(readings, host, vms)]
        absent = [(vm, *_absent(readings, host, vm, inputs)) for vm in missing(readings, host, vms)]
    else:
        removals = [_later(world, vm_id, one, inputs) for vm_id, one in known.items()]
        absent = []
    refused: list[dict[str, Any]] = [
        {"id": r.subject.id, "name": r.subject.name, "reason": r.refused} for r in removals if r.refused
    ]
    refused += [{"id": None, "name": vm, "reason": problem} for vm, problem, _unused in absent if problem]
    going = [removal for removal in removals if not removal.refused]
    nowhere = [vm for vm, problem, _unused in absent if not problem]
    return {
        "vms": [_shown(removal, world) for removal in removals],
        "refused": refused,
        "nothing": [{"name": vm, "why": why} for vm, problem, why in absent if not problem],
        "stages": [stage for stage in STAGES if any(step.stage == stage for r in going for step in r.steps)],
        "calls": _calls(going),
        "known": known or {r.subject.id: r.known() for r in removals},
        "lines": [line for removal in removals for line in _lines(removal)]
        + [f"{vm}: " + (f"REFUSED: {problem}" if problem else why) for vm, problem, why in absent],
        "confirm": to_confirm(host, [typed_vm(r.subject.name, r.subject.id) for r in going] + nowhere) if going else "",
        "going": [{"id": r.subject.id, "name": r.subject.name} for r in going]
        + [{"id": None, "name": name} for name in nowhere],
        "acts": sum(len(removal.steps) for removal in going),
    }


def _first(world: World, record: Record, inputs: Mapping[str, Any]) -> Removal:
    subject = see(world, str(record["id"]), str(record["name"]))
    found = evidence(subject, str(inputs.get("lives_on") or ""), world)
    return _removal(subject, found, inputs, refusal(subject, found, inputs, world))


def _later(world: World, vm_id: str, known: Mapping[str, Any], inputs: Mapping[str, Any]) -> Removal:
    """The same VM after some of its stages: what was proven before its relation ended stays proven."""
    subject = see(world, vm_id, str(known["name"]), known["hosts"])
    found = Evidence(str(known["live"]), frozenset(known["proven"]))
    gone = bool(found.live) and found.live not in subject.sides and found.live not in subject.silent
    lost = f"{found.live} had it when this run began, and has it no more" if gone and deletes(inputs) else ""
    told = {**inputs, "lives_on": None}  # it was weighed when the relation was whole
    return _removal(
        subject, found, inputs, known["refused"] or subject.strange or lost or refusal(subject, found, told, world)
    )


def _removal(subject: Subject, found: Evidence, inputs: Mapping[str, Any], refused: str) -> Removal:
    removal = Removal(subject, found, refused=refused)
    if not refused:
        removal.steps = sorted(_steps(removal, inputs), key=lambda step: STAGES.index(step.stage))
    removal.notes = list(_notes(removal))
    return removal


def _absent(readings: Readings, host: str, vm: str, inputs: Mapping[str, Any]) -> tuple[str, str]:
    """Why a VM that the host does not have is refused, and else why nothing is to be done: one of them is empty."""
    there = elsewhere(readings, host, vm)
    replicated = [other for other, record in there.items() if record["relations"] != []]
    if replicated:
        replicated.sort(key=lambda other: there[other]["mode"] != PRIMARY)
        on, told = replicated[0], shown(there[replicated[0]])
        return f"{host} has no such VM; {on} has it ({told}). Say remove_on={on}", ""
    silent = unread(readings)
    if silent:
        return f"{host} has no such VM, and whether {' or '.join(silent)} has it could not be read", ""
    if deletes(inputs) and len(there) > 1:
        on = next(iter(there))
        return f"{host} has no such VM, and {' and '.join(there)} have copies of it. Say remove_on={on}", ""
    if there:
        return "", f"nothing to do: {host} has no such VM, and on {', '.join(there)} it is not replicated"
    return "", f"nothing to do: there is no VM of that name or id on {', '.join(readings)}"


def _copies(removal: Removal) -> list[str]:
    """Inventory hosts of the copies that are not the live VM, and are at rest once their replication has ended."""
    sides = removal.subject.sides.items()
    others = [(host, record) for host, record in sides if host != removal.live and not may_run(record)]
    live = removal.subject.sides.get(removal.live)
    beside = live is not None and may_run(live)
    return [host for host, r in others if beside or host in removal.found.proven or is_replica(r)] if live else []


def _steps(removal: Removal, inputs: Mapping[str, Any]) -> Iterator[Step]:
    for host, leg in removal.subject.legs():
        if leg["type"] == EXTENDED_LEG and leg["mode"] in (*REPLICA_MODES, PRIMARY) and _sends_on(removal, host):
            yield Step("extended", host, "end the leg to the third host", EXTENDED_LEG.lower())
        elif leg["mode"] == PRIMARY:
            yield Step("primary", host, "end the replication on the primary")
        elif leg["mode"] in REPLICA_MODES:
            yield Step("replica", host, "end the replication on the replica; VM and disks stay")
    for host in _copies(removal):
        record = removal.subject.sides[host]
        if record["automatic_start_action"] != NO_START and record["power"] == OFF:
            yield Step("idle", host, "keep its idle copy from starting with the host")
        if deletes(inputs):
            files = _files(record) if inputs["delete"] == DELETE_ALL else ()
            yield Step("delete", host, "delete its idle copy" + (" and its disks" if files else ""), files=files)


def _sends_on(removal: Removal, host: str) -> bool:
    """True on the host in the middle: its VM is a replica, or was one, and replicates on to a third host."""
    return bool(removal.subject.sides[host]["mode"] != EXTENDED)


def _files(record: Record) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(disk["path"]) for disk in record.get("disks") or () if disk.get("path")))


def _notes(removal: Removal) -> Iterator[str]:
    subject = removal.subject
    for name, why in subject.unseen.items():
        yield f"{name} was not reached ({why.rstrip('.')}): what it has of the VM stays as it is"
    for name in subject.unlinked:
        yield f"{name} was read and has no such VM"
    for host in subject.silent if not subject.unseen else ():
        yield f"{host} could not be read: whether it has a copy is not known"
    for host, record in subject.sides.items():
        if host != removal.live and record["power"] == SAVED:
            yield f"its copy on {host} is Saved and stays so: starting it makes a second live VM"
    if not removal.live and len(subject.sides) > 1 and not removal.refused:
        yield (
            "nothing shows which copy is the live one, so each goes on starting with its host as it is set. Name its"
            " host with lives_on, and the others are kept from it"
        )


def _shown(removal: Removal, world: World) -> dict[str, Any]:
    return {
        "id": removal.subject.id,
        "name": removal.subject.name,
        "sides": {host: shown(record) for host, record in removal.subject.sides.items()},
        "start_actions": {host: r["automatic_start_action"] for host, r in removal.subject.sides.items()},
        "running": removal.subject.running(),
        "live": removal.live or None,
        "certain": removal.live if removal.found.covers(removal.subject) else None,
        "strange": removal.subject.strange or None,
        "unread": {host: world.why_not(host) for host in removal.subject.silent},
        "refused": removal.refused or None,
        "steps": [
            {
                "stage": step.stage,
                "host": step.host,
                "cmdlets": [name for name, _unused in step.cmdlets],
                "why": step.why,
            }
            for step in removal.steps
        ],
        "notes": removal.notes,
    }


def _lines(removal: Removal) -> Iterator[str]:
    subject = removal.subject
    yield f"{subject.name}: " + "; ".join(f"{host}: {shown(record)}" for host, record in subject.sides.items())
    yield from (f"  {note}" for note in removal.notes if not removal.refused)
    if removal.refused:
        yield f"  REFUSED: {removal.refused}"
    elif not removal.steps:
        yield f"  {GOAL_REACHED}"
    cmdlets = [(step, *call) for step in removal.steps for call in step.cmdlets]
    for number, (step, cmdlet, parameters) in enumerate(cmdlets, 1):
        yield plan_line(number, step.host, cmdlet, parameters, step.why)


def _calls(removals: Iterable[Removal]) -> list[dict[str, Any]]:
    """The next step of each VM, as calls of modules: one for VMs that are asked for the same on the same host."""
    calls: dict[tuple[str, ...], dict[str, Any]] = {}
    for removal in removals:
        for step in (one for one in removal.steps if one.stage == removal.stage):
            lives_on = str(removal.subject.sides[removal.live]["host"]) if removal.live in removal.subject.sides else ""
            key = (step.stage, step.host, step.relationship, lives_on)
            told = {"stage": step.stage, "host": step.host, "relationship": step.relationship or None}
            told["expected_host"] = str((removal.subject.sides.get(step.host) or {}).get("host") or "")
            call = calls.setdefault(
                key, {**told, "lives_on": lives_on or None, "ids": [], "partner": [], "delete_files": []}
            )
            call["ids"].append(removal.subject.id)
            call["delete_files"] += step.files
            call["partner"] += _partner(removal, step)
    return sorted(calls.values(), key=lambda call: STAGES.index(call["stage"]))


def _partner(removal: Removal, step: Step) -> list[Record]:
    """What the other host says: of the live VM, for what becomes of a copy; else of another host that has the VM."""
    sides = removal.subject.sides
    if step.stage in ("idle", "delete"):
        return [sides[removal.live]] if removal.live in sides else []
    others = [record for host, record in sides.items() if host != step.host]
    names = _names_beyond(sides[step.host], step.stage == "extended") if step.host in sides else []
    fits = [record for record in others if is_one_of(str(record["host"]), names)]
    return (fits or [record for record in others if record.get("clustered")])[:1]


def _names_beyond(record: Record, third: bool) -> list[str]:
    """How a side calls the host at the other end of a relation: of its own, or of the leg to a third site."""
    keys = ("partner", "replica_server", "current_replica_server", "primary_server")
    named = [
        str(leg[key])
        for leg in record["relations"] or ()
        for key in keys
        if leg.get(key) and (leg["type"] == EXTENDED_LEG and leg["mode"] != EXTENDED) == third
    ]
    return [name for name in named if not is_one_of(name, [str(record["host"])])]
