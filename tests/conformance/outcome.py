"""What came back, made comparable: lines of text by aspect, without what must differ (ids, stacks, .NET versions)."""

from __future__ import annotations

import difflib
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from tests.conformance.talk import Heard

OUTPUT, ERROR, STATE = 0x00041004, 0x00041005, 0x00041006
STREAMS = {0x00041007: "debug", 0x00041008: "verbose", 0x00041009: "warning", 0x00041011: "information"}
PROGRESS, HOST_CALL = 0x00041010, 0x00041100
STATES = {2: "Running", 4: "Completed", 5: "Failed", 3: "Stopped", 1: "Stopping"}
ERROR_FACTS = (
    "FullyQualifiedErrorId",
    "ErrorCategory_Category",
    "ErrorCategory_Activity",
    "ErrorCategory_Reason",
    "ErrorCategory_TargetName",
    "ErrorCategory_TargetType",
)
_GUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_GENERIC = re.compile(r"`\d\[\[.*?\]\]")

Outcome = dict[str, list[str]]


def outcome(heard: Heard) -> Outcome:
    """Everything that came back, by aspect: state, output, errors, each other stream, and calls (the effects)."""
    found: Outcome = {"state": [heard.broken or STATES.get(heard.state, str(heard.state))]}
    for kind, text in heard.messages:
        root = ET.fromstring(text) if text else ET.Element("Nil")
        if kind == OUTPUT:
            found.setdefault("output", []).extend(shape(root))
        elif kind == ERROR:
            _add_error(found, "errors", root)
        elif kind == STATE:
            ended = root.find("MS/Obj[@N='ExceptionAsErrorRecord']")
            if ended is not None:
                _add_error(found, "ending error", ended)
        elif kind in STREAMS:
            found.setdefault(STREAMS[kind], []).append(_said(root))
        elif kind == PROGRESS:
            found.setdefault("progress", []).extend(_progress(root))
        elif kind == HOST_CALL:
            found.setdefault("host calls", []).append(_fact(root, "mi") or "?")
    calls = [
        f"{call.host} {call.cmdlet} [{call.parameter_set}] {_plain(call.parameters)} -> {call.outcome}"
        for call in heard.calls
    ]
    if calls:
        found["calls"] = calls
    return _rename_guids(found, _known(heard))


def differences(one: Outcome, other: Outcome) -> dict[str, str]:
    """Aspects in which two outcomes differ, each with a diff (- the first, + the second)."""
    aspects = sorted({*one, *other})
    return {
        aspect: "\n".join(
            line
            for line in difflib.unified_diff(one.get(aspect, []), other.get(aspect, []), lineterm="", n=0)
            if not line.startswith(("---", "+++", "@@"))
        )
        for aspect in aspects
        if one.get(aspect, []) != other.get(aspect, [])
    }


def shape(element: ET.Element, depth: int = 0) -> list[str]:
    """The lines of a serialized value: tags, names, types, values; references resolved by their order."""
    return list(_Shape().lines(element, depth))


class _Shape:
    """Type names are told once and referred to later (TNRef), as objects are (Ref)."""

    def __init__(self) -> None:
        self._types: dict[str, list[str]] = {}
        self._objects: dict[str, int] = {}

    def lines(self, element: ET.Element, depth: int) -> Iterator[str]:
        """The lines of one value and of all below it."""
        head = f"{'  ' * depth}{element.get('N', '')}: {element.tag}"
        if element.tag == "Ref":
            yield f"{head} {self._objects.get(element.get('RefId', ''), '?')}"
            return
        if element.tag != "Obj":
            yield f"{head} {element.text!r}" if element.text else head
            return
        self._objects[element.get("RefId", "")] = len(self._objects)
        text = element.find("ToString")
        yield f"{head} {self._names(element)}{'' if text is None else f' {text.text!r}'}"
        for child in element:
            if child.tag in ("TN", "TNRef", "ToString"):
                continue
            if child.tag in ("Props", "MS", "LST", "IE", "QUE", "STK", "DCT", "En"):
                yield f"{'  ' * (depth + 1)}<{child.tag}>"
                yield from self._below(child, depth + 2)
            else:
                yield from self.lines(child, depth + 1)

    def _below(self, element: ET.Element, depth: int) -> Iterator[str]:
        for child in element:
            if child.tag == "En":
                yield from self._below(child, depth)
            else:
                yield from self.lines(child, depth)

    def _names(self, element: ET.Element) -> list[str]:
        told, reference = element.find("TN"), element.find("TNRef")
        if told is not None:
            names = _without_stubs(_GENERIC.sub("", one.text or "") for one in told)
            self._types[told.get("RefId", "")] = names
            return names
        return self._types.get(reference.get("RefId", ""), []) if reference is not None else []


def _without_stubs(names: Iterable[str]) -> list[str]:
    """Type names without the stubs' own base classes: on Windows there are none."""
    return [name for name in names if not name.startswith("HyperVStubs.")]


def _fact(root: ET.Element, name: str) -> str | None:
    for place in ("MS", "Props"):
        found = root.find(f"{place}/*[@N='{name}']")
        if found is not None:
            text = found.find("ToString")
            return (text if text is not None else found).text or ""
    return None


def _add_error(found: Outcome, aspect: str, root: ET.Element) -> None:
    """An error's facts; the words of one that the binder made are an aspect of their own."""
    lines = _error(root)
    worded = [line for line in lines if line.startswith("  Message: ")]
    if any("ParameterBindingException" in line for line in lines):
        found.setdefault("wording", []).extend(worded)
        lines = [line for line in lines if line not in worded]
    found.setdefault(aspect, []).extend(lines)


def _error(root: ET.Element) -> list[str]:
    lines = [f"{name.removeprefix('ErrorCategory_')}: {_fact(root, name)}" for name in ERROR_FACTS]
    thrown = root.find("MS/*[@N='Exception']")
    if thrown is not None:
        types = _without_stubs(one.text or "" for one in thrown.iterfind("TN/T"))
        lines.append(f"  exception: {types}")
        lines += [f"  {name}: {_fact(thrown, name)}" for name in ("Message", "HResult")]
    target = root.find("MS/*[@N='TargetObject']")
    if target is not None:
        lines += [f"  {line}" for line in shape(target)]
    return lines


def _said(root: ET.Element) -> str:
    message = _fact(root, "InformationalRecord_Message")
    return message if message is not None else _fact(root, "MessageData") or ""


def _progress(root: ET.Element) -> list[str]:
    names = ("Activity", "StatusDescription", "PercentComplete", "Type", "CurrentOperation")
    return [", ".join(f"{name}={_fact(root, name)}" for name in names)]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_plain(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(timezone.utc).isoformat()
    return str(value) if isinstance(value, uuid.UUID) else repr(value)


def _known(heard: Heard) -> set[str]:
    world = heard.world
    return {str(vm_id) for host in world.hosts.values() for vm_id in host.vms} if world is not None else set()


def _rename_guids(found: Outcome, known: set[str]) -> Outcome:
    """Ids of VMs are the same in both worlds; any other id was made by chance, and is told by its order."""
    seen: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        text = match[0].lower()
        return text if text in known else seen.setdefault(text, f"guid-{len(seen) + 1}")

    return {aspect: [_GUID.sub(replace, line) for line in lines] for aspect, lines in found.items()}
