"""What PowerShell sees in a value: its type, its text, its properties. Pure functions over the values of values.py."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..values import Enum, Number, Obj
from .signatures import table

CUSTOM = "System.Management.Automation.PSCustomObject"
JOB = "System.Management.Automation.Job"
INT32, INT64 = 2**31, 2**63


class Note(Obj):
    """A PSCustomObject: note properties, as Select-Object makes them. `type` is its first type name."""


class Sent(dict[Any, Any]):
    """A table that the client sent: a Hashtable in every respect but its type names."""


class Typed(list[Any]):
    """A list that is no plain array: its type names are its own."""

    def __init__(self, items: Iterable[Any], types: Iterable[str]) -> None:
        super().__init__(items)
        self.types = tuple(types)


@dataclass
class Noted:
    """A value with note properties beside it, as Select-Object -ExpandProperty -Property gives."""

    base: Any
    notes: dict[str, Any] = field(default_factory=dict)


def integer_type(number: int) -> str:
    """The narrowest of Int32, Int64 and UInt64 that holds the number."""
    if -INT32 <= number < INT32:
        return "System.Int32"
    return "System.Int64" if -INT64 <= number < INT64 else "System.UInt64"


_SIMPLE = {
    bool: "System.Boolean",
    str: "System.String",
    float: "System.Double",
    uuid.UUID: "System.Guid",
    datetime: "System.DateTime",
    timedelta: "System.TimeSpan",
    list: "System.Object[]",
    Typed: "System.Object[]",
    tuple: "System.Object[]",
    dict: "System.Collections.Hashtable",
    Sent: "System.Collections.Hashtable",
    Note: CUSTOM,
}


def is_live(value: Obj) -> bool:
    """Whether it is of a .NET class that a module brings; any other is a PSCustomObject with that type name."""
    return not isinstance(value, Note) and value.type in table().bases


def type_name(value: Any) -> str:
    """The full name of the value's .NET type. A null has none: System.Object."""
    known = _SIMPLE.get(type(value))
    if known:
        return known
    if isinstance(value, int):
        return integer_type(value)
    if isinstance(value, Number):
        return f"System.{value.type}"
    if isinstance(value, Enum):
        return value.type
    if isinstance(value, Noted):
        return type_name(value.base)
    if isinstance(value, Obj):
        return value.type if is_live(value) else CUSTOM
    return "System.Object"


def type_names(value: Obj) -> list[str]:
    """The hierarchy of type names, most derived first."""
    if not is_live(value):
        own = [] if value.type == CUSTOM else [value.type]
        # A CIM class is known by its bare name too, as in …CimInstance#root/standardcimv2/MSFT_NetFirewallRule.
        head, mark, tail = value.type.partition("#")
        if mark and "/" in tail:
            own.append(f"{head}#{tail.rpartition('/')[2]}")
        return [*own, CUSTOM, "System.Object"]
    names: list[str] = []
    seen: str | None = value.type
    while seen:
        names.append(seen)
        seen = table().bases.get(seen)
    return [*names, "System.Object"]


def short_type(value: Any) -> str:
    """The type's own name, as a category's target type shows it."""
    name = type_name(value).rpartition(".")[2]
    return "PSObject" if name == "PSCustomObject" else name


def span_text(span: timedelta) -> str:
    """A TimeSpan in its constant format: `1.02:03:04`, with seven digits of fraction where there is one."""
    sign, span = ("-", -span) if span < timedelta() else ("", span)
    minutes, seconds = divmod(span.seconds, 60)
    days = f"{span.days}." if span.days else ""
    fraction = f".{span.microseconds:06d}0" if span.microseconds else ""
    return f"{sign}{days}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{fraction}"


def _object_text(value: Obj) -> str:
    if value.text is not None:
        return value.text
    if not is_live(value):
        shown = (
            (name, "System.Object[]" if isinstance(each, list) else text(each))
            for name, each in value.properties.items()
        )
        return "@{" + "; ".join(f"{name}={each}" for name, each in shown) + "}"
    name, kind = value.get("Name"), value.type.rpartition(".")[2]
    if name is None:
        return value.type
    vm, vm_id, own_id = value.get("VMName"), value.get("VMId"), value.get("Id")
    if kind != "VirtualMachine" and vm is not None and vm_id is not None:
        return f"{kind} (Name = '{text(name)}', VMName = '{text(vm)}') [VMId = '{vm_id}']"
    return f"{kind} (Name = '{text(name)}')" + (f" [Id = '{text(own_id)}']" if own_id is not None else "")


def text(value: Any) -> str:
    """The value as PowerShell converts it to a String (invariant culture)."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Number):
        return str(value.value)
    if isinstance(value, timedelta):
        return span_text(value)
    if isinstance(value, datetime):
        return value.strftime("%m/%d/%Y %H:%M:%S")
    if isinstance(value, list | tuple):
        return " ".join(text(item) for item in value)
    if isinstance(value, dict):
        return "System.Collections.Hashtable"
    if isinstance(value, Obj):
        return _object_text(value)
    return text(value.base) if isinstance(value, Noted) else str(value)


def properties(value: Any) -> Mapping[str, Any]:
    """The value's properties in order."""
    if isinstance(value, Obj):
        return value.properties
    if isinstance(value, Noted):
        return {**properties(value.base), **value.notes}
    if isinstance(value, str):
        return {"Length": len(value)}
    if isinstance(value, list | tuple):
        return {"Count": len(value), "Length": len(value)}
    if isinstance(value, dict):
        return {"Count": len(value), "Keys": list(value), "Values": list(value.values())}
    if isinstance(value, timedelta):
        return _span_properties(value)
    if isinstance(value, datetime):
        names = ("Year", "Month", "Day", "Hour", "Minute", "Second")
        return {name: getattr(value, name.lower()) for name in names} | {"Ticks": _ticks(value)}
    return {}


def _ticks(value: datetime) -> int:
    since = value.replace(tzinfo=None) - datetime(1, 1, 1)
    return (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10


def _span_properties(span: timedelta) -> dict[str, Any]:
    seconds = span.total_seconds()
    whole = abs(span)
    sign = -1 if seconds < 0 else 1
    return {
        "Days": sign * whole.days,
        "Hours": sign * (whole.seconds // 3600),
        "Minutes": sign * (whole.seconds // 60 % 60),
        "Seconds": sign * (whole.seconds % 60),
        "TotalDays": seconds / 86_400,
        "TotalHours": seconds / 3600,
        "TotalMinutes": seconds / 60,
        "TotalSeconds": seconds,
        "Ticks": round(seconds * 10_000_000),
    }


def lookup(value: Any, name: str) -> tuple[str, Any] | None:
    """A property by its name without regard to case, with the name as the object spells it; None: it has none such."""
    if isinstance(value, dict):
        for key in value:
            if str(key).lower() == name.lower():
                return name, value[key]
    found = properties(value)
    if name in found:
        return name, found[name]
    lowered = name.lower()
    for one in found:
        if one.lower() == lowered:
            return one, found[one]
    return None


def enumerate_value(value: Any) -> Iterator[Any]:
    """The items of a list one by one, anything else as itself."""
    if isinstance(value, list | tuple):
        yield from value
    else:
        yield value


def plain(value: Any) -> Any:
    """A number without its stated width, and anything without notes: what comparisons look at."""
    if isinstance(value, Number):
        return value.value
    return plain(value.base) if isinstance(value, Noted) else value
