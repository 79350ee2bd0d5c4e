"""What is done to a run: one call lost, one answer that is none, or an inventory that lies from a moment on.

Every remote call of a clean run has its turn: what changes states is lost before its effect, after it, and with the
effect landing late; every other call, and every operation of the wire, once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from tests.lab.faults import AFTER, BEFORE, DROP_AFTER, DROP_BEFORE, DROP_LATE
from tests.lab.lab import Lab, When

from .answers import ODD, Answers
from .stage import A, B, C

LATE = (2, 5)
"""When a late effect lands: in the middle of the next reading, and between it and the next act."""
LEAD, SWAP = "lead", "swap"
LIES = ((LEAD, A, C), (SWAP, A, B), (LEAD, B, C))
"""How an inventory lies: an entry that leads to a third host, or two that have changed places."""


@dataclass(frozen=True)
class Cut:
    """One fault: of the nth call of a cmdlet on a host (of the nth operation of the wire for before and after, of the
    nth answer for an odd one); or a lie after the nth call of all, `host` being the entry and `what` where it leads.
    """

    kind: str
    host: str
    what: str
    nth: int
    lands_after: int = 1

    @property
    def on_the_wire(self) -> bool:
        """Whether an operation of the wire is cut, and not a cmdlet."""
        return self.kind in (BEFORE, AFTER)

    @property
    def lies(self) -> bool:
        """Whether the inventory lies from then on."""
        return self.kind in (LEAD, SWAP)

    def __str__(self) -> str:
        if self.lies:
            return f"{self.kind} of {self.host} to {self.what} after call {self.nth}"
        late = f" (lands after {self.lands_after} more calls)" if self.kind == DROP_LATE else ""
        return f"{self.kind} of {self.what} number {self.nth} on {self.host}{late}"


@dataclass
class Trace:
    """The remote calls of a clean run: cmdlets (host, name, whether it changes states), operations of the wire and
    answers by host, and how many calls there were at the end of each pipeline.
    """

    calls: Sequence[tuple[str, str, bool]] = ()
    wire: Mapping[tuple[str, str], int] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)
    pipelines: Sequence[int] = ()


@dataclass(frozen=True)
class Plant:
    """A fault in its place: whether it ever struck, and how to take it away."""

    struck: Callable[[], bool]
    clear: Callable[[], None]


@contextmanager
def planted(lab: Lab, cut: Cut | None) -> Iterator[Plant]:
    """The fault is in the lab, or between it and the client."""
    if cut is not None and cut.kind in ODD:
        with Answers(lab, cut.host, cut.nth, cut.kind) as answers:
            yield Plant(lambda: answers.struck, answers.stop)
    else:
        yield Plant(_rule(lab, cut), lab.world.faults.clear)


def _rule(lab: Lab, cut: Cut | None) -> Callable[[], bool]:
    if cut is None:
        return lambda: True
    if cut.lies:
        when = When(nth=cut.nth)
        lie = lab.lead if cut.kind == LEAD else lab.swap
        moment = lie(cut.host, cut.what, when=when)
        return lambda: moment is not None and moment.struck > 0
    if cut.on_the_wire:
        wire = lab.world.faults.add_wire(cut.what, cut.host, cut.nth, cut.kind)
        return lambda: wire.struck > 0
    late = {"lands_after": cut.lands_after} if cut.kind == DROP_LATE else {}
    rule = lab.world.faults.add(cut.kind, cut.host, cut.what, cut.nth, **late)
    return lambda: rule.struck > 0


def set_right(lab: Lab) -> None:
    """Every entry leads to its own host again."""
    for endpoint in lab.endpoints:
        if endpoint.gate.service is not endpoint.service:
            lab.lead(endpoint.host.name, endpoint.host.name)


def drops(clean: Trace, everything: bool = True, since: tuple[str, str] | None = None) -> Iterator[Cut]:
    """Every remote call, lost: what changes states in all ways, the rest before and after in turn.

    Else of a pipeline that only reads one cmdlet is lost, each in its turn: to the client it is one call. `since`: only
    from the first call of that cmdlet on, and not on the wire.
    """
    seen: Counter[tuple[str, str]] = Counter()
    chosen = range(len(clean.calls)) if everything else frozenset(_one_of_each(clean))
    begun = since is None
    for number, (host, cmdlet, state_changing) in enumerate(clean.calls):
        seen[host, cmdlet] += 1
        nth = seen[host, cmdlet]
        begun = begun or since == (host, cmdlet)
        if not begun or number not in chosen:
            continue
        if state_changing:
            yield Cut(DROP_BEFORE, host, cmdlet, nth)
            yield Cut(DROP_AFTER, host, cmdlet, nth)
            yield from (Cut(DROP_LATE, host, cmdlet, nth, lands_after) for lands_after in LATE)
        else:
            yield Cut((DROP_BEFORE, DROP_AFTER)[nth % 2], host, cmdlet, nth)
    for (host, operation), count in clean.wire.items() if since is None else ():
        yield from (Cut((BEFORE, AFTER)[nth % 2], host, operation, nth) for nth in range(1, count + 1))


def _one_of_each(clean: Trace) -> Iterator[int]:
    """The numbers of the calls of pipelines that change something, and of one call of each of the others."""
    for turn, (first, end) in enumerate(pairwise([0, *clean.pipelines])):
        numbers = range(first, end)
        changing = any(clean.calls[number][2] for number in numbers)
        yield from numbers if changing or not numbers else [numbers[turn % len(numbers)]]


def odd_answers(clean: Trace) -> Iterator[Cut]:
    """Every answer, as none that a client could read: of each kind in turn."""
    for host, count in clean.answers.items():
        yield from (Cut(ODD[nth % len(ODD)], host, "answer", nth) for nth in range(1, count + 1))


def lies(clean: Trace) -> Iterator[Cut]:
    """An inventory that lies from the end of a pipeline on, in each way, and from the very beginning."""
    for nth in clean.pipelines:
        yield from (Cut(kind, host, to, nth) for kind, host, to in LIES)
