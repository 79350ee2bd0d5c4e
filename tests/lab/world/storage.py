"""Volumes, files and virtual disks of a host. Sizes are bytes; paths compare without case, as Windows does."""

from __future__ import annotations

import ntpath
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone

GIB = 1024**3
CLUSTER_STORAGE = "C:\\ClusterStorage"
CREATED = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass
class Disk:
    """A disk of a VM, at its place. A pass-through disk has `disk_number` and no file.

    `kind` is Fixed, Dynamic or Differencing; `file_size` is what the file takes.
    """

    path: str
    size: int = 40 * GIB
    file_size: int = 10 * GIB
    controller: str = "SCSI"
    number: int = 0
    location: int = 0
    kind: str = "Dynamic"
    parent: str = ""
    shared: bool = False
    disk_number: int | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()).upper())

    @property
    def pass_through(self) -> bool:
        """Whether it is a physical disk."""
        return self.disk_number is not None


@dataclass
class Volume:
    """A volume: a drive letter, or a mount point below C:\\ClusterStorage (a cluster shared volume)."""

    letter: str | None = "C"
    size: int = 1024 * GIB
    free: int = 800 * GIB
    label: str = ""
    file_system: str = "NTFS"
    mount: str | None = None

    @property
    def root(self) -> str:
        """Where it begins, without trailing backslash."""
        return self.mount or f"{self.letter}:"


def normal(path: str) -> str:
    """The path as it is compared: case, slashes and a trailing backslash do not count."""
    return ntpath.normcase(path.replace("/", "\\")).rstrip("\\")


@dataclass
class Entry:
    """A folder (size None) or a file."""

    path: str
    size: int | None = None
    created: datetime = CREATED

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.size is None


@dataclass
class FileSystem:
    """Folders and files of a host by path; below C:\\ClusterStorage all nodes of a cluster see the same (`shared`).

    `denied` are folders to which the service has no rights. A UNC path is a second hop: it is never reached from
    a remote session (without delegation, which no session here has).
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    drives: set[str] = field(default_factory=lambda: {"c:"})
    denied: set[str] = field(default_factory=set)
    shared: FileSystem | None = None

    def _home(self, path: str) -> FileSystem:
        below = normal(path).startswith(normal(CLUSTER_STORAGE) + "\\")
        return self.shared if below and self.shared else self

    def find(self, path: str) -> Entry | None:
        """The folder or file of that path; the root of a drive is a folder."""
        key = normal(path)
        if key in self.drives:
            return Entry(key.upper() + "\\")
        if self.shared and key == normal(CLUSTER_STORAGE):
            return Entry(CLUSTER_STORAGE)
        return self._home(path).entries.get(key)

    def is_folder(self, path: str) -> bool:
        """Whether a folder of that path exists."""
        found = self.find(path)
        return found is not None and found.is_folder

    def make_folder(self, path: str) -> Entry:
        """Create a folder and those above it; one that exists is given back."""
        found = self.find(path)
        if found is not None:
            return found
        above = ntpath.dirname(path.rstrip("\\"))
        if normal(above) != normal(path) and above:
            self.make_folder(above)
        made = Entry(path.rstrip("\\"))
        self._home(path).entries[normal(path)] = made
        return made

    def write(self, path: str, size: int) -> Entry:
        """Create a file, and the folders above it; one that exists gets the size."""
        self.make_folder(ntpath.dirname(path))
        made = Entry(path, size)
        self._home(path).entries[normal(path)] = made
        return made

    def remove(self, path: str) -> None:
        """Delete a file, or a folder with all below it; nothing when it is not there."""
        key = normal(path)
        entries = self._home(path).entries
        for one in [one for one in entries if one == key or one.startswith(key + "\\")]:
            del entries[one]

    def below(self, path: str, *, recurse: bool = False) -> Iterator[Entry]:
        """What is in a folder, by path; with `recurse` at any depth."""
        key = normal(path) + "\\"
        everything = {**self.entries, **(self.shared.entries if self.shared else {})}
        for name, entry in sorted(everything.items()):
            if name.startswith(key) and (recurse or "\\" not in name[len(key) :]):
                yield entry
