# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What could not be read, and whose it is: a part that failed is said to be unreadable, never shown as empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..base.errors import ReplicaError, said
from ..base.session import ErrorRecord
from ..base.values import path_key


@dataclass(frozen=True)
class Unreadable:
    """A kind that could not be read, of one VM (`vm` is its id) or as a whole."""

    kind: str
    problem: str
    vm: str | None = None
    records: tuple[ErrorRecord, ...] = ()

    def result(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The entry of the result's list `unreadable`."""
        return {
            "kind": self.kind,
            "vm": None if self.vm is None else {"id": self.vm, "name": names.get(self.vm)},
            "problem": self.problem,
            "errors": [
                {"id": r.fq_error_id, "category": r.category, "codes": list(r.codes), "message": r.message.strip()}
                for r in self.records
            ],
        }


@dataclass(eq=False)
class CannotRead(ReplicaError):
    """Parts that could not be read, in a task that did not ask to have them reported."""

    host: str
    parts: tuple[Unreadable, ...]
    names: Mapping[str, str]

    def __str__(self) -> str:
        shown = self.parts[:5]
        more = len(self.parts) - len(shown)
        alike: dict[tuple[str, ...], list[Unreadable]] = {}
        for part in shown:
            texts = tuple(dict.fromkeys(record.message.strip() for record in part.records))
            alike.setdefault(texts or (part.problem,), []).append(part)
        told = (f"{', '.join(map(self._whose, parts))}: {_problem(parts)}" for parts in alike.values())
        return (
            f"{self.host}: could not read {'; '.join(told)}"
            + (f"; and {more} more" if more else "")
            + ". Nothing is known about these parts, which is not the same as empty."
            + _advice(tuple(record for part in self.parts for record in part.records))
            + " Give unreadable=report to get the rest and have them listed."
        )

    def _whose(self, part: Unreadable) -> str:
        return part.kind + (f" of VM {self.names.get(part.vm, part.vm)}" if part.vm else "")


def _problem(parts: list[Unreadable]) -> str:
    """What several parts that failed alike say, once."""
    return said(record for part in parts for record in part.records) or parts[0].problem


def _advice(records: tuple[ErrorRecord, ...]) -> str:
    """What to do about the errors that have one remedy."""
    if any(record.is_missing_command for record in records):
        return (
            " Install the Hyper-V module for PowerShell on the host, or let its constrained endpoint admit the cmdlet."
        )
    if any(record.category == "PermissionDenied" for record in records):
        return " Connect as a member of the host's group Hyper-V Administrators (or Administrators)."
    return ""


def by_owner(
    errors: Iterable[ErrorRecord], names: Mapping[str, str], paths: Mapping[str, str] | None = None
) -> dict[str | None, tuple[ErrorRecord, ...]]:
    """The errors by the id of the VM that they concern; None holds those that cannot be told.

    An error does not say which statement it belongs to (observed behaviour), so its target and text are searched for
    the VM's id, for the VM's name in quotes, and for a disk's path (`paths`: path_key -> id). Where two VMs fit, nobody
    owns it.
    """
    found: dict[str | None, list[ErrorRecord]] = {}
    for error in errors:
        owners = _owners(error, names, paths or {})
        found.setdefault(owners.pop() if len(owners) == 1 else None, []).append(error)
    return {owner: tuple(records) for owner, records in found.items()}


def _owners(error: ErrorRecord, names: Mapping[str, str], paths: Mapping[str, str]) -> set[str]:
    said = f"{error.target}\n{error.message}".lower()
    by_id = {vm for vm in names if vm in said}
    if by_id:
        return by_id
    by_path = {vm for path, vm in paths.items() if path and path in said}
    if by_path:
        return by_path
    target = error.target.strip().casefold()
    folded = said.casefold()
    return {vm for vm, name in names.items() if target == name.casefold() or _quoted(name.casefold(), folded)}


def _quoted(name: str, text: str) -> bool:
    """Hyper-V quotes names as 'x' or "x"; translations use other marks as well."""
    marks = ("''", '""', "\u00ab\u00bb", "\u201e\u201c", "\u201c\u201d", "\u2018\u2019")
    return any(f"{mark[0]}{name}{mark[1]}" in text for mark in marks)


def problem_of(records: tuple[ErrorRecord, ...]) -> str:
    """Windows's own words for one part."""
    return said(records)


def path_keys(paths: Mapping[str, str]) -> dict[str, str]:
    """Paths in the form in which they are looked for, without those too short to mean one disk."""
    return {path_key(path): vm for path, vm in paths.items() if len(path) > 3}
