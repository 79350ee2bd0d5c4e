"""Exhaustive search over the failover table: every pair of states that can be reached, every wish, every bad moment.

A run is memoryless, so a crash before or after a step is simply: ask again from the pair as it is now. A late effect is
an act that was sent and has not happened yet: it may land between any two later steps. Another hand may do anything
that Windows allows, at any moment. The laws are checked on every act of ours, against the pair that was read for it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.acts import ACTS, perform
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.next import next_step
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.step import (
    Goal,
    NextAct,
    NextDone,
    NextRefused,
    NextWait,
)

SIDES = ("target", "other")


def goals() -> Iterator[Goal]:
    """Every wish with every combination of the choices that matter to it."""
    flags = (True, False)
    for reverse, start, shutdown, declared in product(flags, flags, flags, ("", "prepared")):
        yield Goal("planned", reverse=reverse, start=start, shutdown=shutdown, declared=declared)
    for start, declared, turn_off in product(flags, ("", "dead", "unusable"), flags):
        yield Goal("unplanned", start=start, declared=declared, turn_off=turn_off)
    for start, accept, declared in product(flags, flags, ("", "dead")):
        yield Goal("cancel", start=start, accept_loss=accept, declared=declared)
    yield Goal("cancel", accept_loss=True, turn_off=True)
    yield Goal("cancel", accept_loss=True, shutdown=False)
    for wish, start in product(("reverse", "return_home"), flags):
        yield Goal(wish, start=start)
    yield from (Goal(wish) for wish in ("commit", "test", "end_test", "remove"))


def nature(pair: s.Pair) -> Iterator[s.Pair]:
    """What happens by itself: links cut and mended, hosts that crash and come back, states that settle."""
    yield s.Pair(pair.target, pair.other, not pair.link)
    for where in SIDES:
        side = pair.side(where)
        if side is None:
            continue
        for after in _by_itself(side):
            yield pair.with_side(where, after)
    yield from _both_by_themselves(pair)


def _by_itself(side: s.Side) -> Iterator[s.Side]:
    yield from _settled(side)
    if side.mode == s.PRIMARY and side.state == s.REPLICATING:
        # A host that lost its power, or stopped in order; autostart may bring the VM up.
        for state, power in product((s.ERROR, s.WANTS_RESYNC), (s.OFF, s.RUNNING)):
            yield side.with_(state=state, power=power)
        yield side.with_(power=s.SAVED)
        yield side.with_(state=s.SUSPENDED)
    if side.mode == s.PRIMARY and side.power == s.RUNNING:
        yield side.with_(power=s.STOPPING)
        yield side.with_(power=s.PAUSED)
    if side.power == s.PAUSED:
        yield side.with_(power=s.RUNNING)
    if side.mode == s.PRIMARY and side.state in (s.ERROR, s.WANTS_RESYNC, s.SUSPENDED):
        yield side.with_(state=s.REPLICATING)
    if side.mode == s.REPLICA and side.state == s.REPLICATING:
        yield side.with_(state=s.SUSPENDED)
        if not side.test_vm:
            yield side.with_(state=s.RECOVERING)
    if side.mode == s.REPLICA and side.state == s.SUSPENDED:
        yield side.with_(state=s.REPLICATING)


def _settled(side: s.Side) -> Iterator[s.Side]:
    """What is under way comes to its end: a failover ends done, or undone by its host's crash."""
    if side.power in s.CHANGING_POWER:
        yield side.with_(power=s.OFF)
    if side.state == s.RECOVERING:
        yield side.with_(state=s.FAILED_OVER_WAITING)
        yield side.with_(state=s.REPLICATING)
    if side.state == s.UPDATING_DISKS:
        yield side.with_(state=s.REPLICATING)


def _both_by_themselves(pair: s.Pair) -> Iterator[s.Pair]:
    """What two sides do together: a resynchronization, another set of disks."""
    for where, partner in (("target", "other"), ("other", "target")):
        own, far = pair.side(where), pair.side(partner)
        if own is None or far is None or own.mode != s.PRIMARY or far.mode != s.REPLICA or far.test_vm:
            continue
        begins = own.state in (s.REPLICATING, s.WANTS_RESYNC) and far.state == s.REPLICATING and pair.link
        for state in (s.RESYNCHRONIZING, s.UPDATING_DISKS):
            if begins:
                yield pair.with_side(where, own.with_(state=state)).with_side(partner, far.with_(state=state))
            if own.state == far.state == state:
                both = {"state": s.REPLICATING}
                yield pair.with_side(where, own.with_(**both)).with_side(partner, far.with_(**both))


def settled(pair: s.Pair) -> Iterator[s.Pair]:
    """What is under way on either side comes to its end, one thing at a time."""
    for where in SIDES:
        side = pair.side(where)
        if side is not None:
            yield from (pair.with_side(where, after) for after in _settled(side))


def by_hand(pair: s.Pair) -> Iterator[s.Pair]:
    """Everything that another operator can do now, on either side, as far as Windows lets them."""
    for act, where in product(ACTS, SIDES):
        after = perform(pair, act, where)
        if after is not None:
            yield after


def reachable() -> tuple[frozenset[s.Pair], int]:
    """All pairs that can come about from a VM that replicates, and the number of transitions between them."""
    first = s.Pair(s.Side(s.REPLICA, s.REPLICATING, s.OFF), s.Side(s.PRIMARY, s.REPLICATING, s.RUNNING))
    seen, edges, todo = {first}, 0, deque([first])
    while todo:
        pair = todo.popleft()
        for after in (*nature(pair), *by_hand(pair)):
            edges += 1
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return frozenset(seen), edges


@dataclass
class Findings:
    """What the search counted, and every law that broke, as a sentence."""

    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def beside_it(copy: s.Side) -> bool:
    """L1: a copy beside which another may be started, for it is Off, or Windows refuses its start."""
    replica = copy.mode in s.REPLICA_MODES and not copy.failed_over and copy.state != s.RECOVERING
    prepared = copy.mode == s.PRIMARY and copy.state == s.PREPARED
    return copy.power == s.OFF or copy.mode == s.ABSENT or (not copy.may_run and (replica or prepared))


def declared_away(read: s.Pair, goal: Goal) -> bool:
    """L1: the other side was not read, the operator declared it, and its host shows no life."""
    return read.other is None and not read.heard and goal.declared in ("dead", "prepared")


def law_broken(read: s.Pair, act: NextAct, goal: Goal) -> str:
    """The law that sending `act` after this reading breaks, or nothing."""
    own = read.side(act.where)
    partner = read.side("other" if act.where == "target" else "target")
    if own is None:
        return "an act on a side that was not read"
    if act.act == "start" and not (beside_it(partner) if partner else declared_away(read, goal)):
        return "L1: started without the other copy read as Off"
    if act.act == "remove" and goal.wish != "remove":
        return "L2: removed without being asked"
    if act.act == "turn_off" and not goal.turn_off:
        return "L5: pulled the plug"
    if act.act == "commit" and not (goal.wish == "commit" and own.state == s.FAILED_OVER_WAITING):
        return "L6: committed"
    if act.act == "cancel_failover" and own.power != s.OFF:
        return "L5: a running VM was cancelled, which pulls its plug by Microsoft's page"
    if act.act in ("cancel_failover", "cancel_preparation") and (goal.wish != "cancel" or own.test_vm):
        return "L7: Stop-VMFailover would stop something else than asked"
    if act.act == "end_test" and not (goal.wish == "end_test" and own.test_vm):
        return "L7: Stop-VMFailover would stop something else than asked"
    prepared = partner.state == s.PREPARED if partner else goal.declared == "prepared"
    if act.act == "fail_over" and goal.wish == "planned" and not prepared:
        return "L8: a planned failover turned into an unplanned one"
    return ""


def readings(pair: s.Pair) -> Iterator[s.Pair]:
    """What a run can have read of the pair: both sides, or one only."""
    yield s.Pair(pair.target, pair.other)
    yield s.Pair(pair.target, None)
    yield s.Pair(pair.target, None, heard=True)
    yield s.Pair(None, pair.other)


def explore(goal: Goal, pairs: frozenset[s.Pair], found: Findings) -> None:
    """Every reading of every pair for one goal: laws on the act, then the act done, lost, late, or overtaken."""
    for pair in pairs:
        for read in readings(pair):
            step = next_step(read, goal)
            found.counts[type(step).__name__] += 1
            if isinstance(step, NextAct):
                _consider(pair, read, step, goal, found)
            elif isinstance(step, NextRefused) and not step.reason:
                found.violations.append(f"{goal}: refused without a reason from {pair}")


def _consider(pair: s.Pair, read: s.Pair, step: NextAct, goal: Goal, found: Findings) -> None:
    broken = law_broken(read, step, goal)
    if broken:
        found.violations.append(f"{goal} from {read}: {step.act} on {step.where}: {broken}")
    if pair.both_run and goal.wish not in ("test", "end_test") and read.target and read.other:
        found.violations.append(f"{goal} from {read}: acts while both sides may run")
    after = perform(pair, step.act, step.where)
    found.counts["crash before the effect"] += 1
    if after is None:
        found.counts["refused by Windows"] += 1
        return
    found.counts["crash after the effect"] += 1
    if after.both_run and not pair.both_run and not declared_away(read, goal):
        found.violations.append(f"{goal} from {pair}: {step.act} made both sides run")
    _late(pair, read, step, goal, found)
    for foreign in by_hand(pair):
        found.counts["another hand between reading and act"] += 1
        landed = perform(foreign, step.act, step.where)
        if landed and landed.both_run and not foreign.both_run and step.act != "start":
            found.violations.append(f"{goal} from {pair}: {step.act} after another hand made both sides run")


def _late(pair: s.Pair, read: s.Pair, step: NextAct, goal: Goal, found: Findings) -> None:
    """The act was sent and has not landed: the same goal is asked again, acts, and only then the first effect lands."""
    current = pair
    for _unused in range(12):
        landed = perform(current, step.act, step.where)
        found.counts["late effect"] += 1
        if landed and landed.both_run and not current.both_run and not declared_away(read, goal):
            found.violations.append(f"{goal} from {pair}: the late {step.act} made both sides run")
        again = next_step(s.Pair(current.target, current.other), goal)
        if not isinstance(again, NextAct):
            return
        following = perform(current, again.act, again.where)
        if following is None or following == current:
            return
        current = following


def converges(pair: s.Pair, goal: Goal) -> bool:
    """Whether asking again and again, with nothing else happening, ends: Done or Refused."""
    seen: set[s.Pair] = set()
    while pair not in seen:
        seen.add(pair)
        step = next_step(s.Pair(pair.target, pair.other), goal)
        if isinstance(step, (NextDone, NextRefused)):
            return True
        if isinstance(step, NextWait):
            settled = [after for after in nature(pair) if after.link == pair.link and _changed_less(after, pair)]
            if not settled:
                return False
            pair = settled[0]
            continue
        after = perform(pair, step.act, step.where)
        if after is None:
            return True  # Windows refused: the run reports it, and reads again
        pair = after
    return False


def _changed_less(after: s.Pair, before: s.Pair) -> bool:
    def changing(pair: s.Pair) -> int:
        sides = [side for side in (pair.target, pair.other) if side]
        return sum((side.state in s.CHANGING_STATES) + (side.power in s.CHANGING_POWER) for side in sides)

    return changing(after) < changing(before)
