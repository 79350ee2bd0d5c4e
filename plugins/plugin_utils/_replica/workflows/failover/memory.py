# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a run remembers of a VM between two readings: never where it is, only what this run did and saw. Pure.

A VM is open until it is through, or has left the run with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...base.states import (
    ERROR,
    PREPARED,
    PRIMARY,
    REPLICA,
    RESYNC_SUSPENDED,
    RESYNCHRONIZING,
    SUSPENDED,
    WAITING_FOR_COPY,
    WANTS_RESYNC,
    Pair,
    Side,
)
from .calls import proof_of
from .plan import VMPlan
from .sides import Seen

STOP = "Stop-VM"
OPEN, DONE, LEFT = "open", "done", "left"
_BY_ITSELF = (ERROR, WANTS_RESYNC, RESYNCHRONIZING)
_AFTER_REVERSE = (WAITING_FOR_COPY, SUSPENDED, RESYNCHRONIZING, RESYNC_SUSPENDED)

Shape = tuple[str, str, str]
"""Mode, state and power of a side: what another hand would change."""


@dataclass(frozen=True)
class Entry:
    """One VM of the run. Times are seconds of the control node's clock.

    ran: it ran somewhere when the run began, or this run has stopped it. failed: what the last call said of it, until
    the next reading decides. first: when a stage was first asked for. expected: what each side shows, then what the
    plan makes of it. acted: for the side of the last call, the steps that it has taken when the call is through.
    untouched: it never took part. unready: it runs, but its guest did not answer. given_up: what was done to bring it
    up again has failed too. other: what the other side showed when it was last read, proof: its record; copies: the
    same of further holders, by host. stage: what was asked for last, idle: looks in a row after which nothing was.
    cell: the hosts of the target that are its own.
    """

    id: str
    name: str
    group: int = 0
    here: str = ""
    partner: str = ""
    status: str = OPEN
    reason: str = ""
    ran: bool = False
    failed: str = ""
    first: Mapping[str, float] = field(default_factory=dict)
    asks: Mapping[str, int] = field(default_factory=dict)
    tries: int = 0
    expected: Mapping[str, tuple[Shape, ...]] = field(default_factory=dict)
    acted: Mapping[str, int] = field(default_factory=dict)
    waits_for: str = ""
    unready: str = ""
    untouched: bool = False
    given_up: bool = False
    changed: bool = False
    other: Shape | tuple[()] = ()
    proof: Mapping[str, Any] = field(default_factory=dict)
    copies: Mapping[str, Shape] = field(default_factory=dict)
    stage: str = ""
    idle: int = 0
    cell: tuple[str, ...] = ()

    def left(self, reason: str) -> Entry:
        """It leaves the run."""
        return replace(self, status=LEFT, reason=reason, failed="")

    def asked(self, stage: str, now: float) -> Entry:
        """A call for it goes out."""
        first, asks = self.first.get(stage, now), self.asks.get(stage, 0) + 1
        return replace(self, stage=stage, idle=0, first={**self.first, stage: first}, asks={**self.asks, stage: asks})


@dataclass(frozen=True)
class Said:
    """What a call came to, by the ids of its VMs. `stopped`: those whose guests it has, or may have, stopped.
    `unread`: an error of the whole task, which tells of none.
    """

    failed: Mapping[str, str]
    pending: Mapping[str, str]
    sent: frozenset[str]
    stopped: frozenset[str] = frozenset()
    unread: str = ""

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Said:
        """From the result of a module."""
        failed = {str(f["id"]): str(f["msg"]) for f in result.get("failures") or ()}
        pending = {str(p["id"]): str(p["msg"]) for p in result.get("pending") or ()}
        actions = result.get("actions") or ()
        sent = frozenset(str(action.get("vm_id")) for action in actions)
        stops = (action for action in actions if action.get("cmdlet") == STOP and action.get("sent") is not False)
        stopped = frozenset(str(action.get("vm_id")) for action in stops)
        # A result with a message and without failures is one, whatever became of its `failed`.
        unread = bool(result.get("unreachable") or (result.get("msg") and not failed))
        return cls(failed, pending, sent, stopped, str(result.get("msg") or "no answer") if unread else "")


def absorb(entry: Entry, said: Said) -> Entry:
    """What a call said of the VM: through, failed, still under way, or nothing because the host was lost."""
    changed, ran = entry.changed or entry.id in said.sent, entry.ran or entry.id in said.stopped
    entry = replace(entry, failed="", waits_for="", changed=changed, ran=ran)
    if entry.id in said.failed:
        return replace(entry, failed=said.failed[entry.id], acted={})
    if said.unread:
        return replace(entry, failed=said.unread, tries=entry.tries + 1, acted={})
    if entry.id in said.pending:
        return replace(entry, waits_for=said.pending[entry.id], acted={})
    return replace(entry, tries=0)


def changed_by_others(entry: Entry, seen: Seen) -> str:
    """What somebody else did between our last call and this reading; "" when all is as it may be."""
    for where, shapes in entry.expected.items():
        side = seen.pair.side(where)
        was = Side(*shapes[0]) if shapes else None
        if side is None or side.changing or (was is not None and was.changing):
            continue
        allowed = shapes[entry.acted.get(where, 0) :]
        natural = _settling(where, side, allowed) or _by_itself(side, allowed)
        if allowed and shape(side) not in allowed and not natural:
            wanted = " or ".join(dict.fromkeys("/".join(s[:2]) + f", {s[2]}" for s in allowed))
            return f"changed by someone else: {seen.host_shown(where)}: expected {wanted}, found {side}"
    return ""


def _by_itself(side: Side, allowed: Iterable[Shape]) -> bool:
    """A replication that cannot send any more says so in its state; mode and power would be somebody's doing."""
    alike = any((side.mode, side.power) == (mode, power) for mode, _unused, power in allowed)
    return alike and side.state in _BY_ITSELF


def _settling(where: str, side: Side, allowed: Iterable[Shape]) -> bool:
    """After a reverse either side may first show another state than Replicating.

    The new primary shows ReadyForInitialReplication, Suspended or a resynchronization, its replica what goes with it.
    """
    mode = PRIMARY if where == "target" else REPLICA
    if side.mode != mode or (where == "other" and side.state not in _AFTER_REVERSE):
        return False
    return any(shape_mode == mode and power == side.power for shape_mode, _unused, power in allowed)


def expectation(plan: VMPlan) -> dict[str, tuple[Shape, ...]]:
    """For each side that was read: what it shows now, and what the plan makes of it."""
    found: dict[str, tuple[Shape, ...]] = {}
    for where in ("target", "other"):
        sides = [pair.side(where) for pair in plan.path]
        if sides and sides[0] is not None:
            found[where] = tuple(shape(side) for side in sides if side is not None)
    return found


def shape(side: Side) -> Shape:
    """What another hand would change of a side."""
    return side.mode, side.state, side.power


def remembered(entry: Entry, seen: Seen) -> Entry:
    """The entry with what was read of the other side and of further copies, for when they are out of reach."""
    other = shape(seen.pair.other) if seen.pair.other is not None else entry.other
    copies = {copy.host: shape(copy.side) for copy in seen.pair.rest if copy.side is not None}
    proof = proof_of(seen, "other") or entry.proof
    return replace(entry, other=other, proof=proof, copies={**entry.copies, **copies})


def ran_at_first(pair: Pair) -> bool:
    """True when the VM may have run on either side, or was in the middle of a planned failover, which had stopped
    it.
    """
    sides = [side for side in (pair.target, pair.other) if side is not None]
    return any(side.may_run for side in sides) or any(side.state == PREPARED for side in sides)
