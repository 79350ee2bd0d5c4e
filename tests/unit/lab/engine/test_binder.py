"""Arguments and pipeline input to parameters: outcomes as the real engine gives them for the same signatures."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.lab.engine.binder import Argument, Binder
from tests.lab.engine.failures import Failure
from tests.lab.engine.signatures import table
from tests.lab.values import Enum, Obj

ID = "11111111-2222-3333-4444-555555555555"
SPACE = "Microsoft.HyperV.PowerShell"
VM = Obj(f"{SPACE}.VirtualMachine", {"Name": "app01", "Id": uuid.UUID(ID)})
RELATION = Obj(f"{SPACE}.VMReplication", {"VMName": "app01", "VMId": uuid.UUID(ID)})
ENABLE: list[Argument] = [("VMName", "a"), ("ReplicaServerName", "b"), ("ReplicaServerPort", 80)]
KERBEROS = Enum(f"{SPACE}.ReplicationAuthenticationType", "Kerberos")


def bound(name: str, arguments: list[Argument], *piped: Any) -> tuple[str, dict[str, Any]]:
    binder = Binder(table().signatures[name.lower()])
    binder.bind_arguments(arguments, piped=bool(piped))
    for value in piped:
        binder.bind_input(value)
    return binder.set_name, binder.values


GOOD: list[tuple[str, list[Argument], tuple[Any, ...], str, dict[str, Any]]] = [
    ("Get-VM", [], (), "Name", {}),
    ("Get-VM", [("Name", "a")], (), "Name", {"Name": ["a"]}),
    ("Get-VM", [("na", ["a", 5])], (), "Name", {"Name": ["a", "5"]}),
    ("Get-VM", [("VMName", "a")], (), "Name", {"Name": ["a"]}),
    ("Get-VM", [(None, "a")], (), "Name", {"Name": ["a"]}),
    ("Get-VM", [(None, uuid.UUID(ID))], (), "Id", {"Id": uuid.UUID(ID)}),
    ("Get-VM", [("Id", ID.upper())], (), "Id", {"Id": uuid.UUID(ID)}),
    ("Get-VM", [], (uuid.UUID(ID),), "Id", {"Id": uuid.UUID(ID)}),
    ("Get-VM", [], (VM,), "Id", {"Id": uuid.UUID(ID)}),
    ("Get-VM", [], ("a", "b"), "Name", {"Name": ["b"]}),
    ("Start-VM", [], (VM,), "VMObject", {"VM": [VM]}),
    ("Start-VM", [], ("app01",), "Name", {"Name": ["app01"]}),
    ("Start-VMFailover", [], (5,), "VMName", {"VMName": ["5"]}),
    ("Suspend-VMReplication", [], (RELATION,), "VMReplication", {"VMReplication": [RELATION]}),
    ("Enable-VMReplication", [*ENABLE, ("AuthenticationType", "kerb")], (), "VMName", {"AuthenticationType": KERBEROS}),
    ("Enable-VMReplication", [*ENABLE, ("AuthenticationType", 1)], (), "VMName", {"AuthenticationType": KERBEROS}),
    (
        "Enable-VMReplication",
        [*ENABLE, ("AuthenticationType", "Kerberos"), ("CompressionEnabled", 0)],
        (),
        "VMName",
        {"CompressionEnabled": False},
    ),
    ("Start-VMInitialReplication", [("VMName", "a"), ("UseBackup", None)], (), "VMName", {"UseBackup": True}),
    ("Set-VM", [("Name", "a"), ("MemoryMaximumBytes", "4GB")], (), "Name", {"MemoryMaximumBytes": 2**32}),
    ("Set-NetFirewallRule", [("Name", "a"), ("Description", ["x", "y"])], (), "ByName", {"Description": "x y"}),
    ("Get-ClusterNode", [("Name", "a")], (), "__AllParameterSets", {"Name": ["a"]}),
]


@pytest.mark.parametrize(("name", "arguments", "piped", "set_name", "values"), GOOD)
def test_binds(
    name: str, arguments: list[Argument], piped: tuple[Any, ...], set_name: str, values: dict[str, Any]
) -> None:
    found_set, found = bound(name, arguments, *piped)

    assert found_set == set_name
    assert {key: found[key] for key in values} == values
    assert bool(found) == bool(values)


BAD: list[tuple[str, list[Argument], tuple[Any, ...], str, str]] = [
    ("Get-VM", [("Nope", 1)], (), "NamedParameterNotFound", "InvalidArgument"),
    ("Get-VM", [("E", "Stop")], (), "AmbiguousParameter", "InvalidArgument"),
    ("Enable-VMReplication", [("R", "x")], (), "AmbiguousParameter", "InvalidArgument"),
    ("Get-VM", [("Name", "a"), ("name", "b")], (), "ParameterAlreadyBound", "InvalidArgument"),
    ("Get-VM", [("Name", "a"), ("Id", ID)], (), "AmbiguousParameterSet", "InvalidArgument"),
    ("Get-VM", [(None, "a"), (None, "b")], (), "PositionalParameterNotFound", "InvalidArgument"),
    ("Get-VM", [("WhatIf", True)], (), "NamedParameterNotFound", "InvalidArgument"),
    ("Get-VM", [("Id", "zz")], (), "CannotConvertArgumentNoMessage", "InvalidArgument"),
    ("Get-VM", [("Id", [ID])], (), "CannotConvertArgument", "InvalidArgument"),
    ("Get-VM", [("Name", None)], (), "ParameterArgumentValidationError", "InvalidData"),
    ("Get-VM", [("Name", "")], (), "ParameterArgumentValidationError", "InvalidData"),
    ("Get-VM", [("Name", [])], (), "ParameterArgumentValidationError", "InvalidData"),
    ("Get-VM", [("Name", ["a", None])], (), "ParameterArgumentValidationError", "InvalidData"),
    ("Get-VM", [], (None,), "ParameterArgumentValidationError", "InvalidData"),
    ("Get-VM", [], ("",), "ParameterArgumentValidationError", "InvalidData"),
    ("Start-VM", [], (), "MissingMandatoryParameter", "InvalidArgument"),
    ("Start-VM", [("VM", "app01")], (), "CannotConvertArgumentNoMessage", "InvalidArgument"),
    ("Get-VMReplication", [("VMName", "x")], (5,), "InputObjectNotBound", "InvalidArgument"),
    ("Enable-VMReplication", [*ENABLE, ("AuthenticationType", "x")], (), "CannotConvertArgumentNoMessage", ""),
    ("Enable-VMReplication", [*ENABLE, ("AuthenticationType", 7)], (), "CannotConvertArgumentNoMessage", ""),
    ("Enable-VMReplication", [*ENABLE, ("CompressionEnabled", "yes")], (), "CannotConvertArgument", ""),
    ("Enable-VMReplication", [*ENABLE, ("RecoveryHistory", 25)], (), "ParameterArgumentValidationError", ""),
    ("Enable-VMReplication", [("ReplicaServerPort", 2**32)], (), "CannotConvertArgumentNoMessage", ""),
    ("Set-VMReplicationServer", [("MonitoringInterval", "PT12H")], (), "CannotConvertArgumentNoMessage", ""),
    ("Get-NetFirewallRule", [("Name", None)], (), "ParameterArgumentValidationErrorNullNotAllowed", "InvalidData"),
    ("Set-NetFirewallRule", [("Name", [])], (), "ParameterArgumentValidationErrorEmptyArrayNotAllowed", ""),
    ("Set-NetFirewallRule", [("Name", "a"), ("Enabled", True)], (), "ParameterArgumentTransformationError", ""),
    ("Connect-VMNetworkAdapter", [(None, 5)], (), "AmbiguousPositionalParameterNoName", "InvalidArgument"),
]


@pytest.mark.parametrize(("name", "arguments", "piped", "identifier", "category"), BAD)
def test_refuses(name: str, arguments: list[Argument], piped: tuple[Any, ...], identifier: str, category: str) -> None:
    with pytest.raises(Failure) as caught:
        bound(name, arguments, *piped)

    record = caught.value.record
    assert record.fqid == f"{identifier},{table().signatures[name.lower()].owner}"
    assert category in ("", record.category)
    assert record.target == (piped[0] if piped else None)


def test_each_object_is_bound_anew() -> None:
    """What the object before brought does not stay: the set is decided for each."""
    binder = Binder(table().signatures["start-vm"])
    binder.bind_arguments([("Passthru", True)], piped=True)

    binder.bind_input(VM)
    assert (binder.set_name, set(binder.values)) == ("VMObject", {"Passthru", "VM"})
    binder.bind_input("app02")
    assert (binder.set_name, set(binder.values)) == ("Name", {"Passthru", "Name"})
