"""Decisions of hyperv_replica_vm as data: tests/unit/plugins/cases/copy/*.yml.

Each case says how the copy on HV-B is (`have`), what HV-A answered of the VM, which has another name there
(`partner`; `partners` are several hosts), what the task says (`want`),
and what comes of it: the cmdlets in order (`steps`), a refusal (`refused`), or an option's error (`error`). Planned
again from its own outcome nothing is left, and a copy that is not Off is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import OptionError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import Output, Row
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.states import Side
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.values import path_key
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Done, Refused, Wait
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.replica_vm.resource import REPLICA_VM, Copy, Have

from tests.unit.plugins.unfolding import unfold

CASES = Path(__file__).parent.parent / "cases" / "copy"
VM, OTHER_VM = "11111111-2222-3333-4444-555555555501", "11111111-2222-3333-4444-555555555502"
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def load() -> list[Any]:
    files = [(path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(CASES.glob("*.yml"))]
    return [pytest.param(case, id=f"{resource}: {case['name']}") for resource, cases in files for case in cases]


ALL = load()
PLANNED = [one for one in ALL if "error" not in one.values[0]]


def want_of(case: Mapping[str, Any]) -> Any:
    given = {"ids": [VM], **case["want"]}
    if "partner" in case or "partners" in case:
        given["partner"] = [partner(told) for told in case.get("partners") or [case["partner"]]]
    return REPLICA_VM.read_options({n: given.get(n, row.get("default")) for n, row in REPLICA_VM.spec.items()})


def partner(told: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the information module from HV-A. YAML's `None` is a text here."""
    return {
        "id": VM,
        "name": "App01-live",
        "host": told.get("host", "HV-A.example.com"),
        "read_at": (NOW - timedelta(seconds=told.get("age", 5))).isoformat(),
        "mode": told["mode"],
        "state": told.get("state", "Disabled"),
        "power": told["power"],
        "test_vm": None,
        "relations": [],
    }


def have_of(told: Mapping[str, Any]) -> Have:
    """HV-B with one VM that is Off and not replicated, unless the case says otherwise."""
    paths = {path_key(path) for path in told.get("files", ())}
    shared = {path_key(path) for path in told.get("shared", ())}
    gone = {path_key(path) for path in told.get("gone", ())}
    copy = Copy(
        id=VM,
        name="App01",
        side=Side(told.get("mode", "None"), told.get("state", "Disabled"), told.get("power", "Off")),
        start_action=told.get("start_action", "StartIfRunning"),
        clustered=told.get("clustered", False),
        paths=frozenset(paths),
        checkpoints=told.get("checkpoints", 0),
    )
    return Have(
        host="HV-B.example.com",
        read_at=NOW,
        copies={} if told.get("vms") == "none" else {VM: copy},
        owners={path: frozenset({VM, OTHER_VM} if path in shared else {VM}) for path in paths},
        files={path: path not in gone for path in paths},
    )


@pytest.mark.parametrize("case", ALL)
def test_case(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(OptionError) as raised:
            want_of(case)
        assert raised.value.option == case["error"]["option"]
        assert case["error"]["says"] in str(raised.value)
        return
    want, have = want_of(case), have_of(case.get("have", {}))
    steps, last, after = unfold(REPLICA_VM, have, want, VM)
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
    if "diff" in case:
        before, then = (REPLICA_VM.record(one, want, VM) for one in (have, after))
        assert {key: [before[key], then[key]] for key in before if before[key] != then[key]} == case["diff"]


@pytest.mark.parametrize("case", PLANNED)
def test_planned_again_nothing_is_left(case: dict[str, Any]) -> None:
    want, have = want_of(case), have_of(case.get("have", {}))
    steps, last, after = unfold(REPLICA_VM, have, want, VM)
    again, ending, _unused = unfold(REPLICA_VM, after, want, VM)
    if isinstance(last, Refused):
        assert steps == (), "a refusal comes first"
    else:
        assert again == ()
        assert isinstance(ending, Done)
        assert ending.reason


@pytest.mark.parametrize("case", PLANNED)
@pytest.mark.parametrize("power", ["Running", "Stopping", "Paused", "Saved", "Starting"])
def test_a_copy_that_is_not_off_is_never_touched(case: dict[str, Any], power: str) -> None:
    told = case.get("have", {})
    if told.get("vms") == "none":
        return
    steps, last, _unused = unfold(REPLICA_VM, have_of({**told, "power": power}), want_of(case), VM)
    assert steps == ()
    assert isinstance(last, Refused)


MERGING = "D:\\R\\a_0F1E2D3C-0000-4000-8000-123456789ABC.avhdx"
DELETE = {
    "partner": {"mode": "None", "power": "Running"},
    "want": {"state": "absent", "lives_on": "hv-a", "delete_files": [MERGING]},
}


def test_a_disk_that_is_being_merged_is_waited_for() -> None:
    have = have_of({"files": [MERGING]})
    last = REPLICA_VM.decide(have, want_of(DELETE), VM, frozenset())
    assert isinstance(last, Wait)
    assert MERGING.casefold() in last.reason


def test_a_disk_that_was_merged_meanwhile_is_deleted_with_its_vm() -> None:
    steps, last, _unused = unfold(REPLICA_VM, have_of({"files": ["D:\\R\\a.vhdx"]}), want_of(DELETE), VM)
    assert [step.statement.commands[-1].parameters.get("LiteralPath") for step in steps] == [["D:\\R\\a.vhdx"], None]
    assert isinstance(last, Done)


def test_another_host_than_the_task_is_for_is_told_before_its_vms_are_looked_at() -> None:
    wanted = want_of({"want": {"state": "absent", "expected_host": "HV-B.example.com"}})
    row = Row("VMHost", {"Name": "HV-X", "FullyQualifiedDomainName": "example.com"})
    with pytest.raises(OptionError, match="this is for HV-B"):
        REPLICA_VM.parse(Output(rows=(row,)), wanted)
