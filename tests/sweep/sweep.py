"""One fault in one workflow: the play is cut, run again until it is through, and once more, changing nothing.

Where a cut leaves a world like one from which the same play was gone on with before, the rest is known (alike.py).
"""

from __future__ import annotations

import re
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from tests.lab.faults import DROP_LATE, REFUSE
from tests.lab.lab import Lab
from tests.lab.recorder import Recorded

from .alike import likeness
from .answers import Answers
from .cut import Cut, Plant, Trace, drops, lies, odd_answers, planted, set_right
from .hands import Hands, Stopped
from .laws import broken
from .stage import NAMES, Stage
from .workflow import ANSWERS, LIES, Workflow

SPEED = 2000.0  # how fast the lab's clock goes: a guest that takes 20 s to shut down is off within a poll
REPEATS = 4  # how often a play may be run again after one fault
OPERATIONS = ("Create", "Command", "Send", "Receive")
DOWN = re.compile(r"(?m)^(UNKNOWN|DOWN|GOING DOWN|ON BOTH HOSTS):")
OTHERS = re.compile(
    r"answer(s|ed) as |are one host|answered, and this is for|0x8033805B|ended the connection|no route to"
)
"""Words by which a run says that somebody else answered, or that the host that it spoke to is not there any more."""


@dataclass
class Verdict:
    """What came of one workflow with one cut (or none). `problems` is empty when all is well."""

    workflow: str
    cut: Cut | None
    struck: bool = True
    problems: list[str] = field(default_factory=list)
    laws: list[str] = field(default_factory=list)
    trace: Trace = field(default_factory=Trace)
    again: int = 0  # runs after the first one
    seconds: float = 0.0

    @property
    def recovered(self) -> bool:
        """Whether the goal was reached after the cut, no law was broken, and a repeat changed nothing."""
        return not self.problems and not self.laws


Known = dict[Hashable, tuple[str, ...]]
"""What came of going on from worlds with this likeness: the problems."""


def conduct(workflow: Workflow, cut: Cut | None = None, known: Known | None = None) -> Verdict:
    """Play the workflow with that cut. `known` grows with what came of it; without it everything is played out."""
    began, verdict = time.monotonic(), Verdict(workflow.name, cut)
    with Lab.start(hosts=workflow.hosts, vms=2 * workflow.hosts, speed=SPEED, certificates=False) as lab:
        stage = Stage(lab, apart=workflow.apart)
        workflow.begin(stage)
        lab.world.recorder.clear()
        lab.world.recorder.violations.clear()  # where both copies run, the stage has broken the first law itself
        for host, cmdlet in workflow.refused:
            lab.world.faults.add(REFUSE, host, cmdlet)
        with planted(lab, cut) as plant:
            _play(stage, workflow, verdict, plant, known)
            verdict.struck = plant.struck()
        verdict.laws += broken(lab.world.recorder, workflow.asked, lab.world.recorder.calls)
    verdict.seconds = time.monotonic() - began
    return verdict


def _play(stage: Stage, workflow: Workflow, verdict: Verdict, plant: Plant, known: Known | None) -> None:
    """The first run, and all that come after it, as far as what comes of them is not known yet."""
    ran = alive(stage)
    if verdict.cut is None:
        with Answers(stage.lab) as answers:
            hands, failure = _once(stage, workflow)
        verdict.trace = _trace(stage.lab, hands, answers)
    else:
        hands, failure = _once(stage, workflow)
    if plant.struck():
        _first_run(stage, verdict, hands, failure, ran - alive(stage))
    set_right(stage.lab)
    passed: list[Hashable] = []
    for _unused in range(REPEATS):
        if known is not None and plant.struck() and (like := likeness(stage.world)) is not None:
            like = workflow.name, like, bool(failure)
            if like in known:
                verdict.problems += known[like]
                break
            passed.append(like)
        if not failure:
            problems = list(_look(stage, workflow, verdict, ran, plant))
            verdict.problems += problems
            if known is not None:
                known.update(dict.fromkeys(passed, tuple(problems)))
            break
        verdict.again += 1
        hands, failure = _once(stage, workflow)
    else:
        verdict.problems.append(f"never through: {failure}")


def _first_run(stage: Stage, verdict: Verdict, hands: Hands, failure: str, down: set[str]) -> None:
    """What the run that was cut has to have done by itself: said what is down, and touched no host but its own."""
    cut = verdict.cut
    late = cut is not None and cut.kind == DROP_LATE
    if down and hands.reports and not late and not DOWN.search(told := "\n".join(hands.reports[-1]["lines"])):
        verdict.problems.append(f"DOWN, and nobody says so: {', '.join(sorted(down))}: {told}")
    if cut is not None and cut.lies:
        verdict.laws += [f"L11: {call}" for call in hands.strays]
        if failure and not OTHERS.search(failure):
            verdict.problems.append(f"it does not say who answered: {failure}")


def _look(stage: Stage, workflow: Workflow, verdict: Verdict, ran: set[str], plant: Plant) -> Iterator[str]:
    """The play came through: the world has to be as it shall be, and stay so."""
    if not workflow.done(stage):
        yield f"goal not reached: {' '.join(str(stage.sides(host)) for host in stage.world.hosts)}"
    if ran - alive(stage):
        yield f"DOWN, and nobody says so: {', '.join(sorted(ran - alive(stage)))}"
    verdict.again += 1
    plant.clear()
    yield from _repeat(stage, workflow)


def _once(stage: Stage, workflow: Workflow) -> tuple[Hands, str]:
    """Run the play; who played it, and what stopped it, or nothing."""
    hands = Hands(stage.lab)
    try:
        workflow.play(hands)
    except Stopped as stopped:
        return hands, str(stopped)
    return hands, ""


def _repeat(stage: Stage, workflow: Workflow) -> Iterator[str]:
    """The same play once more: nothing may be sent, nothing may be said to have changed."""
    before = len(stage.world.recorder.calls)
    hands, failure = _once(stage, workflow)
    if failure:
        yield f"the repeat failed: {failure}"
        return
    sent: list[Recorded] = [call for call in stage.world.recorder.calls[before:] if call.state_changing]
    if sent:
        yield f"the repeat sent {', '.join(map(str, sent))}"
    if hands.changed:
        yield "the repeat says that it changed something"


def alive(stage: Stage) -> set[str]:
    """The VMs of the workflow that run somewhere, by the names that they have on HV-A."""
    names = {stage.ids[name]: name for name in NAMES}
    hosts = stage.world.hosts.values()
    return {names[vm.id] for host in hosts for vm in host.vms.values() if vm.alive and vm.id in names}


def _trace(lab: Lab, hands: Hands, answers: Answers) -> Trace:
    wire: dict[tuple[str, str], int] = {}
    for endpoint in lab.endpoints:
        requests = endpoint.service.requests
        wire.update({(endpoint.host.name, name): requests[name] for name in OPERATIONS if requests.get(name)})
    calls = [(call.host, call.cmdlet, call.state_changing) for call in lab.world.recorder.calls]
    return Trace(calls, wire, answers.seen, hands.pipelines)


def cuts(workflow: Workflow, clean: Verdict, everything: bool = True) -> Iterator[Cut]:
    """Every fault of the kind that the workflow is swept with; not `everything`: as much as a gate has time for."""
    if workflow.swept == LIES:
        return lies(clean.trace)
    if workflow.swept == ANSWERS:
        return odd_answers(clean.trace)
    return drops(clean.trace, everything, next(iter(workflow.refused), None) if not everything else None)
