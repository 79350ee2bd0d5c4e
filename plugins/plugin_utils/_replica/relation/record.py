# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The result of one VM, from what was read. Keys are those of the options where there is one; unknown is null."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..base.states import NONE
from ..facts import disks
from .case import Case, goal_of
from .find import NOT_HERE
from .have import VM, Have, Relation
from .predict import COPIED
from .settings import SETTINGS
from .sides import tested
from .want import TESTED, Want

DOES_NOT_PROVE = (
    "that the replica server's list admits this host, that its storage has room, and that the way back is open"
)


def record(have: Have, want: Want, subject: str) -> dict[str, Any]:
    """The record of a subject. A VM that is not here has a name and nothing else."""
    if subject.startswith(NOT_HERE):
        return {"name": subject.removeprefix(NOT_HERE), "id": None, "host": have.host, "mode": None}
    vm = have.vms.get(subject, VM("", ""))
    relation = vm.relations.get(want.relationship)
    told: dict[str, Any] = {"host": have.host}
    if vm.id:
        told = {**told, "id": vm.id, "name": vm.name, "power": vm.power, **_of_relation(relation, vm)}
    if want.state == TESTED:
        told["connection"] = _connection(Case(have, want, vm, relation, frozenset()))
    return told


def _of_relation(relation: Relation | None, vm: VM) -> dict[str, Any]:
    if relation is None:
        return {"mode": NONE, "state": "Disabled", "health": "NotApplicable", "relationship": None}
    time = relation.last_replication_time
    return {
        "mode": relation.mode,
        "state": relation.state,
        "health": relation.health or None,
        "relationship": relation.kind.lower(),
        "primary_server": relation.primary_server or None,
        "replica_server": relation.replica_server or None,
        **{row.option: _known(relation.settings.get(row.option)) for row in SETTINGS},
        "initial_copy_start": relation.copy_start,
        "last_replication_time": None if time == COPIED else time,
        "replicated_disks": _listed(relation.disks),
        "unreplicated_disks": _listed(disk for disk in vm.disks if not disks.among(disk, relation.disks)),
    }


def _listed(found: Iterable[disks.Disk]) -> list[dict[str, str]]:
    return [{"place": disk.place, "path": disk.path} for disk in found]


def _connection(case: Case) -> dict[str, Any]:
    """What a connection test asked, and what its success does not say."""
    tried = tested(case, goal_of(case))
    return {
        **{option: tried.get(option) for option in ("replica_server", "replica_port", "authentication")},
        "proves": "a listener of this type answers there, on the network path of this host",
        "does_not_prove": DOES_NOT_PROVE,
    }


def _known(value: Any) -> Any:
    """Windows writes "no certificate" as empty text."""
    return None if value == "" else value
