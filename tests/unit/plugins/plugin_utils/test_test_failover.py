"""What a test failover decides on: isolation, who came up, and what the report says of what is still there."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import PlanError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.failover.point import parse_points
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.test_failover.cleanup import (
    cleaned,
    cleanup,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.test_failover.network import (
    isolation,
    isolation_problem,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.test_failover.plan import (
    candidates as listed,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.test_failover.report import (
    answered,
    report,
)

KINDS = {"Production": "external", "Isolated": "private", "Host only": "internal"}
VM, TEST = "11111111-2222-3333-4444-555555555501", "11111111-2222-3333-4444-555555555591"


@pytest.mark.parametrize(
    "switch, production, allow, says",
    [
        (None, ["Production"], [], ""),
        ("", ["Production"], [], ""),
        ("Isolated", ["Production"], [], ""),
        ("Host only", [None], [], ""),
        ("production", [None], [], "is external"),
        ("Production", ["PRODUCTION"], [], "its production switch"),
        ("Production", ["Production"], ["production_test_switch"], "is external"),
        ("Production", ["Production"], ["external_test_switch"], "its production switch"),
        ("Production", ["Production"], ["external_test_switch", "production_test_switch"], ""),
        ("Isolated", ["isolated"], [], "its production switch"),
        ("Gone", [], ["external_test_switch", "production_test_switch"], "no switch Gone"),
    ],
)
def test_isolation(switch: str | None, production: list[str | None], allow: list[str], says: str) -> None:
    problem = isolation_problem(switch, production, KINDS, allow)
    assert says in problem
    assert bool(problem) == bool(says)


def proof(*switches: str | None, power: str = "Off") -> dict[str, Any]:
    """Which test VMs may be started, when the only one is connected like this."""
    read = {
        "vms": [{"id": TEST, "power": power, "adapters": [{"name": "A", "switch": switch} for switch in switches]}],
        "switches": [{"name": name, "type": kind} for name, kind in KINDS.items()],
    }
    return isolation([{"id": VM, "production_switches": ["Production"]}], made(), read, [])


def made(**more: Any) -> dict[str, Any]:
    return {"vms": [{"id": VM, "test_vm": {"id": TEST, "power": "Off"}}], **more}


def test_one_bad_adapter_is_enough() -> None:
    assert proof(None, "Isolated")["ids"] == [VM]
    assert proof("Isolated", "Production")["ids"] == []
    assert "is not started" in proof("Isolated", "Production")["problems"][VM]
    assert "RUNS" in proof("Production", power="Running")["problems"][VM]
    for power in ("RunningCritical", "PausedCritical", "ComponentServicing", "a name of tomorrow"):
        assert f"MAY RUN ({power})" in proof("Production", power=power)["problems"][VM]


@pytest.mark.parametrize("read", [{}, {"failed": True}, {"vms": None}, {"vms": [{"id": TEST, "adapters": None}]}])
def test_what_was_not_read_is_not_started(read: dict[str, Any]) -> None:
    told = isolation([{"id": VM, "production_switches": []}], made(), read, [])
    assert (told["ids"], "could not be read" in told["problems"][VM]) == ([], True)


def test_the_first_answer_counts() -> None:
    look = {"vms": [{"id": TEST, "power": "Running", "heartbeat": "OkApplicationsUnknown", "uptime_seconds": 31.5}]}
    first = answered({}, look)
    look["vms"][0]["uptime_seconds"] = 60.0
    assert answered(first, look) == {TEST: 31.5}
    assert answered({}, {"vms": [{"id": TEST, "power": "Running", "heartbeat": "NoContact"}]}) == {}
    assert answered(first, {"unreachable": True}) == first


def report_of(test_vm: dict[str, Any] | None, **run: Any) -> dict[str, Any]:
    """The report of one VM that was made, started and answered, when a last read says this."""
    plan = {"vms": [{"id": VM, "name": "App01", "point": "the latest data", "adopted": False, "steps": [{}]}]}
    after = {"vms": [{"id": VM, "relations": [], "test_vm": test_vm, "statistics": []}]}
    usual = {
        "made": made(),
        "isolation": {"tests": {VM: TEST}, "problems": {}},
        "expected": [TEST],
        "answered": {TEST: 30.0},
        "heartbeat": "600",
        "after": after,
        "keep": False,
        "host": "hv-b",
    }
    return report({**plan, "refused": []}, {**usual, **run})


def told_of(test_vm: dict[str, Any] | None, **run: Any) -> dict[str, Any]:
    """The record of that VM."""
    found: dict[str, Any] = report_of(test_vm, **run)["vms"][0]
    return found


@pytest.mark.parametrize(
    "test_vm, run, result, says",
    [
        (None, {}, "ok", "came up in 30 s from the latest data; its test VM is gone"),
        ({"id": TEST}, {}, "NOT ENDED", "ITS TEST VM IS STILL THERE"),
        ({"id": TEST}, {"keep": True}, "left running", "is left as it is"),
        (None, {"after": {"unreachable": True}}, "NOT ENDED", "IS NOT KNOWN"),
        (None, {"checked": {VM: "no page"}}, "FAILED", "a check failed: no page"),
        (None, {"answered": {}}, "FAILED", "did not answer within 600 seconds"),
        (None, {"answered": {}, "heartbeat": "0"}, "ok", "from the latest data"),
        (None, {"expected": []}, "FAILED", "was not started"),
        (None, {"isolation": {"tests": {VM: TEST}, "problems": {VM: "on the real network"}}}, "FAILED", "real network"),
        (None, {"made": {"failed": True, "msg": "refused"}, "isolation": {}}, "FAILED", "refused"),
        (
            None,
            {
                "made": {
                    "unreachable": True,
                    "msg": "lost",
                    "actions": [{"vm": "App01-dr", "vm_id": VM, "sent": None}],
                },
                "isolation": {},
            },
            "NOT ENDED",
            "MAY STILL BE MADE",
        ),
    ],
)
def test_the_report(test_vm: Any, run: dict[str, Any], result: str, says: str) -> None:
    told = told_of(test_vm, **run)
    assert told["result"] == result, told
    assert says in told["message"]
    assert told["failed"] == (result in ("FAILED", "NOT ENDED"))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("run", [{}, {"answered": {}}, {"expected": []}])
@pytest.mark.parametrize("test_vm", [{"id": TEST}, None])
def test_whatever_it_came_to_a_test_vm_that_is_there_is_told_with_what_ends_it(
    test_vm: Any, run: dict[str, Any], keep: bool
) -> None:
    lines = report_of(test_vm, keep=keep, **run)["lines"]
    told = any("hyperv.replica.cleanup_test_failover -e test_on=hv-b -e vms=App01" in line for line in lines)
    assert told == (test_vm is not None), lines


ORPHAN = "11111111-2222-3333-4444-555555555599"


def replica(name: str = "App01-dr", state: str = "Replicating", vm: str = VM, **more: Any) -> dict[str, Any]:
    relations = [{"type": "Simple", "last_replication_time": None}]
    told = {"mode": "Replica", "state": state, "power": "Off", "health": "Normal", "relations": relations}
    return {"id": vm, "name": name, "inventory_host": "hv-b", "test_vm": None, "partner": "HV-A", **told, **more}


def whole_host(*vms: dict[str, Any], orphans: int = 0) -> dict[str, Any]:
    tests = [{"id": ORPHAN, "name": "App01-dr - Test", "power": "Running", "of": None}] * orphans
    return {"inventory_host": "hv-b", "vms": list(vms), "test_vms": tests}


@pytest.mark.parametrize("asked", [VM, "app01-DR", "{" + VM.upper() + "}"])
def test_what_is_ended_is_found_by_id(asked: str) -> None:
    twin = replica("another", vm=TEST)
    assert cleanup(whole_host(replica(), twin), [asked])["ids"] == [VM]


@pytest.mark.parametrize("name", ["App01", "App01*", "App01-dr - Test", "App"])
def test_what_is_not_there_is_not_guessed(name: str) -> None:
    with pytest.raises(PlanError, match="another name"):
        cleanup(whole_host(replica()), [name])


def test_two_of_one_name_are_told_apart_by_id() -> None:
    with pytest.raises(PlanError, match="several VMs named App01-dr"):
        cleanup(whole_host(replica(), replica(vm=TEST)), ["App01-dr"])


def test_a_forgotten_test_vm_is_told_with_what_ends_it() -> None:
    read = whole_host(replica(), orphans=1)
    for lines in (cleanup(read, [VM])["lines"], listed(read)):
        told = next(line for line in lines if ORPHAN in line)
        for words in ("Stop-VM -TurnOff", "Remove-VM", ".avhdx"):
            assert words in told


def test_a_test_vm_whose_replica_could_not_be_read_is_not_called_forgotten() -> None:
    told = cleanup(whole_host(replica(relations=None), orphans=1), [VM])["lines"][0]
    assert "App01-dr could not be read" in told
    assert "Remove-VM" not in told


@pytest.mark.parametrize("state", ["FailedOver", "FailedOverWaitingCompletion"])
def test_a_real_failover_stays_and_the_ways_out_are_named(state: str) -> None:
    read = whole_host(replica(state=state))
    line = cleaned(read, {"vms": read["vms"]}, check=False)[0]
    assert "reverse_replication -e failover_to=hv-b -e vms=App01-dr -e confirm=App01-dr" in line
    assert ("cancel_failover" in line) == (state == "FailedOverWaitingCompletion"), "what is committed cannot be undone"


@pytest.mark.parametrize(
    "before, after, check, says",
    [
        ({"id": TEST}, None, False, "its test VM is gone"),
        ({"id": TEST}, {"id": TEST}, True, "its test VM would be ended"),
        ({"id": TEST}, {"id": TEST}, False, "its test VM is still there"),
        (None, None, False, "there is no test VM of it"),
    ],
)
def test_what_became_of_it_is_what_was_read_back(before: Any, after: Any, check: bool, says: str) -> None:
    was, now = whole_host(replica(test_vm=before)), {"vms": [replica(test_vm=after)]}
    assert cleaned(was, now, check)[0].endswith(says)


@pytest.mark.parametrize(
    "point, shown",
    [
        ({"time": "2026-03-01T12:00:00Z", "age_seconds": 7800}, "one (2026-03-01T12:00:00Z, 2 h 10 min old)"),
        ({"time": "2026-03-01T12:00:00Z", "age_seconds": None}, "one (2026-03-01T12:00:00Z)"),
        ({"time": None, "age_seconds": None}, "one (time not known)"),
    ],
)
def test_a_recovery_point_is_listed_with_its_age(point: dict[str, Any], shown: str) -> None:
    assert str(parse_points([{"id": "p", "name": "one", "type": "Replica", **point}])[0]) == shown
