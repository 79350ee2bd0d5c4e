"""Files and folders as the FileSystem provider shows them, and what it refuses."""

from __future__ import annotations

import ntpath
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..values import Enum, Obj, Refusal
from ..world.host import Host
from ..world.storage import Entry, normal
from .resolve import is_pattern, matches

PREFIX = "Microsoft.PowerShell.Core\\FileSystem::"
UNAUTHORISED = "System.UnauthorizedAccessException"


def own(kind: str) -> str:
    """A name of our own for a type that PowerShell's engine has: to an object of that name it would add members."""
    return f"{kind}#lab"


def refusal(text: str, id: str, category: str, target: object, exception: str) -> Refusal:
    """A refusal of the item cmdlets, whose exceptions are each their own class."""
    made = Refusal(text, id, category, target)
    made.error = replace(made.error, exception=exception)
    return made


def path_not_found(host: Host, path: str) -> Refusal:
    """What is said of a path, or of a drive, that is not there."""
    drive, colon, _unused = path.partition(":")
    if colon and drive.isalpha() and f"{drive.casefold()}:" not in {*host.files.drives, "cert:", "hklm:"}:
        text = f"Cannot find drive. A drive with the name '{drive}' does not exist."
        return refusal(
            text, "DriveNotFound", "ObjectNotFound", drive, "System.Management.Automation.DriveNotFoundException"
        )
    text = f"Cannot find path '{path}' because it does not exist."
    return refusal(text, "PathNotFound", "ObjectNotFound", path, "System.Management.Automation.ItemNotFoundException")


def denied(path: str, id: str) -> Refusal:
    """An access denial, for the path that was asked for."""
    return refusal(f"Access to the path '{path}' is denied.", id, "PermissionDenied", path, UNAUTHORISED)


def is_unc(path: str) -> bool:
    """Whether the path is on another computer."""
    return path.startswith(("\\\\", "//"))


def reached(host: Host, path: str, *, literal: bool) -> list[Entry]:
    """The files and folders that a path names; a pattern may name several, or none."""
    if literal or not is_pattern(path):
        one = host.files.find(path)
        return [one] if one is not None else []
    above, last = ntpath.split(path.rstrip("\\"))
    if not last:
        return []
    folders = reached(host, above, literal=False)
    return [one for folder in folders for one in host.files.below(folder.path) if matches(last, name_of(one))]


def name_of(entry: Entry) -> str:
    """The last part of the path; the whole for the root of a drive."""
    return ntpath.basename(entry.path.rstrip("\\")) or entry.path


def item_object(host: Host, entry: Entry) -> Obj:
    """DirectoryInfo or FileInfo."""
    when, above = host.local(entry.created), ntpath.dirname(entry.path.rstrip("\\"))
    facts: dict[str, Any] = {
        "Name": name_of(entry),
        "FullName": entry.path,
        "Exists": True,
        "Attributes": Enum("System.IO.FileAttributes", "Directory" if entry.is_folder else "Archive"),
        "CreationTime": when,
        "LastWriteTime": when,
        "Extension": "" if entry.is_folder else ntpath.splitext(entry.path)[1],
        "PSPath": PREFIX + entry.path,
        "PSParentPath": PREFIX + above,
        "PSChildName": name_of(entry),
        "PSIsContainer": entry.is_folder,
    }
    if entry.is_folder:
        return Obj(own("System.IO.DirectoryInfo"), facts)
    return Obj(own("System.IO.FileInfo"), {**facts, "Length": entry.size, "DirectoryName": above})


def make_folder(host: Host, path: str, *, force: bool) -> Entry:
    """Create a folder with those above it. Refused where it exists (unless `force`), or nothing can be made."""
    if is_unc(path) or _is_denied(host, path):
        raise denied(path, "CreateDirectoryUnauthorizedAccessError")
    if host.files.find(normal(path)[:2]) is None:
        raise path_not_found(host, path)
    there = host.files.find(path)
    if there is not None and not (force and there.is_folder):
        text = f"An item with the specified name {path} already exists."
        raise refusal(text, "DirectoryExist", "ResourceExists", path, "System.IO.IOException")
    return host.files.make_folder(path)


def make_file(host: Host, path: str, *, force: bool) -> Entry:
    """Create an empty file; the folder above has to exist unless `force`."""
    if is_unc(path) or _is_denied(host, path):
        raise denied(path, "NewItemUnauthorizedAccessError")
    if host.files.find(path) is not None and not force:
        raise refusal(
            f"The file '{path}' already exists.", "NewItemIOError", "WriteError", path, "System.IO.IOException"
        )
    if not host.files.is_folder(ntpath.dirname(path)) and not force:
        text = f"Could not find a part of the path '{path}'."
        raise refusal(text, "NewItemIOError", "WriteError", path, "System.IO.DirectoryNotFoundException")
    return host.files.write(path, 0)


def below(host: Host, entry: Entry, *, recurse: bool) -> Iterator[Entry]:
    """What is in a folder; a file is itself."""
    return host.files.below(entry.path, recurse=recurse) if entry.is_folder else iter([entry])


def _is_denied(host: Host, path: str) -> bool:
    key = normal(path)
    return any(key == normal(one) or key.startswith(normal(one) + "\\") for one in host.files.denied)
