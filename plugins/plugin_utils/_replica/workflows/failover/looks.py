# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Readings of VMs on all their hosts: which are open, and what has come in so far. Pure.

Whatever is asked here costs the same for one VM of ten and for one of thousands: answers come one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ..conversation import Ask
from ..heard import records_of

Key = TypeVar("Key")
Value = TypeVar("Value")
Told = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """A reading of VMs on all their hosts. waits: reads that are still to come in, by number. told: those that have.
    since: when the first of them came in; so old is what the next act rests on, at most. silent: what hosts of the VMs
    said last that are not asked again, because they said nothing.
    """

    vms: tuple[str, ...]
    waits: frozenset[int]
    silent: Mapping[str, Told] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)
    since: float = float("inf")

    @property
    def whole(self) -> Mapping[str, Told]:
        """What all their hosts said."""
        return {**self.silent, **self.told} if self.silent else self.told


@dataclass(frozen=True)
class Looks:
    """open: looks by the first of their VMs, for none is looked at twice at a time. through: those without a wait."""

    open: Mapping[str, Look] = field(default_factory=dict)
    through: tuple[Look, ...] = ()

    def vms(self) -> set[str]:
        """All VMs that are being looked at."""
        return {vm for look in self.open.values() for vm in look.vms}

    def add(self, vms: Sequence[str], reads: Iterable[int], silent: Mapping[str, Told]) -> Looks:
        """With a look at VMs, for which these reads are asked, and these hosts are not."""
        look = Look(tuple(vms), frozenset(reads), silent)
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


def together(
    vms: Iterable[str], hosts_of: Callable[[str], Sequence[str]], latest: Mapping[str, Told], loud: Collection[str]
) -> Iterator[tuple[list[str], tuple[str, ...], dict[str, Told]]]:
    """VMs of the same hosts, with the hosts to ask for them, so that nobody waits for another's host; and what hosts of
    theirs said last that are not asked. `latest` is what each host said last: one that said nothing is asked again only
    for those VMs that are `loud`.
    """
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    silent = {host for host, told in latest.items() if records_of(told) is None}
    for vm in vms:
        hosts = hosts_of(vm)
        left_out = () if vm in loud else tuple(host for host in hosts if host in silent)
        groups.setdefault((tuple(host for host in hosts if host not in left_out), left_out), []).append(vm)
    for (ask, left_out), ids in groups.items():
        yield ids, ask, {host: latest[host] for host in left_out}


def around(before: Mapping[str, Told], told: Mapping[str, Told]) -> dict[str, Told]:
    """What all hosts have said that concerns VMs which were looked at: their own hosts told this.

    Another host counts as it was `before` the first act: what it says of others, or that it was lost meanwhile, has no
    place here.
    """
    return {host: _of_others(reading) for host, reading in before.items()} | dict(told)


def _of_others(reading: Told) -> Told:
    return reading if records_of(reading) is None else {**reading, "vms": []}


def without(mapping: Mapping[Key, Value], keys: Iterable[Key]) -> Mapping[Key, Value]:
    """The mapping without these keys; itself where it has none of them."""
    known = {key for key in keys if key in mapping}
    if not known:
        return mapping
    left = dict(mapping)
    for key in known:
        del left[key]
    return left
