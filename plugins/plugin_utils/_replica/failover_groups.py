# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Groups of a failover: who may go on now, who waits for another group, and who is held back by one. Pure.

`dependency`: stopped from the last group to the first, started from the first to the last. `one_by_one`: a group goes
through all stages before the next one begins. A group is through when its VMs run and their guests answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .failover_book import DONE, LEFT, Entry

DEPENDENCY, ONE_BY_ONE = "dependency", "one_by_one"

STOPPING = frozenset({"prepare", "turn_off"})
STARTING = frozenset({"start"})


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

    def ahead(self, entry: Entry, stage: str) -> Iterable[Entry]:
        """The VMs of other groups that have to be through before this one does this stage."""
        if self.order == ONE_BY_ONE or stage in STARTING:
            return (other for other in self.entries if other.group < entry.group)
        if stage in STOPPING:
            return (other for other in self.entries if other.group > entry.group)
        return ()

    def held_by(self, entry: Entry, stage: str) -> str:
        """Why this VM will not do the stage in this run: a group ahead cannot be through any more; "" otherwise."""
        if self.goes_on:
            return ""
        for other in self.ahead(entry, stage):
            lost = other.status == LEFT or (other.unready and (self.order == ONE_BY_ONE or stage in STARTING))
            if lost:
                why = other.unready or other.reason
                return f"held back by group {self.names[other.group]}, which is not ready: {other.name}: {why}"
        return ""

    def waits(self, entry: Entry, stage: str) -> bool:
        """True when a VM ahead is not there yet."""
        for other in self.ahead(entry, stage):
            if other.status == LEFT:
                continue
            if stage in STOPPING and self.order == DEPENDENCY:
                if other.id in self.stopping:
                    return True
            elif other.status != DONE:
                return True
        return False


def stopping(stages: Mapping[str, str]) -> frozenset[str]:
    """Ids of the VMs that are still to be stopped, from the next stage of each."""
    return frozenset(vm for vm, stage in stages.items() if stage in STOPPING)
