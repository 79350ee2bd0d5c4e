"""Faults by rule: which call of which cmdlet on which host fails, and how; and which operation of the wire.

A rule may also name a moment of a run at which something else happens: an entry that leads to another host, say.

Nothing here looks at the wall clock: a rule counts calls, and what is to land later lands between two later calls.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

DROP_BEFORE, DROP_AFTER, DROP_LATE = "drop_before", "drop_after", "drop_late"
REFUSE, DELAY, BUSY, HANG = "refuse", "delay", "busy", "hang"
KINDS = frozenset({DROP_BEFORE, DROP_AFTER, DROP_LATE, REFUSE, DELAY, BUSY, HANG})
OPERATIONS = frozenset({"Create", "Command", "Send", "Receive", "Signal", "Delete"})
BEFORE, AFTER = "before", "after"


class _Counts:
    """What counts the calls that fit a host and a cmdlet, and strikes at one of them."""

    host: str
    cmdlet: str
    nth: int
    seen: int
    struck: int

    def strikes(self, host: str, cmdlet: str) -> bool:
        """Count a call; whether it is the one."""
        if not (
            fnmatchcase(host.casefold(), self.host.casefold())
            and fnmatchcase(cmdlet.casefold(), self.cmdlet.casefold())
        ):
            return False
        self.seen += 1
        hit = self.nth in (0, self.seen)
        self.struck += hit
        return hit


@dataclass
class Fault(_Counts):
    """One rule: the `nth` call (from 1; 0: every call) that fits `host` and `cmdlet` (patterns with * and ?).

    drop_before  the client is cut off, the effect never happens
    drop_after   the effect happens, then the client is cut off
    drop_late    the client is cut off at once; the effect lands when `lands_after` more calls have been made (0: right
                 before the next call), whoever makes them: the real service goes on when its client is gone
    refuse       an error record of `id` and `category` instead of the effect
    delay        `seconds` of virtual time pass first
    busy         as refuse, with ObjectInUse
    hang         nothing happens, and no answer comes: the management service hangs, WinRM does not
    """

    kind: str
    host: str = "*"
    cmdlet: str = "*"
    nth: int = 1
    id: str = "OperationFailed"
    category: str = "NotSpecified"
    message: str = "The operation failed."
    hresult: int | None = None
    seconds: float = 0.0
    lands_after: int = 1
    seen: int = field(default=0, compare=False)
    struck: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}")


@dataclass
class Moment(_Counts):
    """A moment of a run: right after (or `before`) the `nth` call (0: every one) that fits `host` and `cmdlet`."""

    act: Callable[[], object]
    host: str = "*"
    cmdlet: str = "*"
    nth: int = 1
    before: bool = False
    seen: int = field(default=0, compare=False)
    struck: int = field(default=0, compare=False)


@dataclass
class WireFault:
    """One rule for the wire: the `nth` operation (Create, Command, Send, Receive, Signal, Delete; *: any) to a host.

    `when` is before (the request is lost) or after (it is served, its answer is lost).
    """

    operation: str = "*"
    host: str = "*"
    nth: int = 1
    when: str = BEFORE
    seen: int = field(default=0, compare=False)
    struck: int = field(default=0, compare=False)

    def strikes(self, host: str, operation: str) -> bool:
        """Count an operation; whether it is the one."""
        if self.operation not in ("*", operation) or not fnmatchcase(host.casefold(), self.host.casefold()):
            return False
        self.seen += 1
        hit = self.nth in (0, self.seen)
        self.struck += hit
        return hit


@dataclass
class Late:
    """An effect on its way: it lands when `countdown` more calls have been made."""

    countdown: int
    land: Callable[[], None]


class Faults:
    """The rules of a world, in order; the first that fits wins, but all of them count."""

    def __init__(self, seed: int = 0) -> None:
        self.dice = random.Random(seed)
        self.rules: list[Fault] = []
        self.wire_rules: list[WireFault] = []
        self.moments: list[Moment] = []
        self.late: list[Late] = []

    def add(self, kind: str, host: str = "*", cmdlet: str = "*", nth: int = 1, **facts: object) -> Fault:
        """Add a rule and give it back; its `struck` says later whether it was ever used."""
        rule = Fault(kind, host, cmdlet, nth, **facts)  # type: ignore[arg-type]
        self.rules.append(rule)
        return rule

    def add_wire(self, operation: str = "*", host: str = "*", nth: int = 1, when: str = BEFORE) -> WireFault:
        """Add a rule for the wire."""
        rule = WireFault(operation, host, nth, when)
        self.wire_rules.append(rule)
        return rule

    def at(
        self, act: Callable[[], object], host: str = "*", cmdlet: str = "*", nth: int = 1, *, before: bool = False
    ) -> Moment:
        """Do something at a moment of the run, outside the world's lock."""
        rule = Moment(act, host, cmdlet, nth, before)
        self.moments.append(rule)
        return rule

    def scatter(
        self, count: int, calls: int, kinds: tuple[str, ...] = (DROP_BEFORE, DROP_AFTER, DROP_LATE)
    ) -> list[Fault]:
        """Strew `count` rules over the first `calls` calls, by the seed."""
        chosen = self.dice.sample(range(1, calls + 1), count)
        return [self.add(self.dice.choice(kinds), nth=nth) for nth in sorted(chosen)]

    def clear(self) -> None:
        """Forget all rules; what is on its way still lands."""
        self.rules.clear()
        self.wire_rules.clear()
        self.moments.clear()

    def judge(self, host: str, cmdlet: str) -> Fault | None:
        """The rule that strikes this call, or None."""
        return next(iter([rule for rule in self.rules if rule.strikes(host, cmdlet)]), None)

    def due(self, host: str, cmdlet: str) -> list[Moment]:
        """The moments that this call brings."""
        return [rule for rule in self.moments if rule.strikes(host, cmdlet)]

    def wire(self, host: str, operation: str) -> str | None:
        """What the wire does to this operation: "before", "after" or None."""
        return next(iter([rule.when for rule in self.wire_rules if rule.strikes(host, operation)]), None)

    def postpone(self, after_calls: int, land: Callable[[], None]) -> None:
        """Let an effect land later."""
        self.late.append(Late(after_calls, land))

    def land(self, *, all_of_them: bool = False) -> None:
        """A call is about to be made: what has waited long enough lands before it. Tests may let everything land."""
        due = [one for one in self.late if all_of_them or one.countdown <= 0]
        self.late = [one for one in self.late if one not in due]
        for one in self.late:
            one.countdown -= 1
        for one in due:
            one.land()
