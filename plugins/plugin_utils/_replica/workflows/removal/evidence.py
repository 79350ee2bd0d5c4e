# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which copy of a VM is the live one, and for which others that is proven. Pure.

A role in a relation does not show who has the newest data: a primary that comes back after a disaster still says
Primary. What shows it is a whole relation, both sides read, that sends; a replica that was left over by a VM that runs
where it says that it comes from; or the operator's word (lives_on). All else is a presumption, which is enough to keep
an idle copy from starting with its host, and never to delete one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ...base.states import (
    COPYING,
    NONE,
    REPLICA_MODES,
    REPLICATING,
    RESYNCHRONIZING,
    RUNNING,
    SUSPENDED,
    UPDATING_DISKS,
    WAITING_FOR_COPY,
)
from ...base.values import time_utc
from .sides import Record, Subject, World, is_called, is_replica, may_run, sends

# States of a relation that holds, from Microsoft's Get-VMReplication. Not Error, and not the wish for a
# resynchronization: the sender's disks may have been put back to an older state (Microsoft's team blog, 2013-05-10).
# Not ReadyForInitialReplication: nothing was sent yet, and the receiver may have been the live one until then.
_HOLDS = frozenset({REPLICATING, SUSPENDED, UPDATING_DISKS, RESYNCHRONIZING})
_SENDING = {**dict.fromkeys(_HOLDS, _HOLDS), COPYING: frozenset({WAITING_FOR_COPY})}
_LAG = timedelta(minutes=16)
"""How much later than its sender a receiver may say that it last replicated: the longest frequency, and a minute."""


@dataclass(frozen=True)
class Evidence:
    """`live`: inventory host of the live VM, "" where nothing shows it. `proven`: hosts whose copies are older."""

    live: str = ""
    proven: frozenset[str] = field(default_factory=frozenset)

    def covers(self, subject: Subject) -> bool:
        """True when every copy but the live one is proven to be older."""
        return self.live in subject.sides and subject.sides.keys() - {self.live} <= self.proven


def evidence(subject: Subject, named: str, world: World) -> Evidence:
    """What the readings show, or the operator's word where it contradicts none of them."""
    shown = _tree(subject, world)
    if shown.covers(subject):
        return shown
    if named in subject.sides and not contradiction(subject, named, world):
        return Evidence(named, frozenset(subject.sides) - {named})
    return Evidence(_presumed(subject))


def contradiction(subject: Subject, named: str, world: World) -> str:
    """Why lives_on cannot be so, as half a sentence; "" when nothing that was read speaks against it."""
    if named in subject.silent:
        return f"{named} could not be read"
    if named not in subject.sides:
        return f"{named} has no such VM"
    running = [host for host in subject.running() if host != named]
    if running:
        power = subject.sides[running[0]]["power"]
        return f"what was read says {running[0]}, where it is {power}. Shut that one down first if it is the older one"
    sender = _senders(subject, world).get(named)
    if sender:
        return f"what was read says {sender}, which sends to {named}"
    if is_replica(subject.sides[named]):
        mode, state = subject.sides[named]["mode"], subject.sides[named]["state"]
        return f"it is {mode}/{state} there, which cannot be the live one before it is failed over"
    return ""


def eligible(subject: Subject, world: World) -> list[str]:
    """Inventory hosts that lives_on may name."""
    return [host for host in subject.sides if not contradiction(subject, host, world)]


def _tree(subject: Subject, world: World) -> Evidence:
    """The live VM is the one from which every other copy is sent to, over one leg or two."""
    senders = _senders(subject, world)
    roots = [host for host in subject.sides if host not in senders]
    if len(roots) != 1 or (len(subject.sides) == 1 and is_replica(subject.sides[roots[0]])):
        return Evidence()
    if any(may_run(record) for host, record in subject.sides.items() if host != roots[0]):
        return Evidence()
    return Evidence(roots[0], frozenset(senders))


def _senders(subject: Subject, world: World) -> dict[str, str]:
    """For each copy that is certainly a receiver: the inventory host that sends to it."""
    found: dict[str, str] = {}
    for host, leg in subject.legs():
        if sends(leg):
            continue
        for other, record in subject.sides.items():
            if other != host and is_replica(subject.sides[host]) and _means(world, other, record, leg["partner"]):
                there = [
                    one for one in record["relations"] or () if sends(one) and _receives(world, one, host, subject)
                ]
                whole = any(_is_whole(one, leg) for one in there)
                if whole or (not there and _left_over(record)):
                    found[host] = other
    return found


def _receives(world: World, leg: Record, host: str, subject: Subject) -> bool:
    return _means(world, host, subject.sides[host], leg["partner"])


def _means(world: World, host: str, record: Record, name: Any) -> bool:
    """True when that Windows name means the inventory host of the record."""
    return bool(name) and (is_called(record, str(name)) or host in world.meant(str(name)))


def _is_whole(sending: Record, receiving: Record) -> bool:
    """True when both ends are in states in which the one sends and the other receives, and nothing newer came in."""
    sent, came = (time_utc(leg.get("last_replication_time")) for leg in (sending, receiving))
    newer = sent is not None and came is not None and came - sent > _LAG
    return receiving["state"] in _SENDING.get(str(sending["state"]), ()) and not newer


def _left_over(record: Record) -> bool:
    """A replica whose VM runs where it came from, and is not sent to it any more: somebody ended the primary's side."""
    return bool(record["power"] == RUNNING and record["mode"] not in REPLICA_MODES)


def _presumed(subject: Subject) -> str:
    """The host that runs it; else the only one that is no replica, beside replicas that are not failed over."""
    running = subject.running()
    if len(running) == 1:
        return running[0]
    rest = [host for host, record in subject.sides.items() if not is_replica(record)]
    beside = len(rest) < len(subject.sides)
    alone = len(subject.sides) == 1 and subject.sides[next(iter(subject.sides))]["mode"] != NONE
    return rest[0] if len(rest) == 1 and not running and (beside or alone) else ""
