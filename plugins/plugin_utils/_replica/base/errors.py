# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What can go wrong, as values: every error stores its facts and computes its sentence.

ReplicaError
├── OptionError        an option of the task is wrong; raised before anything is sent
├── UnsupportedConnection   the task's connection cannot carry cmdlets
├── UnexpectedOutput   an answer lacks what Microsoft documents for it
├── RemoteError        Windows refused or failed a cmdlet (holds the error record)
├── ConnectionLost     the host could not be reached, or the connection ended while a pipeline was under way
├── UnreadableAnswer   the host answered what cannot be read
└── OutOfTime          the time limit of the task ended it

This file imports nothing of the package but `session.ErrorRecord`'s type, and knows neither Ansible nor pypsrp.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import ErrorRecord

OF_AN_ANSWER = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What our own functions raise over an answer that is not as documented. It is an error of that host."""


class ReplicaError(Exception):
    """Base of all errors of this package; `str()` is a sentence for the operator."""

    host: str

    def name_host(self, host: str) -> None:
        """Say which host it is about, where whoever raised it could not know: its `host` is empty then."""
        if getattr(self, "host", None) == "":
            self.host = host


@dataclass(eq=False)
class OptionError(ReplicaError):
    """An option that cannot be used as it was given. `advice` says what to do instead."""

    option: str
    problem: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.option}: {self.problem}" + (f" {self.advice}" if self.advice else "")


@dataclass(eq=False)
class PlanError(ReplicaError):
    """No plan can be made: what was asked cannot be meant, or what it rests on could not be read."""

    problem: str

    def __str__(self) -> str:
        return self.problem


@dataclass(eq=False)
class UnsupportedConnection(ReplicaError):
    """The task runs over a connection (or with become) that the transport cannot serve: nothing was sent."""

    problem: str
    advice: str
    answered: bool = False
    machine_up: bool | None = None

    def __str__(self) -> str:
        return f"{self.problem} {self.advice}".strip()


@dataclass(eq=False)
class UnexpectedOutput(ReplicaError):
    """A row without a property that the documentation promises, or of an unknown kind."""

    cmdlet: str
    problem: str
    host: str = ""

    def __str__(self) -> str:
        where = f"{self.host}: " if self.host else ""
        return f"{where}{self.cmdlet} gave an answer that is not as documented: {self.problem}"


@dataclass(eq=False)
class RemoteError(ReplicaError):
    """Windows refused or failed. `records` keeps its own words; `doing` says what was asked.

    `host` is "" where the answer did not even say who answered: `name_host` fills in whom was asked.
    """

    host: str
    doing: str
    records: tuple[ErrorRecord, ...] = field(default=())
    advice: str = ""

    def __str__(self) -> str:
        told = f"{self.host}: {self.doing} failed: {said(self.records)}"
        return told + (f" {self.advice}" if self.advice else "")


@dataclass(eq=False)
class ConnectionLost(ReplicaError):
    """The host could not be reached, or not any more. `sent` is False when nothing can have reached it, None: unknown.

    `answered`: the host said something all the same, as with a wrong password or certificate. It is not dead.
    `machine_up`: its machine accepted or refused the connection (True), gave no sign (False), or that cannot be known
    (None: nothing was tried, or it is a proxy that would have done so). `sentence` says it all where it is given, with
    what to look at. `again`: the same task may be run again as it is; False where something is to be mended first.
    """

    host: str
    problem: str
    sent: bool | None = None
    answered: bool = False
    machine_up: bool | None = None
    sentence: str = ""
    again: bool = True

    def __str__(self) -> str:
        return self.sentence or f"{self.host}: the connection was lost: {self.problem}"


def said(records: Iterable[ErrorRecord]) -> str:
    """What Windows said, each sentence once: a host that refuses or fails says the same to every cmdlet."""
    by_text: dict[str, list[ErrorRecord]] = {}
    for record in records:
        by_text.setdefault(record.message.strip(), []).append(record)
    told = []
    for same in by_text.values():
        others = len({record.cmdlet_class for record in same}) - 1
        told.append(f"{same[0]}" + (f", and {others} other cmdlet(s) alike" if others else ""))
    return "; ".join(told)


@dataclass(eq=False)
class UnreadableAnswer(ReplicaError):
    """The host answered, and what it said could not be read, or not be used: a limit, a number that is none."""

    host: str
    problem: str

    def __str__(self) -> str:
        return f"{self.host}: its answer cannot be read: {self.problem}"


@dataclass(eq=False)
class OutOfTime(ReplicaError):
    """The time limit of the task (`timeout`) ended it."""

    host: str

    def __str__(self) -> str:
        return f"{self.host}: the time limit of the task (timeout) ended it"


def signs(error: ReplicaError) -> dict[str, bool | None]:
    """What a failed contact shows of the machine, as it stands in results; empty for what is no failed contact.

    Two keys: host_answered (something at that address spoke) and machine_up (True, False, or None: not known).
    """
    if isinstance(error, (ConnectionLost, UnsupportedConnection)):
        return {"host_answered": error.answered, "machine_up": error.machine_up}
    if isinstance(error, UnreadableAnswer):
        return {"host_answered": True, "machine_up": True}
    return {}


def fault_of(host: str, error: BaseException) -> UnreadableAnswer:
    """The error of a host over whose answer our own functions failed: what was raised, and where."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = ""
    if place is not None:
        where = f" in {place.tb_frame.f_code.co_filename.rpartition('/')[2]}, line {place.tb_lineno}"
    return UnreadableAnswer(host, f"{type(error).__name__}{where}: {short(error)}")


def short(error: object, most: int = 200) -> str:
    """What an error says, in one line of plain characters."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(error)[: 20 * most]).split()).rstrip(".")
    if isinstance(error, BaseException):
        text = text or type(error).__name__
    return text if len(text) <= most else f"{text[:most]}…"
