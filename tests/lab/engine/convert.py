"""Values to .NET types, as PowerShell's binder converts them. Raises NotConverted with PowerShell's own reason.

A converted value is what values.py says handlers get: Guid as uuid.UUID, an enum as Enum, a TimeSpan as timedelta.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from ..values import Enum, Obj
from .failures import NotConverted
from .objects import INT32, INT64, Note, plain, text, type_name, type_names
from .signatures import SWITCH, EnumType, table

ANY = ("System.Object", "System.Management.Automation.PSObject")
SIZES = {
    "System.Int32": (-INT32, INT32 - 1),
    "System.Int64": (-INT64, INT64 - 1),
    "System.UInt16": (0, 2**16 - 1),
    "System.UInt32": (0, 2**32 - 1),
    "System.UInt64": (0, 2**64 - 1),
}
TICKS = timedelta(microseconds=1) / 10
_GUID = re.compile(r"^[{(]?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{32})[)}]?$")
_SUFFIXED = re.compile(r"([-+]?[\d.]+)([kmgtp])b$", re.IGNORECASE)
_SPAN = re.compile(r"^\s*(-)?(?:(\d+)\.)?(\d+):(\d+)(?::(\d+)(?:\.(\d{1,7}))?)?\s*$")


def is_instance(value: Any, wanted: str) -> bool:
    """Whether the value needs no conversion: it is of that type already."""
    value = plain(value)
    if wanted in ANY:
        return True
    if isinstance(value, Obj):
        return any(table().is_a(name, wanted) for name in type_names(value)) and not isinstance(value, Note)
    return type_name(value) == wanted


def convert(value: Any, wanted: str, nullable: bool = False) -> Any:
    """The value as the (scalar) type. Raises NotConverted."""
    value = plain(value) if wanted not in ANY else value
    enum = table().enums.get(wanted)
    if wanted in ("System.Boolean", SWITCH):
        return _boolean(value, wanted, nullable)
    if value is None and wanted in ("System.String", *ANY):
        return "" if wanted == "System.String" else None
    if value is None and nullable:
        return None
    if is_instance(value, wanted):
        return value
    if isinstance(value, list) and (enum is None or nullable):
        raise NotConverted("Specified method is not supported.", cast=False)
    if enum is not None:
        return _enum(value, enum)
    if wanted in SIZES:
        return _integer(value, wanted)
    maker = _MAKERS.get(wanted)
    if maker is None:
        raise _no_conversion(value, wanted)
    return maker(value, wanted)


def _shown(value: Any, wanted: str, why: str) -> NotConverted:
    return NotConverted(f'Cannot convert value "{text(value)}" to type "{wanted}". Error: "{why}"')


def _no_conversion(value: Any, wanted: str) -> NotConverted:
    if value is None:
        return NotConverted(f'Cannot convert null to type "{wanted}".')
    if isinstance(value, dict):
        return NotConverted(
            f"Cannot create object of type \"{wanted}\". The property '{next(iter(value), '')}' was not found for the "
            f"'{wanted}' object. There is no settable property available."
        )
    secret = wanted == "System.Management.Automation.PSCredential"
    shown = "value" if secret else f'"{text(value)}" value'
    return NotConverted(f'Cannot convert the {shown} of type "{type_name(value)}" to type "{wanted}".')


def _boolean(value: Any, wanted: str, nullable: bool) -> bool | None:
    """Only Boolean and numbers are true or false to the binder: no text, no null."""
    if value is None and nullable:
        return None
    if isinstance(value, bool | int | float):
        return bool(value)
    raise NotConverted("", cast=False)


def _integer(value: Any, wanted: str) -> int:
    low, high = SIZES[wanted]
    if value is None:
        number = 0
    elif isinstance(value, bool | int):
        number = int(value)
    elif isinstance(value, float):
        number = round(value)
    elif isinstance(value, str):
        number = _number(value, wanted)
    else:
        raise _no_conversion(value, wanted)
    if not low <= number <= high:
        bare = wanted.rpartition(".")[2]
        article = "an" if bare.startswith("Int") else "a"
        raise _shown(value, wanted, f"Value was either too large or too small for {article} {bare}.")
    return number


def _number(value: str, wanted: str) -> int:
    stripped = value.strip()
    try:
        if stripped.lower().startswith("0x"):
            return int(stripped, 16)
        suffixed = _SUFFIXED.match(stripped)
        if suffixed:
            return round(float(suffixed[1]) * float(1024 ** (1 + "kmgtp".index(suffixed[2].lower()))))
        return round(float(stripped)) if stripped else 0
    except (ValueError, OverflowError):
        raise _shown(value, wanted, f"The input string '{value}' was not in a correct format.") from None


def _double(value: Any, wanted: str) -> float:
    if value is None:
        return 0.0
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, str):
        raise _no_conversion(value, wanted)
    try:
        return float(value) if value.strip() else 0.0
    except ValueError:
        raise _shown(value, wanted, f"The input string '{value}' was not in a correct format.") from None


def _guid(value: Any, wanted: str) -> uuid.UUID:
    if value is None:  # in a list; a single null never comes this far
        return uuid.UUID(int=0)
    found = _GUID.match(text(value).strip()) if isinstance(value, str | int | float) else None
    if found:
        return uuid.UUID(found[1])
    if isinstance(value, Obj | dict):
        raise _no_conversion(value, wanted)
    raise _shown(value, wanted, "Unrecognized Guid format.")


def _timespan(value: Any, wanted: str) -> timedelta:
    if isinstance(value, int) and not isinstance(value, bool):
        return timedelta(microseconds=value / 10)
    if isinstance(value, str):
        if re.fullmatch(r"\s*-?\d+\s*", value):
            return timedelta(days=int(value))
        found = _SPAN.match(value)
        if found and int(found[3]) < 24 and int(found[4]) < 60 and int(found[5] or 0) < 60:
            return _span(found)
        raise _shown(value, wanted, f"String '{value}' was not recognized as a valid TimeSpan.")
    raise _no_conversion(value, wanted)


def _span(found: re.Match[str]) -> timedelta:
    sign, days, hours, minutes, seconds, fraction = found.groups()
    span = timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds or 0),
        microseconds=int((fraction or "0").ljust(7, "0")[:6]),
    )
    return -span if sign else span


_DATE_FORMS = ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y")


def _datetime(value: Any, wanted: str) -> datetime:
    """With an offset or `Z` it becomes the host's local time (the lab's hosts live in UTC); without, Unspecified."""
    if isinstance(value, int) and not isinstance(value, bool):
        return datetime(1, 1, 1) + timedelta(microseconds=value // 10)
    if not isinstance(value, str):
        raise _no_conversion(value, wanted)
    candidate = value.strip().replace("Z", "+00:00")
    candidate = re.sub(r"\.(\d+)", lambda found: "." + found[1][:6].ljust(6, "0"), candidate)
    for parse in (datetime.fromisoformat, *(_parser(form) for form in _DATE_FORMS)):
        try:
            when = parse(candidate)
        except ValueError:
            continue
        return when if when.tzinfo is None else when.astimezone(LOCAL)
    raise _shown(
        value,
        wanted,
        f"The string '{value}' was not recognized as a valid DateTime. There is an unknown word starting at index '0'.",
    )


def _parser(form: str) -> Callable[[str], datetime]:
    return lambda candidate: datetime.strptime(candidate, form)


LOCAL = timezone(timedelta(), "Local")
"""The time zone of every host: equal to UTC, but a DateTime in it is Local."""


def _enum(value: Any, enum: EnumType) -> Enum:
    if isinstance(value, list):
        if not enum.flags and len(value) > 1:
            raise _invalid_enum(value, enum)
        value = ", ".join(text(item) for item in value)
    if isinstance(value, str) and not re.fullmatch(r"\s*[-+]?\d+\s*", value):
        return _enum_by_name(value, enum)
    if value is None:
        raise _invalid_enum(value, enum)
    if isinstance(value, bool):
        raise _shown(value, enum.name, f"Invalid cast from 'System.Boolean' to '{enum.name}'.")
    if not isinstance(value, int | str | float):
        raise _no_conversion(value, enum.name)
    return _enum_by_number(int(value), value, enum)


def _invalid_enum(value: Any, enum: EnumType) -> NotConverted:
    names = ",".join(_in_order(enum))
    shown = "null" if value is None else f'value "{text(value)}"'
    return NotConverted(
        f'Cannot convert {shown} to type "{enum.name}" due to enumeration values that are not valid. '
        f'Specify one of the following enumeration values and try again. The possible enumeration values are "{names}".'
    )


def _in_order(enum: EnumType) -> list[str]:
    return sorted(enum.values, key=lambda name: enum.values[name])


def _enum_by_name(value: str, enum: EnumType) -> Enum:
    parts = [part.strip() for part in value.split(",")]
    names = [_member(part, enum) for part in parts]
    number = 0
    for name in names:
        number |= enum.values[name]
    return _enum_by_number(number, value, enum) if len(names) > 1 else Enum(enum.name, names[0])


def _member(part: str, enum: EnumType) -> str:
    """The member that the text names or unambiguously begins, without regard to case."""
    lowered = part.lower()
    exact = [name for name in enum.values if name.lower() == lowered]
    begins = exact or [name for name in enum.values if name.lower().startswith(lowered)]
    if len(begins) == 1:
        return begins[0]
    names = ", ".join(_in_order(enum))
    if begins:
        raise _shown(
            part,
            enum.name,
            f"The identifier name {part} cannot be processed because it is either too similar or identical to the "
            f"following enumerator names: {', '.join(begins)}. Use a more specific identifier name.",
        )
    raise _shown(
        part,
        enum.name,
        f"Unable to match the identifier name {part} to a valid enumerator name. "
        f"Specify one of the following enumerator names and try again:\n{names}",
    )


def _enum_by_number(number: int, value: Any, enum: EnumType) -> Enum:
    for name, each in enum.values.items():
        if each == number:
            return Enum(enum.name, name)
    if enum.flags:
        names = [
            name for name in _in_order(enum) if enum.values[name] and enum.values[name] & number == enum.values[name]
        ]
        covered = 0
        for name in names:
            covered |= enum.values[name]
        if names and covered == number:
            return Enum(enum.name, ", ".join(names))
    raise _invalid_enum(value, enum)


def _string(value: Any, wanted: str) -> str:
    return text(value)


def _character(value: Any, wanted: str) -> str:
    if isinstance(value, str) and len(value) == 1:
        return value
    if isinstance(value, int) and 0 <= value < 2**16:
        return chr(value)
    raise _shown(value, wanted, "String must be exactly one character long.")


def _strings(value: Any, wanted: str) -> list[str]:
    raise _no_conversion(value, wanted)


_MAKERS: dict[str, Callable[[Any, str], Any]] = {
    "System.String": _string,
    "System.Guid": _guid,
    "System.TimeSpan": _timespan,
    "System.DateTime": _datetime,
    "System.Double": _double,
    "System.Char": _character,
    "System.Management.Automation.WildcardPattern": _string,
}
