# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Carries a conversation out: asks the hosts side by side, a thread each, and hands back what they answer.

The calling thread only waits, decides and shows. It may be interrupted at any moment by what raises in it (the time
limit of a task) or by a flag that a signal sets: nothing that a host has answered is lost, no further guest is stopped,
and the run goes on until what it has stopped runs again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from threading import Event as Flag
from typing import Any, Protocol, TypeVar

from .conversation import PAUSE, Answer, Ask, Talk
from .host_thread import Event, HostThread, Opening
from .timeline import STARTS, Happened, Timeline

TICK_SECONDS = 0.5
"""So often the calling thread looks whether it is to stop, when no host says anything."""
CLOSE_SECONDS = 15.0
"""So long a host is given to end its session."""
T = TypeVar("T", bound=Talk)


class Conversation(Protocol[T]):
    """The rules of a workflow."""

    def step(self, talk: T, answers: list[Answer], now: float) -> T:
        """What comes next."""

    def interrupt(self, talk: T, reason: str, now: float) -> T:
        """What comes next, now that it has been stopped."""


@dataclass
class Driver:
    """openings: how to reach each host. show: takes an event for the operator, plan: the plan. stopped: why the run is
    to stop, "" while it is not. limits: what may be raised in the calling thread to end the task; it stops the run too.
    """

    openings: Mapping[str, Opening]
    show: Callable[[Happened], None]
    plan: Callable[[tuple[str, ...]], None] = lambda lines: None
    stopped: Callable[[], str] = lambda: ""
    limits: tuple[type[BaseException], ...] = ()
    timeline: Timeline = field(default_factory=Timeline)
    _threads: dict[str, HostThread] = field(default_factory=dict)
    _inbox: list[Answer | Event] = field(default_factory=list)
    _known: set[int] = field(default_factory=set)
    _made: dict[int, Ask] = field(default_factory=dict)
    _told: Talk | None = None
    _pauses: dict[int, float] = field(default_factory=dict)
    _news: Flag = field(default_factory=Flag)
    _reason: str = ""

    def run(self, conversation: Any, talk: T) -> T:
        """Take the conversation to its end; the sessions are closed then."""
        try:
            return self._converse(conversation, talk)
        finally:
            with suppress(*self.limits):
                self._close()

    def _converse(self, conversation: Any, talk: T) -> T:
        state, stopping = (conversation.step(talk, [], time.monotonic()), 0), False
        while True:
            try:
                talk, heard = state
                self._tell(talk)
                self._ask(talk.asks)
                if talk.end is not None:
                    return talk
                if not stopping and (self._reason or self.stopped()):
                    self._reason = self._reason or self.stopped()
                    state = (conversation.interrupt(talk, self._reason, time.monotonic()), heard)
                    stopping = True
                    continue
                self._wait(heard)
                told = self._inbox[heard:]
                self._take(told)
                answers = [one for one in told if isinstance(one, Answer)]
                # One assignment: whatever is raised here, an answer is dealt with once.
                state = (conversation.step(talk, answers, time.monotonic()), heard + len(told))
            except self.limits as limit:
                self._reason = str(limit) or type(limit).__name__

    # -- what comes in -------------------------------------------------------------------------------------------

    def _wait(self, heard: int) -> None:
        """Until somebody says something, a pause is over, or a tick has passed."""
        now = time.monotonic()
        for number, until in [*self._pauses.items()]:
            if until <= now:
                self._inbox.append(Answer(number, {}))
                del self._pauses[number]
        self._news.clear()
        if len(self._inbox) == heard:
            until = min([now + TICK_SECONDS, *self._pauses.values()])
            self._news.wait(max(until - now, 0.0))

    def _take(self, told: Iterable[Answer | Event]) -> None:
        for one in told:
            if id(one) in self._known:
                continue
            self._known.add(id(one))
            if isinstance(one, Event):
                self._happened(one.host, one.vms, one.text, one.ids, one.stage)
            else:
                self._note_running(one)

    def _note_running(self, answer: Answer) -> None:
        """VMs that a start has brought up again."""
        ask = self._made.get(answer.number)
        if ask is None or ask.stage not in STARTS:
            return
        names = {vm["id"]: vm["name"] for vm in answer.result.get("vms") or () if vm.get("power") == "Running"}
        new = self.timeline.runs(names, time.monotonic())
        if new:
            self._happened(ask.host, tuple(names[vm] for vm in new), self.timeline.told(new), tuple(new))

    def _hear(self, what: Answer | Event) -> None:
        """Called by the threads of the hosts."""
        self._inbox.append(what)
        self._news.set()

    # -- what goes out -------------------------------------------------------------------------------------------

    def _ask(self, asks: Iterable[Ask]) -> None:
        for ask in asks:
            if ask.number in self._made:
                continue
            self._made[ask.number] = ask
            if ask.kind == PAUSE:
                self._pauses[ask.number] = time.monotonic() + ask.seconds
                continue
            if ask.host not in self._threads:
                self._threads[ask.host] = HostThread(self.openings[ask.host], self._hear, lambda: bool(self._reason))
            self._threads[ask.host].ask(ask)

    def _tell(self, talk: Talk) -> None:
        """Show the lines of a talk that were not shown yet."""
        if talk is not self._told:
            self._told = talk
            if talk.plan:
                self.plan(talk.plan)
            for line in talk.lines:
                self._happened("", (), line)

    def _happened(self, host: str, vms: tuple[str, ...], text: str, ids: tuple[str, ...] = (), stage: str = "") -> None:
        event = Happened(datetime.now(timezone.utc).astimezone(), time.monotonic(), host, vms, text, ids, stage)
        self.timeline.add(event)
        self.show(event)

    def _close(self) -> None:
        """End all sessions, side by side."""
        for thread in self._threads.values():
            thread.close()
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in self._threads.values():
            thread.join(max(deadline - time.monotonic(), 0.1))
