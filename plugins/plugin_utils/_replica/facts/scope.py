# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which VMs an information task reads: what the options want, and, once the relations are known, the scope of the rest.

Pure; a scope knows how to begin a statement so that as few objects as needed travel, in a number of statements that
does not grow with the number of VMs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..base.option_groups import VMSelection
from ..base.pipeline import Command, Statement
from .clock import UNKNOWN, Clock

REPLICATING = ("Primary", "Replica", "ExtendedReplica")
REPLICA_MODES = ("Replica", "ExtendedReplica")
MANY = 200  # from here on the host's -In over a list costs more than sending all rows and choosing here


@dataclass(frozen=True)
class Filters:
    """Relations that are wanted; an empty tuple wants all."""

    modes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    healths: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """The options of the task, as values."""

    gather: tuple[str, ...]
    selection: VMSelection = field(default_factory=VMSelection)
    filters: Filters = field(default_factory=Filters)
    unprotected: bool = False
    report_unreadable: bool = False
    report_missing: bool = False

    @property
    def named(self) -> bool:
        """True when VMs were asked for by name or id."""
        return self.selection.names is not None or self.selection.ids is not None

    @property
    def narrow(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What the host itself can choose by: ("name" or "id", values); empty when all VMs are read."""
        groups = (("name", self.selection.names or ()), ("id", self.selection.ids or ()))
        if not self.named or sum(len(values) for _unused, values in groups) > MANY:
            return ()
        return tuple(group for group in groups if group[1])


@dataclass(frozen=True)
class Scope:
    """The VMs whose parts are read: `names` by id, and which of them replicate, hold a replica or an extended leg."""

    names: Mapping[str, str]
    replicating: tuple[str, ...] = ()
    replicas: tuple[str, ...] = ()
    extended: tuple[str, ...] = ()
    all_vms: int | None = None  # how many VMs the host has; None when not all were read
    all_replicating: int | None = None
    clock: Clock = UNKNOWN

    def vms(self, ids: tuple[str, ...] | None = None) -> Statement | Command:
        """`Get-VM` for these ids (all of the scope by default), whole when that is most of the host."""
        wanted = tuple(self.names) if ids is None else ids
        return Command("Get-VM") if _most(wanted, self.all_vms) else Command("Get-VM") | where_in("Id", wanted)

    def only(self, ids: tuple[str, ...]) -> Statement:
        """`Get-VM` for exactly these ids, for cmdlets that refuse the others."""
        return Command("Get-VM") | where_in("Id", ids)

    @property
    def all_replicate(self) -> bool:
        """True when most replicating VMs of the host are in the scope, so that asking for all of them is cheaper."""
        return _most(self.replicating, self.all_replicating)

    def relations(self) -> Statement | Command:
        """`Get-VMReplication` for the replicating VMs of the scope; those without replication would be errors."""
        source = Command("Get-VMReplication")
        return source if self.all_replicate else source | where_in("VMId", self.replicating)


def _most(wanted: tuple[str, ...], there: int | None) -> bool:
    return there is not None and len(wanted) * 2 > there


def where_in(name: str, values: tuple[str, ...]) -> Command:
    """`Where-Object -Property name -In values`: literal, without case, no error for a value that is not there."""
    return Command("Where-Object", {"Property": name, "In": True, "Value": list(values)})


def where_equal(name: str, value: str) -> Command:
    """`Where-Object -Property name -EQ value`; an enum is compared by its name."""
    return Command("Where-Object", {"Property": name, "EQ": True, "Value": value})
