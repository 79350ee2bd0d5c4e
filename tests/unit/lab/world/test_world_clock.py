"""Virtual time."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from tests.lab.world.clock import Clock
from tests.unit.lab.world.hands import START


def test_looking_does_not_move_time() -> None:
    clock = Clock(speed=0, start=START)
    assert {clock.now() for _unused in range(100)} == {START}


def test_speed() -> None:
    clock = Clock(speed=1000, start=START)
    time.sleep(0.05)
    assert clock.now() - START >= timedelta(seconds=50)


def test_effects_happen_in_order_and_at_their_own_time() -> None:
    clock, seen = Clock(speed=0, start=START), []
    clock.after(20, lambda: seen.append(("second", clock.now() - START)))
    clock.after(10, lambda: clock.after(5, lambda: seen.append(("inner", clock.now() - START))))
    clock.advance(100)
    assert seen == [("inner", timedelta(seconds=15)), ("second", timedelta(seconds=20))]
    assert clock.now() - START == timedelta(seconds=100)


def test_cancelled_effect_never_happens() -> None:
    clock, seen = Clock(speed=0, start=START), []
    clock.after(1, lambda: seen.append(1)).cancel()
    clock.advance(2)
    assert seen == []


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        Clock(speed=0, start=START).advance(-1)


def test_waiter_is_woken_by_advance() -> None:
    clock, flag = Clock(speed=0, start=START), []
    clock.after(3600, lambda: flag.append(1))
    answers: list[bool] = []
    waiter = threading.Thread(target=lambda: answers.append(clock.wait_until(lambda: bool(flag), lambda: False)))
    waiter.start()
    clock.advance(3601)
    waiter.join(5)
    assert answers == [True]


def test_waiter_stops_at_its_limit_and_when_told() -> None:
    clock = Clock(speed=1000, start=START)
    assert clock.wait_until(lambda: False, lambda: False, 5) is False
    assert clock.wait_until(lambda: False, lambda: True) is False


def test_leaping_goes_to_the_next_effect_only() -> None:
    clock, seen = Clock(speed=0, start=START, leap=True), []
    clock.after(10, lambda: seen.append(10))
    clock.after(20, lambda: seen.append(20))
    assert clock.wait_until(lambda: seen == [10], lambda: False)
    assert clock.now() - START == timedelta(seconds=10)
