# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host says about its replica server: one pipeline, and the values of its answer.

Parts that the task did not ask for are not read, so they cannot fail it; what was read and failed is an error, never
"absent". The one exception is the cluster: see facts/cluster.py for how "in none" is told from "did not answer".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.errors import OptionError, RemoteError, UnexpectedOutput
from ..base.names import host_name, query_host_name
from ..base.pipeline import Command, Pipeline, Statement
from ..base.properties import select
from ..base.session import ErrorRecord, Output, Row
from ..base.values import clean_thumbprint, number, path_key, seconds
from ..facts.authorization import (
    ANY_SERVER,
    Entry,
    Replica,
    parse_entries,
    parse_replicas,
    query_entries,
    query_replicas,
)
from ..facts.certificate import Certificates, parse_certificates, query_certificates
from ..facts.cluster import Cluster, ClusterUnreadable, cmdlet_of, owns, parse_cluster, query_cluster
from ..facts.firewall import Firewall, parse_firewall, query_firewall
from ..facts.storage import parse_folders, query_folders
from .want import BOTH, CERTIFICATE, KERBEROS, OtherNode, Want

AUTHENTICATION = {KERBEROS: "Kerberos", CERTIFICATE: "Certificate", BOTH: "CertificateAndKerberos"}
_SERVER = (
    *("ReplicationEnabled", "AllowedAuthenticationType", "ReplicationAllowedFromAnyServer", "DefaultStorageLocation"),
    *("KerberosAuthenticationPort", "CertificateAuthenticationPort", "CertificateThumbprint"),
    *("KerberosAuthenticationPortMapping", "CertificateAuthenticationPortMapping"),
    *("MonitoringInterval", "MonitoringStartTime", "OperationalStatus", "StatusDescriptions"),
)
_DOING = "reading the replica server"


@dataclass(frozen=True)
class Settings:
    """The settings that Set-VMReplicationServer keeps, and the entries. `authentication` is None while disabled.

    Mappings are None where none is in force; interval and start are seconds.
    """

    enabled: bool
    authentication: str | None = None
    kerberos_port: int = 80
    certificate_port: int = 443
    kerberos_mapping: Mapping[str, int] | None = None
    certificate_mapping: Mapping[str, int] | None = None
    thumbprint: str = ""
    monitoring_interval: float = 43200
    monitoring_start: float = 32400
    entries: tuple[Entry, ...] = ()

    @property
    def any_server(self) -> Entry | None:
        """The "*" entry: any server is admitted, and this is the default storage."""
        return next((one for one in self.entries if one.name == ANY_SERVER), None)

    @property
    def uses_certificate(self) -> bool:
        """True when the listener for certificates is wanted."""
        return self.authentication in (CERTIFICATE, BOTH)

    @property
    def types(self) -> tuple[str, ...]:
        """The types of connection that are accepted."""
        if self.authentication is None:
            return ()
        return (KERBEROS, CERTIFICATE) if self.authentication == BOTH else (self.authentication,)


@dataclass(frozen=True)
class Have:
    """Everything read from one host. None is "not asked"; `cluster_problem` is set when its cluster did not answer.

    `cluster_evident`: something says that there is one; else nobody could be asked, and nothing speaks for it.
    `listener` is what the role says of itself, None where it cannot be known (after a change that was not made).
    """

    name: str
    full_name: str
    settings: Settings
    listener: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    cluster: Cluster | None = None
    cluster_problem: str = ""
    cluster_evident: bool = True
    replicas: tuple[Replica, ...] | None = None
    certificates: Certificates | None = None
    firewall: Firewall | None = None
    folders: Mapping[str, bool] = field(default_factory=dict)

    def folder(self, path: str) -> bool | None:
        """True or False when the folder was looked for, None for one that was not (a share)."""
        return self.folders.get(path_key(path))

    @property
    def partner_names(self) -> tuple[str, ...]:
        """The full names that a certificate has to cover: this host's, and the broker's on a cluster."""
        broker = self.cluster.broker if self.cluster else None
        return (self.full_name, broker.name) if broker and broker.name else (self.full_name,)


def query(want: Want) -> Pipeline:
    """All that the task needs to know, in one pipeline."""
    parts = [
        Pipeline.of(Command("Get-VMReplicationServer") | select("VMReplicationServer", *_SERVER)),
        Pipeline.of(query_host_name()),
        query_entries(),
        query_folders(want.folders),
    ]
    if want.reads_replicas:
        parts.append(query_replicas())
    if want.reads_certificates:
        parts.append(query_certificates(want.judges_chains))
    if want.reads_firewall:
        parts.append(query_firewall())
    statements: tuple[Statement, ...] = ()
    for part in (*parts, query_cluster()):
        statements += part.statements
    return Pipeline(statements)


def parse(output: Output, want: Want) -> Have:
    """The answer as values. Raises RemoteError for a read that failed, UnexpectedOutput for a gap in it."""
    host = next((row.properties for row in output.of_type("VMHost")), None)
    full_name = host_name(host) if host else ""
    failed = tuple(error for error in output.errors if not _expected(error))
    cluster, problem, evident = _cluster(output)
    if failed:
        raise RemoteError(full_name, _DOING, failed, _advice(failed, cluster))
    server = output.of_type("VMReplicationServer")
    if not server or host is None:
        raise UnexpectedOutput("Get-VMHost" if server else "Get-VMReplicationServer", "no object")
    return Have(
        name=str(host["Name"]),
        full_name=full_name,
        settings=_settings(server[0], parse_entries(output)),
        listener=(_texts(server[0], "OperationalStatus"), _texts(server[0], "StatusDescriptions")),
        cluster=cluster,
        cluster_problem=problem,
        cluster_evident=evident,
        replicas=parse_replicas(output) if want.reads_replicas else None,
        certificates=_certificates(output, want) if want.reads_certificates else None,
        firewall=parse_firewall(output) if want.reads_firewall else None,
        folders=parse_folders(output, want.folders),
    )


def _expected(error: ErrorRecord) -> bool:
    """Errors that facts/cluster.py judges, and the one by which a firewall rule says that it is not there."""
    if owns(error):
        return True
    return cmdlet_of(error) == "getnetfirewallrule" and _not_found(error)


def _not_found(error: ErrorRecord) -> bool:
    return error.category == "ObjectNotFound" and not error.is_missing_command


def _advice(errors: Iterable[ErrorRecord], cluster: Cluster | None) -> str:
    for error in errors:
        if error.category == "ObjectNotFound" and cluster is not None and cluster.broker is None:
            # Observed behaviour, not documented: the text speaks of a deleted object, and never of the broker.
            return (
                f"Cluster {cluster.name} has no Hyper-V Replica Broker, and without one no replica server."
                " Add the broker first; it need not be online yet."
            )
        if error.is_missing_command and "vm" in cmdlet_of(error):
            return "Install the Hyper-V role with its PowerShell module there, or name the right host."
        if error.category == "PermissionDenied":
            return "Connect as a member of the host's Administrators: its settings, certificates and firewall need it."
    return ""


def _cluster(output: Output) -> tuple[Cluster | None, str, bool]:
    try:
        return parse_cluster(output), "", True
    except ClusterUnreadable as error:
        return None, str(error), error.evident


def _certificates(output: Output, want: Want) -> Certificates:
    found = parse_certificates(output, want.judges_chains)
    if found is None:
        raise UnexpectedOutput("Get-Date", "no time")
    return found


def _settings(row: Row, entries: tuple[Entry, ...]) -> Settings:
    value = row.properties
    kinds = {name: ours for ours, name in AUTHENTICATION.items()}
    enabled = bool(value["ReplicationEnabled"])
    if enabled and value["AllowedAuthenticationType"] not in kinds:
        raise UnexpectedOutput("Get-VMReplicationServer", f"authentication {value['AllowedAuthenticationType']}")
    return Settings(
        enabled=enabled,
        # A disabled server answers the number 0, which has no name.
        authentication=kinds[value["AllowedAuthenticationType"]] if enabled else None,
        kerberos_port=number(value["KerberosAuthenticationPort"]) or 80,
        certificate_port=number(value["CertificateAuthenticationPort"]) or 443,
        kerberos_mapping=_mapping(value["KerberosAuthenticationPortMapping"]),
        certificate_mapping=_mapping(value["CertificateAuthenticationPortMapping"]),
        thumbprint=clean_thumbprint(value["CertificateThumbprint"]),
        monitoring_interval=seconds(value["MonitoringInterval"]) or 0,
        monitoring_start=seconds(value["MonitoringStartTime"]) or 0,
        entries=entries,
    )


def _mapping(value: Any) -> dict[str, int] | None:
    if not isinstance(value, Mapping) or not value:
        return None
    return {str(host): number(port) or 0 for host, port in value.items()}


def _texts(row: Row, name: str) -> tuple[str, ...]:
    value = row.properties[name]
    return tuple(str(item) for item in (value if isinstance(value, list) else [value]) if item is not None)


def read_other_nodes(records: list[Mapping[str, Any]] | None) -> tuple[OtherNode, ...] | None:
    """Other nodes from results of this module, as they were registered. Raises OptionError for anything else.

    A result without a name (a host that was skipped, or not reached) is no node.
    """
    if records is None:
        return None
    nodes = []
    for record in records:
        host = record.get("host")
        if host is None:
            continue
        if not isinstance(host, Mapping) or not host.get("full_name"):
            raise OptionError("other_nodes", "an item is not a result of this module.", "Give registered results.")
        nodes.append(_other_node(str(host["full_name"]), record))
    return tuple(nodes)


def _other_node(name: str, record: Mapping[str, Any]) -> OtherNode:
    certificates, replicas = record.get("certificates"), record.get("replicas")
    return OtherNode(
        name=name,
        good_thumbprints=None
        if certificates is None
        else frozenset(clean_thumbprint(one["thumbprint"]) for one in certificates if not one["problems"]),
        replicas=None if replicas is None else tuple(Replica.of_result(one) for one in replicas),
    )
