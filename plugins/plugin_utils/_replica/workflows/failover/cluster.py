# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Clusters as a side of a failover: which inventory hosts their nodes are, and which hosts of a group are one. Pure.

A VM of a cluster lives on one of its nodes and may move between any two readings, so a side that is a cluster is all of
its nodes. A node that was not read makes a VM that no other node has unreadable, never absent.
Source: https://learn.microsoft.com/windows-server/virtualization/hyper-v/configure-replication-failover-cluster
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...base.errors import PlanError
from ...base.names import Candidate, inventory_host, is_one_of, same_host
from ...base.values import same_text
from ..heard import records_of


@dataclass(frozen=True)
class Cluster:
    """A cluster as a node of it said. `hosts` are the inventory hosts of nodes, by the node's full name."""

    name: str
    broker: str
    nodes: tuple[str, ...]
    hosts: Mapping[str, str] = field(default_factory=dict)

    def is_called(self, name: str) -> bool:
        """True for the name of its broker."""
        return same_host(self.broker, name)

    def host_of(self, node: str) -> str | None:
        """Inventory host of a node."""
        return self.hosts.get(node)

    def has(self, host: str) -> bool:
        """True for an inventory host that is a node of it."""
        return host in self.hosts.values()


def clusters_of(candidates: Sequence[Candidate], readings: Mapping[str, Any]) -> list[Cluster]:
    """The clusters that these hosts spoke of, each once."""
    found: list[Cluster] = []
    for candidate in candidates:
        said = _said(readings.get(candidate.host))
        if said is not None and not any(same_text(said["name"], one.name) for one in found):
            nodes = node_names(said)
            hosts = {node: inventory_host(node, candidates) for node in nodes}
            found.append(
                Cluster(str(said["name"]), broker_of(said), nodes, {n: host for n, host in hosts.items() if host})
            )
    return found


def node_names(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Full names of the nodes of a cluster."""
    domain = str(said.get("domain") or "")
    names = [str(node["name"]) for node in said.get("nodes") or ()]
    return tuple(name if "." in name or not domain else f"{name}.{domain}" for name in names)


def broker_of(said: Mapping[str, Any] | None) -> str:
    """Full name of the broker of a cluster; "" without one."""
    return str(((said or {}).get("broker") or {}).get("name") or "")


def broker_at(readings: Mapping[str, Any], hosts: Iterable[str]) -> str:
    """The name under which partners know the VMs of these hosts' cluster; "" where none of them spoke of one."""
    return next((name for host in hosts if (name := broker_of(_said(readings.get(host))))), "")


def _said(reading: Any) -> Mapping[str, Any] | None:
    cluster = reading.get("cluster") if isinstance(reading, Mapping) else None
    return cluster if isinstance(cluster, Mapping) and cluster.get("name") else None


def target_cells(to: str, hosts: Sequence[str], readings: Mapping[str, Any]) -> list[list[str]]:
    """The hosts of a target as they belong together: each by itself, and all nodes of a cluster as one.

    A node that the group does not have is there by its Windows name: never read, so its VMs are not taken for absent.
    A host that could not be read is taken to be by itself, unless all others are nodes of one cluster. Raises PlanError
    where none could be read, and for a cluster without a broker.
    """
    if len(hosts) == 1:
        return [list(hosts)]
    read = [host for host in hosts if records_of(readings.get(host)) is not None]
    if not read:
        told = "; ".join(f"{host}: {(readings.get(host) or {}).get('msg') or 'it gave no answer'}" for host in hosts)
        raise PlanError(f"no host of {to}, where the VMs shall run, could be read: {told}")
    members: dict[str, list[str]] = {}
    for host in read:
        said = _said(readings[host])
        if said is not None:
            members.setdefault(str(said["name"]).casefold(), []).append(host)
        elif any(one.get("kind") == "cluster" for one in readings[host].get("unreadable") or ()):
            raise PlanError(_unknown_cluster(to, host, readings[host]))
    alone = [host for host in hosts if not any(host in nodes for nodes in members.values())]
    silent = [host for host in alone if host not in read]
    if len(members) == 1 and alone == silent:  # which they are is not known; as nodes they make no VM absent
        return [_nodes(to, [*next(iter(members.values())), *silent], readings, hosts)]
    return [*([host] for host in alone), *(_nodes(to, nodes, readings, hosts) for nodes in members.values())]


def _nodes(to: str, nodes: Sequence[str], readings: Mapping[str, Any], hosts: Sequence[str]) -> list[str]:
    """The nodes of one cluster, in the order of the group, and those that the group does not have."""
    read = [host for host in nodes if records_of(readings.get(host)) is not None]
    said = _said(readings[read[0]])
    if said is None or not broker_of(said):
        raise PlanError(
            f"the cluster of {to} has no Hyper-V Replica Broker that could be read, and nothing can be reversed without"
            " one. Add the role, or give one node as failover_to."
        )
    ordered = [host for host in hosts if host in nodes]
    return [*ordered, *_not_in_group(ordered, read, readings, node_names(said))]


def _unknown_cluster(to: str, host: str, reading: Mapping[str, Any]) -> str:
    unreadable = [one for one in reading.get("unreadable") or () if one.get("kind") == "cluster"]
    return (
        f"failover_to is {to}, a group, and whether {host} is a node of a cluster could not be read"
        f" ({unreadable[0].get('problem')}). Give one inventory host."
    )


def _not_in_group(
    hosts: Sequence[str], read: Sequence[str], readings: Mapping[str, Any], nodes: Iterable[str]
) -> list[str]:
    """Nodes that are none of the hosts: neither by the Windows name of one that was read, nor by an inventory name."""
    names = [str(readings[host].get("windows_name") or host) for host in read]
    return [node for node in nodes if not is_one_of(node, (*names, *(host for host in hosts if host not in read)))]


def facts_of_hosts(raw: Mapping[str, Any], readings: Mapping[str, Any]) -> dict[str, Any]:
    """What the first reading says of hosts and the later ones do not: by host its replica server, and its broker.

    Both belong to all nodes of a cluster, also to one that answers later.
    """
    servers: dict[str, Any] = {}
    brokers: dict[str, str] = {}
    for side in (*raw["cells"], *raw["partners"].values()):
        known = [server for host in side if (server := (readings.get(host) or {}).get("server"))]
        for host in side:
            servers[host] = (readings.get(host) or {}).get("server") or (known[0] if known else None)
            brokers[host] = broker_at(readings, side)
    return {"servers": servers, "brokers": brokers}
