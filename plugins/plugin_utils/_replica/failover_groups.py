# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Groups of a failover: who may go on now, who waits for another group, and who is held back by one. Pure.

`dependency`: stopped from the last group to the first, started from the first to the last. `one_by_one`: a group goes
through all stages before the next one begins. A group is through when its VMs run and their guests answer. Until those
ahead are through a group stays prepared on the old side, where it can be started again if one of them is not ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .failover_book import DONE, LEFT, Entry

DEPENDENCY, ONE_BY_ONE = "dependency", "one_by_one"

STOPPING = frozenset({"prepare", "turn_off"})
STARTING = frozenset({"fail_over", "start"})
"""What a group does only when those ahead are through: once failed over there is no way back to the old side."""
_NO_WAY_BACK = frozenset({"reverse", "fence", "commit", "become_replica"})


@dataclass(frozen=True)
class Gate:
    """How the groups stand. `stopping` are the VMs whose next stage is to be stopped.

    `goes_on`: a group that is not ready does not stop those behind it.
    """

    order: str
    names: tuple[str, ...]
    entries: tuple[Entry, ...]
    stopping: frozenset[str]
    goes_on: bool = False

    def before(self, entry: Entry) -> Iterable[Entry]:
        """The VMs of the groups that are started before this one's."""
        return (other for other in self.entries if other.group < entry.group)

    def behind(self, entry: Entry) -> Iterable[Entry]:
        """The VMs of the groups that are stopped before this one's."""
        return (other for other in self.entries if other.group > entry.group)

    def held_by(self, entry: Entry, stage: str) -> str:
        """Why this VM will not do the stage in this run: a group ahead cannot be through any more; "" otherwise.

        What is not failed over yet leaves as soon as a group that it needs has left, so that it can go back in time.
        """
        if self.goes_on:
            return ""
        for other in self._needed(entry, stage):
            why = other.reason if other.status == LEFT else other.unready if self._wants_answer(stage) else ""
            if why:
                return f"held back by group {self.names[other.group]}, which is not ready: {other.name}: {why}"
        return ""

    def _needed(self, entry: Entry, stage: str) -> Iterable[Entry]:
        if stage in _NO_WAY_BACK and self.order == DEPENDENCY:
            return ()
        stops = stage in STOPPING and self.order == DEPENDENCY
        return (*self.before(entry), *(self.behind(entry) if stops else ()))

    def _wants_answer(self, stage: str) -> bool:
        return self.order == ONE_BY_ONE or stage in STARTING

    def waits(self, entry: Entry, stage: str) -> bool:
        """True when a VM ahead is not there yet."""
        if stage in STOPPING and self.order == DEPENDENCY:
            return any(other.id in self.stopping and other.status != LEFT for other in self.behind(entry))
        if self.order == ONE_BY_ONE or stage in STARTING:
            return any(other.status not in (LEFT, DONE) for other in self.before(entry))
        return False


def stopping(stages: Mapping[str, str]) -> frozenset[str]:
    """Ids of the VMs that are still to be stopped, from the next stage of each."""
    return frozenset(vm for vm, stage in stages.items() if stage in STOPPING)
