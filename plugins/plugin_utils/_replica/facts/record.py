# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Rows of answers as records of results: which property becomes which key, and how its value reads.

Knows no cmdlet and no kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..base.errors import UnexpectedOutput
from ..base.session import Row
from ..base.values import seconds, time_text, timespan
from .clock import Clock

Read = Callable[[Any, Clock], Any]


def as_is(value: Any, clock: Clock) -> Any:
    """The value as Windows gave it; null stays null."""
    return value


def in_utc(value: Any, clock: Clock) -> str | None:
    """A time, as ISO 8601 text in UTC."""
    return time_text(clock.moment(value))


def age(value: Any, clock: Clock) -> int | None:
    """A time, as its age in seconds."""
    return clock.age(value)


def in_seconds(value: Any, clock: Clock) -> float | None:
    """A TimeSpan, as seconds."""
    return seconds(value)


def lower(value: Any, clock: Clock) -> str | None:
    """The name of an enum as the options of our modules spell it."""
    return None if value is None else str(value).lower()


def time_of_day(value: Any, clock: Clock) -> str | None:
    """A TimeSpan since midnight, as `18:30:00`."""
    since = seconds(value)
    return None if since is None else timespan(since)


def as_list(value: Any, clock: Clock) -> list[Any]:
    """An array; null, and a lone value that lost its array on the way, become lists."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


@dataclass(frozen=True)
class Column:
    """One key of a record: the property that it comes from, and how the value reads."""

    key: str
    property: str
    read: Read = as_is


def properties(columns: Iterable[Column]) -> tuple[str, ...]:
    """The properties to ask for, each once, in order."""
    return tuple(dict.fromkeys(column.property for column in columns))


def record(row: Row, columns: Iterable[Column], clock: Clock, cmdlet: str) -> dict[str, Any]:
    """One row as a record. Raises UnexpectedOutput for a property that is missing or reads as nothing documented."""
    have = row.properties
    result: dict[str, Any] = {}
    for column in columns:
        try:
            result[column.key] = column.read(have[column.property], clock)
        except KeyError:
            raise UnexpectedOutput(cmdlet, f"an object of {row.type} without {column.property}.") from None
        except ValueError as error:
            raise UnexpectedOutput(cmdlet, f"{column.property}: {error}") from error
    return result


def vm_id(row: Row, cmdlet: str, name: str = "VMId") -> str:
    """The id of the VM that the row belongs to. Raises UnexpectedOutput when the row has none."""
    value = row.properties.get(name)
    if not value:
        raise UnexpectedOutput(cmdlet, f"an object of {row.type} without {name}.")
    return str(value).lower()
