"""Two hands on the same VMs: the same run twice, opposite directions, cancel against failover; and a foreign cmdlet.

Whatever comes of it, no law may break, and each hand's report has to say of every VM where it is.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from tests.lab.lab import USER, When
from tests.lab.recorder import Recorded, Recorder, Violation

from .bounded import Hangs, bounded
from .cut import trace
from .hands import Hands, Play, Stopped
from .laws import broken, could_not_know
from .stage import NAMES, RUNS, STANDS, A, B, Operator, Stage, open_lab
from .sweep import REPEATS, Verdict, alive, once, staged
from .turns import NOWHERE, OPERATORS, InTurns, Stop, Turns
from .workflow import CANCEL, Workflow, moved, role

# -- a foreign cmdlet ------------------------------------------------------------------------------------------------


def _one(cmdlet: str, **parameters: Any) -> tuple[str, tuple[tuple[str, Any], ...]]:
    return cmdlet, tuple(parameters.items())


ON_A = (
    (_one("Start-VM"),),
    (_one("Stop-VM", TurnOff=True),),
    (_one("Start-VMFailover", Prepare=True),),
    (_one("Stop-VMFailover"),),
    (_one("Stop-VMFailover"), _one("Start-VM")),
    (_one("Suspend-VMReplication"),),
    (_one("Set-VMReplication", AsReplica=True),),
    (_one("Remove-VMReplication"),),
    (_one("Remove-VMReplication"), _one("Start-VM")),
)
"""What somebody may do at the host that the VMs leave."""
ON_B = (
    (_one("Start-VM"),),
    (_one("Start-VMFailover"),),
    (_one("Start-VMFailover", AsTest=True),),
    (_one("Complete-VMFailover"),),
    (_one("Stop-VMFailover"),),
    (_one("Suspend-VMReplication"),),
    (_one("Set-VMReplication", Reverse=True),),
    (_one("Remove-VMReplication"),),
    (_one("Remove-VMReplication"), _one("Start-VM")),
)
"""What somebody may do at the host that they go to."""


@dataclass(frozen=True)
class Foreign:
    """Somebody's cmdlets for the VM that ran, right before (or after) our nth call of a cmdlet on a host."""

    host: str
    cmdlets: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]
    when: When

    def __str__(self) -> str:
        shown = [f"{name}{''.join(f' -{option}' for option, _unused in given)}" for name, given in self.cmdlets]
        moment = (
            f"{'before' if self.when.before else 'after'} our {self.when.cmdlet} {self.when.nth} on {self.when.host}"
        )
        return f"{' and '.join(shown)} on {self.host} by somebody else {moment}"


class Meddler:
    """Does foreign cmdlets when their moment has come. `refused`: Windows took none of them."""

    def __init__(self, stage: Stage, foreign: Foreign) -> None:
        self.stage = stage
        self.foreign = foreign
        self.came = False
        self.refused = True

    def wait_for_it(self) -> None:
        """Let it happen at its moment."""
        when = self.foreign.when
        self.stage.world.faults.at(self.act, when.host, when.cmdlet, when.nth, before=when.before)

    def act(self) -> None:
        """Do it. What it breaks by itself is not our doing."""
        recorder = self.stage.world.recorder
        self.came = True
        for cmdlet, parameters in self.foreign.cmdlets:
            known = len(recorder.violations)
            try:
                self.stage.cmdlet(self.foreign.host, cmdlet, RUNS, **dict(parameters))
                self.refused = False
            except (RuntimeError, KeyError):  # Windows refuses it, or has no such VM
                return
            finally:
                del recorder.violations[known:]


def foreign_hands(workflow: Workflow) -> Iterator[Foreign]:
    """A foreign hand between any two of ours: right before each call that changes something, and right after it."""
    with staged(workflow) as stage:
        hands, _failure = once(stage, workflow)
        calls = trace(stage.world.recorder.calls, hands.sent, {}).calls
    for call, before, (host, several) in product(calls, (True, False), ((A, ON_A), (B, ON_B))):
        if call.state_changing:
            when = When(call.host, call.cmdlet, call.nth, before)
            yield from (Foreign(host, cmdlets, when) for cmdlets in several)


def meddle(workflow: Workflow, foreign: Foreign) -> Verdict:
    """Play the workflow with that foreign hand in it, again until it is through or refuses for good."""
    began, verdict = time.monotonic(), Verdict(workflow.name, None)
    try:
        with bounded(), staged(workflow) as stage:
            meddler = Meddler(stage, foreign)
            meddler.wait_for_it()
            told, report = _until_through(stage, workflow, meddler)
            verdict.struck = not meddler.refused
            if verdict.struck:
                verdict.problems = [f"{foreign}: {problem}" for problem in _unaccounted(stage, workflow, told, report)]
                verdict.laws = [f"{foreign}: {line}" for line in _laws(stage, workflow)]
    except Hangs as hangs:
        verdict.problems.append(f"{foreign}: it hangs:\n{hangs.told}")
    verdict.seconds = time.monotonic() - began
    return verdict


def _until_through(stage: Stage, workflow: Workflow, meddler: Meddler) -> tuple[str, str]:
    """What the last play said when it stopped, nothing when it came through; and its report."""
    told = report = ""
    for _unused in range(REPEATS):
        hands = Hands(stage.lab)
        told = _play(workflow.play, hands)
        report = "\n".join(hands.reports[-1]["lines"]) if hands.reports else ""
        if not told or (meddler.refused and meddler.came):
            break
    return told, report


def _play(play: Play, hands: Hands) -> str:
    try:
        play(hands)
    except Stopped as stopped:
        return str(stopped)
    return ""


def _unaccounted(stage: Stage, workflow: Workflow, told: str, report: str) -> Iterator[str]:
    """VMs that are not where they shall be and of which the last play says nothing; and the VM that nobody touched."""
    if not told and not workflow.done(stage) and not re.search(r"(Its|its) (other side|replication) is ", report):
        yield f"it says that all is well: {report} {stage.sides(A)} {stage.sides(B)}"
    if told and RUNS not in told:
        yield f"{RUNS} is not in the report: {told}"
    if stage.sides(B)[STANDS][:2] != ("Primary", "Replicating"):
        yield f"{STANDS}, which nobody else touched, did not get there: {told}"


def _laws(stage: Stage, workflow: Workflow) -> Iterator[str]:
    recorder = stage.world.recorder
    ours = [call for call in recorder.calls if call.user != Operator.user]
    yield from inexcusable(recorder, workflow.asked | {CANCEL}, ours)


# -- two runs at once ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Duel:
    """Two plays at once. Afterwards one operator settles it alone."""

    name: str
    begin: Callable[[Stage], None]
    plays: tuple[Play, Play]

    @property
    def swapped(self) -> Duel:
        """The other one is the first."""
        return replace(self, name=f"{self.name}, swapped", plays=(self.plays[1], self.plays[0]))


@dataclass
class Fought:
    """What came of a duel. `told` is what each hand said at its end, nothing when it came through.

    `down` are VMs that ran before it all and do not any more. `reached` says which hands came to their stops.
    """

    duel: str
    how: str
    told: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    laws: list[str] = field(default_factory=list)
    down: list[str] = field(default_factory=list)
    reached: list[bool] = field(default_factory=list)
    seconds: float = 0.0


def duels() -> Iterator[Duel]:
    """Every pair of runs that may meet."""
    to_b, to_a, cancel = role("planned", B), role("planned", A), role("cancel", B)
    yield Duel("the same run twice", Stage.protected, (to_b, to_b))
    yield Duel("opposite directions", Stage.protected, (to_b, to_a))
    yield Duel("opposite directions, after a failover", Stage.reversed, (to_b, to_a))
    yield Duel("cancel against failover", Stage.protected, (to_b, cancel))
    yield Duel("cancel against failover, prepared", Stage.prepared, (to_b, cancel))
    yield Duel("cancel against failover, failed over", Stage.failed_over, (to_b, cancel))


CHANGES = 9
"""More often a run of the role changes nothing: a guest is stopped and started, and two VMs, of which one has no guest
to wait for, are prepared, failed over and reversed, together or one after the other."""


def stops() -> Iterator[Stop]:
    """Where a hand may let the other one go on."""
    for nth in range(1, CHANGES + 1):
        yield Stop(nth)
        yield Stop(nth, after=True)


def fights(duel: Duel, first: Stop) -> Iterator[Fought]:
    """The duel with that stop of the first hand and every one of the second, which also goes to its end at once."""
    for second in (NOWHERE, *stops()):
        fought = fight(duel, Turns((first, second)))
        if not fought.problems and (not fought.reached[0] or (second != NOWHERE and not fought.reached[1])):
            break
        yield fought


def settle(hands: Hands) -> None:
    """One operator alone: on to HV-B. Where that is refused, back to HV-A by the words that the refusal asks for."""
    to_b = role("planned", B)
    try:
        to_b(hands)
    except Stopped:
        role("cancel", B, changes_since_failover="discard")(hands)
        hands.module("hyperv_vm_replication", A, names=NAMES, recover="resume")
        to_b(hands)


def fight(duel: Duel, turns: Turns | None = None, lag: float = 0.0) -> Fought:
    """Let both hands work, look at what they did, then let one of them finish alone.

    They work in turns; or, without, both at once, the second one beginning `lag` seconds after the first.
    """
    began = time.monotonic()
    how = f"the first {turns.stops[0]}, the second {turns.stops[1]}" if turns else f"{lag:.2f} s later"
    fought = Fought(duel.name, how)
    try:
        with bounded(), open_lab(2, (*OPERATORS, USER)) as lab:
            stage = Stage(lab)
            duel.begin(stage)
            lab.world.recorder.clear()
            _fight(stage, duel, fought, turns, lag)
    except Hangs as hangs:
        fought.problems.append(f"it hangs:\n{hangs.told}")
    fought.seconds = time.monotonic() - began
    return fought


def _fight(stage: Stage, duel: Duel, fought: Fought, turns: Turns | None, lag: float) -> None:
    lab, asked = stage.lab, frozenset({CANCEL})
    hands = [InTurns(lab, number, turns) for number in range(2)]
    fought.told = _at_once(duel.plays, hands, turns, lag)
    fought.reached = turns.reached if turns else []
    fought.problems += [problem for one, told in zip(hands, fought.told, strict=True) for problem in _said(one, told)]
    fought.laws += inexcusable(lab.world.recorder, asked, lab.world.recorder.calls)
    fought.down = sorted({RUNS} - alive(stage))
    fought.problems += _silently_down(fought)
    left = [told for _unused in range(REPEATS) if (told := _play(settle, Hands(lab)))]
    if len(left) == REPEATS or not moved(A, B)(stage):
        fought.problems.append(f"not to be settled: {left[-1:]} {stage.sides(A)} {stage.sides(B)}")
    fought.laws += broken(lab.world.recorder, asked, ())


def _at_once(plays: tuple[Play, Play], hands: list[InTurns], turns: Turns | None, lag: float) -> list[str]:
    """What each hand said at its end. Raises what was raised in one of them."""
    told, raised = ["", ""], list[BaseException]()

    def work(number: int) -> None:
        time.sleep(lag * number)
        try:
            told[number] = _play(plays[number], hands[number])
        except BaseException as error:
            raised.append(error)
        finally:
            if turns is not None:
                turns.end(number)

    both = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    for error in raised:
        raise error
    return told


def _said(hands: Hands, told: str) -> Iterator[str]:
    """A hand that says nothing of a VM, neither in its report nor in what stopped it. One that was refused before its
    first act says of all of them that nothing was changed.
    """
    if told.startswith("Nothing was changed.") and not hands.reports:
        return
    reported = {vm["name"] for vm in hands.reports[-1]["vms"]} if hands.reports else set()
    yield from (f"{name} is not in the report: {told}" for name in NAMES if name not in reported and name not in told)


def _silently_down(fought: Fought) -> Iterator[str]:
    """A VM that ran and does not, and no hand says so."""
    for name in fought.down:
        if not any(re.search(rf"(?m)^(.*; )?DOWN: {name}", words) for words in fought.told):
            yield f"{name} is DOWN, and nobody says so: {fought.told}"


def inexcusable(recorder: Recorder, asked: frozenset[str], calls: Iterable[Recorded]) -> list[str]:
    """The laws that calls broke, but for those whose hand could not know."""
    calls = list(calls)
    found = []
    for violation in recorder.violations:
        sentence = f"L1: {violation.vm} alive on {' and '.join(violation.hosts)}, by {violation.cause}"
        cause = next((call for call in reversed(calls) if _is_of(call, violation)), None)
        if cause is None or not could_not_know(sentence, cause, recorder.calls):
            found.append(sentence)
    for call in calls:
        own = broken(recorder, asked, [call])[len(recorder.violations) :]
        found += [sentence for sentence in own if not could_not_know(sentence, call, recorder.calls)]
    return found


def _is_of(call: Recorded, violation: Violation) -> bool:
    """Whether this call brought a VM up where it was up already."""
    return (
        call.at <= violation.at and violation.cause == f"{call.host}: {call.cmdlet}" and violation.vm_id in call.before
    )
