"""Values and records as the stub cmdlets of the real PowerShell write them in JSON, both ways. Pure.

A Guid is {"$guid": …}, a TimeSpan {"$timespan": "1.02:03:04"}, and so on; a plain object on the way in is a Hashtable.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from ..values import Continue, Enum, Error, Message, Number, Obj, Output, Progress, Record

Json = Any


def from_json(value: Json) -> Any:
    """A parameter's value. Raises ValueError for a marker that is not known."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$type" in value:
        properties = {name: from_json(item) for name, item in value.items() if name not in ("$type", "$text")}
        return Obj(value["$type"], properties, value.get("$text"))
    if "$enum" in value:
        return Enum(value["$enum"], value["value"])
    if "$guid" in value:
        return uuid.UUID(value["$guid"])
    if "$timespan" in value:
        return timespan_from(value["$timespan"])
    if "$datetime" in value:
        return datetime_from(value["$datetime"], value.get("kind", ""))
    if "$credential" in value:
        return Obj("System.Management.Automation.PSCredential")
    unknown = [name for name in value if name.startswith("$")]
    if unknown:
        raise ValueError(f"a value with the marker {unknown[0]} is not known")
    return {name: from_json(item) for name, item in value.items()}


def to_json(value: Any) -> Json:
    """A value that a handler gives. Raises ValueError for a Python type that stands for nothing in PowerShell."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {"$hashtable": {name: to_json(item) for name, item in value.items()}}
    if isinstance(value, Enum):
        return {"$enum": value.type, "value": value.name}
    if isinstance(value, Number):
        return {f"${value.type.lower()}": value.value}
    if isinstance(value, Obj):
        text = {} if value.text is None else {"$text": value.text}
        return {"$type": value.type, **text, **{name: to_json(item) for name, item in value.properties.items()}}
    if isinstance(value, uuid.UUID):
        return {"$guid": str(value)}
    if isinstance(value, timedelta):
        return {"$timespan": timespan_text(value)}
    if isinstance(value, datetime):
        return {"$datetime": datetime_text(value)}
    raise ValueError(f"a {type(value).__name__} stands for no PowerShell value")


def record_to_json(record: Record) -> Json:
    """One record of a handler's answer."""
    if isinstance(record, Output):
        return {"object": to_json(record.value), **({"enumerate": True} if record.enumerate else {})}
    if isinstance(record, Message):
        return {record.stream: record.text}
    if isinstance(record, Progress):
        return {"progress": {"activity": record.activity, "status": record.status, "percent": record.percent}}
    if isinstance(record, Continue):
        return {"continue": {"query": record.query, "caption": record.caption}}
    return {"error": _error(record)}


def _error(error: Error) -> Json:
    answer: dict[str, Json] = {"message": error.message, "id": error.id, "category": error.category}
    if error.target is not None:
        answer["target"] = to_json(error.target)
    if error.hresult is not None:
        answer["hresult"] = error.hresult
    if error.terminating:
        answer["terminating"] = True
    if error.exception is not None:
        answer["exception"] = error.exception
    return answer


_SPAN = re.compile(r"^(-)?(?:(\d+)\.)?(\d+):(\d+):(\d+)(?:\.(\d+))?$")


def timespan_from(text: str) -> timedelta:
    """`1.02:03:04.5000000`, as TimeSpan prints."""
    found = _SPAN.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no TimeSpan")
    sign, days, hours, minutes, seconds, fraction = found.groups()
    span = timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int((fraction or "0").ljust(7, "0")[:6]),
    )
    return -span if sign else span


def timespan_text(span: timedelta) -> str:
    """The constant format ("c") of a TimeSpan."""
    sign, span = ("-", -span) if span < timedelta() else ("", span)
    minutes, seconds = divmod(span.seconds, 60)
    fraction = f".{span.microseconds:06d}0" if span.microseconds else ""
    days = f"{span.days}." if span.days else ""
    return f"{sign}{days}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{fraction}"


def datetime_from(text: str, kind: str) -> datetime:
    """ISO 8601 with up to seven digits of fraction; `kind` says what a text without an offset is."""
    text = re.sub(r"(\.\d{6})\d+", r"\1", re.sub(r"\.(\d{1,5})(?=\D|$)", lambda m: "." + m[1].ljust(6, "0"), text))
    when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if kind == "Utc":
        return when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when.astimezone(timezone.utc)
    return when.astimezone() if kind == "Local" and when.tzinfo is None else when


def datetime_text(when: datetime) -> str:
    """ISO 8601: `Z` is Utc, an offset Local, neither Unspecified (values.py)."""
    if when.tzinfo is timezone.utc:
        return when.replace(tzinfo=None).isoformat() + "Z"
    return when.isoformat()
