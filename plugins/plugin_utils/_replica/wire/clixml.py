# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""PowerShell's serialized objects (CLIXML) as rows, values and error records of builtin types.

Both transports answer CLIXML, so both are read here. pypsrp's own reader is not used below the message: it gives raw
XML for a list of Hyper-V objects and for a date with notes, and loses an object whose text holds a character that XML
does not know. Nor does it know a limit; the ones here are named in docs/limits.md. Format: [MS-PSRP] 2.2.5,
https://learn.microsoft.com/openspecs/windows_protocols/ms-psrp
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from ..base.errors import short
from ..base.session import ErrorRecord, Row

_CATEGORIES = """
    NotSpecified OpenError CloseError DeviceError DeadlockDetected InvalidArgument InvalidData InvalidOperation
    InvalidResult InvalidType MetadataError NotImplemented NotInstalled ObjectNotFound OperationStopped OperationTimeout
    SyntaxError ParserError PermissionDenied ResourceBusy ResourceExists ResourceUnavailable ReadError WriteError
    FromStdErr SecurityError ProtocolError ConnectionError AuthenticationError LimitsExceeded QuotaExceeded NotEnabled
"""
CATEGORIES = tuple(_CATEGORIES.split())
"""Names of System.Management.Automation.ErrorCategory, by number: it travels as a number."""

MOST_CHARACTERS = 16 * 2**20
"""Of one object. Windows' own default for what a session may receive is 10 MB (PSMaximumReceivedObjectSizeMB,
https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_session_configurations)."""
MOST_VALUES = 200_000
"""In one object, where each reference counts as often as what it refers to: nested references double at each level."""
DEEPEST = 100
"""Elements within each other. What this collection asks for has about ten."""
_LONGEST_NUMBER = 20  # digits of the largest one, 2**64 - 1

_ESCAPE = re.compile(r"(?:_x[0-9A-Fa-f]{4}_)+")
_CODE = re.compile(r"0x([0-9A-Fa-f]{8})(?![0-9A-Fa-f])")
# The engine writes half a surrogate pair, U+FFFE and U+FFFF as references that no XML parser takes.
_BAD_REFERENCE = re.compile(r"&#x(?:[dD][89a-fA-F][0-9a-fA-F]{2}|[fF]{3}[eEfF]);")
_TAG = re.compile(r"<[^?!>][^>]*>")
_LISTS = ("LST", "IE", "STK", "QUE")
_PREFIX = re.compile(r"^(?:Selected\.|Deserialized\.)+")


def unescape(text: str | None) -> str:
    """Text of an element with its `_x000A_` escapes resolved; half a pair becomes U+FFFD."""

    def units(match: re.Match[str]) -> str:
        found = bytes.fromhex(match[0].replace("_x", "").replace("_", ""))
        return found.decode("utf-16-be", "replace")

    return _ESCAPE.sub(units, text or "")


class TooMuch(ValueError):
    """An object beyond one of the limits."""


_RANGES = {"By": (8, 0), "SB": (8, 1), "U16": (16, 0), "I16": (16, 1), "U32": (32, 0), "I32": (32, 1), "U64": (64, 0)}


def _integer(tag: str) -> Callable[[str], int]:
    """Reads whole numbers of a type; what is none, or does not fit, is an error: int() takes any length."""
    bits, signed = _RANGES.get(tag, (64, 1))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)

    def read(text: str) -> int:
        number = int(text) if re.fullmatch(rf"\s*[+-]?[0-9]{{1,{_LONGEST_NUMBER}}}\s*", text) else None
        if number is None or not low <= number < high:
            raise ValueError(f"{short(text, 30)!r} is not a number of type {tag}")
        return number

    return read


def _fraction(text: str) -> float:
    """Reads a fraction; PowerShell writes NaN, INF and -INF too."""
    try:
        return float(text[:400])
    except ValueError:
        raise ValueError(f"{short(text, 30)!r} is not a number") from None


_PRIMITIVES: Mapping[str, Callable[[str], Any]] = {
    "S": unescape,
    "ToString": unescape,
    "URI": unescape,
    "XD": unescape,
    "SBK": unescape,
    "C": lambda text: chr(_integer("U16")(text)),
    "B": lambda text: text.lower() == "true",
    "G": lambda text: text.lower(),
    "Sg": _fraction,
    "Db": _fraction,
    "BA": lambda text: base64.b64decode(text).hex().upper(),
    **{tag: _integer(tag) for tag in ("By", "SB", "U16", "I16", "U32", "I32", "U64", "I64")},
    **dict.fromkeys(("DT", "TS", "D", "Version"), str),
}


@dataclass
class Node:
    """One `<Obj>`: its type names, properties by name (adapted over extended), text, and content if it is a list,
    a dictionary or a wrapped primitive."""

    types: list[str] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    content: Any = None

    @property
    def type(self) -> str:
        """The first type name without what serialization and Select-Object put before it."""
        return _PREFIX.sub("", self.types[0]) if self.types else ""

    def plain(self) -> Any:
        """As a builtin: an enum its name, a list or dictionary itself, else its properties, else its text."""
        if "System.Enum" in self.types or (_is_number(self.content) and self.text not in ("", str(self.content))):
            return self.text  # a number that prints as a word is an enum, whatever its type names say
        if self.content is not None:
            return self.content
        return self.properties or self.text


class Reader:
    """Reads one document; keeps what later elements refer to."""

    def __init__(self) -> None:
        self._types: dict[str, list[str]] = {}
        self._objects: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}  # how many values an object holds, all of its references counted
        self._size = 0
        self._depth = 0

    def value(self, element: ElementTree.Element) -> Any:
        """The value of any element, of builtin types. Raises TooMuch."""
        tag = _tag(element)
        self._count(self._sizes.get(element.get("RefId", ""), 1) if tag == "Ref" else 1)
        if tag == "Nil":
            return None
        if tag == "Ref":
            return self._objects.get(element.get("RefId", ""))
        if tag == "Obj":
            return self.node(element).plain()
        read = _PRIMITIVES.get(tag)
        return read(element.text or "") if read else unescape(element.text)

    def node(self, element: ElementTree.Element) -> Node:
        """The object of an `<Obj>` element. Raises TooMuch."""
        before = self._size
        self._depth += 1
        if self._depth > DEEPEST // 3:  # an object within another is three elements further in
            raise TooMuch(f"its elements are nested more than {DEEPEST} deep")
        node = self._node(element)
        self._depth -= 1
        reference = element.get("RefId", "")
        self._objects[reference] = node.plain()
        self._sizes[reference] = self._size - before + 1
        return node

    def _count(self, more: int) -> None:
        self._size += more
        if self._size > MOST_VALUES:
            raise TooMuch(f"an object in it holds more than {MOST_VALUES} values, references counted")

    def _node(self, element: ElementTree.Element) -> Node:
        node = Node()
        extended: dict[str, Any] = {}
        for child in element:
            self._part(node, extended, child)
        node.properties = {**extended, **node.properties}
        return node

    def _part(self, node: Node, extended: dict[str, Any], child: ElementTree.Element) -> None:
        tag = _tag(child)
        if tag == "TN":
            node.types = [name.text or "" for name in child]
            self._types[child.get("RefId", "")] = node.types
        elif tag == "TNRef":
            node.types = self._types.get(child.get("RefId", ""), [])
        elif tag == "ToString":
            node.text = unescape(child.text)
        elif tag == "Props":
            node.properties = {unescape(item.get("N")): self.value(item) for item in child}
        elif tag == "MS":
            extended.update({unescape(item.get("N")): self.value(item) for item in child})
        elif tag in _LISTS:
            node.content = [self.value(item) for item in child]
        elif tag == "DCT":
            node.content = dict(self._entry(item) for item in child)
        else:
            node.content = self.value(child)

    def _entry(self, element: ElementTree.Element) -> tuple[str, Any]:
        pair = {item.get("N"): self.value(item) for item in element}
        return str(pair.get("Key")), pair.get("Value")


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def parse(text: str) -> ElementTree.Element:
    """The element of CLIXML text. Raises ElementTree.ParseError, TooMuch."""
    check(text)
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return ElementTree.fromstring(_BAD_REFERENCE.sub("\N{REPLACEMENT CHARACTER}", text))


def check(text: str) -> None:
    """Raise TooMuch for text that is not to be parsed at all: it is too long, has too many elements, or a DTD."""
    if len(text) > MOST_CHARACTERS:
        raise TooMuch(f"an object in it is longer than {MOST_CHARACTERS} characters")
    if text.count("<") > 2 * MOST_VALUES:
        raise TooMuch(f"an object in it holds more than {MOST_VALUES} values")
    if "<!" in text:
        raise TooMuch("it defines entities or a document type, which CLIXML does not have")


def check_depth(text: str) -> None:
    """Raise TooMuch for elements within each other beyond the limit; for readers that know none. Never recursive."""
    check(text)
    depth = 0
    for tag in _TAG.finditer(text):
        depth += -1 if tag[0].startswith("</") else 0 if tag[0].endswith("/>") else 1
        if depth > DEEPEST:
            raise TooMuch(f"its elements are nested more than {DEEPEST} deep")


def rows(element: ElementTree.Element) -> list[Row]:
    """The output objects of one element: one row, or as many as a list holds; none for `$null`."""
    if _tag(element) == "Nil":
        return []
    if _tag(element) != "Obj":
        return [scalar_row(Reader().value(element))]
    node = Reader().node(element)
    if isinstance(node.content, list):
        return [scalar_row(item) for item in node.content if item is not None]
    if node.content is not None and not isinstance(node.content, dict) and not node.properties:
        return [Row(node.type, {"Value": node.plain()}, node.text or str(node.content))]
    properties = node.content if isinstance(node.content, dict) else node.properties
    return [Row(node.type, properties, node.text)]


def scalar_row(value: Any) -> Row:
    """A row for an object that is a bare value; `properties["Value"]` holds it."""
    if isinstance(value, dict):
        return Row("System.Management.Automation.PSCustomObject", value, "")
    names = {bool: "System.Boolean", int: "System.Int64", float: "System.Double", str: "System.String"}
    return Row(names.get(type(value), "System.Object"), {"Value": value}, str(value))


def error_record(element: ElementTree.Element) -> ErrorRecord:
    """The error record of an `<Obj>` of type ErrorRecord. Windows' own words are kept as they are."""
    found = Reader().node(element).properties
    exception = found.get("Exception")
    said = exception.get("Message") if isinstance(exception, dict) else exception
    message = str(found.get("ErrorDetails_Message") or said or "")
    number = found.get("ErrorCategory_Category")
    known = isinstance(number, int) and 0 <= number < len(CATEGORIES)
    return ErrorRecord(
        fq_error_id=str(found.get("FullyQualifiedErrorId") or ""),
        category=CATEGORIES[number] if known and isinstance(number, int) else str(number or ""),
        message=message,
        target=_target(found),
        codes=tuple(dict.fromkeys("0x" + code.upper() for code in _CODE.findall(message))),
    )


def _target(found: Mapping[str, Any]) -> str:
    """Name of the error's target, or what the target object says of itself, which is where a VM's id stands."""
    target = found.get("TargetObject")
    said = " ".join(str(target[key]) for key in ("Name", "Id") if key in target) if isinstance(target, dict) else target
    return str(found.get("ErrorCategory_TargetName") or said or "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
