"""Which hosts a cluster is, as a target and as a partner, from what its nodes said."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import PlanError
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.names import AmbiguousName
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.cluster import target_cells
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.partners import partners
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows.failover.sides import Sight

from tests.unit.plugins.failover_sim import record_of, side_of, vm_id

SILENT = {"unreachable": True, "msg": "no answer"}


def node(host: str, *names: str, broker: str | None = "CL-B", name: str = "CL") -> dict[str, Any]:
    """A node's reading; `names` are those of the cluster's nodes."""
    cluster = {
        "name": name,
        "domain": "x.example",
        "nodes": [{"name": one, "state": "Up"} for one in names],
        "broker": broker and {"name": f"{broker}.x.example", "state": "Online", "owner": names[0]},
    }
    return {"vms": [], "windows_name": f"{host.upper()}.x.example", "cluster": cluster, "unreadable": []}


def alone(host: str) -> dict[str, Any]:
    """The reading of a host that is in no cluster."""
    return {"vms": [], "windows_name": f"{host.upper()}.x.example", "cluster": None, "unreadable": []}


B, C = node("hv-b", "HV-B", "HV-C"), node("hv-c", "HV-B", "HV-C")
UNREADABLE = {**alone("hv-c"), "unreadable": [{"kind": "cluster", "problem": "access denied"}]}
TARGETS: dict[str, tuple[list[str], dict[str, Any], list[list[str]]]] = {
    "one host": (["hv-a"], {}, [["hv-a"]]),
    "both nodes": (["hv-b", "hv-c"], {"hv-b": B, "hv-c": C}, [["hv-b", "hv-c"]]),
    "one node silent": (["hv-b", "hv-c"], {"hv-b": B, "hv-c": SILENT}, [["hv-b", "hv-c"]]),
    "a node that the group lacks": (
        ["hv-b", "hv-c"],
        {"hv-b": node("hv-b", "HV-B", "HV-C", "HV-D"), "hv-c": C},
        [["hv-b", "hv-c", "HV-D.x.example"]],
    ),
    "two hosts of a site": (["hv-b", "hv-c"], {"hv-b": alone("hv-b"), "hv-c": alone("hv-c")}, [["hv-b"], ["hv-c"]]),
    "a silent host of a site": (["hv-b", "hv-c"], {"hv-b": alone("hv-b"), "hv-c": SILENT}, [["hv-b"], ["hv-c"]]),
    "a host beside a cluster": (
        ["hv-a", "hv-b", "hv-c"],
        {"hv-a": alone("hv-a"), "hv-b": B, "hv-c": C},
        [["hv-a"], ["hv-b", "hv-c"]],
    ),
    "a host beside a cluster with a silent node": (
        ["hv-a", "hv-b", "hv-c"],
        {"hv-a": alone("hv-a"), "hv-b": B, "hv-c": SILENT},
        [["hv-a"], ["hv-c"], ["hv-b", "HV-C.x.example"]],
    ),
    "two clusters": (
        ["hv-b", "hv-c"],
        {"hv-b": node("hv-b", "HV-B"), "hv-c": node("hv-c", "HV-C", name="OTHER")},
        [["hv-b"], ["hv-c"]],
    ),
}


@pytest.mark.parametrize("case", TARGETS)
def test_target(case: str) -> None:
    hosts, readings, expected = TARGETS[case]
    assert target_cells("group", hosts, readings) == expected


REFUSED = {
    "no host answers": ({"hv-b": SILENT, "hv-c": SILENT}, "no host of group"),
    "unreadable": ({"hv-b": B, "hv-c": UNREADABLE}, "could not be read (access denied)"),
    "no broker": ({"hv-b": node("hv-b", "HV-B", broker=None), "hv-c": SILENT}, "no Hyper-V Replica Broker"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_target_refused(case: str) -> None:
    readings, words = REFUSED[case]
    with pytest.raises(PlanError, match="group") as raised:
        target_cells("group", ["hv-b", "hv-c"], readings)
    assert words in str(raised.value)


def here(partner: str) -> dict[str, Any]:
    """The target's reading, with one replica of that partner."""
    record = {**record_of("App", "hv-a", "x", side_of("Replica/Replicating")), "partner": partner}
    record["relations"][0]["partner"] = partner
    return {"vms": [record], "windows_name": "HV-A.x.example"}


ALIASES = {"hv-b": {"hyperv_replica_names": ["CL-B.x.example"]}, "hv-c": {"hyperv_replica_names": ["CL-B.x.example"]}}
GROUPED = {host: {"group_names": ["cl", "all_hosts"]} for host in ("hv-b", "hv-c")} | {
    host: {"group_names": ["all_hosts"]} for host in ("hv-a", "hv-d")
}
PARTNERS: dict[str, tuple[str, dict[str, Any], dict[str, Any], Any, list[str]]] = {
    "a broker that nobody was asked for": ("CL-B.x.example", {}, {}, None, ["hv-b", "hv-c", "hv-d"]),
    "a broker by what a node said": ("CL-B", {"hv-b": B}, {}, ["hv-b", "hv-c"], []),
    "a node that was not read yet": ("HV-B.x.example", {}, {}, ["hv-b"], []),
    "a node whose cluster spoke": ("HV-B.x.example", {"hv-b": B}, {}, ["hv-b", "hv-c"], []),
    "a silent node whose cluster spoke": ("HV-B", {"hv-b": SILENT, "hv-c": C}, {}, ["hv-b", "hv-c"], []),
    "a silent host asks its neighbours": ("HV-B", {"hv-b": SILENT}, GROUPED, ["hv-b"], ["hv-c"]),
    "a silent host in no small group": ("HV-B", {"hv-b": SILENT}, {}, ["hv-b"], []),
    "a silent host whose neighbour is alone": ("HV-B", {"hv-b": SILENT, "hv-c": alone("hv-c")}, GROUPED, ["hv-b"], []),
    "one name for two hosts that were not asked": ("CL-B", {}, ALIASES, None, ["hv-b", "hv-c"]),
    "one name for two nodes": ("CL-B.x.example", {"hv-b": B, "hv-c": SILENT}, ALIASES, ["hv-b", "hv-c"], []),
    "a node that the inventory lacks": (
        "HV-B",
        {"hv-b": node("hv-b", "HV-B", "HV-X")},
        {},
        ["hv-b", "HV-X.x.example"],
        [],
    ),
}


@pytest.mark.parametrize("case", PARTNERS)
def test_partners(case: str) -> None:
    name, readings, variables, expected, ask = PARTNERS[case]
    hosts = ["hv-a", "hv-b", "hv-c", "hv-d"]
    found = partners({"hv-a": here(name), **readings}, ["hv-a"], [], hosts, variables)
    assert found["partners"].get(name) == expected
    assert found["ask"] == ask


def test_a_name_of_two_hosts_that_are_no_cluster() -> None:
    readings = {"hv-a": here("CL-B.x.example"), "hv-b": alone("hv-b"), "hv-c": alone("hv-c")}
    with pytest.raises(AmbiguousName):
        partners(readings, ["hv-a"], [], ["hv-b", "hv-c"], ALIASES)


def test_a_reverse_may_make_the_cluster_known_by_another_name() -> None:
    found = partners({"hv-a": here("HV-B"), "hv-b": B, "hv-c": C}, ["hv-a"], [], ["hv-b", "hv-c"], {})
    sight = Sight({}, ["hv-a"], found["partners"])
    assert sight.partner_hosts("cl-b.x.example") == sight.partner_hosts("HV-B") == ["hv-b", "hv-c"]


def test_a_vm_that_only_an_unread_node_can_have_is_not_absent() -> None:
    found = record_of("App", "hv-a", "hv-b", side_of("Replica/Replicating"))
    hosts = {"HV-B.x.example": ["hv-b", "hv-c"]}
    unread = Sight({"hv-a": {"vms": [found]}, "hv-b": B, "hv-c": SILENT}, ["hv-a"], hosts)
    assert unread.see(vm_id("App"), "App").pair.other is None
    read = Sight({"hv-a": {"vms": [found]}, "hv-b": B, "hv-c": C}, ["hv-a"], hosts)
    assert str(read.see(vm_id("App"), "App").pair.other) == "no such VM"
