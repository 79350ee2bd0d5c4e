"""The registry as the HKLM: drive shows it: what a world put there, and the names that every host has."""

from __future__ import annotations

from collections.abc import Mapping

from ..values import Obj
from ..world.host import Host
from .files import own

TCPIP_KEY = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
PREFIX = "Microsoft.PowerShell.Core\\Registry::"
LONG, SHORT = "hkey_local_machine\\", "hklm\\"


def key_of(path: str) -> str | None:
    r"""`HKLM\…` in lower case for a path of the drive or of the provider, or None for another path."""
    text = path.replace("/", "\\").casefold()
    text = text.removeprefix("microsoft.powershell.core\\").removeprefix("registry::")
    if text.startswith("hklm:"):
        return (SHORT + text[5:].lstrip("\\")).rstrip("\\")
    for start in (LONG, SHORT):
        if text.startswith(start):
            return (SHORT + text[len(start) :]).rstrip("\\")
    return None


def values_at(host: Host, key: str) -> Mapping[str, object] | None:
    """The values of a key, or None when there is no such key."""
    own: Mapping[str, object] = {"Domain": host.domain, "Hostname": host.name, "NV Domain": host.domain}
    keys: Mapping[str, Mapping[str, object]] = {TCPIP_KEY: own, **host.registry}
    return next((values for name, values in keys.items() if name.casefold() == key), None)


def value_object(path: str, values: Mapping[str, object]) -> Obj:
    """What Get-ItemProperty gives: the values, then where they come from."""
    above, _unused, name = path.rpartition("\\")
    places = {"PSPath": PREFIX + path, "PSParentPath": PREFIX + above, "PSChildName": name, "PSDrive": "HKLM"}
    return Obj("System.Management.Automation.PSCustomObject", {**values, **places})


def key_object(path: str, values: Mapping[str, object]) -> Obj:
    """What Get-Item gives."""
    name = "HKEY_LOCAL_MACHINE\\" + path.replace("/", "\\").partition("\\")[2]
    facts = {"Name": name, "Property": list(values), "PSPath": PREFIX + name, "PSIsContainer": True}
    return Obj(own("Microsoft.Win32.RegistryKey"), facts)
