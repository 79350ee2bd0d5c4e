# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Groups of a failover: who may go on now, who waits for another group, and who is held back by one. Pure.

`dependency`: stopped from the last group to the first, started from the first to the last. `one_by_one`: a group goes
through all stages before the next one begins. A group is through when its VMs run and their guests answer. Until those
ahead are through a group stays prepared on the old side, where it can be started again if one of them is not ready.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .looks import without
from .memory import LEFT, OPEN, Entry

DEPENDENCY, ONE_BY_ONE = "dependency", "one_by_one"

STOPPING = frozenset({"prepare", "turn_off"})
STARTING = frozenset({"fail_over", "start"})
"""What a group does only when those ahead are through: once failed over there is no way back to the old side."""
_NO_WAY_BACK = frozenset({"reverse", "fence", "commit", "become_replica"})


@dataclass(frozen=True)
class Gate:
    """How the groups stand; they go by their numbers. One group waits for none, and nothing is kept of it.

    on_way: VMs that are not through. to_stop: those of them that are still to be stopped, or were not read since, so
    that nobody knows. parked: VMs that are held back, by group and stage. left and unready: of each group that will not
    be through a VM that shows why: it left the run, or its guest did not answer. goes_on: such a group stops none.
    """

    order: str
    names: tuple[str, ...]
    goes_on: bool = False
    on_way: Mapping[int, frozenset[str]] = field(default_factory=dict)
    to_stop: Mapping[int, frozenset[str]] = field(default_factory=dict)
    parked: Mapping[tuple[int, str], Mapping[str, None]] = field(default_factory=dict)
    left: Mapping[int, Entry] = field(default_factory=dict)
    unready: Mapping[int, Entry] = field(default_factory=dict)

    @classmethod
    def begin(cls, order: str, names: Sequence[str], goes_on: bool, entries: Sequence[Entry]) -> Gate:
        """Before the first act: whatever takes part may have to be stopped."""
        return cls(order, tuple(names), goes_on).with_(entries, {entry.id: "prepare" for entry in entries})

    def with_(self, entries: Iterable[Entry], stages: Mapping[str, str], parked: Container[str] = ()) -> Gate:
        """With what is known of these VMs now, and their next stages. `parked` are those that are held back."""
        if len(self.names) < 2:
            return self
        groups: dict[int, list[Entry]] = {}
        for entry in entries:
            groups.setdefault(entry.group, []).append(entry)
        gate = self
        for number, members in groups.items():
            gate = gate._with_group(number, members, stages, parked)
        return gate

    def _with_group(
        self, number: int, members: Sequence[Entry], stages: Mapping[str, str], parked: Container[str]
    ) -> Gate:
        ids = {entry.id for entry in members}
        open_ = {entry.id for entry in members if entry.status == OPEN}
        stops = {vm for vm in open_ if stages.get(vm) in STOPPING}
        waits = {key: without(vms, ids) if key[0] == number else vms for key, vms in self.parked.items()}
        for entry in members:
            if entry.id in parked:
                key = (number, stages[entry.id])
                waits[key] = {**waits.get(key, {}), entry.id: None}
        left = [entry for entry in members if entry.status == LEFT and entry.reason]
        unready = [entry for entry in members if entry.status != LEFT and entry.unready]
        none: frozenset[str] = frozenset()
        return replace(
            self,
            on_way={**self.on_way, number: self.on_way.get(number, none) - ids | open_},
            to_stop={**self.to_stop, number: self.to_stop.get(number, none) - ids | stops},
            parked={key: vms for key, vms in waits.items() if vms},
            left={number: left[0], **self.left} if left else self.left,
            unready={number: unready[0], **self.unready} if unready else self.unready,
        )

    def held_by(self, group: int, stage: str) -> str:
        """Why a VM of the group will not do the stage in this run: a group ahead cannot be through any more; ""
        otherwise.

        What is not failed over yet leaves as soon as a group that it needs has left, so that it can go back in time.
        """
        if self.goes_on or (stage in _NO_WAY_BACK and self.order == DEPENDENCY):
            return ""
        troubled = {**(self.unready if self._wants_answer(stage) else {}), **self.left}
        stops = stage in STOPPING and self.order == DEPENDENCY
        first, last = min(troubled, default=group), max(troubled, default=group)
        ahead = first if first < group else last if stops and last > group else None
        if ahead is None:
            return ""
        other = troubled[ahead]
        why = other.reason if other.status == LEFT else other.unready
        return f"held back by group {self.names[ahead]}, which is not ready: {other.name}: {why}"

    def waits(self, group: int, stage: str) -> bool:
        """True when a VM ahead is not there yet."""
        if stage in STOPPING and self.order == DEPENDENCY:
            return max((number for number, vms in self.to_stop.items() if vms), default=-1) > group
        if self._wants_answer(stage):
            return min((number for number, vms in self.on_way.items() if vms), default=len(self.names)) < group
        return False

    def _wants_answer(self, stage: str) -> bool:
        return self.order == ONE_BY_ONE or stage in STARTING

    def waiting(self) -> list[str]:
        """All VMs that are held back."""
        return [vm for vms in self.parked.values() for vm in vms]

    def freed(self) -> list[str]:
        """Those of them that may go on now, or never will."""
        free = (
            vms
            for (group, stage), vms in self.parked.items()
            if not self.waits(group, stage) or self.held_by(group, stage)
        )
        return [vm for vms in free for vm in vms]
