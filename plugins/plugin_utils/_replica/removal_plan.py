# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The plan of a removal: the primary first, then the legs behind it, then the replicas, and last their copies. Pure.

Derived anew from what the hosts say, so it may be asked again after every stage, and after any interruption. The order
is ours: Windows takes either, but a replica that goes first frees its copy to be started beside the live one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .both_running import told
from .errors import ReplicaError
from .failover_power import NO_START
from .failover_run import to_confirm
from .failover_sight import records_of
from .failover_states import EXTENDED, MAY_RUN, NONE, OFF, PRIMARY, REPLICA_MODES
from .plan_lines import plan_line
from .relation_states import left_alone
from .removal import EXTENDED_LEG, Readings, Record, Subject, chosen, is_replica, is_vm, see, unread

STAGES = ("primary", "extended", "idle", "replica", "delete")
GONE, DELETE_VM, DELETE_ALL = "gone", "vm", "vm_and_disks"


@dataclass(eq=False)
class RemovalError(ReplicaError):
    """The host could not be read."""

    problem: str

    def __str__(self) -> str:
        return self.problem


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
    live: str = ""
    steps: list[Step] = field(default_factory=list)
    refused: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def stage(self) -> str:
        """The stage that is next, "" when there is none."""
        return self.steps[0].stage if self.steps and not self.refused else ""


def removal_plan(
    readings: Readings,
    host: str,
    inputs: Mapping[str, Any],
    partners: Mapping[str, Sequence[str]],
    live: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The plan. `live` is what an earlier plan of this run knew about where the VMs live.

    Gives `vms`, `refused`, `stages` that have something to do, `calls` of modules for what is next, `live`, `lines`,
    `confirm` (what is typed to confirm), `acts`, the number of steps, and `unread`, hosts that could not be read.
    Raises RemovalError for a first plan of a host that could not be read; a later one has nothing to do then.
    """
    if records_of(readings.get(host)) is None and live is None:
        raise RemovalError(f"{host} could not be read: {(readings.get(host) or {}).get('msg') or 'it gave no answer'}")
    vms = list(inputs.get("vms") or ())
    removals = [
        _removal(see(readings, host, record, partners), inputs, (live or {}).get(str(record["id"]), ""))
        for record in chosen(readings, host, vms)
    ]
    missing = [vm for vm in vms if not any(is_vm(removal.subject.sides[host], vm) for removal in removals)]
    refused: list[dict[str, Any]] = [
        {"id": r.subject.id, "name": r.subject.name, "reason": r.refused} for r in removals if r.refused
    ]
    refused += [{"id": None, "name": vm, "reason": f"{host} has no such VM"} for vm in missing]
    going = [removal for removal in removals if not removal.refused]
    return {
        "vms": [_shown(removal) for removal in removals],
        "refused": refused,
        "stages": [stage for stage in STAGES if any(step.stage == stage for r in going for step in r.steps)],
        "calls": _calls(going),
        "live": {r.subject.id: r.live for r in removals if r.live},
        "lines": [line for removal in removals for line in _lines(removal)]
        + [f"{vm}: REFUSED: {host} has no such VM" for vm in missing],
        "confirm": to_confirm(host, [r.subject.name for r in going]) if going else "",
        "acts": sum(len(removal.steps) for removal in going),
        "unread": unread(readings),
    }


def _removal(subject: Subject, inputs: Mapping[str, Any], known_live: str) -> Removal:
    removal = Removal(subject, known_live or subject.live(str(inputs.get("lives_on") or "")))
    removal.refused = _refusal(removal, inputs)
    if not removal.refused:
        removal.steps = sorted(_steps(removal, inputs), key=lambda step: STAGES.index(step.stage))
    removal.notes = list(_notes(subject))
    return removal


def _refusal(removal: Removal, inputs: Mapping[str, Any]) -> str:
    subject, gone = removal.subject, inputs.get("other_side") == GONE
    for host, record in subject.sides.items():
        if record["relations"] is None:
            return f"its replication on {host} could not be read"
    running = [host for host, record in subject.sides.items() if record["power"] in MAY_RUN]
    if len(running) > 1:
        known = told({host: subject.sides[host] for host in running})
        where = " and ".join(running)
        return f"it may be running on {where}: {known}. Find out which one is used, and shut the other one down"
    if subject.unseen and not gone:
        return (
            f"{', '.join(subject.unseen)} could not be read, and what it has would stay. Make it answer; or, if it is"
            " gone for good, say other_side: gone, and only this side is removed"
        )
    if gone and not subject.unseen and (list(subject.legs()) or len(subject.sides) > 1):
        return "other_side: gone was said, but its other side was read. Leave that out, and both sides are removed"
    named = inputs.get("lives_on")
    if named and removal.live != named:
        where = f"what was read says {removal.live}" if removal.live else "no copy there may be the live one"
        return f"lives_on says {named}, but {where}. Leave it out, or look which one is used"
    return _bad_state(subject) or _bad_delete(removal, inputs)


def _bad_state(subject: Subject) -> str:
    """The states in which hyperv_vm_replication does not end a replication either."""
    for host, record in subject.sides.items():
        if record["test_vm"]:
            return f"a test VM of it is on {host}. End the test first (playbook cleanup_test_failover)"
    for host, leg in subject.legs():
        state = left_alone(str(leg["state"]))
        if state is not None and not state.removable:
            return f"on {host} it is {leg['mode']}/{leg['state']}: {state.what}. {state.advice.rstrip('.')}"
    return ""


def _bad_delete(removal: Removal, inputs: Mapping[str, Any]) -> str:
    subject = removal.subject
    if inputs.get("delete") not in (DELETE_VM, DELETE_ALL):
        return ""
    if inputs.get("other_side") == GONE:
        return "with its other side gone this may be the only copy, so it is not deleted. Leave delete out"
    targets = _copies(removal)
    if not removal.live and len(subject.sides) > 1:
        return "nothing shows which copy is the live one. Start that one, or name its host with lives_on"
    if not removal.live and list(subject.legs()):
        return "this is the only copy that was found, so it is not deleted. Leave delete out"
    clustered = [host for host in targets if subject.sides[host]["clustered"]]
    return f"its copy on {clustered[0]} is a role of a cluster: remove that role first" if clustered else ""


def _copies(removal: Removal) -> list[str]:
    """Inventory hosts of the copies that are certainly not the live VM."""
    found = []
    for host, record in removal.subject.sides.items():
        at_rest = record["mode"] == NONE and record["power"] == OFF
        if host != removal.live and (is_replica(record) or at_rest):
            found.append(host)
    return found


def _steps(removal: Removal, inputs: Mapping[str, Any]) -> Iterator[Step]:
    for host, leg in removal.subject.legs():
        if leg["type"] == EXTENDED_LEG and leg["mode"] in (*REPLICA_MODES, PRIMARY) and _sends_on(removal, host):
            yield Step("extended", host, "end the leg to the third host", EXTENDED_LEG.lower())
        elif leg["mode"] == PRIMARY:
            yield Step("primary", host, "end the replication on the primary")
        elif leg["mode"] in REPLICA_MODES:
            yield Step("replica", host, "end the replication on the replica; VM and disks stay")
    delete = inputs.get("delete") in (DELETE_VM, DELETE_ALL)
    for host in _copies(removal) if removal.live else ():
        record = removal.subject.sides[host]
        if record["automatic_start_action"] != NO_START and record["power"] == OFF:
            yield Step("idle", host, "keep its idle copy from starting with the host")
        if delete:
            files = _files(record) if inputs["delete"] == DELETE_ALL else ()
            yield Step("delete", host, "delete its idle copy" + (" and its disks" if files else ""), files=files)


def _sends_on(removal: Removal, host: str) -> bool:
    """True on the host in the middle: its VM is a replica, or was one, and replicates on to a third host."""
    return bool(removal.subject.sides[host]["mode"] != EXTENDED)


def _files(record: Record) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(disk["path"]) for disk in record.get("disks") or () if disk.get("path")))


def _notes(subject: Subject) -> Iterator[str]:
    for name in subject.unseen:
        yield f"{name} was not reached: what it has of the VM stays as it is"
    for name in subject.unlinked:
        yield f"{name} was read and has no such VM"


def _shown(removal: Removal) -> dict[str, Any]:
    return {
        "id": removal.subject.id,
        "name": removal.subject.name,
        "sides": {host: shown(record) for host, record in removal.subject.sides.items()},
        "start_actions": {host: r["automatic_start_action"] for host, r in removal.subject.sides.items()},
        "live": removal.live or None,
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


def shown(record: Record) -> str:
    """A side for people."""
    return f"{record['mode']}/{record['state']}, {record['power']}"


def _lines(removal: Removal) -> Iterator[str]:
    subject = removal.subject
    yield f"{subject.name}: " + "; ".join(f"{host}: {shown(record)}" for host, record in subject.sides.items())
    yield from (f"  {note}" for note in removal.notes if not removal.refused)
    if removal.refused:
        yield f"  REFUSED: {removal.refused}"
    elif not removal.steps:
        yield "  nothing to do: it is not replicated"
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
    third = step.stage == "extended"
    return sorted(others, key=lambda record: (record["mode"] == EXTENDED) != third)[:1]
