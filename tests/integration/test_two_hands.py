"""Two runs at once on the same VMs, over the real wire: no law breaks, and every VM is in each hand's report."""

from __future__ import annotations

import pytest

from tests.sweep.two_hands import Duel, duels, fight

LAGS = (0.0, 0.15, 0.5)


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("duel", [pytest.param(duel, id=duel.name) for duel in duels()])
def test_two_runs_at_once(duel: Duel, lag: float):
    fought = fight(duel, lag=lag)
    assert fought.laws == []
    assert fought.problems == []
