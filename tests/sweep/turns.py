"""Two hands at work in turns: who goes on is decided by what each has sent, not by a clock.

The first hand goes to its stop, then the second to its own, then the first to its end, then the second. A hand stops
before a pipeline, which is the smallest thing that it does: before the nth that changes something, all its readings
done, or after it, before it reads again. It asks its hosts side by side, so it stops as a whole: nothing more is begun
on any of them, and what is under way there is waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .hands import QUICK, Hands

# isort: split
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Pipeline
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.endpoint import only_reads


@dataclass(frozen=True)
class Stop:
    """Where a hand lets the other one go on: before, or right after, its nth pipeline that changes something."""

    nth: int
    after: bool = False

    def __str__(self) -> str:
        return f"stops {'after' if self.after else 'before'} its change {self.nth}" if self.nth else "goes to its end"


NOWHERE = Stop(0)
"""It goes to its end."""
OPERATORS = ("first", "second")


@dataclass
class Turns:
    """Whose turn it is; None while a hand is stopping. `reached` says which of the hands came to their stops, `at_work`
    how many pipelines of each are under way.
    """

    stops: tuple[Stop, Stop]
    turn: int | None = 0
    changed: list[int] = field(default_factory=lambda: [0, 0])
    reached: list[bool] = field(default_factory=lambda: [False, False])
    over: list[bool] = field(default_factory=lambda: [False, False])
    at_work: list[int] = field(default_factory=lambda: [0, 0])
    condition: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def sending(self, hand: int, pipeline: Pipeline) -> Iterator[None]:
        """A hand is about to send this: wait for its turn, and at its stop for the next one."""
        changing = not only_reads(pipeline)
        with self.condition:
            self._wait(hand)
            stop, sent = self.stops[hand], self.changed[hand]
            here = sent == stop.nth if stop.after else changing and sent + 1 == stop.nth
            if here and not self.reached[hand]:
                self.reached[hand] = True
                self._pass_on(hand)
                self._wait(hand)
            self.changed[hand] += changing
            self.at_work[hand] += 1
        try:
            yield
        finally:
            with self.condition:
                self.at_work[hand] -= 1
                self.condition.notify_all()

    def end(self, hand: int) -> None:
        """A hand is through."""
        with self.condition:
            self.over[hand] = True
            self._pass_on(hand)

    def _pass_on(self, hand: int) -> None:
        if self.over[1 - hand]:
            return
        self.turn = None
        self.condition.wait_for(lambda: not self.at_work[hand])
        self.turn = 1 - hand
        self.condition.notify_all()

    def _wait(self, hand: int) -> None:
        self.condition.wait_for(lambda: self.turn == hand)


class InTurns(Hands):
    """One of two operators."""

    quick = {**QUICK, "settle_timeout": 3.0}  # what the other hand took away does not come

    def __init__(self, lab: Any, number: int, turns: Turns | None = None) -> None:
        super().__init__(lab)
        self.number = number
        self.turns = turns
        self.user = OPERATORS[number]

    def session(self, host: str) -> Any:
        """A connection that waits for its turns."""
        found = super().session(host)
        return found if self.turns is None else _InTurns(found, self)


class _InTurns:
    """A session that asks before each pipeline."""

    def __init__(self, session: Any, hand: InTurns) -> None:
        self._session = session
        self._hand = hand

    def __enter__(self) -> _InTurns:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.close()

    @property
    def host(self) -> str:
        """The inventory name of the host."""
        return str(self._session.host)

    def run(self, pipeline: Pipeline) -> Any:
        """Wait, then run it."""
        with self._hand.turns.sending(self._hand.number, pipeline):
            return self._session.run(pipeline)

    @property
    def broken(self) -> Any:
        """Why nothing more can be run over it."""
        return self._session.broken

    def close(self) -> None:
        """End it."""
        self._session.close()
