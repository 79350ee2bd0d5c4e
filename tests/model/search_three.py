"""The laws over every reading of every world of three hosts, for every wish, from each host where the VM may be wanted.

A law is checked on the act and what was read for it, by the wording of the laws and not by the planner's; and once more
on the world: whether a second copy runs, whoever acts in between, and whether the act lands at once, late or never.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations, product

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.acts import perform
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import next as failover_next
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.step import (
    Goal,
    Next,
    NextAct,
    NextDone,
    NextRefused,
    NextWait,
)

from .attainable import MOVING
from .search import beside_it, law_broken
from .three_hosts import HOSTS, World, act, hands, nature

MOST_STEPS = 40
CONTRADICTION = NextRefused("the answers contradict each other")
STOPS = ("stop_guest", "turn_off", "prepare")


# -- readings --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class View:
    """What a run for one host knows: the pair with every other copy, and where its two sides are in the world."""

    have: s.Pair
    target: int
    other: int | None

    def host(self, where: str) -> int:
        """The host of a side."""
        return self.target if where == "target" or self.other is None else self.other


def view(world: World, target: int, read: Iterable[int]) -> View | None:
    """The world as it is seen from the target when these hosts answered, and the target; None where the answers
    contradict each other (a primary that replicates to somebody else), which every run refuses.
    """
    answered = {*read, target}
    other = world.partner(target)
    seen = {host: world.sides[host] for host in answered}
    far = seen.get(other) if other is not None else None
    replica = world.sides[target].mode in s.REPLICA_MODES
    if replica and other is not None and far is not None and far.mode == s.PRIMARY and world.partner(other) != target:
        return None
    named = {name for host in answered for name in world.names(host)}
    rest = tuple(
        s.Copy(HOSTS[host], seen.get(host))
        for host in range(3)
        if host not in (target, other) and (host in answered or host in named)
    )
    return View(s.Pair(seen[target], far, rest=rest), target, other)


@cache
def whole(world: World, target: int) -> View | None:
    """The view when everybody answered."""
    return view(world, target, range(3))


def views(world: World, target: int) -> Iterator[View]:
    """What a run can have read: everybody, some, or the target alone. Who was not read may show that it lives."""
    others = [host for host in range(3) if host != target]
    for number in range(len(others) + 1):
        for read in combinations(others, number):
            found = view(world, target, read)
            if found is None:
                continue
            yield found
            if found.other is not None and found.have.other is None:
                yield replace(found, have=replace(found.have, heard=True))


# -- wishes ----------------------------------------------------------------------------------------------------------


def wishes(target: int) -> Iterator[Goal]:
    """Every wish with every choice that can matter; every host is accepted, or named to be lost, in its turn."""
    flags = (True, False)
    plain = [
        *(Goal("planned", reverse=r, start=b, declared=d) for r, b, d in product(flags, flags, ("", "prepared"))),
        *(Goal("unplanned", start=b, declared=d, turn_off=t) for b, d, t in _unplanned()),
        *(Goal("cancel", start=b, accept_loss=a, declared=d) for b, a, d in product(flags, flags, ("", "dead"))),
        *(Goal(wish, start=start) for wish, start in product(("reverse", "return_home"), flags)),
        Goal("commit"),
        Goal("remove"),
    ]
    yield from plain
    others = [name for host, name in enumerate(HOSTS) if host != target]
    moving = [goal for goal in plain if goal.wish in MOVING and goal.start and goal.reverse and not goal.turn_off]
    yield from (replace(goal, accept=frozenset({name})) for goal, name in product(moving, others))
    # What is given up: alone, with the right to pull its plug, and with the same host accepted unread.
    for goal, name in product([goal for goal in moving if goal.declared != "prepared"], HOSTS):
        yield replace(goal, discard=name)
        yield replace(goal, discard=name, turn_off=True)
    lost = [goal for goal in moving if goal.wish in ("planned", "unplanned")]
    yield from (replace(goal, discard=name, accept=frozenset({name})) for goal, name in product(lost, others))


def _unplanned() -> Iterator[tuple[bool, str, bool]]:
    declared = (("", False), ("dead", False), ("unusable", False), ("unusable", True))
    return ((start, *rest) for start, rest in product((True, False), declared))


# -- laws ------------------------------------------------------------------------------------------------------------


def law_over_all(read: s.Pair, step: NextAct, goal: Goal) -> str:
    """The law that the act breaks, over every copy that was read or named; or nothing."""
    two = sum(_runs(side) for side in _all(read)) > 1
    if goal.lose and step.where == goal.lose and (two or (step.act == "cancel_failover" and goal.wish != "cancel")):
        return _loses(read, step, goal)
    broken = law_broken(read, step, goal)
    if broken or goal.wish not in MOVING:
        return broken
    if two:
        return "L1: acts while two copies may run"
    for copy in read.rest if step.act in ("start", "fail_over", "reverse", "become_replica", "prepare") else ():
        broken = _beside(copy, goal)
        if broken:
            return broken
    return ""


def _loses(read: s.Pair, step: NextAct, goal: Goal) -> str:
    """What is lost was named, and turning it off was asked for by name."""
    kept = read.side("other" if goal.lose == "target" else "target")
    if step.act not in ("turn_off", "cancel_failover") or not goal.turn_off:
        return "L5: touched the copy to lose without being asked to turn it off"
    if kept is None or not _runs(kept):
        return "the copy to lose was touched, and no other one runs"
    return ""


def _runs(side: s.Side | None) -> bool:
    return side is not None and side.power not in (s.OFF, s.SAVED)


def _all(read: s.Pair) -> list[s.Side | None]:
    return [read.target, read.other, *(copy.side for copy in read.rest)]


def _beside(copy: s.Copy, goal: Goal) -> str:
    side = copy.side
    if side is None:
        return "" if copy.host in goal.accept else "L1: a copy that a relation names was neither read nor accepted"
    if not beside_it(side):
        return "L1: started, or brought to where only a start is left, beside a copy that is not Off"
    if side.failed_over and goal.discard != copy.host and goal.wish != "cancel":
        return "L2: passes over what changed on a host that it was failed over to"
    return ""


# -- search ----------------------------------------------------------------------------------------------------------


@dataclass
class Findings:
    """What was counted, and every law that broke, as a sentence."""

    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    landed: dict[tuple[World, str, int], World | None] = field(default_factory=dict)
    between: dict[tuple[World, str, int], int] = field(default_factory=dict)

    def land(self, world: World, name: str, host: int) -> World | None:
        """The world after an act, worked out once."""
        key = (world, name, host)
        if key not in self.landed:
            self.landed[key] = act(world, name, host)
        return self.landed[key]


def readings(worlds: Iterable[World], target: int) -> Mapping[View, World | None]:
    """Each different reading once; with its world where all hosts were read."""
    found: dict[View, World | None] = {}
    for world in worlds:
        everything = whole(world, target)
        for one in views(world, target):
            found.setdefault(one, world if one == everything else None)
    return found


def explore(worlds: frozenset[World], only: Iterable[str] = (), targets: Iterable[int] = range(3)) -> Findings:
    """Every reading for every wish: laws on the act, then the act done, lost, late, or overtaken; and that it ends."""
    found, wanted = Findings(), set(only)
    for target in targets:
        known = readings(worlds, target)
        goals = [goal for goal in wishes(target) if not wanted or goal.wish in wanted]
        found.counts["readings"] += len(known)
        found.counts["wishes"] += len(goals)
        for goal in goals:
            steps = {world: (read, step) for read, world, step in _asked(known, goal, found) if world is not None}
            found.violations += ends(steps, goal)
    return found


def _asked(
    known: Mapping[View, World | None], goal: Goal, found: Findings
) -> Iterator[tuple[View, World | None, Next]]:
    next_step, counts = failover_next.next_step, found.counts
    for read, world in known.items():
        asked = named(read, goal)
        step = next_step(read.have, asked)
        counts[type(step).__name__] += 1
        if isinstance(step, NextRefused) and not step.reason:
            found.violations.append(f"{asked}: refused without a reason from {read.have}")
        if isinstance(step, NextAct):
            broken = law_over_all(read.have, step, asked)
            if broken:
                found.violations.append(f"{asked} from {read.have}: {step.act} on {step.where}: {broken}")
            if world is not None:
                _land(read, world, step, asked, found)
        yield read, world, step


def named(read: View, goal: Goal) -> Goal:
    """The goal with the side that is to be lost, where the host that was named is one of the two (as a plan does)."""
    if not goal.discard:
        return goal
    host = HOSTS.index(goal.discard)
    return _losing(goal, {read.other: "other", read.target: "target"}.get(host, ""))


@cache
def _losing(goal: Goal, lose: str) -> Goal:
    return replace(goal, lose=lose)


def _land(read: View, world: World, step: NextAct, goal: Goal, found: Findings) -> None:
    host = read.host(step.where)
    after = found.land(world, step.act, host)
    found.counts["crash before the effect"] += 1
    if after is None:
        found.counts["refused by Windows"] += 1
        return
    found.counts["crash after the effect"] += 1
    if after.running > max(world.running, 1):
        found.violations.append(f"{goal} from {world}: {step.act} on {HOSTS[host]} made two copies run")
    _late(read, world, step, goal, found)
    found.counts["another hand between reading and act"] += _overtaken(world, step.act, host, found)


def _overtaken(world: World, name: str, host: int, found: Findings) -> int:
    """Somebody else acts between the reading and the act: only a start may then be the second one, by that hand."""
    key = (world, name, host)
    if key not in found.between:
        count = 0
        for foreign in hands(world):
            count += 1
            landed = found.land(foreign, name, host)
            if landed and landed.running > max(foreign.running, 1) and name != "start":
                found.violations.append(f"{name} on {HOSTS[host]} from {foreign} made two copies run")
        found.between[key] = count
    return found.between[key]


def _late(read: View, world: World, step: NextAct, goal: Goal, found: Findings) -> None:
    """The act was sent and has not landed: the same is asked again, acts, and only then the first effect lands."""
    current, host = world, read.host(step.where)
    for _unused in range(12):
        landed = found.land(current, step.act, host)
        found.counts["late effect"] += 1
        if landed and landed.running > max(current.running, 1):
            found.violations.append(f"{goal} from {world}: the late {step.act} on {HOSTS[host]} made two copies run")
        seen = whole(current, read.target)
        again = failover_next.next_step(seen.have, named(seen, goal)) if seen else None
        if seen is None or not isinstance(again, NextAct):
            return
        following = found.land(current, again.act, seen.host(again.where))
        if following is None or following == current:
            return
        current = following


# -- it ends, and what was stopped comes up ----------------------------------------------------------------------------


def ends(steps: Mapping[World, tuple[View, Next]], goal: Goal) -> list[str]:
    """Worlds from which asking again, with nothing else happening, never ends; and those in which something was stopped
    and the end is a refusal, although the plan was none (L12).
    """
    last: dict[World, Next | None] = {}
    told = []
    for world, (read, step) in steps.items():
        if isinstance(step, (NextDone, NextRefused)):
            continue
        end = _end(world, steps, last)
        if end is None:
            told.append(f"{goal} does not end from {world}")
        stopped = isinstance(step, NextAct) and step.act in STOPS and isinstance(end, NextRefused)
        if stopped and not refused_as_planned(read, named(read, goal)):
            told.append(f"{goal} from {world}: {step}: L12: it is stopped, and then: {end}")
    return told


def _end(world: World, steps: Mapping[World, tuple[View, Next]], last: dict[World, Next | None]) -> Next | None:
    """How it ends from here; None when it does not."""
    path: list[World] = []
    while world not in last and world not in path:
        path.append(world)
        read, step = steps.get(world, (None, CONTRADICTION))
        following = _following(world, read, step)
        if following is None:
            last[world] = step
            break
        world = following
    end = last.get(world)
    last.update((one, end) for one in path)
    return end


def refused_as_planned(read: View, goal: Goal) -> bool:
    """Whether the plan, unfolded over the table to its end, is refused: then no run begins it."""
    have: s.Pair | None = read.have
    for _unused in range(MOST_STEPS):
        step = failover_next.next_step(have, goal) if have else None
        if have is None or not isinstance(step, NextAct):
            return isinstance(step, NextRefused)
        have = perform(have, step.act, step.where)
    return True


def _following(world: World, read: View | None, step: Next) -> World | None:
    """The world after the next act, or after what is under way has settled; None at the end."""
    if read is None or isinstance(step, (NextDone, NextRefused)):
        return None
    if isinstance(step, NextWait):
        return next((after for after in nature(world) if _changing(after) < _changing(world)), world)
    return act(world, step.act, read.host(step.where))


def _changing(world: World) -> int:
    return sum(side.changing for side in world.sides)
