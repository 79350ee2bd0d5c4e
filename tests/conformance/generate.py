"""Cases made for each cmdlet from the table of signatures: what a binder has to get right, whatever the cmdlet does."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.conformance.case import Case, Cmd
from tests.lab.engine import endpoint

ALL = "(All)"
SWITCH = "System.Management.Automation.SwitchParameter"
SELECT = "Microsoft.PowerShell.Utility\\Select-Object"
NULL = Cmd("Microsoft.PowerShell.Utility\\Write-Output", (("InputObject", None),))
SOURCES: dict[str, tuple[Cmd, ...]] = {
    "VirtualMachine": (Cmd("Hyper-V\\Get-VM", (("Name", "App01"),)),),
    "VMReplication": (Cmd("Hyper-V\\Get-VMReplication", (("VMName", "App01"),)),),
    "VMSnapshot": (Cmd("Hyper-V\\Get-VMSnapshot", (("VMName", "App01"),)),),
    "VMNetworkAdapter": (Cmd("Hyper-V\\Get-VMNetworkAdapter", (("VMName", "App01"),)),),
    "HardDiskDrive": (Cmd("Hyper-V\\Get-VMHardDiskDrive", (("VMName", "App01"),)),),
    "VMReplicationAuthorizationEntry": (Cmd("Hyper-V\\Get-VMReplicationAuthorizationEntry"),),
    "VMSwitch": (Cmd("Hyper-V\\Get-VMSwitch"),),
    "CimInstance": (Cmd("NetSecurity\\Get-NetFirewallRule"),),
    "PSObject": (Cmd("NetSecurity\\Get-NetFirewallRule"),),
}
"""Where live objects of a type come from: they have to be piped in the same pipeline."""
WRONG: dict[str, Any] = {
    **dict.fromkeys(("Int32", "UInt32", "Int64", "UInt64", "UInt16"), "many"),
    **dict.fromkeys(("TimeSpan", "DateTime"), "soon"),
    **dict.fromkeys(("Boolean", "SwitchParameter"), "yes"),
    **dict.fromkeys(("VirtualMachine", "VMReplication"), "App01"),
    "Guid": "no-guid",
    "Hashtable": "text",
    "String": ["a", ["b", "c"]],
    "CimSession": 7,
    "PSCredential": "me",
}
GOOD: dict[str, Any] = {
    **dict.fromkeys(("Int32", "UInt32", "Int64", "UInt64", "UInt16"), 1),
    **dict.fromkeys(("Boolean", "SwitchParameter"), True),
    **dict.fromkeys(("String", "Object", "Char"), "x"),
    "Guid": uuid.UUID(int=7),
    "TimeSpan": "01:00:00",
    "DateTime": "2026-03-03T00:00:00Z",
    "Hashtable": {"a": 1},
}
NAMED: dict[str, Any] = {
    **dict.fromkeys(("Name", "VMName"), "App01"),
    **dict.fromkeys(("ReplicaServerName", "ReplicaServer", "AllowedPrimaryServer"), "HV-B.corp.example"),
    **dict.fromkeys(("Path", "ReplicaStorageLocation"), "D:\\Replica"),
    "ReplicaServerPort": 80,
    "AuthenticationType": "Kerberos",
    "TrustGroup": "DEFAULT",
    "SwitchName": "Production",
    "NewName": "App99",
}
EVERYWHERE_ALIKE = {"ComputerName", "CimSession", "Credential", "AsJob", "ThrottleLimit"}
"""Parameters that nearly every cmdlet has, all bound alike: tried out with one cmdlet of each module."""


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """The signatures of all cmdlets that the modules have."""
    return dict(json.loads(Path(endpoint.__file__).with_name("signatures.json").read_text("utf-8")))


class Cmdlet:
    """One cmdlet's signature, and the cases for it."""

    def __init__(self, name: str, facts: dict[str, Any], first_of_module: bool) -> None:
        self.name = name
        self.first_of_module = first_of_module
        self.module = str(facts["module"])
        self.sets: list[str] = facts.get("sets") or [ALL]
        self.default: str | None = facts.get("default")
        self.asks = bool(facts.get("asks"))
        self.parameters: dict[str, dict[str, Any]] = facts["parameters"]

    def cases(self) -> Iterator[Case]:
        """Every case for this cmdlet."""
        made = itertools.chain(
            self._plain(), self._values(), self._sets(), self._piped(), self._common(), self._constrained()
        )
        world = "clustered" if self.module == "FailoverClusters" else "protected"
        for label, statements, given, constrained in made:
            yield Case(f"{self.name}: {label}", statements, given, constrained, world)

    # Each of these gives (label, statements, input, constrained).

    def _plain(self) -> Iterator[Any]:
        yield "nothing given", ((self._cmd(),),), None, False
        yield "unknown parameter", ((self._cmd(NoSuchParameter=1),),), None, False
        yield "unknown parameter, then another statement", ((self._cmd(NoSuchParameter=1),), (_echo(),)), None, False
        yield "in another case", ((Cmd(self.name.upper(), self._good(self._first_set())),),), None, False
        yield "surplus argument", ((Cmd(self.name, ((None, "App01"), *((None, n) for n in range(30)))),),), None, False
        yield "ambiguous prefix", ((self._cmd(V=1),),), None, False
        yield "empty prefix", ((Cmd(self.name, (("", 1),)),),), None, False

    def _values(self) -> Iterator[Any]:
        for name, facts in self.parameters.items():
            if name in EVERYWHERE_ALIKE and not self.first_of_module:
                continue
            base = [one for one in self._good(self._set_of(name)) if one[0] != name]
            for label, value in _bad_values(facts):
                yield f"-{name} {label}", ((Cmd(self._qualified, (*base, (name, value))),),), None, False
            good = _good_value(name, facts)
            if good is None:
                continue
            for spelling in (*facts.get("aliases", ()), name.lower(), name[:-1]):
                given = (*base, (spelling, good), ("WhatIf", True)) if self.asks else (*base, (spelling, good))
                yield f"-{name} as {spelling}", ((Cmd(self._qualified, given),),), None, False

    def _sets(self) -> Iterator[Any]:
        for one in self.sets:
            good = self._good(one)
            source = self._source(one)
            yield f"set {one}", ((*source, Cmd(self._qualified, good)),), None, False
            for left_out in good:
                rest = tuple(item for item in good if item is not left_out)
                yield f"set {one} without {left_out[0]}", ((*source, Cmd(self._qualified, rest)),), None, False
        for one, other in itertools.combinations(self.sets, 2):
            both = dict([*self._good(one), *self._good(other)])
            yield f"sets {one} and {other}", ((Cmd(self._qualified, tuple(both.items())),),), None, False

    def _piped(self) -> Iterator[Any]:
        good = self._good(self._first_set(), piped=True)
        command = Cmd(self._qualified, good)
        for label, given in (
            ("a name", ("App01",)),
            ("two names", ("App01", "App02")),
            ("an id", (uuid.UUID(int=7),)),
            ("a number", (7,)),
            ("an empty text", ("",)),
            ("a hashtable", ({"Name": "App01"},)),
        ):
            yield f"piped {label}", ((command,),), given, False
        for kind in ("VirtualMachine", "VMReplication", "VMNetworkAdapter", "CimInstance"):
            yield f"piped {kind}", ((*SOURCES[kind], command),), None, False
        yield "piped null", ((NULL, command),), None, False
        select = Cmd(SELECT, (("Property", ["Name", "Id", "VMName", "VMId"]),))
        yield "piped properties", ((*SOURCES["VirtualMachine"], select, command),), None, False

    def _common(self) -> Iterator[Any]:
        one = self._first_set()
        good, source = self._good(one), self._source(one)
        for action in ("Stop", "SilentlyContinue", "Ignore", "Continue", "Nonsense"):
            given = Cmd(self._qualified, (*good, ("ErrorAction", action)))
            yield f"-ErrorAction {action}", ((*source, given), (_echo(),)), None, False
        for name, value in (
            ("Verbose", True),
            ("Debug", False),
            ("WarningAction", "SilentlyContinue"),
            ("OutBuffer", 2),
        ):
            yield f"-{name}", ((*source, Cmd(self._qualified, (*good, (name, value)))),), None, False
        for name, value in (("WhatIf", True), ("Confirm", False), ("Confirm", True)):
            yield f"-{name} {value}", ((*source, Cmd(self._qualified, (*good, (name, value)))),), None, False
        yield (
            "two in a row",
            ((*source, Cmd(self._qualified, good)), (*source, Cmd(self._qualified, good))),
            None,
            False,
        )
        yield "selected", ((*source, Cmd(self._qualified, good), _select()),), None, False

    def _constrained(self) -> Iterator[Any]:
        one = self._first_set()
        good = self._good(one)
        source = tuple(Cmd(command.name.partition("\\")[2], command.parameters) for command in self._source(one))
        yield "by its bare name", ((*source, Cmd(self.name, good)),), None, True
        yield "by its qualified name", ((*source, Cmd(self._qualified, good)),), None, True
        yield "unknown parameter", ((self._cmd(NoSuchParameter=1),),), None, True
        yield "nothing given", ((self._cmd(),),), None, True
        yield "another machine", ((Cmd(self.name, (*good, ("ComputerName", "HV-B"))),),), None, True
        yield "piped an empty text", ((Cmd(self.name, good),),), ("",), True
        if self.asks:
            yield "-WhatIf", ((*source, Cmd(self.name, (*good, ("WhatIf", True)))),), None, True

    @property
    def _qualified(self) -> str:
        return f"{self.module}\\{self.name}"

    def _cmd(self, **parameters: Any) -> Cmd:
        return Cmd(self.name, tuple(parameters.items()))

    def _first_set(self) -> str:
        return self.default if self.default in self.sets else self.sets[0]

    def _set_of(self, parameter: str) -> str:
        sets = self.parameters[parameter]["sets"]
        first = self._first_set()
        return first if ALL in sets or first in sets else str(sets[0])

    def _mandatory(self, one: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, facts in self.parameters.items():
            needed = facts.get("mandatory")
            if (needed is True and (ALL in facts["sets"] or one in facts["sets"])) or (
                isinstance(needed, list) and (one in needed or ALL in needed)
            ):
                yield name, facts

    def _good(self, one: str, *, piped: bool = False) -> tuple[tuple[str | None, Any], ...]:
        """The mandatory parameters of a set that can be written; objects come by the pipeline (`_source`)."""
        return tuple(
            (name, value)
            for name, facts in self._mandatory(one)
            if not (piped and (facts.get("value") or facts.get("property")))
            if (value := _good_value(name, facts)) is not None
        )

    def _source(self, one: str) -> tuple[Cmd, ...]:
        for _unused, facts in self._mandatory(one):
            if facts.get("value") and (found := SOURCES.get(_short(facts["type"]))):
                return found
        return ()


def _short(type_name: str) -> str:
    return type_name.rpartition(".")[2].removesuffix("[]")


def _good_value(name: str, facts: dict[str, Any]) -> Any:
    kind = facts["type"].removesuffix("[]")
    if name in NAMED and _short(kind) in ("String", "Object", "Int32", "PSObject"):
        return NAMED[name]
    if facts.get("choices"):
        return facts["choices"][0]
    if facts.get("range"):
        return int(facts["range"][0])
    if kind in table()["enums"]:
        return next(iter(table()["enums"][kind]["values"]))
    return GOOD.get(_short(kind))


def _bad_values(facts: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    kind = facts["type"].removesuffix("[]")
    yield "null", None
    yield "empty", ""
    yield "an empty list", []
    if kind in table()["enums"]:
        names = list(table()["enums"][kind]["values"])
        yield "no such name", "NoSuchName"
        yield "by number", table()["enums"][kind]["values"][names[0]]
        yield "number out of range", 99999
        yield "in lower case", names[0].lower()
        yield "two names", ", ".join(names[:2])
    elif _short(kind) in WRONG:
        yield "of the wrong type", WRONG[_short(kind)]
    if facts.get("range"):
        low, high = facts["range"]
        for label, number in (("too low", low - 1), ("lowest", low), ("highest", high), ("too high", high + 1)):
            if -(2**31) <= number < 2**31:
                yield label, int(number)
    if facts["type"].endswith("[]") and _short(kind) in GOOD:
        yield "a list with null", [GOOD[_short(kind)], None]


def _echo() -> Cmd:
    return Cmd("Microsoft.PowerShell.Utility\\Write-Output", (("InputObject", "after"),))


def _select() -> Cmd:
    return Cmd(SELECT, (("Property", ["Name", "Id", "State", "NoSuchProperty"]),))


def cmdlets() -> list[Cmdlet]:
    """All cmdlets of the modules."""
    seen: set[str] = set()
    made = []
    for name, facts in sorted(table()["cmdlets"].items()):
        made.append(Cmdlet(name, facts, facts["module"] not in seen))
        seen.add(facts["module"])
    return made
