"""Our own engine with a client in memory: psrpcore's client side, fragments handed over without sockets or HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psrpcore
from psrpcore.types import PSInvocationState, RunspacePoolState

from tests.lab.engine.psrp import OwnEngine
from tests.lab.world.host import Host

Command = tuple[str, dict[str, Any] | list[tuple[str | None, Any]]]


@dataclass
class Shell:
    """A session without a wire."""

    host: Host
    user: str = "Administrator"
    stopped: bool = False
    dropped: bool = False

    def drop(self) -> None:
        """The client is gone."""
        self.stopped = self.dropped = True


@dataclass
class Answer:
    """Everything that came back for one pipeline."""

    output: list[Any] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    others: list[Any] = field(default_factory=list)
    state: PSInvocationState = PSInvocationState.NotStarted
    reason: Any = None

    @property
    def error_ids(self) -> list[str]:
        """The ids of the errors in the stream, then of the one that ended the pipeline."""
        ended = [self.reason.FullyQualifiedErrorId] if self.reason is not None else []
        return [record.FullyQualifiedErrorId for record in self.errors] + ended


class Client:
    """A PSRP client of one engine."""

    def __init__(self, engine: OwnEngine) -> None:
        self.engine = engine
        self.pool = psrpcore.ClientRunspacePool()
        self.pool.open()
        engine.open(self._pending())
        while self.pool.state != RunspacePoolState.Opened:
            self._take(None, Answer())

    def start(self, *statements: Sequence[Command], given: Sequence[Any] | None = None) -> uuid.UUID:
        """Send a pipeline; its id."""
        shell = psrpcore.ClientPowerShell(self.pool, no_input=given is None)
        for at, statement in enumerate(statements):
            if at:
                shell.add_statement()
            for name, arguments in statement:
                shell.add_command(name)
                for key, value in arguments.items() if isinstance(arguments, dict) else arguments:
                    shell.add_argument(value) if key is None else shell.add_parameter(key, value)
        return self._started(shell, given)

    def script(self, text: str) -> Answer:
        """Send a script."""
        shell = psrpcore.ClientPowerShell(self.pool)
        shell.add_script(text)
        return self.finish(self._started(shell, None))

    def run(self, *statements: Sequence[Command], given: Sequence[Any] | None = None) -> Answer:
        """Send a pipeline and wait for its end."""
        return self.finish(self.start(*statements, given=given))

    def finish(self, pipeline: uuid.UUID) -> Answer:
        """Everything until the pipeline's end."""
        answer = Answer()
        while not self._take(pipeline, answer):
            pass
        return answer

    def _started(self, shell: Any, given: Sequence[Any] | None) -> uuid.UUID:
        shell.start()
        pipeline: uuid.UUID = shell.pipeline_id
        self.engine.command(pipeline, self._pending())
        if given is not None:
            for value in given:
                shell.send(value)
            shell.send_eof()
            self.engine.send(pipeline, self._pending())
        return pipeline

    def _pending(self) -> bytes:
        data = b""
        while (payload := self.pool.data_to_send()) is not None:
            data += payload.data
        return data

    def _take(self, pipeline: uuid.UUID | None, answer: Answer) -> bool:
        received = self.engine.receive(pipeline, 5)
        for data in received.fragments:
            self.pool.receive_data(psrpcore.PSRPPayload(data, psrpcore.StreamType.default, pipeline))
            while (event := self.pool.next_event()) is not None:
                _sort(event, answer)
        return received.done


def _sort(event: Any, answer: Answer) -> None:
    if isinstance(event, psrpcore.PipelineOutputEvent):
        answer.output.append(event.data)
    elif isinstance(event, psrpcore.ErrorRecordEvent):
        answer.errors.append(event.record)
    elif isinstance(event, psrpcore.PipelineStateEvent):
        answer.state, answer.reason = event.state, event.reason
    else:
        answer.others.append(event)
