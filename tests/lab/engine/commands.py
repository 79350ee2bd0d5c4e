"""What a name stands for in a session: every command on an ordinary endpoint, the listed ones on a constrained one."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from . import columns, general, measures
from .command import Body, Processor
from .endpoint import limited, listed
from .failures import command_not_found, module_not_loaded
from .forward import LabCmdlet
from .signatures import Parameter, Signature, parameter_from, table

ALIASES = {
    "%": "ForEach-Object",
    "?": "Where-Object",
    "echo": "Write-Output",
    "foreach": "ForEach-Object",
    "gcm": "Get-Command",
    "gjb": "Get-Job",
    "group": "Group-Object",
    "measure": "Measure-Object",
    "oh": "Out-Default",
    "rcjb": "Receive-Job",
    "rjb": "Remove-Job",
    "select": "Select-Object",
    "sleep": "Start-Sleep",
    "sort": "Sort-Object",
    "where": "Where-Object",
    "wjb": "Wait-Job",
    "write": "Write-Output",
}
RESTRICTED_OWN = ("Get-Command", "Measure-Object", "Out-Default")
"""Functions of a restricted session that are there without being listed (those that make sense without a screen)."""
NARROW = [
    "ModuleName",
    "Namespace",
    "OutputType",
    "Count",
    "HelpUri",
    "Name",
    "CommandType",
    "ResolvedCommandName",
    "DefaultParameterSet",
    "CmdletBinding",
    "Parameters",
]
_BODIES: Mapping[str, type[Body]] = {**general.BODIES, **columns.BODIES, **measures.BODIES}


@dataclass(frozen=True)
class Found:
    """A command: how it binds, and what it does."""

    signature: Signature
    body: Callable[[Processor], Body]


def _found(signature: Signature) -> Found:
    return Found(signature, _BODIES.get(signature.name, LabCmdlet))


@lru_cache(maxsize=1)
def _everything() -> dict[str, Found]:
    return {name: _found(signature) for name, signature in table().signatures.items()}


def _proxy(signature: Signature, allowed: Iterable[str], owner: str) -> Signature:
    """A function of the cmdlet's name in front of it, with only some of its parameters and the common ones."""
    names = {name.lower() for name in allowed}
    kept = tuple(one for one in signature.parameters if one.common or one.name.lower() in names)
    by_name = {alias.lower(): one for one in kept for alias in one.aliases} | {one.name.lower(): one for one in kept}
    return replace(
        signature, owner=owner, parameters=kept, by_name=by_name, function=True, behind=signature.behind or signature
    )


def _showing() -> Signature:
    """The restricted session's own Out-Default: it wants something to show."""
    return _own(
        "Out-Default", parameter_from("InputObject", {"type": "System.Object", "mandatory": True, "value": True}, ())
    )


def _own(name: str, *parameters: Parameter) -> Signature:
    """A function of the restricted session: these parameters and the common ones."""
    signature = table().signatures[name.lower()]
    every = (*parameters, *(one for one in signature.parameters if one.common))
    by_name = {alias.lower(): one for one in every for alias in one.aliases} | {one.name.lower(): one for one in every}
    return replace(signature, owner=name, parameters=every, by_name=by_name, sets=(), default=None, function=True)


def _narrow_select() -> Signature:
    """The restricted session's own Select-Object: it knows a few names of properties, those of commands."""
    choice = parameter_from("Property", {"type": "System.String[]", "position": 0, "choices": NARROW}, ())
    whole = parameter_from("InputObject", {"type": "System.Object", "mandatory": True, "value": True}, ())
    return _own("Select-Object", choice, whole)


@lru_cache(maxsize=1)
def _constrained() -> dict[str, Found]:
    """By lower-case name as it is called: bare, and with its module where that works."""
    whole = _everything()
    names: dict[str, Found] = {name.lower(): whole[name.lower()] for name in RESTRICTED_OWN}
    for entry in listed():
        module, _unused, name = entry.rpartition("\\")
        found = whole.get(name.lower())
        if found is not None:
            names[name.lower()] = found
            names[f"{module}\\{name}".lower()] = found
    for name, allowed in limited().items():
        names[name.lower()] = Found(_proxy(whole[name.lower()].signature, allowed, name), LabCmdlet)
    names["out-default"] = Found(_showing(), general.Swallow)
    names["select-object"] = Found(_narrow_select(), columns.SelectObject)
    return names


# Modules that come with a feature of Windows: a host may lack them.
FEATURE_MODULES = frozenset({"Hyper-V", "FailoverClusters", "NetSecurity", "Storage", "DnsClient"})


class Commands:
    """The commands of one session. `installed`: modules of Windows features that its host has."""

    def __init__(self, constrained: bool = False, installed: Container[str] = FEATURE_MODULES) -> None:
        self._constrained = constrained
        self._installed = installed

    def visible(self) -> Iterable[Signature]:
        """The signatures of what can be called, by bare name."""
        names = _constrained() if self._constrained else _everything()
        there = (found.signature for name, found in sorted(names.items()) if "\\" not in name)
        return [signature for signature in there if self._has(signature.module)]

    def _has(self, module: str) -> bool:
        return module not in FEATURE_MODULES or module in self._installed

    def resolve(self, name: str) -> Found:
        """The command of that name. Raises Failure: there is none, or none for this session."""
        module, slash, bare = name.rpartition("\\")
        known = _everything().get(bare.lower())
        if known is not None and not self._has(known.signature.module):
            raise module_not_loaded(module, name) if slash and not self._constrained else command_not_found(name)
        if self._constrained:
            return self._resolve_constrained(name)
        found = _everything().get(bare.lower())
        if not slash:
            found = found or _everything().get(ALIASES.get(bare.lower(), "").lower())
        elif module.lower() not in _modules():
            raise module_not_loaded(module, name)
        elif found is not None and found.signature.module.lower() != module.lower():
            found = None
        if found is None:
            raise command_not_found(name)
        return found

    @staticmethod
    def _resolve_constrained(name: str) -> Found:
        found = _constrained().get(name.lower())
        if found is not None:
            return found
        module, _unused, bare = name.rpartition("\\")
        if not module and bare.lower() in ALIASES:
            return Commands._resolve_constrained(ALIASES[bare.lower()])
        known = _everything().get(bare.lower())
        hidden = known is not None and known.body is LabCmdlet and known.signature.module.lower() == module.lower()
        raise command_not_found(bare if hidden else name)


@lru_cache(maxsize=1)
def _modules() -> frozenset[str]:
    return frozenset(signature.module.lower() for signature in table().signatures.values())
