"""One fault in one workflow: the play is cut, run again until it is through, and once more, changing nothing.

Where a cut leaves a world like one from which the same play was gone on with before, the rest is known (alike.py).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

from tests.lab.faults import AFTER, BEFORE, DROP_AFTER, DROP_BEFORE, DROP_LATE
from tests.lab.lab import Lab
from tests.lab.recorder import Recorded

from .alike import likeness
from .hands import Hands, Stopped
from .laws import broken
from .stage import NAMES, Stage
from .workflows import Workflow

SPEED = 2000.0  # how fast the lab's clock goes: a guest that takes 20 s to shut down is off within a poll
REPEATS = 4  # how often a play may be run again after one fault
LATE = (2, 5)
"""When a late effect lands: in the middle of the next reading, and between it and the next act."""
OPERATIONS = ("Create", "Command", "Send", "Receive")


@dataclass(frozen=True)
class Cut:
    """One fault: of the nth call of a cmdlet on a host, or (kind before, after) of the nth operation of the wire."""

    kind: str
    host: str
    what: str
    nth: int
    lands_after: int = 1

    @property
    def on_the_wire(self) -> bool:
        """Whether an operation of the wire is cut, and not a cmdlet."""
        return self.kind in (BEFORE, AFTER)

    def __str__(self) -> str:
        late = f" (lands after {self.lands_after} more calls)" if self.kind == DROP_LATE else ""
        return f"{self.kind} of {self.what} number {self.nth} on {self.host}{late}"


@dataclass
class Verdict:
    """What came of one workflow with one cut (or none). `problems` is empty when all is well."""

    workflow: str
    cut: Cut | None
    struck: bool = True
    problems: list[str] = field(default_factory=list)
    laws: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, bool]] = field(default_factory=list)  # host, cmdlet, state-changing
    wire: dict[tuple[str, str], int] = field(default_factory=dict)
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
        stage = Stage(lab)
        workflow.begin(stage)
        lab.world.recorder.clear()
        lab.world.recorder.violations.clear()  # where both copies run, the stage has broken the first law itself
        struck = _plant(lab, cut)
        _play(stage, workflow, verdict, struck, known)
        verdict.struck = struck()
        verdict.laws = broken(lab.world.recorder, workflow.asked, lab.world.recorder.calls)
    verdict.seconds = time.monotonic() - began
    return verdict


def _plant(lab: Lab, cut: Cut | None) -> Callable[[], bool]:
    """Put the fault into the lab; the answer says later whether it ever struck."""
    if cut is None:
        return lambda: True
    if cut.on_the_wire:
        wire = lab.world.faults.add_wire(cut.what, cut.host, cut.nth, cut.kind)
        return lambda: wire.struck > 0
    late = {"lands_after": cut.lands_after} if cut.kind == DROP_LATE else {}
    rule = lab.world.faults.add(cut.kind, cut.host, cut.what, cut.nth, **late)
    return lambda: rule.struck > 0


def _play(stage: Stage, workflow: Workflow, verdict: Verdict, struck: Callable[[], bool], known: Known | None) -> None:
    """The first run, and all that come after it, as far as what comes of them is not known yet."""
    recorder = stage.world.recorder
    ran = alive(stage)
    failure = _once(stage, workflow)
    if not failure and not verdict.cut:
        verdict.calls = [(call.host, call.cmdlet, call.state_changing) for call in recorder.calls]
        verdict.wire = _operations(stage.lab)
    passed: list[Hashable] = []
    for _unused in range(REPEATS):
        if known is not None and struck() and (like := likeness(stage.world)) is not None:
            like = workflow.name, like, bool(failure)
            if like in known:
                verdict.problems += known[like]
                break
            passed.append(like)
        if not failure:
            _look(stage, workflow, verdict, ran)
            break
        verdict.again += 1
        failure = _once(stage, workflow)
    else:
        verdict.problems.append(f"never through: {failure}")
    if known is not None:
        known.update(dict.fromkeys(passed, tuple(verdict.problems)))


def _look(stage: Stage, workflow: Workflow, verdict: Verdict, ran: set[str]) -> None:
    """The play came through: the world has to be as it shall be, and stay so."""
    if not workflow.done(stage):
        verdict.problems.append(f"goal not reached: {stage.sides('hv-a')} {stage.sides('hv-b')}")
    if ran - alive(stage):
        verdict.problems.append(f"DOWN, and nobody says so: {', '.join(sorted(ran - alive(stage)))}")
    verdict.again += 1
    _repeat(stage, workflow, verdict)


def _once(stage: Stage, workflow: Workflow) -> str:
    """Run the play; what stopped it, or nothing."""
    try:
        workflow.play(Hands(stage.lab))
    except Stopped as stopped:
        return str(stopped)
    return ""


def _repeat(stage: Stage, workflow: Workflow, verdict: Verdict) -> None:
    """The same play once more: nothing may be sent, nothing may be said to have changed."""
    stage.world.faults.clear()
    before, hands = len(stage.world.recorder.calls), Hands(stage.lab)
    try:
        workflow.play(hands)
    except Stopped as stopped:
        verdict.problems.append(f"the repeat failed: {stopped}")
        return
    sent: list[Recorded] = [call for call in stage.world.recorder.calls[before:] if call.state_changing]
    if sent:
        verdict.problems.append(f"the repeat sent {', '.join(map(str, sent))}")
    if hands.changed:
        verdict.problems.append("the repeat says that it changed something")


def alive(stage: Stage) -> set[str]:
    """The VMs of the workflow that run somewhere."""
    hosts = stage.world.hosts.values()
    return {vm.name for host in hosts for vm in host.vms.values() if vm.alive and vm.name in NAMES}


def _operations(lab: Lab) -> dict[tuple[str, str], int]:
    counted: dict[tuple[str, str], int] = {}
    for endpoint in lab.endpoints:
        requests = endpoint.service.requests
        counted.update({(endpoint.host.name, name): requests[name] for name in OPERATIONS if requests.get(name)})
    return counted


def cuts(clean: Verdict) -> Iterator[Cut]:
    """Every remote call of a clean run, cut: what changes states in all ways, the rest before and after in turn."""
    seen: Counter[tuple[str, str]] = Counter()
    for host, cmdlet, state_changing in clean.calls:
        seen[host, cmdlet] += 1
        nth = seen[host, cmdlet]
        if state_changing:
            yield Cut(DROP_BEFORE, host, cmdlet, nth)
            yield Cut(DROP_AFTER, host, cmdlet, nth)
            yield from (Cut(DROP_LATE, host, cmdlet, nth, lands_after) for lands_after in LATE)
        else:
            yield Cut((DROP_BEFORE, DROP_AFTER)[nth % 2], host, cmdlet, nth)
    for (host, operation), count in clean.wire.items():
        yield from (Cut((BEFORE, AFTER)[nth % 2], host, operation, nth) for nth in range(1, count + 1))
