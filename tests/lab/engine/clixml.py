"""Values to CLIXML text, as PowerShell's remoting serializer writes them (MS-PSRP 2.2.5).

Written directly: a thousand objects of twenty properties take a fraction of what an element tree takes. A live object
is written to depth 1: its properties by value, what is nested in them as text. A PSCustomObject takes no depth.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from ..values import Enum, Number, Obj
from .objects import Noted, Sent, Typed, integer_type, is_live, text, type_names
from .signatures import table

_TAGS = {"System.Int32": "I32", "System.Int64": "I64", "System.UInt32": "U32", "System.UInt64": "U64"}
# Control characters, halves of surrogate pairs (as UTF-16 has them) and what looks like an escape already.
_ESCAPE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\U00010000-\U0010ffff]|_(?=[xX])|[&<>]|[\ufffe\uffff]")
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "_": "_x005F_"}
ARRAY = ("System.Object[]", "System.Array", "System.Object")
HASHTABLE = ("System.Collections.Hashtable", "System.Object")
_FULL_DEPTH = 1


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character in _NAMED:
        return _NAMED[character]
    if character in "\ufffe\uffff":
        # The real engine writes a reference that XML does not allow, and its client's parser gives up.
        return f"&#x{ord(character):X};"
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"_x{units[at : at + 2].hex().upper()}_" for at in range(0, len(units), 2))


def escape(value: str) -> str:
    """Text as it stands inside an element."""
    return _ESCAPE.sub(_escaped, value)


def duration(span: timedelta) -> str:
    """A TimeSpan as XML writes durations: P1DT2H3M4.5S."""
    sign, span = ("-", -span) if span < timedelta() else ("", span)
    minutes, seconds = divmod(span.seconds, 60)
    parts = [f"{amount}{unit}" for amount, unit in ((minutes // 60, "H"), (minutes % 60, "M")) if amount]
    if seconds or span.microseconds or not (span.days or parts):
        fraction = f".{span.microseconds:06d}".rstrip("0") if span.microseconds else ""
        parts.append(f"{seconds}{fraction}S")
    days = f"{span.days}D" if span.days else ""
    return f"{sign}P{days}" + (f"T{''.join(parts)}" if parts else "")


def date_text(when: datetime) -> str:
    """A DateTime: `Z` when Utc, an offset when Local, neither when Unspecified."""
    moment = when.replace(tzinfo=None)
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    shown = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + fraction
    offset = when.strftime("%z")
    if not offset:
        return shown
    return shown + ("Z" if when.tzname() == "UTC" else f"{offset[:3]}:{offset[3:5]}")


def double_text(value: float) -> str:
    """A Double in the round-trip form that .NET writes."""
    shown = repr(value)
    if shown.endswith(".0"):
        return shown[:-2]
    return shown.upper().replace("E-0", "E-") if "e" in shown else shown


class Writer:
    """One message: numbers its objects and type lists."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._objects = 0
        self._types: dict[tuple[str, ...], int] = {}
        self._empty_list: int | None = None

    def __str__(self) -> str:
        return "".join(self.parts)

    def open(self, name: str | None, types: Iterable[str] = ()) -> None:
        """Start an object with its type names."""
        self.parts.append(f'<Obj{_name(name)} RefId="{self._objects}">')
        self._objects += 1
        if types:
            self._type_names(tuple(types))

    def close(self) -> None:
        """End the object."""
        self.parts.append("</Obj>")

    def shown(self, value: str) -> None:
        """What the object prints as."""
        self.parts.append(f"<ToString>{escape(value)}</ToString>")

    def _type_names(self, types: tuple[str, ...]) -> None:
        known = self._types.get(types)
        if known is not None:
            self.parts.append(f'<TNRef RefId="{known}" />')
            return
        self._types[types] = len(self._types)
        names = "".join(f"<T>{escape(one)}</T>" for one in types)
        self.parts.append(f'<TN RefId="{self._types[types]}">{names}</TN>')

    def members(self, tag: str, properties: Iterable[tuple[str, Any]], depth: int) -> None:
        """A block of properties: `Props` for an object's own, `MS` for notes."""
        self.parts.append(f"<{tag}>")
        for name, value in properties:
            self.write(value, name, depth)
        self.parts.append(f"</{tag}>")

    def write(self, value: Any, name: str | None = None, depth: int = _FULL_DEPTH) -> None:
        """Any value. With `depth` 0 only texts and lists of them are left of objects."""
        simple = _SIMPLE.get(type(value))
        if simple is not None:
            tag, form = simple
            self.parts.append(f"<{tag}{_name(name)}>{form(value)}</{tag}>")
        elif value is None:
            self.parts.append(f"<Nil{_name(name)} />")
        elif isinstance(value, int):
            tag = _TAGS[integer_type(value)]
            self.parts.append(f"<{tag}{_name(name)}>{value}</{tag}>")
        elif isinstance(value, Number):
            tag = _TAGS[f"System.{value.type}"]
            self.parts.append(f"<{tag}{_name(name)}>{value.value}</{tag}>")
        elif isinstance(value, Enum):
            self._enum(value, name, depth)
        elif isinstance(value, list | tuple):
            self._list(value, name, depth)
        elif isinstance(value, dict):
            self._dictionary(value, name, depth)
        else:
            self._object(value, name, depth)

    def _text(self, value: Any, name: str | None) -> None:
        self.parts.append(f"<S{_name(name)}>{escape(text(value))}</S>")

    def _enum(self, value: Enum, name: str | None, depth: int, notes: dict[str, Any] | None = None) -> None:
        known = table().enums.get(value.type)
        if depth < 1 or known is None:
            self._text(value, name)
            return
        number = 0
        for member in value.name.split(", "):
            number |= known.values[member] if member in known.values else int(member)
        self.open(name, (value.type, "System.Enum", "System.ValueType", "System.Object"))
        self.shown(value.name)
        self.parts.append(f"<I32>{number}</I32>")
        if notes:
            self.members("MS", notes.items(), depth)
        self.close()

    def _list(self, value: Sequence[Any], name: str | None, depth: int) -> None:
        types = value.types if isinstance(value, Typed) else ARRAY
        if not value and types == ARRAY:
            # .NET has one empty array of a type: the second time it is a reference.
            if self._empty_list is not None:
                self.parts.append(f'<Ref{_name(name)} RefId="{self._empty_list}" />')
                return
            self._empty_list = self._objects
        self.open(name, types)
        start = len(self.parts)
        for item in value:
            self.write(item, None, depth)
        if len(self.parts) == start:
            self.parts.append("<LST />")
        else:
            self.parts.insert(start, "<LST>")
            self.parts.append("</LST>")
        self.close()

    def _dictionary(self, value: dict[Any, Any], name: str | None, depth: int) -> None:
        self.open(name, [f"Deserialized.{one}" for one in HASHTABLE] if isinstance(value, Sent) else HASHTABLE)
        self.parts.append("<DCT>")
        for key, each in value.items():
            self.parts.append("<En>")
            self.write(key, "Key", depth)
            self.write(each, "Value", depth)
            self.parts.append("</En>")
        self.parts.append("</DCT>")
        self.close()

    def _object(self, value: Any, name: str | None, depth: int) -> None:
        if isinstance(value, Noted):
            self._noted(value, name, depth)
        elif not isinstance(value, Obj):
            self._text(value, name)
        elif not is_live(value):
            self._custom(value, name, depth)
        elif depth < 1:
            self._text(value, name)
        else:
            self._live(value, name, depth)

    def _live(self, value: Obj, name: str | None, depth: int, notes: dict[str, Any] | None = None) -> None:
        self.open(name, type_names(value))
        self.shown(text(value))
        if value.properties:
            self.members("Props", value.properties.items(), depth - 1)
        if notes:
            self.members("MS", notes.items(), depth)
        self.close()

    def _custom(self, value: Obj, name: str | None, depth: int) -> None:
        self.open(name, type_names(value))
        if depth < 1:
            self.parts.append(f"<S>{escape(text(value))}</S>")
        if value.properties:
            self.members("MS", value.properties.items(), depth)
        self.close()

    def _noted(self, value: Noted, name: str | None, depth: int) -> None:
        base = value.base
        if isinstance(base, Obj) and is_live(base):
            if depth < 1:
                self._text(base, name)
            else:
                self._live(base, name, depth, value.notes)
            return
        if isinstance(base, Enum):
            self._enum(base, name, depth, value.notes)
            return
        self.open(name)
        self.write(base, None, depth)
        self.members("MS", value.notes.items(), depth)
        self.close()


def _name(name: str | None) -> str:
    return "" if name is None else f' N="{escape(name)}"'


_SIMPLE: dict[type, tuple[str, Callable[[Any], str]]] = {
    str: ("S", escape),
    bool: ("B", lambda value: "true" if value else "false"),
    uuid.UUID: ("G", str),
    datetime: ("DT", date_text),
    timedelta: ("TS", duration),
    float: ("Db", double_text),
}


def serialize(value: Any) -> str:
    """One value as a message's content. A null at the top is an empty content."""
    if value is None:
        return ""
    writer = Writer()
    writer.write(value)
    return str(writer)
