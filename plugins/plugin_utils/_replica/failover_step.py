# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What an operator can want of a VM, what can come next for it, and the two answers that every wish shares: an act that
Windows allows, and the start of the VM where it shall run. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from .failover_acts import ACTS, allowed
from .failover_states import FAILED_OVER_WAITING, OFF, RUNNING, Pair, Side


@dataclass(frozen=True)
class Goal:
    """What the operator wants for a VM. What destroys or declares is a word of its own, never a consequence.

    wish: planned, unplanned, cancel, commit, reverse, return_home, test, end_test, remove.
    declared: what the operator says of the other side: dead (cancel: the host that the failover was to), unusable,
    prepared, or "" (nothing).
    shutdown: the guest may be shut down. turn_off: the old VM may lose its plug.
    accept_loss: cancelling may lose what the VM changed since.
    """

    wish: str
    reverse: bool = True
    start: bool = True
    declared: str = ""
    shutdown: bool = True
    turn_off: bool = False
    accept_loss: bool = False


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
class NextRefused:
    """Not to be done from here; `reason` says what was found and what to do next."""

    reason: str


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
    if other is None and goal.declared not in ("dead", "prepared"):
        return NextRefused("DOWN: the other copy could not be read as Off, so this one is not started")
    if other is not None and other.power != OFF:
        return NextRefused(f"the other copy is {other.power}, not Off: this one is not started")
    return act_on(have, "start", "target")
