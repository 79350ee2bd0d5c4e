# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Disks of a VM: where they sit, what can be replicated, and which of them shall be.

A disk is named by its path or by its place (`SCSI 0:1`: controller type, number, location). A place is right on both
hosts, a path on one, and only as long as no checkpoint puts another file (.avhdx) in front of it.
Source: https://learn.microsoft.com/powershell/module/hyper-v/get-vmharddiskdrive and .../set-vmreplication
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..base.errors import OptionError
from ..base.values import path_key

ALL = "all"
# A nested disk arrives as the text that it prints, which ends with its id. The id is
# `Microsoft:<VM>\<controller>\<number>\<location>\D`: it holds the place, in every language (observed behaviour, not
# documented). The last bracket counts: a VM may be named like one.
_ID_IN_TEXT = re.compile(r"\[[^\[\]]*?\bId = '([^'\[\]]*)'[^\[\]]*\]\s*\Z")
_DRIVE_ID = re.compile(r"Microsoft:[^\\]+\\\{?([0-9A-F-]{36})\}?\\(\d+)\\(\d+)\\[A-Z]", re.IGNORECASE | re.ASCII)
# The emulated IDE controller (https://learn.microsoft.com/troubleshoot/windows-server/virtualization/, "Microsoft
# Emulated IDE Controller (Instance ID …)"); each other controller of disks is SCSI, or says PMEM in its name.
_IDE_CONTROLLER = "83f8638b-8dca-4152-9eda-2ca8b33039b4"
# The English name of a drive, where the text says no id (observed behaviour, not documented). It begins the text.
_NAMED = re.compile(
    r"\s*\w+ \(Name = '[^']*?\b(IDE|SCSI|PMEM) controller number (\d+) at (?:controller )?location (\d+)'",
    re.IGNORECASE,
)
_PMEM_NAME = re.compile(r"\s*\w+ \(Name = '[^']*\bPMEM\b", re.IGNORECASE)
# A checkpoint puts `<name>_<Guid>.avhdx` in front of `<name>.vhdx` (observed behaviour, not documented).
_CHECKPOINT = re.compile(r"(.*)_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.a(vhdx?)", re.IGNORECASE | re.DOTALL)
_ON_CHECKPOINT = (".avhdx", ".avhd")
_PLACE = re.compile(r"\s*(ide|scsi|pmem)\s*(\d+)\s*[:,/ ]\s*(\d+)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Disk:
    """A disk that is attached. `place` is `SCSI 0:1`; `path` spelled as Windows spells it ("" for an empty drive)."""

    place: str
    path: str
    physical: bool = False
    shared: bool = False

    @property
    def obstacle(self) -> str:
        """Why the disk cannot be replicated; "" for one that can."""
        if self.physical:
            return "is a disk of the host itself (pass-through)"
        if self.path.casefold().endswith(".vhds"):
            return "is a VHD set shared between VMs"
        return "is shared between VMs" if self.shared else ""

    @property
    def on_checkpoint(self) -> bool:
        """True while the VM runs on a checkpoint of this disk: its path is that of a file which goes away with it."""
        return self.path.casefold().endswith(_ON_CHECKPOINT)

    def stands_before(self, key: str) -> bool:
        """True for a disk on a checkpoint of the file of that path, by its name."""
        return before_checkpoint(self.path) == key

    def __str__(self) -> str:
        return f"{self.place} ({self.path})" if self.path else self.place


@dataclass(frozen=True)
class Wish:
    """What was asked of the disks, as `names`: keys of places or paths. `included` None is "not said"."""

    all: bool = False
    included: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()

    @property
    def said(self) -> bool:
        """True when anything was asked."""
        return self.all or self.included is not None or bool(self.excluded)


@dataclass(frozen=True)
class Choice:
    """A wish looked up in the disks of one VM. `problem` is why it cannot be."""

    replicate: tuple[Disk, ...] = ()
    problem: str = ""


def parse_disk(properties: Mapping[str, Any]) -> Disk:
    """A Get-VMHardDiskDrive row. Raises KeyError for one without its controller."""
    kind = str(properties["ControllerType"]).upper()
    return Disk(
        place=f"{kind} {int(properties['ControllerNumber'])}:{int(properties['ControllerLocation'])}",
        path=str(properties.get("Path") or ""),
        physical=properties.get("DiskNumber") not in (None, ""),
        shared=bool(properties.get("SupportPersistentReservations")),
    )


def nested(value: Any) -> list[Mapping[str, Any]]:
    """Disks nested in another object, as rows: their properties, or the place that the text tells as which they print.

    Raises ValueError for text that tells none.
    """
    items = value if isinstance(value, list) else [value] if value else []
    return [item if isinstance(item, Mapping) else _of_text(str(item)) for item in items]


def _of_text(text: str) -> Mapping[str, Any]:
    """The place from the id, which no language changes; from the English name where there is no id."""
    bracket = _ID_IN_TEXT.search(text)
    place = place_of_id(bracket.group(1), "PMEM" if _PMEM_NAME.match(text) else "SCSI") if bracket else None
    if place is None:
        found = _NAMED.match(text)
        if found is None:
            raise ValueError(f"its disks came without their properties and without an id that says a place: {text}")
        place = (found.group(1).upper(), found.group(2), found.group(3))
    return dict(zip(("ControllerType", "ControllerNumber", "ControllerLocation"), place, strict=True))


def place_of_id(drive: Any, not_ide: str = "SCSI") -> tuple[str, str, str] | None:
    """Controller type, number and location from a drive's id; None for an id of another form."""
    found = _DRIVE_ID.fullmatch(str(drive or "").strip())
    if found is None:
        return None
    return "IDE" if found.group(1).casefold() == _IDE_CONTROLLER else not_ide, found.group(2), found.group(3)


def before_checkpoint(path: Any) -> str | None:
    """The key of the file that a checkpoint's file (`x_<Guid>.avhdx`) stands before; None for another name."""
    found = _CHECKPOINT.fullmatch(path_key(path))
    return f"{found.group(1)}.{found.group(2)}" if found else None


def name_key(text: str) -> str:
    """The form in which a disk's name is looked up: a place as `SCSI 0:1`, anything else as a path."""
    match = _PLACE.fullmatch(text)
    return f"{match.group(1).upper()} {int(match.group(2))}:{int(match.group(3))}" if match else path_key(text)


def is_place(key: str) -> bool:
    """True for the name of a place: it means the same disk on both hosts."""
    return _PLACE.fullmatch(key) is not None


def read_wish(disks: list[str] | None, excluded: list[str] | None) -> Wish:
    """The options `disks` and `excluded_disks`. Raises OptionError for a mixture or a blank name."""
    for option, names in (("disks", disks), ("excluded_disks", excluded)):
        if any(not name.strip() for name in names or ()):
            raise OptionError(option, "an empty disk name was given.", "Name the place (SCSI 0:1) or the path.")
    words = [name.strip() for name in disks or ()]
    every = ALL in (word.casefold() for word in words)
    if every and len(words) > 1:
        raise OptionError("disks", f"'{ALL}' stands beside single disks.", f"Give '{ALL}' alone, or the disks.")
    if disks is not None and not words:
        raise OptionError("disks", "no disk is left to replicate.", f"Name at least one, or give '{ALL}'.")
    wish = Wish(
        all=every,
        included=None if every or disks is None else tuple(dict.fromkeys(map(name_key, words))),
        excluded=tuple(dict.fromkeys(map(name_key, excluded or ()))),
    )
    both = sorted(set(wish.included or ()) & set(wish.excluded))
    if both:
        raise OptionError("disks", f"{', '.join(both)} is included and excluded.", "Leave it in one of the two lists.")
    return wish


def bare_paths(wish: Wish) -> tuple[str, ...]:
    """Names in the wish that hold for one host only."""
    return tuple(key for key in (*(wish.included or ()), *wish.excluded) if not is_place(key))


def find(key: str, disks: Iterable[Disk]) -> Disk | None:
    """The disk of that place or path."""
    return next((disk for disk in disks if key in (disk.place, path_key(disk.path))), None)


def on_checkpoint(key: str, disks: Iterable[Disk]) -> str:
    """Half a sentence for a path whose disk runs on a checkpoint now, with the place to name instead; "" for others."""
    found = next((disk for disk in disks if disk.stands_before(key)), None)
    if found is None:
        return ""
    return f"runs on a checkpoint of {key} ({found.path}): name that disk by its place, {found.place}"


def same(one: Disk, other: Disk) -> bool:
    """True for the same disk seen twice: by place, for a path changes with the storage."""
    return one.place == other.place


def among(disk: Disk, disks: Iterable[Disk]) -> bool:
    """True when the disk is one of these."""
    return any(same(disk, other) for other in disks)


def choose(wish: Wish, attached: tuple[Disk, ...], replicated: tuple[Disk, ...] | None, lenient: bool) -> Choice:
    """The disks that shall be replicated, in the order attached.

    `replicated` is what is now, None before the first enable (then what is not said is all). `lenient`: an excluded
    disk that is not attached is no error, for plays on both hosts. Disks that cannot be replicated are a problem by
    place and never left out silently.
    """
    named = [*(wish.included or ()), *wish.excluded]
    moved = [text for key in named if find(key, attached) is None and (text := on_checkpoint(key, attached))]
    if moved:
        return Choice(problem="; ".join(moved))
    missing = [key for key in wish.included or () if find(key, attached) is None]
    missing += [key for key in wish.excluded if not lenient and find(key, attached) is None]
    if missing:
        return Choice(problem=f"has no disk {', '.join(missing)}; it has {listed(attached)}")
    excluded = [disk for disk in (find(key, attached) for key in wish.excluded) if disk]
    chosen = tuple(disk for disk in _base(wish, attached, replicated) if not among(disk, excluded))
    barred = [f"{disk} {disk.obstacle}" for disk in chosen if disk.obstacle]
    if barred:
        return Choice(problem=f"has a disk that cannot be replicated: {'; '.join(barred)}")
    if not chosen:
        return Choice(problem=f"would have no disk replicated; it has {listed(attached)}")
    return Choice(replicate=chosen)


def _base(wish: Wish, attached: tuple[Disk, ...], replicated: tuple[Disk, ...] | None) -> tuple[Disk, ...]:
    if wish.included is not None:
        return tuple(disk for disk in attached if any(find(key, (disk,)) for key in wish.included))
    if wish.all or replicated is None:
        return attached
    return tuple(disk for disk in attached if among(disk, replicated))


def unprotected(wish: Wish, attached: tuple[Disk, ...], replicated: tuple[Disk, ...]) -> tuple[Disk, ...]:
    """Disks that are attached, not replicated and not excluded by name: healthy now, missing after a failover."""
    excluded = [disk for disk in (find(key, attached) for key in wish.excluded) if disk]
    return tuple(disk for disk in attached if not among(disk, replicated) and not among(disk, excluded))


def equal(one: Iterable[Disk], other: Iterable[Disk]) -> bool:
    """True when both are the same set of disks."""
    return {disk.place for disk in one} == {disk.place for disk in other}


def listed(disks: Iterable[Disk]) -> str:
    """Disks for a message."""
    return ", ".join(map(str, disks)) or "none"
