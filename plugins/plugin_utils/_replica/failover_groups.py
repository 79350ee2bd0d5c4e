# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Groups of a failover: who may go on now, who waits for another group, and who is held back by one. Pure.

`dependency`: stopped from the last group to the first, started from the first to the last. `one_by_one`: a group goes
through all stages before the next one begins. A group is through when its VMs run and their guests answer. Until those
ahead are through a group stays prepared on the old side, where it can be started again if one of them is not ready.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .failover_book import DONE, LEFT, Entry

DEPENDENCY, ONE_BY_ONE = "dependency", "one_by_one"

STOPPING = frozenset({"prepare", "turn_off"})
STARTING = frozenset({"fail_over", "start"})
"""What a group does only when those ahead are through: once failed over there is no way back to the old side."""
_NO_WAY_BACK = frozenset({"reverse", "fence", "commit", "become_replica"})


@dataclass(frozen=True)
class Gate:
    """How the groups stand. `entries` are their VMs by id, in the order of the groups; `stopping` those that are still
    to be stopped, as far as anybody knows.

    `goes_on`: a group that is not ready does not stop those behind it.
    """

    order: str
    names: tuple[str, ...]
    entries: Mapping[str, Entry]
    stopping: frozenset[str]
    goes_on: bool = False

    def held_by(self, entry: Entry, stage: str) -> str:
        """Why this VM will not do the stage in this run: a group ahead cannot be through any more; "" otherwise.

        What is not failed over yet leaves as soon as a group that it needs has left, so that it can go back in time.
        """
        if self.goes_on:
            return ""
        if stage in _NO_WAY_BACK and self.order == DEPENDENCY:
            return ""
        troubled = self._troubled[self._wants_answer(stage)]
        stops = stage in STOPPING and self.order == DEPENDENCY
        for other in (*troubled[:1], *(troubled[-1:] if stops else ())):
            if other.group < entry.group or (stops and other.group > entry.group):
                why = other.reason if other.status == LEFT else other.unready
                return f"held back by group {self.names[other.group]}, which is not ready: {other.name}: {why}"
        return ""

    @cached_property
    def _troubled(self) -> Mapping[bool, Sequence[Entry]]:
        """The VMs that hold others back, by their groups: those that left, and, where an answer is wanted, those whose
        guests did not give one.
        """
        told = [entry for entry in self.entries.values() if entry.status == LEFT or entry.unready]
        left = [entry for entry in told if entry.status == LEFT and entry.reason]
        return {False: left, True: [entry for entry in told if entry.status != LEFT or entry.reason]}

    @cached_property
    def _last_to_stop(self) -> int:
        """The last group that has a VM which is still to be stopped."""
        entries = (self.entries[vm] for vm in self.stopping if vm in self.entries)
        return max((entry.group for entry in entries if entry.status not in (LEFT, DONE)), default=-1)

    @cached_property
    def _first_on_its_way(self) -> int:
        """The first group that has a VM which is not through."""
        groups = (entry.group for entry in self.entries.values() if entry.status not in (LEFT, DONE))
        return next(groups, len(self.names))

    def _wants_answer(self, stage: str) -> bool:
        return self.order == ONE_BY_ONE or stage in STARTING

    def waits(self, entry: Entry, stage: str) -> bool:
        """True when a VM ahead is not there yet."""
        if stage in STOPPING and self.order == DEPENDENCY:
            return self._last_to_stop > entry.group
        if self.order == ONE_BY_ONE or stage in STARTING:
            return self._first_on_its_way < entry.group
        return False


def stopping(stages: Mapping[str, str]) -> frozenset[str]:
    """Ids of the VMs that are still to be stopped, from the next stage of each."""
    return frozenset(vm for vm, stage in stages.items() if stage in STOPPING)
