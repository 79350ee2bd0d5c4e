"""Cmdlets of Microsoft.PowerShell.Management that look at the machine: files, the Cert: drive, the registry.

A UNC path is a second hop: the session has no credentials for another computer, so nothing there is ever reached.
"""

from __future__ import annotations

import ntpath
from collections.abc import Callable, Iterator
from itertools import chain

from ..values import Continue, Obj, Output, Record, Refusal
from ..world.host import Host
from ..world.storage import Entry
from . import certificate, files, registry_keys
from .registry import Call, cmdlet
from .resolve import is_pattern, listed, matches
from .rights import ADMINISTRATOR, right_of


def paths_of(call: Call) -> Iterator[tuple[str, bool]]:
    """The paths given, each with whether it is meant literally. A null among them is an empty path."""
    literal = call.get("LiteralPath")
    for path in listed(literal if literal is not None else call.get("Path")):
        yield str(path or "").removeprefix(files.PREFIX), literal is not None


def _guard(call: Call, path: str) -> None:
    """Stores of the machine and its registry are for administrators (the harsher reading)."""
    protected = certificate.parse(path) is not None or registry_keys.key_of(path) is not None
    if protected and right_of(call.host, call.session.user) != ADMINISTRATOR:
        raise files.denied(path, "System.UnauthorizedAccessException")


def _each(call: Call, act: Callable[[str, bool], Iterator[Record]]) -> Iterator[Record]:
    """Serve the paths one after the other; a refusal is an error record and the next one has its turn."""
    for path, literal in paths_of(call):
        try:
            _guard(call, path)
            yield from act(path, literal)
        except Refusal as refusal:
            yield refusal.error


def found(host: Host, path: str, *, literal: bool) -> list[Obj]:
    """The items that a path names."""
    store_path, key = certificate.parse(path), registry_keys.key_of(path)
    if store_path is not None:
        if store_path.thumbprint is None:
            named = certificate.stores(store_path, literal=literal) if store_path.store else ["LocalMachine"]
            known = store_path.location is None or store_path.location.casefold() == "localmachine"
            return [certificate.store_object(one) for one in named if known]
        return [
            certificate.certificate_object(host, one) for one in certificate.found(host, store_path, literal=literal)
        ]
    if key is not None:
        values = registry_keys.values_at(host, key)
        return [] if values is None else [registry_keys.key_object(path, values)]
    if files.is_unc(path):
        return []
    return [files.item_object(host, entry) for entry in files.reached(host, path, literal=literal)]


@cmdlet("Test-Path")
def test_path(call: Call) -> Iterator[Record]:
    """True or False for each path; False with an error for one on another computer."""
    kind = str(call.get("PathType") or "Any")
    if all(path is None for path in (*listed(call.get("Path")), *listed(call.get("LiteralPath")))):
        text = "The provided Path argument was null or an empty collection."
        raise Refusal(text, "NullPathNotPermitted", "InvalidArgument")
    for path, literal in paths_of(call):
        if call.get("IsValid"):
            yield Output(bool(path) and not set('<>"|') & set(path))
            continue
        if files.is_unc(path):
            yield files.denied(path, "ItemExistsUnauthorizedAccessError").error
        items = [] if not path else found(call.host, path, literal=literal)
        fitting = [one for one in items if kind == "Any" or bool(one.get("PSIsContainer")) == (kind == "Container")]
        yield Output(bool(fitting))


@cmdlet("Get-Item")
def get_item(call: Call) -> Iterator[Record]:
    """The items at a path; a literal path that names none is an error."""

    def act(path: str, literal: bool) -> Iterator[Record]:
        items = found(call.host, path, literal=literal)
        if not items and (literal or not is_pattern(path)):
            raise files.path_not_found(call.host, path)
        yield from (Output(one) for one in items)

    yield from _each(call, act)


@cmdlet("Get-ChildItem")
def get_child_item(call: Call) -> Iterator[Record]:
    """What is below a path: files and folders, certificates of a store."""

    def act(path: str, literal: bool) -> Iterator[Record]:
        store_path = certificate.parse(path)
        if store_path is None:
            items = _files_below(call, path, literal)
        elif store_path.thumbprint is not None or not certificate.stores(store_path, literal=literal):
            items = iter(found(call.host, path, literal=literal))
            first = next(items, None)
            if first is None:
                raise files.path_not_found(call.host, path)
            items = chain([first], items)
        else:
            items = certificate.below(call.host, store_path, recurse=bool(call.get("Recurse")), literal=literal)
        for one in items:
            if _wanted(call, one):
                yield Output(one["PSChildName"] if call.get("Name") else one)

    yield from _each(call, act)


def _files_below(call: Call, path: str, literal: bool) -> Iterator[Obj]:
    entries = [] if files.is_unc(path) else files.reached(call.host, path, literal=literal)
    if not entries and (literal or not is_pattern(path)):
        raise files.path_not_found(call.host, path)
    # A pattern names the items themselves; a plain path names the folder to look into.
    inside = literal or not is_pattern(path)
    for entry in entries:
        for one in files.below(call.host, entry, recurse=bool(call.get("Recurse"))) if inside else [entry]:
            yield files.item_object(call.host, one)


def _wanted(call: Call, one: Obj) -> bool:
    name, folder = one["PSChildName"], one["PSIsContainer"]
    if (call.get("Directory") and not folder) or (call.get("File") and folder):
        return False
    if call.get("Filter") and not matches(call.get("Filter"), name):
        return False
    included = listed(call.get("Include"))
    if included and not any(matches(text, name) for text in included):
        return False
    return not any(matches(text, name) for text in listed(call.get("Exclude")))


@cmdlet("Get-ItemProperty")
def get_item_property(call: Call) -> Iterator[Record]:
    """Values of a registry key, or the item itself elsewhere; a value that is not there is an error."""

    def act(path: str, literal: bool) -> Iterator[Record]:
        key = registry_keys.key_of(path)
        values = registry_keys.values_at(call.host, key) if key is not None else None
        if values is None:
            items = found(call.host, path, literal=literal) if key is None else []
            if not items:
                raise files.path_not_found(call.host, path)
            yield from (Output(one) for one in items)
            return
        wanted = listed(call.get("Name"))
        chosen = {n: v for n, v in values.items() if not wanted or any(matches(text, n) for text in wanted)}
        for text in wanted:
            if not is_pattern(text) and not any(matches(text, name) for name in values):
                yield _no_property(path, text).error
        if chosen or not wanted:
            yield Output(registry_keys.value_object(path, chosen))

    yield from _each(call, act)


def _no_property(path: str, name: str) -> Refusal:
    exception = "System.Management.Automation.PSArgumentException"
    text = f"Property {name} does not exist at path {path}."
    return files.refusal(text, exception, "InvalidArgument", name, exception)


@cmdlet("New-Item")
def new_item(call: Call) -> Iterator[Record]:
    """Make folders or files. A folder that exists is refused, or given back with -Force."""
    name, kind = call.get("Name"), str(call.get("ItemType") or "File")
    for given in listed(call.get("Path")) or ["C:\\"]:
        path = (
            ntpath.join(str(given).removeprefix(files.PREFIX), name) if name else str(given).removeprefix(files.PREFIX)
        )
        try:
            _guard(call, path)
            yield Output(files.item_object(call.host, _made(call, path, kind)))
        except Refusal as refusal:
            yield refusal.error


def _made(call: Call, path: str, kind: str) -> Entry:
    force = bool(call.get("Force"))
    if kind.casefold() in ("directory", "container"):
        return files.make_folder(call.host, path, force=force)
    if kind.casefold() != "file":
        exception = "System.Management.Automation.PSArgumentException"
        raise files.refusal(f"The type '{kind}' is not known.", "Argument", "InvalidArgument", kind, exception)
    return files.make_file(call.host, path, force=force)


@cmdlet("Remove-Item")
def remove_item(call: Call) -> Iterator[Record]:
    """Delete files and folders; a folder that is not empty wants -Recurse, else it is asked for."""

    def act(path: str, literal: bool) -> Iterator[Record]:
        store_path = certificate.parse(path)
        if store_path is not None:
            gone = list(certificate.found(call.host, store_path, literal=literal))
            if not gone:
                raise files.path_not_found(call.host, path)
            call.host.certificates = [one for one in call.host.certificates if one not in gone]
            return
        entries = [] if files.is_unc(path) else files.reached(call.host, path, literal=literal)
        if not entries and (literal or not is_pattern(path)):
            raise files.path_not_found(call.host, path)
        for entry in entries:
            if entry.is_folder and not call.get("Recurse") and any(call.host.files.below(entry.path)):
                query = f"The item at {entry.path} has children and the Recurse parameter was not specified."
                yield Continue(query, "Confirm")
            call.host.files.remove(entry.path)

    yield from _each(call, act)
