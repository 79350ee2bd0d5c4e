# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The one edge to a host: run a pipeline, get rows and error records back.

`Session` is what the runner needs. wire/psrp.py implements it over Ansible's connection, `FunctionSession` over a
function.
Rows hold plain Python values only: None, bool, int, str, list, dict. Enums are their names, Guids lower-case text,
dates ISO 8601 text as Windows sent them, spans ISO durations (values.py reads both).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from .errors import ReplicaError
from .pipeline import Pipeline


@dataclass(frozen=True)
class Row:
    """One object of the output. `type` is the .NET type name without `Selected.`; `text` is what it prints as."""

    type: str
    properties: dict[str, Any] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class ErrorRecord:
    """One PowerShell error: matched on `fq_error_id`, `category` (name) and `codes`, never on its localised message."""

    fq_error_id: str
    category: str
    message: str
    target: str = ""
    codes: tuple[str, ...] = ()  # 0x… codes found in the text, upper case digits, e.g. "0x00002EFD"

    @property
    def id(self) -> str:
        """The part of the FullyQualifiedErrorId before the comma: `InvalidState`, `OperationFailed` …"""
        return self.fq_error_id.partition(",")[0]

    @property
    def cmdlet_class(self) -> str:
        """The part after the comma, the name of the cmdlet's class or of the function."""
        return self.fq_error_id.partition(",")[2]

    @property
    def is_missing_command(self) -> bool:
        """True when the host has no such cmdlet: it does not know the name, or the module that the name says."""
        return self.id in ("CommandNotFoundException", "CouldNotAutoLoadModule")

    def __str__(self) -> str:
        return f"{self.message.strip()} [{self.fq_error_id}, {self.category}]"


@dataclass(frozen=True)
class Output:
    """Everything a pipeline answered. Rows and errors keep their own order; what stood beside what is not known."""

    rows: tuple[Row, ...] = ()
    errors: tuple[ErrorRecord, ...] = ()
    warnings: tuple[str, ...] = ()

    def of_type(self, type_name: str) -> tuple[Row, ...]:
        """Rows whose .NET type ends with `type_name` (`VMReplication`, or `MSFT_Volume` of a CIM class)."""
        return tuple(r for r in self.rows if short_type(r.type) == type_name)


def short_type(name: str) -> str:
    """The last part of a .NET type name, or of the class in the type name of a CIM instance."""
    return name.replace("/", ".").rpartition(".")[2]


class Session(Protocol):
    """A host that runs pipelines."""

    @property
    def host(self) -> str:
        """The inventory name of the host, for messages."""

    def run(self, pipeline: Pipeline) -> Output:
        """Run to the end. Raises ConnectionLost when the answer cannot be had; error records do not raise."""

    @property
    def broken(self) -> ReplicaError | None:
        """Why nothing more can be run over it; None while it can."""

    def close(self) -> None:
        """End it. Never raises."""


@dataclass
class FunctionSession:
    """A session over a function: `answer(pipeline) -> Output`. `sent` keeps every pipeline."""

    host: str
    answer: Callable[[Pipeline], Output]
    sent: list[Pipeline] = field(default_factory=list)

    def run(self, pipeline: Pipeline) -> Output:
        self.sent.append(pipeline)
        return self.answer(pipeline)

    broken: ReplicaError | None = None

    def close(self) -> None:
        """Nothing is open."""
