# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The failover cluster that a host belongs to: its nodes, and the Hyper-V Replica Broker with its client access point.

On a cluster the settings of the replica server belong to all nodes, and partners name the broker, not a node.
Source: https://learn.microsoft.com/windows-server/virtualization/hyper-v/configure-replication-failover-cluster
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .names import same_host
from .pipeline import Command, Pipeline, Statement
from .properties import select
from .session import ErrorRecord, Output, Row
from .values import same_text

BROKER_GROUP = "VMReplicaBroker"
_SERVICE = "ClusSvc"


@dataclass(frozen=True)
class Node:
    """A node by its short name; `state` is Up, Down, Paused or Joining."""

    name: str
    state: str


@dataclass(frozen=True)
class Broker:
    """The broker: full name of its client access point ("" when unreadable), state of its group, node that holds it."""

    name: str
    state: str
    owner: str

    @property
    def online(self) -> bool:
        """True when partners can reach it."""
        return same_text(self.state, "Online")


@dataclass(frozen=True)
class Cluster:
    """A cluster as one of its nodes sees it."""

    name: str
    domain: str
    nodes: tuple[Node, ...]
    broker: Broker | None

    def others(self, host: str) -> tuple[Node, ...]:
        """The nodes but this host."""
        return tuple(node for node in self.nodes if not same_host(node.name, host))

    def not_among(self, hosts: Iterable[str]) -> tuple[str, ...]:
        """Names of nodes that none of these hosts is."""
        known = tuple(hosts)
        return tuple(node.name for node in self.nodes if not any(same_host(node.name, host) for host in known))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What keeps partners from replicating to this cluster."""
        enabling = "Enabling replication of VMs to or from this cluster fails until then."
        if self.broker is None:
            return (f"cluster {self.name} has no Hyper-V Replica Broker. Add the role. {enabling}",)
        if not self.broker.online:
            return (f"the Hyper-V Replica Broker of cluster {self.name} is {self.broker.state}. Start it. {enabling}",)
        return ()

    @property
    def result(self) -> dict[str, Any]:
        """The cluster as the module returns it."""
        broker = self.broker
        return {
            "name": self.name,
            "domain": self.domain,
            "nodes": [{"name": node.name, "state": node.state} for node in self.nodes],
            "broker": None if broker is None else {"name": broker.name, "state": broker.state, "owner": broker.owner},
        }


class ClusterUnreadable(ValueError):
    """Whether the host is a node cannot be said. The text says what Windows said.

    `evident`: something speaks for a cluster, and it did not answer. Else there was nobody to ask, as on an endpoint
    that admits neither Get-Service nor the cluster's cmdlets.
    """

    def __init__(self, problem: str, evident: bool) -> None:
        super().__init__(problem)
        self.evident = evident


def query_cluster() -> Pipeline:
    """The cluster service, the cluster, its nodes, and its broker with the name under which partners reach it.

    To be asked last: a cmdlet that is not there ends the answer (observed behaviour: the pipeline counts as failed
    then, and the client does not see what later statements say).
    """
    broker = Command("Get-ClusterGroup") | Command(
        "Where-Object", {"Property": "GroupType", "EQ": True, "Value": BROKER_GROUP}
    )
    network_name = Command("Where-Object", {"Property": "ResourceType", "EQ": True, "Value": "Network Name"})
    return Pipeline.of(
        Command("Get-Service", {"Name": _SERVICE}) | select("ServiceController", "Name", "Status", "StartType"),
        Command("Get-Cluster") | select("Cluster", "Name", "Domain"),
        Command("Get-ClusterNode") | select("ClusterNode", "Name", "State"),
        broker | select("ClusterGroup", "Name", "State", "OwnerNode", "GroupType"),
        _parameter(broker | Command("Get-ClusterResource") | network_name),
    )


def _parameter(resources: Statement) -> Statement:
    # DnsName is the name in DNS as it was typed; Name is the NetBIOS name, in capitals and at most 15 characters.
    return (
        resources | Command("Get-ClusterParameter", {"Name": "DnsName"}) | select("ClusterParameter", "Name", "Value")
    )


def owns(error: ErrorRecord) -> bool:
    """True for an error of one of the cmdlets of `query_cluster`."""
    return cmdlet_of(error) in {"getservice", "getcluster", "getclusternode", "getclustergroup"} | {
        "getclusterresource",
        "getclusterparameter",
    }


def cmdlet_of(error: ErrorRecord) -> str:
    """The cmdlet that an error comes from, as `getvmhost`: from the class in its id, or the command that is missing."""
    missing = error.is_missing_command
    name = error.target.rpartition("\\")[2] if missing else error.cmdlet_class.rpartition(".")[2]
    return name.replace("-", "").lower().removesuffix("command")


def parse_cluster(output: Output) -> Cluster | None:
    """The cluster, or None for a host that is in none. Raises ClusterUnreadable when neither can be said.

    Without the cluster service, or with one that was never set up, there is no cluster; that its cmdlets are missing is
    then no matter. With the service the cluster has to answer.
    """
    errors = tuple(error for error in output.errors if owns(error))
    rows = output.of_type("Cluster")
    if rows:
        return _cluster(rows[0], output, errors)
    service = [row for row in output.rows if "StartType" in row.properties]
    if service and not _runs(service[0]):
        return None
    absent = [
        e
        for e in errors
        if cmdlet_of(e) == "getservice" and e.category == "ObjectNotFound" and not e.is_missing_command
    ]
    if absent:
        return None
    said = _said(errors) or "neither the cluster service nor Get-Cluster gave an answer"
    raise ClusterUnreadable(said, evident=bool(service) or any(e.category == "PermissionDenied" for e in errors))


def _runs(service: Row) -> bool:
    """False only for a service that is stopped and disabled: so it stands where the host was never joined."""
    value = service.properties
    return same_text(value.get("Status"), "Running") or not same_text(value.get("StartType"), "Disabled")


def _cluster(row: Row, output: Output, errors: tuple[ErrorRecord, ...]) -> Cluster:
    failed = tuple(error for error in errors if cmdlet_of(error) != "getservice")
    if failed:
        raise ClusterUnreadable(_said(failed), evident=True)
    domain = str(row.properties["Domain"] or "")
    groups = output.of_type("ClusterGroup")
    names = [str(one.properties["Value"] or "") for one in output.of_type("ClusterParameter")]
    return Cluster(
        name=str(row.properties["Name"]),
        domain=domain,
        nodes=tuple(
            Node(str(node.properties["Name"]), str(node.properties["State"])) for node in output.of_type("ClusterNode")
        ),
        broker=_broker(groups[0], names[0] if names else "", domain) if groups else None,
    )


def _broker(group: Row, name: str, domain: str) -> Broker:
    value = group.properties
    full = f"{name}.{domain}" if name and domain and "." not in name else name
    return Broker(name=full, state=str(value["State"]), owner=str(value.get("OwnerNode") or ""))


def _said(errors: tuple[ErrorRecord, ...]) -> str:
    return "; ".join(str(error) for error in errors)
