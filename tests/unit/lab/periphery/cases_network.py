"""What the cmdlets of adapters, switches and disks refuse and lead to. They are called on A, where the VMs are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.lab.world.network import Adapter, FailoverAddress
from tests.lab.world.relation import Relation
from tests.lab.world.storage import Disk
from tests.unit.lab.periphery.bench import Answer, Bench, Case, enum

SET, CONNECT, VLAN = "Set-VMNetworkAdapter", "Connect-VMNetworkAdapter", "Set-VMNetworkAdapterVlan"
FAILOVER = "Set-VMNetworkAdapterFailoverConfiguration"
ARGUMENT: dict[str, Any] = {"error": "InvalidParameter", "category": "InvalidArgument"}
CONFLICT: dict[str, Any] = {"error": "InvalidOperation", "category": "InvalidOperation"}
MISSING: dict[str, Any] = {"error": "ObjectNotFound", "category": "ObjectNotFound"}
STATE: dict[str, Any] = {"error": "InvalidState", "category": "InvalidOperation"}
ADDRESS: dict[str, Any] = {"IPv4Address": "10.1.0.5", "IPv4SubnetMask": "255.255.0.0"}


@dataclass(frozen=True)
class On(Case):
    """A case on A; the first VM there is App01."""

    host: str = "HV-A"


def vm(**parameters: Any) -> dict[str, Any]:
    """Parameters for the first VM by name."""
    return {"VMName": ["App01"], **parameters}


def adapter(bench: Bench) -> Adapter:
    """Its adapter."""
    return bench.vm.adapters[0]


def replicated(bench: Bench) -> None:
    """The first VM is a replica."""
    bench.vm.relations["Simple"] = Relation("Replica", "Replicating")


def addressed(bench: Bench) -> None:
    """The same with an address to fail over to."""
    replicated(bench)
    adapter(bench).failover = FailoverAddress(ipv4_address="10.1.0.5", ipv4_subnet_mask="255.0.0.0")


def legacy(bench: Bench) -> None:
    """The same with a legacy adapter."""
    replicated(bench)
    adapter(bench).legacy = True


def off(bench: Bench) -> None:
    """The first VM is off."""
    bench.vm.turn("Off", bench.world.clock.now())


def pass_through(bench: Bench) -> None:
    """The first VM has a pass-through disk at SCSI 0:5."""
    bench.vm.disks.append(Disk("", disk_number=2, location=5))


def properties(answer: Answer, *names: str) -> list[str]:
    """Properties of the only object, as text."""
    return [str(answer.one[name]) for name in names]


CASES = [
    On(
        "adapter: what it is connected to",
        "Get-VMNetworkAdapter",
        vm(),
        check=lambda bench, a: a.one["SwitchName"] == "Production" and a.one["VMId"] == bench.vm.id,
    ),
    On("adapter: of a VM that is not there", "Get-VMNetworkAdapter", {"VMName": ["No"]}, **ARGUMENT),
    On("adapter: a name that is not there", "Get-VMNetworkAdapter", vm(Name="No"), **MISSING),
    On(
        "adapter: a pattern that fits none",
        "Get-VMNetworkAdapter",
        vm(Name="No*"),
        check=lambda _unused, a: not a.outputs,
    ),
    On("adapter: all", "Get-VMNetworkAdapter", {"All": True}, check=lambda b, a: len(a.outputs) == len(b.a.vms)),
    On(
        "adapter: test switch",
        SET,
        vm(TestReplicaSwitchName="Test isolated"),
        check=lambda bench, _unused: (
            adapter(bench).test_switch == "Test isolated" and adapter(bench).switch == "Production"
        ),
    ),
    On("adapter: test switch that is not there", SET, vm(TestReplicaSwitchName="No"), **ARGUMENT),
    On(
        "adapter: test switch taken away",
        SET,
        vm(TestReplicaSwitchName=""),
        lambda bench: setattr(adapter(bench), "test_switch", "Test isolated"),
        check=lambda bench, _unused: adapter(bench).test_switch == "",
    ),
    On("adapter: MAC of a running VM", SET, vm(StaticMacAddress="00-15-5D-01-02-03"), **STATE),
    On(
        "adapter: MAC",
        SET,
        vm(StaticMacAddress="00-15-5D-01-02-03"),
        off,
        check=lambda bench, _unused: adapter(bench).mac_address == "00155D010203",
    ),
    On("adapter: no MAC", SET, vm(StaticMacAddress="none"), off, **ARGUMENT),
    On("adapter: connect to no switch", CONNECT, vm(SwitchName="No"), **ARGUMENT),
    On(
        "adapter: connect",
        CONNECT,
        vm(SwitchName="test ISOLATED"),
        check=lambda bench, _unused: adapter(bench).switch == "Test isolated",
    ),
    On(
        "adapter: disconnect",
        "Disconnect-VMNetworkAdapter",
        vm(),
        check=lambda bench, _unused: adapter(bench).switch is None,
    ),
    On(
        "adapter: disconnect by object",
        "Disconnect-VMNetworkAdapter",
        lambda bench: {"VMNetworkAdapter": bench.run("Get-VMNetworkAdapter", vm(), host=bench.a).outputs},
        check=lambda bench, _unused: adapter(bench).switch is None,
    ),
    On(
        "vlan: none",
        "Get-VMNetworkAdapterVlan",
        vm(),
        check=lambda _unused, a: properties(a, "OperationMode") == ["Untagged"],
    ),
    On("vlan: two modes", VLAN, vm(Access=True, Untagged=True, VlanId=5), **ARGUMENT),
    On("vlan: no mode", VLAN, vm(VlanId=5), **ARGUMENT),
    On("vlan: access without id", VLAN, vm(Access=True), **ARGUMENT),
    On("vlan: id out of range", VLAN, vm(Access=True, VlanId=4095), **ARGUMENT),
    On("vlan: trunk with a bad list", VLAN, vm(Trunk=True, NativeVlanId=1, AllowedVlanIdList="1-x"), **ARGUMENT),
    On(
        "vlan: access",
        VLAN,
        vm(Access=True, VlanId=42, Passthru=True),
        check=lambda _unused, a: properties(a, "OperationMode", "AccessVlanId") == ["Access", "42"],
    ),
    On(
        "vlan: trunk",
        VLAN,
        vm(Trunk=True, NativeVlanId=1, AllowedVlanIdList="5, 1-3", Passthru=True),
        check=lambda _unused, a: a.one["AllowedVlanIdList"] == [1, 2, 3, 5],
    ),
    On(
        "vlan: isolated",
        VLAN,
        vm(Isolated=True, PrimaryVlanId=10, SecondaryVlanId=20, Passthru=True),
        check=lambda _unused, a: properties(a, "PrivateVlanMode", "SecondaryVlanId") == ["Isolated", "20"],
    ),
    On("failover address: VM without replication", FAILOVER, vm(**ADDRESS), **CONFLICT),
    On("failover address: legacy adapter", FAILOVER, vm(**ADDRESS), legacy, **CONFLICT),
    On("failover address: no mask", FAILOVER, vm(IPv4Address="10.1.0.5"), replicated, **ARGUMENT),
    On("failover address: no address", FAILOVER, vm(**{**ADDRESS, "IPv4Address": "here"}), replicated, **ARGUMENT),
    On("failover address: wrong family", FAILOVER, vm(**{**ADDRESS, "IPv4Address": "fd00::5"}), replicated, **ARGUMENT),
    On(
        "failover address: clear and set",
        FAILOVER,
        vm(ClearFailoverIPv4Settings=True, **ADDRESS),
        replicated,
        **ARGUMENT,
    ),
    On(
        "failover address: both families, the prefix length is a text",
        FAILOVER,
        vm(**ADDRESS, IPv6Address="fd00::5", IPv6SubnetPrefixLength=64, Passthru=True),
        replicated,
        check=lambda _unused, a: (
            properties(a, "IPv4Address", "ProtocolIFType") == ["10.1.0.5", "IPv4v6"]
            and a.one["IPv6SubnetPrefixLength"] == "64"
        ),
    ),
    On(
        "failover address: what is not named stays",
        FAILOVER,
        vm(IPv4DefaultGateway="10.1.0.1", Passthru=True),
        addressed,
        check=lambda _unused, a: properties(a, "IPv4Address", "IPv4DefaultGateway") == ["10.1.0.5", "10.1.0.1"],
    ),
    On(
        "failover address: cleared",
        FAILOVER,
        vm(ClearFailoverIPv4Settings=True, Passthru=True),
        addressed,
        check=lambda _unused, a: properties(a, "IPv4Address", "ProtocolIFType") == ["", "None"],
    ),
    On("switch: not there", "Get-VMSwitch", {"Name": "No"}, **ARGUMENT),
    On(
        "switch: by type",
        "Get-VMSwitch",
        {"SwitchType": [enum("VMSwitchType", "Private")]},
        check=lambda _unused, a: a.one["Name"] == "Test isolated",
    ),
    On(
        "disk: place and path",
        "Get-VMHardDiskDrive",
        vm(ControllerType=enum("ControllerType", "SCSI"), ControllerNumber=0, ControllerLocation=0),
        check=lambda bench, a: a.one["Path"] == bench.vm.disks[0].path,
    ),
    On(
        "disk: pass-through has a number and no path",
        "Get-VMHardDiskDrive",
        vm(ControllerLocation=5),
        pass_through,
        check=lambda _unused, a: (a.one["DiskNumber"], a.one["Path"]) == (2, ""),
    ),
    On(
        "disk: sizes are bytes",
        "Get-VHD",
        lambda bench: {"VMId": [bench.vm.id]},
        set="VMId",
        check=lambda bench, a: (
            a.one["Size"].value == bench.vm.disks[0].size and a.one["FileSize"].value < a.one["Size"].value
        ),
    ),
    On("disk: no file", "Get-VHD", {"Path": ["D:\\no.vhdx"]}, set="Path", code="0x80070002", **MISSING),
    On("disk: no VM", "Get-VHD", {"VMId": ["x"]}, set="VMId", **ARGUMENT),
    On(
        "volume: of a path",
        "Get-Volume",
        {"FilePath": "D:\\Replica"},
        check=lambda _unused, a: a.one["DriveLetter"] == "D" and a.one["SizeRemaining"].value < a.one["Size"].value,
    ),
    On(
        "volume: no letter",
        "Get-Volume",
        {"DriveLetter": ["Q"]},
        error="CmdletizationQuery_NotFound_DriveLetter",
        category="ObjectNotFound",
    ),
    Case(
        "volume: a shared one has no letter",
        "Get-Volume",
        {"FilePath": "C:\\ClusterStorage\\Volume1\\Replica"},
        Bench.cluster,
        check=lambda _unused, a: a.one["DriveLetter"] is None and a.one["FileSystemLabel"] == "Volume1",
    ),
]
