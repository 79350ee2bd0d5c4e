"""A run that is stopped from outside, before and after each of its changes: what it stopped has to run again.

No further guest may be stopped, whatever is down has to be said first of all, and the same command again has to reach
the goal.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

from tests.lab.lab import When

from .bounded import Hangs, bounded
from .cut import Piece, Plant, Trace, trace
from .hands import Hands
from .laws import broken
from .outside import SIGNALS, Outside
from .stage import Stage
from .sweep import REPEATS, Verdict, alive, look, once, staged, untold
from .workflow import CANCEL, Workflow


@dataclass(frozen=True)
class Halt:
    """The signal that stops a run, and when it comes."""

    number: signal.Signals
    when: When

    def __str__(self) -> str:
        moment = f"{'before' if self.when.before else 'after'} {self.when.cmdlet} {self.when.nth} on {self.when.host}"
        return f"{self.number.name} {moment}"


@dataclass
class Halted(Verdict):
    """What came of it. `down`: VMs that ran, and do not since the run was stopped, however well it says so."""

    halt: Halt | None = None
    down: list[str] = field(default_factory=list)


def halts(clean: Trace) -> Iterator[Halt]:
    """Every change of a run has its turn: while its host is read right before it, before it, and after it."""
    moments = []
    for piece, read in _changes(clean):
        calls = [call for call in piece.calls if call.state_changing]
        moments += [When(call.host, call.cmdlet, call.nth, before) for call in calls for before in (True, False)]
        if read is not None:
            moments.append(When(read.host, read.calls[0].cmdlet, read.calls[0].nth, before=True))
    for number, moment in zip(cycle(SIGNALS), dict.fromkeys(moments), strict=False):
        yield Halt(number, moment)


def _changes(clean: Trace) -> Iterator[tuple[Piece, Piece | None]]:
    """Every pipeline that changes something, with the one before it on its host."""
    last: dict[str, Piece] = {}
    for piece in clean.pieces:
        if piece.state_changing:
            yield piece, last.get(piece.host)
        last[piece.host] = piece


def traced(workflow: Workflow) -> Trace:
    """A clean run."""
    with bounded(), staged(workflow) as stage:
        hands, failure = once(stage, workflow)
        if failure:
            raise RuntimeError(f"{workflow.name}: {failure}")
        return trace(stage.world.recorder.calls, hands.sent, {})


def halted(workflow: Workflow, halt: Halt) -> Halted:
    """Play the workflow, stop it there, and play it again until it is through."""
    began, verdict = time.monotonic(), Halted(f"{workflow.name}: {halt}", None, halt=halt)
    try:
        with bounded(), staged(workflow) as stage:
            _halt(stage, workflow, verdict, halt)
            asked = workflow.asked | {CANCEL}  # what a run does by itself on its way back
            verdict.laws += broken(stage.world.recorder, asked, stage.world.recorder.calls)
    except Hangs as hangs:
        verdict.problems.append(f"it hangs:\n{hangs.told}")
    verdict.seconds = time.monotonic() - began
    return verdict


def _halt(stage: Stage, workflow: Workflow, verdict: Halted, halt: Halt) -> None:
    ran, hands, when = alive(stage), Hands(stage.lab), halt.when
    outside = hands.outside = Outside(halt.number)
    moment = stage.world.faults.at(outside.stop, when.host, when.cmdlet, when.nth, before=when.before)
    _unused, failure = once(stage, workflow, hands)
    verdict.struck = moment.struck > 0 and outside.struck
    if not verdict.struck:
        return
    verdict.down = sorted(ran - alive(stage))
    verdict.problems += untold(stage, hands, ran - alive(stage))
    verdict.problems += _went_on(stage, hands)
    for _unused in range(REPEATS):
        if not failure:
            verdict.problems += look(stage, workflow, ran, Plant(lambda: True, lambda: None))
            return
        verdict.again += 1
        _unused, failure = once(stage, workflow)
    verdict.problems.append(f"never through: {failure}")


def _went_on(stage: Stage, hands: Hands) -> Iterator[str]:
    """Guests that were told to stop by what was sent when the run knew already that it was stopped."""
    calls = {call.number: call for call in stage.world.recorder.calls}
    for sent in hands.sent:
        if sent.halted:
            stopping = [str(calls[number]) for number in sent.calls if calls[number].cmdlet == "Stop-VM"]
            yield from (f"a further guest was stopped: {call}" for call in stopping)
