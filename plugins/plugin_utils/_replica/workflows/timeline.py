# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What happened when: the events of a run as lines for the operator and as entries of its result, and what of them
makes the down time. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

COLUMNS = 100
SHORTEST = 12
"""So much of the name of a single VM is shown in any case."""
WORDS: Mapping[str, str] = {
    "stop_guest": "shutting the guest down",
    "prepare": "sending the last changes",
    "fail_over": "failing over",
    "reverse": "reversing the replication",
    "start_copy": "starting the copy to the old primary",
    "start": "starting",
    "commit": "committing the failover",
    "cancel_failover": "cancelling the failover",
    "cancel_preparation": "undoing the preparation",
    "become_replica": "making the old primary the replica",
    "start_action": "setting what it does when its host starts",
    "turn_off": "pulling its plug",
    "discard_state": "giving its saved state up",
    "enable": "protecting it",
    "start_initial_copy": "starting its first copy",
    "continue": "going on towards the third site",
    "test_switch": "setting the switch of its test VM",
    "start_test": "making its test VM",
    "start_test_vm": "starting its test VM",
    "end_test": "ending its test VM",
    "remove": "ending the replication",
    "idle": "keeping the idle copy from starting with its host",
    "delete_files": "deleting the disks of the idle copy",
    "delete_vm": "deleting the idle copy",
}
"""What each stage is doing, for people."""
STARTS = frozenset({"start", "start_old", "cancel_failover"})
"""Stages of calls after which a VM may run again."""
_STOPS = frozenset({"stop_guest", "turn_off"})


@dataclass(frozen=True)
class Happened:
    """An event with its time (of the control node) and the seconds of a clock that only goes forward."""

    at: datetime
    seconds: float
    host: str
    vms: tuple[str, ...]
    text: str
    ids: tuple[str, ...] = ()
    stage: str = ""

    def line(self) -> str:
        """`14:03:11  hv-a  App01, Db01  shutting the guest down`, in 100 columns."""
        head = f"{self.at:%H:%M:%S}  {self.host}  " if self.host else f"{self.at:%H:%M:%S}  "
        told = WORDS.get(self.text, self.text)
        return head + (f"{_names(self.vms, COLUMNS - len(head) - len(told) - 2)}  " if self.vms else "") + told

    def to_result(self) -> dict[str, Any]:
        """As it stands in the result."""
        return {
            "time": self.at.isoformat(timespec="seconds"),
            "host": self.host or None,
            "vms": list(self.vms),
            "event": WORDS.get(self.text, self.text),
        }


def _names(names: Sequence[str], width: int) -> str:
    """As many names as fit, and how many are left; of a single one what fits."""
    shown = ", ".join(names)
    if len(shown) <= width:
        return shown
    kept = len(names)
    while kept > 1:
        kept -= 1
        shown = f"{', '.join(names[:kept])} and {len(names) - kept} more"
        if len(shown) <= width:
            return shown
    if len(names) > 1:
        return f"{len(names)} VMs"
    return f"{names[0][: max(width - 3, SHORTEST)]}..."


@dataclass
class Timeline:
    """The events so far, and when each VM was stopped and runs again."""

    events: list[Happened] = field(default_factory=list)
    stopped: dict[str, float] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)

    def add(self, event: Happened) -> None:
        """Keep an event."""
        self.events.append(event)
        if event.stage in _STOPS:
            for vm in event.ids:
                self.stopped.setdefault(vm, event.seconds)

    def runs(self, vms: Iterable[str], seconds: float) -> list[str]:
        """These VMs were read as running, after they were stopped; those of which that is news."""
        new = [vm for vm in vms if vm in self.stopped and vm not in self.started]
        self.started.update(dict.fromkeys(new, seconds))
        return new

    def downtime(self, vm: str) -> float | None:
        """Seconds from the moment in which its guest was told to stop to that in which it was read as running again;
        None where it was not stopped, or does not run.
        """
        if vm not in self.stopped or vm not in self.started:
            return None
        return round(self.started[vm] - self.stopped[vm], 1)

    def down(self) -> list[str]:
        """Names of VMs whose guests were told to stop, and which were not read as running since."""
        names = {vm: name for event in self.events for vm, name in zip(event.ids, event.vms, strict=False)}
        return [names[vm] for vm in self.stopped if vm not in self.started]

    def told(self, vms: Sequence[str]) -> str:
        """`running again after 14 seconds`: how long these were down."""
        spans = [span for vm in vms if (span := self.downtime(vm)) is not None]
        least, most = round(min(spans)), round(max(spans))
        return f"running again after {least}{f' to {most}' if most > least else ''} seconds"


def tail(vm: Mapping[str, Any]) -> list[str]:
    """What the report says of a VM beside its states: a line with its down time, and with the age of its data."""
    down, loss = vm.get("downtime_seconds"), vm.get("data_loss_seconds")
    told = [] if down is None else [f"down for {down:.0f} seconds"]
    told += [f"its data is {loss:.0f} seconds older than the failover"] if loss else []
    return [f"{'':4}{vm['name']}: {', '.join(told)}"] if told else []
