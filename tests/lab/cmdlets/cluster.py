"""Cmdlets of the FailoverClusters module. A host without the feature does not have them at all (the engine says so)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator

from ..values import Enum, Obj, Output, Record, Refusal
from ..world.cluster import Broker, Cluster
from ..world.server import same_name
from .registry import Call, cmdlet
from .resolve import is_pattern, listed, matches

SPACE = "Microsoft.FailoverClusters.PowerShell"
BROKER_TYPE = "Virtual Machine Replication Broker"


def _state(kind: str, name: str) -> Enum:
    return Enum(f"{SPACE}.{kind}", name)


def cluster_of(call: Call) -> Cluster:
    """The cluster of this host. Refuses on a host that is no node, and for another cluster's name."""
    cluster = call.host.cluster
    if cluster is None or call.host.services.get("ClusSvc") != "Running":
        text = "The cluster service is not running. Make sure that the service is running on all nodes in the cluster."
        raise Refusal(text, call.cmdlet, "ConnectionError")
    wanted = call.get("Cluster") or (call.get("Name") if call.cmdlet == "Get-Cluster" else None)
    if wanted and not (same_name(wanted, cluster.name) or same_name(wanted, cluster.fqdn) or wanted == "."):
        text = f"Check the spelling of the cluster name. There was a problem with your cluster name '{wanted}'."
        raise Refusal(text, call.cmdlet, "ConnectionError")
    return cluster


def _chosen(call: Call, objects: Iterable[Obj], what: str) -> Iterator[Record]:
    """The objects by -Name, patterns too; a literal name that fits none is an error."""
    everything = list(objects)
    for wanted in listed(call.get("Name")) or ["*"]:
        found = [one for one in everything if matches(wanted, one["Name"])]
        if not found and not is_pattern(wanted):
            text = f"The {what} '{wanted}' was not found."
            yield Refusal(text, call.cmdlet, "ObjectNotFound").error
        yield from (Output(one) for one in found)


@cmdlet("Get-Cluster")
def get_cluster(call: Call) -> Iterator[Record]:
    """The cluster that this host is a node of."""
    cluster = cluster_of(call)
    facts = {
        "Domain": cluster.domain,
        "Name": cluster.name,
        "Id": str(cluster.id),
        "SharedVolumesRoot": "C:\\ClusterStorage",
    }
    yield Output(Obj(f"{SPACE}.Cluster", facts, cluster.name))


@cmdlet("Get-ClusterNode")
def get_nodes(call: Call) -> Iterator[Record]:
    """The nodes; a node whose host has no power is Down."""
    cluster = cluster_of(call)
    nodes = [
        Obj(
            f"{SPACE}.ClusterNode",
            {
                "Cluster": cluster.name,
                "Name": node.host.name,
                "NodeName": node.host.name,
                "Id": str(node.id),
                "State": _state("ClusterNodeState", "Down" if node.state == "Up" and not node.up else node.state),
            },
            node.host.name,
        )
        for node in cluster.nodes
    ]
    yield from _chosen(call, nodes, "cluster node")


def _group(cluster: Cluster, name: str, kind: str, owner: str, state: str) -> Obj:
    facts = {
        "Cluster": cluster.name,
        "Name": name,
        "OwnerNode": owner,
        "State": _state("ClusterGroupState", state),
        "GroupType": _state("GroupType", kind),
        "Id": str(uuid.uuid5(cluster.id, f"group/{name}")),
    }
    return Obj(f"{SPACE}.ClusterGroup", facts, name)


def _broker_owner(cluster: Cluster, broker: Broker) -> str:
    return broker.owner or next((node.host.name for node in cluster.nodes if node.up), cluster.nodes[0].host.name)


def _broker_state(cluster: Cluster, broker: Broker) -> str:
    return broker.state if cluster.active_broker or broker.state != "Online" else "Failed"


def groups(cluster: Cluster, vm_id: uuid.UUID | None = None) -> Iterator[Obj]:
    """The cluster's own group, the broker's, and one for each clustered VM; with an id the VM's only."""
    first = cluster.nodes[0].host.name
    if vm_id is None:
        yield _group(cluster, "Cluster Group", "Cluster", first, "Online")
        if cluster.broker is not None:
            owner, state = _broker_owner(cluster, cluster.broker), _broker_state(cluster, cluster.broker)
            shown = cluster.broker.group_state or ("Online" if state == "Failed" else state)
            yield _group(cluster, cluster.broker.group, cluster.broker.group_type, owner, shown)
        for role in cluster.roles:
            yield _group(cluster, f"Role {role}", "FileServer", first, "Online")
    for node in cluster.nodes:
        for vm in node.host.vms.values():
            if vm.clustered and vm_id in (None, vm.id):
                state = "Online" if vm.alive else "Offline"
                yield _group(cluster, vm.name, "VirtualMachine", node.host.name, state)


@cmdlet("Get-ClusterGroup")
def get_groups(call: Call) -> Iterator[Record]:
    """Groups. Neither the type nor the state of the broker's says anything of the broker: its resource does."""
    yield from _chosen(call, groups(cluster_of(call), call.get("VMId")), "cluster group")


def _resource(cluster: Cluster, name: str, group: str, kind: str, owner: str, state: str) -> Obj:
    facts = {
        "Cluster": cluster.name,
        "Name": name,
        "OwnerGroup": group,
        "OwnerNode": owner,
        "ResourceType": kind,
        "State": _state("ClusterResourceState", state),
        "Id": str(uuid.uuid5(cluster.id, f"resource/{name}")),
        "IsCoreResource": group == "Cluster Group",
    }
    return Obj(f"{SPACE}.ClusterResource", facts, name)


def resources(cluster: Cluster, vm_id: uuid.UUID | None = None) -> Iterator[Obj]:
    """The resources of every group. The broker's comes after others: nobody may take the first of something."""
    first, broker = cluster.nodes[0].host.name, cluster.broker
    if vm_id is None:
        yield _resource(cluster, "Cluster Name", "Cluster Group", "Network Name", first, "Online")
        for role in cluster.roles:
            yield _resource(cluster, role, f"Role {role}", "Network Name", first, "Online")
        if broker is not None:
            owner, state = _broker_owner(cluster, broker), _broker_state(cluster, broker)
            if broker.named:
                up = "Online" if state == "Failed" else state
                yield _resource(cluster, broker.name, broker.group, "Network Name", owner, up)
            yield _resource(cluster, f"{BROKER_TYPE} {broker.name}", broker.group, BROKER_TYPE, owner, state)
    for node in cluster.nodes:
        for vm in node.host.vms.values():
            if vm.clustered and vm_id in (None, vm.id):
                state, owner = "Online" if vm.alive else "Offline", node.host.name
                yield _resource(cluster, f"Virtual Machine {vm.name}", vm.name, "Virtual Machine", owner, state)
                name = f"Virtual Machine Configuration {vm.name}"
                yield _resource(cluster, name, vm.name, "Virtual Machine Configuration", owner, "Online")


@cmdlet("Get-ClusterResource")
def get_resources(call: Call) -> Iterator[Record]:
    """Resources; of a group, a node or the cluster when one is piped in."""
    cluster = cluster_of(call)
    yield from _chosen(call, filter(_belongs(call), resources(cluster, call.get("VMId"))), "cluster resource")


def _belongs(call: Call) -> Callable[[Obj], bool]:
    given = call.get("InputObject")
    if isinstance(given, Obj) and given.type.endswith(".ClusterGroup"):
        return lambda one: bool(one["OwnerGroup"] == given["Name"])
    if isinstance(given, Obj) and given.type.endswith(".ClusterNode"):
        return lambda one: bool(one["OwnerNode"] == given["Name"])
    return lambda one: True


def _parameters(cluster: Cluster, resource: Obj) -> dict[str, str]:
    """Private properties of a resource. Those of the broker's own resource are not documented: none."""
    if resource["ResourceType"] != "Network Name":
        return {}
    name = cluster.name if resource["Name"] == "Cluster Name" else resource["Name"]
    return {"Name": name.upper()[:15], "DnsName": name, "DnsSuffix": cluster.domain}


@cmdlet("Get-ClusterParameter")
def get_parameters(call: Call) -> Iterator[Record]:
    """Private properties of the resource piped in (of a network name: Name, DnsName)."""
    cluster, resource = cluster_of(call), call.get("InputObject")
    if not isinstance(resource, Obj) or "ResourceType" not in resource.properties:
        return
    parameters = [
        Obj(
            f"{SPACE}.ClusterParameter",
            {
                "ClusterObject": resource["Name"],
                "Name": name,
                "IsReadOnly": False,
                "ParameterType": "String",
                "Value": value,
            },
            name,
        )
        for name, value in _parameters(cluster, resource).items()
    ]
    yield from _chosen(call, parameters, "cluster parameter")


@cmdlet("Add-ClusterResource")
def add_resource(call: Call) -> Iterator[Record]:
    """Add a resource to a group: of all types only the broker's means something here, and it comes up offline."""
    cluster = cluster_of(call)
    name, kind, group = call.parameters["Name"], call.parameters["ResourceType"], call.get("Group")
    if any(same_name(one["Name"], name) for one in resources(cluster)):
        raise Refusal(f"A resource named '{name}' exists already.", call.cmdlet, "ResourceExists", name)
    if kind != BROKER_TYPE:
        raise Refusal(f"The resource type '{kind}' was not found.", call.cmdlet, "ObjectNotFound", kind)
    if cluster.broker is not None:
        raise Refusal("A cluster has one Hyper-V Replica Broker.", call.cmdlet, "ResourceExists", name)
    # The cmdlets of Microsoft's page leave the type of the group as it is (derived).
    cluster.broker = Broker(group or name, state="Offline", owner=call.host.name, group_type="Unknown")
    yield Output(_resource(cluster, name, group or name, kind, call.host.name, "Offline"))
