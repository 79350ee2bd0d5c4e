# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Options that several modules share: one group here, documented by the fragment of the same name.

A resource composes them: `spec = {**VM_SELECTION, **WAITING, "state": {...}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .errors import OptionError
from .ranges import check_ranges
from .values import guid

WAITING: Mapping[str, Any] = {
    "wait_timeout": {"type": "float", "default": 3600},
    "settle_timeout": {"type": "float", "default": 120},
    "poll_interval": {"type": "float", "default": 5},
}
"""How long to wait, for what, and how often to look. Fragment: hyperv.replica.waiting."""

VM_SELECTION: Mapping[str, Any] = {
    "names": {"type": "list", "elements": "str"},
    "ids": {"type": "list", "elements": "str"},
}
"""Which VMs of the host. Fragment: hyperv.replica.vm_selection."""


@dataclass(frozen=True)
class Waiting:
    """The waiting group as values, in seconds."""

    wait_timeout: float = 3600
    settle_timeout: float = 120
    poll_interval: float = 5
    patience: float | None = None
    """After so many seconds the task ends as soon as one VM is through; None: it waits for the slowest."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Waiting:
        """Read the group; a module without it gets the defaults. Raises OptionError for any option beyond its range."""
        check_ranges(options)
        return cls(**{one.name: float(options[one.name]) for one in fields(cls) if options.get(one.name) is not None})


@dataclass(frozen=True)
class VMSelection:
    """The VMs that were asked for: `names` literally as given, `ids` as lower-case Guids; both None is "none said"."""

    names: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> VMSelection:
        """Read the group. Raises OptionError for a blank name and for text that is no id."""
        names, ids = options.get("names"), options.get("ids")
        if names is not None and any(not name.strip() for name in names):
            raise OptionError("names", "an empty name was given.", "Leave it out, or give the name of a VM.")
        return cls(
            names=None if names is None else tuple(dict.fromkeys(names)),
            ids=None if ids is None else tuple(dict.fromkeys(_id(text) for text in ids)),
        )


def _id(text: str) -> str:
    try:
        return guid(text)
    except ValueError as error:
        raise OptionError("ids", str(error), "Get-VM shows it as Id.") from None
