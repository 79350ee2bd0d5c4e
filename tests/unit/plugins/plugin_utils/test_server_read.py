"""What the answers of a host mean: absent against failed, the stores of certificates, the rules in force."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import RemoteError, UnexpectedOutput
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import ErrorRecord, Output, Row
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.authorization import WantedEntry
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.cluster import (
    ClusterUnreadable,
    parse_cluster,
    query_cluster,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.have import parse, query
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.server.want import Want

SPACE = "Microsoft.FailoverClusters.PowerShell"
SERVER = {
    "ReplicationEnabled": True,
    "AllowedAuthenticationType": "CertificateAndKerberos",
    "ReplicationAllowedFromAnyServer": False,
    "DefaultStorageLocation": "",
    "KerberosAuthenticationPort": 8080,
    "CertificateAuthenticationPort": 443,
    "CertificateThumbprint": "ab" * 20,
    "KerberosAuthenticationPortMapping": None,
    "CertificateAuthenticationPortMapping": {"hv-b.corp.example": 8443},
    "MonitoringInterval": "P1DT12H",
    "MonitoringStartTime": "PT9H",
    "OperationalStatus": ["Ok"],
    "StatusDescriptions": ["Operating normally"],
}
HOST = {"Name": "HV-B", "FullyQualifiedDomainName": "corp.example"}


def _error(id: str, category: str, target: str = "") -> ErrorRecord:
    return ErrorRecord(id, category, "in some language", target)


def _missing(cmdlet: str) -> ErrorRecord:
    return _error("CouldNotAutoLoadModule", "ObjectNotFound", f"FailoverClusters\\{cmdlet}")


NO_SERVICE = _error("NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.GetServiceCommand", "ObjectNotFound")
NO_RIGHTS = _error("PermissionDenied,Microsoft.PowerShell.Commands.GetServiceCommand", "PermissionDenied")
NO_ANSWER = _error(f"Get-Cluster,{SPACE}.GetClusterCommand", "ConnectionError")
NO_NODES = _error(f"Get-ClusterNode,{SPACE}.GetClusterNodeCommand", "PermissionDenied")
SERVICE = Row(
    "System.ServiceProcess.ServiceController", {"Name": "ClusSvc", "Status": "Running", "StartType": "Automatic"}
)
NEVER_JOINED = Row(SERVICE.type, {"Name": "ClusSvc", "Status": "Stopped", "StartType": "Disabled"})
CLUSTER = Row(f"{SPACE}.Cluster", {"Name": "CL-1", "Domain": "corp.example"})
NODE = Row(f"{SPACE}.ClusterNode", {"Name": "HV-B", "State": "Up"})
BROKER = "Virtual Machine Replication Broker"


def _resource(name: str, of_type: Any, group: Any, state: str = "Online") -> Row:
    facts = {"Name": name, "State": state, "OwnerGroup": group, "OwnerNode": "HV-B", "ResourceType": of_type}
    return Row(f"{SPACE}.ClusterResource", facts)


def _dns_name(value: str, of: Any) -> Row:
    return Row(f"{SPACE}.ClusterParameter", {"ClusterObject": of, "Name": "DnsName", "Value": value})


OTHER_NAMES = (_resource("Cluster Name", "Network Name", "Cluster Group"), _resource("Files", "Network Name", "Share"))
OTHER_DNS_NAMES = (_dns_name("cl-1", "Cluster Name"), _dns_name("files", "Files"))
OWN_NAME = _resource("Access Point", "Network Name", "Replica")


def _with_broker(state: str, *dns_names: Row) -> tuple[Row, ...]:
    broker = _resource("The Broker", BROKER, "Replica", state)
    return (SERVICE, CLUSTER, NODE, broker, *OTHER_NAMES, OWN_NAME, *OTHER_DNS_NAMES, *dns_names)


@pytest.mark.parametrize(
    "rows, errors",
    [
        ((), (NO_SERVICE, _missing("Get-Cluster"))),
        ((), (NO_SERVICE, NO_ANSWER)),
        ((NEVER_JOINED,), (_missing("Get-Cluster"),)),
        ((NEVER_JOINED,), (NO_ANSWER,)),
    ],
)
def test_a_host_in_no_cluster(rows: tuple[Row, ...], errors: tuple[ErrorRecord, ...]) -> None:
    assert parse_cluster(Output(rows, errors)) is None


@pytest.mark.parametrize(
    "rows, errors",
    [
        ((SERVICE,), (_missing("Get-Cluster"),)),
        ((SERVICE,), (NO_ANSWER,)),
        ((), (NO_RIGHTS,)),
        ((), (_error("CommandNotFoundException", "ObjectNotFound", "Get-Service"),)),
        ((), ()),
        ((SERVICE, CLUSTER), (NO_NODES,)),
    ],
)
def test_a_cluster_that_does_not_answer_is_not_absent(rows: tuple[Row, ...], errors: tuple[ErrorRecord, ...]) -> None:
    with pytest.raises(ClusterUnreadable):
        parse_cluster(Output(rows, errors))


@pytest.mark.parametrize(
    "rows, errors, evident",
    [
        ((SERVICE,), (NO_ANSWER,), True),
        ((), (NO_RIGHTS,), True),
        ((), (_missing("Get-Service"), _missing("Get-Cluster")), False),
        ((), (), False),
    ],
)
def test_only_what_speaks_of_a_cluster_holds_a_change_back(
    rows: tuple[Row, ...], errors: tuple[ErrorRecord, ...], evident: bool
) -> None:
    have = parse(_answer(*rows, errors=errors), Want())
    assert have.cluster_problem
    assert have.cluster_evident is evident


@pytest.mark.parametrize("thumbprint, stores", [("A" * 40, ["My"]), ("auto", ["My", "Root", "CA"])])
def test_chains_are_read_only_where_they_are_judged(thumbprint: str, stores: list[str]) -> None:
    commands = [statement.commands[0] for statement in query(Want(thumbprint=thumbprint)).statements]
    paths = [str(command.parameters["Path"]) for command in commands if command.name == "Get-ChildItem"]
    assert [path.rpartition("\\")[2] for path in paths] == stores


def test_the_broker_is_its_resource_with_the_network_name_of_the_same_group() -> None:
    cluster = parse_cluster(Output(_with_broker("Failed", _dns_name("broker", "Access Point"))))
    assert cluster is not None
    assert cluster.result == {
        "name": "CL-1",
        "domain": "corp.example",
        "nodes": [{"name": "HV-B", "state": "Up"}],
        "broker": {"name": "broker.corp.example", "state": "Failed", "owner": "HV-B"},
    }
    assert "is Failed. Start it on a node, once its nodes are replica servers: " in cluster.warnings[0]
    assert "Get-ClusterResource -Name 'The Broker' | Start-ClusterResource" in cluster.warnings[0]


def test_the_type_and_the_state_of_the_brokers_group_are_not_asked() -> None:
    names = [command.name for statement in query_cluster().statements for command in statement.commands]
    assert "Get-ClusterGroup" not in names
    assert "GroupType" not in str(query_cluster())


@pytest.mark.parametrize("wrapped", [False, True])
def test_owners_may_come_as_objects(wrapped: bool) -> None:
    def of(name: str) -> Any:
        return {"Name": name} if wrapped else name

    rows = (
        _resource("B", of(BROKER), of("g")),
        _resource("N", of("Network Name"), of("G")),
        _dns_name("rep", of("N")),
    )
    cluster = parse_cluster(Output((SERVICE, CLUSTER, NODE, *rows)))
    assert cluster
    assert cluster.broker
    assert (cluster.broker.name, cluster.broker.online) == ("rep.corp.example", True)


def test_names_that_do_not_say_whose_they_are_are_told_by_their_order() -> None:
    unowned = tuple(_dns_name(str(row.properties["Value"]), None) for row in OTHER_DNS_NAMES)
    rows = [row for row in _with_broker("Online") if row not in OTHER_DNS_NAMES]
    cluster = parse_cluster(Output((*rows, *unowned, _dns_name("broker", None))))
    assert cluster
    assert cluster.broker
    assert cluster.broker.name == "broker.corp.example"


NO_NAME = _error(f"Get-ClusterParameter,{SPACE}.GetClusterParameterCommand", "ObjectNotFound")


def test_a_name_of_another_role_that_cannot_be_read_hides_nothing() -> None:
    rows = _with_broker("Online", _dns_name("broker", "Access Point"))
    cluster = parse_cluster(Output(rows, (NO_NAME,)))
    assert cluster
    assert cluster.broker
    assert cluster.broker.name == "broker.corp.example"
    with pytest.raises(ClusterUnreadable):
        parse_cluster(Output(_with_broker("Online"), (NO_NAME,)))


def test_a_cluster_without_a_broker_is_no_cluster_that_was_not_read() -> None:
    cluster = parse_cluster(Output((SERVICE, CLUSTER, NODE, *OTHER_NAMES, *OTHER_DNS_NAMES)))
    assert cluster
    assert cluster.broker is None
    assert "has no Hyper-V Replica Broker" in cluster.problem


@pytest.mark.parametrize(
    "state, text",
    [
        ("Online", ""),
        ("Failed", "is Failed. Start it"),
        ("Offline", "is Offline. Start it"),
        ("OnlinePending", "is OnlinePending. Wait until it is Online"),
    ],
)
def test_what_to_do_about_a_broker(state: str, text: str) -> None:
    cluster = parse_cluster(Output(_with_broker(state, _dns_name("broker", "Access Point"))))
    assert cluster
    assert text in cluster.problem
    assert bool(cluster.problem) is bool(text)


def _answer(*rows: Row, errors: tuple[ErrorRecord, ...] = (NO_SERVICE,), **server: Any) -> Output:
    space = "Microsoft.HyperV.PowerShell"
    first = Row(f"{space}.VMReplicationServer", {**SERVER, **server})
    return Output((first, Row(f"{space}.VMHost", HOST), *rows), errors)


def test_the_settings() -> None:
    have = parse(_answer(), Want())
    now = have.settings
    assert have.full_name == "HV-B.corp.example"
    assert (now.enabled, now.authentication, now.kerberos_port, now.certificate_port) == (True, "both", 8080, 443)
    assert (now.thumbprint, now.kerberos_mapping, now.certificate_mapping) == (
        "AB" * 20,
        None,
        {"hv-b.corp.example": 8443},
    )
    assert (now.monitoring_interval, now.monitoring_start) == (129600, 32400)
    assert (have.replicas, have.certificates, have.firewall) == (None, None, None)


def test_a_disabled_server_has_a_type_without_a_name() -> None:
    have = parse(_answer(ReplicationEnabled=False, AllowedAuthenticationType="0", CertificateThumbprint=None), Want())
    assert (have.settings.authentication, have.settings.thumbprint) == (None, "")


def test_a_type_that_nobody_knows_is_no_answer() -> None:
    with pytest.raises(UnexpectedOutput):
        parse(_answer(AllowedAuthenticationType="0"), Want())


def test_a_read_that_failed_is_a_failure() -> None:
    denied = _error("AccessDenied,Microsoft.HyperV.PowerShell.Commands.GetVMReplicationServer", "PermissionDenied")
    with pytest.raises(RemoteError, match="Administrators"):
        parse(Output((), (denied, NO_SERVICE)), Want())


def test_a_cluster_without_a_broker_is_told_from_its_answer_about_an_object() -> None:
    space = "Microsoft.HyperV.PowerShell.Commands"
    gone = _error(f"ObjectNotFound,{space}.GetVMReplicationServer", "ObjectNotFound")
    host = Row("Microsoft.HyperV.PowerShell.VMHost", HOST)
    with pytest.raises(RemoteError, match=r"^HV-B\.corp\.example: .*Cluster CL-1 has no Hyper-V Replica Broker"):
        parse(Output((host, SERVICE, CLUSTER, NODE), (gone,)), Want())


def test_the_cluster_is_asked_last() -> None:
    names = [statement.commands[0].name for statement in query(Want(thumbprint="auto", open_firewall=True)).statements]
    assert names[0] == "Get-VMReplicationServer"
    cluster = names.index("Get-Service")
    assert all(name.startswith("Get-Cluster") for name in names[cluster + 1 :])


CERTIFICATE = "System.Security.Cryptography.X509Certificates.X509Certificate2"
OWN = {
    "Thumbprint": "cd" * 20,
    "Subject": 'O="Corp, Inc", CN=hv-b.corp.example',
    "Issuer": "CN=Step",
    "NotBefore": "2025-01-01T01:00:00+01:00",
    "NotAfter": "2027-01-01T00:00:00Z",
    "HasPrivateKey": True,
    "DnsNameList": [{"Punycode": "hv-b.corp.example", "Unicode": "hv-b.corp.example"}, "broker.corp.example"],
    "EnhancedKeyUsageList": [
        "Client Authentication (1.3.6.1.5.5.7.3.2)",
        {"FriendlyName": "x", "ObjectId": "1.3.6.1.5.5.7.3.1"},
    ],
}
STEP = {
    "Thumbprint": "1",
    "Subject": "CN=Step",
    "Issuer": "CN=Root",
    "NotBefore": None,
    "NotAfter": "2030-01-01T00:00:00Z",
}
ROOT = {"Thumbprint": "2", "Subject": "CN=Root", "Issuer": "CN=Root"}


def test_certificates_and_their_chain() -> None:
    clock = Row("System.String", {}, "2026-03-01T12:00:00.1234567+01:00")
    rows = tuple(Row(CERTIFICATE, one) for one in (OWN, ROOT, STEP))
    held = parse(_answer(*rows, clock), Want(thumbprint="auto")).certificates
    assert held is not None
    (own,) = held.own
    assert own.names == ("hv-b.corp.example", "broker.corp.example")
    assert own.usages == {"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"}
    assert own.has_private_key
    assert held.trusted(own)
    assert held.now.isoformat() == "2026-03-01T11:00:00.123456+00:00"
    without_step = parse(_answer(*(Row(CERTIFICATE, one) for one in (OWN, ROOT)), clock), Want(thumbprint="auto"))
    assert without_step.certificates is not None
    assert not without_step.certificates.trusted(own)


def test_certificates_without_a_clock_are_no_answer() -> None:
    with pytest.raises(UnexpectedOutput):
        parse(_answer(Row(CERTIFICATE, OWN)), Want(thumbprint="auto"))


def _rule(name: str, enabled: str, **active: str) -> Row:
    facts = {"Name": name, "Enabled": enabled, "Direction": "Inbound", "Action": "Allow"}
    return Row("Microsoft.Management.Infrastructure.CimInstance", {**facts, **active})


def _ports(name: str, ports: Any, **active: str) -> Row:
    facts = {"InstanceID": name, "Protocol": "TCP", "LocalPort": ports}
    return Row("Microsoft.Management.Infrastructure.CimInstance", {**facts, **active})


HTTP = "VIRT-HVRHTTPL-In-TCP-NoScope"
NO_RULE = _error("CmdletizationQuery_NotFound_InstanceID,Get-NetFirewallRule", "ObjectNotFound")


@pytest.mark.parametrize(
    "status, enforcement, passes",
    [
        ("OK", "NotApplicable", True),
        ("Inactive", "NotApplicable", False),
        ("OK", "LocalFirewallRulesDisallowed", False),
    ],
)
def test_a_rule_counts_when_policy_applies_it(status: str, enforcement: str, passes: bool) -> None:
    active = {"PrimaryStatus": status, "EnforcementStatus": enforcement}
    rows = (
        _rule(HTTP, "True"),
        _ports(HTTP, "80"),
        _rule(HTTP, "True", **active),
        _ports(HTTP, ["80", "8080-8090"], DynamicTarget="Any"),
    )
    firewall = parse(_answer(*rows, errors=(NO_SERVICE, NO_RULE)), Want(open_firewall=True)).firewall
    assert firewall is not None
    assert firewall.passes(HTTP, (80, 8085)) is passes
    assert not firewall.passes(HTTP, (9000,))
    stored = firewall.stored(HTTP)
    assert stored is not None
    assert stored.ports == ("80",)


def test_a_firewall_that_cannot_be_read_is_a_failure() -> None:
    denied = _error("Windows System Error 5,Get-NetFirewallRule", "PermissionDenied")
    with pytest.raises(RemoteError):
        parse(_answer(errors=(NO_SERVICE, denied)), Want(open_firewall=True))


def test_folders_are_told_in_order_and_all_of_them() -> None:
    entries = (WantedEntry("a.corp.example", "D:\\A\\"), WantedEntry("b.corp.example", "\\\\files\\b"))
    want = Want(default_storage="E:\\B", entries=entries)
    yes, no = Row("System.Boolean", {}, "True"), Row("System.Boolean", {}, "False")
    have = parse(_answer(yes, no), want)
    assert (have.folder("d:/a"), have.folder("E:\\B"), have.folder("\\\\files\\b")) == (True, False, None)
    with pytest.raises(UnexpectedOutput):
        parse(_answer(yes), want)
