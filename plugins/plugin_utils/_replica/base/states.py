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

FAILED_OVER_STATES = frozenset({FAILED_OVER_WAITING, FAILED_OVER})

OFF = "Off"
RUNNING = "Running"
STOPPING = "Stopping"
STARTING = "Starting"
SAVED = "Saved"
PAUSED = "Paused"
NO_START = "Nothing"
"""The start action of a VM that does not start with its host."""

# States in which something is still under way: never acted on, looked at again. Source: the states of
# Msvm_ReplicationRelationship that name a running task; that states lag the cmdlets is observed behaviour.
CHANGING_STATES = frozenset({RECOVERING, UPDATING_DISKS})
CHANGING_POWER = frozenset({STOPPING, STARTING, "Saving", "FastSaving", "Pausing", "Resuming", "Reset"})
AT_REST = frozenset({OFF, SAVED, "FastSaved", "Hibernated", "OffCritical", "SavedCritical", "FastSavedCritical"})
"""Powers in which a VM certainly executes nothing (Microsoft.HyperV.PowerShell.VMState)."""


def power_may_run(power: str) -> bool:
    """True unless a VM of this power certainly executes nothing: a name that is not known may mean anything."""
    return power not in AT_REST


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
        return power_may_run(self.power)

    @property
    def changing(self) -> bool:
        """Something is under way that will end by itself."""
        return self.state in CHANGING_STATES or self.power in CHANGING_POWER

    @property
    def failed_over(self) -> bool:
        """A replica that was failed over and not reversed."""
        return self.mode in REPLICA_MODES and self.state in FAILED_OVER_STATES

    @property
    def startable(self) -> bool:
        """False where Windows refuses its start: a replica that is not failed over, a prepared primary, no VM."""
        if self.mode in REPLICA_MODES:
            return self.state not in (REPLICATING, SUSPENDED, WAITING_FOR_COPY, RESYNCHRONIZING, ERROR)
        return self.mode != ABSENT and not (self.mode == PRIMARY and self.state == PREPARED)

    @property
    def holds_back(self) -> bool:
        """False for a copy beside which another may be started: it was read as Off, or cannot be started."""
        return self.power != OFF and (self.may_run or self.startable)

    def with_(self, **changes: object) -> Side:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def __str__(self) -> str:
        if self.mode == ABSENT:
            return "no such VM"
        test = ", test VM" if self.test_vm else ""
        return f"{self.mode}/{self.state}, {self.power}{test}"


@dataclass(frozen=True)
class Copy:
    """Another holder of the same VM, beside the two sides of the relation: a site of a chain, or a stranger.

    `host` is its inventory host (its Windows name where the inventory has none), `side` None when it was not read.
    """

    host: str
    side: Side | None

    def __str__(self) -> str:
        return f"{self.host} {self.side or 'not read'}"


@dataclass(frozen=True)
class Pair:
    """Both sides of a VM: `target` is the host where the operator wants it to run, `other` its partner; and `rest`,
    every other copy of the same id.

    A side is None when it was not read. `heard`: the other side's host shows that it lives, although its VM could
    not be read. `link`: the hosts reach each other (only the model knows; a reading has True).
    """

    target: Side | None
    other: Side | None
    link: bool = True
    rest: tuple[Copy, ...] = ()
    heard: bool = False

    @property
    def both_run(self) -> bool:
        """Two copies may execute the VM: nobody may touch either."""
        running = sum(side is not None and side.may_run for side in (self.target, self.other))
        return running > 1 or (
            bool(self.rest) and running + sum(c.side is not None and c.side.may_run for c in self.rest) > 1
        )

    @property
    def rest_runs(self) -> bool:
        """A copy beside the two sides may execute the VM."""
        return any(copy.side is not None and copy.side.may_run for copy in self.rest)

    def side(self, name: str) -> Side | None:
        """`target` or `other`."""
        return self.target if name == "target" else self.other

    def with_side(self, name: str, side: Side | None) -> Pair:
        """A copy with one side replaced."""
        return replace(self, target=side) if name == "target" else replace(self, other=side)

    def swapped(self) -> Pair:
        """The same VM seen by an operator who wants it on the other host."""
        return replace(self, target=self.other, other=self.target, heard=False)

    def __str__(self) -> str:
        rest = "".join(f"; {copy}" for copy in self.rest)
        return f"target {self.target or 'not read'}; other {self.other or 'not read'}{rest}"
