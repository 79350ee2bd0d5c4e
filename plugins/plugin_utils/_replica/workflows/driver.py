# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Carries a conversation out: asks the hosts side by side, a thread each, and hands back what they answer.

The calling thread only waits, decides and shows. It may be told to stop at any moment, by a flag: nothing that a host
has answered is lost, no further guest is stopped, and the run goes on until what it has stopped runs again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from threading import Event as Flag
from typing import Any, Protocol, TypeVar

from .conversation import PAUSE, Answer, Ask, Talk
from .host_thread import Event, HostThread, Opening
from .recap import Recap
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
    to stop, "" while it is not; it is called in every thread, and once it has said why it says so to the end.
    """

    openings: Mapping[str, Opening]
    show: Callable[[Happened], None]
    plan: Callable[[tuple[str, ...]], None] = lambda lines: None
    stopped: Callable[[], str] = lambda: ""
    timeline: Timeline = field(default_factory=Timeline)
    recap: Recap = field(default_factory=Recap)
    _threads: dict[str, HostThread] = field(default_factory=dict)
    _inbox: list[Answer | Event] = field(default_factory=list)
    _made: dict[int, Ask] = field(default_factory=dict)
    _pauses: dict[int, float] = field(default_factory=dict)
    _news: Flag = field(default_factory=Flag)

    def run(self, conversation: Any, talk: T) -> T:
        """Take the conversation to its end; the sessions are closed then."""
        try:
            return self._converse(conversation, talk)
        finally:
            self._close()

    def _converse(self, conversation: Any, talk: T) -> T:
        talk, heard, stopping = conversation.step(talk, [], time.monotonic()), 0, False
        while True:
            self._tell(talk)
            self._ask(talk.asks)
            if talk.end is not None:
                return talk
            reason = "" if stopping else self.stopped()
            if reason:
                stopping = True
                talk = conversation.interrupt(talk, reason, time.monotonic())
                continue
            self._wait(heard)
            told = self._inbox[heard:]
            heard += len(told)
            self._take(told)
            talk = conversation.step(talk, [one for one in told if isinstance(one, Answer)], time.monotonic())

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
            if isinstance(one, Event):
                self._happened(one.host, one.vms, one.text, one.ids, one.stage)
            else:
                self._note(one)

    def _note(self, answer: Answer) -> None:
        """What the host has said at all, and VMs that a start has brought up again."""
        ask = self._made.get(answer.number)
        if ask is None or ask.kind == PAUSE:
            return
        self.recap.told(ask.host, answer.result)
        if ask.stage not in STARTS:
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
            self._made[ask.number] = ask
            if ask.kind == PAUSE:
                self._pauses[ask.number] = time.monotonic() + ask.seconds
                continue
            self.recap.asked(ask.host)
            if ask.host not in self._threads:
                self._threads[ask.host] = HostThread(self.openings[ask.host], self._hear, lambda: bool(self.stopped()))
            self._threads[ask.host].ask(ask)

    def _tell(self, talk: Talk) -> None:
        """Show what a talk has to say."""
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
