"""Makes the two PSRP libraries quicker for a sweep: what travels a thousand times is written and read once.

The client (pypsrp) copies and serializes every pipeline anew, the lab's library (psrpcore) parses it anew, and the
plays of a sweep send the same few pipelines again and again. Both are kept, to be found by what is asked: the bytes on
the wire are the same (`tests/integration/test_sweep.py` compares them), and nothing of the collection or of the lab's
rules is touched.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Hashable, Mapping
from typing import Any
from xml.etree import ElementTree

import psrpcore._base
import urllib3.util.connection
from psrpcore.types import PSObject
from pypsrp import complex_objects, messages, serializer
from pypsrp.host import PSHost
from pypsrp.serializer import TaggedValue

from tests.lab.wire.listener import DROPPING

KEPT = 2_000
"""So many answers are kept of each kind; a worker that has seen more begins anew."""
SECRET = b"<SS"
"""A secure string is encrypted for one session, so whatever holds one is never kept."""
NEEDED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "ANSIBLE_COLLECTIONS_PATH")


def be_swift() -> None:
    """From now on in this process."""
    if serializer.ET is _Frugal:
        return
    messages.Message.pack = _kept_packing(messages.Message.pack)
    messages.Message.unpack = staticmethod(_kept_unpacking(messages.Message.unpack))
    serializer.ET = _Frugal
    psrpcore._base.ElementTree = _Text
    psrpcore._base.deserialize = _kept_parsing(psrpcore._base.deserialize)
    psrpcore.CreatePipelineEvent.pipeline = _kept_pipeline(psrpcore.CreatePipelineEvent.pipeline)
    urllib3.util.connection.create_connection = _quick_connect(urllib3.util.connection.create_connection)
    for name in set(os.environ) - set(NEEDED):  # every request looks through the environment for proxies
        del os.environ[name]


def _quick_connect(connect: Callable[..., Any]) -> Callable[..., Any]:
    """A host without power answers nothing; a sweep, which meets it a thousand times, does not wait for that."""

    def connected(address: tuple[str, int], *arguments: Any, **options: Any) -> Any:
        if address in DROPPING:
            raise OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
        return connect(address, *arguments, **options)

    return connected


# -- the client ------------------------------------------------------------------------------------------------------


def _kept_packing(pack: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Pack a message; the body of one that was packed before is taken from there, behind this one's ids."""
    bodies: dict[Hashable, bytes] = {}
    head = 40  # destination, type, and the two ids

    def packed(message: Any) -> bytes:
        if message.message_type not in _OFTEN:
            return pack(message)
        asked = _shape(message.data)
        if asked not in bodies:
            if len(bodies) >= KEPT:
                bodies.clear()
            bodies[asked] = pack(message)[head:]
        return _head(message) + bodies[asked]

    return packed


_OFTEN = frozenset(
    {
        messages.MessageType.SESSION_CAPABILITY,
        messages.MessageType.INIT_RUNSPACEPOOL,
        messages.MessageType.CREATE_PIPELINE,
    }
)


def _kept_unpacking(unpack: Callable[..., Any]) -> Callable[..., Any]:
    """Unpack a message; what one that said the same came to is taken from there, for nobody changes it."""
    found: dict[bytes, Any] = {}

    def unpacked(data: bytes, serializer: Any) -> Any:
        said = data[4:8] + data[40:]
        if SECRET in said:
            return unpack(data, serializer)
        if said not in found:
            if len(found) >= KEPT:
                found.clear()
            found[said] = unpack(data, serializer).data
        where, rpid, pid = data[:4], uuid.UUID(bytes_le=data[8:24]), uuid.UUID(bytes_le=data[24:40])
        return messages.Message(int.from_bytes(where, "little"), str(rpid), str(pid), found[said], serializer)

    return unpacked


def _head(message: Any) -> bytes:
    numbers = message.destination.to_bytes(4, "little") + int(message.message_type).to_bytes(4, "little")
    return bytes(numbers + message.rpid.bytes_le + message.pid.bytes_le)


def _shape(value: Any) -> Hashable:
    """All that a message says, as something to look it up by."""
    if value is None or isinstance(value, (str, int, float, bytes)):
        return type(value), value
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(_shape, value))
    if isinstance(value, Mapping):
        return type(value), tuple((_shape(key), _shape(item)) for key, item in value.items())
    if isinstance(value, complex_objects.Enum):
        return type(value), value.value
    if isinstance(value, (complex_objects.ComplexObject, TaggedValue)):
        own = vars(value).items()
        return type(value), tuple((name, _shape(item)) for name, item in own if name not in _OF_THE_CLASS)
    if isinstance(value, PSHost):  # of which a message tells only whether it has a window, and none has one here
        return PSHost, value.ui is None, _shape(value.ui and value.ui.raw_ui)
    raise TypeError(f"{type(value)} in a message: say here what of it is sent")


_OF_THE_CLASS = frozenset({"_types", "_property_sets", "_adapted_properties", "_extended_properties", "_xml"})
"""How an object is written, which its class decides."""


class _Frugal:
    """In place of ElementTree in pypsrp: it asks for the text of every element, and uses only that of objects."""

    Element, ParseError = ElementTree.Element, ElementTree.ParseError
    SubElement, fromstring = staticmethod(ElementTree.SubElement), staticmethod(ElementTree.fromstring)

    @staticmethod
    def tostring(element: ElementTree.Element, **how: Any) -> bytes:
        text: bytes = ElementTree.tostring(element, **how) if element.tag == "Obj" else b""
        return text


# -- the lab's library -----------------------------------------------------------------------------------------------


class _Text:
    """In place of ElementTree in psrpcore's reader: the text goes on to `deserialize` as it is."""

    tostring = staticmethod(ElementTree.tostring)

    @staticmethod
    def fromstring(text: bytes) -> bytes:
        return bytes(text)


def _kept_parsing(deserialize: Callable[..., Any]) -> Callable[..., Any]:
    """Parse a message; the objects of one that was parsed before are taken from there, for nobody changes them."""
    parsed: dict[bytes, PSObject] = {}

    def read(text: bytes, **more: Any) -> Any:
        if SECRET in text:
            return deserialize(ElementTree.fromstring(text), **more)
        if text not in parsed:
            if len(parsed) >= KEPT:
                parsed.clear()
            parsed[text] = deserialize(ElementTree.fromstring(text), **more)
        return parsed[text]

    return read


def _kept_pipeline(pipeline: property) -> property:
    """The commands of a pipeline that was parsed before."""
    made: dict[int, tuple[PSObject, Any]] = {}  # by identity; the object is held, so that the number stays its own

    def read(event: Any) -> Any:
        asked = event._ps_object
        if id(asked) not in made:
            if len(made) >= KEPT:
                made.clear()
            made[id(asked)] = (asked, pipeline.fget(event))  # type: ignore[misc]
        return made[id(asked)][1]

    return property(read)
