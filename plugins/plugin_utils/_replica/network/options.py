# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What hyperv_failover_network was asked for: addresses of a failover, test switch, production switch and VLAN.

One row a setting: the option, how it is read, and by which parameter it is written. Sources:
https://learn.microsoft.com/powershell/module/hyper-v/set-vmnetworkadapterfailoverconfiguration, set-vmnetworkadapter,
connect-vmnetworkadapter and set-vmnetworkadaptervlan.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.errors import OptionError
from ..base.option_groups import VM_SELECTION, WAITING, VMSelection

IPV4, IPV6, TEST_SWITCH, SWITCH, VLAN = "ipv4", "ipv6", "test_switch", "switch", "vlan_id"
EXTERNAL_TEST, PRODUCTION_TEST, RUNNING_VM = "external_test_switch", "production_test_switch", "running_vm"

# option of the family -> (key of the information record, parameter)
FAMILIES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    IPV4: {
        "address": ("ipv4_address", "IPv4Address"),
        "subnet_mask": ("ipv4_subnet_mask", "IPv4SubnetMask"),
        "gateway": ("ipv4_gateway", "IPv4DefaultGateway"),
        "dns": ("ipv4_dns", "IPv4PreferredDNSServer"),
        "alternate_dns": ("ipv4_alternate_dns", "IPv4AlternateDNSServer"),
    },
    IPV6: {
        "address": ("ipv6_address", "IPv6Address"),
        "prefix_length": ("ipv6_prefix_length", "IPv6SubnetPrefixLength"),
        "gateway": ("ipv6_gateway", "IPv6DefaultGateway"),
        "dns": ("ipv6_dns", "IPv6PreferredDNSServer"),
        "alternate_dns": ("ipv6_alternate_dns", "IPv6AlternateDNSServer"),
    },
}
CLEAR_FAMILY: Mapping[str, str] = {IPV4: "ClearFailoverIPv4Settings", IPV6: "ClearFailoverIPv6Settings"}

SPEC: Mapping[str, Any] = {
    **VM_SELECTION,
    **WAITING,
    "adapter": {"type": "str"},
    IPV4: {
        "type": "dict",
        "options": {name: {"type": "str"} for name in FAMILIES[IPV4]},
    },
    IPV6: {
        "type": "dict",
        "options": {name: {"type": "int" if name == "prefix_length" else "str"} for name in FAMILIES[IPV6]},
    },
    TEST_SWITCH: {"type": "str"},
    SWITCH: {"type": "str"},
    VLAN: {"type": "int"},
    "clear": {"type": "list", "elements": "str", "choices": [IPV4, IPV6, TEST_SWITCH, SWITCH, VLAN]},
    "allow": {"type": "list", "elements": "str", "choices": [EXTERNAL_TEST, PRODUCTION_TEST, RUNNING_VM]},
    "expected_host": {"type": "str"},
}
RULES: Mapping[str, Any] = {"required_one_of": [["names", "ids"]]}


@dataclass(frozen=True)
class Want:
    """The task. `addresses` hold by family only what was given; `clear` names what is taken away; `expected_host` is
    the host that the task is for.
    """

    vms: VMSelection
    adapter: str = ""
    addresses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    test_switch: str | None = None
    switch: str | None = None
    vlan_id: int | None = None
    clear: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    expected_host: str = ""

    @property
    def settings(self) -> bool:
        """True when failover addresses are asked about."""
        return bool(self.addresses) or bool(self.clear & {IPV4, IPV6})


def read_want(options: Mapping[str, Any]) -> Want:
    """The options as one value. Raises OptionError, naming the option, for what cannot be meant."""
    clear = frozenset(options.get("clear") or ())
    for name in sorted(clear):
        if options.get(name) is not None:
            raise OptionError("clear", f"{name} is given and is to be taken away.", "Leave one of the two out.")
    vlan_id = options.get(VLAN)
    if vlan_id is not None and not 1 <= vlan_id <= 4094:
        raise OptionError(VLAN, f"{vlan_id} is not a VLAN ID.", "Give 1 to 4094, or clear: [vlan_id] for untagged.")
    for name in ("adapter", TEST_SWITCH, SWITCH):
        if options.get(name) is not None and not options[name].strip():
            raise OptionError(name, "an empty name was given.", "Leave it out, or name it in clear.")
    return Want(
        vms=VMSelection.of(options),
        adapter=options.get("adapter") or "",
        addresses={family: _family(family, options[family]) for family in FAMILIES if options.get(family)},
        test_switch=options.get(TEST_SWITCH),
        switch=options.get(SWITCH),
        vlan_id=vlan_id,
        clear=clear,
        allow=frozenset(options.get("allow") or ()),
        expected_host=options.get("expected_host") or "",
    )


def _family(family: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {name: value for name, value in given.items() if value is not None}
    for name, value in kept.items():
        if name == "prefix_length":
            if not 0 <= value <= 128:
                raise OptionError(f"{family}.{name}", f"{value} is not a prefix length.", "Give 0 to 128.")
            continue
        kept[name] = _address(family, name, value)
    return kept


def _address(family: str, name: str, value: str) -> str:
    """The address as Windows writes it. Raises OptionError for text that is none of this family."""
    try:
        if family == IPV6:
            return str(ipaddress.IPv6Address(value))
        if name == "subnet_mask":
            return str(ipaddress.IPv4Network(f"0.0.0.0/{value}").netmask)
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise OptionError(
            f"{family}.{name}", f"'{value}' is no {family.upper().replace('V', 'v')} value.", ""
        ) from None
