"""Information: rows to records, by data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import ReplicaError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.sections import KINDS

from tests.unit.plugins.info_cases import run, session_of

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted((Path(__file__).parent / "cases" / "info").glob("*.yml"))
    for case in yaml.safe_load(path.read_text())
]


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    session = session_of(case["answers"])
    if "error" in case:
        with pytest.raises(ReplicaError) as caught:
            run(session, case["options"])
        assert case["error"] in str(caught.value)
        return
    result, _unused = run(session, case["options"])
    assert_says(result, case["result"])


def assert_says(found: Any, wanted: Any, where: str = "result") -> None:
    """`found` says everything that `wanted` says; lists have the same length, dicts may hold more."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict), where
        for key, value in wanted.items():
            assert key in found, f"{where}.{key}"
            assert_says(found[key], value, f"{where}.{key}")
    elif isinstance(wanted, list):
        assert isinstance(found, list), where
        assert len(found) == len(wanted), f"{where}: {found}"
        for index, value in enumerate(wanted):
            assert_says(found[index], value, f"{where}[{index}]")
    else:
        assert found == wanted, where
        assert type(found) is type(wanted), where


def fleet(count: int) -> dict[str, Any]:
    """A host with `count` replicas, whose other parts are all empty."""
    ids = [f"00000000-0000-0000-0000-{number:012}" for number in range(count)]
    vms = [{"vm": {"Id": i, "Name": f"VM{i[-4:]}", "ReplicationMode": "Replica"}} for i in ids]
    legs = [{"relation": {"VMId": i, "ReplicationMode": "Replica"}} for i in ids]
    now = {"text": "2026-03-01T18:30:00.0000000+01:00"}
    return {kind: {} for kind in KINDS} | {"relations": {"rows": [{"host": {}}, *vms, *legs, now]}}


@pytest.mark.parametrize("count", [1, 200])
@pytest.mark.parametrize("chosen", [{}, {"names": ["VM0000"]}, {"ids": ["00000000-0000-0000-0000-000000000000"]}])
def test_one_pipeline_a_kind(count: int, chosen: dict[str, Any]) -> None:
    session = session_of(fleet(count))
    _unused, kinds = run(session, {"gather": ["all"], "unreadable": "report", **chosen})
    assert sorted(kinds) == sorted(KINDS)
    statements = sum(len(pipeline.statements) for pipeline in session.sent)
    assert statements < 45, "statements grow with the number of VMs"


def test_only_what_is_asked_for_is_read() -> None:
    _unused, kinds = run(session_of(fleet(3)), {"gather": ["disks", "server"], "unreadable": "report"})
    assert kinds == ["relations", "disks", "server"]
    _unused, kinds = run(session_of(fleet(3)), {"gather": ["server"], "unreadable": "report"})
    assert kinds == ["server"]


def test_only_reading_cmdlets_are_sent() -> None:
    session = session_of(fleet(3))
    run(session, {"gather": ["all"], "unreadable": "report", "names": ["VM0001"]})
    names = {command.name for p in session.sent for statement in p.statements for command in statement.commands}
    assert {name.partition("-")[0] for name in names} == {"Get", "Measure", "Select", "Where"}


def test_a_few_of_many_are_chosen_on_the_host() -> None:
    session = session_of(fleet(200))
    run(
        session,
        {"names": ["VM0001", "VM0002"], "gather": ["relations", "statistics", "security"], "unreadable": "report"},
    )
    for pipeline in session.sent:
        for statement in pipeline.statements:
            if statement.commands[0].name in ("Get-VM", "Get-VMReplication"):
                assert statement.commands[1].name == "Where-Object"
                assert len(statement.commands[1].parameters["Value"]) == 2
