"""Two runs at once on the same VMs, over the real wire: no law breaks, and every VM is in each hand's report."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from tests.gate import only
from tests.lab.recorder import Recorded
from tests.sweep.hands import Hands
from tests.sweep.laws import could_not_know
from tests.sweep.turns import Stop, Turns
from tests.sweep.two_hands import Duel, _said, duels, fight

LAGS = (0.0, 0.15, 0.5)


@pytest.mark.parametrize("lag", only(["0.15"], LAGS))
@pytest.mark.parametrize("duel", [pytest.param(duel, id=duel.name) for duel in duels()])
def test_two_runs_at_once(duel: Duel, lag: float):
    fought = fight(duel, lag=lag)
    assert fought.laws == []
    assert fought.problems == []


def test_a_cancel_between_the_look_at_the_primary_and_the_failover():
    """The failover run has read the primary as prepared; the other one cancels that; then it fails over."""
    duel = next(one for one in duels() if one.name == "cancel against failover, prepared")
    fought = fight(duel, Turns((Stop(1), Stop(1, after=True))))
    assert fought.reached == [True, True]
    assert fought.laws == []
    assert fought.problems == []
    assert fought.down == []
    assert "NOT DONE: App01 runs on hv-a" in fought.told[0]


def test_a_guest_that_another_hand_has_started_is_up_again_after_the_run_that_stopped_it():
    """The second run found the VM Off and was about to prepare it; meanwhile the first one has started it."""
    duel = next(one for one in duels() if one.name == "opposite directions")
    fought = fight(duel, Turns((Stop(4, after=True), Stop(1))))
    assert fought.reached == [True, True]
    assert fought.problems == []
    assert fought.laws == []
    assert fought.down == []
    assert "NOT DONE: App01 runs on hv-b" in fought.told[1]


@pytest.mark.parametrize(
    "told, missing",
    [
        ("", ["App01", "App03"]),
        ("NOT DONE: App01 runs on hv-a", ["App03"]),
        ("Nothing was changed.\nApp03: REFUSED: it is too old", []),
    ],
)
def test_every_hand_says_something_of_every_vm_or_that_it_has_changed_nothing(told: str, missing: list[str]):
    found = [problem.partition(" ")[0] for problem in _said(cast(Hands, SimpleNamespace(reports=[])), told)]
    assert found == missing


VM = UUID(int=1)
PREPARED, REPLICATING = "PreparedForFailover", "Replicating"


def call(number: int, user: str, host: str, cmdlet: str, *, then: str = "", was: str = PREPARED) -> Recorded:
    """A call; `then` is the state of the primary's side after it."""
    at = datetime(2026, 3, 1, tzinfo=timezone.utc) + timedelta(seconds=number)
    facts: dict[str, Any] = {}
    if not cmdlet.startswith("Get-"):
        states = [("HV-A", "Off", "Primary", state, "") for state in (was, then or was)]
        facts = {"before": {VM: (states[0],)}, "after": {VM: (states[1],)}}
    return Recorded(number, host, object(), user, cmdlet, "", {}, at, ended=at + timedelta(milliseconds=1), **facts)


@pytest.mark.parametrize(
    "reads, excused",
    [(((1, "HV-A"),), True), (((1, "HV-A"), (3, "HV-A")), False), (((3, "HV-B"),), False), (((1, "HV-B"),), False)],
)
def test_only_what_was_changed_after_the_last_look_is_an_excuse(reads: tuple[tuple[int, str], ...], excused: bool):
    calls = [call(number, "one", host, "Get-VMReplication") for number, host in reads]
    calls.append(call(2, "two", "HV-A", "Stop-VMFailover", then=REPLICATING))
    failover = call(4, "one", "HV-B", "Start-VMFailover", was=REPLICATING)
    assert could_not_know("L8: x", failover, [*calls, failover]) is excused


def test_another_stage_in_between_is_no_excuse():
    calls = [
        call(1, "one", "HV-A", "Get-VMReplication"),
        call(2, "one", "HV-A", "Stop-VM"),
        call(3, "two", "HV-A", "Stop-VMFailover", then=REPLICATING),
        call(4, "one", "HV-B", "Start-VMFailover", was=REPLICATING),
    ]
    assert not could_not_know("L8: x", calls[3], calls)
