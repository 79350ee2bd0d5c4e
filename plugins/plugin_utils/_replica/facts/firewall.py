# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The inbound rules for the listeners of a replica server: what a port needs, what is there, and what is in force.

Rules are told by their Name, which no language changes. A port that the built-in rule of its type does not hold, or
whose built-in rule is missing, gets a rule of our own. Which rules count is decided by policy, so only the ActiveStore
says that a port is open, and where a rule comes from.
Source: https://learn.microsoft.com/powershell/module/netsecurity/get-netfirewallrule, Hyper-V Replica's set-up page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..base.pipeline import Command, Pipeline, Statement
from ..base.properties import select
from ..base.session import Output
from ..base.values import same_text

BUILT_IN = {"kerberos": "VIRT-HVRHTTPL-In-TCP-NoScope", "certificate": "VIRT-HVRHTTPSL-In-TCP-NoScope"}
OWN = {"kerberos": "HyperVReplica-HTTP-In-TCP", "certificate": "HyperVReplica-HTTPS-In-TCP"}
_TITLE = {
    "kerberos": "Hyper-V Replica HTTP Listener, added by Ansible (TCP-In)",
    "certificate": "Hyper-V Replica HTTPS Listener, added by Ansible (TCP-In)",
}
ACTIVE = "ActiveStore"

# Select-Object makes one type of all CIM objects: which properties a row has tells rules from filters, and the stores.
_LOCAL = ("Name", "Enabled", "Direction", "Action")
_IN_FORCE = (*_LOCAL, "PrimaryStatus", "EnforcementStatus", "PolicyStoreSource", "PolicyStoreSourceType")
_LOCAL_PORTS = ("InstanceID", "Protocol", "LocalPort")
_PORTS_IN_FORCE = (*_LOCAL_PORTS, "DynamicTarget")


@dataclass(frozen=True)
class Rule:
    """A rule by name: `ports` as text (numbers, ranges, Any); `counts` False is one that policy ignores, `policy` the
    group policy that brings it ("" for a rule of the host itself).
    """

    name: str
    enabled: bool
    allows: bool
    ports: tuple[str, ...]
    counts: bool = True
    policy: str = ""

    def holds(self, ports: Iterable[int]) -> bool:
        """True when every port is among the local ports of the rule."""
        return all(any(_within(port, text) for text in self.ports) for port in ports)


@dataclass(frozen=True)
class Firewall:
    """Rules with our names: `local` as they are stored, `active` as they are in force."""

    local: tuple[Rule, ...] = ()
    active: tuple[Rule, ...] = ()

    def stored(self, name: str) -> Rule | None:
        """The stored rule of the name."""
        return _find(self.local, name)

    def policy_of(self, name: str) -> str:
        """The group policy that a rule of the name comes from; "" for none that is known."""
        return next((rule.policy for rule in self.active if same_text(rule.name, name) and rule.policy), "")

    def passes(self, name: str, ports: Iterable[int]) -> bool:
        """True when a rule of the name lets these ports in, by what is in force: a policy may bring one of its own."""
        wanted = tuple(ports)
        named = [rule for rule in self.active if same_text(rule.name, name) and rule.counts and rule.enabled]
        return any(rule.allows and rule.holds(wanted) for rule in named)


@dataclass(frozen=True)
class Opening:
    """What a listener needs: its type (kerberos or certificate) and the ports that have to be open on this host."""

    type: str
    ports: tuple[int, ...]

    def rule(self, firewall: Firewall) -> str:
        """The name of the rule that is to open the ports: the built-in one where it is stored and holds them all, or
        lets them in already, else our own.
        """
        built_in = BUILT_IN[self.type]
        stored = firewall.stored(built_in)
        held = stored is not None and stored.holds(self.ports)
        return built_in if held or firewall.passes(built_in, self.ports) else OWN[self.type]

    def open(self, firewall: Firewall) -> bool:
        """True when the rule that is to open the ports is in force."""
        return firewall.passes(self.rule(firewall), self.ports)

    def result(self, firewall: Firewall) -> dict[str, Any]:
        """The opening as the module returns it."""
        return {
            "type": self.type,
            "rule": self.rule(firewall),
            "ports": list(self.ports),
            "in_force": self.open(firewall),
        }


def query_firewall() -> Pipeline:
    """The rules of our four names, stored and in force, with their ports. A name not there is an error."""
    names = [*BUILT_IN.values(), *OWN.values()]
    stored = Command("Get-NetFirewallRule", {"Name": names})
    active = Command("Get-NetFirewallRule", {"Name": names, "PolicyStore": ACTIVE})
    filters = Command("Get-NetFirewallPortFilter")
    return Pipeline.of(
        stored | select("MSFT_NetFirewallRule", *_LOCAL),
        stored | filters | select("MSFT_NetProtocolPortFilter", *_LOCAL_PORTS),
        active | select("MSFT_NetFirewallRule", *_IN_FORCE),
        active | filters | select("MSFT_NetProtocolPortFilter", *_PORTS_IN_FORCE),
    )


def parse_firewall(output: Output) -> Firewall:
    """The rules of an answer to `query_firewall`."""
    return Firewall(local=_rules(output, in_force=False), active=_rules(output, in_force=True))


def _rules(output: Output, in_force: bool) -> tuple[Rule, ...]:
    found = [row.properties for row in output.rows]
    ports = {
        _rule_name(value["InstanceID"]): _texts(value["LocalPort"])
        for value in found
        if "LocalPort" in value
        and ("DynamicTarget" in value) is in_force
        and str(value["Protocol"]).upper() in ("TCP", "6", "ANY")
    }
    return tuple(
        Rule(
            name=str(value["Name"]),
            enabled=same_text(value["Enabled"], "True"),
            allows=same_text(value["Direction"], "Inbound") and same_text(value["Action"], "Allow"),
            ports=ports.get(_rule_name(value["Name"]), ()),
            counts=not in_force or _counts(value),
            policy=_policy(value) if in_force else "",
        )
        for value in found
        if "Direction" in value and ("PrimaryStatus" in value) is in_force
    )


def _counts(value: Mapping[str, Any]) -> bool:
    """False for a rule that the active store shows and does not apply, as where policy disallows local rules."""
    disallowed = "disallowed" in str(value["EnforcementStatus"]).casefold()
    return not disallowed and not any(same_text(value["PrimaryStatus"], bad) for bad in ("Inactive", "Error"))


def _policy(value: Mapping[str, Any]) -> str:
    """The policy that a rule in force comes from (PolicyStoreSourceType: Local, GroupPolicy …); "" for a local rule."""
    if not same_text(value.get("PolicyStoreSourceType"), "GroupPolicy"):
        return ""
    return str(value.get("PolicyStoreSource") or "its name is not told")


def _rule_name(instance: Any) -> str:
    """The rule's name from an InstanceID, which may end with the store it comes from (`name|store`)."""
    return str(instance).partition("|")[0].casefold()


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in (value if isinstance(value, list) else [value]) if item is not None)


def _within(port: int, text: str) -> bool:
    if text.casefold() == "any":
        return True
    low, _unused, high = text.partition("-")
    return low.isdigit() and (high or low).isdigit() and int(low) <= port <= int(high or low)


def _find(rules: Iterable[Rule], name: str) -> Rule | None:
    return next((rule for rule in rules if same_text(rule.name, name)), None)


def next_change(firewall: Firewall, opening: Opening) -> tuple[Statement, str] | None:
    """The statement that brings the opening nearer, and why; None when the stored rule is as it should be."""
    name = opening.rule(firewall)
    stored = firewall.stored(name)
    listed = ", ".join(map(str, opening.ports))
    if stored is None:
        return Statement((_new_rule(name, opening),)), f"no rule opens TCP {listed} for {opening.type} replication"
    if not stored.holds(opening.ports) or not stored.allows:
        change = {"LocalPort": [str(port) for port in opening.ports], "Direction": "Inbound", "Action": "Allow"}
        command = Command("Set-NetFirewallRule", {"Name": name, "Protocol": "TCP", **change, "Confirm": False})
        return Statement((command,)), f"the rule {name} does not let TCP {listed} in"
    if not stored.enabled:
        command = Command("Enable-NetFirewallRule", {"Name": name, "Confirm": False})
        return Statement((command,)), f"the rule {name} is disabled"
    return None


def _new_rule(name: str, opening: Opening) -> Command:
    return Command(
        "New-NetFirewallRule",
        {
            "Name": name,
            "DisplayName": _TITLE[opening.type],
            "Direction": "Inbound",
            "Action": "Allow",
            "Enabled": "True",
            "Protocol": "TCP",
            "LocalPort": [str(port) for port in opening.ports],
            "Profile": "Any",
            "Confirm": False,
        },
    )


def with_rule_open(firewall: Firewall, opening: Opening, statement: Statement) -> Firewall:
    """The firewall after `statement` of `next_change`: in force when nothing of policy is against it."""
    name = opening.rule(firewall)
    ports = tuple(str(port) for port in opening.ports)
    cmdlet = statement.commands[-1].name
    before = firewall.stored(name) or Rule(name, True, True, ports)
    after = before
    if cmdlet == "Set-NetFirewallRule":
        after = replace(before, allows=True, ports=ports)
    elif cmdlet == "Enable-NetFirewallRule":
        after = replace(before, enabled=True)
    local = tuple(rule for rule in firewall.local if not same_text(rule.name, name))
    active = tuple(rule for rule in firewall.active if not same_text(rule.name, name))
    return Firewall((*local, after), (*active, after) if after.enabled else active)


def if_held(firewall: Firewall, opening: Opening) -> str:
    """What to do where the rule that is stored does not come into force, or cannot be changed."""
    name, ports = opening.rule(firewall), ", ".join(map(str, opening.ports))
    policy = firewall.policy_of(name)
    held = f"A group policy holds the rule {name} ({policy})" if policy else f"A group policy may hold the rule {name}"
    look = f"Get-NetFirewallRule -Name {name} -PolicyStore {ACTIVE} | Format-List *Policy*, *Status*"
    return f"{held}: open TCP {ports} in that policy. What is in force: {look}"
