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
    """open: looks by the first of their VMs, for none is looked at twice at a time. through: those without a wait.

    early: reads of silent hosts that were begun before their look, by host and VM; kept: what came of them, None before
    it has; shared: the looks that wait for one.
    """

    open: Mapping[str, Look] = field(default_factory=dict)
    through: tuple[Look, ...] = ()
    early: Mapping[tuple[str, str], int] = field(default_factory=dict)
    kept: Mapping[int, Told | None] = field(default_factory=dict)
    shared: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def vms(self) -> set[str]:
        """All VMs that are being looked at."""
        return {vm for look in self.open.values() for vm in look.vms}

    def with_early(self, first: int, asked: Mapping[str, Iterable[str]]) -> Looks:
        """With reads of silent hosts that were begun for these VMs; the first has this number."""
        early = {(host, vm): first + at for at, (host, vms) in enumerate(asked.items()) for vm in vms}
        kept = dict.fromkeys(range(first, first + len(asked)))
        return replace(self, early={**self.early, **early}, kept={**self.kept, **kept}) if early else self

    def begun(self, host: str, vms: Iterable[str]) -> int | None:
        """The early read that a look at these VMs need not repeat: one that told nothing of the host, or is to come."""
        numbers = {self.early.get((host, vm)) for vm in vms}
        number = numbers.pop() if len(numbers) == 1 else None
        return number if number is not None and records_of(self.kept[number]) is None else None

    def add(self, vms: Sequence[str], hosts: Iterable[str], first: int) -> Looks:
        """With a look at VMs on hosts. Those without an early read are asked, and the first of them has this number."""
        told: dict[str, Told] = {}
        waits: set[int] = set()
        shared = dict(self.shared)
        for host in hosts:
            number = self.begun(host, vms)
            answer = None if number is None else self.kept[number]
            if answer is not None:
                told[host] = answer
            elif number is not None:
                waits.add(number)
                shared[number] = (*shared.get(number, ()), vms[0])
            else:
                waits.add(first)
                first += 1
        look = Look(tuple(vms), frozenset(waits), told)
        used = [key for host in hosts for vm in vms if (key := (host, vm)) in self.early]
        return replace(
            self,
            open={**self.open, vms[0]: look} if waits else self.open,
            through=self.through if waits else (*self.through, look),
            early=without(self.early, used),
            shared=shared,
        )

    def hear(self, ask: Ask, told: Told, now: float) -> Looks:
        """With what a host has answered."""
        open_, through = dict(self.open), list(self.through)
        for own in self.shared.get(ask.number, ask.vms[:1]):
            look = open_[own]
            answers, since = {**look.told, ask.host: told}, min(look.since, now)
            open_[own] = look = replace(look, waits=look.waits - {ask.number}, told=answers, since=since)
            if not look.waits:
                through.append(open_.pop(own))
        kept = {**self.kept, ask.number: told} if ask.number in self.kept else self.kept
        shared = without(self.shared, [ask.number])
        return replace(self, open=open_, through=tuple(through), kept=kept, shared=shared)


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
