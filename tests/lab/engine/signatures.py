"""The lab's own table of cmdlet signatures, as the binder reads it. make_signatures.py says what the form means.

A set of parameter sets is a bit mask (`ALL_SETS` before anything narrowed it): that is how PowerShell counts them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

ALL_SETS = 0xFFFFFFFF
SWITCH = "System.Management.Automation.SwitchParameter"
ACTION = "System.Management.Automation.ActionPreference"
_ALL = "(All)"


@dataclass(frozen=True)
class Place:
    """What a parameter is in one parameter set. `flag` is the set's bit; 0 stands for every set."""

    flag: int
    mandatory: bool = False
    position: int | None = None
    by_value: bool = False
    by_property: bool = False

    def within(self, sets: int) -> bool:
        """Whether it counts when `sets` are still possible."""
        return self.flag == 0 or bool(self.flag & sets)


@dataclass(frozen=True, eq=False)
class Parameter:
    """One parameter. `flags` is 0 when it belongs to every set."""

    name: str
    type: str
    places: tuple[Place, ...]
    aliases: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    empty: str = ""
    nullable: bool = False
    kind: str | None = None
    common: bool = False
    remaining: bool = False

    @cached_property
    def flags(self) -> int:
        """The bits of the sets that it is in; 0: it does not narrow them."""
        bits = 0
        for place in self.places:
            bits |= place.flag
        return bits

    @cached_property
    def everywhere(self) -> bool:
        """Whether some place of it counts in every set."""
        return any(place.flag == 0 for place in self.places)

    @cached_property
    def piped(self) -> bool:
        """Whether it can take pipeline input in some set."""
        return any(place.by_value or place.by_property for place in self.places)

    @cached_property
    def mandatory(self) -> bool:
        """Whether it is mandatory in some set."""
        return any(place.mandatory for place in self.places)

    def places_in(self, sets: int) -> list[Place]:
        """Its places in the sets that are still possible."""
        return [place for place in self.places if place.within(sets)]


@dataclass(frozen=True, eq=False)
class Signature:
    """One command: who it is, and its parameters in the order in which PowerShell looks at them."""

    name: str
    module: str
    owner: str
    parameters: tuple[Parameter, ...]
    sets: tuple[str, ...] = ()
    default: str | None = None
    exception: str | None = None
    asks: bool = False
    impact: str = "Medium"
    function: bool = False
    by_name: Mapping[str, Parameter] = field(default_factory=dict)
    behind: Signature | None = None
    """The cmdlet that a proxy function stands in front of."""

    @cached_property
    def default_flag(self) -> int:
        """The default set's bit, or 0."""
        return 1 << self.sets.index(self.default) if self.default in self.sets else 0

    @cached_property
    def every_flag(self) -> int:
        """The bits of all named sets."""
        return (1 << len(self.sets)) - 1

    def set_name(self, sets: int) -> str:
        """The name of the one set in the mask; PowerShell's own name for "all of them" otherwise."""
        for at, name in enumerate(self.sets):
            if sets == 1 << at:
                return name
        return "__AllParameterSets"


COMMON_ROWS: dict[str, dict[str, Any]] = {
    "Verbose": {"type": SWITCH, "aliases": ["vb"]},
    "Debug": {"type": SWITCH, "aliases": ["db"]},
    "ErrorAction": {"type": ACTION, "aliases": ["ea"]},
    "WarningAction": {"type": ACTION, "aliases": ["wa"]},
    "InformationAction": {"type": ACTION, "aliases": ["infa"]},
    "ErrorVariable": {"type": "System.String", "aliases": ["ev"]},
    "WarningVariable": {"type": "System.String", "aliases": ["wv"]},
    "InformationVariable": {"type": "System.String", "aliases": ["iv"]},
    "OutVariable": {"type": "System.String", "aliases": ["ov"]},
    "OutBuffer": {"type": "System.Int32", "aliases": ["ob"], "range": [0, 2147483647]},
    "PipelineVariable": {"type": "System.String", "aliases": ["pv"]},
}
ASKING_ROWS: dict[str, dict[str, Any]] = {
    "WhatIf": {"type": SWITCH, "aliases": ["wi"]},
    "Confirm": {"type": SWITCH, "aliases": ["cf"]},
}


def _places(row: Mapping[str, Any], sets: Iterable[str]) -> tuple[Place, ...]:
    bits = {name: 1 << at for at, name in enumerate(sets)} | {_ALL: 0}
    mandatory = row.get("mandatory", False)
    return tuple(
        Place(
            bits[name],
            mandatory if isinstance(mandatory, bool) else name in mandatory,
            row.get("position"),
            bool(row.get("value")),
            bool(row.get("property")),
        )
        for name in row.get("sets", [_ALL])
    )


def parameter_from(name: str, row: Mapping[str, Any], sets: Iterable[str], common: bool = False) -> Parameter:
    """A row of the table as a parameter."""
    span = row.get("range")
    return Parameter(
        name,
        row["type"],
        _places(row, sets),
        tuple(row.get("aliases", ())),
        (span[0], span[1]) if span else None,
        tuple(row.get("choices", ())),
        row.get("empty", ""),
        bool(row.get("nullable")),
        row.get("kind"),
        common,
        bool(row.get("remaining")),
    )


def signature_from(name: str, row: Mapping[str, Any]) -> Signature:
    """A row of the table as a signature, with the parameters that every command has."""
    sets = tuple(row.get("sets", ()))
    parameters = [parameter_from(one, each, sets) for one, each in row.get("parameters", {}).items()]
    extra = COMMON_ROWS | (ASKING_ROWS if row.get("asks") else {})
    parameters += [parameter_from(one, each, sets, common=True) for one, each in extra.items()]
    names = {alias.lower(): each for each in parameters for alias in each.aliases}
    names |= {each.name.lower(): each for each in parameters}
    return Signature(
        name,
        row["module"],
        row["class"],
        tuple(parameters),
        sets,
        row.get("default"),
        row.get("exception"),
        bool(row.get("asks")),
        row.get("impact", "Medium"),
        bool(row.get("function")),
        names,
    )


@dataclass(frozen=True)
class EnumType:
    """An enum: its members by name, with their numbers."""

    name: str
    values: Mapping[str, int]
    flags: bool = False


@dataclass(frozen=True)
class Table:
    """Everything that the engine knows about commands and types."""

    enums: Mapping[str, EnumType]
    bases: Mapping[str, str | None]
    signatures: Mapping[str, Signature]
    """By lower-case name."""

    def is_a(self, type_name: str, wanted: str) -> bool:
        """Whether objects of the one type are objects of the other."""
        seen: str | None = type_name
        while seen:
            if seen.lower() == wanted.lower():
                return True
            seen = self.bases.get(seen)
        return False


_ENGINE_ENUMS = {
    ACTION: {"SilentlyContinue": 0, "Stop": 1, "Continue": 2, "Inquire": 3, "Ignore": 4, "Suspend": 5, "Break": 6},
}


@lru_cache(maxsize=1)
def table() -> Table:
    """The table as it is committed."""
    enums = {name: EnumType(name, values) for name, values in _ENGINE_ENUMS.items()}
    bases: dict[str, str | None] = {}
    signatures: dict[str, Signature] = {}
    for file in ("signatures_core.json", "signatures_general.json", "signatures.json"):
        content = json.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))
        for name, row in content.get("enums", {}).items():
            enums[name] = EnumType(name, row["values"], bool(row.get("flags")))
        bases |= content.get("objects", {})
        signatures |= {name.lower(): signature_from(name, row) for name, row in content["cmdlets"].items()}
    return Table(enums, bases, signatures)
