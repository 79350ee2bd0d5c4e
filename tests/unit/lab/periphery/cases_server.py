"""What Set-VMReplicationServer refuses, asks, and leads to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.lab.world.certificate import SERVER_AUTHENTICATION, issue
from tests.lab.world.cluster import Broker
from tests.lab.world.server import AuthorizationEntry
from tests.unit.lab.periphery.bench import STORE, Bench, Case, after, enum

SET, GET = "Set-VMReplicationServer", "Get-VMReplicationServer"
ARGUMENT: dict[str, Any] = {"error": "InvalidParameter", "category": "InvalidArgument"}
CONFLICT: dict[str, Any] = {"error": "InvalidOperation", "category": "InvalidOperation"}
FAILED: dict[str, Any] = {"error": "OperationFailed", "category": "NotSpecified"}
DENIED: dict[str, Any] = {"error": "AccessDenied", "category": "PermissionDenied", "code": "0x80070005"}
NOT_FOUND: dict[str, Any] = {"error": "ObjectNotFound", "category": "ObjectNotFound"}
CSV = "C:\\ClusterStorage\\Volume1\\Replica"


def kind(name: str) -> dict[str, Any]:
    """The parameter of the authentication type."""
    return {"AllowedAuthenticationType": enum("RecoveryAuthenticationType", name)}


ON = {"ReplicationEnabled": True, **kind("Kerberos")}


def listed(bench: Bench) -> None:
    """B is a replica server with a list of two, in two groups."""
    bench.serve(entry="hv-a.corp.example")
    bench.b.server.entries.append(AuthorizationEntry("*.other.example", STORE, "others"))


def other_ports(bench: Bench) -> None:
    """B listens on ports of its own choice."""
    bench.serve()
    bench.b.server.kerberos_port, bench.b.server.certificate_port = 8080, 8443


def without_broker(bench: Bench) -> None:
    """A cluster to which nobody has added a broker yet."""
    bench.cluster().broker = None


def mapped(bench: Bench) -> None:
    """A cluster with port mappings for both types."""
    bench.cluster()
    names = ("HV-B.corp.example", "HV-C.corp.example", "REP.corp.example")
    bench.b.server.kerberos_mapping = {name: 8000 + at for at, name in enumerate(names)}
    bench.b.server.certificate_mapping = {name: 8100 + at for at, name in enumerate(names)}


def with_certificate(**changes: Any) -> Any:
    """Parameters that enable the role with B's certificate, which `changes` made unfit."""

    def parameters(bench: Bench) -> dict[str, Any]:
        bench.certify()
        bench.b.server.enabled, bench.b.server.authentication = False, None
        authority, own = bench.b.certificates
        bench.b.certificates = [authority, replace(own, **changes)]
        return {"ReplicationEnabled": True, **kind("Certificate"), "CertificateThumbprint": own.thumbprint}

    return parameters


def thumbprint_of(bench: Bench, **more: Any) -> dict[str, Any]:
    """Parameters that name B's good certificate."""
    return {"CertificateThumbprint": bench.own(bench.b).thumbprint, **more}


ROLE = [
    Case("enable: the type is required", SET, {"ReplicationEnabled": True}, **ARGUMENT),
    Case(
        "enable: Kerberos on the default ports",
        SET,
        ON,
        check=lambda bench, _unused: bench.b.server.enabled and bench.b.server.port("Kerberos") == 80,
    ),
    Case(
        "enable: certificate without a thumbprint",
        SET,
        {"ReplicationEnabled": True, **kind("Certificate")},
        **ARGUMENT,
    ),
    Case(
        "enable: both types without a thumbprint, though one is stored",
        SET,
        kind("CertificateAndKerberos"),
        Bench.certify,
        **ARGUMENT,
    ),
    Case("enable: Kerberos with a thumbprint", SET, lambda b: {**ON, **thumbprint_of(b)}, Bench.certify, **ARGUMENT),
    Case(
        "Kerberos clears the stored thumbprint",
        SET,
        kind("Kerberos"),
        Bench.certify,
        check=lambda bench, _unused: bench.b.server.thumbprint == "" and bench.b.server.authentication == "Kerberos",
    ),
    Case(
        "disable: type and thumbprint go, entries stay",
        SET,
        {"ReplicationEnabled": False},
        Bench.certify,
        check=lambda bench, _unused: (
            (bench.b.server.authentication, bench.b.server.thumbprint) == (None, "") and bench.b.server.entries
        ),
    ),
    Case("a type for a role that stays off", SET, kind("Kerberos"), **CONFLICT),
    Case(
        "a port left out goes back to its default",
        SET,
        {"MonitoringStartTime": timedelta(hours=1)},
        other_ports,
        check=lambda bench, _unused: (bench.b.server.kerberos_port, bench.b.server.certificate_port) == (80, 443),
    ),
    Case(
        "one port given resets the other",
        SET,
        {"KerberosAuthenticationPort": 8080},
        other_ports,
        check=lambda bench, _unused: (bench.b.server.kerberos_port, bench.b.server.certificate_port) == (8080, 443),
    ),
    Case(
        "the same port twice is asked about",
        SET,
        {"KerberosAuthenticationPort": 443, "CertificateAuthenticationPort": 443},
        asks=True,
    ),
    Case(
        "the same port twice with Force",
        SET,
        {"KerberosAuthenticationPort": 443, "CertificateAuthenticationPort": 443, "Force": True},
        check=lambda bench, _unused: bench.b.server.kerberos_port == 443,
    ),
    Case("monitoring interval off the list", SET, {"MonitoringInterval": timedelta(hours=5)}, **ARGUMENT),
    Case("monitoring interval above 7 days", SET, {"MonitoringInterval": timedelta(days=8)}, **ARGUMENT),
    Case("monitoring start of a day or more", SET, {"MonitoringStartTime": timedelta(hours=24)}, **ARGUMENT),
    Case(
        "monitoring interval of a week",
        SET,
        {"MonitoringInterval": timedelta(days=7)},
        check=lambda bench, _unused: bench.b.server.monitoring_interval == timedelta(days=7),
    ),
]

CERTIFICATE = [
    Case("certificate: not in the store", SET, {**ON, **kind("Certificate"), "CertificateThumbprint": "AB"}, **FAILED),
    Case("certificate: no private key", SET, with_certificate(has_private_key=False), **FAILED),
    Case("certificate: expired", SET, with_certificate(not_after=issue("x", days=-1).not_after), **FAILED),
    Case("certificate: one key usage only", SET, with_certificate(usages=(SERVER_AUTHENTICATION,)), **FAILED),
    Case("certificate: another host's name", SET, with_certificate(subject="CN=hv-x.corp.example"), **FAILED),
    Case("certificate: in the Root store only", SET, with_certificate(store="Root"), **FAILED),
    Case(
        "certificate: wildcard subject",
        SET,
        with_certificate(subject="CN=*.corp.example"),
        check=lambda bench, _unused: bench.b.server.authentication == "Certificate",
    ),
    Case(
        "certificate: wildcard of another depth",
        SET,
        with_certificate(subject="CN=*.example"),
        **FAILED,
    ),
    Case(
        "certificate: alternative name",
        SET,
        with_certificate(subject="CN=Replica", dns_names=("hv-b.corp.example",)),
        check=lambda bench, _unused: bench.b.server.thumbprint == bench.own(bench.b).thumbprint,
    ),
    Case(
        "certificate: no usages means all",
        SET,
        with_certificate(usages=()),
        check=lambda bench, _unused: bench.b.server.enabled,
    ),
]

ENTRIES_BY_ROLE = [
    Case("any server without storage", SET, {**ON, "ReplicationAllowedFromAnyServer": True}, **ARGUMENT),
    Case(
        "any server where entries stand is asked about",
        SET,
        {"ReplicationAllowedFromAnyServer": True, "DefaultStorageLocation": STORE},
        listed,
        asks=True,
    ),
    Case(
        "any server with Force deletes all other entries",
        SET,
        {"ReplicationAllowedFromAnyServer": True, "DefaultStorageLocation": STORE, "Force": True},
        listed,
        check=lambda bench, _unused: bench.b.server.entries == [AuthorizationEntry("*", STORE, "DEFAULT")],
    ),
    Case(
        "a list instead of any server is asked about",
        SET,
        {"ReplicationAllowedFromAnyServer": False},
        Bench.serve,
        asks=True,
    ),
    Case(
        "a list instead of any server empties the default storage",
        SET,
        {"ReplicationAllowedFromAnyServer": False, "Force": True},
        Bench.serve,
        check=lambda bench, _unused: bench.run("Get-VMReplicationServer", {}).one["DefaultStorageLocation"] == "",
    ),
    Case("default storage beside a list", SET, {"DefaultStorageLocation": STORE}, listed, **ARGUMENT),
    Case(
        "default storage while any server is off in the same call",
        SET,
        {"DefaultStorageLocation": STORE, "ReplicationAllowedFromAnyServer": False},
        Bench.serve,
        **ARGUMENT,
    ),
    Case(
        "default storage of any server",
        SET,
        {"DefaultStorageLocation": "D:\\"},
        Bench.serve,
        check=lambda bench, _unused: bench.b.server.entries == [AuthorizationEntry("*", "D:\\", "DEFAULT")],
    ),
    Case(
        "storage: not there", SET, {"DefaultStorageLocation": "D:\\Nowhere"}, Bench.serve, code="0x80070003", **FAILED
    ),
    Case("storage: relative", SET, {"DefaultStorageLocation": "Replica"}, Bench.serve, **ARGUMENT),
    Case("storage: double hop", SET, {"DefaultStorageLocation": "\\\\files\\replica"}, Bench.serve, **DENIED),
    Case(
        "storage: no rights",
        SET,
        {"DefaultStorageLocation": STORE},
        after(Bench.serve, lambda bench: bench.b.files.denied.add(STORE)),
        **DENIED,
    ),
]

CLUSTER = [
    Case(
        "mapping off a cluster",
        SET,
        {"KerberosAuthenticationPortMapping": {"hv-b.corp.example": 80}},
        set="AuthenticationPortMapping",
        **CONFLICT,
    ),
    Case(
        "mapping without a node",
        SET,
        {"KerberosAuthenticationPortMapping": {"HV-B.corp.example": 81, "REP.corp.example": 80}},
        Bench.cluster,
        set="AuthenticationPortMapping",
        **ARGUMENT,
    ),
    Case(
        "mapping with short names",
        SET,
        {"KerberosAuthenticationPortMapping": {"HV-B": 81, "HV-C": 82, "REP": 80}},
        Bench.cluster,
        set="AuthenticationPortMapping",
        **ARGUMENT,
    ),
    Case(
        "mapping with a port twice is asked about",
        SET,
        {
            "KerberosAuthenticationPortMapping": {
                "HV-B.corp.example": 81,
                "hv-c.corp.example": 81,
                "REP.corp.example": 80,
            }
        },
        Bench.cluster,
        set="AuthenticationPortMapping",
        asks=True,
    ),
    Case(
        "mapping of every node and the broker",
        SET,
        {
            "KerberosAuthenticationPortMapping": {
                "HV-B.corp.example": 81,
                "hv-c.corp.example": 82,
                "REP.corp.example": 80,
            }
        },
        Bench.cluster,
        set="AuthenticationPortMapping",
        check=lambda bench, _unused: bench.world.host("HV-C").server.port("Kerberos", "HV-C.corp.example") == 82,
    ),
    Case(
        "a stored certificate mapping left out is a null error",
        SET,
        lambda bench: {"KerberosAuthenticationPortMapping": dict(bench.b.server.kerberos_mapping or {})},
        mapped,
        set="AuthenticationPortMapping",
        error="Unspecified",
        category="NotSpecified",
    ),
    Case(
        "cluster: a broker that is not online does not hold the role back",
        SET,
        ON,
        lambda bench: bench.cluster(Broker("REP", "Failed")),
        check=lambda bench, _unused: bench.b.server.enabled,
    ),
    Case("cluster: no broker, nothing to read", GET, {}, without_broker, **NOT_FOUND),
    Case("cluster: no broker, nothing to configure", SET, ON, without_broker, **NOT_FOUND),
    Case(
        "cluster: local storage",
        SET,
        {"ReplicationAllowedFromAnyServer": True, "DefaultStorageLocation": STORE},
        Bench.cluster,
        **ARGUMENT,
    ),
    Case(
        "cluster: set on one node, read on the other",
        SET,
        {**ON, "ReplicationAllowedFromAnyServer": True, "DefaultStorageLocation": CSV},
        Bench.cluster,
        check=lambda bench, _unused: (
            bench.run("Get-VMReplicationServer", {}, host=bench.world.host("HV-C")).one["DefaultStorageLocation"] == CSV
        ),
    ),
    Case(
        "cluster: certificate for the node instead of the broker",
        SET,
        with_certificate(),
        Bench.cluster,
        **FAILED,
    ),
]

CASES = [*ROLE, *CERTIFICATE, *ENTRIES_BY_ROLE, *CLUSTER]
