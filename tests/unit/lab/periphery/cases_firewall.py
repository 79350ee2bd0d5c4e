"""What the firewall cmdlets refuse and show, and what policy makes of it."""

from __future__ import annotations

from typing import Any

from tests.lab.values import Enum, Obj
from tests.lab.world.firewall import HTTP_RULE, HTTPS_RULE, FirewallRule
from tests.unit.lab.periphery.bench import Answer, Bench, Case

GET, ENABLE, NEW, SET = "Get-NetFirewallRule", "Enable-NetFirewallRule", "New-NetFirewallRule", "Set-NetFirewallRule"
NAMED, ACTIVE = {"Name": [HTTP_RULE]}, {"Name": [HTTP_RULE], "PolicyStore": "ActiveStore"}
MISSING: dict[str, Any] = {"error": "CmdletizationQuery_NotFound_InstanceID", "category": "ObjectNotFound"}
DENIED: dict[str, Any] = {"error": "Windows System Error 5", "category": "PermissionDenied"}
INVALID: dict[str, Any] = {"error": "Windows System Error 87", "category": "InvalidArgument"}
OWN: dict[str, Any] = {"Name": "Own-In-TCP", "DisplayName": "Own", "Protocol": "TCP", "LocalPort": ["8080"]}
SPACE = "Microsoft.PowerShell.Cmdletization.GeneratedTypes.NetSecurity"


def enabled(answer: Answer) -> str:
    """Whether the only rule given is enabled, as the enum says it."""
    return str(answer.one["Enabled"])


def ignored(bench: Bench, how: str = "absent") -> None:
    """The rules are enabled, and a group policy ignores local rules."""
    bench.serve()
    bench.b.firewall.local_rules_apply, bench.b.firewall.ignored_rules = False, how


def by_policy(bench: Bench) -> None:
    """A group policy brings a rule of its own."""
    bench.b.firewall.policy_rules = [FirewallRule("GPO-1", "From policy", local_ports=("80",), store="corp\\Servers")]


def piped(bench: Bench, name: str, store: str = "PersistentStore") -> Obj:
    """A rule as it comes down the pipeline."""
    parameters = {"Name": [name], "PolicyStore": store}
    return bench.run(GET, parameters, set="ByName").one


CASES = [
    Case(
        "firewall: built-in rules are there, disabled",
        GET,
        {"Name": [HTTP_RULE, HTTPS_RULE]},
        set="ByName",
        check=lambda _unused, answer: [str(one["Enabled"]) for one in answer.outputs] == ["False", "False"],
    ),
    Case("firewall: a name that is not there", GET, {"Name": ["None-In-TCP"]}, set="ByName", **MISSING),
    Case(
        "firewall: a pattern that fits none",
        GET,
        {"Name": ["None*"]},
        set="ByName",
        check=lambda _unused, a: not a.outputs,
    ),
    Case(
        "firewall: HTTP by display name takes HTTPS along",
        GET,
        {"DisplayName": ["Hyper-V Replica HTTP*"]},
        set="ByDisplayName",
        check=lambda _unused, answer: len(answer.outputs) == 2,
    ),
    Case(
        "firewall: an unknown store",
        GET,
        {**NAMED, "PolicyStore": "Elsewhere"},
        set="ByName",
        error="Windows System Error 2",
        category="ObjectNotFound",
    ),
    Case(
        "firewall: ports of a rule",
        "Get-NetFirewallPortFilter",
        lambda bench: {"AssociatedNetFirewallRule": piped(bench, HTTPS_RULE)},
        set="ByAssociatedNetFirewallRule",
        check=lambda _unused, answer: (answer.one["Protocol"], answer.one["LocalPort"]) == ("TCP", "443"),
    ),
    Case(
        "firewall: enable exactly one",
        ENABLE,
        NAMED,
        set="ByName",
        check=lambda bench, _unused: (
            [rule.enabled for rule in bench.b.firewall.rules] == [True, False]
            and bench.b.firewall.admits(80)
            and not bench.b.firewall.admits(443)
        ),
    ),
    Case(
        "firewall: a rule that a group policy holds stays as it is",
        ENABLE,
        NAMED,
        lambda bench: bench.b.firewall.held.add(HTTP_RULE),
        set="ByName",
        check=lambda bench, _unused: not bench.b.firewall.admits(80),
    ),
    Case("firewall: enable what is not there", ENABLE, {"Name": ["None-In-TCP"]}, set="ByName", **MISSING),
    Case(
        "firewall: disable",
        "Disable-NetFirewallRule",
        NAMED,
        Bench.serve,
        set="ByName",
        check=lambda bench, _unused: not bench.b.firewall.admits(80),
    ),
    Case(
        "firewall: enabled and in force",
        GET,
        ACTIVE,
        Bench.serve,
        set="ByName",
        check=lambda _unused, a: enabled(a) == "True",
    ),
    Case("firewall: enabled, ignored by policy, absent", GET, ACTIVE, ignored, set="ByName", **MISSING),
    Case(
        "firewall: enabled, ignored by policy, inactive",
        GET,
        ACTIVE,
        lambda bench: ignored(bench, "inactive"),
        set="ByName",
        check=lambda _unused, answer: str(answer.one["PrimaryStatus"]) == "Inactive" and enabled(answer) == "True",
    ),
    Case(
        "firewall: ignored by policy, still enabled where it is stored",
        GET,
        NAMED,
        ignored,
        set="ByName",
        check=lambda bench, answer: enabled(answer) == "True" and not bench.b.firewall.admits(80),
    ),
    Case(
        "firewall: a rule of a policy is in the active store only",
        GET,
        {"Name": ["GPO-1"], "PolicyStore": "ActiveStore"},
        by_policy,
        set="ByName",
        check=lambda bench, answer: answer.one["PolicyStoreSource"] == "corp\\Servers" and bench.b.firewall.admits(80),
    ),
    Case(
        "firewall: a rule of a policy cannot be changed",
        "Disable-NetFirewallRule",
        lambda bench: {"InputObject": [piped(bench, "GPO-1", "ActiveStore")]},
        by_policy,
        set="InputObject (cdxml)",
        **DENIED,
    ),
    Case("firewall: the active store cannot be changed", ENABLE, ACTIVE, set="ByName", **DENIED),
    Case(
        "firewall: a new rule",
        NEW,
        OWN,
        check=lambda bench, answer: enabled(answer) == "True" and bench.b.firewall.admits(8080),
    ),
    Case(
        "firewall: a new rule of a name that exists",
        NEW,
        {**OWN, "Name": HTTP_RULE},
        error="Windows System Error 183",
        category="ResourceExists",
    ),
    Case("firewall: a port without a protocol", NEW, {"DisplayName": "x", "LocalPort": ["8080"]}, **INVALID),
    Case("firewall: a port out of range", NEW, {**OWN, "LocalPort": ["70000"]}, **INVALID),
    Case(
        "firewall: change the port of a rule",
        SET,
        {**NAMED, "LocalPort": ["8080"], "Enabled": Enum(f"{SPACE}.Enabled", "True")},
        set="ByName",
        check=lambda bench, _unused: bench.b.firewall.admits(8080) and not bench.b.firewall.admits(80),
    ),
    Case(
        "firewall: a rule that blocks wins",
        NEW,
        {**OWN, "LocalPort": ["80"], "Action": Enum(f"{SPACE}.Action", "Block")},
        Bench.serve,
        check=lambda bench, _unused: not bench.b.firewall.admits(80),
    ),
    Case(
        "firewall: remove",
        "Remove-NetFirewallRule",
        NAMED,
        set="ByName",
        check=lambda bench, _unused: [rule.name for rule in bench.b.firewall.rules] == [HTTPS_RULE],
    ),
    Case("firewall: remove what is not there", "Remove-NetFirewallRule", {"Name": ["No"]}, set="ByName", **MISSING),
]
