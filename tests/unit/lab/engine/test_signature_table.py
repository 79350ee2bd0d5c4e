"""The tables of cmdlet signatures are whole, and say what the modules' own metadata says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab.cmdlets.registry import handlers
from tests.lab.engine import make_signatures

FOLDER = Path(make_signatures.__file__).parent
TABLE = json.loads((FOLDER / "signatures.json").read_text())
CORE = json.loads((FOLDER / "signatures_core.json").read_text())
CMDLETS: dict[str, Any] = {**TABLE["cmdlets"], **CORE["cmdlets"]}

# One documented cmdlet of each kind, as the documentation gives them.
DOCUMENTED = {
    "Set-VMExample": {
        "module": "Hyper-V",
        "outputs": ["Microsoft.HyperV.PowerShell.VirtualMachine"],
        "parameter_sets": {"VMName": {"default": True}, "VMObject": {"default": False}},
        "parameters": {
            "RecoveryHistory": {"type": "Int32", "sets": ["(All)"], "required": False, "position": None},
            "VM": {
                "type": "VirtualMachine[]",
                "sets": ["VMObject"],
                "required": True,
                "position": 0,
                "pipeline": "ByValue",
            },
            "Mode": {"type": "ExampleMode", "sets": ["(All)"], "accepted": ["One", "Two"], "position": None},
            "WhatIf": {"type": "SwitchParameter", "sets": ["(All)"], "position": None},
        },
    },
    "Get-NetExample": {
        "module": "NetSecurity",
        "outputs": [],
        "parameter_sets": {"(All)": {"default": True}},
        "parameters": {"InputObject": {"type": "CimInstance[]", "sets": ["(All)"], "required": True, "position": None}},
    },
}


def test_every_handler_has_a_signature_and_every_signature_a_handler() -> None:
    assert sorted(handlers()) == sorted(CMDLETS)


@pytest.mark.parametrize("name", sorted(CMDLETS))
def test_parameters_stand_in_the_sets_of_their_cmdlet(name: str) -> None:
    row = CMDLETS[name]
    named = {one for parameter in row["parameters"].values() for one in parameter["sets"]} - {"(All)"}
    assert named <= set(row["sets"])
    assert row.get("default") in {None, *row["sets"]}


def test_types_are_known() -> None:
    known = {*TABLE["enums"], *TABLE["objects"]}
    used = {p["type"].removesuffix("[]") for row in CMDLETS.values() for p in row["parameters"].values()}
    assert sorted(one for one in used - known if not one.startswith("System.")) == [
        "Microsoft.Management.Infrastructure.CimSession"
    ]


def test_ranges_are_those_that_the_module_checks() -> None:
    ranges = {
        name: tuple(parameter["range"])
        for row in CMDLETS.values()
        for name, parameter in row["parameters"].items()
        if "range" in parameter
    }
    assert ranges["ReplicaServerPort"] == ranges["CertificateAuthenticationPort"] == (1, 65535)
    assert ranges["RecoveryHistory"] == (0, 24)
    assert ranges["ReplicationFrequencySec"] == (30, 900)


def test_only_failover_and_commit_ask_by_default() -> None:
    high = [name for name, row in CMDLETS.items() if row.get("impact") == "High"]
    assert high == ["Complete-VMFailover", "Start-VMFailover"]


def test_the_table_is_made_from_the_documentation() -> None:
    made = make_signatures.make(DOCUMENTED)
    cmdlet = made["cmdlets"]["Set-VMExample"]
    assert cmdlet["class"] == "Microsoft.HyperV.PowerShell.Commands.SetVMExample"
    assert cmdlet["asks"] is True
    assert "WhatIf" not in cmdlet["parameters"]
    assert cmdlet["parameters"] == {
        "Mode": {
            "type": "Microsoft.HyperV.PowerShell.ExampleMode",
            "sets": ["(All)"],
            "empty": "null",
            "nullable": True,
        },
        "RecoveryHistory": {
            "type": "System.Int32",
            "sets": ["(All)"],
            "range": (0, 24),
            "empty": "null",
            "nullable": True,
        },
        "VM": {
            "type": "Microsoft.HyperV.PowerShell.VirtualMachine[]",
            "sets": ["VMObject"],
            "mandatory": True,
            "position": 0,
            "value": True,
            "empty": "no",
        },
    }
    function = made["cmdlets"]["Get-NetExample"]
    assert function["class"] == "Get-NetExample"
    assert function["parameters"]["InputObject"]["kind"].endswith("#MSFT_NetFirewallRule")
    assert json.loads(make_signatures.text(made)) == json.loads(json.dumps(made))
