"""The laws hold in every state that can be reached, for every wish, at every bad moment; and the goal is reached.

The second half proves that the search can fail: planners and tables with one mistake in them are found out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import acts as failover_acts
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.acts import Rule
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import next as failover_next
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.step import (
    Goal,
    Next,
    NextAct,
    NextDone,
    NextRefused,
    NextWait,
)

from .attainable import Reach, look
from .search import Findings, converges, explore, goals, reachable

known_pairs = cache(reachable)


def test_the_laws_hold_everywhere_and_every_wish_ends(say):
    pairs, transitions = known_pairs()
    found = Findings()
    wishes = list(goals())
    for goal in wishes:
        explore(goal, pairs, found)
        stuck = [pair for pair in pairs if not converges(pair, goal)]
        found.violations += [f"{goal} does not end from {pair}" for pair in stuck]
    say(f"model: {len(pairs)} pairs of states, {transitions} transitions, {len(wishes)} wishes")
    for name, count in sorted(found.counts.items()):
        say(f"model: {name}: {count}")
    say(f"model: violations: {len(found.violations)}")
    assert not found.violations, "\n".join(found.violations[:20])


def test_what_can_be_reached_without_another_hand_is_reached(say):
    pairs, _unused = known_pairs()
    found = Reach()
    for goal in goals():
        look(goal, pairs, found)
    say(f"model: the goal can be reached from {found.attainable} of {len(pairs) * len(list(goals()))}")
    say(f"model: of those not reached by the planner: {len(found.short)}; refused, by reason:")
    for words, count in found.refusals.most_common():
        say(f"model: {count:6} {words}")
    assert found.attainable > 10000
    assert not found.short, "\n".join(found.short[:20])


# -- the search can fail ---------------------------------------------------------------------------------------------

Planner = Callable[[s.Pair, s.Side, s.Side | None, Goal], Next]


def starts_blindly(have: s.Pair, target: s.Side, other: s.Side | None, goal: Goal) -> Next:
    return NextAct("start", "target", "") if target.power == s.OFF else NextDone("")


def fails_over_without_a_look_at_the_primary(have: s.Pair, target: s.Side, other: s.Side | None, goal: Goal) -> Next:
    return NextAct("fail_over", "target", "") if target.state == s.REPLICATING else NextDone("")


def commits_on_the_way(have: s.Pair, target: s.Side, other: s.Side | None, goal: Goal) -> Next:
    return NextAct("commit", "target", "") if target.state == s.FAILED_OVER_WAITING else NextDone("")


def removes_what_is_in_the_way(have: s.Pair, target: s.Side, other: s.Side | None, goal: Goal) -> Next:
    return NextAct("remove", "target", "") if target.mode == s.REPLICA else NextDone("")


def pulls_the_plug(have: s.Pair, target: s.Side, other: s.Side | None, goal: Goal) -> Next:
    return NextAct("turn_off", "other", "") if other and other.power == s.RUNNING else NextDone("")


def cancels_a_test(have: s.Pair, target: s.Side, other: s.Side | None, goal: Goal) -> Next:
    return NextAct("cancel_failover", "target", "") if target.test_vm else NextDone("")


def goes_to_and_fro(have: s.Pair, target: s.Side, other: s.Side | None, goal: Goal) -> Next:
    if other and other.state == s.PREPARED:
        return NextAct("cancel_preparation", "other", "")
    return NextAct("prepare", "other", "") if other and other.mode == s.PRIMARY else NextDone("")


def waits_for_ever(have: s.Pair, target: s.Side, other: s.Side | None, goal: Goal) -> Next:
    return NextWait("something")


def says_nothing(have: s.Pair, target: s.Side, other: s.Side | None, goal: Goal) -> Next:
    return NextRefused("")


def violations(wish: str) -> list[str]:
    pairs, _unused = reachable()
    found = Findings()
    for goal in (one for one in goals() if one.wish == wish):
        explore(goal, pairs, found)
        found.violations += [f"does not end from {pair}" for pair in pairs if not converges(pair, goal)]
    return found.violations


@pytest.mark.parametrize(
    "wish, planner, broken",
    [
        ("planned", starts_blindly, "L1"),
        ("planned", fails_over_without_a_look_at_the_primary, "L8"),
        ("reverse", commits_on_the_way, "L6"),
        ("return_home", removes_what_is_in_the_way, "L2"),
        ("planned", pulls_the_plug, "L5"),
        ("end_test", cancels_a_test, "L7"),
        ("planned", goes_to_and_fro, "does not end"),
        ("commit", waits_for_ever, "does not end"),
        ("commit", says_nothing, "refused without a reason"),
    ],
)
def test_a_planner_with_a_mistake_is_found_out(monkeypatch, wish: str, planner: Planner, broken: str):
    monkeypatch.setitem(failover_next._WISHES, wish, planner)
    assert any(broken in line for line in violations(wish))


def test_a_planner_that_looks_at_nothing_twice_is_found_out_by_both_sides_running(monkeypatch):
    monkeypatch.setattr(failover_next, "start", lambda have, target, other, goal: NextAct("start", "target", ""))
    found = violations("unplanned")
    assert any("made both sides run" in line for line in found)


@pytest.mark.parametrize(
    "act, wrong, wish, broken",
    [
        # A table by which a cancelled replica runs: the primary that is started then runs beside it.
        ("cancel_failover", {"power": s.RUNNING}, "cancel", "made both sides run"),
        # A table by which a preparation changes nothing: the planner would prepare for ever.
        ("prepare", {"state": s.REPLICATING}, "planned", "does not end"),
    ],
)
def test_a_table_with_a_mistake_is_found_out(monkeypatch, act: str, wrong: dict[str, str], wish: str, broken: str):
    right = failover_acts.ACTS[act]
    rules = tuple(replace(rule, then={**rule.then, **wrong}) for rule in right.rules)
    monkeypatch.setitem(failover_acts.ACTS, act, replace(right, rules=rules))
    assert any(broken in line for line in violations(wish))


def test_a_planner_that_gives_up_too_early_is_found_out(monkeypatch):
    monkeypatch.setattr(failover_next, "_planned_failed_over", lambda *_unused: NextRefused("too hard"))
    found = Reach()
    look(Goal("planned"), known_pairs()[0], found)
    assert any("too hard" in line for line in found.short)


def test_an_act_that_the_table_lacks_leaves_goals_out_of_reach(monkeypatch):
    before, after = Reach(), Reach()
    look(Goal("return_home"), known_pairs()[0], before)
    right = failover_acts.ACTS["become_replica"]
    never = (Rule({"mode": "nowhere"}, {}),)
    monkeypatch.setitem(failover_acts.ACTS, "become_replica", replace(right, rules=never))
    look(Goal("return_home"), known_pairs()[0], after)
    assert after.attainable < before.attainable
