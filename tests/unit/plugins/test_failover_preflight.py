"""What speaks against a failover, as data; and who is believed about a primary that was declared dead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover import run as failover_run
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.findings import (
    ACCEPTABLE,
    FINDINGS,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.inputs import make_run
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.preflight import preflight
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.ways import ways

from tests.unit.plugins.failover_sim import INPUTS, SERVER, record_of, side_of, vm_id

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "failover" / "preflight.yml").read_text(encoding="utf-8"))
ROLE = Path(__file__).parents[3] / "roles" / "failover" / "meta" / "argument_specs.yml"
WAYS = [("hv-a", "HV-B.x.example"), ("hv-b", "HV-A.x.example")]
SERVICES = [{"service": "shutdown", "enabled": True}]


def readings_of(case: dict[str, Any]) -> dict[str, Any]:
    """What both hosts say in a case."""
    here, there = side_of("Replica/Replicating Off"), side_of("Primary/Replicating Running")
    assert here
    assert there
    target = record_of("App", "hv-b", "hv-a", here, **case.get("here", {}))
    primary = record_of("App", "hv-a", "hv-b", there, **{"integration_services": SERVICES, **case.get("there", {})})
    primary["relations"][0].update(case.get("relation", {}))
    if case.get("leg"):
        target["relations"].append({**target["relations"][0], "type": "Extended"})
    told = case.get("primary", {})
    return {
        "hv-b": {"vms": [target], "server": SERVER, **case.get("target", {})},
        "hv-a": {"vms": [primary], **told, "server": {**SERVER, **told.get("server", {})}},
    }


def check(case: dict[str, Any], *accepted: str) -> dict[str, Any]:
    """The findings of a case; the connections in its `broken` fail."""
    readings = readings_of(case)
    raw = make_run({**INPUTS, "vms": ["App (copy)"], **case.get("inputs", {})}, "planned", ["hv-b"], {"HV-A": ["hv-a"]})
    run = failover_run.begin(raw, readings, {}, 0.0)
    found = ways(run, readings)
    assert [(way["host"], way["server"]) for way in found] == [WAYS[index] for index in case.get("ways", (0, 1))]
    tests = [
        {"failover_way": way, **({"msg": "0x2EFD"} if way["host"] in case.get("broken", ()) else {})} for way in found
    ]
    return preflight(run, readings, accepted, tests=tests)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_preflight(case: dict[str, Any]) -> None:
    found = check(case)
    if "finds" not in case:
        assert found["refused"] == {}
        assert any(case.get("warns", "") in text for text in found["warnings"]) or "warns" not in case
        return
    assert case["finds"] in found["refused"][vm_id("App")]
    assert (f"-e accept={case.get('accept')}" in found["refused"][vm_id("App")]) == ("accept" in case)
    if "accept" in case:
        again = check(case, case["accept"])
        assert again["refused"] == {}
        assert any(case["finds"] in text for text in again["warnings"])


def test_every_finding_has_a_case_and_is_an_input() -> None:
    assert {case["accept"] for case in CASES if "accept" in case} == set(ACCEPTABLE)
    options = yaml.safe_load(ROLE.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    told = str(options["failover_accept"]["description"])
    assert [name for name in FINDINGS if f"C({name})" not in told] == []


WITNESSES: dict[str, tuple[dict[str, Any], list[str], list[str], str]] = {
    "nothing": ({}, [], [], ""),
    "it sends": ({"last_applied_log_time": "2026-03-01T12:05:00Z"}, [], [], "it lives, and still sends"),
    "it listens": ({}, ["hv-a"], [], "something listens"),
    "it sent just now": ({"last_replication_age_seconds": 10}, [], [], "Wait 350 seconds"),
    "it sent just now, accepted": ({"last_replication_age_seconds": 10}, [], ["recent_replication"], ""),
    "it sends, whatever is accepted": ({"last_replication_time": "x"}, [], ["recent_replication"], "still sends"),
}


@pytest.mark.parametrize("inputs, refused", [({}, True), ({"accept": ["no_switch"]}, False), ({"start": False}, False)])
def test_an_unplanned_failover_says_before_it_begins_what_would_not_start(
    inputs: dict[str, Any], refused: bool
) -> None:
    side = side_of("Replica/Replicating Off")
    assert side
    record = record_of("App", "hv-b", "hv-a", side, adapters=[{"name": "LAN", "connected": False}])
    record["relations"][0]["last_replication_age_seconds"] = 9000
    readings = {"hv-b": {"vms": [record]}, "hv-a": {"unreachable": True}}
    given = {**INPUTS, "vms": ["App (copy)"], "reason": "primary_is_dead", **inputs}
    raw = failover_run.begin(make_run(given, "unplanned", ["hv-b"], {"HV-A": ["hv-a"]}), readings, {}, 0.0)
    found = preflight(raw, readings, given.get("accept", []))
    assert ("on hv-b LAN is connected to nothing" in found["refused"].get(vm_id("App"), "")) == refused
    assert (raw["options"]["unconnected_adapters"] == "allow") == ("accept" in inputs)


ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "wrong password": ({"unreachable": True, "host_answered": True, "msg": "no login."}, "its host answers: no login"),
    "it does not tell the relation": (
        {"vms": [{**record_of("App", "hv-a", "hv-b", side_of("Primary/Replicating Running")), "relations": None}]},
        "its host answers (hv-a)",
    ),
    "its VMs cannot be read": ({"vms": None, "unreadable": [{"kind": "vms"}]}, "its host answers: its VMs could not"),
    "an error": ({"failed": True, "msg": "hv-a: no module Hyper-V."}, "its host answers: hv-a: no module Hyper-V"),
    "silent": ({"unreachable": True, "host_answered": False, "msg": "no route"}, ""),
    "not asked": ({}, ""),
}


@pytest.mark.parametrize("state", ["Replica/Replicating Off", "Replica/FailedOverWaitingCompletion Off"])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_host_that_answers_is_not_dead(name: str, state: str) -> None:
    reading, words = ANSWERS[name]
    side = side_of(state)
    assert side
    record = record_of("App", "hv-b", "hv-a", side)
    record["relations"][0]["last_replication_age_seconds"] = 9000
    readings = {"hv-b": {"vms": [record]}, **({"hv-a": reading} if reading else {})}
    inputs = {**INPUTS, "vms": ["App (copy)"], "reason": "primary_is_dead"}
    raw = failover_run.begin(make_run(inputs, "unplanned", ["hv-b"], {"HV-A": ["hv-a"]}), readings, {}, 0.0)
    refused = preflight(raw, readings, [])["refused"]
    assert words in refused.get(vm_id("App"), "")
    assert bool(refused) == bool(words)


@pytest.mark.parametrize("name", WITNESSES)
def test_witnesses(name: str) -> None:
    changes, answered, accepted, words = WITNESSES[name]
    side = side_of("Replica/Replicating Off")
    assert side
    old, new = (record_of("App", "hv-b", "hv-a", side) for _unused in range(2))
    for record in (old, new):
        record["relations"][0]["last_replication_age_seconds"] = 9000
    new["relations"][0].update(changes)
    readings = {"hv-b": {"vms": [new]}, "hv-a": {"unreachable": True}}
    inputs = {**INPUTS, "vms": ["App (copy)"], "reason": "primary_is_dead"}
    raw = failover_run.begin(make_run(inputs, "unplanned", ["hv-b"], {"HV-A": ["hv-a"]}), readings, {}, 0.0)
    refused = preflight(raw, readings, accepted, {"hv-b": {"vms": [old]}}, answered)["refused"]
    assert words in refused.get(vm_id("App"), "")
    assert bool(refused) == bool(words)
