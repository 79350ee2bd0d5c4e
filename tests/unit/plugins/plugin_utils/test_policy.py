"""Policies of the role vm_replication: inventory hosts in, options of the module with Windows names out."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import PlanError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.policy import (
    Hosts,
    hosts_to_read,
    tasks_of,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.policy_preview import (
    candidates,
    preview,
    to_confirm,
)

SERVER = {
    "enabled": True,
    "authentication": "kerberos",
    "kerberos_port": 8080,
    "certificate_port": 443,
    "any_server": True,
    "entries": [],
}


def vm(name: str, vm_id: str, **facts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "id": vm_id,
        "power": "Running",
        "mode": "None",
        "state": "Disabled",
        "partner": None,
        **facts,
    }


def hosts(me: str = "north", **facts: Any) -> Hosts:
    read = {
        "north": {"windows_name": "HV-A.corp.example", "vms": [vm("App01", "1"), vm("Db01", "2")]},
        "south": {
            "windows_name": "HV-B.corp.example",
            "server": SERVER,
            "vms": [vm("Renamed", "1", power="Off"), vm("Db01", "9")],
        },
        **facts.pop("read", {}),
    }
    return Hosts(me, read, facts.get("variables", {}))


def one_task(policy: dict[str, Any], known: Hosts) -> dict[str, Any]:
    [task] = tasks_of([policy], known)
    return task


def test_a_policy_speaks_windows_names_and_brings_what_the_partner_said() -> None:
    task = one_task({"vms": ["app01"], "replica_host": "south", "frequency": 30, "compression": None}, hosts())
    assert task["replica_server"] == "HV-B.corp.example"
    assert (task["names"], task["frequency"]) == (["app01"], 30)
    assert [record["name"] for record in task["partner"]] == ["Renamed"], "paired by id, whatever the name"
    assert task["partner_server"] == SERVER
    assert "compression" not in task, "what is left out stays out"


def test_a_vm_of_the_same_name_and_another_id_is_not_the_partner() -> None:
    assert one_task({"vms": ["Db01"], "replica_host": "south"}, hosts())["partner"] == []


def test_between_is_the_same_for_both_hosts() -> None:
    policy = {
        "vms": ["App01"],
        "between": ["north", "south"],
        "first_primary": "north",
        "per_host": {"south": {"replica_port": 8080}},
    }
    here, there = one_task(policy, hosts()), one_task(policy, hosts("south"))
    for task in (here, there):
        assert task["between"] == ["HV-A.corp.example", "HV-B.corp.example"]
        assert task["first_primary"] == "HV-A.corp.example"
        assert task["per_host"] == {"HV-B.corp.example": {"replica_port": 8080}}
    assert (here["partner_host"], there["partner_host"]) == ("south", "north")
    assert tasks_of([policy], hosts("west")) == [], "a third host has nothing to do with it"


def test_the_replicas_host_leaves_a_policy_of_the_primary_alone() -> None:
    assert tasks_of([{"vms": ["App01"], "replica_host": "south"}], hosts("south")) == []


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "south"),
        ({"ansible_host": "10.0.0.2"}, "south"),
        ({"ansible_host": "hv-b.corp.example"}, "hv-b.corp.example"),
        ({"ansible_host": "hv-b.corp.example", "hyperv_replica_names": ["alias.corp.example"]}, "alias.corp.example"),
    ],
)
def test_a_host_that_did_not_answer_goes_by_what_the_inventory_says(variables: dict[str, Any], name: str) -> None:
    known = hosts(read={"south": {"unreachable": True, "msg": "timed out"}}, variables={"south": variables})
    task = one_task({"vms": ["App01"], "replica_host": "south"}, known)
    assert task["replica_server"] == name
    assert "partner" not in task, "nothing is known of its VMs, which is not the same as none"


def test_a_cluster_goes_by_its_broker() -> None:
    cluster = {"windows_name": "HV-B.corp.example", "cluster": {"broker": {"name": "broker.corp.example"}}, "vms": []}
    known = hosts(read={"south": cluster})
    assert one_task({"vms": ["App01"], "replica_host": "south"}, known)["replica_server"] == "broker.corp.example"


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ({"vms": ["a"], "replica_host": "south", "between": ["north", "south"]}, "exclude each other"),
        ({"vms": ["a"], "between": ["north", "south"], "first_primary": "west"}, "first_primary"),
        ({"vms": ["a"], "between": ["north", "south"], "first_primary": "north", "per_host": {"west": {}}}, "west"),
    ],
)
def test_policies_that_cannot_be_meant_are_named_by_number(policy: dict[str, Any], says: str) -> None:
    with pytest.raises(PlanError, match="number 2") as raised:
        tasks_of([{"vms": ["b"], "replica_host": "south"}, policy], hosts())
    assert says in str(raised.value)


def test_only_hosts_that_a_policy_means_here_are_read() -> None:
    policies = [
        {"vms": ["a"], "replica_host": "south"},
        {"vms": ["b"], "between": ["north", "east"]},
        {"vms": ["c"], "between": ["east", "west"]},
        {"vms": ["d"], "replica_server": "hv-x.corp.example"},
    ]
    assert hosts_to_read(policies, "north") == ["north", "south", "east"]


def test_the_preview_says_server_type_frequency_method_and_size() -> None:
    sizes = [{"file_size_bytes": 4_000_000_000}, {"file_size_bytes": 300_000_000}]
    known = hosts(read={"north": {"windows_name": "HV-A", "vms": [vm("App01", "1", disk_sizes=sizes)]}})
    task = one_task({"vms": ["App01"], "replica_host": "south", "initial_copy": "external_media"}, known)
    assert preview([task], known) == [
        "App01 (Running): to HV-B.corp.example, kerberos on port 8080, every 300 s, copy to external media,"
        " 4.0 GiB to copy"
    ]


def test_the_preview_of_a_vm_that_is_protected_already() -> None:
    protected = vm("App01", "1", mode="Primary", state="Replicating", partner="HV-B.corp.example")
    known = hosts(read={"north": {"windows_name": "HV-A", "vms": [protected]}})
    task = one_task({"vms": ["App01"], "replica_host": "south"}, known)
    assert preview([task], known) == [
        "App01: Primary of HV-B.corp.example already (Replicating); its settings are enforced"
    ]


def test_candidates_and_those_that_are_protected() -> None:
    protected = vm("Web01", "3", mode="Replica", state="Replicating", partner="HV-B")
    assert candidates([vm("b", "1", power="Off"), vm("A", "2"), protected]) == [
        "Not protected: 2",
        "  A  Running",
        "  b  Off",
        "Protected already: 1",
        "  Web01  Running  Replica, Replicating  with HV-B",
    ]
    assert candidates([]) == ["Not protected: none", "Protected already: none"]


def test_what_is_typed_to_confirm() -> None:
    one, two = {"names": ["App01"], "partner_host": "south"}, {"names": ["a", "b"], "partner_host": "south"}
    assert to_confirm([one]) == "App01"
    assert to_confirm([one, two]) == "south 3"


@pytest.mark.parametrize(
    "sizes, text",
    [
        (None, "an unknown size to copy"),
        ([], "0 B to copy"),
        ([1000], "1000 B to copy"),
        ([2**30], "1.0 GiB to copy"),
        ([10**12], "931 GiB to copy"),
    ],
)
def test_sizes_are_in_the_unit_of_the_status_table(sizes: list[int] | None, text: str) -> None:
    disks = None if sizes is None else [{"file_size_bytes": one} for one in sizes]
    known = hosts(read={"north": {"windows_name": "HV-A", "vms": [vm("App01", "1", disk_sizes=disks)]}})
    (line,) = preview([one_task({"vms": ["App01"], "replica_host": "south"}, known)], known)
    assert line.endswith(text)


def test_a_name_that_only_the_other_host_has_means_the_vm_of_that_id() -> None:
    known = hosts()
    between = {"between": ["north", "south"], "first_primary": "north", "vms": ["Renamed"]}
    [record] = one_task(between, known)["partner"]
    assert (record["id"], record["name"]) == ("1", "Renamed")
    assert preview([one_task(between, known)], known)[0].startswith("App01 (Running): to HV-B.corp.example")


def test_two_inventory_hosts_that_are_one_windows_host_are_refused() -> None:
    same = hosts(read={"south": {"windows_name": "hv-a.corp.example", "server": SERVER, "vms": []}})
    with pytest.raises(PlanError, match="north and south are one host: both answered as"):
        tasks_of([{"vms": ["App01"], "replica_host": "south"}], same)


def test_records_carry_the_further_names_of_their_host() -> None:
    cluster = {"name": "CL", "domain": "corp.example", "nodes": [], "broker": {"name": "rep.corp.example"}}
    south = {"windows_name": "HV-B.corp.example", "cluster": cluster, "vms": [vm("App01", "1")], "server": SERVER}
    task = one_task({"vms": ["App01"], "replica_host": "south"}, hosts(read={"south": south}))
    assert task["replica_server"] == "rep.corp.example"
    assert task["partner"][0]["host_names"] == ["rep.corp.example"]
