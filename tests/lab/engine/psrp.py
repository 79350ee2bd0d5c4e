"""Our own engine: a runspace pool on psrpcore's server side, pipelines in threads, output as CLIXML of our own making.

psrpcore reads every message and answers what concerns the pool; what a pipeline writes is framed by framing.py. One
instance is one WSMan shell. `Engine` (in this package's __init__) says what the wire may ask.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import psrpcore
from psrpcore.types import PSVersion

from . import Received, framing
from .clixml import serialize
from .command import Context
from .commands import Commands
from .failures import Failure, Record
from .incoming import statements_of, value_of
from .jobs import Jobs
from .pipeline import Outcome, run
from .records import FAILED, error_content, information_content, informational_content, progress_content, state_content

if TYPE_CHECKING:
    from ..cmdlets.registry import Session
    from ..world.host import Host

_INPUT_DONE = object()
CHUNK = 256_000
"""About how many bytes of fragments are handed over as one piece."""
_CLOSE_SECONDS = 2.0
_STREAMS = {
    "Warning": framing.WARNING_RECORD,
    "Verbose": framing.VERBOSE_RECORD,
    "Debug": framing.DEBUG_RECORD,
}


_ASKED = (psrpcore.SetMaxRunspacesEvent, psrpcore.SetMinRunspacesEvent, psrpcore.ResetRunspaceStateEvent)
_Event: TypeAlias = "psrpcore.PSRPEvent[Any, Any]"


class Outbox:
    """What one owner (a pipeline, or the pool) has to send. All of a shell share one condition."""

    def __init__(self, news: threading.Condition) -> None:
        self._news = news
        self._items: deque[bytes] = deque()
        self._done = False

    def put(self, items: Iterator[bytes] | list[bytes], done: bool = False) -> None:
        """Add fragments; `done`: these are the last."""
        with self._news:
            self._items.extend(items)
            self._done = self._done or done
            self._news.notify_all()

    def take(self, seconds: float) -> Received:
        """What there is, in pieces of about CHUNK bytes; waits for it up to the time."""
        with self._news:
            self._news.wait_for(lambda: self._items or self._done, seconds)
            pieces: list[bytes] = []
            while self._items:
                size, some = 0, []
                while self._items and size < CHUNK:
                    some.append(self._items.popleft())
                    size += len(some[-1])
                pieces.append(b"".join(some))
            return Received(tuple(pieces), self._done)


class PipelineSession:
    """The session as one pipeline's calls see it: also stopped when this pipeline was."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.over = threading.Event()

    @property
    def host(self) -> Host:
        """The host whose shell this is."""
        return self._session.host

    @host.setter
    def host(self, host: Host) -> None:
        self._session.host = host

    @property
    def user(self) -> str:
        """Who opened the shell."""
        return self._session.user

    @user.setter
    def user(self, user: str) -> None:
        self._session.user = user

    def drop(self) -> None:
        """Cut the client's connection."""
        self._session.drop()

    @property
    def stopped(self) -> bool:
        """The pipeline was stopped, or the shell is gone."""
        return self.over.is_set() or self._session.stopped


class Pipeline:
    """One pipeline of a shell: its input, its output, and the thread that runs it. It is its own `Streams`."""

    def __init__(self, engine: OwnEngine, identifier: uuid.UUID) -> None:
        self.id = identifier
        self.engine = engine
        self.outbox = Outbox(engine.news)
        self.session = PipelineSession(engine.session)
        self._input: deque[Any] = deque()
        self._thread: threading.Thread | None = None
        self._reported = False

    def start(self, metadata: Any, no_input: bool) -> None:
        """Begin to run what the client created."""
        thread = threading.Thread(target=self._run, args=(metadata, no_input), daemon=True, name=f"pipeline {self.id}")
        thread.start()
        self._thread = thread  # only now: a shell that goes at this moment could not wait for one that has not begun

    def give(self, value: Any) -> None:
        """One object of the client's input, or the end of it."""
        with self.engine.news:
            self._input.append(value)
            self.engine.news.notify_all()

    def stop(self, shell_gone: bool = False) -> None:
        """Let everything that waits give up; what runs on after the state was told does, unless its shell is gone."""
        if self._reported and not shell_gone:
            return
        self.session.over.set()
        clock = self.engine.session.host.world.clock
        with self.engine.news:
            self.engine.news.notify_all()
        with clock.condition:
            clock.condition.notify_all()

    def join(self, until: float) -> None:
        """Wait for the thread to end."""
        if self._thread is not None:
            self._thread.join(max(0.0, until - time.monotonic()))

    def _run(self, metadata: Any, no_input: bool) -> None:
        try:
            self._run_statements(metadata, no_input)
        except Exception as error:
            # A command that breaks is a fault of the lab: it must show in the test, and not hang its client.
            self._report(Outcome(FAILED, _broken(error)))
            raise

    def _run_statements(self, metadata: Any, no_input: bool) -> None:
        engine = self.engine
        try:
            statements = statements_of(metadata, engine.constrained)
        except Failure as failure:
            self._report(Outcome(FAILED, failure.record))
            return
        context = Context(self.session, self, engine.jobs, engine.commands.visible)
        run(context, engine.commands, statements, None if no_input else self._given(), self._report)

    def _report(self, outcome: Outcome) -> None:
        """Send the pipeline's state; only the first one counts, and nothing follows it."""
        self._send(framing.PIPELINE_STATE, state_content(outcome.state, outcome.reason), done=True)
        self._reported = True

    def _given(self) -> Iterator[Any]:
        while True:
            with self.engine.news:
                self.engine.news.wait_for(lambda: self._input or self.session.stopped, 0.5)
                if not self._input:
                    if self.session.stopped:
                        return
                    continue
                value = self._input.popleft()
            if value is _INPUT_DONE:
                return
            yield value

    def _send(self, kind: int, content: str, done: bool = False) -> None:
        if self._reported:
            return
        data = framing.message(kind, self.engine.pool_id, self.id, content)
        self.outbox.put(framing.fragments(self.engine.next_number(), data), done)

    def output(self, value: Any) -> None:
        """An object for the client."""
        self._send(framing.PIPELINE_OUTPUT, serialize(value))

    def error(self, record: Record) -> None:
        """An error record."""
        self._send(framing.ERROR_RECORD, error_content(record))

    def message(self, kind: str, message: str) -> None:
        """A warning, verbose or debug record."""
        self._send(_STREAMS[kind], informational_content(kind, message))

    def information(self, data: Any, source: str) -> None:
        """An information record."""
        host = self.session.host
        content = information_content(data, source, host.world.clock.now(), self.session.user, host.name)
        self._send(framing.INFORMATION_RECORD, content)

    def progress(self, activity: str, status: str, percent: int) -> None:
        """A progress record."""
        self._send(framing.PROGRESS_RECORD, progress_content(activity, status or " ", percent))


def _broken(error: Exception) -> Record:
    return Record(f"{type(error).__name__}: {error}", "LabEngineFailed", "NotSpecified", "System.Exception")


class OwnEngine:
    """One WSMan shell that runs in this process (an `Engine`)."""

    def __init__(self, session: Session, *, constrained: bool = False) -> None:
        """`constrained`: the NoLanguage endpoint that lists its cmdlets (endpoint.py)."""
        self.session = session
        self.constrained = constrained
        self.commands = Commands(constrained, frozenset(session.host.modules))
        self.jobs = Jobs(session)
        self.news = threading.Condition()
        self._numbers = itertools.count(1)
        self._reading = threading.RLock()
        self._pool = psrpcore.ServerRunspacePool(_private_data())
        self._outbox = Outbox(self.news)
        self._pipelines: dict[uuid.UUID, Pipeline] = {}

    @property
    def pool_id(self) -> uuid.UUID:
        """The runspace pool's id, as the client chose it."""
        return self._pool.runspace_pool_id

    def next_number(self) -> int:
        """The next message's object id: one sequence a shell, apart from psrpcore's own."""
        return next(self._numbers) + 2**32

    def open(self, creation: bytes) -> None:
        """Start the runspace pool from the shell's creationXml."""
        self._read(creation)

    def command(self, pipeline: uuid.UUID, fragments: bytes) -> None:
        """Start a pipeline."""
        with self._reading:
            self._pipelines[pipeline] = Pipeline(self, pipeline)
            psrpcore.ServerPipeline(self._pool, pipeline)
            self._read(fragments)

    def send(self, pipeline: uuid.UUID | None, fragments: bytes) -> None:
        """More input."""
        self._read(fragments)

    def receive(self, pipeline: uuid.UUID | None, timeout_seconds: float) -> Received:
        """What came since; waits for it up to the time."""
        outbox = self._outbox if pipeline is None else self._pipelines[pipeline].outbox
        return outbox.take(timeout_seconds)

    def signal(self, pipeline: uuid.UUID) -> None:
        """Stop a pipeline. A client also does this to one that is over, to forget it."""
        found = self._pipelines.get(pipeline)
        if found is not None:
            found.stop()

    def close(self) -> None:
        """The shell is over: everything that waits gives up, and its threads end."""
        pipelines = list(self._pipelines.values())
        for pipeline in pipelines:
            pipeline.stop(shell_gone=True)
        self._outbox.put([], done=True)
        until = time.monotonic() + _CLOSE_SECONDS
        for pipeline in pipelines:
            pipeline.join(until)
        self.jobs.join(max(0.0, until - time.monotonic()))

    def _read(self, fragments: bytes) -> None:
        """Take fragments in and do what their messages say."""
        with self._reading:
            self._pool.receive_data(psrpcore.PSRPPayload(fragments, psrpcore.StreamType.default, None))
            while (event := self._next_event()) is not None:
                self._heard(event)
            while (payload := self._pool.data_to_send()) is not None:
                self._outbox.put([payload.data])

    def _next_event(self) -> _Event | None:
        return self._pool.next_event()

    def _heard(self, event: _Event) -> None:
        pipeline = self._pipelines.get(event.pipeline_id) if event.pipeline_id else None
        if isinstance(event, psrpcore.CreatePipelineEvent) and pipeline is not None:
            pipeline.start(event.pipeline, bool(event.pipeline.no_input))
        elif isinstance(event, psrpcore.GetAvailableRunspacesEvent):
            self._pool.runspace_availability_response(event.ci, 1)
        elif isinstance(event, _ASKED):
            self._pool.runspace_availability_response(event.ci, True)
        elif isinstance(event, psrpcore.PipelineInputEvent) and pipeline is not None:
            pipeline.give(value_of(event.data))
        elif isinstance(event, psrpcore.EndOfPipelineInputEvent) and pipeline is not None:
            pipeline.give(_INPUT_DONE)


def _private_data() -> dict[str, Any]:
    """What the server tells about itself: a Windows PowerShell 5.1."""
    return {
        "PSVersionTable": {
            "PSVersion": PSVersion("5.1.20348.2849"),
            "PSEdition": "Desktop",
            "WSManStackVersion": PSVersion("3.0"),
            "PSRemotingProtocolVersion": PSVersion("2.3"),
            "SerializationVersion": PSVersion("1.1.0.1"),
            "CLRVersion": PSVersion("4.0.30319.42000"),
            "BuildVersion": PSVersion("10.0.20348.2849"),
        }
    }
