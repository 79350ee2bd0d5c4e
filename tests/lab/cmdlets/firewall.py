"""Cmdlets of the NetSecurity module: rules by their stable name, their ports, and what is in force."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from ..values import Enum, Obj, Output, Record, Refusal
from ..world.firewall import Firewall, FirewallRule
from .registry import Call, cmdlet
from .resolve import is_pattern, listed, matches

CIM = "Microsoft.Management.Infrastructure.CimInstance#root/standardcimv2"
SPACE = "Microsoft.PowerShell.Cmdletization.GeneratedTypes.NetSecurity"
PERSISTENT, ACTIVE = "PersistentStore", "ActiveStore"
# Parameter -> property of a rule, for the parameter sets that choose by one property.
CHOICES = {"Name": "name", "DisplayName": "display_name", "DisplayGroup": "display_group", "Group": "group"}
NOT_FOUND_PROPERTY = {
    "Name": "InstanceID",
    "DisplayName": "DisplayName",
    "DisplayGroup": "DisplayGroup",
    "Group": "Group",
}


def _enum(kind: str, name: str) -> Enum:
    return Enum(f"{SPACE}.{kind}", name)


def rule_object(firewall: Firewall, rule: FirewallRule, store: str) -> Obj:
    """MSFT_NetFirewallRule, as seen in a policy store; ports are not in it (Get-NetFirewallPortFilter)."""
    ignored = rule.enabled and rule not in firewall.in_force
    status = "Inactive" if store == ACTIVE and (ignored or not rule.enabled) else "OK"
    source = rule.store if store == ACTIVE else store
    facts: dict[str, Any] = {
        "Name": rule.name,
        "ID": rule.name,
        "InstanceID": rule.name,
        "ElementName": rule.display_name,
        "DisplayName": rule.display_name,
        "Description": rule.description or None,
        "Group": rule.group or None,
        "RuleGroup": rule.group or None,
        "DisplayGroup": rule.display_group or None,
        "Enabled": _enum("Enabled", "True" if rule.enabled else "False"),
        "Profile": _enum("Profile", rule.profile),
        "Profiles": 0,
        "Platform": [],
        "Direction": _enum("Direction", rule.direction),
        "Action": _enum("Action", rule.action),
        "EdgeTraversalPolicy": _enum("EdgeTraversal", "Block"),
        "LooseSourceMapping": False,
        "LocalOnlyMapping": False,
        "Owner": None,
        "PrimaryStatus": _enum("PrimaryStatus", status),
        "Status": "The rule was parsed successfully from the store. (65536)",
        "StatusCode": 65536,
        "EnforcementStatus": "LocalFirewallRulesDisallowed" if store == ACTIVE and ignored else "NotApplicable",
        "PolicyStoreSource": source,
        "PolicyStoreSourceType": _enum("PolicyStoreType", "Local" if source == PERSISTENT else "GroupPolicy"),
        "CreationClassName": "MSFT|FW|FirewallRule|" + rule.name,
        "PSComputerName": None,
    }
    return Obj(f"{CIM}/MSFT_NetFirewallRule", facts)


def port_object(rule: FirewallRule) -> Obj:
    """MSFT_NetProtocolPortFilter of a rule. One port is a text, several are a list (as the module unwraps them)."""
    facts = {
        "InstanceID": rule.name,
        "CreationClassName": "MSFT|FW|FirewallRule|" + rule.name,
        "Protocol": rule.protocol,
        "LocalPort": _ports(rule.local_ports),
        "RemotePort": _ports(rule.remote_ports),
        "IcmpType": "Any",
        "DynamicTarget": _enum("DynamicTransport", "Any"),
        "DynamicTransport": _enum("DynamicTransport", "Any"),
    }
    return Obj(f"{CIM}/MSFT_NetProtocolPortFilter", facts)


def _ports(ports: tuple[str, ...]) -> str | list[str]:
    return ports[0] if len(ports) == 1 else list(ports)


def store_of(call: Call) -> str:
    """The policy store asked for; only the two that a host has of its own are here."""
    asked = call.get("PolicyStore") or PERSISTENT
    store = next((one for one in (PERSISTENT, ACTIVE) if one.casefold() == asked.casefold()), None)
    if store is None:
        raise Refusal(f"The policy store '{asked}' was not found.", "Windows System Error 2", "ObjectNotFound", asked)
    return store


def rules_in(firewall: Firewall, store: str) -> list[FirewallRule]:
    """Rules of a store; how a rule that policy ignores shows in the active one, `ignored_rules` says."""
    if store == PERSISTENT:
        return list(firewall.rules)
    hidden = not firewall.local_rules_apply and firewall.ignored_rules == "absent"
    local = [rule for rule in firewall.rules if not (hidden and rule.enabled)]
    return [*firewall.policy_rules, *local]


def chosen(call: Call, store: str) -> Iterator[FirewallRule | Refusal]:
    """The rules that a call means: by name and the like, by objects, or all that fit the query."""
    rules = rules_in(call.host.firewall, store)
    if "InputObject" in call.parameters:
        # An object remembers its store; a rule of a group policy cannot be changed through it.
        everything = [*call.host.firewall.policy_rules, *call.host.firewall.rules]
        for name in _instances(call.get("InputObject")):
            found = [rule for rule in everything if rule.name == name]
            yield from found
            if not found:
                yield _not_found("InstanceID", name)
        return
    for parameter, attribute in CHOICES.items():
        wanted = listed(call.get(parameter))
        if wanted and call.parameter_set != "ByQuery":
            for text in wanted:
                fitting = [rule for rule in rules if matches(text, getattr(rule, attribute))]
                yield from fitting
                if not fitting and not is_pattern(text):
                    yield _not_found(NOT_FOUND_PROPERTY[parameter], text)
            return
    yield from (rule for rule in rules if _fits_query(call, rule))


def _instances(given: Any) -> list[str]:
    """The rules' names that objects of the module carry."""
    return [str(one.get("InstanceID")) for one in listed(given) if isinstance(one, Obj)]


def _fits_query(call: Call, rule: FirewallRule) -> bool:
    facts = {
        "Enabled": "True" if rule.enabled else "False",
        "Direction": rule.direction,
        "Action": rule.action,
        "Group": rule.group,
        "DisplayGroup": rule.display_group,
    }
    return all(not call.get(name) or value in map(str, listed(call.get(name))) for name, value in facts.items())


def _not_found(property_name: str, value: str) -> Refusal:
    text = (
        f"No MSFT_NetFirewallRule objects found with property '{property_name}' equal to '{value}'. "
        "Verify the value of the property and retry."
    )
    return Refusal(text, f"CmdletizationQuery_NotFound_{property_name}", "ObjectNotFound", value)


@cmdlet("Get-NetFirewallRule")
def get_rules(call: Call) -> Iterator[Record]:
    """Rules of the persistent store, or with -PolicyStore ActiveStore as they count now."""
    store = store_of(call)
    filters = listed(call.get("AssociatedNetFirewallPortFilter"))
    if filters:
        names = _instances(filters)
        found: Iterable[FirewallRule | Refusal] = [r for r in rules_in(call.host.firewall, store) if r.name in names]
    else:
        found = chosen(call, store)
    for one in found:
        if isinstance(one, Refusal):
            yield one.error
        else:
            yield Output(rule_object(call.host.firewall, one, store))


@cmdlet("Get-NetFirewallPortFilter")
def get_port_filters(call: Call) -> Iterator[Record]:
    """The ports of the rule piped in, or of all rules of a store."""
    firewall = call.host.firewall
    if "AssociatedNetFirewallRule" not in call.parameters:
        rules = rules_in(firewall, store_of(call))
    else:
        names = _instances(call.get("AssociatedNetFirewallRule"))
        rules = [one for one in (*firewall.policy_rules, *firewall.rules) if one.name in names]
    wanted = {protocol.upper() for protocol in listed(call.get("Protocol"))}
    for one in rules:
        if not wanted or one.protocol.upper() in wanted:
            yield Output(port_object(one))


def _changed(call: Call) -> Iterator[FirewallRule | Refusal]:
    """The rules to change. Those of a group policy cannot be changed here, nor can anything in the active store."""
    if store_of(call) == ACTIVE:
        yield Refusal("The active store cannot be changed.", "Windows System Error 5", "PermissionDenied")
        return
    for one in chosen(call, PERSISTENT):
        if not isinstance(one, Refusal) and one in call.host.firewall.policy_rules:
            yield Refusal(
                f"'{one.name}' comes from a group policy.", "Windows System Error 5", "PermissionDenied", one.name
            )
        else:
            yield one


def _each(call: Call, **change: Any) -> Iterator[Record]:
    for one in _changed(call):
        if isinstance(one, Refusal):
            yield one.error
            continue
        if one.name not in call.host.firewall.held:
            vars(one).update(change)
        if call.get("PassThru"):
            yield Output(rule_object(call.host.firewall, one, PERSISTENT))


@cmdlet("Enable-NetFirewallRule")
def enable_rules(call: Call) -> Iterator[Record]:
    """Enable rules; what policy makes of it shows in the active store only."""
    yield from _each(call, enabled=True)


@cmdlet("Disable-NetFirewallRule")
def disable_rules(call: Call) -> Iterator[Record]:
    """Disable rules."""
    yield from _each(call, enabled=False)


@cmdlet("Remove-NetFirewallRule")
def remove_rules(call: Call) -> Iterator[Record]:
    """Delete rules."""
    for one in _changed(call):
        if isinstance(one, Refusal):
            yield one.error
        else:
            call.host.firewall.rules = [rule for rule in call.host.firewall.rules if rule is not one]


def _asked(call: Call) -> dict[str, Any]:
    """Attributes of a rule that the call states."""
    texts = {
        "Direction": "direction",
        "Action": "action",
        "Profile": "profile",
        "Description": "description",
        "NewDisplayName": "display_name",
        "Protocol": "protocol",
    }
    asked: dict[str, Any] = {
        attribute: str(call.get(name)) for name, attribute in texts.items() if call.get(name) is not None
    }
    if call.get("Enabled") is not None:
        asked["enabled"] = str(call.get("Enabled")) == "True"
    lists = {
        "LocalPort": "local_ports",
        "RemotePort": "remote_ports",
        "LocalAddress": "local_addresses",
        "RemoteAddress": "remote_addresses",
    }
    for name, attribute in lists.items():
        if call.get(name) is not None:
            asked[attribute] = tuple(str(one) for one in listed(call.get(name)))
    return asked


def _check_ports(protocol: str, ports: tuple[str, ...]) -> None:
    if ports == ("Any",):
        return
    if protocol.upper() not in ("TCP", "UDP", "6", "17"):
        raise Refusal("The port is not valid for the protocol.", "Windows System Error 87", "InvalidArgument")
    for text in ports:
        low, _unused, high = text.partition("-")
        numbers = [int(one) if one.isdigit() else 0 for one in (low, high or low)]
        if not 1 <= numbers[0] <= numbers[1] <= 65535:
            raise Refusal(f"The port '{text}' is not valid.", "Windows System Error 87", "InvalidArgument")


@cmdlet("New-NetFirewallRule")
def new_rule(call: Call) -> Iterator[Record]:
    """Add a rule; a name that exists already is refused."""
    if store_of(call) == ACTIVE:
        raise Refusal("The active store cannot be changed.", "Windows System Error 5", "PermissionDenied")
    name = call.get("Name") or f"{{{uuid.uuid4()}}}".upper()
    firewall = call.host.firewall
    if firewall.find([name]):
        text = "Cannot create a file when that file already exists."
        raise Refusal(text, "Windows System Error 183", "ResourceExists", name)
    facts = {"protocol": "Any", **_asked(call)}
    _check_ports(facts["protocol"], facts.get("local_ports", ("Any",)))
    rule = FirewallRule(name, call.parameters["DisplayName"], group=call.get("Group") or "", **facts)
    rule.display_group = rule.group
    firewall.rules = [*firewall.rules, rule]
    yield Output(rule_object(firewall, rule, PERSISTENT))


@cmdlet("Set-NetFirewallRule")
def set_rules(call: Call) -> Iterator[Record]:
    """Change what the call states; -Enabled and the like are values here, not filters."""
    asked = _asked(call)
    for one in _changed(call):
        if isinstance(one, Refusal):
            yield one.error
            continue
        _check_ports(asked.get("protocol", one.protocol), asked.get("local_ports", one.local_ports))
        if one.name not in call.host.firewall.held:
            vars(one).update(asked)
        if call.get("PassThru"):
            yield Output(rule_object(call.host.firewall, one, PERSISTENT))
