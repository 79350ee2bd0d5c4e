"""Comparing values as PowerShell's operators do: the right side takes the left side's type, text without case."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cmp_to_key
from typing import Any

from ..values import Enum, Obj
from ..wildcard import wildcard
from .convert import convert
from .failures import NotConverted
from .objects import Note, plain, text, type_name
from .signatures import table


def equal(left: Any, right: Any, case: bool = False) -> bool:
    """-eq between two single values."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return left is right
    if isinstance(left, str):
        return _text(left, case) == _text(text(right), case)
    if isinstance(left, Obj) or isinstance(right, Obj):
        return _same_object(left, right)
    if isinstance(left, bool):
        return left == truth(right)
    if isinstance(left, Enum) and left.type not in table().enums:  # its members are known by what objects show
        return _text(left.name, False) == _text(text(right), False)
    try:
        return bool(left == _like(left, right))
    except NotConverted:
        return False


def _same_object(left: Any, right: Any) -> bool:
    if isinstance(left, Obj) and isinstance(right, Obj) and not isinstance(left, Note):
        same = left.get("Id") is not None and left.get("Id") == right.get("Id")
        return left is right or (left.type == right.type and same)
    return left is right


def _text(value: str, case: bool) -> str:
    return value if case else value.casefold()


def _like(left: Any, right: Any) -> Any:
    """The right side as the left side's type. Raises NotConverted."""
    if isinstance(left, int | float) and isinstance(right, Enum):
        return _number(right)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return right
    if isinstance(left, datetime):
        return _moment(left, convert(right, "System.DateTime"))
    return convert(right, type_name(left))


def _moment(left: datetime, right: datetime) -> datetime:
    """.NET compares the ticks of two DateTimes, whatever their kinds."""
    return right.replace(tzinfo=left.tzinfo)


def truth(value: Any) -> bool:
    """Whether a value counts as true."""
    value = plain(value)
    if isinstance(value, list | tuple):
        return len(value) > 1 or (len(value) == 1 and truth(value[0]))
    if isinstance(value, uuid.UUID | datetime | timedelta | Obj):
        return True
    if isinstance(value, Enum):
        known = table().enums.get(value.type)
        return known is None or known.values.get(value.name, 1) != 0
    return bool(value)


def order(left: Any, right: Any, case: bool = False) -> int:
    """-1, 0 or 1 as Sort-Object orders: what cannot be compared is compared as text."""
    try:
        return strict_order(left, right, case)
    except NotConverted:
        return _sign(_text(text(plain(left)), case), _text(text(plain(right)), case))


def strict_order(left: Any, right: Any, case: bool = False) -> int:
    """-1, 0 or 1; a null is smallest. Raises NotConverted where the right side is nothing like the left."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return (left is not None) - (right is not None)
    if isinstance(left, str):
        return _sign(_text(left, case), _text(text(right), case))
    if isinstance(left, Obj | list | tuple | dict):
        raise NotConverted(f'Cannot compare "{text(left)}" because it is not IComparable.')
    if isinstance(left, bool):
        return _sign(left, truth(right))
    other = _like(left, right)
    if isinstance(left, Enum):
        return _sign(_number(left), _number(other))
    if isinstance(left, uuid.UUID):
        return _sign(str(left), str(other))
    return _sign(left, other)


def _sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def _number(value: Enum) -> Any:
    known = table().enums.get(value.type)
    return known.values.get(value.name, 0) if known else 0


def has_wildcard(value: str) -> bool:
    """Whether the text is a pattern."""
    return any(character in value for character in "*?[")


def _items(value: Any) -> list[Any]:
    value = plain(value)
    return list(value) if isinstance(value, list | tuple) else [value]


def _matches(left: Any, right: Any, case: bool) -> bool:
    return re.search(text(right), text(left), 0 if case else re.IGNORECASE) is not None


OPERATORS: dict[str, Callable[[Any, Any, bool], bool]] = {
    "EQ": equal,
    "NE": lambda left, right, case: not equal(left, right, case),
    "GT": lambda left, right, case: strict_order(left, right, case) > 0,
    "GE": lambda left, right, case: strict_order(left, right, case) >= 0,
    "LT": lambda left, right, case: strict_order(left, right, case) < 0,
    "LE": lambda left, right, case: strict_order(left, right, case) <= 0,
    "Like": lambda left, right, case: wildcard(text(right), case).fullmatch(text(left)) is not None,
    "NotLike": lambda left, right, case: wildcard(text(right), case).fullmatch(text(left)) is None,
    "Match": _matches,
    "NotMatch": lambda left, right, case: not _matches(left, right, case),
    "Contains": lambda left, right, case: any(equal(item, right, case) for item in _items(left)),
    "NotContains": lambda left, right, case: not any(equal(item, right, case) for item in _items(left)),
    "In": lambda left, right, case: any(equal(item, left, case) for item in _items(right)),
    "NotIn": lambda left, right, case: not any(equal(item, left, case) for item in _items(right)),
}
"""Operators by the name of Where-Object's switch, without the C of those that look at case."""

COLLECTIVE = {"EQ", "NE", "GT", "GE", "LT", "LE", "Like", "NotLike", "Match", "NotMatch"}
"""These filter a list on their left: what remains is true when there is any of it (in the sense of `truth`)."""


def apply(name: str, left: Any, right: Any) -> bool:
    """The outcome of an operator named as Where-Object names it (`EQ`, `CEQ`, `NotIn`, ...). Raises NotConverted."""
    case = name.startswith("C") and name != "Contains"
    bare = name[1:] if case else name
    operator = OPERATORS[bare]
    if bare in COLLECTIVE and isinstance(plain(left), list):
        return truth([item for item in plain(left) if operator(item, right, case)])
    return operator(left, right, case)


def sort_key(case: bool) -> Callable[[Any], Any]:
    """A key for sorting single values as `order` has them."""
    return cmp_to_key(lambda left, right: order(left, right, case))
