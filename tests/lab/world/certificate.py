"""Certificates in the stores of a host, who issued them, and whether a peer would trust them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2"
USAGE_NAMES = {
    SERVER_AUTHENTICATION: "Server Authentication",
    CLIENT_AUTHENTICATION: "Client Authentication",
    "1.3.6.1.5.5.7.3.3": "Code Signing",
}
BOTH_USAGES = (SERVER_AUTHENTICATION, CLIENT_AUTHENTICATION)
ISSUED = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Certificate:
    """One certificate in a store of LocalMachine: `store` is My, Root or CA.

    `usages` empty means: all purposes, as an absent extension does. `revocation` is good, revoked or unreachable
    (nobody can say; a self-signed one has no list either).
    """

    subject: str
    thumbprint: str
    issuer: str
    issuer_thumbprint: str
    dns_names: tuple[str, ...] = ()
    not_before: datetime = ISSUED
    not_after: datetime = ISSUED + timedelta(days=3650)
    has_private_key: bool = True
    usages: tuple[str, ...] = BOTH_USAGES
    revocation: str = "good"
    friendly_name: str = ""
    store: str = "My"

    @property
    def self_signed(self) -> bool:
        """Whether it is its own issuer."""
        return self.issuer_thumbprint == self.thumbprint

    @property
    def names(self) -> tuple[str, ...]:
        """The common name and the alternative names: what DnsNameList shows, each once."""
        common = [part[3:] for part in self.subject.split(", ") if part.startswith("CN=")]
        return tuple(dict.fromkeys([*common, *self.dns_names]))

    def valid_at(self, moment: datetime) -> bool:
        """Whether the dates hold."""
        return self.not_before <= moment <= self.not_after

    def covers(self, full_name: str) -> bool:
        """Whether subject or alternative name fit; `*.domain` stands for one label."""
        wanted = full_name.rstrip(".").casefold()
        _unused, _unused, domain = wanted.partition(".")
        return any(name.casefold() in (wanted, f"*.{domain}" if domain else wanted) for name in self.names)

    def allows(self, usages: Iterable[str] = BOTH_USAGES) -> bool:
        """Whether every one of these key usages is in it."""
        return not self.usages or set(usages) <= set(self.usages)


@dataclass
class Authority:
    """A certification authority of a world: its own certificate (for the Root store) and those above it."""

    certificate: Certificate
    above: Authority | None = None
    issued: int = field(default=0)

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """From this authority up to the root."""
        return (self.certificate, *(self.above.chain if self.above else ()))


def _thumbprint(*facts: object) -> str:
    # Not a security matter: a thumbprint is the SHA-1 of the certificate, and a world has to be the same on every run.
    return hashlib.sha1("|".join(map(str, facts)).encode(), usedforsecurity=False).hexdigest().upper()


def authority(name: str, *, above: Authority | None = None) -> Authority:
    """A new authority; without `above` it is a root."""
    subject = f"CN={name}"
    thumbprint = _thumbprint("authority", name)
    issuer = above.certificate if above else None
    return Authority(
        Certificate(
            subject=subject,
            thumbprint=thumbprint,
            issuer=issuer.subject if issuer else subject,
            issuer_thumbprint=issuer.thumbprint if issuer else thumbprint,
            has_private_key=False,
            usages=(),
            store="CA" if above else "Root",
        ),
        above,
    )


def issue(
    name: str,
    by: Authority | None = None,
    *,
    dns_names: Sequence[str] = (),
    not_before: datetime = ISSUED,
    days: float = 3650,
    usages: Sequence[str] = BOTH_USAGES,
    has_private_key: bool = True,
    revocation: str = "good",
    serial: int = 0,
) -> Certificate:
    """A machine certificate for `name`, self-signed without `by`; another `serial` makes another one of equal facts."""
    subject = f"CN={name}"
    thumbprint = _thumbprint(subject, dns_names, not_before, days, usages, by and by.certificate.thumbprint, serial)
    return Certificate(
        subject=subject,
        thumbprint=thumbprint,
        issuer=by.certificate.subject if by else subject,
        issuer_thumbprint=by.certificate.thumbprint if by else thumbprint,
        dns_names=tuple(dns_names),
        not_before=not_before,
        not_after=not_before + timedelta(days=days),
        has_private_key=has_private_key,
        usages=tuple(usages),
        revocation=revocation if by else "unreachable",
    )


def find(certificates: Iterable[Certificate], thumbprint: str, store: str = "My") -> Certificate | None:
    """The certificate of that thumbprint in a store; case does not count, blanks do."""
    wanted = thumbprint.upper()
    return next((one for one in certificates if one.store == store and one.thumbprint == wanted), None)


def trusts(certificates: Sequence[Certificate], one: Certificate) -> bool:
    """Whether a host with these certificates can build the chain of `one` up to a root in its own Root store."""
    known = {held.thumbprint: held for held in certificates if held.store in ("Root", "CA")}
    step, seen = one, set[str]()
    while step.thumbprint not in seen:
        seen.add(step.thumbprint)
        held = known.get(step.issuer_thumbprint)
        if held is None:
            return False
        if held.store == "Root":
            return True
        step = held
    return False
