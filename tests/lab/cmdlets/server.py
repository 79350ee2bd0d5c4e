"""Cmdlets of the replica server role: Get- and Set-VMReplicationServer. Their rules are observed behaviour where
Microsoft's pages do not say them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ..values import Continue, Enum, Obj, Output, Record, Refusal
from ..world import certificate
from ..world.host import Host
from ..world.laws_refusals import refuse
from ..world.server import (
    ANY_SERVER,
    CERTIFICATE_PORT,
    DEFAULT_TRUST_GROUP,
    KERBEROS_PORT,
    AuthorizationEntry,
    ReplicaServer,
    same_name,
)
from .registry import Call, cmdlet
from .replica_storage import check_storage
from .shapes import standard

SPACE = "Microsoft.HyperV.PowerShell"
TYPE = f"{SPACE}.VMReplicationServer"
CERTIFICATE_TYPES = ("Certificate", "CertificateAndKerberos")
# The intervals that Microsoft's page lists: hours, then days.
INTERVALS = {timedelta(hours=hours) for hours in (1, 2, 3, 4, 6, 8, 12, 24)} | {timedelta(days=d) for d in range(2, 8)}


def bad_argument(text: str) -> Refusal:
    """What the cmdlet itself refuses about its parameters."""
    return Refusal(text, "InvalidParameter", "InvalidArgument")


def conflict(text: str) -> Refusal:
    """What the cmdlet itself refuses about the state it finds."""
    return Refusal(text, "InvalidOperation", "InvalidOperation")


def entry_object(host: Host, entry: AuthorizationEntry) -> Obj:
    """VMReplicationAuthorizationEntry."""
    return Obj(
        f"{SPACE}.VMReplicationAuthorizationEntry",
        {
            "AllowedPrimaryServer": entry.name,
            "ReplicaStorageLocation": entry.storage,
            "TrustGroup": entry.trust_group,
            **standard(host),
        },
    )


def server_object(host: Host) -> Obj:
    """VMReplicationServer; on a cluster the settings of the broker, from any node."""
    server, any_server = host.server, host.server.any_server
    down = server.enabled and not server.listener_up
    # A disabled role has authentication type 0, for which the enum has no name.
    authentication = server.authentication or "0"
    return Obj(
        TYPE,
        {
            "ReplicationEnabled": server.enabled,
            "AllowedAuthenticationType": Enum(f"{SPACE}.RecoveryAuthenticationType", authentication),
            "ReplicationAllowedFromAnyServer": any_server is not None,
            "DefaultStorageLocation": any_server.storage if any_server else "",
            "AuthorizationEntries": [entry_object(host, entry) for entry in server.entries],
            "KerberosAuthenticationPort": server.kerberos_port,
            "CertificateAuthenticationPort": server.certificate_port,
            "KerberosAuthenticationPortMapping": _table(server.kerberos_mapping),
            "CertificateAuthenticationPortMapping": _table(server.certificate_mapping),
            "CertificateThumbprint": server.thumbprint,
            "MonitoringInterval": server.monitoring_interval,
            "MonitoringStartTime": server.monitoring_start,
            "OperationalStatus": [Enum(f"{SPACE}.VMReplicationServerOperationalStatus", "Error" if down else "Ok")],
            "StatusDescriptions": ["The listener could not be started." if down else "Operating normally"],
            **standard(host),
        },
    )


def _table(mapping: dict[str, int] | None) -> dict[str, int] | None:
    return dict(mapping) if mapping else None


@cmdlet("Get-VMReplicationServer")
def get_server(call: Call) -> Iterator[Record]:
    """The role of this host or of its cluster; an object also while it is disabled."""
    require_broker(call.host)
    yield Output(server_object(call.host))


@dataclass(frozen=True)
class Asked:
    """One call of Set-VMReplicationServer: what was given, on which host, and the server as it stands."""

    host: Host
    given: Mapping[str, Any]
    mapped: bool

    @property
    def server(self) -> ReplicaServer:
        """As it stands."""
        return self.host.server

    def get(self, name: str) -> Any:
        """A parameter's value, or None."""
        return self.given.get(name)

    @property
    def authentication(self) -> str | None:
        """The type asked for, by name, or None."""
        value = self.get("AllowedAuthenticationType")
        return None if value is None else str(value)


@cmdlet("Set-VMReplicationServer")
def set_server(call: Call) -> Iterator[Record]:
    """Check everything, ask where entries would go or ports are double, then write all of it."""
    asked = Asked(call.host, call.parameters, call.parameter_set == "AuthenticationPortMapping")
    require_broker(call.host)
    new = replace(asked.server)
    _authentication(asked, new, call)
    _ports(asked, new)
    _monitoring(asked, new)
    leaving = _entries(asked, new)
    if not call.get("Force"):
        if leaving:
            names = ", ".join(entry.name for entry in leaving)
            yield Continue(f"The authorization entries {names} will be deleted. Do you want to continue?", "Confirm")
        if _double_ports(new):
            yield Continue("The same port is given more than once. Do you want to continue?", "Confirm")
    vars(asked.server).update(vars(new))
    if call.get("Passthru"):
        yield Output(server_object(call.host))


def require_broker(host: Host) -> None:
    """On a cluster the role is the broker's: it has to be there, online or not, to be read and to be configured.

    Id and text are those met of Get-VMReplicationServer; that the other cmdlets of the role say the same is the harsher
    reading.
    """
    if host.cluster is not None and host.cluster.broker is None:
        raise refuse("object_not_found", host=host.name)


def _authentication(asked: Asked, new: ReplicaServer, call: Call) -> None:
    enabled, kind, thumbprint = (
        asked.get("ReplicationEnabled"),
        asked.authentication,
        asked.get("CertificateThumbprint"),
    )
    if enabled is False:
        new.enabled, new.authentication, new.thumbprint = False, None, ""
        return
    if enabled and kind is None:
        raise bad_argument("AllowedAuthenticationType is required when ReplicationEnabled is true.")
    if not enabled and not asked.server.enabled and (kind or thumbprint):
        # Settings of a role that stays off: not documented; refused is the harsher reading.
        raise conflict("Replication is not enabled on this server; set ReplicationEnabled to true in the same call.")
    new.enabled = bool(enabled) or asked.server.enabled
    if kind in CERTIFICATE_TYPES and not thumbprint:
        raise bad_argument(f"CertificateThumbprint is required with AllowedAuthenticationType {kind}.")
    effective = kind or asked.server.authentication
    if thumbprint and effective not in CERTIFICATE_TYPES:
        raise bad_argument("CertificateThumbprint cannot be used with Kerberos authentication.")
    if thumbprint:
        check_certificate(call, thumbprint)
        new.thumbprint = thumbprint.upper()
    if kind == "Kerberos":
        new.thumbprint = ""
    new.authentication = effective


def check_certificate(call: Call, thumbprint: str) -> None:
    """Refuse a thumbprint that cannot serve: not in LocalMachine\\My, no private key, dates, usages, name.

    Whether the service checks all of it when the role is configured is not documented: the harsher reading.
    """
    host, now = call.host, call.world.clock.now()
    one = certificate.find(host.certificates, thumbprint)
    if one is None:
        reason = "was not found in the Personal store of the local computer (0x80092004)"
    elif not one.has_private_key:
        reason = "has no private key (0x8009000D)"
    elif not one.valid_at(now):
        reason = "is not within its validity period (0x800B0101)"
    elif not one.allows():
        reason = "is not valid for both client and server authentication (0x800B0110)"
    elif not any(one.covers(name) for name in _names(host)):
        reason = "does not name this server (0x800B010F)"
    else:
        return
    text = f"Hyper-V failed to configure the Replica server: the certificate '{thumbprint}' {reason}."
    raise Refusal(text, "OperationFailed", "NotSpecified")


def _names(host: Host) -> tuple[str, ...]:
    broker = host.cluster.broker_fqdn if host.cluster else None
    return (broker,) if broker else (host.fqdn,)


def _ports(asked: Asked, new: ReplicaServer) -> None:
    if asked.mapped:
        _port_mappings(asked, new)
        return
    # A port that is left out goes back to its default, and a mapping with it: this is no patch call.
    new.kerberos_port = asked.get("KerberosAuthenticationPort") or KERBEROS_PORT
    new.certificate_port = asked.get("CertificateAuthenticationPort") or CERTIFICATE_PORT
    new.kerberos_mapping = new.certificate_mapping = None


def _port_mappings(asked: Asked, new: ReplicaServer) -> None:
    if asked.host.cluster is None:
        raise conflict("Port mappings can be set on a cluster only.")
    certificates = asked.get("CertificateAuthenticationPortMapping")
    if certificates is None and asked.server.certificate_mapping:
        # Derived from how the cmdlet works, not seen: a stored certificate mapping that is left out ends in this.
        raise Refusal("Object reference not set to an instance of an object.", "Unspecified", "NotSpecified")
    for name in ("KerberosAuthenticationPortMapping", "CertificateAuthenticationPortMapping"):
        if asked.get(name) is not None:
            mapping = _checked_mapping(asked.host, name, asked.get(name))
            setattr(new, "kerberos_mapping" if name.startswith("K") else "certificate_mapping", mapping)


def _checked_mapping(host: Host, parameter: str, given: Mapping[str, Any]) -> dict[str, int]:
    """Every node and the broker by full name, and nothing else, each with a port."""
    cluster = host.cluster
    wanted = [node.host.fqdn for node in cluster.nodes] + [cluster.broker_fqdn or ""] if cluster else []
    missing = [name for name in wanted if not any(same_name(name, one) for one in given)]
    strange = [one for one in given if not any(same_name(name, one) for name in wanted)]
    if missing or strange:
        raise bad_argument(f"{parameter} must name the broker and every node. Missing or unknown: {missing + strange}.")
    ports: dict[str, int] = {}
    for name, port in given.items():
        number = int(port) if str(port).isdigit() else 0
        if not 1 <= number <= 65535:
            raise bad_argument(f"{parameter}: '{port}' is not a port.")
        ports[name] = number
    return ports


def _double_ports(new: ReplicaServer) -> bool:
    mapped = [*(new.kerberos_mapping or {}).values(), *(new.certificate_mapping or {}).values()]
    return len(set(mapped)) < len(mapped) or new.kerberos_port == new.certificate_port


def _monitoring(asked: Asked, new: ReplicaServer) -> None:
    interval, start = asked.get("MonitoringInterval"), asked.get("MonitoringStartTime")
    if interval is not None:
        if interval not in INTERVALS:
            raise bad_argument("MonitoringInterval must be 1, 2, 3, 4, 6, 8, 12 or 24 hours, or 2 to 7 days.")
        new.monitoring_interval = interval
    if start is not None:
        if not timedelta() <= start < timedelta(hours=24):
            raise bad_argument("MonitoringStartTime must be between 00:00:00 and 23:59:59.")
        new.monitoring_start = start


def _entries(asked: Asked, new: ReplicaServer) -> list[AuthorizationEntry]:
    """Put the entries that follow into `new`; returns those that would go."""
    any_server, storage = asked.get("ReplicationAllowedFromAnyServer"), asked.get("DefaultStorageLocation")
    stored = asked.server.any_server
    if any_server and storage is None:
        raise bad_argument("DefaultStorageLocation is required when ReplicationAllowedFromAnyServer is true.")
    if storage is not None and not (any_server or (any_server is None and stored)):
        raise bad_argument("DefaultStorageLocation can be set only while replication is allowed from any server.")
    if storage is not None:
        check_storage(asked.host, storage)
    if any_server:
        new.entries = [AuthorizationEntry(ANY_SERVER, storage, DEFAULT_TRUST_GROUP)]
        return [entry for entry in asked.server.entries if entry.name != ANY_SERVER]
    if any_server is False:
        new.entries = [entry for entry in asked.server.entries if entry.name != ANY_SERVER]
        return [stored] if stored else []
    if storage is not None and stored is not None:
        new.entries = [replace(stored, storage=storage)]
    return []
