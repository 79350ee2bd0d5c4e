# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Why the replication of a VM is not removed, or no copy of it deleted, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...base.replication_states import left_alone
from ...base.states import OFF, SAVED
from ..both_running import told
from .evidence import Evidence, contradiction, eligible
from .sides import Record, Subject, World, is_replica, may_run

GONE, DELETE_VM, DELETE_ALL = "gone", "vm", "vm_and_disks"
_OFF_FIRST = {
    SAVED: (
        "End its saved state there first (Remove-VMSavedState): what its memory held is lost then. Do not start it,"
        " that would make a second live VM"
    )
}


def deletes(inputs: Mapping[str, Any]) -> bool:
    """True when copies are to be deleted."""
    return inputs.get("delete") in (DELETE_VM, DELETE_ALL)


def shown(record: Record) -> str:
    """A side for people."""
    return f"{record['mode']}/{record['state']}, {record['power']}"


def refusal(subject: Subject, found: Evidence, inputs: Mapping[str, Any], world: World) -> str:
    """The first thing that speaks against it; "" when nothing does."""
    named = str(inputs.get("lives_on") or "")
    return (
        subject.strange
        or _unreadable(subject)
        or _twice(subject)
        or _out_of_reach(subject, inputs.get("other_side") == GONE)
        or (_misnamed(subject, found, named, world) if named else "")
        or _bad_state(subject)
        or (_undeletable(subject, found, inputs, world) if deletes(inputs) else "")
    )


def _unreadable(subject: Subject) -> str:
    where = [host for host, record in subject.sides.items() if record["relations"] is None]
    return f"its replication on {where[0]} could not be read" if where else ""


def _twice(subject: Subject) -> str:
    running = subject.running()
    if len(running) < 2:
        return ""
    known = told({host: subject.sides[host] for host in running})
    where = " and ".join(running)
    return f"it may be running on {where}: {known}. Find out which one is used, and shut the other one down"


def _out_of_reach(subject: Subject, gone: bool) -> str:
    if subject.unseen and not gone:
        told = "; ".join(f"{name} could not be read ({why.rstrip('.')})" for name, why in subject.unseen.items())
        return (
            f"{told}, and what it has would stay. Make it answer; or, if it is gone for good, say other_side: gone, and"
            " only this side is removed"
        )
    if gone and not subject.unseen and (list(subject.legs()) or len(subject.sides) > 1):
        return "other_side: gone was said, but its other side was read. Leave that out, and both sides are removed"
    return ""


def _misnamed(subject: Subject, found: Evidence, named: str, world: World) -> str:
    if found.live == named:
        return ""
    why = contradiction(subject, named, world) or (f"what was read says {found.live}" if found.live else "")
    return f"lives_on says {named}, but {why}. Leave it out, or look which one is used"


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


def _undeletable(subject: Subject, found: Evidence, inputs: Mapping[str, Any], world: World) -> str:
    """Why no copy is deleted: the last one, one that may be the live one, one that is not at rest."""
    if inputs.get("other_side") == GONE:
        return "with its other side gone this may be the only copy, so it is not deleted. Leave delete out"
    alone = next(iter(subject.sides.values())) if len(subject.sides) == 1 else None
    if alone is not None:
        return (
            "this is the only copy that was found, so it is not deleted. Leave delete out" if is_replica(alone) else ""
        )
    if not found.covers(subject):
        return _unproven(subject, found, world)
    return next(_not_at_rest(subject, found.live), "")


def _unproven(subject: Subject, found: Evidence, world: World) -> str:
    sides = "; ".join(f"{host}: {shown(record)}{_last(record)}" for host, record in subject.sides.items())
    named = [f"lives_on={host}" for host in eligible(subject, world)]
    if not named:
        return f"nothing shows which copy is the live one ({sides}), so none is deleted. Leave delete out"
    ways = " or ".join(named)
    return (
        f"nothing shows which copy is the live one ({sides}). Look which one has the newest data, and name its host:"
        f" {ways}. The others are deleted then"
    )


def _last(record: Record) -> str:
    """When it last replicated, which is what the operator compares."""
    times = [str(leg["last_replication_time"]) for leg in record["relations"] or () if leg.get("last_replication_time")]
    return f", last replicated {max(times)}" if times else ""


def _not_at_rest(subject: Subject, live: str) -> Iterator[str]:
    for host, record in subject.sides.items():
        if host == live:
            continue
        power = str(record["power"])
        if power != OFF:
            way = _OFF_FIRST.get(power, "Look at it there first" if not may_run(record) else "Shut it down first")
            yield f"its copy on {host} is {power}, and only one that is Off is deleted. {way}"
        if record["clustered"]:
            yield f"its copy on {host} is a role of a cluster: remove that role first (Remove-ClusterGroup)"
