"""Rows that a host types otherwise are told by what was asked; nothing else is touched."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Command, Pipeline
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.properties import select
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import Output, Row
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire import clixml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.wire.recognition import recognised

CUSTOM = "System.Management.Automation.PSCustomObject"
HYPERV = "Microsoft.HyperV.PowerShell."
ID = "2f0f9a5c-0a3b-4c7e-9a53-0d9a8c1f7e10"
ASKED = Pipeline.of(
    Command("Get-VM") | select("VirtualMachine", "Id", "Name", "State"),
    Command("Get-ClusterNode") | select("ClusterNode", "Name", "State"),
    Command("Get-VMSecurity") | select("VMSecurity", "VMId", "TpmEnabled"),
    Command("Get-Date", {"Format": "o"}),
)
VM = {"Id": ID, "Name": "App01", "State": "Off"}


def told(row: Row, asked: Pipeline = ASKED) -> Row:
    [found] = recognised(asked, Output((row,))).rows
    return found


@pytest.mark.parametrize("type_name", [CUSTOM, "", "Example.Thing", "Microsoft.Management.Infrastructure.CimInstance"])
@pytest.mark.parametrize(
    ("properties", "kind"),
    [
        (VM, "VirtualMachine"),
        ({"Name": "HV-A", "State": "Up"}, "ClusterNode"),
        ({"State": "Up", "Name": "HV-A"}, "ClusterNode"),
        ({"VMId": ID, "TpmEnabled": None}, "VMSecurity"),
    ],
)
def test_by_its_columns(type_name: str, properties: dict[str, Any], kind: str) -> None:
    assert Output((told(Row(type_name, properties)),)).of_type(kind)


def test_a_type_that_was_asked_for_is_believed() -> None:
    assert told(Row(HYPERV + "VirtualMachine", {"Name": "x", "State": "Off"})).type == HYPERV + "VirtualMachine"


@pytest.mark.parametrize("row", [Row("System.String", {"Value": "x"}, "x"), Row(CUSTOM, {"Name": "x"})], ids=str)
def test_what_was_not_asked_for_is_left_alone(row: Row) -> None:
    assert told(row) == row


def test_columns_of_two_kinds_tell_nothing() -> None:
    asked = Pipeline.of(Command("Get-VM") | select("VirtualMachine", "Name", "State"), *ASKED.statements[1:])
    assert told(Row(CUSTOM, {"Name": "x", "State": "Up"}), asked).type == CUSTOM


@pytest.mark.parametrize("text", [ID, ID.upper(), "{" + ID.upper() + "}"])
@pytest.mark.parametrize("spelling", ["VMId", "VmId", "vmid"])
def test_names_of_properties_and_ids_have_one_form(text: str, spelling: str) -> None:
    assert told(Row(CUSTOM, {spelling: text, "tpmenabled": True})).properties == {"VMId": ID, "TpmEnabled": True}


@pytest.mark.parametrize("types", ["<T>Example.State</T>", "<T>Example.State</T><T>System.Enum</T>"])
def test_a_number_that_prints_as_a_word_is_an_enum(types: str) -> None:
    state = f'<Obj N="State" RefId="1"><TN RefId="1">{types}</TN><ToString>Off</ToString><I32>3</I32></Obj>'
    [row] = clixml.rows(clixml.parse(f'<Obj RefId="0"><MS>{state}</MS></Obj>'))
    assert row.properties == {"State": "Off"}


def test_a_number_with_notes_stays_a_number() -> None:
    port = '<Obj N="Port" RefId="1"><ToString>80</ToString><I32>80</I32></Obj>'
    [row] = clixml.rows(clixml.parse(f'<Obj RefId="0"><MS>{port}</MS></Obj>'))
    assert row.properties == {"Port": 80}
