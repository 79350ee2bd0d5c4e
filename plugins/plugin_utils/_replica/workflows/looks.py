# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Readings of VMs on all their hosts, with the time of every answer: which are too old to act on. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .conversation import FRESH_SECONDS, Ask

Told = Mapping[str, tuple[float, Mapping[str, Any]]]
"""When each host said what."""


@dataclass(frozen=True)
class Look:
    """A reading of VMs on all their hosts. waits: reads that are still to come in, by number. told: those that have,
    and when.
    """

    vms: tuple[str, ...]
    waits: frozenset[int]
    told: Told = field(default_factory=dict)

    @property
    def readings(self) -> dict[str, Mapping[str, Any]]:
        """What each host said."""
        return {host: result for host, (_unused, result) in self.told.items()}

    def since(self, now: float, aside: Container[str] = ()) -> float:
        """When the first of the hosts answered, but for those aside; `now` where there is none."""
        return min((at for host, (at, _unused) in self.told.items() if host not in aside), default=now)

    def grown_old(self, now: float, aside: Container[str] = ()) -> list[str]:
        """The hosts to be read again, because one kept the others waiting; none while all is fresh enough to act on."""
        ages = {host: now - at for host, (at, _unused) in self.told.items() if host not in aside}
        too_old = any(age > FRESH_SECONDS for age in ages.values())
        return [host for host, age in ages.items() if age > FRESH_SECONDS / 2] if too_old else []

    def without(self, hosts: Container[str]) -> Told:
        """What the others said."""
        return {host: told for host, told in self.told.items() if host not in hosts}


def heard(looks: Iterable[Look], ask: Ask, result: Mapping[str, Any], now: float) -> tuple[Look, ...]:
    """The looks, with what a host has said of the VMs that are looked at."""
    return tuple(
        replace(look, waits=look.waits - {ask.number}, told={**look.told, ask.host: (now, result)})
        if ask.number in look.waits
        else look
        for look in looks
    )
