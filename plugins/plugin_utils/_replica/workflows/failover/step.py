# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What an operator can want of a VM, what can come next for it, and the two answers that every wish shares: an act that
Windows allows, and the start of the VM where it shall run. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...base.acts import ACTS, allowed
from ...base.replication_states import remedy
from ...base.states import (
    FAILED_OVER_WAITING,
    OFF,
    PREPARED,
    READY,
    REPLICA_MODES,
    REPLICATING,
    RUNNING,
    SAVED,
    WAITING_FOR_COPY,
    Copy,
    Pair,
    Side,
)


@dataclass(frozen=True)
class Goal:
    """What the operator wants for a VM. What destroys or declares is a word of its own, never a consequence.

    wish: planned, unplanned, cancel, commit, reverse, return_home, test, end_test, remove.
    declared: what the operator says of the other side: dead (cancel: the host that the failover was to), unusable,
    prepared, or "" (nothing).
    shutdown: the guest may be shut down. turn_off: the old VM may lose its plug.
    accept_loss: cancelling may lose what the VM changed since.
    accept: hosts whose copy may stay unread. discard: the host whose copy may be lost, and `lose` the side that this is
    (target or other), where it is one of the two.
    """

    wish: str
    reverse: bool = True
    start: bool = True
    declared: str = ""
    shutdown: bool = True
    turn_off: bool = False
    accept_loss: bool = False
    accept: frozenset[str] = frozenset()
    discard: str = ""
    lose: str = ""


@dataclass(frozen=True)
class NextAct:
    """Send `act` (a key of ACTS) on the side `where` (target or other), because `why`."""

    act: str
    where: str
    why: str


@dataclass(frozen=True)
class NextWait:
    """Something is under way; read again."""

    reason: str


@dataclass(frozen=True)
class NextDone:
    """The goal is reached; `open_ends` is what remains open for the operator."""

    reason: str
    open_ends: tuple[str, ...] = ()


@dataclass(frozen=True)
class Way:
    """What may lead out of a refusal: a wish for the `to` side with other choices than were asked for, or an act by
    hand.

    wish: a wish of Goal, with `changes` of its fields; or "" for what a person does: `hand` on the side `where`.
    """

    wish: str = ""
    to: str = "target"
    changes: tuple[tuple[str, object], ...] = ()
    hand: str = ""
    where: str = "other"


def ask(wish: str, to: str = "target", **changes: object) -> Way:
    """A way that is another wish."""
    return Way(wish, to, tuple(changes.items()))


def by_hand(hand: str, where: str = "other") -> Way:
    """A way that only a person can go; `hand` is a key of failover_advice.BY_HAND."""
    return Way(hand=hand, where=where)


@dataclass(frozen=True)
class NextRefused:
    """Not to be done from here; `reason` says what was found, `ways` what may lead out (advice.py tries
    them). `told`: the reason itself says what to do.
    """

    reason: str
    ways: tuple[Way, ...] = ()
    told: bool = False


Next = NextAct | NextWait | NextDone | NextRefused

UNPROTECTED = "UNPROTECTED: it runs on the failed-over replica and its changes are not replicated"
COMMIT_PENDING = "the failover is not committed: it can be cancelled, and the undo data grows until then"


def act_on(have: Pair, act: str, where: str) -> Next:
    """The act, if Windows allows it from here; else a refusal that names both states."""
    own = have.side(where)
    partner = have.side("other" if where == "target" else "target")
    if own is None:
        return NextRefused(f"the side that has to {ACTS[act].meaning} could not be read")
    if own.changing:
        return NextWait(f"{own} on the {_host(where)} is still changing")
    if not allowed(act, own, partner):
        return NextRefused(f"cannot {ACTS[act].meaning}: {have}")
    return NextAct(act, where, ACTS[act].meaning)


def _host(where: str) -> str:
    return "host where the VM shall run" if where == "target" else "other host"


def start(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """Start the VM on the target, only when the other copy was read as not running, or was declared (L1)."""
    open_ends: tuple[str, ...] = (UNPROTECTED,) if target.failed_over else ()
    if target.state == FAILED_OVER_WAITING:
        open_ends += (COMMIT_PENDING,)
    if target.power == RUNNING:
        return NextDone("the VM runs on the target", open_ends)
    if not goal.start:
        return NextDone("the VM is ready on the target, Off as asked", open_ends)
    if target.changing:
        return NextWait(f"the VM is {target.power}")
    if other is None and (goal.declared not in ("dead", "prepared") or have.heard):
        what = "shows that it lives, and its copy was not read as Off" if have.heard else "could not be read"
        return NextRefused(f"DOWN: the other host {what}, so this copy is not started", (by_hand("reach"),))
    if other is not None and other.power != OFF:
        undo = (ask("cancel", accept_loss=True),) if target.failed_over else ()
        mend = by_hand("discard_state" if other.power == SAVED else "stop_guest")
        return NextRefused(f"the other copy is {other.power}, not Off: this one is not started", (*undo, mend))
    return act_on(have, "start", "target")


WISHES_THAT_MOVE = frozenset({"planned", "unplanned", "cancel", "reverse", "return_home"})
"""After these a VM runs somewhere: none of their acts is sent beside a copy that runs, or that nobody has read (L1)."""


def held_by_another_copy(have: Pair, goal: Goal, what: NextAct) -> NextRefused | None:
    """Why an act must wait for a copy beside the two sides: a site of a chain, or a stranger with the same id.

    A run that does not start the VM may still undo a preparation or a failover.
    """
    if goal.wish not in WISHES_THAT_MOVE or (goal.wish == "cancel" and what.act != "start" and not have.rest_runs):
        return None
    unread = [copy.host for copy in have.rest if copy.side is None and copy.host not in goal.accept]
    if unread:
        return _not_read(unread, goal)
    return next((refused for copy in have.rest if (refused := _beside(copy, goal)) is not None), None)


def _not_read(hosts: Sequence[str], goal: Goal) -> NextRefused:
    names, them = " and ".join(hosts), "them" if len(hosts) > 1 else "it"
    return NextRefused(
        f"{names} may have a copy of it and could not be read. Bring {them} into reach; or, if it is certain that the"
        f" VM does not run there, accept that by name (accept={','.join(hosts)})",
        (ask(goal.wish, accept=goal.accept.union(hosts)),),
        told=True,
    )


def _beside(copy: Copy, goal: Goal) -> NextRefused | None:
    side, host = copy.side, copy.host
    if side is None:
        return None
    if side.may_run:
        return NextRefused(
            f"it runs on {host} ({side}), and is not started a second time. To run it here instead, shut it down on"
            f" {host} first (Stop-VM), then run this again",
            told=True,
        )
    if side.holds_back:
        return NextRefused(
            f"its copy on {host} is {side.power}, not Off. Remove its saved state there (Remove-VMSavedState), then run"
            " this again",
            told=True,
        )
    if side.failed_over and goal.discard != host and goal.wish != "cancel":
        return NextRefused(
            f"it is failed over to {host} ({side}), whose data may be newer. Fail over to {host} instead; or, if what"
            f" changed there may be lost, say so (discard={host})",
            (ask(goal.wish, discard=host),),
            told=True,
        )
    return None


# -- answers that several wishes share ------------------------------------------------------------------------------


NEVER_COPIED = "its initial replication never finished: there is nothing to fail over to"


def never_copied(replica: Side) -> bool:
    """True for a replica whose first copy has not arrived (Microsoft: Get-VMReplication, LastReplicationTime)."""
    return not replica.failed_over and (replica.state == WAITING_FOR_COPY or not replica.copied)


def test_first() -> NextRefused:
    return NextRefused("a test VM of it is there: end the test first (cleanup_test_failover)", (ask("end_test"),))


def finish(have: Pair, target: Side, other: Side | None, goal: Goal) -> Next:
    """The target is the primary: bring up replication, then the VM."""
    if target.state == PREPARED:
        return NextRefused(
            "the target itself is prepared for a failover away from it. Cancel that first, or go on with it",
            (ask("cancel", declared="" if other else "dead"), ask("planned", "other")),
        )
    if target.changing:
        return NextWait(f"states are still changing: {have}")
    if goal.start and target.power != RUNNING:
        started = start(have, target, other, goal)
        if not isinstance(started, NextDone):
            return started
    if target.state == READY and other and other.mode in REPLICA_MODES and other.state == WAITING_FOR_COPY:
        return act_on(have, "start_copy", "target")
    if target.state == REPLICATING:
        if other is not None and not (other.mode in REPLICA_MODES and other.state == REPLICATING):
            return NextDone("the VM is where it shall be", (f"its other side is {other}",))
        return NextDone("the VM is where it shall be, and replicates")
    return NextDone("the VM is where it shall be", (f"its replication is {target.state}{remedy(target.state)}",))
