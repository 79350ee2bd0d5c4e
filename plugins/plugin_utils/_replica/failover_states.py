# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What decides a failover of one VM: what each of its two hosts says of it, as small values.

A `Side` is one host's word, a `Pair` both. Names of modes, states and power are PowerShell's
(Microsoft: Get-VMReplication, accepted values of -ReplicationState). This file imports nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

ABSENT = "Absent"  # the host has no VM of that id: a mode of ours, not of Windows
NONE = "None"
PRIMARY = "Primary"
REPLICA = "Replica"
EXTENDED = "ExtendedReplica"
REPLICA_MODES = frozenset({REPLICA, EXTENDED})

DISABLED = "Disabled"
READY = "ReadyForInitialReplication"
COPYING = "InitialReplicationInProgress"
WAITING_FOR_COPY = "WaitingForInitialReplication"
REPLICATING = "Replicating"
PREPARED = "PreparedForFailover"
FAILED_OVER_WAITING = "FailedOverWaitingCompletion"
FAILED_OVER = "FailedOver"
SUSPENDED = "Suspended"
ERROR = "Error"
WANTS_RESYNC = "WaitingForStartResynchronize"
RESYNCHRONIZING = "Resynchronizing"
RESYNC_SUSPENDED = "ResynchronizeSuspended"
RECOVERING = "RecoveryInProgress"
UPDATING_DISKS = "WaitingForUpdateCompletion"

_REMEDIES = {
    SUSPENDED: "suspended: false",
    WANTS_RESYNC: "recover: resynchronize",
    RESYNC_SUSPENDED: "recover: resume",
    ERROR: "recover: resume",
}

FAILED_OVER_STATES = frozenset({FAILED_OVER_WAITING, FAILED_OVER})

OFF = "Off"
RUNNING = "Running"
STOPPING = "Stopping"
STARTING = "Starting"
SAVED = "Saved"
PAUSED = "Paused"

# States in which something is still under way: never acted on, looked at again. Source: the states of
# Msvm_ReplicationRelationship that name a running task; that states lag the cmdlets is observed behaviour.
CHANGING_STATES = frozenset({RECOVERING, UPDATING_DISKS})
CHANGING_POWER = frozenset({STOPPING, STARTING, "Saving", "Pausing", "Resuming", "Reset"})
# A VM in one of these may execute guest code, or be about to: it counts as running wherever that matters.
MAY_RUN = frozenset({RUNNING, STOPPING, STARTING, PAUSED, "Pausing", "Resuming", "Saving", "Reset", "RunningCritical"})


@dataclass(frozen=True)
class Side:
    """One host's word on a VM.

    copied: LastReplicationTime is not null. test_vm: a test VM of it exists. leg: it replicates on to a third site.
    """

    mode: str = NONE
    state: str = DISABLED
    power: str = OFF
    test_vm: bool = False
    copied: bool = True
    leg: bool = False

    @property
    def may_run(self) -> bool:
        """True unless the VM certainly executes nothing."""
        return self.power in MAY_RUN

    @property
    def changing(self) -> bool:
        """Something is under way that will end by itself."""
        return self.state in CHANGING_STATES or self.power in CHANGING_POWER

    @property
    def failed_over(self) -> bool:
        """A replica that was failed over and not reversed."""
        return self.mode in REPLICA_MODES and self.state in FAILED_OVER_STATES

    def with_(self, **changes: object) -> Side:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def __str__(self) -> str:
        if self.mode == ABSENT:
            return "no such VM"
        test = ", test VM" if self.test_vm else ""
        return f"{self.mode}/{self.state}, {self.power}{test}"


@dataclass(frozen=True)
class Pair:
    """Both sides of a VM: `target` is the host where the operator wants it to run, `other` its partner.

    A side is None when it was not read. `link`: the hosts reach each other (only the model knows; a reading has True).
    """

    target: Side | None
    other: Side | None
    link: bool = True

    @property
    def both_run(self) -> bool:
        """Both sides may execute the VM: nobody may touch either."""
        return bool(self.target and self.other and self.target.may_run and self.other.may_run)

    def side(self, name: str) -> Side | None:
        """`target` or `other`."""
        return self.target if name == "target" else self.other

    def with_side(self, name: str, side: Side | None) -> Pair:
        """A copy with one side replaced."""
        return replace(self, target=side) if name == "target" else replace(self, other=side)

    def swapped(self) -> Pair:
        """The same VM seen by an operator who wants it on the other host."""
        return Pair(self.other, self.target, self.link)

    def __str__(self) -> str:
        return f"target {self.target or 'not read'}; other {self.other or 'not read'}"


def remedy(state: str) -> str:
    """What the operator may do about a state of the primary, for a message; never done by itself."""
    return f"; mend it with hyperv_vm_replication ({_REMEDIES[state]})" if state in _REMEDIES else ""
