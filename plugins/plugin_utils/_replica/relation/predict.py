# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a step makes of what was read, by its cmdlet: check mode unfolds the plan with it, and tests prove that it ends.

What a host chooses by itself (times, health, the node that receives) is left out: None, or empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..base.states import (
    COPYING,
    ERROR,
    PRIMARY,
    READY,
    REPLICA,
    REPLICATING,
    RESYNC_SUSPENDED,
    RESYNCHRONIZING,
    SUSPENDED,
    UPDATING_DISKS,
    WAITING_FOR_COPY,
    WANTS_RESYNC,
)
from ..base.values import time_text, time_utc
from ..engine.plan import Step
from . import settings as relation_settings
from .have import VM, Have, Relation
from .settings import SETTINGS
from .want import Want

COPIED = "copied"
"""Stands for a LastReplicationTime that is not known yet but is not null."""

Parameters = Mapping[str, Any]
Effect = Callable[[Have, Want, VM, "Relation | None", Parameters], "Relation | None"]


def predict(have: Have, want: Want, step: Step) -> Have:
    """The host when the step has settled. A probe changes nothing."""
    vm = have.vms.get(step.subject)
    if step.probe or vm is None:
        return have
    command = step.statement.commands[-1]
    relation = vm.relations.get(want.relationship)
    return have.with_vm(
        vm.with_relation(want.relationship, EFFECTS[command.name](have, want, vm, relation, command.parameters))
    )


def settle(have: Have, want: Want, subject: str) -> Have:
    """The host when a copy, a resynchronization or a change of disks that was found is over."""
    vm = have.vms.get(subject)
    relation = vm.relations.get(want.relationship) if vm else None
    if vm is None or relation is None or relation.state not in (COPYING, RESYNCHRONIZING, UPDATING_DISKS):
        return have
    time = COPIED if relation.state == COPYING else relation.last_replication_time
    over = replace(relation, state=REPLICATING, health="", last_replication_time=time)
    return have.with_vm(vm.with_relation(want.relationship, over))


def _enabled(have: Have, want: Want, vm: VM, relation: Relation | None, told: Parameters) -> Relation:
    if told.get("AsReplica"):
        return Relation(
            want.relationship,
            REPLICA,
            WAITING_FOR_COPY,
            "",
            allowed_primary_server=str(told.get("AllowedPrimaryServer") or ""),
            disks=vm.disks,
        )
    usual = {row.option: row.usual for row in SETTINGS if row.option in _KNOWN_AT_ENABLE}
    out = {path.casefold() for path in told.get("ExcludedVhdPath") or ()}
    return Relation(
        kind=want.relationship,
        mode=REPLICA if want.relationship == "Extended" else PRIMARY,
        state=READY,
        health="",
        primary_server=have.host,
        replica_server=str(told["ReplicaServerName"]),
        settings={**usual, **relation_settings.from_parameters(told)},
        disks=tuple(disk for disk in vm.disks if disk.path.casefold() not in out),
    )


_KNOWN_AT_ENABLE = frozenset({"recovery_history", "app_consistent_hours", "host_kvp"})


def _set(have: Have, want: Want, vm: VM, relation: Relation | None, told: Parameters) -> Relation | None:
    if relation is None:
        return None
    changed = replace(relation, settings={**relation.settings, **relation_settings.from_parameters(told)})
    if "ReplicaServerName" in told:
        changed = replace(changed, replica_server=str(told["ReplicaServerName"]))
    if "ReplicatedDiskPaths" in told:
        paths = set(told["ReplicatedDiskPaths"])
        changed = replace(changed, disks=tuple(disk for disk in vm.disks if disk.path in paths))
    return changed


def _started(have: Have, want: Want, vm: VM, relation: Relation | None, told: Parameters) -> Relation | None:
    if relation is None:
        return None
    if "InitialReplicationStartTime" in told:
        return replace(relation, copy_start=time_text(time_utc(told["InitialReplicationStartTime"])))
    if want.wait and "DestinationPath" not in told:
        return replace(relation, state=REPLICATING, health="", last_replication_time=COPIED)
    return replace(relation, state=COPYING, health="")


def _stopped(have: Have, want: Want, vm: VM, relation: Relation | None, told: Parameters) -> Relation | None:
    return relation and replace(relation, state=READY, copy_start=None, health="")


def _imported(have: Have, want: Want, vm: VM, relation: Relation | None, told: Parameters) -> Relation | None:
    return relation and replace(relation, state=REPLICATING, last_replication_time=COPIED, health="")


def _suspended(have: Have, want: Want, vm: VM, relation: Relation | None, told: Parameters) -> Relation | None:
    if relation is None:
        return None
    return replace(relation, state=RESYNC_SUSPENDED if relation.state == RESYNCHRONIZING else SUSPENDED, health="")


def _resumed(have: Have, want: Want, vm: VM, relation: Relation | None, told: Parameters) -> Relation | None:
    if relation is None:
        return None
    if told.get("Resynchronize") or relation.state == RESYNC_SUSPENDED:
        return replace(relation, state=REPLICATING if want.wait else RESYNCHRONIZING, health="")
    unfinished = relation.last_replication_time is None and relation.state in (SUSPENDED, ERROR)
    state = REPLICATING if not unfinished else WAITING_FOR_COPY if relation.mode == REPLICA else COPYING
    return replace(relation, state=state, health="")


def _cancelled(have: Have, want: Want, vm: VM, relation: Relation | None, told: Parameters) -> Relation | None:
    return relation and replace(relation, state=WANTS_RESYNC, health="")


def _removed(have: Have, want: Want, vm: VM, relation: Relation | None, told: Parameters) -> None:
    return None


def _unchanged(have: Have, want: Want, vm: VM, relation: Relation | None, told: Parameters) -> Relation | None:
    return relation


EFFECTS: Mapping[str, Effect] = {
    "Enable-VMReplication": _enabled,
    "Set-VMReplication": _set,
    "Start-VMInitialReplication": _started,
    "Stop-VMInitialReplication": _stopped,
    "Import-VMInitialReplication": _imported,
    "Suspend-VMReplication": _suspended,
    "Resume-VMReplication": _resumed,
    "Stop-VMReplication": _cancelled,
    "Remove-VMReplication": _removed,
    "Reset-VMReplicationStatistics": _unchanged,
}
