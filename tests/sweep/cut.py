"""What is done to a run: one call lost, one answer that is none, or an inventory that lies from a moment on.

Every remote call of a clean run has its turn: what changes states is lost before its effect, after it, and with the
effect landing late; every other call, and every operation of the wire, once. All of them are counted by host: two hosts
that are busy at once are so in another order each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.lab.faults import AFTER, BEFORE, DROP_AFTER, DROP_BEFORE, DROP_LATE
from tests.lab.lab import Lab, When
from tests.lab.recorder import Recorded

from .answers import ODD, Answers
from .hands import Sent
from .stage import A, B, C

OPERATIONS = ("Create", "Command", "Send", "Receive")
NEXT_CHANGE = 40
"""Calls after which an effect lands that waits for the next change, where there is none."""
LATE = (2, NEXT_CHANGE)
"""When a late effect lands: in the middle of the next reading, and right before the next call that changes anything,
which nothing is read before any more.
"""
CHANGING = (
    "Complete",
    "Disable",
    "Enable",
    "Import",
    "New",
    "Remove",
    "Reset",
    "Resume",
    "Set",
    "Start",
    "Stop",
    "Suspend",
)
"""Verbs of cmdlets that change something."""
LEAD, SWAP = "lead", "swap"
LIES = ((LEAD, A, C), (SWAP, A, B), (LEAD, B, C))
"""How an inventory lies: an entry that leads to a third host, or two that have changed places."""


@dataclass(frozen=True)
class Cut:
    """One fault: of the nth call of a cmdlet on a host (of the nth operation of the wire for before and after, of the
    nth answer for an odd one). Or a lie after the nth call of any cmdlet on the host `at`, `host` being the entry
    and `what` where it leads. sure: it strikes in every run, for the run cannot do without it.
    """

    kind: str
    host: str
    what: str
    nth: int
    lands_after: int = 1
    at: str = ""
    sure: bool = False

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
            return f"{self.kind} of {self.host} to {self.what} after call {self.nth} on {self.at}"
        when = "right before the next change" if self.lands_after == NEXT_CHANGE else f"{self.lands_after} calls later"
        late = f" (lands {when})" if self.kind == DROP_LATE else ""
        return f"{self.kind} of {self.what} number {self.nth} on {self.host}{late}"


@dataclass(frozen=True)
class Call:
    """A call of a clean run: the nth of its cmdlet on its host, and the `turn`-th of any."""

    host: str
    cmdlet: str
    nth: int
    turn: int
    state_changing: bool


@dataclass(frozen=True)
class Piece:
    """A pipeline of a clean run, with the operations of the wire and the answers of its host that were its own."""

    host: str
    calls: Sequence[Call]
    wire: Sequence[tuple[str, int]] = ()
    answers: Sequence[int] = ()

    @property
    def kind(self) -> tuple[str, ...]:
        """What is asked of whom."""
        return (self.host, *(call.cmdlet for call in self.calls))

    @property
    def state_changing(self) -> bool:
        """Whether it may change anything."""
        return any(call.state_changing for call in self.calls)


@dataclass(frozen=True)
class Trace:
    """The pipelines of a clean run in the order of their ends, and how many answers each host gave in all."""

    pieces: Sequence[Piece] = ()
    answers: Mapping[str, int] = field(default_factory=dict)

    @property
    def calls(self) -> list[Call]:
        """All calls, pipeline by pipeline."""
        return [call for piece in self.pieces for call in piece.calls]

    @property
    def wire(self) -> int:
        """How many operations of the wire there were."""
        return sum(len(piece.wire) for piece in self.pieces)

    @property
    def sample(self) -> list[Piece]:
        """Between two changes one pipeline of each kind, for nothing but time lies between those that are alike."""
        kept, seen = list[Piece](), set[tuple[str, ...]]()
        for piece in self.pieces:
            if piece.state_changing:
                seen.clear()
            if piece.state_changing or piece.kind not in seen:
                kept.append(piece)
            seen.add(piece.kind)
        return kept


def trace(calls: Sequence[Recorded], sent: Sequence[Sent], answers: Mapping[str, int]) -> Trace:
    """What a clean run did, from what the lab recorded and what its hands noted."""
    cmdlets, turns, found = Counter[tuple[str, str]](), Counter[str](), dict[int, Call]()
    for call in calls:
        cmdlets[call.host, call.cmdlet] += 1
        turns[call.host] += 1
        nth = cmdlets[call.host, call.cmdlet]
        found[call.number] = Call(call.host, call.cmdlet, nth, turns[call.host], call.state_changing)
    pieces = [
        Piece(
            one.host,
            [found[number] for number in one.calls],
            [(operation, nth) for operation, nth in one.wire if operation in OPERATIONS],
            one.answers,
        )
        for one in sent
    ]
    return Trace(pieces, answers)


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
        when = When(host=cut.at, nth=cut.nth)
        lie = lab.lead if cut.kind == LEAD else lab.swap
        moment = lie(cut.host, cut.what, when=when)
        return lambda: moment is not None and moment.struck > 0
    if cut.on_the_wire:
        wire = lab.world.faults.add_wire(cut.what, cut.host, cut.nth, cut.kind)
        return lambda: wire.struck > 0
    late = {"lands_after": cut.lands_after} if cut.kind == DROP_LATE else {}
    rule = lab.world.faults.add(cut.kind, cut.host, cut.what, cut.nth, **late)
    if cut.kind == DROP_LATE and cut.lands_after == NEXT_CHANGE:
        for verb in CHANGING:
            lab.world.faults.at(lambda: _land(lab), cmdlet=f"{verb}-*", nth=0, before=True)
    return lambda: rule.struck > 0


def _land(lab: Lab) -> None:
    """What is on its way lands."""
    with lab.world.lock:
        lab.world.faults.land(all_of_them=True)


def set_right(lab: Lab) -> None:
    """Every entry leads to its own host again."""
    for endpoint in lab.endpoints:
        if endpoint.gate.service is not endpoint.service:
            lab.lead(endpoint.host.name, endpoint.host.name)


def drops(
    clean: Trace, everything: bool = True, full: bool = True, since: tuple[str, str] | None = None
) -> Iterator[Cut]:
    """Every remote call, lost: what changes states in all ways, the rest before and after in turn.

    Unless `everything`, of a pipeline that only reads one cmdlet is lost, each in its turn: to the client it is one
    call. Unless `full`, only those of a sample, and before the first change each in one way, in turn. `since`: only
    from the first call of that cmdlet on, and not on the wire.
    """
    begun, changed = since is None, False
    for turn, piece in enumerate(clean.pieces if everything or full else clean.sample):
        changed = changed or piece.state_changing
        whole = everything or piece.state_changing
        calls = piece.calls if whole or not piece.calls else [piece.calls[turn % len(piece.calls)]]
        begun = begun or any((call.host, call.cmdlet) == since for call in calls)
        ways = [cut for call in calls for cut in _of_call(call)] if begun else []
        if since is None:
            ways += [Cut((BEFORE, AFTER)[nth % 2], piece.host, operation, nth) for operation, nth in piece.wire]
        yield from ways if changed or everything or full else ways[turn % len(ways) :][:1] if ways else ()


def _of_call(call: Call) -> Iterator[Cut]:
    if not call.state_changing:
        yield Cut((DROP_BEFORE, DROP_AFTER)[call.nth % 2], call.host, call.cmdlet, call.nth)
        return
    yield Cut(DROP_BEFORE, call.host, call.cmdlet, call.nth, sure=True)
    yield Cut(DROP_AFTER, call.host, call.cmdlet, call.nth, sure=True)
    yield from (Cut(DROP_LATE, call.host, call.cmdlet, call.nth, lands, sure=True) for lands in LATE)


def odd_answers(clean: Trace, everything: bool = True) -> Iterator[Cut]:
    """Every answer, as none that a client could read: of each kind in turn. Unless `everything`, those of a sample."""
    if everything:
        chosen = [(host, nth) for host, count in clean.answers.items() for nth in range(1, count + 1)]
    else:
        chosen = [(piece.host, nth) for piece in clean.sample for nth in piece.answers]
    yield from (Cut(ODD[nth % len(ODD)], host, "answer", nth) for host, nth in chosen)


def lies(clean: Trace, everything: bool = True) -> Iterator[Cut]:
    """An inventory that lies from the end of a pipeline on, in each way."""
    for piece in clean.pieces if everything else clean.sample:
        if piece.calls:
            last = piece.calls[-1]
            yield from (Cut(kind, host, to, last.turn, at=last.host) for kind, host, to in LIES)
