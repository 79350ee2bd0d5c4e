"""The conversation that lists what is possible: each host is read once, and each command is one that leads on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.states import Side
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.conversation import (
    READ,
    Answer,
    Talk,
    Wanted,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.listing import talk as list_talk
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.operations import (
    WORKFLOWS,
    read_inputs,
    wanted,
)

from tests.unit.plugins.failover_sim import SILENT, full_name, record_of, side_of, vm_id

HOSTS = ("hv-a", "hv-b", "hv-c")
PLAY = "ansible-playbook hyperv.replica."


def want(to: str = "hv-b", **inputs: Any) -> Wanted:
    """What is asked of hyperv_recovery; hv-b and hv-c are one site."""
    given = {"operation": "list", "to": to, **inputs}
    groups = {"all": list(HOSTS), "hyperv": list(HOSTS), "site": ["hv-b", "hv-c"]}
    told = {host: {"group_names": ["hyperv"]} for host in HOSTS}
    return wanted(read_inputs(given, list(HOSTS)), given, groups, list(HOSTS), told, False)


def reading(host: str, *vms: Mapping[str, Any]) -> dict[str, Any]:
    """What a host answers."""
    return {"windows_name": full_name(host), "vms": list(vms)}


def record(name: str, host: str, text: str, partner: str = "hv-a", **facts: Any) -> dict[str, Any]:
    """A record of a host."""
    side = side_of(text)
    assert isinstance(side, Side)
    return {
        **record_of(name, host, partner, replace(side, test_vm=bool(facts.pop("tested", ""))), **facts),
        "name": name,
    }


def listed(asked: Wanted, answers: Mapping[str, Any]) -> Talk:
    """The conversation to its end; every host is asked once."""
    talk = list_talk.step(WORKFLOWS["list"].start(asked), [], 0.0)
    assert [(ask.kind, ask.host) for ask in talk.asks] == [(READ, host) for host in asked.targets]
    talk = list_talk.step(talk, [Answer(ask.number, answers[ask.host]) for ask in talk.asks], 1.0)
    assert talk.end is not None
    return talk


def ways(text: str, host: str = "hv-b", **facts: Any) -> dict[str, str]:
    """What is possible with a VM of this state, by operation."""
    partner = "hv-b" if host == "hv-a" else "hv-a"
    talk = listed(want(host), {host: reading(host, record("App", host, text, partner, **facts))})
    assert talk.end is not None
    [vm] = talk.end.result["vms"]
    assert [f"    {way['command']}" for way in vm["possible"]] == list(talk.end.lines[3:])
    return {way["operation"]: way["command"].removeprefix(PLAY) for way in vm["possible"]}


POSSIBLE = {
    "a replica": (
        "hv-b",
        "Replica/Replicating Off",
        {
            "planned_failover": "planned_failover -e failover_to=hv-b -e vms=App",
            "unplanned_failover": "unplanned_failover -e failover_to=hv-b -e vms=App",
            "test_failover": "test_failover -e test_on=hv-b -e vms=App",
            "remove_replication": "remove_replication -e remove_on=hv-b -e vms=App",
        },
    ),
    "failed over": (
        "hv-b",
        "Replica/FailedOverWaitingCompletion Off",
        {
            "reverse_replication": "reverse_replication -e failover_to=hv-b -e vms=App",
            "commit_failover": "commit_failover -e failover_to=hv-b -e vms=App",
            "cancel_failover": "cancel_failover -e failover_to=hv-b -e vms=App",
        },
    ),
    "a primary": (
        "hv-a",
        "Primary/Replicating Running",
        {
            "planned_failover": "planned_failover -e failover_to=hv-b -e vms=App",
            "prepare_failover": (
                "planned_failover -e failover_from=hv-a -e failover_to=hv-b -e vms=App -e stop_at=prepared"
            ),
            "remove_replication": "remove_replication -e remove_on=hv-a -e vms=App",
        },
    ),
    "prepared": (
        "hv-a",
        "Primary/PreparedForFailover Off",
        {
            "planned_failover": "planned_failover -e failover_to=hv-b -e vms=App",
            "cancel_failover": "cancel_failover -e failover_to=hv-b -e vms=App",
        },
    ),
    "suspended": (
        "hv-a",
        "Primary/Suspended Running",
        {"remove_replication": "remove_replication -e remove_on=hv-a -e vms=App"},
    ),
}


@pytest.mark.parametrize(("host", "text", "found"), POSSIBLE.values(), ids=POSSIBLE.keys())
def test_each_command_is_the_one_to_type(host: str, text: str, found: Mapping[str, str]) -> None:
    assert ways(text, host) == found


def test_a_test_that_is_there_is_to_be_ended() -> None:
    assert ways("Replica/Replicating Off", tested=True) == {
        "cleanup_test_failover": "cleanup_test_failover -e test_on=hv-b -e vms=App"
    }


def test_a_partner_that_the_inventory_does_not_have_is_no_target() -> None:
    stranger = {"hv-a": reading("hv-a", {**record("App", "hv-a", "Primary/Replicating Off"), "partner": "X.y.example"})}
    stranger["hv-a"]["vms"][0]["relations"] = []
    talk = listed(want("hv-a"), stranger)
    assert talk.end is not None
    assert "planned_failover" not in [way["operation"] for way in talk.end.result["vms"][0]["possible"]]


def test_a_partner_whose_name_fits_two_hosts_is_no_target() -> None:
    asked = want("hyperv")
    twice = {"group_names": ["hyperv"], "hyperv_replica_names": full_name("hv-b")}
    asked = replace(asked, variables={**asked.variables, "hv-b": twice, "hv-c": twice})
    there = reading("hv-a", record("App", "hv-a", "Primary/Replicating Off", "hv-b"))
    end = listed(asked, {"hv-a": there, "hv-b": reading("hv-b"), "hv-c": reading("hv-c")}).end
    assert end is not None
    assert [way["operation"] for way in end.result["vms"][0]["possible"]] == ["remove_replication"]


def test_a_site_is_listed_host_by_host() -> None:
    answers = {
        "hv-b": reading(
            "hv-b", record("Web", "hv-b", "Replica/Replicating Off"), record("App", "hv-b", "None/Disabled")
        ),
        "hv-c": reading("hv-c", record("Db", "hv-c", "Replica/Replicating Off", recovery_points=[{}, {}])),
    }
    end = listed(want("site"), answers).end
    assert end is not None
    assert end.lines[:3] == (
        "hv-b:",
        "  Web: Off, Replica/Replicating, Normal, with HV-A.x.example",
        "    possible: fail over to the replica; make a test VM of the replica",
    )
    assert "hv-c:" in end.lines
    assert [line for line in end.lines if line.endswith("; 2 recovery points")]
    assert [(vm["name"], vm["target_host"], vm["runs_on"]) for vm in end.result["vms"]] == [
        ("Web", "hv-b", []),
        ("Db", "hv-c", []),
    ]
    assert {vm["other_host"] for vm in end.result["vms"]} == {"hv-a"}
    assert (end.result["changed"], end.result.get("failed")) == (False, None)


def test_a_vm_of_a_cluster_goes_to_the_cluster() -> None:
    clustered = record("App", "hv-b", "Replica/Replicating Off", clustered=True)
    end = listed(want("site"), {"hv-b": reading("hv-b", clustered), "hv-c": reading("hv-c")}).end
    assert end is not None
    assert end.result["vms"][0]["possible"][0]["command"] == f"{PLAY}planned_failover -e failover_to=site -e vms=App"
    assert end.lines[-2:] == ("hv-c:", "  no VM replicates here")


def test_a_host_that_cannot_be_read_is_told_and_the_others_are_listed() -> None:
    answers = {"hv-b": reading("hv-b", record("App", "hv-b", "Replica/Replicating Off")), "hv-c": dict(SILENT)}
    end = listed(want("site"), answers).end
    assert end is not None
    assert (end.result["failed"], end.result["msg"], len(end.result["vms"])) == (True, "no answer", 1)
    assert "hv-c: it could not be read" in end.lines


def test_vms_that_are_named_are_listed_alone_and_one_that_is_not_there_is_told() -> None:
    talk = list_talk.step(list_talk.start(want(vms=["App", vm_id("Db"), "Nobody"])), [], 0.0)
    [ask] = talk.asks
    assert (ask.options["names"], ask.options["ids"]) == (["App", "Nobody"], [vm_id("Db")])
    there = [record(name, "hv-b", "Replica/Replicating Off") for name in ("App", "Db")]
    end = list_talk.step(talk, [Answer(ask.number, reading("hv-b", *there))], 1.0).end
    assert end is not None
    assert [vm["name"] for vm in end.result["vms"]] == ["App", "Db"]
    assert end.result["msg"] == "Nobody: hv-b has no VM of that name or id."


def test_states_that_are_not_known_are_told_and_nothing_is_advised() -> None:
    unread = {**record("App", "hv-b", "Replica/Replicating Off"), "relations": None}
    end = listed(want(), {"hv-b": reading("hv-b", unread)}).end
    assert end is not None
    assert end.result["vms"][0]["possible"] == []


def test_stopped_it_ends() -> None:
    talk = list_talk.step(list_talk.start(want()), [], 0.0)
    end = list_talk.interrupt(talk, "SIGTERM was received", 1.0).end
    assert end is not None
    assert end.result["msg"] == "SIGTERM was received."
