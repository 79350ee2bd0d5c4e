"""Three hosts: a chain, and a stranger with a copy of the same id. The laws hold over all copies, for every wish from
every host; what the laws leave reachable is reached; and each rule, taken away once, is missed by the search.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base import states as s
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import next as failover_next
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import step as failover_step
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import undo as failover_undo
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.sides import Sight
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.step import Goal, Next, NextAct

from tests.unit.plugins.failover_sim import record_of, vm_id

from .attainable import Reach, look
from .search_three import explore, views, whole, wishes
from .three_hosts import HOSTS, A, B, C, World, chain, reachable, stranger

FIRST: Mapping[str, Callable[[], World]] = {"chain": chain, "stranger": stranger}
known = cache(lambda name, wide=False: reachable(FIRST[name](), wide))


def searched(name: str, say: Callable[[str], None], wide: bool = False) -> list[str]:
    """Every law over every world; what was counted is said."""
    begun = time.process_time()
    worlds, transitions = known(name, wide)
    found = explore(worlds)
    told = f"{len(worlds)} worlds, {transitions} transitions, {found.counts.pop('wishes')} wishes"
    say(f"three hosts, {name}: {told}, {len(found.violations)} violations, {time.process_time() - begun:.0f} s")
    for what, count in sorted(found.counts.items()):
        say(f"three hosts, {name}: {what}: {count}")
    return found.violations


@pytest.mark.parametrize("name", FIRST)
def test_the_laws_hold_over_all_copies(name, say):
    violations = searched(name, say)
    assert not violations, "\n".join(violations[:20])


@pytest.mark.all_only
@pytest.mark.parametrize("name", FIRST)
def test_the_laws_hold_over_all_copies_in_rarer_states_too(name, say):
    violations = searched(name, say, wide=True)
    assert not violations, "\n".join(violations[:20])


@pytest.mark.parametrize("name", ["stranger", pytest.param("chain", marks=pytest.mark.all_only)])
def test_what_can_be_reached_beside_another_copy_is_reached(name, say):
    worlds, _unused = known(name)
    found = Reach()
    for target in (A, B, C):
        pairs = frozenset(seen.have for world in worlds if (seen := whole(world, target)) is not None)
        for goal in (goal for goal in wishes(target) if goal.start and not goal.accept and not goal.discard):
            look(goal, pairs, found)
    say(f"three hosts, {name}: the goal can be reached from {found.attainable}, not reached: {len(found.short)}")
    assert found.attainable > 1000
    assert not found.short, "\n".join(found.short[:20])


# -- the reading is the one that a run has -----------------------------------------------------------------------------


def record(world: World, host: int) -> dict[str, Any]:
    """What the information module tells of a host of this world."""
    side, partner = world.sides[host], world.partner(host)
    told = record_of("App01", HOSTS[host], HOSTS[partner if partner is not None else host], side)
    if partner is None:
        return {**told, "partner": None, "relations": []}
    names = [f"{name.upper()}.x.example" for name in HOSTS]
    (leg,) = told["relations"]
    own = {**leg, "partner": names[partner], "replica_server": names[partner if side.mode == s.PRIMARY else host]}
    if not side.copied:
        own["last_replication_time"] = None
    further = {**own, "type": "Extended", "mode": s.REPLICA, "partner": names[C], "replica_server": names[C]}
    return {**told, "partner": names[partner], "relations": [own, further] if side.leg else [own]}


def sight(world: World, target: int, answered: set[int]) -> Sight:
    """The hosts that answered, as a run sees them."""
    lost = {"failed": True, "unreachable": True, "msg": "no route", "host_answered": False}
    names = [f"{name.upper()}.x.example" for name in HOSTS]
    readings = {
        HOSTS[host]: {"vms": [record(world, host)], "windows_name": names[host]} if host in answered else lost
        for host in (A, B, C)
    }
    return Sight(readings, [HOSTS[target]], {names[host]: [HOSTS[host]] for host in (A, B, C)})


@pytest.mark.parametrize("name", FIRST)
def test_a_reading_of_the_model_is_what_a_run_sees(name):
    worlds, _unused = known(name)
    few = sorted(worlds, key=str)[:: max(len(worlds) // 400, 1)]
    for world in few:
        for target in (A, B, C):
            for read in (one for one in views(world, target) if not one.have.heard):
                answered = {target} | {copy for copy in (A, B, C) if _has_answered(read, copy)}
                found = sight(world, target, answered).see(vm_id("App01"), "App01")
                assert not found.strange, f"{world}: {found.strange}"
                assert str(found.pair) == str(read.have), f"{world} from {HOSTS[target]}, read {answered}"
            if whole(world, target) is None:
                assert sight(world, target, {A, B, C}).see(vm_id("App01"), "App01").strange


def _has_answered(read: Any, host: int) -> bool:
    if host == read.other:
        return read.have.other is not None
    return any(copy.host == HOSTS[host] and copy.side is not None for copy in read.have.rest)


# -- each rule, taken away once ----------------------------------------------------------------------------------------

Planner = Callable[[s.Pair, Goal], Next]
RIGHT: Planner = failover_next.next_step


def follows_no_leg(have: s.Pair, goal: Goal) -> Next:
    return RIGHT(replace(have, rest=()), goal)


def hears_nothing(have: s.Pair, goal: Goal) -> Next:
    return RIGHT(replace(have, heard=False), goal)


def believes_a_declaration(have: s.Pair, goal: Goal) -> Next:
    return RIGHT(replace(have, other=None) if goal.declared == "dead" else have, goal)


def takes_unread_for_off(have: s.Pair, goal: Goal) -> Next:
    return RIGHT(replace(have, rest=tuple(copy for copy in have.rest if copy.side is not None)), goal)


def takes_saved_for_off(have: s.Pair, goal: Goal) -> Next:
    rest = tuple(replace(copy, side=_off(copy.side)) for copy in have.rest)
    return RIGHT(replace(have, rest=rest), goal)


def _off(side: s.Side | None) -> s.Side | None:
    return side.with_(power=s.OFF) if side is not None and side.power == s.SAVED else side


def passes_over_newer_data(have: s.Pair, goal: Goal) -> Next:
    for copy in have.rest:
        if copy.side is not None and copy.side.failed_over:
            return RIGHT(have, replace(goal, discard=copy.host))
    return RIGHT(have, goal)


def accepts_whatever_is_unread(have: s.Pair, goal: Goal) -> Next:
    return RIGHT(have, replace(goal, accept=frozenset(HOSTS)))


def takes_a_named_copy_for_one_to_turn_off(have: s.Pair, goal: Goal) -> Next:
    return RIGHT(have, replace(goal, turn_off=True) if goal.lose else goal)


def knows_two_hosts_only(have: s.Pair, goal: Goal) -> Next:
    return failover_next._WISHES[goal.wish](have, have.target, have.other, goal)  # type: ignore[arg-type]


PLANNERS: Mapping[Planner, tuple[str, str]] = {
    follows_no_leg: ("unplanned", "L1"),
    hears_nothing: ("unplanned", "L1"),
    believes_a_declaration: ("unplanned", "L1"),
    takes_unread_for_off: ("unplanned", "L1"),
    takes_saved_for_off: ("planned", "L1"),
    passes_over_newer_data: ("unplanned", "L2"),
    accepts_whatever_is_unread: ("unplanned", "L1"),
    takes_a_named_copy_for_one_to_turn_off: ("planned", "L5"),
    knows_two_hosts_only: ("unplanned", "L1: acts while two copies may run"),
}


@pytest.mark.parametrize("planner", PLANNERS, ids=lambda planner: planner.__name__)
def test_a_planner_without_one_of_the_rules_is_found_out(monkeypatch, planner):
    wish, law = PLANNERS[planner]
    monkeypatch.setattr(failover_next, "next_step", planner)
    assert any(law in line for name in FIRST for line in violations(name, wish)), planner.__name__


def shut_down_unasked(have: s.Pair, target: s.Side, other: s.Side | None, goal: Goal) -> Next:
    return failover_step.act_on(have.with_side("target", target.with_(power=s.OFF)), "cancel_failover", "target")


RULES: Mapping[str, tuple[Any, str, Any, str, str]] = {
    "a copy beside the two sides": (failover_next, "held_by_another_copy", lambda *_unused: None, "unplanned", "L1"),
    "what holds a start back": (s.Side, "holds_back", property(lambda side: side.may_run), "planned", "L1"),
    "what counts as running": (s.Side, "may_run", property(lambda side: False), "planned", "L1"),
    "the old copy is Off": (failover_next, "_old_copy_off", lambda *_unused: None, "unplanned", "L1"),
    "two that run": (s.Pair, "both_run", property(lambda pair: False), "cancel", "L1: acts while two"),
    "a running VM is not cancelled": (failover_undo, "_cancel_failover", shut_down_unasked, "cancel", "L5"),
    "the one to be lost is asked for by name": (
        failover_next,
        "_both_run",
        lambda have, goal: NextAct("turn_off", goal.lose or "other", ""),
        "planned",
        "L5",
    ),
    "newer data elsewhere": (
        failover_step,
        "_beside",
        lambda copy, goal: RULE_OF_A_COPY(copy, replace(goal, discard=copy.host)),
        "unplanned",
        "L2",
    ),
}
RULE_OF_A_COPY = failover_step._beside


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_is_taken_away_is_missed(monkeypatch, rule):
    place, name, instead, wish, law = RULES[rule]
    monkeypatch.setattr(place, name, instead)
    assert any(law in line for world in FIRST for line in violations(world, wish)), rule


def violations(name: str, wish: str) -> list[str]:
    """What a search of some worlds finds for one wish."""
    worlds, _unused = known(name)
    some = sorted(worlds, key=str)[:: max(len(worlds) // 300, 1)]
    return explore(frozenset(some), [wish]).violations
