# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The failover cluster that a host belongs to: its nodes, and the Hyper-V Replica Broker with its client access point.

On a cluster the settings of the replica server belong to all nodes, and partners name the broker, not a node. The
broker is a resource: its own state counts, and it has the network name of the group that it stands in. The type of that
group is the broker's only where the tool that made it set it, and a group is Online with a broker that failed
(observed behaviour, not documented).
Source: https://learn.microsoft.com/windows-server/virtualization/hyper-v/configure-replication-failover-cluster
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..base.names import same_host
from ..base.pipeline import Command, Pipeline, Statement
from ..base.properties import select
from ..base.session import ErrorRecord, Output, Row
from ..base.values import same_text

# Types of resources are fixed English texts. Source: https://learn.microsoft.com/powershell/module/failoverclusters/add-clusterresource
# and the set-up page above, which adds the broker by this type.
BROKER_TYPE = "Virtual Machine Replication Broker"
NAME_TYPE = "Network Name"
_SERVICE = "ClusSvc"
_RESOURCE = ("Name", "State", "OwnerGroup", "OwnerNode", "ResourceType")
# States of a resource that is on its way. Source: CLUSTER_RESOURCE_STATE,
# https://learn.microsoft.com/previous-versions/windows/desktop/api/clusapi/nf-clusapi-getclusterresourcestate
_CHANGING = frozenset({"initializing", "pending", "onlinepending", "offlinepending"})


@dataclass(frozen=True)
class Node:
    """A node by its short name; `state` is Up, Down, Paused or Joining."""

    name: str
    state: str


@dataclass(frozen=True)
class Broker:
    """The broker: full name of its client access point ("" when it has none), state of its resource, node that holds
    it, and the name of the resource.
    """

    name: str
    state: str
    owner: str
    resource: str = ""

    @property
    def online(self) -> bool:
        """True when partners can reach it."""
        return same_text(self.state, "Online")

    @property
    def remedy(self) -> str:
        """What to do about one that is not online. It comes up on replica servers only, and cluster cmdlets that start
        take the object, piped (both observed behaviour, not documented).
        """
        if self.state.casefold() in _CHANGING:
            return "Wait until it is Online, and run this again."
        name = self.resource.replace("'", "''")
        start = f"Get-ClusterResource -Name '{name}' | Start-ClusterResource" if name else "Start-ClusterResource"
        return f"Start it on a node, once its nodes are replica servers: {start}"


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
        problem = self.problem
        if not problem:
            return ()
        return (f"{problem} (Until then enabling the replication of VMs to or from this cluster fails.)",)

    @property
    def problem(self) -> str:
        """Why no clustered VM can be protected here, or received; "" when the broker is online."""
        if self.broker is None:
            return f"cluster {self.name} has no Hyper-V Replica Broker. Add that role to the cluster."
        if not self.broker.online:
            state = self.broker.state or "in no known state"
            return f"the Hyper-V Replica Broker of cluster {self.name} is {state}. {self.broker.remedy}"
        return ""

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
    broker, names = _resources(BROKER_TYPE), _resources(NAME_TYPE)
    # DnsName is the name in DNS as it was typed; Name is the NetBIOS name, in capitals and at most 15 characters.
    dns_names = names | Command("Get-ClusterParameter", {"Name": "DnsName"})
    return Pipeline.of(
        Command("Get-Service", {"Name": _SERVICE}) | select("ServiceController", "Name", "Status", "StartType"),
        Command("Get-Cluster") | select("Cluster", "Name", "Domain"),
        Command("Get-ClusterNode") | select("ClusterNode", "Name", "State"),
        broker | select("ClusterResource", *_RESOURCE),
        names | select("ClusterResource", *_RESOURCE),
        dns_names | select("ClusterParameter", "ClusterObject", "Name", "Value"),
    )


def _resources(of_type: str) -> Statement:
    return Command("Get-ClusterResource") | Command(
        "Where-Object", {"Property": "ResourceType", "EQ": True, "Value": of_type}
    )


_CMDLETS = frozenset(
    {"getservice", "getcluster", "getclusternode", "getclustergroup", "getclusterresource", "getclusterparameter"}
)


def owns(error: ErrorRecord) -> bool:
    """True for an error of one of the cmdlets of `query_cluster`."""
    return cmdlet_of(error) in _CMDLETS


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
    # A name that cannot be asked for matters only where it is the broker's.
    failed = tuple(error for error in errors if cmdlet_of(error) not in ("getservice", "getclusterparameter"))
    if failed:
        raise ClusterUnreadable(_said(failed), evident=True)
    domain = str(row.properties["Domain"] or "")
    broker = _broker(output, domain)
    unnamed = tuple(error for error in errors if cmdlet_of(error) == "getclusterparameter")
    if broker and not broker.name and unnamed:
        raise ClusterUnreadable(_said(unnamed), evident=True)
    return Cluster(
        name=str(row.properties["Name"]),
        domain=domain,
        nodes=tuple(
            Node(str(node.properties["Name"]), str(node.properties["State"])) for node in output.of_type("ClusterNode")
        ),
        broker=broker,
    )


def _broker(output: Output, domain: str) -> Broker | None:
    """The resource of the broker's type, with the network name that stands in the same group."""
    resources = [row.properties for row in output.of_type("ClusterResource")]
    found = next((one for one in resources if same_text(_name(one["ResourceType"]), BROKER_TYPE)), None)
    if found is None:
        return None
    name = _network_name(output, _name(found["OwnerGroup"]))
    return Broker(
        name=f"{name}.{domain}" if name and domain and "." not in name else name,
        state=str(found["State"] or ""),
        owner=_name(found.get("OwnerNode")),
        resource=_name(found.get("Name")),
    )


def _network_name(output: Output, group: str) -> str:
    """The name in DNS of the network name in that group; "" without one.

    A parameter says whose it is (ClusterObject). Where it does not, each network name gave one, in their order.
    """
    names = [
        row.properties
        for row in output.of_type("ClusterResource")
        if same_text(_name(row.properties["ResourceType"]), NAME_TYPE)
    ]
    told = [row.properties for row in output.of_type("ClusterParameter")]
    owners = [_name(one.get("ClusterObject")) for one in told]
    if len(told) == len(names) and not any(owners):
        owners = [_name(one.get("Name")) for one in names]
    groups = {_name(one.get("Name")).casefold(): _name(one["OwnerGroup"]) for one in names}
    fits = (
        str(one["Value"] or "")
        for owner, one in zip(owners, told, strict=True)
        if group and same_text(groups.get(owner.casefold()), group)
    )
    return next(fits, "")


def _name(value: Any) -> str:
    """The name of an object of the cluster, which arrives as its text or as its properties."""
    return str((value.get("Name") if isinstance(value, Mapping) else value) or "")


def _said(errors: tuple[ErrorRecord, ...]) -> str:
    return "; ".join(str(error) for error in errors)
