# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What to do about a refusal, as commands to paste: only what the table leads on with is ever advised. Pure.

A refusal of the planner names ways that may lead out. Each is gone to its end before it is told: a wish is planned,
what is done by hand is done to the states, and what is then refused in its turn is left out. Where none is left, those
that may serve any state are tried; and where none of these leads out either, only a person at the host can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from ...base.command_line import command
from ...base.states import REPLICA_MODES, Pair
from .by_hand import after_hand
from .sides import Seen
from .step import Goal, Way, ask, by_hand

PLAYBOOKS: Mapping[str, str] = {
    "planned": "planned_failover",
    "unplanned": "unplanned_failover",
    "cancel": "cancel_failover",
    "commit": "commit_failover",
    "return_home": "reverse_replication",
}
"""The playbook of a wish of the failover role."""

TAKES: Mapping[str, frozenset[str]] = {
    "planned": frozenset({"start", "accept", "discard", "turn_off", "declared", "shutdown", "reverse", "candidates"}),
    "unplanned": frozenset({"start", "accept", "discard", "turn_off", "declared", "fence", "candidates"}),
    "cancel": frozenset({"start", "accept", "turn_off", "declared", "shutdown", "accept_loss", "candidates"}),
    "commit": frozenset({"fence", "candidates"}),
    "return_home": frozenset({"start", "accept", "discard", "turn_off", "fence", "candidates"}),
}
"""The choices that the playbook of a wish has an input for."""

BY_HAND: Mapping[str, str] = {
    "reach": "bring {host} into reach of this run (its power, its network, the login, --limit)",
    "repair": "repair its replication on {host} (hyperv_vm_replication with recover: resume or resynchronize)",
    "copy": "let its first copy finish: {host} sends it (enable_replication starts it, status shows how far it is)",
    "resync": "wait until its resynchronization is through (status shows how far it is)",
    "protect": "protect the VM towards {host} first (enable_replication)",
    "stop_guest": "shut it down on {host} (Stop-VM)",
    "turn_off": "turn it off on {host} (Stop-VM -TurnOff: what its guest has not written is lost)",
    "discard_state": "remove its saved state on {host} (Remove-VMSavedState: what is in that memory is lost)",
    "power_off": "switch {host} off",
}
"""What only a person can do, by the word of a Way."""

ANYWHERE = (
    ask("planned"),
    ask("planned", "other"),
    ask("return_home"),
    ask("return_home", "other"),
    ask("cancel"),
    ask("cancel", "other"),
    ask("cancel", accept_loss=True),
    ask("cancel", "other", accept_loss=True),
    ask("unplanned", declared="unusable"),
    ask("unplanned", "other", declared="unusable"),
)
"""Ways that are tried where a refusal names none that leads out: what loses nothing comes first."""
HANDS_ANYWHERE = tuple(
    by_hand(hand, where)
    for hand, where in product(
        ("repair", "copy", "resync", "stop_guest", "turn_off", "discard_state"), ("other", "target")
    )
)
"""The same for what is done by hand."""
MOST_HANDS = 3
MOST_WAYS = 2

_REASONS = {"dead": "primary_is_dead", "unusable": "primary_unusable"}

Course = Callable[[Pair, Goal], str]
"""What a plan of this goal comes to: `refused`, `nothing` (to do), or `on`."""


def goal_of(way: Way, goal: Goal) -> Goal:
    """The goal that a way asks for: the same with other choices, or another wish, for which what was accepted and given
    up stays so. A choice that its playbook does not have is none of it.
    """
    if way.wish == goal.wish and way.to == "target":
        wanted = goal
    else:
        lose = goal.lose if way.to == "target" else {"target": "other", "other": "target"}.get(goal.lose, "")
        wanted = Goal(way.wish, start=goal.start, accept=goal.accept, discard=goal.discard, lose=lose)
    takes = TAKES.get(way.wish, frozenset())
    if "discard" not in takes:
        wanted = replace(wanted, discard="", lose="")
    if "start" not in takes:
        wanted = replace(wanted, start=True, accept=frozenset())
    return replace(wanted, **dict(way.changes))  # type: ignore[arg-type]


def open_ways(ways: Iterable[Way], pair: Pair, goal: Goal, course: Course) -> tuple[Way, ...]:
    """The ways that lead out of a refusal; `ways` are those that it names."""
    named = tuple(way for way in ways if _leads_out(way, pair, goal, course, MOST_HANDS))
    if named or pair.target is None:
        return named
    if pair.other is None:
        return (by_hand("reach"),)
    return tuple(_anywhere(pair, goal, course, MOST_HANDS))[:MOST_WAYS]


def _anywhere(pair: Pair, goal: Goal, course: Course, hands: int) -> Iterator[Way]:
    found = [way for way in ANYWHERE if _comes_to(way, pair, goal, course) == "on"]
    yield from found
    if not found and hands:
        yield from (way for way in HANDS_ANYWHERE if _leads_out(way, pair, goal, course, hands - 1))


def _leads_out(way: Way, pair: Pair, goal: Goal, course: Course, hands: int) -> bool:
    if not way.hand:
        return _comes_to(way, pair, goal, course) != "refused"
    after = after_hand(way, pair)
    if not isinstance(after, Pair):
        return after is way  # what a host will show that was not read cannot be foretold
    if course(after, goal) != "refused":
        return True
    return next(_anywhere(after, goal, course, hands), None) is not None


def _comes_to(way: Way, pair: Pair, goal: Goal, course: Course) -> str:
    if way.wish == "end_test":
        return "on"
    after, wanted = pair if way.to == "target" else pair.swapped(), goal_of(way, goal)
    asked_already = way.to == "target" and wanted == goal
    if way.wish not in PLAYBOOKS or after.target is None or asked_already:
        return "refused"
    return course(after, wanted)


# -- in words ----------------------------------------------------------------------------------------------------------


def told(ways: Iterable[Way], seen: Seen, goal: Goal, more: Mapping[str, Any]) -> list[str]:
    """Each way as a sentence; a wish as the command to paste, with every choice of the goal that was planned for it.

    `more` are further inputs that the commands repeat.
    """
    return [_told(way, seen, goal, more) for way in ways]


def _told(way: Way, seen: Seen, goal: Goal, more: Mapping[str, Any]) -> str:
    if way.hand:
        return BY_HAND[way.hand].format(host=_host(way.where, seen))
    vm = seen.name_or_id
    if way.wish == "end_test":
        return command("cleanup_test_failover", {"test_on": _host(way.to, seen), "vms": vm})
    here, there = _host(way.to, seen), _host("other" if way.to == "target" else "target", seen)
    wanted = goal_of(way, goal)
    chosen = {
        "reason": _REASONS.get(wanted.declared) if way.wish == "unplanned" else None,
        "declared": wanted.declared if way.wish != "unplanned" else None,
        "changes_since_failover": "discard" if wanted.accept_loss else None,
        "discard": {"other": there, "target": here}.get(wanted.lose, wanted.discard),
        "old_vm": "turn_off" if wanted.turn_off else None,
        "start": None if wanted.start else False,
        "reverse": None if wanted.reverse else False,
        "shutdown": None if wanted.shutdown else "refuse",
        "accept": ",".join(sorted(wanted.accept)),
    }
    repeated = {name: value for name, value in more.items() if name in TAKES[way.wish]}
    return command(PLAYBOOKS[way.wish], {"failover_to": here, "vms": vm, "confirm": vm, **chosen, **repeated})


def _host(where: str, seen: Seen) -> str:
    """Another copy of the VM goes by its host."""
    return seen.host_shown(where) if where in ("target", "other") else where


def by_hand_only(pair: Pair) -> str:
    """What is said where no command leads out."""
    replica = any(side is not None and side.mode in REPLICA_MODES for side in (pair.target, pair.other))
    if not replica:
        return "nothing of it is replicated between these hosts: look at it on the hosts themselves"
    return "no command leads out of these states: look at both hosts themselves, and repair the relation there"
