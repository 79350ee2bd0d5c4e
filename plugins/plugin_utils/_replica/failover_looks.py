# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Readings of VMs on all their hosts: which are open, and what has come in so far. Pure.

Whatever is asked here costs the same for one VM of ten and for one of thousands: answers come one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from .conversation import Ask
from .heard import records_of

Key = TypeVar("Key")
Value = TypeVar("Value")
Told = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """A reading of VMs on all their hosts. waits: reads that are still to come in, by number. told: those that have.
    since: when the first of them came in; so old is what the next act rests on, at most.
    """

    vms: tuple[str, ...]
    waits: frozenset[int]
    told: Mapping[str, Told] = field(default_factory=dict)
    since: float = float("inf")


@dataclass(frozen=True)
class Looks:
    """open: looks by the first of their VMs, for none is looked at twice at a time. through: those without a wait."""

    open: Mapping[str, Look] = field(default_factory=dict)
    through: tuple[Look, ...] = ()

    def vms(self) -> set[str]:
        """All VMs that are being looked at."""
        return {vm for look in self.open.values() for vm in look.vms}

    def add(self, vms: Sequence[str], reads: Iterable[int]) -> Looks:
        """With a look at VMs, for which these reads are asked."""
        look = Look(tuple(vms), frozenset(reads))
        if not look.waits:
            return replace(self, through=(*self.through, look))
        return replace(self, open={**self.open, vms[0]: look})

    def hear(self, ask: Ask, told: Told, now: float) -> Looks:
        """With what a host has answered."""
        look = self.open[ask.vms[0]]
        answers, since = {**look.told, ask.host: told}, min(look.since, now)
        look = replace(look, waits=look.waits - {ask.number}, told=answers, since=since)
        if look.waits:
            return replace(self, open={**self.open, ask.vms[0]: look})
        return Looks(without(self.open, ask.vms[:1]), (*self.through, look))


class ById(Sequence[Mapping[str, Any]]):
    """Records of VMs, of which some can be replaced without looking at the others."""

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self._records = {str(record["id"]): record for record in records}

    def __getitem__(self, at: Any) -> Any:
        return list(self._records.values())[at]

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Any:
        return iter(self._records.values())

    def instead(self, vms: Iterable[str], records: Iterable[Mapping[str, Any]]) -> ById:
        """With these records, and none of these VMs else."""
        new = ById(())
        told = {str(record["id"]): record for record in records}
        new._records = {**self._records, **told}
        for vm in vms:
            if vm not in told:
                new._records.pop(vm, None)
        return new


def merged(before: Told | None, told: Told, vms: Iterable[str]) -> Told:
    """What a host said of these VMs, and what it had said of others. That it said nothing before is over then."""
    records, known = records_of(told), records_of(before)
    if records is None or known is None:
        return told
    others = known if isinstance(known, ById) else ById(known)
    return {**(before or {}), **told, "vms": others.instead(vms, records)}


def without(mapping: Mapping[Key, Value], keys: Iterable[Key]) -> Mapping[Key, Value]:
    """The mapping without these keys; itself where it has none of them."""
    known = {key for key in keys if key in mapping}
    if not known:
        return mapping
    left = dict(mapping)
    for key in known:
        del left[key]
    return left
