"""ReplicationHealth: the rules, first that fits wins (Microsoft: Interpreting Replication Health)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from .relation import Relation
from .vm import VM

CRITICAL, WARNING, NORMAL, NONE = "Critical", "Warning", "Normal", "NotApplicable"
MISSED_SHARE, LATE = 0.2, timedelta(hours=1)
SLOW = timedelta(minutes=5)

Rule = tuple[str, Callable[[Relation, datetime], bool], str]


def _state(*names: str) -> Callable[[Relation, datetime], bool]:
    return lambda relation, now: relation.state in names


def _is_late(relation: Relation, now: datetime) -> bool:
    return relation.last_replication is not None and now - relation.last_replication > LATE


def _is_slow(relation: Relation, now: datetime) -> bool:
    numbers = relation.statistics
    return bool(numbers.succeeded) and numbers.latency / numbers.succeeded > SLOW


# health, when, sentence (localised in the product: never to be parsed)
RULES: tuple[Rule, ...] = (
    (CRITICAL, _state("Error", "UpdateError"), "Replication for virtual machine '{vm}' is in error."),
    (
        CRITICAL,
        _state("WaitingForStartResynchronize", "ResynchronizeSuspended"),
        "Virtual machine '{vm}' requires resynchronization.",
    ),
    (
        CRITICAL,
        lambda relation, now: relation.receives and relation.state == "Suspended",
        "Replication for virtual machine '{vm}' is paused on the Replica server.",
    ),
    (
        CRITICAL,
        lambda relation, now: relation.sends and relation.cannot_send,
        "The primary server cannot send changes of virtual machine '{vm}'.",
    ),
    (WARNING, _state("Suspended"), "Replication for virtual machine '{vm}' is paused on the primary server."),
    # Whether a running resynchronization still is Critical is not stated; its need is over once it runs.
    (WARNING, _state("Resynchronizing"), "Virtual machine '{vm}' is being resynchronized."),
    (WARNING, _state("ReadyForInitialReplication"), "Initial replication of virtual machine '{vm}' is not complete."),
    (
        WARNING,
        _state("FailedOverWaitingCompletion", "FailedOver", "RecoveryInProgress"),
        "Virtual machine '{vm}' was failed over and its replication was not reversed.",
    ),
    (WARNING, _is_late, "Replica virtual machine '{vm}' is behind the primary by more than an hour."),
    (
        WARNING,
        lambda relation, now: relation.statistics.missed_share() > MISSED_SHARE,
        "More than 20 percent of replication cycles of virtual machine '{vm}' have been missed.",
    ),
    (WARNING, _is_slow, "The average replication latency of virtual machine '{vm}' is above five minutes."),
)


def health_of(vm: VM, relation: Relation | None, now: datetime) -> str:
    """The health of a relation by name; NotApplicable without one, and for a test VM."""
    if relation is None or vm.test_of is not None:
        return NONE
    return next((health for health, fits, _unused in RULES if fits(relation, now)), NORMAL)


def details(vm: VM, relation: Relation, now: datetime) -> list[str]:
    """A sentence for every rule that fits."""
    return [sentence.format(vm=vm.name) for _unused, fits, sentence in RULES if fits(relation, now)]
