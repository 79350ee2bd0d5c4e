"""PowerShell values and records as the cmdlet handlers see and give them, whichever engine asks.

None, bool, int, str, list and dict (a Hashtable) stand for themselves. A Guid is `uuid.UUID`, a TimeSpan
`datetime.timedelta`. A DateTime is `datetime.datetime`: aware in UTC is Utc, aware otherwise Local, naive Unspecified.
This file imports nothing of the lab.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Enum:
    """A value of a .NET enum: full type name and member name (flags: `"Domain, Private"`)."""

    type: str
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Number:
    """A whole number with a stated width: `type` is Int64, UInt32 or UInt64. A plain int takes the width it needs."""

    type: str
    value: int


@dataclass
class Obj:
    """A .NET object: full type name, properties in order, and the text that it prints (and travels nested) as."""

    type: str
    properties: dict[str, Any] = field(default_factory=dict)
    text: str | None = None

    def __getitem__(self, name: str) -> Any:
        return self.properties[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The property, or `default`."""
        return self.properties.get(name, default)


@dataclass(frozen=True)
class Output:
    """An object for the pipeline; with `enumerate` a list goes down one by one."""

    value: Any
    enumerate: bool = False


@dataclass(frozen=True)
class Message:
    """A line of another stream: `stream` is warning, verbose, debug or information."""

    stream: str
    text: str


@dataclass(frozen=True)
class Progress:
    """A progress record; percent -1 is unknown."""

    activity: str
    status: str
    percent: int = -1


@dataclass(frozen=True)
class Continue:
    """ShouldContinue: what follows happens only after a yes. Nobody can answer in a remote session."""

    query: str
    caption: str


@dataclass(frozen=True)
class Error:
    """An error record. `id` is the part before the comma; the engine adds the class of the cmdlet."""

    message: str
    id: str
    category: str
    target: Any = None
    hresult: int | None = None
    terminating: bool = False
    exception: str | None = None


Record = Output | Message | Progress | Continue | Error


class Refusal(Exception):
    """Raised inside a handler or the world: becomes one Error record for the object that is being worked on."""

    def __init__(
        self,
        message: str,
        id: str,
        category: str,
        target: Any = None,
        *,
        hresult: int | None = None,
        terminating: bool = False,
    ) -> None:
        super().__init__(message)
        self.error = Error(message, id, category, target, hresult, terminating)
