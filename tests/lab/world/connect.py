"""Whether one host gets through to the replica server of another, and why not.

`check` is what the management service does before it enables, tests, sends or reverses. Its refusals come back from a
job of that service: the id is generic and only the code in the (localised) text tells them apart.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from ..values import Refusal
from .certificate import Certificate, find, trusts
from .cluster import Cluster
from .dns import Named, is_address, resolve
from .host import REPLICATION_KEY, Host
from .server import AuthorizationEntry, same_name

if TYPE_CHECKING:
    from .world import World

NOT_RESOLVED = "0x00002EE7"
CANNOT_CONNECT = "0x00002EFD"
KERBEROS_REFUSED = "0x00002EFE"
TARGET_UNKNOWN = "0x80090303"
NOT_TRUSTED = "0x00002F8F"
# Neither text nor code of this refusal is on record: access denied, at the time of enabling, is the harsher reading.
NOT_AUTHORISED = "0x80070005"

DISABLE_REVOCATION_CHECK = "DisableCertRevocationCheck"

__all__ = ["admitting", "check", "primary_name", "resolve"]

ADVICE = (
    "Verify that the server is enabled as a Replica server, that it allows inbound connections on port {port}, and "
    "that it supports the same authentication scheme."
)


@dataclass(frozen=True)
class Attempt:
    """One attempt to connect: from where, to which name, how, and what the text of a refusal begins with."""

    world: World
    host: Host
    server_name: str
    port: int
    authentication: str
    thumbprint: str
    begins: str

    def fail(self, reason: str, code: str, advice: str = "") -> NoReturn:
        """Refuse with the code in the text."""
        text = f"{self.begins}: {reason} ({code}). Hyper-V cannot connect to the specified Replica server "
        raise Refusal(f"{text}'{self.server_name}'. {advice}".rstrip(), "OperationFailed", "NotSpecified")

    def cannot_connect(self) -> NoReturn:
        """The server cannot be reached, or nothing that fits listens there."""
        self.fail(
            "A connection with the server could not be established", CANNOT_CONNECT, ADVICE.format(port=self.port)
        )

    def bad_argument(self, reason: str) -> NoReturn:
        """What the cmdlet refuses before anything is sent."""
        raise Refusal(f"{self.begins}. {reason}", "InvalidParameter", "InvalidArgument")


def primary_name(host: Host) -> str:
    """The name under which a host comes to a replica server: the broker's on a cluster."""
    broker = host.cluster.broker_fqdn if host.cluster else None
    return broker or host.fqdn


def admitting(target: Host, host: Host, trust_group: str | None = None) -> AuthorizationEntry | None:
    """The entry under which `target` takes replicas from `host`.

    For a replica that stands there already give its trust group: any entry of that group which admits the host will do.
    """
    name = primary_name(host)
    if trust_group is None:
        return target.server.admitting(name)
    same_group = (one for one in target.server.entries if one.trust_group.casefold() == trust_group.casefold())
    return next((one for one in same_group if one.admits(name)), None)


def check(
    world: World,
    host: Host,
    replica_server_name: str,
    port: int,
    auth: str,
    thumbprint: str = "",
    authorise: bool = True,
    *,
    vm_id: uuid.UUID | None = None,
    trust_group: str | None = None,
    begins: str = "Hyper-V failed to establish a connection",
) -> Host:
    """Connect from `host` to a replica server and return the host behind the name (a broker: the VM's node, or any).

    `auth` is Kerberos or Certificate, `thumbprint` that of `host`'s own certificate. With `authorise` False the entries
    are not looked at: that is all that Test-VMReplicationConnection proves.
    Raises Refusal: InvalidParameter for what the cmdlet refuses, else OperationFailed with the code in the text.
    """
    attempt = Attempt(world, host, replica_server_name, port, auth, thumbprint, begins)
    _check_arguments(attempt)
    named = resolve(world, host, replica_server_name)
    if named is None:
        attempt.fail("The server name or address could not be resolved", NOT_RESOLVED)
    _check_not_self(attempt, named)
    target = _place(attempt, named, vm_id)
    _check_listener(attempt, named, target)
    if auth == "Kerberos":
        _check_kerberos(attempt, target)
    else:
        _check_certificates(attempt, named, target)
    if authorise and admitting(target, host, trust_group) is None:
        reason = f"The Replica server does not accept replication from the primary server '{primary_name(host)}'"
        attempt.fail(reason, NOT_AUTHORISED, "Add an authorization entry for it on the Replica server.")
    return target


def _check_arguments(attempt: Attempt) -> None:
    if is_address(attempt.server_name):
        attempt.bad_argument(f"'{attempt.server_name}' is an IP address; specify the name of the Replica server.")
    if attempt.authentication == "Certificate" and not attempt.thumbprint:
        attempt.bad_argument("A certificate thumbprint is required for certificate-based authentication.")
    if attempt.authentication == "Kerberos" and attempt.thumbprint:
        attempt.bad_argument("A certificate thumbprint cannot be given with Kerberos authentication.")
    cluster = attempt.host.cluster
    if cluster is not None and cluster.broker is None:
        attempt.bad_argument("The host is a node of a cluster that has no Hyper-V Replica Broker.")


def _check_not_self(attempt: Attempt, named: Named) -> None:
    same_cluster = named.cluster is not None and named.cluster is attempt.host.cluster
    if named.host is attempt.host or same_cluster:
        attempt.bad_argument("The Replica server cannot be the primary server itself.")


def _place(attempt: Attempt, named: Named, vm_id: uuid.UUID | None) -> Host:
    """The host that answers for the name, with the way to it open; on both sides a cluster needs its broker online."""
    own = attempt.host.cluster
    if own is not None and own.active_broker is None:
        attempt.cannot_connect()
    if named.host is not None:
        # Whether a node of a cluster answers to its own name is unverified; replication is set up towards the broker.
        if named.host.cluster is not None:
            attempt.cannot_connect()
        targets = [named.host]
    else:
        targets = _nodes(attempt, named.cluster, vm_id)
    for target in targets:
        reachable = target.powered and attempt.world.linked(attempt.host.name, target.name)
        if not reachable or target.services.get("vmms") != "Running" or not target.firewall.admits(attempt.port):
            attempt.cannot_connect()
    return targets[-1]


def _nodes(attempt: Attempt, cluster: Cluster | None, vm_id: uuid.UUID | None) -> list[Host]:
    """The node that holds the broker, and the one that it sends the caller to."""
    if cluster is None or cluster.active_broker is None:
        attempt.cannot_connect()
    holder, owner = cluster.place(), cluster.place(vm_id)
    if holder is None or owner is None:
        attempt.cannot_connect()
    return [holder.host, owner.host]


def _check_listener(attempt: Attempt, named: Named, target: Host) -> None:
    server = target.server
    listens = server.accepts(attempt.authentication)
    if not listens or server.port(attempt.authentication, named.full_name) != attempt.port:
        attempt.cannot_connect()


def _check_kerberos(attempt: Attempt, target: Host) -> None:
    host = attempt.host
    trusted = same_name(host.domain, target.domain) or target.domain.casefold() in {
        name.casefold() for name in host.trusted_domains
    }
    if host.workgroup or target.workgroup or not trusted:
        attempt.fail("The connection with the server was terminated abnormally", KERBEROS_REFUSED)
    if not target.server.spn_registered:
        attempt.fail("The specified target is unknown or unreachable", TARGET_UNKNOWN)


def _check_certificates(attempt: Attempt, named: Named, target: Host) -> None:
    """Both ends show a certificate, and each must accept the other's."""
    host = attempt.host
    shown = _usable(attempt, target, find(target.certificates, target.server.thumbprint), (named.full_name,))
    # A node shows its own name too: one certificate with both names, or two.
    if named.cluster is not None and not any(one.covers(target.fqdn) for one in _good(attempt, target)):
        _distrust(attempt)
    # A cluster as the primary side comes under its broker's name.
    own = _usable(attempt, host, find(host.certificates, attempt.thumbprint), (primary_name(host),))
    for verifier, one in ((host, shown), (target, own)):
        if not trusts(verifier.certificates, one) or not _not_revoked(verifier, one):
            _distrust(attempt)


def _good(attempt: Attempt, host: Host) -> Iterable[Certificate]:
    now = attempt.world.clock.now()
    own = (one for one in host.certificates if one.store == "My" and one.has_private_key)
    return (one for one in own if one.valid_at(now) and one.allows())


def _usable(attempt: Attempt, host: Host, one: Certificate | None, names: tuple[str, ...]) -> Certificate:
    if one is None or one not in list(_good(attempt, host)) or not all(one.covers(name) for name in names):
        _distrust(attempt)
    return one


def _not_revoked(verifier: Host, one: Certificate) -> bool:
    return bool(verifier.registry_value(REPLICATION_KEY, DISABLE_REVOCATION_CHECK)) or one.revocation == "good"


def _distrust(attempt: Attempt) -> NoReturn:
    attempt.fail("A security error occurred", NOT_TRUSTED, "Verify the certificates of both servers.")
