# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What can go wrong, as values: every error stores its facts and computes its sentence.

ReplicaError
├── OptionError        an option of the task is wrong; raised before anything is sent
├── UnsupportedConnection   the task's connection cannot carry cmdlets
├── UnexpectedOutput   an answer lacks what Microsoft documents for it
├── RemoteError        Windows refused or failed a cmdlet (holds the error record)
└── ConnectionLost     the connection ended while a pipeline was under way

This file imports nothing of the package but `session.ErrorRecord`'s type, and knows neither Ansible nor pypsrp.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import ErrorRecord


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
class UnsupportedConnection(ReplicaError):
    """The task runs over a connection (or with become) that the transport cannot serve."""

    problem: str
    advice: str

    def __str__(self) -> str:
        return f"{self.problem} {self.advice}"


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
    """The connection ended. `sent` is False when nothing can have reached the host, None when that is unknown.

    `answered`: the host said something all the same, as with a wrong password or certificate. It is not dead.
    """

    host: str
    problem: str
    sent: bool | None = None
    answered: bool = False

    def __str__(self) -> str:
        return f"{self.host}: the connection was lost: {self.problem}"


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
