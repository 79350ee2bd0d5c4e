# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The one table of replication states: what each is called, what it means, how bad it is, and what can be done in it.

The information module takes its choices from it, the report its words, hyperv_vm_replication what it does in a state, a
removal what it refuses. Which acts of a failover a state allows is in acts.py.

Codes are PowerShell's names (https://learn.microsoft.com/powershell/module/hyper-v/get-vmreplication,
-ReplicationState). What is allowed in a state: Microsoft's pages of Set-, Suspend- and Resume-VMReplication; the rest
is observed behaviour, not documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

RESUME, RESYNCHRONIZE = "resume", "resynchronize"
"""Words of the option `recover`."""


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
    """A replication state.

    code: PowerShell's name, "" for what only the report knows. words: for a column. what: what it says of the VM, as
    the rest of a sentence. advice: what to do, as a sentence. level: how bad it is at least.

    changed: hyperv_vm_replication goes on in it (state: present); else it leaves the VM alone, and says why. recover:
    the words of `recover` that lead out. passes: it ends by itself, or with the failover that it belongs to. removable:
    the replication may be removed in it. pausable: Suspend-VMReplication takes it.
    """

    code: str
    words: str
    what: str = ""
    advice: str = ""
    level: Level = Level.GOOD
    changed: bool = False
    recover: tuple[str, ...] = ()
    passes: bool = False
    removable: bool = False
    pausable: bool = False

    @property
    def meaning(self) -> str:
        """What it is and what to do, as sentences; "" for what explains itself."""
        return ". ".join(filter(None, (self.what, self.advice.removesuffix("."))))

    @property
    def repair(self) -> str:
        """What to do, with the option of hyperv_vm_replication that does it."""
        words = " or ".join(f"recover: {word}" for word in self.recover)
        return f"{self.advice} Run again with {words}." if words else self.advice


_UNPROTECTED = "it runs from here, and nothing protects it"
_FINISH = "Finish or cancel the failover first."
_ROWS = (
    State("Disabled", "not protected", "the VM is not replicated at all", level=Level.BARE),
    State(
        "ReadyForInitialReplication",
        "copy not started",
        "it is enabled, and the initial copy has to be started",
        level=Level.WARN,
        changed=True,
    ),
    State(
        "InitialReplicationInProgress",
        "initial copy runs",
        "it is not protected before the copy is complete",
        level=Level.BUSY,
        changed=True,
        pausable=True,
    ),
    State(
        "WaitingForInitialReplication",
        "waits for its copy",
        "the initial copy has not arrived yet",
        level=Level.BUSY,
        changed=True,
        pausable=True,
    ),
    State("Replicating", "replicating", changed=True, pausable=True),
    State(
        "PreparedForFailover",
        "prepared to fail over",
        "it is prepared for a planned failover",
        _FINISH,
        Level.WARN,
        passes=True,
    ),
    State(
        "FailedOverWaitingCompletion",
        "failed over, open",
        f"it is failed over and not yet committed or reversed: {_UNPROTECTED}",
        "Reverse, commit or cancel the failover first.",
        Level.WARN,
        passes=True,
    ),
    State(
        "FailedOver",
        "failed over, final",
        f"it is failed over and not reversed: {_UNPROTECTED}",
        "Reverse the replication first.",
        Level.WARN,
        passes=True,
    ),
    State(
        "Suspended",
        "paused",
        "it is paused, and nothing is sent until it is resumed",
        "Resume it (suspended: false). To compare all data: acts: [resynchronize_now].",
        Level.WARN,
        changed=True,
        recover=(RESUME,),
        removable=True,
    ),
    State(
        "Error",
        "replication error",
        "replication has stopped with an error",
        "Remove its cause, then resume it.",
        Level.BAD,
        recover=(RESUME, RESYNCHRONIZE),
        removable=True,
    ),
    State(
        "WaitingForStartResynchronize",
        "needs resync",
        "it needs a resynchronization, and nothing is replicated until then",
        "Resynchronize it, which deletes its recovery points.",
        Level.BAD,
        recover=(RESYNCHRONIZE,),
        removable=True,
    ),
    State(
        "Resynchronizing",
        "resynchronizing",
        "a resynchronization is under way, and no planned or test failover is possible until its end",
        "Wait for its end.",
        Level.BUSY,
        passes=True,
        removable=True,
        pausable=True,
    ),
    State(
        "ResynchronizeSuspended",
        "resync paused",
        "its resynchronization is paused",
        "Resume it.",
        Level.WARN,
        recover=(RESUME, RESYNCHRONIZE),
        removable=True,
    ),
    State(
        "RecoveryInProgress",
        "failover runs",
        "a failover is under way",
        "Wait for its end.",
        Level.BUSY,
        passes=True,
    ),
    State(
        "FailbackInProgress",
        "failback runs",
        "a failback is under way",
        "Wait for its end.",
        Level.BUSY,
        passes=True,
    ),
    State("FailbackComplete", "failed back", "the failback is complete", _FINISH, Level.WARN, passes=True),
    State(
        "WaitingForUpdateCompletion",
        "disk update runs",
        "the set of its replicated disks is being changed",
        "Wait for its end.",
        Level.BUSY,
        changed=True,
    ),
    State(
        "UpdateError",
        "disk update failed",
        "the last change of its disks has failed",
        "Remove its cause, then resume it.",
        Level.BAD,
        recover=(RESUME,),
        removable=True,
    ),
    State(
        "FiredrillInProgress",
        "test failover runs",
        "a test failover is being made",
        "Wait for its end.",
        Level.BUSY,
        passes=True,
    ),
)
STATES: Mapping[str, State] = {state.code: state for state in _ROWS}
UNKNOWN_STATES = ("WaitingForRepurposeCompletion", "PreparedForSyncReplication", "PreparedForGroupReverseReplication")
"""Names that Get-VMReplication takes, and of which no page of Microsoft's says what they mean."""
UNREADABLE = State(
    "", "unreadable", "Windows did not answer for it: nothing is known, not even that all is well", level=Level.LOST
)
NO_OWNER = State("", "test VM, no owner", "its VM is not shown, or no longer knows it", "Remove it by hand.")
PAUSABLE = frozenset(state.code for state in _ROWS if state.pausable)

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


def state_of(code: str) -> State:
    """The row of a state; one that is not in the table keeps its code, is left alone, and is worth a look."""
    return STATES.get(code) or State(
        code, code, "this collection does not act in that state", "Look at it with Hyper-V Manager first.", Level.WARN
    )


def broken(code: str) -> State | None:
    """The state, where something is to be recovered from; None where nothing is."""
    state = state_of(code)
    return None if state.passes or (state.changed and not state.recover) else state


def left_alone(code: str) -> State | None:
    """The state, where hyperv_vm_replication leaves the VM alone in it; None for one that it acts on."""
    state = state_of(code)
    return None if state.changed else state


def remedy(code: str) -> str:
    """What the operator may do about a state of the primary, as the end of a message; never done by itself."""
    state = STATES.get(code)
    return f". {state.repair.removesuffix('.')} (hyperv_vm_replication)" if state and state.recover else ""
