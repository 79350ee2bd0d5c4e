"""The Windows firewall of a host: rules, and which of them are in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

HTTP_RULE = "VIRT-HVRHTTPL-In-TCP-NoScope"
HTTPS_RULE = "VIRT-HVRHTTPSL-In-TCP-NoScope"


@dataclass
class FirewallRule:
    """One rule: action Allow or Block, direction Inbound or Outbound; ports are numbers, ranges or Any, as text."""

    name: str
    display_name: str
    group: str = ""
    enabled: bool = True
    direction: str = "Inbound"
    action: str = "Allow"
    profile: str = "Any"
    protocol: str = "TCP"
    local_ports: tuple[str, ...] = ("Any",)
    remote_ports: tuple[str, ...] = ("Any",)
    description: str = ""
    display_group: str = ""
    store: str = "PersistentStore"
    local_addresses: tuple[str, ...] = ("Any",)
    remote_addresses: tuple[str, ...] = ("Any",)

    def covers(self, port: int) -> bool:
        """Whether it speaks of inbound TCP to that local port."""
        return self.direction == "Inbound" and self.protocol.upper() in ("TCP", "6", "ANY") and self.holds(port)

    def holds(self, port: int) -> bool:
        """Whether its local ports hold this one."""
        return any(_within(port, text) for text in self.local_ports)


def _within(port: int, text: str) -> bool:
    if text.casefold() == "any":
        return True
    low, _unused, high = text.partition("-")
    return low.isdigit() and int(low) <= port <= int(high or low)


def built_in_rules() -> list[FirewallRule]:
    """The two rules that the Hyper-V role installs, disabled (Microsoft: set up Hyper-V Replica)."""
    return [
        FirewallRule(
            name=name,
            display_name=f"Hyper-V Replica {protocol} Listener (TCP-In)",
            group=f"@%systemroot%\\system32\\vmms.exe,-{number}",
            display_group=f"Hyper-V Replica {protocol}",
            enabled=False,
            local_ports=(port,),
            description=f"Inbound rule for Hyper-V Replica {protocol} listener.",
        )
        for name, protocol, number, port in ((HTTP_RULE, "HTTP", 251, "80"), (HTTPS_RULE, "HTTPS", 252, "443"))
    ]


@dataclass
class Firewall:
    """All rules of a host.

    `local_rules_apply` False is a group policy that ignores local rules: they exist and are enabled, and count for
    nothing. The active store then lacks them, or shows them as inactive: `ignored_rules` is absent or inactive (which
    of the two a build does is unverified). `policy_rules` come from such a policy and cannot be changed here.
    `held` are names of local rules that one decides about: what is changed here stays as it is, and no error says so
    (what Windows says then is not on record: the harsher reading).
    """

    rules: list[FirewallRule] = field(default_factory=built_in_rules)
    policy_rules: list[FirewallRule] = field(default_factory=list)
    local_rules_apply: bool = True
    ignored_rules: str = "absent"
    held: set[str] = field(default_factory=set)

    def find(self, names: Iterable[str]) -> list[FirewallRule]:
        """Local rules of these very names, without case."""
        wanted = {name.casefold() for name in names}
        return [rule for rule in self.rules if rule.name.casefold() in wanted]

    @property
    def in_force(self) -> list[FirewallRule]:
        """What the ActiveStore shows: enabled rules that policy lets count."""
        local = [rule for rule in self.rules if self.local_rules_apply]
        return [rule for rule in (*self.policy_rules, *local) if rule.enabled]

    def admits(self, port: int) -> bool:
        """Whether inbound TCP to that port passes: an allowing rule in force, and none that blocks."""
        speaking = [rule.action for rule in self.in_force if rule.covers(port)]
        return "Allow" in speaking and "Block" not in speaking
