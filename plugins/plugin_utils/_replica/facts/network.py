# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The network of a VM, a kind each: adapters, their VLAN, and the addresses that they take in a failover.

An answer of Get-VMNetworkAdapterVlan and of Get-VMNetworkAdapterFailoverConfiguration does not say which adapter it
is of (Microsoft: VMNetworkAdapterFailoverSetting has no such property). Both cmdlets answer once for each adapter that
is piped in, in order, so the adapters are listed by the same pipeline before and after, and a setting goes to the
adapter at its place only where both lists and the count agree; else nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..base.pipeline import Command, Pipeline
from ..base.properties import select
from ..base.session import Row
from ..base.values import number
from .clock import Clock
from .parts import grouped
from .record import Column, as_list, properties, record, vm_id
from .scope import Scope
from .section import Answer, Unknown, VMKind


def whole_number(value: Any, clock: Clock) -> int | None:
    """A number that Windows answers as text."""
    return number(value)


ADAPTER = (
    Column("id", "Id"),
    Column("name", "Name"),
    Column("mac_address", "MacAddress"),
    Column("dynamic_mac_address", "DynamicMacAddressEnabled"),
    Column("legacy", "IsLegacy"),
    Column("connected", "Connected"),
    Column("switch", "SwitchName"),
    Column("switch_id", "SwitchId"),
    Column("test_switch", "TestReplicaSwitchName"),
    Column("test_pool", "TestReplicaPoolName"),
    Column("ip_addresses", "IPAddresses", as_list),
)
FAILOVER = (
    Column("ipv4_address", "IPv4Address"),
    Column("ipv4_subnet_mask", "IPv4SubnetMask"),
    Column("ipv4_gateway", "IPv4DefaultGateway"),
    Column("ipv4_dns", "IPv4PreferredDNSServer"),
    Column("ipv4_alternate_dns", "IPv4AlternateDNSServer"),
    Column("ipv6_address", "IPv6Address"),
    Column("ipv6_prefix_length", "IPv6SubnetPrefixLength", whole_number),
    Column("ipv6_gateway", "IPv6DefaultGateway"),
    Column("ipv6_dns", "IPv6PreferredDNSServer"),
    Column("ipv6_alternate_dns", "IPv6AlternateDNSServer"),
)
VLAN = (
    Column("mode", "OperationMode"),
    Column("access_vlan_id", "AccessVlanId"),
    Column("native_vlan_id", "NativeVlanId"),
    Column("allowed_vlan_ids", "AllowedVlanIdListString"),
)
_PLACE = select("VMNetworkAdapter", "VMId", "Id", "Name")


def _query_adapters(scope: Scope) -> Pipeline | None:
    columns = select("VMNetworkAdapter", "VMId", *properties(ADAPTER))
    return Pipeline.of(scope.vms() | Command("Get-VMNetworkAdapter") | columns)


def adapter_record(row: Row, clock: Clock) -> dict[str, Any]:
    """An adapter; where the host does not say whether it is connected, one with a switch is."""
    adapter = record(row, ADAPTER, clock, "Get-VMNetworkAdapter")
    if adapter["connected"] is None:
        adapter["connected"] = bool(adapter["switch"])
    return adapter


def _parse_adapters(answer: Answer) -> Mapping[str, Any]:
    return grouped(
        (vm_id(row, "Get-VMNetworkAdapter"), adapter_record(row, answer.scope.clock))
        for row in answer.output.of_type("VMNetworkAdapter")
    )


def _query_failover(scope: Scope) -> Pipeline | None:
    """Synthetic adapters of replicating VMs; others take no address in a failover (the team's blog of 2012-05-28)."""
    if not scope.replicating:
        return None
    adapters = scope.vms(scope.replicating) | Command("Get-VMNetworkAdapter", {"IsLegacy": False})
    settings = adapters | Command("Get-VMNetworkAdapterFailoverConfiguration")
    columns = select("VMNetworkAdapterFailoverSetting", *properties(FAILOVER))
    return Pipeline.of(adapters | _PLACE, settings | columns, adapters | _PLACE)


def _query_vlans(scope: Scope) -> Pipeline | None:
    adapters = scope.vms() | Command("Get-VMNetworkAdapter")
    settings = adapters | Command("Get-VMNetworkAdapterVlan")
    columns = select("VMNetworkAdapterVlanSetting", *properties(VLAN))
    return Pipeline.of(adapters | _PLACE, settings | columns, adapters | _PLACE)


def _parse_failover(answer: Answer) -> Mapping[str, Any]:
    return _parse_paired(
        answer, "VMNetworkAdapterFailoverSetting", FAILOVER, "Get-VMNetworkAdapterFailoverConfiguration"
    )


def _parse_vlans(answer: Answer) -> Mapping[str, Any]:
    return _parse_paired(answer, "VMNetworkAdapterVlanSetting", VLAN, "Get-VMNetworkAdapterVlan")


def _parse_paired(answer: Answer, of_type: str, columns: Sequence[Column], cmdlet: str) -> Mapping[str, Any]:
    adapters = [(vm_id(row, cmdlet), row) for row in answer.output.of_type("VMNetworkAdapter")]
    paired = pair(adapters, answer.output.of_type(of_type), answer.failed)
    result = []
    for vm, adapter, setting in paired:
        part = {"adapter_id": adapter.properties["Id"], "adapter": adapter.properties["Name"]}
        part.update(record(setting, columns, answer.scope.clock, cmdlet))
        result.append((vm, part))
    return grouped(result)


def pair(
    adapters: Sequence[tuple[str, Row]], settings: Sequence[Row], failed: frozenset[str]
) -> list[tuple[str, Row, Row]]:
    """Each setting with the adapter at its place. `adapters` is the list of before followed by the list of after.

    Adapters of VMs whose part failed answered nothing. Raises Unknown where the lists or the count do not agree.
    """
    half = len(adapters) // 2
    before, after = adapters[:half], adapters[half:]
    if [(vm, row.properties["Id"]) for vm, row in before] != [(vm, row.properties["Id"]) for vm, row in after]:
        raise Unknown("the VMs' adapters changed while they were read; run it again")
    places = [(vm, row) for vm, row in before if vm not in failed]
    if len(places) != len(settings):
        raise Unknown(f"{len(settings)} answers for {len(places)} adapters, so whose they are cannot be told")
    return [(vm, row, setting) for (vm, row), setting in zip(places, settings, strict=True)]


NETWORK = (
    VMKind("adapters", _query_adapters, _parse_adapters),
    VMKind("vlans", _query_vlans, _parse_vlans),
    VMKind("failover_network", _query_failover, _parse_failover),
)
