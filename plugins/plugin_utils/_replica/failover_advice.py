# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What to do about a refusal, as commands to paste: only what the table leads on with is ever advised. Pure.

A refusal of the planner names ways that may lead out. Each is planned to its end before it is told: a way that would be
refused in its turn is left out. Where none is left, those that may serve any state are tried; and where none of these
leads out either, only a person at the host can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from .command_line import command
from .failover_sight import Seen
from .failover_states import REPLICA_MODES, Pair
from .failover_step import Goal, NextRefused, Way, ask

PLAYBOOKS: Mapping[str, str] = {
    "planned": "planned_failover",
    "unplanned": "unplanned_failover",
    "cancel": "cancel_failover",
    "commit": "commit_failover",
    "return_home": "reverse_replication",
}
"""The playbook of a wish of the failover role."""

BY_HAND: Mapping[str, str] = {
    "reach": "bring {host} into reach of this run (its power, its network, the login, --limit)",
    "repair": "repair its replication on {host} (hyperv_vm_replication with recover: resume or resynchronize)",
    "protect": "protect the VM towards {host} first (enable_replication)",
    "stop_guest": "shut it down on {host} (Stop-VM)",
    "turn_off": "turn it off on {host} (Stop-VM -TurnOff: what its guest has not written is lost)",
    "discard_state": "remove its saved state on {host} (Remove-VMSavedState: what is in that memory is lost)",
    "power_off": "switch {host} off",
}
"""What only a person can do, by the word of a Way."""

ANYWHERE = (
    ask("cancel", accept_loss=True),
    ask("return_home"),
    ask("planned"),
    ask("planned", "other"),
    ask("return_home", "other"),
    ask("cancel", "other", accept_loss=True),
    ask("unplanned", declared="unusable"),
)
"""Ways that are tried where a refusal names none that leads out."""

_CHOICES: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "accept_loss": lambda value: {"changes_since_failover": "discard"} if value else {},
    "turn_off": lambda value: {"old_vm": "turn_off"} if value else {},
    "start": lambda value: {"start": bool(value)},
    "reverse": lambda value: {"reverse": bool(value)},
    "shutdown": lambda value: {"shutdown": "clean"} if value else {},
}
"""Inputs of the playbooks for the choices of a goal."""
_REASONS = {"dead": "primary_is_dead", "unusable": "primary_unusable"}

Refuses = Callable[[Pair, Goal], bool]


def goal_of(way: Way, goal: Goal) -> Goal:
    """The goal that a way asks for. What was accepted by name stays accepted."""
    fresh = Goal(way.wish, start=goal.start, accept=goal.accept, discard=goal.discard)
    return replace(fresh, **dict(way.changes))  # type: ignore[arg-type]


def open_ways(refused: NextRefused, pair: Pair, goal: Goal, refuses: Refuses) -> tuple[Way, ...]:
    """The ways that lead out. `refuses` plans a goal from a pair to its end, and tells whether that is refused."""

    def leads_on(way: Way) -> bool:
        if way.hand:
            return True
        wanted = goal_of(way, goal)
        after = pair if way.to == "target" else pair.swapped()
        return wanted != goal and after.target is not None and not refuses(after, wanted)

    named = tuple(way for way in refused.ways if leads_on(way))
    if named or any(side is None for side in (pair.target, pair.other)):
        return named
    return tuple(way for way in ANYWHERE if leads_on(way))[:2]


def told(ways: Iterable[Way], seen: Seen, more: Mapping[str, Any]) -> list[str]:
    """Each way as a sentence; a wish as the command to paste. `more` are further inputs of every command."""
    return [_told(way, seen, more) for way in ways]


def _told(way: Way, seen: Seen, more: Mapping[str, Any]) -> str:
    if way.hand:
        return BY_HAND[way.hand].format(host=seen.host_shown(way.where))
    here, there = seen.host_shown(way.to), seen.host_shown("other" if way.to == "target" else "target")
    vm = seen.name_or_id
    if way.wish == "end_test":
        return command("cleanup_test_failover", {"test_on": here, "vms": vm})
    inputs: dict[str, Any] = {"failover_to": here, "vms": vm, "confirm": vm}
    for name, value in way.changes:
        inputs |= _input(name, value, here, there, way)
    return command(PLAYBOOKS[way.wish], {**inputs, **more})


def _input(name: str, value: Any, here: str, there: str, way: Way) -> dict[str, Any]:
    if name == "declared":
        return {"reason": _REASONS[value]} if way.wish == "unplanned" else {"declared": value} if value else {}
    if name == "lose":
        return {"discard": there if value == "other" else here}
    return _CHOICES[name](value)


def by_hand_only(pair: Pair) -> str:
    """What is said where no command leads out."""
    replica = any(side is not None and side.mode in REPLICA_MODES for side in (pair.target, pair.other))
    if not replica:
        return "nothing of it is replicated between these hosts: look at it on the hosts themselves"
    return "no command leads out of these states: look at both hosts themselves, and repair the relation there"
