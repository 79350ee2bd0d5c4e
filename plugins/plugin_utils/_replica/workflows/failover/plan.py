# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The plan of a failover for many VMs: what both hosts say now, unfolded over the failover table to its end. Pure.

Beside the acts of the table there are three that concern power only: the fence of an old copy, the start action that
moves to the side that runs, and the copy that loses when both run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from ...base.acts import ACTS, perform
from ...base.errors import PlanError
from ...base.plan_lines import plan_line
from ...base.states import NO_START, NONE, OFF, PREPARED, PRIMARY, REPLICA_MODES, SAVED, Pair, Side
from ..both_running import told
from .advice import by_hand_only, open_ways
from .advice import told as advice
from .next import next_step
from .sides import Record, Seen
from .step import Goal, Next, NextAct, NextDone, NextRefused, NextWait, Way

STAGES: Mapping[str, str] = {
    "stop_guest": "prepare",
    "prepare": "prepare",
    "turn_off": "turn_off",
    "fail_over": "fail_over",
    "reverse": "reverse",
    "become_replica": "become_replica",
    "start_copy": "reverse",
    "start": "start",
    "commit": "commit",
    "cancel_failover": "cancel_failover",
    "cancel_preparation": "cancel_preparation",
    "start_test": "start_test",
    "end_test": "end_test",
    "remove": "remove",
    "fence": "fence",
    "keep_start_action": "fence",
    "discard_state": "discard_state",
}
"""Which stage of the roles does an act."""

AFTER_A_DISASTER = ("unplanned", "return_home", "commit")
"""Wishes after which an old copy may come back and start by itself. A planned failover needs no fence."""


@dataclass(frozen=True)
class Wish:
    """The goal of the table, and what only the run as a whole knows.

    fence: the old copy's start action becomes Nothing as soon as its host answers. discard: inventory host of the copy
    to lose where both run; turned off only when the goal's turn_off says so. discard_saved: a saved state of the old
    copy may go. advise: a refusal is given its ways out, and `repeat` are inputs that their commands repeat.
    """

    goal: Goal
    fence: bool = True
    discard: str = ""
    discard_saved: bool = False
    advise: bool = True
    repeat: tuple[tuple[str, Any], ...] = ()


@dataclass
class VMPlan:
    """What is to be done for one VM, act by act, and how it ends."""

    seen: Seen
    acts: list[NextAct] = field(default_factory=list)
    path: list[Pair] = field(default_factory=list)
    outcome: str = "done"
    message: str = ""
    open_ends: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()

    @property
    def end(self) -> Pair:
        """How both sides will be."""
        return self.path[-1] if self.path else self.seen.pair


def read_goal(goal: Mapping[str, Any]) -> Goal:
    """The goal as a value. Raises PlanError for a word that is none."""
    known = {name: goal[name] for name in Goal.__dataclass_fields__ if goal.get(name) is not None}
    unknown = set(goal) - set(Goal.__dataclass_fields__) - {"vms"}
    if unknown:
        raise PlanError(f"{', '.join(sorted(unknown))} is nothing that a goal can have.")
    if "wish" not in known:
        raise PlanError("the goal has no wish.")
    return Goal(**{**known, "accept": frozenset(known.get("accept") or ())})


def unfold(seen: Seen, wish: Wish) -> VMPlan:
    """The acts from here to the end, by the table; nothing is sent."""
    plan = VMPlan(seen, path=[seen.pair])
    if seen.strange:
        plan.outcome, plan.message = "refused", seen.strange
        return plan
    goal = replace(wish.goal, lose=_side_to_lose(seen, wish), discard=wish.discard)
    wish, course = replace(wish, goal=goal), _course(seen.pair, goal, wish.discard_saved)
    plan.path, fence = list(course.path), list[NextAct]()
    for pair, step in zip(course.path, course.steps, strict=True):
        if not fence:
            fence = list(_fence(pair, seen, wish))
            plan.acts += fence
        if not isinstance(step, NextAct):
            return _conclude(plan, step, wish)
        plan.acts.append(step)
    plan.outcome, plan.message = "refused", f"the plan does not end from {plan.end}"
    return plan


@dataclass(frozen=True)
class Course:
    """How a VM goes on by the table: the next step from each pair of `path`; the last is no act where it ends."""

    path: tuple[Pair, ...]
    steps: tuple[Next, ...]

    @property
    def comes_to(self) -> str:
        """As advice.py has it."""
        end = self.steps[-1]
        if isinstance(end, (NextAct, NextRefused)):
            return "refused"
        return "on" if len(self.steps) > 1 or isinstance(end, NextWait) else "nothing"


@lru_cache(maxsize=16384)
def _course(pair: Pair, goal: Goal, discard_saved: bool) -> Course:
    """VMs in the same states have the same course, which is worked out once. `goal` names what is to be lost."""
    wish, path, steps = Wish(goal, discard=goal.discard, discard_saved=discard_saved), list[Pair](), list[Next]()
    after: Pair | None = pair
    while after is not None and after not in path:
        path.append(after)
        step = _next(after, wish)
        steps.append(step)
        after = _after(after, step) if isinstance(step, NextAct) else None
    return Course(tuple(path), tuple(steps))


def _side_to_lose(seen: Seen, wish: Wish) -> str:
    return {seen.elsewhere: "other", seen.here: "target"}.get(wish.discard, "") if wish.discard else ""


def _next(pair: Pair, wish: Wish) -> Next:
    if pair.both_run and wish.discard and not wish.goal.lose and wish.discard not in {copy.host for copy in pair.rest}:
        return NextRefused(f"it may be running on both hosts, and {wish.discard} is neither of them")
    saved = pair.other is not None and pair.other.power == SAVED and not pair.both_run
    unusable = wish.goal.wish == "unplanned" and wish.goal.declared == "unusable"
    if saved and wish.discard_saved and (unusable or wish.goal.wish == "return_home"):
        return NextAct("discard_state", "other", "discard the saved state of the old copy")
    return next_step(pair, wish.goal)


def _fence(pair: Pair, seen: Seen, wish: Wish) -> Iterable[NextAct]:
    """The fence of the old copy, its start action first set where the VM runs now, so that no crash loses it.

    What turns an old copy off, or discards its state, fences it too. A planned failover needs no fence, but takes the
    start action back to a copy that was fenced once.
    """
    target, other, there, goal = pair.target, pair.other, seen.other_record, wish.goal
    if target is None or other is None or there is None:
        return
    lost = pair.both_run and wish.discard == seen.elsewhere and goal.turn_off and target.failed_over
    disaster = wish.fence and goal.wish in AFTER_A_DISASTER and not pair.both_run and target.failed_over
    unusable = goal.declared == "unusable" and goal.turn_off and other.power not in (OFF, SAVED)
    saved = wish.discard_saved and goal.wish == "return_home" and other.power == SAVED and target.failed_over
    old = other.mode == NONE or (other.mode == PRIMARY and other.state != PREPARED)
    wanted = (lost or disaster or unusable or saved) and old
    moving = goal.wish == "planned" and target.mode in REPLICA_MODES and other.mode == PRIMARY
    if not (wanted or moving) or there["automatic_start_action"] == NO_START:
        return
    if seen.record is not None and seen.record["automatic_start_action"] == NO_START:
        yield NextAct("keep_start_action", "target", "start with its host where it runs from now on")
    if wanted:
        beyond = "; it holds nothing back on a cluster: cut its VM network there" if there.get("clustered") else ""
        yield NextAct("fence", "other", f"keep the old copy from starting with its host{beyond}")


def _after(pair: Pair, step: NextAct) -> Pair | None:
    if step.act == "discard_state" and pair.other is not None:
        return pair.with_side("other", pair.other.with_(power=OFF))
    return perform(pair, step.act, step.where) or _perform_unseen(pair, step)


def command_of(act: NextAct, seen: Seen) -> tuple[str, dict[str, Any]]:
    """The cmdlet of an act, and what of its parameters is known beforehand."""
    if act.act == "fence":
        return "Set-VM", {"AutomaticStartAction": NO_START}
    if act.act == "keep_start_action":
        return "Set-VM", {"AutomaticStartAction": (seen.other_record or {}).get("automatic_start_action")}
    if act.act == "discard_state":
        return "Stop-VM", {"TurnOff": True}
    return ACTS[act.act].cmdlet, dict(ACTS[act.act].parameters)


def _perform_unseen(pair: Pair, step: NextAct) -> Pair | None:
    """An act whose partner was not read: what its own side becomes, when the partner is as the act needs it."""
    for rule in ACTS[step.act].rules:
        partner = Side(**{name: _one(value) for name, value in rule.partner.items()})
        where = "other" if step.where == "target" else "target"
        after = perform(pair.with_side(where, partner), step.act, step.where)
        if after is not None:
            return after.with_side(where, None)
    return None


def _one(value: Any) -> Any:
    return sorted(value)[0] if isinstance(value, (set, frozenset)) else value


def _conclude(plan: VMPlan, step: NextDone | NextRefused | NextWait, wish: Wish) -> VMPlan:
    plan.message = step.reason
    if isinstance(step, NextRefused):
        plan.outcome = "refused"
        if plan.seen.pair.both_run:
            plan.message += f": {told(_both(plan.seen))}"
        causes = [plan.seen.unread, *(why for host, why in plan.seen.causes.items() if host in step.reason)]
        plan.message += "".join(f" ({why})" for why in causes if why)
        if wish.advise:
            plan.ways = tuple(_ways(plan.seen, step, wish))
    elif isinstance(step, NextWait):
        plan.outcome = "waiting"
    else:
        plan.open_ends = step.open_ends
    return plan


def _ways(seen: Seen, step: NextRefused, wish: Wish) -> Iterable[str]:
    """Only what the table leads on with is advised."""
    found = _open(step.ways, seen.pair, replace(wish.goal, discard="" if wish.goal.lose else wish.discard))
    yield from advice(found, seen, wish.goal, dict(wish.repeat))
    if not found and not seen.unread and not step.told:
        yield by_hand_only(seen.pair)


@lru_cache(maxsize=4096)
def _open(ways: tuple[Way, ...], pair: Pair, goal: Goal) -> tuple[Way, ...]:
    """VMs in the same states have the same ways out."""
    return open_ways(ways, pair, goal, lambda after, wanted: _course(after, wanted, False).comes_to)


def _both(seen: Seen) -> dict[str, Record]:
    """The records of the copies that may be running, by host."""
    hosts = {where: seen.host_shown(where) for where in ("target", "other")}
    return {hosts[where]: record for where in hosts if (record := seen.record_of(where)) is not None}


def lines_of(plan: VMPlan, more: Callable[[Seen, NextAct], Mapping[str, Any]] = lambda seen, act: {}) -> Iterable[str]:
    """The plan of one VM, for the operator. `more` are parameters that come from the options of the run."""
    seen = plan.seen
    there = f"{seen.host_shown('other')}: {shown(seen.pair.other)}"
    rest = "".join(f"; {copy.host}: {shown(copy.side)}" for copy in seen.pair.rest)
    yield f"{seen.name}: {seen.here}: {shown(seen.pair.target)}; {there}{rest}"
    for number, act in enumerate(plan.acts if plan.outcome != "refused" else (), 1):
        cmdlet, parameters = command_of(act, seen)
        yield plan_line(number, seen.host_shown(act.where), cmdlet, {**parameters, **more(seen, act)}, act.why)
    # What is refused is not begun, so the acts before the refusal are no part of the plan.
    verb = {"refused": "REFUSED: ", "waiting": "first wait: "}.get(
        plan.outcome, "then " if plan.acts else "nothing to do: "
    )
    yield f"  {verb}{plan.message}" + "".join(f"; {text}" for text in plan.open_ends)


def shown(side: Side | None) -> str:
    """A side for people."""
    return "not read" if side is None else str(side)
