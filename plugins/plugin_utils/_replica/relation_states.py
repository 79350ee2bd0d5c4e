# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What hyperv_vm_replication does in each replication state of a primary: one table.

States and what is allowed in them: Microsoft's pages of Get-, Set-, Suspend- and Resume-VMReplication; the rest is
observed behaviour, not documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .failover_states import (
    COPYING,
    ERROR,
    FAILED_OVER,
    FAILED_OVER_WAITING,
    PREPARED,
    READY,
    RECOVERING,
    REPLICATING,
    RESYNC_SUSPENDED,
    RESYNCHRONIZING,
    SUSPENDED,
    UPDATING_DISKS,
    WAITING_FOR_COPY,
    WANTS_RESYNC,
)

RESUME = "resume"
RESYNCHRONIZE = "resynchronize"


@dataclass(frozen=True)
class LeftAlone:
    """A state that `present` does not touch. `recover`: the words that act on it. `removable`: `absent` may end it."""

    what: str
    advice: str
    recover: frozenset[str] = frozenset()
    removable: bool = False


_FINISH = "Finish or cancel the failover first."
LEFT_ALONE: Mapping[str, LeftAlone] = {
    ERROR: LeftAlone(
        "replication has stopped with an error",
        "Mend the cause, then run again with recover: resume (or resynchronize).",
        frozenset((RESUME, RESYNCHRONIZE)),
        removable=True,
    ),
    "UpdateError": LeftAlone(
        "the last change of its disks has failed",
        "Mend the cause, then run again with recover: resume.",
        frozenset((RESUME,)),
        removable=True,
    ),
    WANTS_RESYNC: LeftAlone(
        "it wants a resynchronisation, and until then nothing is replicated",
        "Run again with recover: resynchronize; that deletes the recovery points.",
        frozenset((RESYNCHRONIZE,)),
        removable=True,
    ),
    RESYNC_SUSPENDED: LeftAlone(
        "its resynchronisation is paused",
        "Run again with recover: resume.",
        frozenset((RESUME, RESYNCHRONIZE)),
        removable=True,
    ),
    RESYNCHRONIZING: LeftAlone("a resynchronisation is under way", "Wait for its end.", removable=True),
    PREPARED: LeftAlone("it is prepared for a planned failover", _FINISH),
    FAILED_OVER_WAITING: LeftAlone("it has been failed over and not yet committed or reversed", _FINISH),
    FAILED_OVER: LeftAlone("it has been failed over and not reversed", _FINISH),
    RECOVERING: LeftAlone("a failover is under way", "Wait for its end."),
}
PAUSED = LeftAlone(
    "it is paused",
    "Say recover: resume, or suspended: false. To compare all data, say acts: [resynchronize_now].",
    frozenset((RESUME,)),
    removable=True,
)
"""A pause is left alone, too, until a word ends it; but its settings are enforced."""
NOT_BROKEN = frozenset({RESYNCHRONIZING, RECOVERING, PREPARED, FAILED_OVER_WAITING, FAILED_OVER})
"""States that end by themselves, or with the failover that they belong to: there is nothing to recover from."""
_UNKNOWN = LeftAlone("this collection does not act in that state", "Look at it with Hyper-V Manager first.")

ACTED_ON = frozenset({READY, COPYING, WAITING_FOR_COPY, REPLICATING, SUSPENDED, UPDATING_DISKS})
PAUSABLE = frozenset({COPYING, WAITING_FOR_COPY, REPLICATING, RESYNCHRONIZING})
"""States that Suspend-VMReplication accepts."""


def broken(state: str) -> LeftAlone | None:
    """What is to be recovered from in the state; None where nothing is."""
    return None if state in NOT_BROKEN else PAUSED if state == SUSPENDED else left_alone(state)


def left_alone(state: str) -> LeftAlone | None:
    """Why the state is not touched; None for one that is acted on."""
    return None if state in ACTED_ON else LEFT_ALONE.get(state, _UNKNOWN)
