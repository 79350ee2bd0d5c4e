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

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import ErrorRecord


class ReplicaError(Exception):
    """Base of all errors of this package; `str()` is a sentence for the operator."""


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

    def __str__(self) -> str:
        return f"{self.cmdlet} gave an answer that is not as documented: {self.problem}"


@dataclass(eq=False)
class RemoteError(ReplicaError):
    """Windows refused or failed. `records` keeps its own words; `doing` says what was asked."""

    host: str
    doing: str
    records: tuple[ErrorRecord, ...] = field(default=())
    advice: str = ""

    def __str__(self) -> str:
        said = "; ".join(str(record) for record in self.records)
        return f"{self.host}: {self.doing} failed: {said}" + (f" {self.advice}" if self.advice else "")


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
