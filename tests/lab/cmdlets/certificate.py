"""Certificates as the Cert: drive shows them: stores, and X509Certificate2 objects with what PowerShell adds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..values import Enum, Obj
from ..world.certificate import USAGE_NAMES, Certificate
from ..world.host import Host
from .files import own
from .resolve import is_pattern, matches

SPACE = "System.Security.Cryptography.X509Certificates"
ADDED = "Microsoft.PowerShell.Commands"
STORES = ("My", "Root", "CA")
PROVIDER = "Microsoft.PowerShell.Security\\Certificate"


@dataclass(frozen=True)
class CertPath:
    """A path of the drive: location and store by name, thumbprint or pattern; None where the path ends before."""

    location: str | None = None
    store: str | None = None
    thumbprint: str | None = None


def parse(path: str) -> CertPath | None:
    r"""The parts of `Cert:\LocalMachine\My\…`, or None for a path of another drive or one that is too long."""
    drive, _unused, rest = path.replace("/", "\\").partition(":")
    if drive.casefold() not in ("cert", f"{PROVIDER}:".casefold()) and not drive.casefold().endswith("::certificate"):
        return None
    parts = [part for part in rest.lstrip(":\\").split("\\") if part]
    return CertPath(*parts) if len(parts) <= 3 else CertPath("", "", "")


def dns_name(name: str) -> Obj:
    """DnsNameRepresentation: Punycode and Unicode forms."""
    return Obj(f"{ADDED}.DnsNameRepresentation", {"Punycode": name, "Unicode": name})


def usage(identifier: str) -> Obj:
    """EnhancedKeyUsageRepresentation."""
    name = USAGE_NAMES.get(identifier, "")
    facts = {"FriendlyName": name, "ObjectId": identifier}
    return Obj(f"{ADDED}.EnhancedKeyUsageRepresentation", facts)


def certificate_object(host: Host, one: Certificate) -> Obj:
    """X509Certificate2. Dates are local; a certificate without the extension has an empty list of usages."""
    place = f"{PROVIDER}::LocalMachine\\{one.store}"
    facts = {
        "EnhancedKeyUsageList": [usage(identifier) for identifier in one.usages],
        "DnsNameList": [dns_name(name) for name in one.names],
        "SendAsTrustedIssuer": False,
        "Archived": False,
        "FriendlyName": one.friendly_name,
        "HasPrivateKey": one.has_private_key,
        "Issuer": one.issuer,
        "NotAfter": host.local(one.not_after),
        "NotBefore": host.local(one.not_before),
        "SerialNumber": one.thumbprint[:32],
        "Subject": one.subject,
        "Thumbprint": one.thumbprint,
        "Version": 3,
        "PSPath": f"{place}\\{one.thumbprint}",
        "PSParentPath": place,
        "PSChildName": one.thumbprint,
        "PSIsContainer": False,
    }
    return Obj(own(f"{SPACE}.X509Certificate2"), facts)


def store_object(name: str) -> Obj:
    """X509Store, as a container of the drive."""
    facts = {
        "Name": name,
        "Location": Enum(f"{SPACE}.StoreLocation", "LocalMachine"),
        "PSPath": f"{PROVIDER}::LocalMachine\\{name}",
        "PSChildName": name,
        "PSIsContainer": True,
    }
    return Obj(own(f"{SPACE}.X509Store"), facts)


def stores(path: CertPath, *, literal: bool) -> list[str]:
    """The stores that a path goes through."""
    if (path.location or "").casefold() != "localmachine":
        return []
    return [name for name in STORES if path.store is None or _fits(path.store, name, literal)]


def found(host: Host, path: CertPath, *, literal: bool) -> Iterator[Certificate]:
    """The certificates that a full path names."""
    for store in stores(path, literal=literal):
        for one in host.certificates:
            if one.store == store and path.thumbprint is not None and _fits(path.thumbprint, one.thumbprint, literal):
                yield one


def below(host: Host, path: CertPath, *, recurse: bool, literal: bool) -> Iterator[Obj]:
    """What is in a store, or (with `recurse`) in all stores of the machine."""
    for store in stores(path, literal=literal):
        if path.store is None:
            yield store_object(store)
        if path.store is not None or recurse:
            yield from (certificate_object(host, one) for one in host.certificates if one.store == store)


def _fits(wanted: str, value: str, literal: bool) -> bool:
    if literal or not is_pattern(wanted):
        return wanted.casefold() == value.casefold()
    return matches(wanted, value)
