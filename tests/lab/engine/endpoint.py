"""The session configurations of a host: the ordinary ones, and one constrained endpoint as an administrator writes it.

The constrained one is RestrictedRemoteServer, NoLanguage, listed cmdlets only. What reads is listed as it is; what
changes state is listed with its parameters, so PowerShell puts a proxy function of the bare name before the cmdlet and
hides the cmdlet itself: `Hyper-V\\Start-VM` is not found there, `Start-VM` is.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Set
from functools import lru_cache
from pathlib import Path

CONSTRAINED = "Hyperv.Replica"
ORDINARY = re.compile(r"Microsoft\.PowerShell(32)?|PowerShell\.7.*", re.IGNORECASE)
GENERAL = (
    "Microsoft.PowerShell.Core\\ForEach-Object",
    "Microsoft.PowerShell.Core\\Where-Object",
    "Microsoft.PowerShell.Management\\Get-ChildItem",
    "Microsoft.PowerShell.Management\\Get-Item",
    "Microsoft.PowerShell.Management\\Get-ItemProperty",
    "Microsoft.PowerShell.Management\\Get-Service",
    "Microsoft.PowerShell.Management\\New-Item",
    "Microsoft.PowerShell.Management\\Test-Path",
    "Microsoft.PowerShell.Utility\\Get-Date",
    "Microsoft.PowerShell.Utility\\Group-Object",
    "Microsoft.PowerShell.Utility\\Measure-Object",
    "Microsoft.PowerShell.Utility\\Select-Object",
    "Microsoft.PowerShell.Utility\\Sort-Object",
)
REMOTE = {"ComputerName", "CimSession", "Credential"}
"""Parameters that lead to another machine: an administrator does not hand those out."""
READING = {"Get", "Measure", "Test", "Resolve"}


def is_constrained(configuration: str) -> bool:
    """Whether a host's configuration of this name is the constrained one. KeyError: it has none of this name."""
    if configuration.lower() == CONSTRAINED.lower():
        return True
    if ORDINARY.fullmatch(configuration) is None:
        raise KeyError(configuration)
    return False


@lru_cache(maxsize=1)
def _signatures() -> dict[str, dict[str, object]]:
    table = json.loads(Path(__file__).with_name("signatures.json").read_text(encoding="utf-8"))
    return dict(table["cmdlets"])


@lru_cache(maxsize=1)
def listed() -> tuple[str, ...]:
    """What is listed as it is: qualified with its module, so it answers to both names."""
    own = (f"{facts['module']}\\{name}" for name, facts in _signatures().items() if name.partition("-")[0] in READING)
    return (*sorted(own), *GENERAL)


@lru_cache(maxsize=1)
def limited() -> dict[str, tuple[str, ...]]:
    """What has a proxy: bare name of the cmdlet -> the parameters that may be given (common ones apart)."""
    return {
        name: tuple(sorted(set(facts["parameters"]) - REMOTE))  # type: ignore[call-overload]
        for name, facts in sorted(_signatures().items())
        if name.partition("-")[0] not in READING
    }


@lru_cache(maxsize=1)
def modules() -> tuple[str, ...]:
    """The modules to import: an entry with parameters does not load its own."""
    return tuple(sorted({str(facts["module"]) for facts in _signatures().values()}))


def configuration_file(missing: Set[str] = frozenset()) -> str:
    """The text of the .pssc file, for a host that lacks these modules."""
    entries = [f"'{name}'" for name in listed() if name.partition("\\")[0] not in missing]
    for name, parameters in limited().items():
        if _signatures()[name]["module"] in missing:
            continue
        given = ", ".join(f"@{{ Name = '{parameter}' }}" for parameter in parameters)
        entries.append(f"@{{ Name = '{name}'; Parameters = {given} }}")
    visible = ",\n        ".join(entries)
    names = ", ".join(f"'{name}'" for name in modules() if name not in missing)
    return (
        "@{\n"
        "    SchemaVersion = '2.0.0.0'\n"
        f"    GUID = '{uuid.uuid5(uuid.NAMESPACE_DNS, CONSTRAINED)}'\n"
        "    SessionType = 'RestrictedRemoteServer'\n"
        "    LanguageMode = 'NoLanguage'\n"
        f"    ModulesToImport = {names}\n"
        f"    VisibleCmdlets = {visible}\n"
        "}\n"
    )
