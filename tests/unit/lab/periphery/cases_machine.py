"""What the cmdlets about the machine refuse and show: host, cluster, names, rights."""

from __future__ import annotations

from typing import Any

from tests.lab.cmdlets.cluster import BROKER_TYPE
from tests.lab.world.cluster import Broker
from tests.unit.lab.periphery.bench import STORE, Act, Answer, Bench, Case, after

NO_CLUSTER: dict[str, Any] = {"category": "ConnectionError"}
MY = "Cert:\\LocalMachine\\My"


def first(answer: Answer, name: str) -> Any:
    """A property of the only object."""
    return answer.one[name]


def names(answer: Answer) -> list[str]:
    """The names of the objects given."""
    return [one["Name"] for one in answer.outputs]


def reading(value: str) -> Act:
    """B's Get-VMHost has this reading of FullyQualifiedDomainName."""
    return lambda bench: setattr(bench.b, "fqdn_reading", value)


def no_suffix(bench: Bench) -> None:
    """B is in a workgroup without a DNS suffix."""
    bench.b.workgroup, bench.b.domain = True, ""


HOST = [
    Case(
        "host: full name",
        "Get-VMHost",
        {},
        check=lambda _unused, a: first(a, "FullyQualifiedDomainName") == "HV-B.corp.example",
    ),
    Case(
        "host: the domain alone",
        "Get-VMHost",
        {},
        reading("domain"),
        check=lambda _unused, a: (first(a, "FullyQualifiedDomainName"), first(a, "Name")) == ("corp.example", "HV-B"),
    ),
    Case(
        "host: no suffix",
        "Get-VMHost",
        {},
        no_suffix,
        check=lambda _unused, a: first(a, "FullyQualifiedDomainName") == "HV-B",
    ),
    Case(
        "host: another computer is a second hop",
        "Get-VMHost",
        {"ComputerName": ["HV-A"]},
        error="AccessDenied",
        category="PermissionDenied",
    ),
    Case("host: itself by name", "Get-VMHost", {"ComputerName": ["hv-b.corp.example"]}, check=lambda _unused, a: a.one),
    Case(
        "host: management service stopped",
        "Get-VMHost",
        {},
        lambda bench: bench.b.services.update(vmms="Stopped"),
        error="ObjectNotFound",
        category="ObjectNotFound",
    ),
    Case(
        "service: running",
        "Get-Service",
        {"Name": ["vmms"]},
        set="Default",
        check=lambda _unused, a: str(first(a, "Status")) == "Running",
    ),
    Case(
        "service: not there without the role",
        "Get-Service",
        {"Name": ["vmms"]},
        lambda bench: bench.b.modules.discard("Hyper-V"),
        set="Default",
        error="NoServiceFoundForGivenName",
        category="ObjectNotFound",
    ),
    Case(
        "name: known", "Resolve-DnsName", {"Name": "hv-a"}, check=lambda _unused, a: first(a, "IPAddress") == "10.0.0.1"
    ),
    Case(
        "name: not known",
        "Resolve-DnsName",
        {"Name": "hv-x.corp.example"},
        error="DNS_ERROR_RCODE_NAME_ERROR",
        category="ResourceUnavailable",
    ),
]

CLUSTER = [
    Case(
        "cluster: not a node",
        "Get-Cluster",
        {},
        lambda bench: bench.b.modules.add("FailoverClusters"),
        error="Get-Cluster",
        **NO_CLUSTER,
    ),
    Case(
        "cluster: name", "Get-Cluster", {}, Bench.cluster, check=lambda _unused, a: first(a, "Domain") == "corp.example"
    ),
    Case(
        "cluster: another one's name", "Get-Cluster", {"Name": "CL2"}, Bench.cluster, error="Get-Cluster", **NO_CLUSTER
    ),
    Case("cluster: nodes", "Get-ClusterNode", {}, Bench.cluster, check=lambda _unused, a: names(a) == ["HV-B", "HV-C"]),
    Case(
        "cluster: the service of a node is stopped",
        "Get-Cluster",
        {},
        after(Bench.cluster, lambda bench: bench.b.services.update(ClusSvc="Stopped")),
        error="Get-Cluster",
        **NO_CLUSTER,
    ),
    Case(
        "service: a node's",
        "Get-Service",
        {"Name": ["ClusSvc"]},
        Bench.cluster,
        set="Default",
        check=lambda _unused, a: str(first(a, "Status")) == "Running",
    ),
    Case(
        "service: off a cluster there is none",
        "Get-Service",
        {"Name": ["ClusSvc"]},
        set="Default",
        error="NoServiceFoundForGivenName",
        category="ObjectNotFound",
    ),
    Case(
        "cluster: a node without power is down",
        "Get-ClusterNode",
        {"Name": ["HV-C"]},
        after(Bench.cluster, lambda bench: setattr(bench.world.host("HV-C"), "powered", False)),
        check=lambda _unused, a: str(first(a, "State")) == "Down",
    ),
    Case(
        "cluster: no such node",
        "Get-ClusterNode",
        {"Name": ["HV-A"]},
        Bench.cluster,
        error="Get-ClusterNode",
        category="ObjectNotFound",
    ),
    Case(
        "cluster: the broker's group",
        "Get-ClusterGroup",
        {"Name": ["REP"]},
        Bench.cluster,
        check=lambda _unused, a: (str(first(a, "GroupType")), str(first(a, "State"))) == ("VMReplicaBroker", "Online"),
    ),
    Case(
        "cluster: the group of a failed broker is online",
        "Get-ClusterGroup",
        {"Name": ["REP"]},
        lambda bench: bench.cluster(Broker("REP", "Failed")),
        check=lambda _unused, a: str(first(a, "State")) == "Online",
    ),
    Case(
        "cluster: the resource of a failed broker says so",
        "Get-ClusterResource",
        {"Name": ["Virtual Machine Replication Broker*"]},
        lambda bench: bench.cluster(Broker("REP", "Failed")),
        check=lambda _unused, a: str(first(a, "State")) == "Failed",
    ),
    Case(
        "cluster: a broker in a group of another type and name",
        "Get-ClusterResource",
        {"Name": ["Virtual Machine Replication Broker*"]},
        lambda bench: bench.cluster(Broker("REP", group="Other", group_type="Unknown")),
        check=lambda _unused, a: (first(a, "OwnerGroup"), str(first(a, "ResourceType"))) == ("Other", BROKER_TYPE),
    ),
    Case(
        "cluster: the broker's resource",
        "Get-ClusterResource",
        {"Name": ["Virtual Machine Replication Broker*"]},
        Bench.cluster,
        check=lambda _unused, a: first(a, "OwnerGroup") == "REP",
    ),
    Case(
        "cluster: the broker's name in DNS",
        "Get-ClusterParameter",
        lambda bench: {"InputObject": bench.run("Get-ClusterResource", {"Name": ["REP"]}).one, "Name": ["DnsName"]},
        Bench.cluster,
        check=lambda _unused, a: first(a, "Value") == "REP",
    ),
    Case(
        "cluster: host cluster",
        "Get-VMHostCluster",
        {"ClusterName": ["CL1"]},
        Bench.cluster,
        check=lambda _unused, a: first(a, "ClusterName") == "CL1",
    ),
    Case(
        "cluster: no such host cluster",
        "Get-VMHostCluster",
        {"ClusterName": ["CL2"]},
        Bench.cluster,
        error="ObjectNotFound",
        category="ObjectNotFound",
    ),
    Case(
        "cluster: one broker only",
        "Add-ClusterResource",
        {"Name": "R2", "ResourceType": "Virtual Machine Replication Broker", "Group": "R2"},
        Bench.cluster,
        error="Add-ClusterResource",
        category="ResourceExists",
    ),
]


def user(right: str) -> Act:
    """The user `op` has this right on B."""
    return after(Bench.certify, lambda bench: bench.b.users.update({"CORP\\op": right}))


REFUSED: dict[str, Any] = {"error": "AccessDenied", "category": "PermissionDenied"}
OF_OP: dict[str, Any] = {"user": "op@CORP.EXAMPLE"}
RIGHTS = [
    Case("rights: Hyper-V Administrators read the role", "Get-VMReplicationServer", {}, user("hyperv"), **OF_OP),
    Case(
        "rights: they do not configure it",
        "Set-VMReplicationServer",
        {"ReplicationEnabled": False},
        user("hyperv"),
        **REFUSED,
        **OF_OP,
    ),
    Case(
        "rights: they do not add entries",
        "New-VMReplicationAuthorizationEntry",
        {"AllowedPrimaryServer": "a.b.c", "ReplicaStorageLocation": STORE, "TrustGroup": "g"},
        user("hyperv"),
        **REFUSED,
        **OF_OP,
    ),
    Case(
        "rights: they do not see the firewall",
        "Get-NetFirewallRule",
        {"Name": ["x"]},
        user("hyperv"),
        error="Windows System Error 5",
        category="PermissionDenied",
        **OF_OP,
    ),
    Case(
        "rights: they do not see certificates",
        "Get-ChildItem",
        {"Path": [MY]},
        user("hyperv"),
        error="System.UnauthorizedAccessException",
        category="PermissionDenied",
        **OF_OP,
    ),
    Case(
        "rights: they do not see the cluster",
        "Get-Cluster",
        {},
        after(user("hyperv"), Bench.cluster),
        error="Get-Cluster",
        category="AuthenticationError",
        **OF_OP,
    ),
    Case("rights: a user with none", "Get-VMHost", {}, user("none"), **REFUSED, **OF_OP),
    Case(
        "rights: who is not listed is an administrator", "Get-VMHost", {}, user("none"), check=lambda _unused, a: a.one
    ),
]

CASES = [*HOST, *CLUSTER, *RIGHTS]
