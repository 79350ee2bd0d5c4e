"""A run that is stopped from outside, before and after each of its changes: what it stopped has to run again.

No further guest may be stopped, whatever is down has to be said first of all, and the same command again has to reach
the goal.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle

from tests.lab.lab import When

from .bounded import Hangs, bounded
from .cut import Piece, Plant, Trace, trace
from .hands import Hands
from .laws import broken
from .outside import SIGNALS, Outside
from .stage import B, Stage
from .sweep import REPEATS, Verdict, alive, fallen, look, once, staged, untold
from .workflow import CANCEL, Workflow, role
from .workflows import GROUPS, workflows


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


def halting() -> Iterator[Workflow]:
    """The workflows that are stopped: a planned failover of two guests, in each order, the other ways over, those back,
    and what protects anew.
    """
    known = {workflow.name: workflow for workflow in workflows()}
    over = known["planned failover, in groups"]
    yield replace(over, name="planned, in groups", begin=Stage.both_run_here, in_gate=True)
    one_by_one = role("planned", B, groups=GROUPS, order="one_by_one")
    yield replace(over, name="planned, one by one", begin=Stage.both_run_here, play=one_by_one)
    yield replace(over, name="planned, together", begin=Stage.both_run_here, play=role("planned", B))
    for name in ("a site of two hosts", "turned back at the replica", "cancel a failover", "protect anew"):
        yield replace(known[name], in_gate=name != "turned back at the replica")
    yield known["prepare alone"]
    yield replace(known["prepare alone, nobody else in reach"], in_gate=False)
    for name in (
        "cancel a preparation",
        "unplanned failover",
        "primary unusable, turned off",
        "way home",
        "go on to the third site",
    ):
        yield replace(known[name], in_gate=False)


def _changes(clean: Trace) -> Iterator[tuple[Piece, Piece | None]]:
    """Every pipeline that changes something, with the one before it on its host."""
    last: dict[str, Piece] = {}
    for piece in clean.pieces:
        if piece.state_changing:
            yield piece, last.get(piece.host)
        last[piece.host] = piece


def traced(workflow: Workflow) -> Trace:
    """A run that nobody stops. Raises RuntimeError when it fails, and nobody refuses it anything."""
    with bounded(), staged(workflow) as stage:
        hands, failure = once(stage, workflow)
        if failure and not workflow.refused:
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
    down = fallen(stage, workflow, ran)
    verdict.down = sorted(down)
    verdict.problems += untold(stage, hands, down)
    verdict.problems += went_on(hands, workflow.no_further)
    verdict.problems += workflow.untold(stage, hands)
    for _unused in range(REPEATS):
        if not failure:
            verdict.problems += look(stage, workflow, ran, Plant(lambda: True, lambda: None))
            return
        verdict.again += 1
        _unused, failure = once(stage, workflow)
    verdict.problems.append(f"never through: {failure}")


def went_on(hands: Hands, no_further: Container[str] = ("Stop-VM",)) -> Iterator[str]:
    """Pipelines with such cmdlets that were sent when the run knew already that it was stopped: by default those that
    tell guests to stop.
    """
    for sent in hands.sent:
        further = [name for name in sent.cmdlets if name.rpartition("\\")[2] in no_further]
        if sent.halted and further:
            yield f"it went on with {', '.join(further)}: {sent}"
