"""The plan of a removal, for every pair of what two hosts may say: in order, repeatable, never against the live VM."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import PlanError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.removal.plan import (
    removal_plan,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.removal.report import report
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.removal.sides import removal_hosts

VM = "11111111-2222-3333-4444-555555555501"
A, B, C = "HV-A.example.com", "HV-B.example.com", "HV-C.example.com"
PARTNERS = {A: ["hv-a"], B: ["hv-b"], C: ["hv-c"]}
NAMES = {A: "App01", B: "App01-dr", C: "third copy"}
"""A VM is its id: every host calls it something else."""
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
    leg: dict[str, Any] = {
        "last_replication_time": None,
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
        "name": NAMES[host],
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


def read(*records: dict[str, Any], host: str = "") -> dict[str, Any]:
    return {"windows_name": host or (records[0]["host"] if records else None), "vms": list(records)}


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


def plan(here: Any, there: Any, host: str = "hv-a", known: Any = None, **inputs: str) -> dict[str, Any]:
    return removal_plan({"hv-a": here, "hv-b": there}, host, {"vms": [VM], **inputs}, {"partners": PARTNERS}, known)


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
            again = plan(*[read(*([r] if r else [])) for r in pair.values()], host, first["known"], delete=delete)
            if pair[host] is not None:
                assert any(step["host"] == call["host"] for call in again["calls"]), "it goes on where it was cut off"
            done(step, pair)
        if pair[host] is not None:
            last = plan(*[read(*([r] if r else [])) for r in pair.values()], host, first["known"], delete=delete)
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
    with pytest.raises(PlanError, match="hv-a could not be read"):
        plan(reading, here)


def test_a_side_that_falls_silent_is_not_reported_as_done() -> None:
    here, there = record(A, B, "Primary", "Replicating", "Running"), record(B, A, "Replica", "Replicating", "Off")
    first = plan(read(here), read(there))
    now = plan(read(record(A, B, "None", "Disabled", "Running")), {"unreachable": True}, known=first["known"])
    told = report(first, now, [], "hv-a", {})
    assert "hv-b could not be read again" in told["failures"][0]
    assert told["failures"][0].startswith("unknown")


def test_both_running_is_touched_by_nobody() -> None:
    both = plan(
        read(record(A, B, "Primary", "Replicating", "Running")), read(record(B, A, "None", "Disabled", "Running"))
    )
    assert "it may be running on hv-a and hv-b" in both["refused"][0]["reason"]


def test_half_a_removal_asks_all_candidates() -> None:
    alone = {"hv-a": read(record(A, B, "None", "Disabled", "Running"))}
    found = removal_hosts(alone, "hv-a", ["App01"], ["hv-a", "hv-b", "hv-c"], {})
    assert [host for host in found["read"] if host != "hv-a"] == ["hv-b", "hv-c"]


def chain() -> dict[str, Any]:
    """HV-A sends to HV-B, and that to HV-C."""
    middle = record(B, A, "Replica", "Replicating", "Off")
    middle["relations"].append(
        {**middle["relations"][0], "type": "Extended", "partner": C, "primary_server": B, "replica_server": C}
    )
    return {
        "hv-a": read(record(A, B, "Primary", "Replicating", "Running")),
        "hv-b": read(middle),
        "hv-c": read(record(C, B, "ExtendedReplica", "Replicating", "Off")),
    }


def removal(readings: dict[str, Any], host: str, known: Any = None, **inputs: str) -> dict[str, Any]:
    return removal_plan(readings, host, {"vms": [VM], **inputs}, {"partners": PARTNERS}, known)


STALE = ("Primary", "WaitingForStartResynchronize", "Off")
UNPROVEN: dict[str, list[tuple[str, str, str, str, str]]] = {
    "the case: a primary that came back": [(A, B, *STALE), (B, A, "None", "Disabled", "Off")],
    "it came back and started by itself": [
        (A, B, "Primary", "WaitingForStartResynchronize", "Running"),
        (B, A, "None", "Disabled", "Off"),
    ],
    "it came back, and the other one is still a replica": [(A, B, *STALE), (B, A, "Replica", "Replicating", "Off")],
    "in error": [(A, B, "Primary", "Error", "Off"), (B, A, "Replica", "Error", "Off")],
    "in error, and it runs": [(A, B, "Primary", "Error", "Running"), (B, A, "Replica", "Replicating", "Off")],
    "nothing was sent yet": [
        (A, B, "Primary", "ReadyForInitialReplication", "Off"),
        (B, A, "Replica", "WaitingForInitialReplication", "Off"),
    ],
    "it replicates, and the other one is to be copied anew": [
        (A, B, "Primary", "Replicating", "Running"),
        (B, A, "Replica", "WaitingForInitialReplication", "Off"),
    ],
    "restored from a backup, beside the replica": [
        (A, B, "None", "Disabled", "Off"),
        (B, A, "Replica", "Replicating", "Off"),
    ],
    "both at rest": [(A, B, "None", "Disabled", "Off"), (B, A, "None", "Disabled", "Off")],
    "one runs, the other one never was its replica": [
        (A, B, "None", "Disabled", "Running"),
        (B, A, "None", "Disabled", "Off"),
    ],
    "the replica is of another host": [
        (A, B, "None", "Disabled", "Running"),
        (B, C, "Replica", "Replicating", "Off"),
        (C, B, "None", "Disabled", "Off"),
    ],
    "its sender sends elsewhere": [
        (A, C, "Primary", "Replicating", "Off"),
        (B, A, "Replica", "Replicating", "Off"),
        (C, A, "Replica", "Replicating", "Off"),
    ],
    "a copy that no relation names": [
        (A, B, "Primary", "Replicating", "Running"),
        (B, A, "Replica", "Replicating", "Off"),
        (C, B, "None", "Disabled", "Off"),
    ],
    "two primaries": [
        (A, B, *STALE),
        (B, C, "Primary", "Replicating", "Off"),
        (C, B, "Replica", "Replicating", "Off"),
    ],
}


@pytest.mark.parametrize("delete", ["vm", "vm_and_disks"])
@pytest.mark.parametrize("world", UNPROVEN)
def test_no_copy_is_deleted_before_it_is_proven_to_be_the_older_one(world: str, delete: str) -> None:
    hosts = {A: "hv-a", B: "hv-b", C: "hv-c"}
    readings = {hosts[row[0]]: read(record(*row)) for row in UNPROVEN[world]}
    for host in readings:
        told = removal(readings, host, delete=delete)
        assert told["acts"] == 0, told["lines"]
        assert "lives_on=" in told["refused"][0]["reason"]


@pytest.mark.parametrize("world", UNPROVEN)
def test_every_way_out_of_that_refusal_leads_out(world: str) -> None:
    hosts = {A: "hv-a", B: "hv-b", C: "hv-c"}
    readings = {hosts[row[0]]: read(record(*row)) for row in UNPROVEN[world]}
    reason = removal(readings, "hv-a", delete="vm")["refused"][0]["reason"]
    ways = [word.rstrip(".").removeprefix("lives_on=") for word in reason.split() if word.startswith("lives_on=")]
    assert ways
    for way in ways:
        told = removal(readings, "hv-a", delete="vm", lives_on=way)
        assert told["refused"] == []
        deleted = {step["host"] for step in told["vms"][0]["steps"] if step["stage"] == "delete"}
        assert deleted == set(readings) - {way}, "and never the one that was named"


def test_a_whole_relation_proves_it_over_both_legs() -> None:
    told = removal(chain(), "hv-b", delete="vm")
    steps = [f"{step['stage']} {step['host']}" for step in told["vms"][0]["steps"]]
    assert steps[:2] == ["primary hv-a", "extended hv-b"]
    assert [step for step in steps if step.startswith("delete")] == ["delete hv-b", "delete hv-c"]


def test_a_receiver_with_newer_data_than_its_sender_is_not_older() -> None:
    one, other = record(A, B, "Primary", "Suspended", "Off"), record(B, A, "Replica", "Suspended", "Off")
    one["relations"][0]["last_replication_time"] = "2026-10-01T12:00:00Z"
    other["relations"][0]["last_replication_time"] = "2026-10-30T12:00:00Z"
    assert "lives_on=" in plan(read(one), read(other), delete="vm")["refused"][0]["reason"]


STRANGER = "HV-A.other.example"


@pytest.mark.parametrize("delete", ["nothing", "vm"])
@pytest.mark.parametrize("power", ["Off", "Running"])
def test_an_answer_of_another_host_counts_for_nothing(power: str, delete: str) -> None:
    """The entry hv-a leads to a host that has a restored copy, or none at all."""
    here = read(record(B, A, "Replica", "Replicating", "Off"))
    restored = {**record(A, B, "None", "Disabled", power), "host": STRANGER}
    for there in ({"windows_name": STRANGER, "vms": [restored]}, read(host=STRANGER)):
        for host in ("hv-a", "hv-b") if there["vms"] else ("hv-b",):
            told = plan(there, here, host, delete=delete, lives_on="hv-a")
            assert told["acts"] == 0
            assert f"hv-a answered as {STRANGER}" in told["refused"][0]["reason"]


@pytest.mark.parametrize("state", [("None", "Disabled"), ("Replica", "Replicating"), ("Primary", "Replicating")])
def test_two_entries_that_lead_to_one_host_are_not_two_copies(state: tuple[str, str]) -> None:
    """Else the last copy would be deleted beside itself."""
    same = record(B, A, *state, "Off")
    told = plan(read(same), read(same), "hv-b", delete="vm_and_disks", lives_on="hv-a")
    assert (told["acts"], "are one host" in told["refused"][0]["reason"]) == (0, True)


def test_a_name_that_the_operator_gave_is_no_stranger() -> None:
    """NAT, or an alias: hyperv_replica_names says that the host is called so too."""
    one, other = (
        record(A, "nat-b.example.net", "Primary", "Replicating", "Running"),
        read(record(B, A, "Replica", "Replicating", "Off")),
    )
    found = {"partners": {**PARTNERS, "nat-b.example.net": ["hv-b"]}, "names": {"hv-b": ["nat-b.example.net"]}}
    readings = {"hv-a": read(one), "hv-b": other}
    assert removal_plan(readings, "hv-a", {"vms": [VM], "delete": "vm"}, found)["refused"] == []
    refused = removal_plan(readings, "hv-a", {"vms": [VM], "delete": "vm"}, {"partners": found["partners"]})["refused"]
    assert "answered as HV-B.example.com; the partner of App01 is nat-b.example.net" in refused[0]["reason"]


def test_an_entry_that_leads_elsewhere_in_the_middle_of_the_run() -> None:
    here, there = record(A, B, "Primary", "Replicating", "Running"), record(B, A, "Replica", "Replicating", "Off")
    first = plan(read(here), read(there), delete="vm")
    other = {**record(B, A, "None", "Disabled", "Off"), "host": "HV-X.example.com"}
    told = plan(read(record(A, B, "None", "Disabled", "Running")), read(other), known=first["known"], delete="vm")
    assert (told["acts"], "when this run began" in told["refused"][0]["reason"]) == (0, True)
    line = report(first, told, [], "hv-a", {"delete": "vm"})["lines"][0]
    assert line.startswith("unknown: App01: hv-b answered as HV-X.example.com, and as HV-B.example.com when")


def test_two_entries_that_lead_to_one_host_by_the_end_are_not_both_running() -> None:
    here, there = record(A, B, "Primary", "Replicating", "Running"), record(B, A, "Replica", "Replicating", "Off")
    first, now = plan(read(here), read(there)), record(A, B, "None", "Disabled", "Running")
    told = report(first, plan(read(now), read(now), known=first["known"]), [], "hv-a", {})
    assert "hv-a and hv-b are one host" in told["lines"][0]


def test_each_call_names_the_host_that_it_is_for() -> None:
    there = read(record(B, A, "Replica", "Replicating", "Off"))
    told = plan(read(record(A, B, "Primary", "Replicating", "Running")), there)
    assert {call["host"]: call["expected_host"] for call in told["calls"]} == {"hv-a": A}
    rest = plan(read(record(A, B, "None", "Disabled", "Running")), there)
    assert {call["host"]: call["expected_host"] for call in rest["calls"]} == {"hv-b": B}


def test_a_partner_that_is_no_candidate_is_looked_up_in_the_whole_inventory() -> None:
    here = {"hv-a": read(record(A, B, "Primary", "Replicating", "Running"))}
    names = {"prod-2": {"hyperv_replica_names": [B]}}
    assert removal_hosts(here, "hv-a", [VM], ["hv-a"], names, False, ["hv-a", "prod-2"])["read"] == ["prod-2"]
    found = removal_hosts(here, "hv-a", [VM], ["hv-a"], {}, False, ["hv-a", "hv-x"])
    assert found["unknown"] == [B]
    told = removal_plan(here, "hv-a", {"vms": [VM]}, found)
    assert "could not be read (it is not in the inventory)" in told["refused"][0]["reason"]


def test_why_a_host_could_not_be_read_is_told() -> None:
    here = read(record(A, B, "Primary", "Replicating", "Running"))
    told = plan(here, {"unreachable": True, "msg": "it is outside of --limit"})
    assert "HV-B.example.com could not be read (it is outside of --limit)" in told["refused"][0]["reason"]


def test_left_over_on_the_replicas_host_while_the_vm_runs_where_it_came_from() -> None:
    here, there = record(A, B, "None", "Disabled", "Running"), record(B, A, "Replica", "Replicating", "Off")
    told = plan(read(here), read(there), "hv-b", delete="vm")
    assert [step["stage"] for step in told["vms"][0]["steps"]] == ["idle", "replica", "delete"]


def test_the_last_copy_stays() -> None:
    told = plan(read(host=A), read(record(B, A, "Replica", "Replicating", "Off")), "hv-b", delete="vm")
    assert "only copy" in told["refused"][0]["reason"]


def test_without_its_live_vm_nothing_more_is_deleted() -> None:
    first = plan(
        read(record(A, B, "Primary", "Replicating", "Running")),
        read(record(B, A, "Replica", "Replicating", "Off")),
        delete="vm",
    )
    idle = record(B, A, "None", "Disabled", "Off", "Nothing")
    gone = plan(read(host=A), read(idle), known=first["known"], delete="vm")
    assert (gone["acts"], "has it no more" in gone["refused"][0]["reason"]) == (0, True)
    silent = plan({"unreachable": True, "msg": "no route"}, read(idle), known=first["known"], delete="vm")
    assert (silent["acts"], "hv-a could not be read" in silent["refused"][0]["reason"]) == (0, True)


def test_who_was_refused_stays_out_of_the_run() -> None:
    at_rest = [record(A, B, "None", "Disabled", "Off"), record(B, A, "None", "Disabled", "Off")]
    first = plan(*map(read, at_rest), delete="vm")
    began = record(A, B, "None", "Disabled", "Running")
    assert plan(read(began), read(at_rest[1]), known=first["known"], delete="vm")["acts"] == 0


def test_a_saved_copy_is_not_deleted_and_not_to_be_started() -> None:
    told = plan(
        read(record(A, B, "None", "Disabled", "Running")),
        read(record(B, A, "None", "Disabled", "Saved")),
        delete="vm",
        lives_on="hv-a",
    )
    for words in ("Saved", "Remove-VMSavedState", "second live VM"):
        assert words in told["refused"][0]["reason"]


@pytest.mark.parametrize(
    "named, says",
    [
        ("hv-b", "what was read says hv-a, which sends to hv-b"),
        ("hv-c", "hv-c has no such VM"),
        ("hv-d", "hv-d could not be read"),
    ],
)
def test_lives_on_that_the_readings_contradict(named: str, says: str) -> None:
    readings = {
        "hv-a": read(record(A, B, "Primary", "Replicating", "Off")),
        "hv-b": read(record(B, A, "Replica", "Replicating", "Off")),
        "hv-c": read(),
        "hv-d": {"unreachable": True, "msg": "no route"},
    }
    assert says in removal(readings, "hv-a", delete="vm", lives_on=named)["refused"][0]["reason"]


def deleted_from_the_replicas_host() -> tuple[dict[str, Any], dict[str, Any]]:
    """The first and the last plan of a removal asked for on HV-B, which has no such VM any more."""
    first = plan(
        read(record(A, B, "None", "Disabled", "Running")),
        read(record(B, A, "Replica", "Replicating", "Off")),
        "hv-b",
        delete="vm_and_disks",
    )
    return first, plan(
        read(record(A, B, "None", "Disabled", "Running")), read(), "hv-b", known=first["known"], delete="vm_and_disks"
    )


def test_a_copy_that_is_gone_from_the_host_that_was_read_is_the_goal() -> None:
    first, now = deleted_from_the_replicas_host()
    told = report(first, now, [], "hv-b", {"delete": "vm_and_disks"})
    assert told["failures"] == []
    assert "its copy on hv-b is deleted" in told["lines"][0]
    assert told["lines"][0].startswith("ok:")


def test_an_error_of_what_took_effect_is_no_failure() -> None:
    first, now = deleted_from_the_replicas_host()
    late = [{"ids": [VM], "result": {"failed": True, "failures": [{"id": VM, "msg": "Windows says: 0x80041002"}]}}]
    assert report(first, now, late, "hv-b", {"delete": "vm_and_disks"})["failures"] == []


@pytest.mark.parametrize("asked", [VM, "App01-dr"])
def test_deleted_before_there_is_nothing_to_do(asked: str) -> None:
    readings = {"hv-b": read(), "hv-a": read(record(A, B, "None", "Disabled", "Running")), "hv-c": read()}
    told = removal_plan(readings, "hv-b", {"vms": [asked], "delete": "vm"}, {})
    assert (told["refused"], told["acts"]) == ([], 0)
    assert "nothing to do" in told["lines"][0]
    assert report(told, told, [], "hv-b", {})["failures"] == []


def test_nowhere_is_known_only_when_all_were_read() -> None:
    readings = {"hv-b": read(), "hv-a": {"unreachable": True, "msg": "no route"}}
    told = removal_plan(readings, "hv-b", {"vms": [VM]}, {})
    assert "whether hv-a has it could not be read" in told["refused"][0]["reason"]


def test_replicated_elsewhere_is_not_nowhere() -> None:
    readings = {"hv-c": read(), "hv-a": read(record(A, B, "Primary", "Replicating", "Running"))}
    told = removal_plan(readings, "hv-c", {"vms": ["App01"]}, {})
    assert "Say remove_on=hv-a" in told["refused"][0]["reason"]


def test_who_is_missing_is_looked_for_everywhere() -> None:
    found = removal_hosts({"hv-b": read()}, "hv-b", ["App01-dr", VM], ["hv-a", "hv-b", "hv-c"], {})
    assert (found["read"], found["missing"], found["ids"]) == (["hv-a", "hv-c"], ["App01-dr"], [VM])


def test_before_a_copy_is_deleted_every_candidate_is_asked() -> None:
    here = {"hv-a": read(record(A, B, "Primary", "Replicating", "Running"))}
    asked = ["hv-a", "hv-b", "hv-c"]
    assert removal_hosts(here, "hv-a", [VM], asked, {"hv-b": {"hyperv_replica_names": B}})["read"] == ["hv-b"]
    found = removal_hosts(here, "hv-a", [VM], asked, {"hv-b": {"hyperv_replica_names": B}}, everywhere=True)
    assert found["read"] == ["hv-b", "hv-c"]


def test_what_is_not_known_comes_first_and_the_command_names_ids() -> None:
    here, there = record(A, B, "Primary", "Replicating", "Running"), record(B, A, "Replica", "Replicating", "Off")
    first = plan(read(here), read(there), delete="vm")
    ended = read(record(A, B, "None", "Disabled", "Running"))
    now = plan(ended, {"unreachable": True, "msg": "no route"}, known=first["known"], delete="vm")
    told = report(first, now, [], "hv-a", {"delete": "vm"})
    assert told["lines"][0].startswith("unknown:")
    assert "hv-b could not be read again (no route)" in told["lines"][0]
    assert f"-e remove_on=hv-a -e vms={VM} -e confirm={VM} -e lives_on=hv-a -e delete=vm" in told["lines"][-1]


def test_a_presumption_is_never_printed_as_lives_on() -> None:
    one, other = record(A, B, *STALE), record(B, A, "Replica", "Replicating", "Off")
    first = plan(read(one), read(other), delete="vm")
    assert "lives_on=" not in " ".join(report(first, first, [], "hv-a", {"delete": "vm"})["commands"])


def test_the_plan_names_every_file() -> None:
    told = plan(
        read(record(A, B, "Primary", "Replicating", "Running")),
        read(record(B, A, "Replica", "Replicating", "Off")),
        delete="vm_and_disks",
    )
    assert any("D:\\HV-B.example.com.vhdx" in line for line in told["lines"])
    assert not any("HV-A.example.com.vhdx" in line for line in told["lines"])
