"""What can be reached without another hand: for each wish the acts that the laws leave it, and when it is fulfilled.

Written from the laws, not from the planner, which is then asked whether it gets everywhere that can be reached.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.acts import perform
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import next as failover_next
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.step import (
    Goal,
    NextAct,
    NextDone,
    NextRefused,
    NextWait,
)

from .search import beside_it, settled

_POWER = re.compile(r"(?<= is )(Running|Stopping|Paused|Saved)\b")
Acts = Iterator[tuple[str, str]]
MOST_STEPS = 20
MOVING = ("planned", "unplanned", "cancel", "reverse", "return_home")


# -- goals -----------------------------------------------------------------------------------------------------------


def reached(goal: Goal, pair: s.Pair) -> bool:
    """Whether the pair is what the wish is about. Both sides are there."""
    target, other = pair.target, pair.other
    if target is None or other is None:
        return False
    return _GOALS[goal.wish](goal, target, other)


def _runs_as_wished(goal: Goal, side: s.Side) -> bool:
    return side.power == s.RUNNING or (not goal.start and not side.changing)


def _is_primary(goal: Goal, target: s.Side, other: s.Side) -> bool:
    return target.mode == s.PRIMARY and target.state != s.PREPARED and _runs_as_wished(goal, target)


def _is_there(goal: Goal, target: s.Side, other: s.Side) -> bool:
    return _is_primary(goal, target, other) or (target.failed_over and _runs_as_wished(goal, target))


def _planned(goal: Goal, target: s.Side, other: s.Side) -> bool:
    safe = other.state in (s.PREPARED, s.WAITING_FOR_COPY)
    return _is_primary(goal, target, other) or (not goal.reverse and safe and _is_there(goal, target, other))


def _cancelled(goal: Goal, target: s.Side, other: s.Side) -> bool:
    undone = other.mode == s.PRIMARY and other.state != s.PREPARED and not target.failed_over and not target.changing
    return undone and (not goal.start or not {other.power} & {s.OFF, *s.CHANGING_POWER})


_GOALS: Mapping[str, Callable[[Goal, s.Side, s.Side], bool]] = {
    "planned": _planned,
    "unplanned": _is_there,
    "cancel": _cancelled,
    "commit": lambda goal, target, other: target.mode == s.REPLICA and target.state == s.FAILED_OVER,
    "reverse": _is_primary,
    "return_home": _is_primary,
    "test": lambda goal, target, other: target.test_vm,
    "end_test": lambda goal, target, other: not target.test_vm,
    "remove": lambda goal, target, other: target.mode == other.mode == s.NONE,
}


# -- acts that the laws leave to a wish ------------------------------------------------------------------------------


def lawful(goal: Goal, pair: s.Pair) -> Acts:
    """Acts that belong to the wish, in a pair of which both sides were read."""
    target, other = pair.target, pair.other
    if target is None or other is None or (pair.both_run and goal.wish not in ("test", "end_test")):
        return
    held = goal.wish in MOVING and any(_holds(copy, goal) for copy in pair.rest)
    for act, where in _LAWFUL[goal.wish](goal, target, other):
        undoing = goal.wish == "cancel" and act != "start" and not pair.rest_runs
        if not held or undoing:
            yield act, where


def _holds(copy: s.Copy, goal: Goal) -> bool:
    """A copy beside the two sides: nothing moves beside it unless it is Off, or nobody can start it (L1), and what
    changed there is not passed over.
    """
    side = copy.side
    if side is None:
        return copy.host not in goal.accept
    newer = side.failed_over and goal.discard != copy.host and goal.wish != "cancel"
    return newer or not beside_it(side)


def _may_start(goal: Goal, other: s.Side) -> Acts:
    if goal.start and other.power == s.OFF:
        yield "start", "target"


def _of_planned(goal: Goal, target: s.Side, other: s.Side) -> Acts:
    if target.test_vm:
        return
    if goal.shutdown and target.state == s.REPLICATING == other.state:
        yield "stop_guest", "other"
    yield "prepare", "other"
    if other.state == s.PREPARED:
        yield "fail_over", "target"
    yield from _of_reverse(goal, target, other)


def _of_reverse(goal: Goal, target: s.Side, other: s.Side) -> Acts:
    if goal.reverse:
        yield "reverse", "target"
    yield from _may_start(goal, other)
    yield "start_copy", "target"


def _of_unplanned(goal: Goal, target: s.Side, other: s.Side) -> Acts:
    if goal.declared != "unusable":
        return  # a side that was read is not dead
    if goal.turn_off and target.mode == s.REPLICA:
        yield "turn_off", "other"
    if other.power == s.OFF:
        yield "fail_over", "target"
    yield from _may_start(goal, other)


def _of_cancel(goal: Goal, target: s.Side, other: s.Side) -> Acts:
    if goal.accept_loss and target.state == s.FAILED_OVER_WAITING:
        if goal.turn_off:
            yield "turn_off", "target"
        elif goal.shutdown:
            yield "stop_guest", "target"
    if goal.accept_loss or (target.power == s.OFF and other.state == s.PREPARED):
        yield "cancel_failover", "target"
    if not target.failed_over and not target.changing:
        yield "cancel_preparation", "other"
        if goal.start and target.power == s.OFF:
            yield "start", "other"


def _of_return_home(goal: Goal, target: s.Side, other: s.Side) -> Acts:
    if target.failed_over:
        yield "become_replica", "other"
    yield from _of_reverse(goal, target, other)


def _of_remove(goal: Goal, target: s.Side, other: s.Side) -> Acts:
    yield "remove", "other"
    yield "remove", "target"


_LAWFUL: Mapping[str, Callable[[Goal, s.Side, s.Side], Acts]] = {
    "planned": _of_planned,
    "unplanned": _of_unplanned,
    "cancel": _of_cancel,
    "commit": lambda goal, target, other: iter([("commit", "target")]),
    "reverse": _of_reverse,
    "return_home": _of_return_home,
    "test": lambda goal, target, other: iter([("start_test", "target")]),
    "end_test": lambda goal, target, other: iter([("end_test", "target")]),
    "remove": _of_remove,
}


def attainable(goal: Goal, pairs: frozenset[s.Pair]) -> set[s.Pair]:
    """Pairs from which lawful acts lead to the goal, and what settles by itself in whichever way it does."""
    by_act = {pair: list(_by_act(goal, pair)) for pair in pairs}
    by_itself = {pair: [] if pair.both_run else list(settled(pair)) for pair in pairs}
    found, more = set[s.Pair](), {pair for pair in pairs if reached(goal, pair)}
    while more:
        found |= more
        more = {
            pair
            for pair in pairs - found
            if any(after in found for after in by_act[pair])
            or (by_itself[pair] and all(after in found for after in by_itself[pair]))
        }
    return found


def _by_act(goal: Goal, pair: s.Pair) -> Iterator[s.Pair]:
    for act, where in lawful(goal, pair):
        own = pair.side(where)
        after = None if own is None or own.changing else perform(pair, act, where)
        if after is not None:
            yield after


# -- the planner -----------------------------------------------------------------------------------------------------


@dataclass
class Reach:
    """How far the planner got: refusals by reason (states left out), and where it fell short of what is attainable."""

    attainable: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    short: list[str] = field(default_factory=list)


def look(goal: Goal, pairs: frozenset[s.Pair], found: Reach) -> None:
    """Ask the planner from every pair, and compare with what is attainable."""
    can = attainable(goal, pairs)
    found.attainable += len(can)
    for pair in pairs:
        ends = list(_ends(goal, pair))
        for end, last in ends:
            if isinstance(end, NextRefused):
                found.refusals[reason(end)] += 1
            if pair in can and not reached(goal, end_pair := last):
                found.short.append(f"{goal} from {pair}: ends at {end_pair}: {end}")


def _ends(goal: Goal, pair: s.Pair, steps: int = 0) -> Iterator[tuple[object, s.Pair]]:
    """Where the planner ends; a state that is changing may settle in several ways."""
    step = failover_next.next_step(s.Pair(pair.target, pair.other), goal)
    if isinstance(step, (NextDone, NextRefused)) or steps > MOST_STEPS:
        yield step, pair
    elif isinstance(step, NextWait):
        ways = list(settled(pair))
        for after in ways:
            yield from _ends(goal, after, steps + 1)
        if not ways:
            yield step, pair
    elif isinstance(step, NextAct):
        after = perform(pair, step.act, step.where)
        yield from (
            _ends(goal, after, steps + 1)
            if after is not None
            else iter([(NextRefused("Windows refuses: the link is cut"), pair)])
        )


def reason(refused: NextRefused) -> str:
    """A refusal without the states that it names."""
    words = refused.reason
    for start in (": target ", " (target ", " (Primary", " (Replica", " (None"):
        words = words.partition(start)[0]
    return _POWER.sub("…", words)
