"""A pipeline: statements of commands, run in order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .binder import Argument
from .command import Context, Processor, Stopped, StopUpstream
from .commands import Commands
from .failures import Failure, Record, Stop
from .records import COMPLETED, FAILED, STOPPED, as_parent, stopped_record


@dataclass
class Invocation:
    """One command as it was sent."""

    name: str
    arguments: list[Argument] = field(default_factory=list)
    is_script: bool = False


Statement = list[Invocation]


@dataclass(frozen=True)
class Outcome:
    """How the pipeline ended, and by which error."""

    state: int
    reason: Record | None = None


Report = Callable[[Outcome], None]
"""Tells the client the pipeline's state. What a pipeline writes after that, nobody hears."""


def run(
    context: Context,
    commands: Commands,
    statements: Sequence[Statement],
    given: Iterable[Any] | None,
    report: Report,
) -> None:
    """Run all statements. `given` is what the client sends as input for the first one, None when it sends none.

    A statement that a terminating error ends does not keep the others from running, but from being heard (observed
    behaviour, not documented): after the first of several, the error is in the stream, one more statement is heard, and
    the state is Completed; after a later one, the state is Failed at once. Only Stop ends the statements too.
    """
    last = len(statements) - 1
    first_failed = False
    for at, statement in enumerate(statements):
        try:
            _run_statement(context, commands, statement, given if at == 0 else None)
        except Failure as failure:
            if at == 0 < last:
                first_failed = True
                context.streams.error(as_parent(failure.record) if failure.binding else failure.record)
                continue
            report(Outcome(FAILED, failure.record))
        except Stop as stop:
            return report(Outcome(FAILED, stop.record))
        except Stopped:
            return report(Outcome(STOPPED, stopped_record()))
        if context.session.stopped:
            return report(Outcome(STOPPED, stopped_record()))
        if first_failed and at == 1:
            report(Outcome(COMPLETED))
    return report(Outcome(COMPLETED))


def _run_statement(context: Context, commands: Commands, statement: Statement, given: Iterable[Any] | None) -> None:
    found = [commands.resolve(invocation.name) for invocation in statement]
    chain = [Processor(context, one.signature, one.body) for one in found]
    for at, (processor, invocation) in enumerate(zip(chain, statement, strict=True)):
        processor.prepare(invocation.arguments, piped=at > 0 or given is not None)
    for processor, following in itertools.pairwise(chain):
        processor.next = following
    for processor in chain:
        processor.body.begin()
    start = 0
    try:
        _feed(chain[0], given)
    except StopUpstream as enough:
        start = chain.index(enough.processor) + 1
    # The commands end one after the other; each may still write to those behind it.
    while start < len(chain):
        try:
            chain[start].body.end()
            start += 1
        except StopUpstream as enough:
            start = chain.index(enough.processor) + 1


def _feed(first: Processor, given: Iterable[Any] | None) -> None:
    if given is None:
        first.body.process()
        return
    for value in given:
        first.feed(value)
