"""The plan of a removal, for every pair of what two hosts may say: in order, repeatable, never against the live VM."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.removal import removal_hosts
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.removal_plan import RemovalError, removal_plan
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.removal_report import report

VM = "11111111-2222-3333-4444-555555555501"
A, B = "HV-A.example.com", "HV-B.example.com"
PARTNERS = {A: ["hv-a"], B: ["hv-b"]}
PRIMARY_STATES = ("ReadyForInitialReplication", "Replicating", "PreparedForFailover", "Suspended", "Error")
REPLICA_STATES = (
    "WaitingForInitialReplication",
    "Replicating",
    "FailedOverWaitingCompletion",
    "FailedOver",
    "Suspended",
)
BLOCKED = {"PreparedForFailover", "FailedOverWaitingCompletion", "FailedOver"}


def record(host: str, other: str, mode: str, state: str, power: str, action: str = "StartIfRunning") -> dict[str, Any]:
    """A record of the information module."""
    sends = mode == "Primary"
    leg = {
        "type": "Simple",
        "mode": mode,
        "state": state,
        "partner": other,
        "primary_server": host if sends else other,
        "replica_server": other if sends else host,
        "current_replica_server": None,
    }
    return {
        "id": VM,
        "name": "App01",
        "host": host,
        "mode": mode,
        "state": state,
        "power": power,
        "health": "Normal",
        "partner": None if mode == "None" else other,
        "relations": [] if mode == "None" else [leg],
        "test_vm": None,
        "clustered": False,
        "automatic_start_action": action,
        "disks": [{"path": f"D:\\{host}.vhdx"}],
    }


def read(*records: dict[str, Any]) -> dict[str, Any]:
    return {"windows_name": records[0]["host"] if records else None, "vms": list(records)}


def sides() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every pair: HV-A as the primary or without replication, HV-B as the replica or without."""
    one = [("Primary", state) for state in PRIMARY_STATES] + [("None", "Disabled")]
    other = [("Replica", state) for state in REPLICA_STATES] + [("None", "Disabled")]
    found = []
    for (mode, state), (far_mode, far_state), power, far_power in product(
        one, other, ("Off", "Running"), ("Off", "Running")
    ):
        found.append((record(A, B, mode, state, power), record(B, A, far_mode, far_state, far_power)))
    return found


def plan(here: Any, there: Any, host: str = "hv-a", live: Any = None, **inputs: str) -> dict[str, Any]:
    return removal_plan({"hv-a": here, "hv-b": there}, host, {"vms": ["App01"], **inputs}, PARTNERS, live)


def done(step: dict[str, Any], pair: dict[str, Any]) -> None:
    """What a step makes of the records, as Windows does it."""
    told = pair[step["host"]]
    if step["stage"] == "idle":
        told["automatic_start_action"] = "Nothing"
    elif step["stage"] == "delete":
        pair[step["host"]] = None
    else:
        told.update(mode="None", state="Disabled", relations=[], partner=None)


@pytest.mark.parametrize("delete", ["nothing", "vm_and_disks"])
@pytest.mark.parametrize("host", ["hv-a", "hv-b"])
def test_every_pair_of_states(host: str, delete: str) -> None:
    planned = 0
    for one, other in sides():
        pair: dict[str, Any] = {"hv-a": dict(one), "hv-b": dict(other)}
        first = plan(read(one), read(other), host, delete=delete)
        vm = first["vms"][0]
        if vm["refused"]:
            continue
        planned += 1
        assert not {one["state"], other["state"]} & BLOCKED
        stages = [step["stage"] for step in vm["steps"]]
        assert stages == sorted(stages, key=["primary", "extended", "idle", "replica", "delete"].index)
        for step in vm["steps"]:
            told = pair[step["host"]]
            if step["stage"] in ("idle", "delete"):
                assert told["power"] == "Off", "never the start action, nor the VM, of a side that runs"
                assert told["mode"] != "Primary"
            again = plan(*[read(*([r] if r else [])) for r in pair.values()], host, first["live"], delete=delete)
            if pair[host] is not None:
                assert any(step["host"] == call["host"] for call in again["calls"]), "it goes on where it was cut off"
            done(step, pair)
        if pair[host] is not None:
            last = plan(*[read(*([r] if r else [])) for r in pair.values()], host, first["live"], delete=delete)
            assert (last["acts"], last["refused"]) == (0, [])
    assert planned > 10


@pytest.mark.parametrize("reading", [{"unreachable": True, "msg": "no route"}, {"failed": True, "msg": "denied"}, {}])
def test_unread_is_never_absent(reading: dict[str, Any]) -> None:
    here = read(record(A, B, "Primary", "Replicating", "Running"))
    assert "could not be read" in plan(here, reading)["refused"][0]["reason"]
    alone = read(record(A, B, "None", "Disabled", "Running"))
    assert "could not be read" in plan(alone, reading)["refused"][0]["reason"]
    gone = plan(here, reading, other_side="gone")
    assert [step["stage"] for step in gone["vms"][0]["steps"]] == ["primary"]
    with pytest.raises(RemovalError, match="hv-a could not be read"):
        plan(reading, here)


def test_a_side_that_falls_silent_is_not_reported_as_done() -> None:
    here, there = record(A, B, "Primary", "Replicating", "Running"), record(B, A, "Replica", "Replicating", "Off")
    first = plan(read(here), read(there))
    now = plan(read(record(A, B, "None", "Disabled", "Running")), {"unreachable": True}, live=first["live"])
    told = report(first, now, [])
    assert "hv-b could not be read again" in told["failures"][0]


def test_both_running_is_touched_by_nobody() -> None:
    both = plan(
        read(record(A, B, "Primary", "Replicating", "Running")), read(record(B, A, "None", "Disabled", "Running"))
    )
    assert "it may be running on hv-a and hv-b" in both["refused"][0]["reason"]


def test_half_a_removal_asks_all_candidates() -> None:
    alone = {"hv-a": read(record(A, B, "None", "Disabled", "Running"))}
    found = removal_hosts(alone, "hv-a", ["App01"], ["hv-a", "hv-b", "hv-c"], {})
    assert [host for host in found["read"] if host != "hv-a"] == ["hv-b", "hv-c"]


def test_the_plan_names_every_file() -> None:
    told = plan(
        read(record(A, B, "Primary", "Replicating", "Running")),
        read(record(B, A, "Replica", "Replicating", "Off")),
        delete="vm_and_disks",
    )
    assert any("D:\\HV-B.example.com.vhdx" in line for line in told["lines"])
    assert not any("HV-A.example.com.vhdx" in line for line in told["lines"])
