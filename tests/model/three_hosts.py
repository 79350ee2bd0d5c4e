"""Three hosts that hold one VM: a chain hv-a, hv-b, hv-c, or a pair and a stranger with a restored copy of the same id.

The world is what is; a reading (search_three.py) is what a run knows of it. The table of acts is the one of two hosts:
each act is done by one host, towards the partner that answers it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.acts import ACTS, perform

HOSTS = ("hv-a", "hv-b", "hv-c")
A, B, C = range(3)


Sides = tuple[s.Side, s.Side, s.Side]
_KNOWN: dict[tuple[Sides, int], World] = {}


@dataclass(frozen=True, eq=False)
class World:
    """What each host has; two equal worlds are one object (`world`). `to`: whom the relation of hv-b leads to."""

    sides: Sides
    to: int

    def with_side(self, host: int, side: s.Side) -> World:
        """The world in which a host has this."""
        first, second, third = (side if number == host else old for number, old in enumerate(self.sides))
        return world((first, second, third), self.to)

    def partner(self, host: int) -> int | None:
        """Whom the relation of a host leads to; that of a VM without replication leads nowhere."""
        if self.sides[host].mode in (s.NONE, s.ABSENT):
            return None
        return self.to if host == B else B

    def names(self, host: int) -> set[int]:
        """Everybody whom the relations of a host name."""
        partner = self.partner(host)
        leg = {C} if self.sides[host].leg else set()
        return leg if partner is None else {partner, *leg}

    @property
    def running(self) -> int:
        """How many copies may execute."""
        return sum(side.may_run for side in self.sides)

    def __str__(self) -> str:
        told = "; ".join(f"{host} {side}" for host, side in zip(HOSTS, self.sides, strict=True))
        return f"[{told}; hv-b's partner is {HOSTS[self.to]}]"


def world(sides: Sides, to: int = A) -> World:
    """The one object of a world. A VM without replication leads nowhere."""
    to = A if sides[B].mode == s.NONE else to
    known = _KNOWN.get((sides, to))
    return known or _KNOWN.setdefault((sides, to), World(sides, to))


def chain() -> World:
    """hv-a replicates to hv-b, and hv-b on to hv-c."""
    middle = s.Side(s.REPLICA, s.REPLICATING, s.OFF, leg=True)
    return world((s.Side(s.PRIMARY, s.REPLICATING, s.RUNNING), middle, s.Side(s.EXTENDED, s.REPLICATING, s.OFF)))


def stranger() -> World:
    """hv-a replicates to hv-b; hv-c was restored from a backup."""
    middle = s.Side(s.REPLICA, s.REPLICATING, s.OFF)
    return world((s.Side(s.PRIMARY, s.REPLICATING, s.RUNNING), middle, s.Side(s.NONE)))


# -- what can happen -------------------------------------------------------------------------------------------------


def act(have: World, name: str, host: int) -> World | None:
    """The world after a host has done an act, or None when Windows refuses it."""
    partner = have.partner(host)
    answers = partner is not None and have.partner(partner) == host
    pair = s.Pair(have.sides[host], have.sides[partner] if answers and partner is not None else None)
    after = perform(pair, name, "target")
    if after is None or after.target is None:
        return None
    own = after.target.with_(leg=False) if name == "remove" else after.target
    done = have.with_side(host, own)
    if answers and partner is not None and after.other is not None:
        done = done.with_side(partner, after.other)
    return world(done.sides, C) if name == "continue" else done


def hands(have: World) -> Iterator[World]:
    """All that somebody else can do now, on any host, as far as Windows lets them. Test VMs are left to two hosts."""
    for name, host in product(ACTS, (A, B, C)):
        after = act(have, name, host) if name not in ("start_test", "end_test") else None
        if after is not None:
            yield after
    for host, side in enumerate(have.sides):
        if side.power == s.SAVED:
            yield have.with_side(host, side.with_(power=s.OFF))


def nature(have: World, wide: bool = False) -> Iterator[World]:
    """Hosts that lose their power or are shut down, and links that break and mend. `wide`: in every state there is."""
    for host, side in enumerate(have.sides):
        if side.power == s.RUNNING:
            yield have.with_side(host, side.with_(power=s.SAVED))
            broken = {"state": s.WANTS_RESYNC} if side.mode == s.PRIMARY and side.state == s.REPLICATING else {}
            yield have.with_side(host, side.with_(power=s.OFF, **broken))
            if wide:
                yield have.with_side(host, side.with_(power=s.STOPPING))
                yield have.with_side(host, side.with_(power=s.PAUSED))
        if side.power == s.STOPPING:
            yield have.with_side(host, side.with_(power=s.OFF))
        if side.mode == s.PRIMARY and side.state in (s.WANTS_RESYNC, s.SUSPENDED, s.ERROR):
            yield have.with_side(host, side.with_(state=s.REPLICATING))
        if wide and side.mode == s.PRIMARY and side.state == s.REPLICATING:
            yield have.with_side(host, side.with_(state=s.ERROR))
        if wide and side.mode in s.REPLICA_MODES and side.state == s.REPLICATING:
            yield have.with_side(host, side.with_(state=s.RECOVERING))
        if side.state == s.RECOVERING:
            yield have.with_side(host, side.with_(state=s.FAILED_OVER_WAITING))
            yield have.with_side(host, side.with_(state=s.REPLICATING))


def reachable(first: World, wide: bool = False) -> tuple[frozenset[World], int]:
    """All worlds that can come about, and the number of transitions between them."""
    seen, edges, todo = {first}, 0, deque([first])
    while todo:
        have = todo.popleft()
        for after in (*nature(have, wide), *hands(have)):
            edges += 1
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return frozenset(seen), edges
