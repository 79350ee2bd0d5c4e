"""Replication: which operation is allowed on which side from which state, and where it leads, as one table.

A key is a cmdlet with the switch that makes it another operation. Sides: primary; replica; extended (the copy at a
third site); leg (the extended relation on a replica, which sends). What is not in the table is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .laws_refusals import refuse
from .relation import EXTENDED, EXTENDED_REPLICA, PRIMARY, Relation
from .vm import VM

SENDERS = frozenset({"primary", "leg"})
RECEIVERS = frozenset({"replica", "extended"})
ALL = SENDERS | RECEIVERS
SAME = "="  # the state stays
BEFORE = "<"  # back to what was before the pause or the error


@dataclass(frozen=True)
class Law:
    """One operation. `states` maps a state to the state after it has settled; None: allowed in every state, no change.

    `off` asks for a VM that is off, `copied` for an initial copy that was finished, `no_test` for no test VM.
    """

    sides: frozenset[str]
    states: dict[str, str] | None
    off: bool = False
    copied: bool = False
    no_test: bool = False
    wrong_side: str = "not_applicable"
    wrong_state: str = "wrong_state"
    without: str = "not_applicable"
    why: dict[str, str] = field(default_factory=dict)


LAWS: dict[str, Law] = {
    # 4.1 initial copy
    "Start-VMInitialReplication": Law(
        ALL, {"ReadyForInitialReplication": "InitialReplicationInProgress"}, wrong_side="wrong_state"
    ),
    "Start-VMInitialReplication -InitialReplicationStartTime": Law(
        # The state while a copy is scheduled is unverified: it stays.
        SENDERS,
        {"ReadyForInitialReplication": SAME},
        wrong_side="wrong_state",
    ),
    "Stop-VMInitialReplication": Law(
        SENDERS,
        {
            "ReadyForInitialReplication": SAME,
            "InitialReplicationInProgress": "ReadyForInitialReplication",
            "Suspended": "ReadyForInitialReplication",
            "Error": "ReadyForInitialReplication",
        },
        wrong_side="wrong_state",
    ),
    "Import-VMInitialReplication": Law(
        RECEIVERS, {"WaitingForInitialReplication": "Replicating"}, wrong_side="wrong_state"
    ),
    # 4.2 a running relation
    "Suspend-VMReplication": Law(
        ALL,
        {
            "InitialReplicationInProgress": "Suspended",
            "WaitingForInitialReplication": "Suspended",
            "Replicating": "Suspended",
            "Resynchronizing": "ResynchronizeSuspended",
        },
    ),
    "Resume-VMReplication": Law(
        ALL,
        {
            "Suspended": BEFORE,
            "Error": BEFORE,
            "UpdateError": "WaitingForUpdateCompletion",
            "WaitingForStartResynchronize": "Resynchronizing",
            "ResynchronizeSuspended": "Resynchronizing",
        },
    ),
    "Resume-VMReplication -Resynchronize": Law(
        SENDERS,
        {
            "Suspended": "Resynchronizing",
            "Error": "Resynchronizing",
            "UpdateError": "Resynchronizing",
            "WaitingForStartResynchronize": "Resynchronizing",
            "ResynchronizeSuspended": "Resynchronizing",
        },
    ),
    "Resume-VMReplication -Continue": Law(
        frozenset({"replica"}), {"FailedOverWaitingCompletion": "Replicating", "FailedOver": "Replicating"}
    ),
    "Stop-VMReplication": Law(
        ALL,
        {
            "Resynchronizing": "WaitingForStartResynchronize",
            "WaitingForUpdateCompletion": "WaitingForStartResynchronize",
        },
    ),
    "Set-VMReplication": Law(SENDERS, None, wrong_side="replica_settings", without="not_enabled_state"),
    "Set-VMReplication -ReplicatedDisks": Law(
        # Other states than these are not documented; refused is the harsher reading.
        frozenset({"primary"}),
        {
            "Replicating": "WaitingForUpdateCompletion",
            "ReadyForInitialReplication": SAME,
            "UpdateError": "WaitingForUpdateCompletion",
        },
        wrong_side="replica_settings",
        without="not_enabled_state",
    ),
    "Set-VMReplication -AsReplica": Law(frozenset({"primary"}), None, off=True, without="not_enabled_state"),
    "Set-VMReplication -Reverse": Law(
        # What a reverse from a third site does is not documented: refused.
        frozenset({"replica"}),
        {"FailedOverWaitingCompletion": "Replicating", "FailedOver": "Replicating"},
        no_test=True,
        without="not_enabled_state",
    ),
    "Reset-VMReplicationStatistics": Law(ALL, None),
    "Remove-VMReplication": Law(ALL, None, no_test=True, without="not_enabled_state"),
    # 4.3 failover
    "Start-VMFailover -Prepare": Law(SENDERS, {"Replicating": "PreparedForFailover"}, off=True, no_test=True),
    "Start-VMFailover": Law(
        RECEIVERS,
        {
            "Replicating": "FailedOverWaitingCompletion",
            "Resynchronizing": "FailedOverWaitingCompletion",
            "Suspended": "FailedOverWaitingCompletion",
            "WaitingForUpdateCompletion": "FailedOverWaitingCompletion",
        },
        off=True,
        copied=True,
        no_test=True,
        wrong_side="failover_on_primary",
    ),
    "Start-VMFailover -AsTest": Law(
        RECEIVERS,
        {"Replicating": SAME, "Suspended": SAME},
        copied=True,
        wrong_side="failover_on_primary",
    ),
    "Complete-VMFailover": Law(RECEIVERS, {"FailedOverWaitingCompletion": "FailedOver"}),
    "Stop-VMFailover": Law(
        ALL,
        {
            "PreparedForFailover": "Replicating",
            "FailedOverWaitingCompletion": "Replicating",
            "RecoveryInProgress": "Replicating",
        },
    ),
}


# A backup, merge or migration in progress holds these off.
_NOT_WHILE_BUSY = ("Start-VMFailover", "Set-VMReplication -Reverse", "Set-VMReplication -AsReplica")


def side_of(relation: Relation) -> str:
    """Which side of a replication the relation is."""
    if relation.kind == EXTENDED:
        return "leg"
    return {PRIMARY: "primary", EXTENDED_REPLICA: "extended"}.get(relation.mode, "replica")


def judge(operation: str, vm: VM, relation: Relation | None) -> str:
    """The state that the operation leads to once it has settled. Raises the refusal of the table.

    The cmdlet's own checks come in this order: side, state, power, the rest. A bare cmdlet name is what refusals show.
    """
    law, cmdlet = LAWS[operation], operation.partition(" ")[0]
    if relation is None or vm.test_of is not None:
        raise refuse(law.without, vm=vm, cmdlet=cmdlet)
    if side_of(relation) not in law.sides:
        raise refuse(law.wrong_side, vm=vm, cmdlet=cmdlet)
    if law.no_test and vm.test_vm is not None:
        raise refuse("test_vm_exists", vm=vm)
    after = SAME if law.states is None else law.states.get(relation.state)
    if after is None:
        raise refuse(law.wrong_state, vm=vm, cmdlet=cmdlet)
    if vm.busy and operation.startswith(_NOT_WHILE_BUSY):
        raise refuse("busy", vm=vm, why=vm.busy)
    if law.off and vm.state != "Off":
        raise refuse("wrong_power", vm=vm)
    if law.copied and relation.last_replication is None:
        raise refuse("no_replication_yet", vm=vm)
    if after == BEFORE:
        return relation.resume_to or "Replicating"
    return relation.state if after == SAME else after
