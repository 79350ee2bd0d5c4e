# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the report calls states, and what each means for the operator.

The names of states are PowerShell's (https://learn.microsoft.com/powershell/module/hyper-v/get-vmreplication).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is; the worst is the smallest, and comes first."""

    LOST = 0  # the host, or this part of it, could not be read
    BAD = 1
    WARN = 2
    BUSY = 3
    BARE = 4  # not protected at all
    GOOD = 5


@dataclass(frozen=True)
class State:
    """A state in words, and what to know of it; `level` is the least that it is worth."""

    words: str
    meaning: str
    level: Level = Level.GOOD


STATES: Mapping[str, State] = {
    "Disabled": State("not protected", "the VM is not replicated at all", Level.BARE),
    "ReadyForInitialReplication": State("copy not started", "enabled, the initial copy has to be started", Level.WARN),
    "InitialReplicationInProgress": State("initial copy runs", "not protected before the copy is complete", Level.BUSY),
    "WaitingForInitialReplication": State("waits for its copy", "the initial copy has not arrived yet", Level.BUSY),
    "Replicating": State("replicating", ""),
    "PreparedForFailover": State(
        "prepared to fail over", "stopped for a planned failover: go on with it, or cancel it", Level.WARN
    ),
    "FailedOverWaitingCompletion": State(
        "failed over, open", "runs from here, unprotected: reverse, commit or cancel it", Level.WARN
    ),
    "FailedOver": State("failed over, final", "runs from here, unprotected: reverse it", Level.WARN),
    "Suspended": State("paused", "somebody paused it: nothing is sent until it is resumed", Level.WARN),
    "Error": State("replication error", "stopped by an error: mend the cause, then resume", Level.BAD),
    "WaitingForStartResynchronize": State(
        "needs resync", "nothing is sent until it is resynchronized, which costs its recovery points", Level.BAD
    ),
    "Resynchronizing": State("resynchronizing", "no planned or test failover until it is done", Level.BUSY),
    "ResynchronizeSuspended": State("resync paused", "somebody paused the resynchronization: resume it", Level.WARN),
    "RecoveryInProgress": State("failover runs", "wait until it is done", Level.BUSY),
    "FailbackInProgress": State("failback runs", "wait until it is done", Level.BUSY),
    "FailbackComplete": State("failed back", "the failback is complete", Level.WARN),
    "WaitingForUpdateCompletion": State("disk update runs", "the set of replicated disks is being changed", Level.BUSY),
    "UpdateError": State("disk update failed", "changing the replicated disks failed: resume it", Level.BAD),
    "FiredrillInProgress": State("test failover runs", "wait until it is done", Level.BUSY),
}
UNREADABLE = State("unreadable", "Windows did not answer for it: nothing is known, not even that all is well")

HEALTHS: Mapping[str, tuple[str, Level]] = {
    "Normal": ("normal", Level.GOOD),
    "Warning": ("WARNING", Level.WARN),
    "Critical": ("CRITICAL", Level.BAD),
    "NotApplicable": ("-", Level.GOOD),
}
MODES: Mapping[str, str] = {
    "None": "-",
    "Primary": "primary",
    "Replica": "replica",
    "ExtendedReplica": "replica, 3rd",
    "TestReplica": "test VM",
}
EXTENDING = "sends on"


def state_of(name: str) -> State:
    """The words for a state; one that is not known here keeps its own name and is shown as worth a look."""
    return STATES.get(name) or State(name, "a state that this report does not know", Level.WARN)


def duration(seconds: float | None) -> str:
    """A span of time in its one or two largest units: `45 s`, `5 min`, `2 h 10 min`, `3 d 4 h`."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:g} s" if seconds == int(seconds) else f"{seconds:.1f} s"
    minutes = int(seconds) // 60
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} d {hours % 24} h" if hours % 24 and days < 10 else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min"


def size(count: int | None, unknown: str = "-") -> str:
    """Bytes for people, the one way everywhere: in steps of 1024, as Windows counts, with the unit that says so.

    `512 B`, `4.0 KiB`, `6.3 GiB`; `unknown` for None.
    """
    if count is None:
        return unknown
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
