# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is sent to a host, as data: statements of cmdlets with parameters.

Nothing here knows how it travels (wire/psrp.py) or what it means (the resources). No value can become code: a
parameter is only ever a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The module that owns a cmdlet. Hyper-V is the default: PowerCLI and SCVMM ship a Get-VM too, so names are qualified.
MODULES: Mapping[str, str] = {
    "Select-Object": "Microsoft.PowerShell.Utility",
    "Sort-Object": "Microsoft.PowerShell.Utility",
    "Get-Date": "Microsoft.PowerShell.Utility",
    "Where-Object": "Microsoft.PowerShell.Core",
    "Get-Job": "Microsoft.PowerShell.Core",
    "Receive-Job": "Microsoft.PowerShell.Core",
    "Remove-Job": "Microsoft.PowerShell.Core",
    "Wait-Job": "Microsoft.PowerShell.Core",
    "Test-Path": "Microsoft.PowerShell.Management",
    "Get-Item": "Microsoft.PowerShell.Management",
    "Get-ChildItem": "Microsoft.PowerShell.Management",
    "New-Item": "Microsoft.PowerShell.Management",
    "Get-ItemProperty": "Microsoft.PowerShell.Management",
    "Remove-Item": "Microsoft.PowerShell.Management",
    "Get-Service": "Microsoft.PowerShell.Management",
    "Get-NetFirewallRule": "NetSecurity",
    "Get-NetFirewallPortFilter": "NetSecurity",
    "Enable-NetFirewallRule": "NetSecurity",
    "Disable-NetFirewallRule": "NetSecurity",
    "New-NetFirewallRule": "NetSecurity",
    "Set-NetFirewallRule": "NetSecurity",
    "Remove-NetFirewallRule": "NetSecurity",
    "Get-Cluster": "FailoverClusters",
    "Get-ClusterNode": "FailoverClusters",
    "Get-ClusterGroup": "FailoverClusters",
    "Get-ClusterResource": "FailoverClusters",
    "Get-ClusterParameter": "FailoverClusters",
    "Get-Volume": "Storage",
    "Resolve-DnsName": "DnsClient",
}


@dataclass(frozen=True)
class Command:
    """One cmdlet with its parameters. A switch is `True`; `Confirm: False` is `-Confirm:$false`.

    `gives`: the short .NET type of what its objects are, where that is known; it is not sent.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    gives: str = field(default="", compare=False)

    @property
    def module(self) -> str:
        """Name of the PowerShell module that owns the cmdlet."""
        return MODULES.get(self.name, "Hyper-V")

    def __or__(self, then: Command) -> Statement:
        return Statement((self, then))


@dataclass(frozen=True)
class Statement:
    """Cmdlets connected by pipes; live objects pass between them on the host."""

    commands: tuple[Command, ...]

    def __or__(self, then: Command) -> Statement:
        return Statement((*self.commands, then))

    @property
    def gives(self) -> str:
        """The short type of its answers, "" where that is not known."""
        return self.commands[-1].gives

    @property
    def columns(self) -> tuple[str, ...]:
        """The properties that its answers have, where it chooses them."""
        last = self.commands[-1]
        return tuple(last.parameters.get("Property", ())) if last.name == "Select-Object" else ()


@dataclass(frozen=True)
class Pipeline:
    """Statements that travel in one request and run one after the other, whatever happens to one of them."""

    statements: tuple[Statement, ...]

    @classmethod
    def of(cls, *statements: Statement | Command) -> Pipeline:
        """Build a pipeline; a lone command is a statement of one."""
        return cls(tuple(s if isinstance(s, Statement) else Statement((s,)) for s in statements))

    def __add__(self, other: Pipeline) -> Pipeline:
        return Pipeline(self.statements + other.statements)


def vm_by_id(vm_id: str) -> Command:
    """`Get-VM -Id`: the live VM object to pipe into the cmdlet that acts. `-Id` takes one Guid (Microsoft: Get-VM)."""
    return Command("Get-VM", {"Id": vm_id})
