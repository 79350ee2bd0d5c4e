# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One host of a workflow: a thread that alone uses its session, from the first question to the last.

Everything that is asked of the host is taken a turn at a time, so that a call which waits for a guest holds up nobody
else. Each turn is one look or one stage. What comes of it goes to `tell`; nothing is raised out of the thread.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..base.errors import ConnectionLost, ReplicaError, signs
from ..base.option_groups import Waiting
from ..base.pipeline import Pipeline
from ..base.session import Session
from ..base.states import RUNNING
from ..base.text import clean_text
from ..engine.apply import turns
from ..engine.outcome import part_of, to_result
from ..engine.plan import Resource, Step, Wait
from ..engine.progress import seconds_left
from ..engine.reading import Reading, read_result
from ..engine.task import Task
from ..facts import info
from ..facts.clock import READ_CLOCK
from ..failover.resource import FAILOVER
from ..network.resource import FAILOVER_NETWORK
from ..relation.resource import RELATION
from ..replica_vm.resource import REPLICA_VM
from .conversation import CALL, FRESH_SECONDS, READ, Answer, Ask

KEEP_SECONDS = 45.0
"""So long a session rests before it is used: HTTP.sys closes a connection that is idle for 120 seconds by default, and
the log-on goes with it. https://learn.microsoft.com/windows/win32/http/http-version-2-0-server-configuration-timeouts
"""
FIRST_POLL, POLL_GROWS = 0.25, 1.25
"""The first look after an act comes early, the next ones ever later, to the poll interval that was asked for."""
TELL_AFTER, TELL_GROWS = 30.0, 2.0
"""Seconds until a wait is told of, and how they grow."""
_FAULT = "it was given up, for what it said could not be handled. Please report it"
RESOURCES: Mapping[str, Resource[Any, Any]] = {
    "hyperv_failover": FAILOVER,
    "hyperv_failover_network": FAILOVER_NETWORK,
    "hyperv_replica_vm": REPLICA_VM,
    "hyperv_vm_replication": RELATION,
}
INFORMATION = Reading("hyperv_replication_info", info.SPEC, info.read_options, info.gather)


@dataclass(frozen=True)
class Event:
    """Something that was done or is waited for: which host, which VMs by name (and id), and what."""

    host: str
    vms: tuple[str, ...]
    text: str
    ids: tuple[str, ...] = ()
    stage: str = ""


@dataclass(frozen=True)
class Opening:
    """How to reach a host: `open` gives a session that has sent nothing yet, as often as it is called. Raises
    ReplicaError where there is no way.
    """

    host: str
    open: Callable[[], Session]


@dataclass
class Work:
    """A call on its way: its ask, its task, and how long it has been waiting."""

    ask: Ask
    task: Task[Any, Any]
    run: Iterator[float]
    told: set[str] = field(default_factory=set)
    polls: int = 0
    sent: int = 0
    waited_since: float = 0.0
    next_line: float = TELL_AFTER


class HostThread:
    """`ask` from any thread; `tell` is called from the host's own with an Answer or an Event."""

    def __init__(self, opening: Opening, tell: Callable[[Answer | Event], None], halted: Callable[[], bool]) -> None:
        self.opening = opening
        self._tell = tell
        self._halted = halted
        self._session: Session | None = None
        self._error: ReplicaError | None = None
        self._used = time.monotonic()
        self._queue: list[tuple[float, int, Ask | Work]] = []
        self._number = 0
        self._closing = False
        self._jobs: set[int] = set()
        self._open: dict[int, Ask] = {}
        self._ready = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=opening.host, daemon=True)
        self._thread.start()

    # -- from outside --------------------------------------------------------------------------------------------

    def ask(self, ask: Ask) -> None:
        """Something more to do."""
        self._open[ask.number] = ask
        self._put(time.monotonic(), ask)

    def close(self) -> None:
        """End the session, when what is being done is through."""
        with self._ready:
            self._closing = True
            self._ready.notify()

    def join(self, seconds: float) -> bool:
        """Wait for the thread's end; whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # -- the thread ----------------------------------------------------------------------------------------------

    def _put(self, when: float, what: Ask | Work) -> None:
        with self._ready:
            self._number += 1
            heapq.heappush(self._queue, (when, self._number, what))
            self._ready.notify()

    def _run(self) -> None:
        try:
            while (what := self._next()) is not None:
                if isinstance(what, Ask):
                    self._begin(what)
                else:
                    self._turn(what)
                self._used = time.monotonic()
        finally:
            self._end_session()
            while not self._closing:  # a fault of ours has ended it: nobody shall wait for what it was or will be asked
                for ask in list(self._open.values()):
                    self._answer(Answer(ask.number, {"failed": True, "msg": f"{self.opening.host}: {_FAULT}"}, ask.vms))
                with self._ready:
                    self._ready.wait_for(lambda: self._open or self._closing)

    def _answer(self, answer: Answer) -> None:
        if answer.last:
            self._open.pop(answer.number, None)
        self._tell(answer)

    def _next(self) -> Ask | Work | None:
        """What is due; None when the thread is to end. A session that has rested is used meanwhile."""
        while True:
            with self._ready:
                if self._closing:
                    return None
                now = time.monotonic()
                if self._queue and self._queue[0][0] <= now:
                    return heapq.heappop(self._queue)[2]
                rests = self._used + KEEP_SECONDS - now if self._session is not None else KEEP_SECONDS
                wait = min(self._queue[0][0] - now if self._queue else rests, rests)
                if wait > 0:
                    self._ready.wait(wait)
                    continue
            self._keep()

    def _keep(self) -> None:
        """Use the session, with a pipeline that only reads."""
        self._used = time.monotonic()
        if self._session is not None and self._error is None:
            try:
                self._session.run(Pipeline.of(READ_CLOCK))
            except ReplicaError as error:
                self._lose(error)

    def _begin(self, ask: Ask) -> None:
        try:
            session = self._opened()
        except ReplicaError as error:
            self._answer(Answer(ask.number, _failed(error), ask.vms))
            return
        if ask.kind == READ:
            self._read(ask, session)
        elif _too_late(ask):
            self._answer(Answer(ask.number, {}, ask.vms, stale=True))
        else:
            self._start(ask, session)

    def _held(self, ask: Ask) -> bool:
        """True for a call that leads on in a run that was stopped."""
        return ask.forward and self._halted()

    def _read(self, ask: Ask, session: Session) -> None:
        given = {**_defaults(info.SPEC), "missing": info.REPORT, "unreadable": info.REPORT, **ask.options}
        try:
            result = read_result(INFORMATION, info.read_options(given), session, _now)
        except ReplicaError as error:
            result = _failed(error)
        self._learn_of(session)
        self._answer(Answer(ask.number, result))

    def _start(self, ask: Ask, session: Session) -> None:
        resource = RESOURCES[ask.module or "hyperv_vm_replication"]
        given = {
            **_defaults(resource.spec),
            **{name: value for name, value in ask.options.items() if name in resource.spec},
        }
        try:
            want, waiting = resource.read_options(given), Waiting.of({**given, "patience": None})
        except ReplicaError as error:
            self._answer(Answer(ask.number, _failed(error), ask.vms))
            return
        task = Task(
            resource,
            want,
            session,
            waiting,
            sent=lambda steps: self._sent(task, steps),
            claims=self._jobs,
            goes_on=lambda: not self._held(ask),
        )
        self._turn(Work(ask, task, turns(task)))

    def _sent(self, task: Task[Any, Any], steps: Mapping[str, Step]) -> None:
        for stage in dict.fromkeys(step.stage for step in steps.values() if not step.probe):
            ids = [subject for subject, step in steps.items() if step.stage == stage]
            names = tuple(task.outcome.label(subject) for subject in ids)
            self._tell(Event(self.opening.host, names, stage, tuple(ids), stage))

    def _turn(self, work: Work) -> None:
        """One look or one stage of a call; who is through is told of at once."""
        seconds = next(work.run, None)
        outcome = work.task.outcome
        self._learn_of(work.task.session)
        if seconds is None or (self._halted() and _all_run(work)):
            result = to_result(outcome, work.task.resource.subject_key, diff=False)
            rest = tuple(vm for vm in work.ask.vms if vm not in work.told)
            told = part_of(result, rest, first=not work.told) if work.ask.vms else result
            nothing_sent = self._held(work.ask) and not outcome.actions and outcome.error is None
            self._answer(Answer(work.ask.number, told, rest, stale=nothing_sent))
            return
        held = self._held(work.ask)
        ended = {vm for vm, one in outcome.progress.items() if one.ended or (held and one.may_rest)}
        through = ended - work.told
        if through and len(work.told) + len(through) < len(work.ask.vms):
            result = to_result(outcome, work.task.resource.subject_key, diff=False)
            self._answer(
                Answer(work.ask.number, part_of(result, through, first=not work.told), tuple(through), last=False)
            )
            work.told |= through
        self._put(time.monotonic() + self._pause(work, seconds), work)

    def _pause(self, work: Work, seconds: float) -> float:
        """How long until the next look; a long wait is told of."""
        now, sent = time.monotonic(), sum(len(progress.sent) for progress in work.task.outcome.progress.values())
        if sent != work.sent or not work.waited_since:
            work.sent, work.polls, work.waited_since, work.next_line = sent, 0, now, TELL_AFTER
        elif seconds:
            work.polls += 1
        if now - work.waited_since >= work.next_line:
            work.next_line *= TELL_GROWS
            self._tell_wait(work, now)
        return min(seconds, FIRST_POLL * POLL_GROWS**work.polls)

    def _tell_wait(self, work: Work, now: float) -> None:
        outcome, waiting = work.task.outcome, work.task.waiting
        open_ = {vm: progress for vm, progress in outcome.progress.items() if not progress.ended}
        for reason in dict.fromkeys(progress.reason for progress in open_.values()):
            same = {vm: progress for vm, progress in open_.items() if progress.reason == reason}
            left = max(seconds_left(progress, now, waiting) for progress in same.values())
            names = tuple(outcome.label(vm) for vm in same)
            self._tell(Event(self.opening.host, names, f"still: {reason} (at most {_span(left)} more)"))

    # -- the session ---------------------------------------------------------------------------------------------

    def _opened(self) -> Session:
        """The session; one that broke, or found nobody, is opened anew. Raises ReplicaError where there is none.

        Who has answered that it does not want us is not asked again: accounts lock.
        """
        if self._error is not None and not _may_be_asked_again(self._error):
            raise self._error
        if self._error is not None:
            self._end_session()
            self._error = None
            self._jobs = set()  # they ended with their session
        if self._session is None:
            try:
                self._session = self.opening.open()
            except ReplicaError as error:
                self._error = error
                raise
        return self._session

    def _learn_of(self, session: Session) -> None:
        """Keep why the session is broken, if it is."""
        if session.broken is not None and session is self._session:
            self._error = session.broken

    def _lose(self, error: ReplicaError) -> None:
        self._error = error

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


def _may_be_asked_again(error: ReplicaError) -> bool:
    return isinstance(error, ConnectionLost) and (error.again or not error.answered)


def _too_late(ask: Ask) -> bool:
    """True for a call that rests on old readings."""
    return ask.kind == CALL and ask.fresh and time.monotonic() - ask.at > FRESH_SECONDS


def _all_run(work: Work) -> bool:
    """True when all VMs that are left run already: what is waited for are guests that shall answer."""
    outcome = work.task.outcome
    left = [vm for vm, one in outcome.progress.items() if not one.ended]
    runs = all(outcome.after.get(vm, {}).get("power") == RUNNING for vm in left)
    return bool(left) and runs and all(isinstance(outcome.progress[vm].awaited, Wait) for vm in left)


def _failed(error: ReplicaError) -> dict[str, Any]:
    """The result of what could not even be asked."""
    lost = {"unreachable": True} if isinstance(error, ConnectionLost) else {"failed": True}
    return {"changed": False, "msg": clean_text(error), "actions": [], **lost, **signs(error)}


def _defaults(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: option.get("default") for name, option in spec.items()}


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{max(seconds, 0):.0f} seconds"
