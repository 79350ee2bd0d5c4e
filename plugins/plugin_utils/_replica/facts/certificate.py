# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Certificates of a host: reading them, what keeps one from being used for replication, and the choice of `auto`.

Pure: the host's clock arrives with the answer. Revocation is left to Windows.
Source: https://learn.microsoft.com/powershell/module/hyper-v/set-vmreplicationserver (what the certificate must have).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..base.pipeline import Command, Pipeline
from ..base.properties import select
from ..base.session import Output, Row
from ..base.values import clean_thumbprint, has_zone, time_text, time_utc

SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2"
AUTO = "auto"
_USAGES = {"server authentication": SERVER_AUTHENTICATION, "client authentication": CLIENT_AUTHENTICATION}

_STORE = "Cert:\\LocalMachine\\"
_MACHINE = ("Thumbprint", "Subject", "Issuer", "NotBefore", "NotAfter", "HasPrivateKey", "DnsNameList")
# Which properties a row has tells certificates from other rows, and the stores apart.
_ROOT = ("Thumbprint", "Subject", "Issuer")
_INTERMEDIATE = ("Thumbprint", "Subject", "Issuer", "NotBefore", "NotAfter")
_OID = re.compile(r"\b\d+(?:\.\d+){3,}\b", re.ASCII)
_COMMON_NAME = re.compile(r"(?:^|,\s*)CN\s*=\s*(?:\"([^\"]*)\"|([^,+]*))", re.IGNORECASE)


@dataclass(frozen=True)
class Certificate:
    """A certificate of LocalMachine\\My. `names` holds the common name and the DNS names of the alternative names."""

    thumbprint: str
    subject: str
    issuer: str
    not_before: datetime | None
    not_after: datetime | None
    has_private_key: bool
    names: tuple[str, ...]
    usages: frozenset[str]

    @property
    def self_signed(self) -> bool:
        """True when the subject is its own issuer."""
        return self.subject.casefold() == self.issuer.casefold()

    def covers(self, host: str) -> bool:
        """True when a name of the certificate is `host`, or its wildcard (`*.domain`, one label deep) fits it."""
        wanted = host.rstrip(".").casefold()
        _unused, _unused, domain = wanted.partition(".")
        own = {name.rstrip(".").casefold() for name in self.names}
        return wanted in own or (bool(domain) and f"*.{domain}" in own)

    def __str__(self) -> str:
        return f"{self.thumbprint} ({self.subject}, issued by {self.issuer}, valid until {time_text(self.not_after)})"


@dataclass(frozen=True)
class Authority:
    """A certificate of the Root store (trusted), or of the CA store (a step on the way to a root)."""

    thumbprint: str
    subject: str
    issuer: str
    not_before: datetime | None = None
    not_after: datetime | None = None
    root: bool = False


@dataclass(frozen=True)
class Certificates:
    """What a host has in its stores, and the time on its own clock when it was read. `authorities` None: not asked."""

    own: tuple[Certificate, ...]
    authorities: tuple[Authority, ...] | None
    now: datetime

    def find(self, thumbprint: str) -> Certificate | None:
        """The machine certificate with the thumbprint, or None."""
        wanted = clean_thumbprint(thumbprint)
        return next((one for one in self.own if one.thumbprint == wanted), None)

    def trusted(self, one: Certificate) -> bool | None:
        """True when the chain of `one` ends in a root of this host, followed by the issuers' names; None: not asked.

        Signatures are not checked here; Windows does that when it connects.
        """
        if self.authorities is None:
            return None
        roots = {a.subject.casefold() for a in self.authorities if a.root}
        steps = {a.subject.casefold(): a for a in self.authorities if not a.root and _dated(a, self.now)}
        issuer, seen = one.issuer.casefold(), set[str]()
        while issuer not in seen:
            if issuer in roots:
                return True
            if issuer not in steps:
                return False
            seen.add(issuer)
            issuer = steps[issuer].issuer.casefold()
        return False


class NoChoice(ValueError):
    """`auto` cannot decide: no certificate fits, or two fit equally well. The text says which and why."""


def query_certificates(authorities: bool = True) -> Pipeline:
    """The machine's certificates, those of its authorities where chains are judged, and the host's clock."""
    own = _children("My") | select("X509Certificate2", *_MACHINE, "EnhancedKeyUsageList")
    clock = Command("Get-Date", {"Format": "o"})
    if not authorities:
        return Pipeline.of(own, clock)
    roots = _children("Root") | select("X509Certificate2", *_ROOT)
    return Pipeline.of(own, roots, _children("CA") | select("X509Certificate2", *_INTERMEDIATE), clock)


def _children(store: str) -> Command:
    return Command("Get-ChildItem", {"Path": _STORE + store})


def parse_certificates(output: Output, authorities: bool = True) -> Certificates | None:
    """The certificates of an answer to `query_certificates`; None when it holds no clock (it was not asked)."""
    clock = [row.text for row in output.of_type("String") if has_zone(row.text)]
    now = time_utc(clock[0]) if clock else None
    if now is None:
        return None
    rows = [row for row in output.rows if row.properties.keys() >= {*_ROOT}]
    return Certificates(
        own=tuple(_own(row) for row in rows if "HasPrivateKey" in row.properties),
        authorities=tuple(_authority(row) for row in rows if "HasPrivateKey" not in row.properties)
        if authorities
        else None,
        now=now,
    )


def _own(row: Row) -> Certificate:
    value = row.properties
    return Certificate(
        thumbprint=clean_thumbprint(value["Thumbprint"]),
        subject=str(value.get("Subject") or ""),
        issuer=str(value.get("Issuer") or ""),
        not_before=time_utc(value.get("NotBefore")),
        not_after=time_utc(value.get("NotAfter")),
        has_private_key=bool(value.get("HasPrivateKey")),
        names=_names(str(value.get("Subject") or ""), value.get("DnsNameList")),
        usages=frozenset(oid for item in _items(value.get("EnhancedKeyUsageList")) for oid in _oids(item)),
    )


def _oids(usage: str) -> list[str]:
    """The object identifiers in a usage; its English name where it shows none."""
    named = [oid for name, oid in _USAGES.items() if name in usage.casefold()]
    return _OID.findall(usage) or named


def _authority(row: Row) -> Authority:
    value = row.properties
    return Authority(
        thumbprint=clean_thumbprint(value["Thumbprint"]),
        subject=str(value.get("Subject") or ""),
        issuer=str(value.get("Issuer") or ""),
        not_before=time_utc(value.get("NotBefore")),
        not_after=time_utc(value.get("NotAfter")),
        root="NotAfter" not in value,
    )


def _names(subject: str, dns_names: Any) -> tuple[str, ...]:
    common = [(quoted or bare).strip() for quoted, bare in _COMMON_NAME.findall(subject)]
    listed = [name for item in _items(dns_names) for name in item.split()]
    return tuple(dict.fromkeys(name for name in (*common, *listed) if name))


def _items(value: Any) -> list[str]:
    """Texts of a list whose items arrive as text (ToString) or as objects of text properties."""
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [
        " ".join(str(part) for part in item.values() if part) if isinstance(item, dict) else str(item) for item in items
    ]


def _dated(one: Certificate | Authority, now: datetime) -> bool:
    return (one.not_before is None or one.not_before <= now) and (one.not_after is None or now <= one.not_after)


def problems(one: Certificate, now: datetime, hosts: Iterable[str]) -> tuple[str, ...]:
    """What keeps the certificate from being used by hosts of these full names; nothing when it is good."""
    found = []
    if not one.has_private_key:
        found.append("its private key is not on this host")
    if one.not_before is not None and now < one.not_before:
        found.append(f"it is not valid before {time_text(one.not_before)}")
    if one.not_after is not None and now > one.not_after:
        found.append(f"it expired on {time_text(one.not_after)}")
    for oid, name in ((SERVER_AUTHENTICATION, "server"), (CLIENT_AUTHENTICATION, "client")):
        if oid not in one.usages:
            found.append(f"it is not for {name} authentication ({oid})")
    named = ", ".join(one.names) or "no name"
    found.extend(f"it does not name {host} (it names {named})" for host in hosts if not one.covers(host))
    return tuple(found)


def choose(
    held: Certificates,
    hosts: tuple[str, ...],
    stored: str,
    renew_before_days: int,
    elsewhere: frozenset[str] | None = None,
) -> Certificate:
    """The certificate that `auto` means here. Raises NoChoice.

    `stored` is the thumbprint in force ("" for none), `elsewhere` the thumbprints that are good on every other node of
    the cluster (None: not known, or no cluster). The stored one stays while it is good for `renew_before_days` more.
    Else of those that fit: the stored one's issuer first, never a self-signed one unless the stored one is, the chain
    valid here, the latest expiry; the stored one stays when nothing is better.
    """
    current = held.find(stored) if stored else None
    fit = [one for one in held.own if _fits(one, held, hosts, elsewhere)]
    if current in fit and _lasts(current, held.now + timedelta(days=renew_before_days)):
        return current
    pool = [one for one in fit if held.trusted(one) and (not one.self_signed or _was_self_signed(current))]
    same_issuer = [one for one in pool if current and one.issuer.casefold() == current.issuer.casefold()]
    best = _latest(same_issuer or pool)
    if current in best or (current in fit and not best):
        return current
    if len(best) == 1:
        return best[0]
    if best:
        listed = "; ".join(str(one) for one in best)
        raise NoChoice(f"{len(best)} certificates fit equally well: {listed}. Name the thumbprint of one of them.")
    raise NoChoice(_nothing_fits(held, hosts, elsewhere))


def _fits(one: Certificate, held: Certificates, hosts: tuple[str, ...], elsewhere: frozenset[str] | None) -> bool:
    return not problems(one, held.now, hosts) and (elsewhere is None or one.thumbprint in elsewhere)


def _was_self_signed(current: Certificate | None) -> bool:
    return current is not None and current.self_signed


def _lasts(one: Certificate, until: datetime) -> bool:
    return one.not_after is None or one.not_after >= until


def _latest(pool: list[Certificate]) -> list[Certificate]:
    latest = max((one.not_after.timestamp() for one in pool if one.not_after), default=0.0)
    return [one for one in pool if (one.not_after.timestamp() if one.not_after else 0.0) == latest]


def _nothing_fits(held: Certificates, hosts: tuple[str, ...], elsewhere: frozenset[str] | None) -> str:
    text = f"no certificate in LocalMachine\\My can be used for {' and '.join(hosts)}."
    for one in held.own:
        why = list(problems(one, held.now, hosts))
        if elsewhere is not None and one.thumbprint not in elsewhere:
            why.append("it is not good on every other node of the cluster")
        if not held.trusted(one):
            why.append("its chain does not end in a root that this host trusts")
        if one.self_signed:
            why.append("it is self-signed, which auto takes only to renew a self-signed one")
        text += f" {one}: {'; '.join(why)}."
    return text + " Enrol a certificate with both server and client authentication for that name, or give a thumbprint."
