"""Virtual time: the wall clock times a speed, plus what was advanced by hand; and what is due at which moment.

Looking does not move it. Its condition is the world's lock: whoever reads or changes the world holds it, and gives it
up only while it waits for time to pass. Nothing here knows what an effect does.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

# How often (wall clock) a waiter looks whether its client is still there; time itself needs no polling.
LOOK_SECONDS = 0.1


@dataclass(order=True)
class Due:
    """An effect that waits for its moment. `cancel()` makes it nothing."""

    when: datetime
    number: int
    effect: Callable[[], object] | None = field(compare=False)

    def cancel(self) -> None:
        self.effect = None

    @property
    def open(self) -> bool:
        """Not yet happened and not cancelled."""
        return self.effect is not None


class Clock:
    """Time of a world, in UTC. `speed` 0 stands still but for `advance`.

    With `leap` a waiter moves the time to the next effect instead of waiting for it: for tests of one thread.
    """

    def __init__(self, speed: float = 1.0, start: datetime | None = None, leap: bool = False) -> None:
        self.speed = speed
        self.leap = leap
        self.condition = threading.Condition(threading.RLock())
        self._base = start or datetime.now(timezone.utc).replace(microsecond=0)
        self._wall = time.monotonic()
        self._due: list[Due] = []
        self._numbers = itertools.count()
        self._moment: datetime | None = None  # while an effect runs: its own time, however late it is applied

    def now(self) -> datetime:
        """The virtual time; inside an effect, the time at which it was due."""
        if self._moment is not None:
            return self._moment
        return self._base + timedelta(seconds=(time.monotonic() - self._wall) * self.speed)

    def advance(self, seconds: float) -> None:
        """Move time forward, apply what became due, and wake everyone who waits."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        with self.condition:
            self._base += timedelta(seconds=seconds)
            self.settle()
            self.condition.notify_all()

    def at(self, when: datetime, effect: Callable[[], object]) -> Due:
        """Apply `effect` once `when` is reached (at the next `settle` after it)."""
        with self.condition:
            due = Due(when, next(self._numbers), effect)
            heapq.heappush(self._due, due)
            self.condition.notify_all()
            return due

    def after(self, seconds: float, effect: Callable[[], object]) -> Due:
        """Apply `effect` in so many virtual seconds."""
        return self.at(self.now() + timedelta(seconds=seconds), effect)

    def settle(self) -> None:
        """Apply every effect that is due, in the order of their times. An effect may bring others."""
        with self.condition:
            if self._moment is not None:
                return
            while self._due and (self._due[0].effect is None or self._due[0].when <= self.now()):
                self._apply(heapq.heappop(self._due))

    def _apply(self, due: Due) -> None:
        effect, due.effect = due.effect, None
        if effect is None:
            return
        self._moment = due.when
        try:
            effect()
        finally:
            self._moment = None
        self.condition.notify_all()

    def wait_until(
        self, ready: Callable[[], bool], stopped: Callable[[], bool], limit_seconds: float | None = None
    ) -> bool:
        """Give up the lock until `ready()`; False when `stopped()` or after `limit_seconds` of virtual time.

        `stopped` is looked at ten times a second of wall clock, `ready` whenever something happened.
        """
        with self.condition:
            end = None if limit_seconds is None else self.now() + timedelta(seconds=limit_seconds)
            while True:
                self.settle()
                if ready():
                    return True
                if stopped() or (end is not None and self.now() >= end):
                    return False
                if not (self.leap and self._leap_to_next(end)):
                    self.condition.wait(self._wall_seconds_to_next(end))

    def _next(self, end: datetime | None) -> datetime | None:
        while self._due and self._due[0].effect is None:
            heapq.heappop(self._due)
        times = [t for t in (self._due[0].when if self._due else None, end) if t is not None]
        return min(times, default=None)

    def _leap_to_next(self, end: datetime | None) -> bool:
        target = self._next(end)
        if target is None:
            return False
        self._base += max(target - self.now(), timedelta())
        return True

    def _wall_seconds_to_next(self, end: datetime | None) -> float:
        target = self._next(end)
        if target is None or self.speed <= 0:
            return LOOK_SECONDS
        return max(0.001, min(LOOK_SECONDS, (target - self.now()).total_seconds() / self.speed))
