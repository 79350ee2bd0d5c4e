"""One fault in one workflow: the play is cut, run again until it is through, and once more, changing nothing.

Where a cut leaves a world like one from which the same play was gone on with before, the rest is known (alike.py).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.lab.faults import DROP_LATE, REFUSE
from tests.lab.lab import USER
from tests.lab.recorder import Recorded

from .alike import likeness
from .answers import Answers
from .bounded import Hangs, bounded
from .cut import Cut, Plant, Trace, drops, lies, odd_answers, planted, set_right, trace
from .hands import Hands, Stopped
from .laws import broken
from .stage import NAMES, Stage, open_lab
from .workflow import ANSWERS, LIES, Workflow

REPEATS = 4  # how often a play may be run again after one fault
DOWN = ("UNKNOWN", "DOWN", "GOING DOWN", "ON BOTH HOSTS")
"""What a report calls a VM that does not run as it should, first of all."""
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
    try:
        with bounded(), staged(workflow) as stage:
            with planted(stage.lab, cut) as plant:
                _play(stage, workflow, verdict, plant, known)
                verdict.struck = plant.struck()
            if cut is not None and cut.sure and not verdict.struck:
                verdict.problems.append(f"it never came to this, and a clean run does: {cut}")
            verdict.laws += broken(stage.world.recorder, workflow.asked, stage.world.recorder.calls)
    except Hangs as hangs:
        verdict.problems.append(f"it hangs:\n{hangs.told}")
    verdict.seconds = time.monotonic() - began
    return verdict


@contextmanager
def staged(workflow: Workflow, operators: Sequence[str] = (USER,)) -> Iterator[Stage]:
    """A lab in which the workflow may begin, with nothing recorded yet."""
    with open_lab(workflow.hosts, operators) as lab:
        stage = Stage(lab, apart=workflow.apart)
        workflow.begin(stage)
        lab.world.recorder.clear()
        lab.world.recorder.violations.clear()  # where both copies run, the stage has broken the first law itself
        for host, cmdlet in workflow.refused:
            lab.world.faults.add(REFUSE, host, cmdlet)
        yield stage


def _play(stage: Stage, workflow: Workflow, verdict: Verdict, plant: Plant, known: Known | None) -> None:
    """The first run, and all that come after it, as far as what comes of them is not known yet."""
    ran = alive(stage)
    if verdict.cut is None:
        with Answers(stage.lab) as answers:
            hands, failure = once(stage, workflow, Hands(stage.lab, answers))
        verdict.trace = trace(stage.world.recorder.calls, hands.sent, answers.seen)
    else:
        hands, failure = once(stage, workflow)
    if plant.struck():
        _first_run(stage, verdict, hands, failure, fallen(stage, workflow, ran))
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
            problems = list(look(stage, workflow, ran, plant))
            verdict.again += 1
            verdict.problems += problems
            if known is not None:
                known.update(dict.fromkeys(passed, tuple(problems)))
            break
        verdict.again += 1
        hands, failure = once(stage, workflow)
    else:
        verdict.problems.append(f"never through: {failure}")


def _first_run(stage: Stage, verdict: Verdict, hands: Hands, failure: str, down: set[str]) -> None:
    """What the run that was cut has to have done by itself: said what is down, and touched no host but its own."""
    cut = verdict.cut
    if cut is None or cut.kind != DROP_LATE:  # what lands late may take a VM down when the run is through
        verdict.problems += untold(stage, hands, down)
    if cut is not None and cut.lies:
        verdict.laws += [f"L11: {call}" for call in hands.strays]
        if failure and not OTHERS.search(failure):
            verdict.problems.append(f"it does not say who answered: {failure}")


def untold(stage: Stage, hands: Hands, down: set[str]) -> Iterator[str]:
    """VMs that are down and that the report, if there is one, does not call so, first of all."""
    if not (down and hands.reports):
        return
    report = hands.reports[-1]
    told = {vm["id"]: vm["result"] for vm in report["vms"]}
    missing = sorted(name for name in down if told.get(str(stage.ids[name])) not in DOWN)
    if missing or not report["lines"][0].startswith(tuple(f"{mark}:" for mark in DOWN)):
        yield "DOWN, and nobody says so: " + f"{', '.join(missing or sorted(down))}: " + "\n".join(report["lines"])


def look(stage: Stage, workflow: Workflow, ran: set[str], plant: Plant) -> Iterator[str]:
    """The play came through: the world has to be as it shall be, and stay so."""
    if not workflow.done(stage):
        yield f"goal not reached: {' '.join(str(stage.sides(host)) for host in stage.world.hosts)}"
    down = fallen(stage, workflow, ran)
    if down:
        yield f"DOWN, and nobody says so: {', '.join(sorted(down))}"
    plant.clear()
    yield from _repeat(stage, workflow)


def once(stage: Stage, workflow: Workflow, hands: Hands | None = None) -> tuple[Hands, str]:
    """Run the play; who played it, and what stopped it, or nothing. Raises RuntimeError when it leaves threads."""
    hands, before = hands or Hands(stage.lab), set(threading.enumerate())
    try:
        workflow.play(hands)
    except Stopped as stopped:
        return hands, str(stopped)
    finally:
        hosts = {host.name.lower() for host in stage.world.hosts.values()}
        left = [thread.name for thread in threading.enumerate() if thread.name in hosts and thread not in before]
        if left:
            raise RuntimeError(f"a run has ended, and its threads have not: {', '.join(left)}")
    return hands, ""


def _repeat(stage: Stage, workflow: Workflow) -> Iterator[str]:
    """The same play once more: nothing may be sent, nothing may be said to have changed."""
    before = len(stage.world.recorder.calls)
    hands, failure = once(stage, workflow)
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


def fallen(stage: Stage, workflow: Workflow, ran: set[str]) -> set[str]:
    """Those of the VMs that ran which do not any more, and are not meant to be off."""
    return {name for name in ran - alive(stage) if not workflow.rests(stage, name)}


def cuts(workflow: Workflow, clean: Verdict, everything: bool = True) -> Iterator[Cut]:
    """Every fault of the kind that the workflow is swept with; not `everything`: as much as a gate has time for."""
    if workflow.swept == LIES:
        return lies(clean.trace, everything)
    if workflow.swept == ANSWERS:
        return odd_answers(clean.trace, everything)
    since = next(iter(workflow.refused), None) if not everything else None
    found = drops(clean.trace, everything, workflow.in_full, since)
    return (cut for cut in found if everything or not workflow.cut_on or cut.host in workflow.cut_on)
