"""Decisions of hyperv_failover_network as data: tests/unit/plugins/cases/network/*.yml.

Each case says how the adapter is (`have`), what the task says (`want`), and what comes of it: the cmdlets in order
with their parameters (`steps`), or a refusal (`refused`), or an option's error (`error`), and what changes in the
record (`diff`). Planned again from its own outcome nothing is left, and what a task does not name is never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import OptionError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Done, Refused
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.network.options import FAMILIES
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.network.resource import (
    FAILOVER_NETWORK,
    Adapter,
    Have,
)

from tests.unit.plugins.unfolding import unfold

CASES = Path(__file__).parent.parent / "cases" / "network"
VM, ADAPTER = "11111111-2222-3333-4444-555555555501", "Microsoft:11111111\\A"
SWITCHES = {
    "Production": "External",
    "Backup net": "External",
    "Other": "Internal",
    "Host only": "Internal",
    "Isolated": "Private",
}
KEYS = [key for rows in FAMILIES.values() for key, _unused in rows.values()]
# What belongs to what: option of the task -> cmdlet and a parameter that only it writes.
WRITES = {
    "ipv4": ("Set-VMNetworkAdapterFailoverConfiguration", "IPv4"),
    "ipv6": ("Set-VMNetworkAdapterFailoverConfiguration", "IPv6"),
    "test_switch": ("Set-VMNetworkAdapter", "TestReplicaSwitchName"),
    "switch": ("Connect-VMNetworkAdapter", ""),
    "vlan_id": ("Set-VMNetworkAdapterVlan", ""),
}


def load() -> list[Any]:
    files = [(path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(CASES.glob("*.yml"))]
    return [pytest.param(case, id=f"{resource}: {case['name']}") for resource, cases in files for case in cases]


ALL = load()
PLANNED = [one for one in ALL if "error" not in one.values[0]]


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(given) - set(FAILOVER_NETWORK.spec)
    assert not unknown, f"options that the module does not have: {unknown}"
    return {"names": ["App01"], **{name: given.get(name) for name in FAILOVER_NETWORK.spec if name != "names"}}


def have_of(told: Mapping[str, Any]) -> Have:
    """A host with one VM and one adapter; `settings: null` is an adapter that takes no failover addresses."""
    vlan = told.get("vlan", 0)
    settings = told.get("settings", {})
    adapter = Adapter(
        vm_id=VM,
        vm="App01",
        power=told.get("power", "Off"),
        about={
            "id": ADAPTER,
            "name": "Network Adapter",
            "switch": told.get("switch"),
            "connected": "switch" in told,
            "test_switch": told.get("test_switch", ""),
        },
        vlan={
            "mode": "Trunk" if vlan == "Trunk" else "Access" if vlan else "Untagged",
            "access_vlan_id": vlan if isinstance(vlan, int) else 0,
        },
        settings=None if settings is None else {**dict.fromkeys(KEYS), **settings},
    )
    return Have("HV-B.example.com", {ADAPTER: adapter}, SWITCHES)


def planned(case: Mapping[str, Any], have: Have | None = None) -> tuple[Any, Have, Any]:
    have = have or have_of(case.get("have", {}))
    want = FAILOVER_NETWORK.read_options(options(case["want"]))
    return want, have, unfold(FAILOVER_NETWORK, have, want, ADAPTER)


@pytest.mark.parametrize("case", ALL)
def test_case(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(OptionError) as raised:
            planned(case)
        assert raised.value.option == case["error"]["option"]
        assert case["error"]["says"] in str(raised.value)
        return
    want, have, (steps, last, after) = planned(case)
    shown = []
    for step in steps:
        command = step.statement.commands[-1]
        assert command.parameters["Confirm"] is False
        shown.append({command.name: {name: v for name, v in command.parameters.items() if name != "Confirm"}})
    assert shown == case.get("steps", []), last
    assert isinstance(last, Refused if "refused" in case else Done), last
    for words in case.get("refused", []):
        assert isinstance(last, Refused)
        assert words in last.message
    before, then = (FAILOVER_NETWORK.record(one, want, ADAPTER) for one in (have, after))
    changed = {key: [before[key], then[key]] for key in before if before[key] != then[key]}
    assert bool(changed) == bool(steps)
    assert changed == case.get("diff", changed)


@pytest.mark.parametrize("case", PLANNED)
def test_planned_again_nothing_is_left(case: dict[str, Any]) -> None:
    _unused, _unused, (steps, last, after) = planned(case)
    _unused, _unused, (again, ending, _unused) = planned(case, after)
    if isinstance(last, Done):
        assert again == ()
        assert isinstance(ending, Done)
        assert ending.reason
    else:
        assert steps == (), "a refusal comes first"


@pytest.mark.parametrize("case", PLANNED)
def test_what_is_not_named_is_never_written(case: dict[str, Any]) -> None:
    have = have_of(case.get("have", {}))
    named = set(case["want"]) | set(case["want"].get("clear", ()))
    adapter = have.adapters[ADAPTER]
    about, vlan = dict(adapter.about), dict(adapter.vlan)
    if "test_switch" not in named:
        about["test_switch"] = "Host only"
    if "vlan_id" not in named:
        vlan.update(mode="Access", access_vlan_id=99)
    other = replace(have, adapters={ADAPTER: replace(adapter, about=about, vlan=vlan)})
    _unused, _unused, (steps, _unused, _unused) = planned(case, other)
    for step in steps:
        command = step.statement.commands[-1]
        for option in WRITES.keys() - named:
            cmdlet, parameter = WRITES[option]
            assert command.name != cmdlet or not any(parameter in name for name in command.parameters), option
