"""The lines of a plan: parameters as they would be typed, and nothing that says only how a cmdlet travels."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.plan_lines import action_lines, plan_line

from tests.integration.printed_plan import printed


@pytest.mark.parametrize(
    "parameters, told",
    [
        ({}, "Set-VM"),
        ({"Confirm": False, "AsJob": True}, "Set-VM"),
        ({"TurnOff": True}, "Set-VM -TurnOff"),
        ({"CompressionEnabled": False}, "Set-VM -CompressionEnabled:$false"),
        (
            {"RecoveryHistory": 4, "ReplicaServerName": "hv-b.x.example"},
            "Set-VM -RecoveryHistory 4 -ReplicaServerName hv-b.x.example",
        ),
        ({"Name": "Bob's VM"}, "Set-VM -Name 'Bob''s VM'"),
        ({"Name": "-Force"}, "Set-VM -Name '-Force'"),
        ({"Name": ""}, "Set-VM -Name ''"),
        ({"LiteralPath": ["D:\\a b.vhdx", "c"]}, "Set-VM -LiteralPath 'D:\\a b.vhdx',c"),
        ({"ReplicaServerPort": None}, "Set-VM -ReplicaServerPort …"),
    ],
)
def test_a_line(parameters: dict[str, Any], told: str) -> None:
    assert plan_line(2, "hv-a", "Set-VM", parameters, "as: asked") == f"  2. hv-a: {told}: as: asked"


def test_the_actions_of_many_vms_are_numbered_for_each() -> None:
    def action(vm: str | None, cmdlet: str) -> dict[str, Any]:
        return {"vm": vm, "cmdlet": cmdlet, "parameters": {}, "host": "hv-a", "why": "it shall be", "sent": False}

    lines = action_lines(
        [action("App01", "Stop-VM"), action("Db", "Stop-VM"), action("App01", "Start-VM"), action(None, "New-Item")]
    )
    assert lines == [
        "App01:",
        "  1. hv-a: Stop-VM: it shall be",
        "  2. hv-a: Start-VM: it shall be",
        "Db:",
        "  1. hv-a: Stop-VM: it shall be",
        "hv-a:",
        "  1. hv-a: New-Item: it shall be",
    ]
    assert [(line.owner, line.cmdlet) for line in printed("\n".join(lines))][-1] == ("hv-a", "New-Item")
    assert action_lines([]) == []


def test_what_is_printed_can_be_read_back() -> None:
    given = {"Name": "Bob's: VM, -Force 'x'", "Paths": ["D:\\a, b", "…"], "On": True, "Off": False, "Entry": "*"}
    [line] = printed("App01: here\n" + plan_line(1, "hv-a", "Set-VM", given, "why"))
    told = dict(line.parameters)
    assert told == {"Name": given["Name"], "Paths": "D:\\a, b,…", "On": "True", "Off": "False", "Entry": "*"}
