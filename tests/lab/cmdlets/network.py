"""Cmdlets of network adapters and switches: connections, VLANs, addresses after a failover, the switch of a test."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ..values import Output, Record, Refusal
from ..world.laws_refusals import refuse
from ..world.network import FailoverAddress, Vlan
from .adapters import (
    FAILOVER,
    Place,
    adapter_object,
    adapters_meant,
    failover_object,
    switch_named,
    switch_object,
    vlan_object,
)
from .registry import Call, cmdlet
from .resolve import is_pattern, listed, matches
from .server import bad_argument, conflict

VLAN_SWITCHES = ("Untagged", "Access", "Trunk", "Isolated", "Community", "Promiscuous")


def _each(found: Iterable[Place | Refusal], act: Callable[[Place], Iterable[Record]]) -> Iterator[Record]:
    """Serve adapters one after the other; a refusal is an error record and the next one has its turn."""
    for place in found:
        try:
            if isinstance(place, Refusal):
                raise place
            yield from act(place)
        except Refusal as refusal:
            yield refusal.error


@cmdlet("Get-VMNetworkAdapter")
def get_adapters(call: Call) -> Iterator[Record]:
    """Adapters of VMs. The management system of a lab host has none of its own."""
    if call.get("ManagementOS"):
        return
    found: Iterable[Place | Refusal] = adapters_meant(call)
    if call.get("All"):
        found = (Place(vm, one) for vm in list(call.host.vms.values()) for one in vm.adapters)
    legacy = call.get("IsLegacy")
    yield from _each(
        found,
        lambda place: [Output(adapter_object(call.host, place))] if legacy in (None, place.adapter.legacy) else [],
    )


@cmdlet("Set-VMNetworkAdapter")
def set_adapter(call: Call) -> Iterator[Record]:
    """Test switch and pool, and the MAC address; other settings are taken and change nothing that is simulated."""

    def act(place: Place) -> Iterator[Record]:
        adapter = place.adapter
        changes_mac = call.get("StaticMacAddress") is not None or call.get("DynamicMacAddress")
        if changes_mac and place.vm.state != "Off":
            raise refuse("wrong_power", vm=place.vm.name)
        test_switch = call.get("TestReplicaSwitchName")
        if test_switch:
            # Whether the name is checked is not documented: the harsher reading.
            switch_named(call.host, test_switch)
        if "TestReplicaSwitchName" in call.parameters:
            adapter.test_switch = test_switch or ""
        if "TestReplicaPoolName" in call.parameters:
            adapter.test_pool = call.get("TestReplicaPoolName") or ""
        if call.get("StaticMacAddress") is not None:
            adapter.mac_address, adapter.dynamic_mac = _mac(call.get("StaticMacAddress")), False
        if call.get("DynamicMacAddress"):
            adapter.dynamic_mac = True
        if call.get("Passthru"):
            yield Output(adapter_object(call.host, place))

    if not call.get("ManagementOS"):
        yield from _each(adapters_meant(call), act)


def _mac(text: str) -> str:
    digits = re.sub(r"[-:]", "", text).upper()
    if not re.fullmatch(r"[0-9A-F]{12}", digits):
        raise bad_argument(f"'{text}' is not a MAC address.")
    return digits


@cmdlet("Connect-VMNetworkAdapter")
def connect_adapter(call: Call) -> Iterator[Record]:
    """Connect to a switch by name or object, or to any (-UseAutomaticConnection)."""
    given = call.get("VMSwitch")
    name = call.get("SwitchName") or (given["Name"] if given is not None else None)
    if name is None:
        name = next((switch.name for switch in call.host.switches.values() if switch.kind == "External"), None)
    if name is None:
        raise Refusal("There is no virtual switch to connect to.", "ObjectNotFound", "ObjectNotFound")
    switch = switch_named(call.host, name)
    yield from _each(adapters_meant(call), lambda place: _connect(call, place, switch.name))


@cmdlet("Disconnect-VMNetworkAdapter")
def disconnect_adapter(call: Call) -> Iterator[Record]:
    """Disconnect; an adapter that is not connected stays so."""
    yield from _each(adapters_meant(call), lambda place: _connect(call, place, None))


def _connect(call: Call, place: Place, switch: str | None) -> Iterator[Record]:
    place.adapter.switch = switch
    if call.get("Passthru"):
        yield Output(adapter_object(call.host, place))


@cmdlet("Get-VMNetworkAdapterVlan")
def get_vlans(call: Call) -> Iterator[Record]:
    """VLAN settings of adapters."""
    if not call.get("ManagementOS"):
        found = adapters_meant(call, "VMNetworkAdapterName")
        yield from _each(found, lambda place: [Output(vlan_object(call.host, place))])


@cmdlet("Set-VMNetworkAdapterVlan")
def set_vlan(call: Call) -> Iterator[Record]:
    """Give adapters one VLAN mode with what it needs."""
    vlan = vlan_asked(call)

    def act(place: Place) -> Iterator[Record]:
        place.adapter.vlan = replace(vlan)
        if call.get("Passthru"):
            yield Output(vlan_object(call.host, place))

    if not call.get("ManagementOS"):
        yield from _each(adapters_meant(call, "VMNetworkAdapterName"), act)


def vlan_asked(call: Call) -> Vlan:
    """The VLAN that the call states. Raises InvalidParameter unless it is exactly one mode with its numbers."""
    modes = [name for name in VLAN_SWITCHES if call.get(name)]
    if len(modes) != 1:
        raise bad_argument("Specify exactly one of " + ", ".join(VLAN_SWITCHES) + ".")
    mode = modes[0]
    if mode == "Untagged":
        return Vlan()
    if mode == "Access":
        return Vlan("Access", access_id=_vlan_id(call, "VlanId"))
    if mode == "Trunk":
        allowed = _id_list(call, "AllowedVlanIdList")
        return Vlan("Trunk", native_id=_vlan_id(call, "NativeVlanId", least=0), allowed_ids=allowed)
    vlan = Vlan("Private", private_mode=mode, primary_id=_vlan_id(call, "PrimaryVlanId"))
    if mode == "Promiscuous":
        vlan.secondary_ids = _id_list(call, "SecondaryVlanIdList")
    else:
        vlan.secondary_id = _vlan_id(call, "SecondaryVlanId")
    return vlan


def _vlan_id(call: Call, parameter: str, least: int = 1) -> int:
    value = call.get(parameter)
    if value is None or not least <= value <= 4094:
        raise bad_argument(f"{parameter} must be between {least} and 4094.")
    return int(value)


def _id_list(call: Call, parameter: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in (call.get(parameter) or "").split(","):
        low, _unused, high = part.strip().partition("-")
        if not low.isdigit() or not (high or low).isdigit() or not 1 <= int(low) <= int(high or low) <= 4094:
            raise bad_argument(f"{parameter} must be a list of VLAN ids and ranges, as 1-5,10.")
        found.update(range(int(low), int(high or low) + 1))
    return tuple(sorted(found))


@cmdlet("Get-VMNetworkAdapterFailoverConfiguration")
def get_failover(call: Call) -> Iterator[Record]:
    """What a failover would write into the guest."""
    found = adapters_meant(call, "VMNetworkAdapterName")
    yield from _each(found, lambda place: [Output(failover_object(call.host, place.adapter.failover))])


@cmdlet("Set-VMNetworkAdapterFailoverConfiguration")
def set_failover(call: Call) -> Iterator[Record]:
    """Set addresses by family; what is not named stays, -Clear… empties a family."""

    def act(place: Place) -> Iterator[Record]:
        if place.vm.mode == "None":
            raise conflict(
                f"Failover settings need replication: it is not enabled for virtual machine '{place.vm.name}'."
            )
        if place.adapter.legacy:
            raise conflict("Failover settings are not supported on a legacy network adapter.")
        place.adapter.failover = failover_asked(call, place.adapter.failover)
        if call.get("Passthru"):
            yield Output(failover_object(call.host, place.adapter.failover))

    yield from _each(adapters_meant(call, "VMNetworkAdapterName"), act)


def failover_asked(call: Call, have: FailoverAddress) -> FailoverAddress:
    """The settings as they would be after the call. Raises InvalidParameter for what is no address, or incomplete."""
    new = replace(have)
    for family in ("4", "6"):
        names = [name for name in FAILOVER if name.startswith(f"IPv{family}")]
        given = [name for name in names if name in call.parameters]
        if call.get(f"ClearFailoverIPv{family}Settings"):
            if given:
                raise bad_argument(f"ClearFailoverIPv{family}Settings cannot be combined with {given[0]}.")
            for name in names:
                setattr(new, FAILOVER[name], "")
        for name in given:
            setattr(new, FAILOVER[name], _checked(name, call.get(name)))
    # Whether an address alone passes is not documented: the harsher reading.
    if bool(new.ipv4_address) != bool(new.ipv4_subnet_mask):
        raise bad_argument("IPv4Address and IPv4SubnetMask must be given together.")
    if bool(new.ipv6_address) != bool(new.ipv6_prefix_length):
        raise bad_argument("IPv6Address and IPv6SubnetPrefixLength must be given together.")
    return new


def _checked(name: str, value: object) -> str:
    if value is None or value == "":
        return ""
    if name == "IPv6SubnetPrefixLength":
        return str(value)
    try:
        address = ipaddress.ip_address(str(value))
    except ValueError:
        raise bad_argument(f"{name}: '{value}' is not an address.") from None
    if address.version != int(name[3]):
        raise bad_argument(f"{name}: '{value}' is not an IPv{name[3]} address.")
    return str(value)


@cmdlet("Get-VMSwitch")
def get_switches(call: Call) -> Iterator[Record]:
    """Switches by name (a pattern), id and type."""
    host, name, kinds = call.host, call.get("Name"), [str(one) for one in listed(call.get("SwitchType"))]
    if name is not None and not is_pattern(name):
        switch_named(host, name)
    ids = listed(call.get("Id"))
    for switch in list(host.switches.values()):
        wanted = (name is None or matches(name, switch.name)) and (not ids or switch.id in ids)
        if wanted and (not kinds or switch.kind in kinds):
            yield Output(switch_object(host, switch))
