"""The laws hold in every state that can be reached, for every wish, at every bad moment."""

from __future__ import annotations

from .search import Findings, converges, explore, goals, reachable


def test_the_laws_hold_everywhere_and_every_wish_ends(capsys):
    pairs, transitions = reachable()
    found = Findings()
    wishes = list(goals())
    for goal in wishes:
        explore(goal, pairs, found)
        stuck = [pair for pair in pairs if not converges(pair, goal)]
        found.violations += [f"{goal} does not end from {pair}" for pair in stuck]
    with capsys.disabled():
        print(f"\nmodel: {len(pairs)} pairs of states, {transitions} transitions, {len(wishes)} wishes")
        for name, count in sorted(found.counts.items()):
            print(f"model: {name}: {count}")
        print(f"model: violations: {len(found.violations)}")
    assert not found.violations, "\n".join(found.violations[:20])
