# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a person does at a host, done to the states: so that what is advised can be tried before it is told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...base.states import (
    ABSENT,
    AT_REST,
    COPYING,
    ERROR,
    NONE,
    OFF,
    PRIMARY,
    READY,
    REPLICA,
    REPLICA_MODES,
    REPLICATING,
    RESYNC_SUSPENDED,
    RESYNCHRONIZING,
    RUNNING,
    SUSPENDED,
    WAITING_FOR_COPY,
    WANTS_RESYNC,
    Pair,
    Side,
)
from .step import Way

REPAIRABLE = frozenset({SUSPENDED, ERROR, WANTS_RESYNC, RESYNC_SUSPENDED})
"""States out of which Resume-VMReplication leads (Microsoft: Resume-VMReplication; the list is observed behaviour)."""


def after_hand(way: Way, pair: Pair) -> Pair | Way | None:
    """The pair after what a way does by hand; None where there is nothing to do of the kind, and the way itself where
    nobody knows what will be found.
    """
    if way.where not in ("target", "other"):
        return way
    if way.hand in ("reach", "power_off"):
        return way if pair.side(way.where) is None else None
    partner = "other" if way.where == "target" else "target"
    own, far = pair.side(way.where), pair.side(partner)
    if own is None:
        return None
    if way.hand in _TOGETHER:
        both = _TOGETHER[way.hand](own, far) if far is not None else None
        return pair.with_side(way.where, both[0]).with_side(partner, both[1]) if both else None
    after = _ALONE[way.hand](own)
    return pair.with_side(way.where, after) if after else None


def _stop_guest(side: Side) -> Side | None:
    return side.with_(power=OFF) if side.power == RUNNING else None


def _turn_off(side: Side) -> Side | None:
    return side.with_(power=OFF) if side.may_run else None


def _discard_state(side: Side) -> Side | None:
    return side.with_(power=OFF) if side.power in AT_REST and side.power != OFF else None


def _repair(own: Side, far: Side) -> tuple[Side, Side] | None:
    """A side goes on with what it was at: replicating, or its first copy."""
    if own.mode == NONE or own.state not in REPAIRABLE:
        return None
    copies = own.mode == PRIMARY and far.state == WAITING_FOR_COPY
    return own.with_(state=COPYING if copies else REPLICATING), far


def _copy(sender: Side, replica: Side) -> tuple[Side, Side] | None:
    """The first copy arrives."""
    sends = sender.mode == PRIMARY and sender.state in (READY, COPYING)
    if not sends or replica.mode not in REPLICA_MODES or replica.state != WAITING_FOR_COPY:
        return None
    return sender.with_(state=REPLICATING, copied=True), replica.with_(state=REPLICATING, copied=True)


def _resync(sender: Side, replica: Side) -> tuple[Side, Side] | None:
    if sender.mode != PRIMARY or sender.state != RESYNCHRONIZING or replica.mode not in REPLICA_MODES:
        return None
    through = replica.state in (RESYNCHRONIZING, REPLICATING)
    return (sender.with_(state=REPLICATING), replica.with_(state=REPLICATING)) if through else None


def _protect(own: Side, far: Side) -> tuple[Side, Side] | None:
    """A VM that is replicated nowhere, towards a host that has none of that id."""
    if own.mode != ABSENT or far.mode != NONE:
        return None
    return Side(REPLICA, REPLICATING), far.with_(mode=PRIMARY, state=REPLICATING)


_ALONE: Mapping[str, Callable[[Side], Side | None]] = {
    "stop_guest": _stop_guest,
    "turn_off": _turn_off,
    "discard_state": _discard_state,
}
_TOGETHER: Mapping[str, Callable[[Side, Side], tuple[Side, Side] | None]] = {
    "repair": _repair,
    "copy": _copy,
    "resync": _resync,
    "protect": _protect,
}
