# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Names of hosts: when two are the same host, what a host calls itself, which inventory host a Windows name means.

Names are equal across case, a trailing dot, and short against full name; a different domain is a different host.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .errors import ReplicaError
from .pipeline import Command, Statement
from .properties import select

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)


@lru_cache(maxsize=4096)
def normal(name: str) -> str:
    """The form in which host names are compared: lower case, without blanks around and a dot at the end."""
    return name.strip().rstrip(".").casefold()


@lru_cache(maxsize=4096)
def is_address(name: str) -> bool:
    """True for an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(normal(name).strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True


def is_full(name: str) -> bool:
    """True for a name with a domain."""
    return "." in normal(name) and not is_address(name)


def same_host(one: str | None, other: str | None) -> bool:
    """True when two names mean the same host. Nothing is the same as no name."""
    a, b = normal(one or ""), normal(other or "")
    if not a or not b:
        return False
    if a == b:
        return True
    if is_address(a) or is_address(b) or ("." in a) == ("." in b):
        return False
    return a.partition(".")[0] == b.partition(".")[0]


def is_one_of(name: str | None, names: Iterable[str]) -> bool:
    """True when the name means one of these hosts."""
    return any(same_host(name, other) for other in names)


def full_name(name: str, fully_qualified_domain_name: str | None) -> str:
    """The full name of a host, from Name and FullyQualifiedDomainName of Get-VMHost.

    Which of two things the second holds is not documented: the full name, or the domain alone. If its first label is
    the name it is the full name. In a workgroup without a DNS suffix it is empty, or the name again.
    """
    domain = (fully_qualified_domain_name or "").strip().strip(".")
    if not domain or "." in name:
        return name
    if domain.partition(".")[0].casefold() == name.casefold():
        return domain
    return f"{name}.{domain}"


def query_host_name() -> Statement:
    """The statement whose row `host_name` reads."""
    return Command("Get-VMHost") | select("VMHost", "Name", "FullyQualifiedDomainName")


def host_name(properties: Mapping[str, object]) -> str:
    """The full Windows name of the host, from the row of `query_host_name`."""
    domain = properties.get("FullyQualifiedDomainName")
    return full_name(str(properties.get("Name") or ""), None if domain is None else str(domain))


def not_a_host_name(name: str | None) -> str | None:
    """What is wrong with a name as the DNS name of a host, as half a sentence; None when nothing is.

    Enable-VMReplication refuses an IP address (https://learn.microsoft.com/powershell/module/hyper-v/enable-vmreplication).
    """
    text = normal(name or "")
    if not text:
        return "the name is empty."
    if is_address(text):
        return f"'{name}' is an IP address, which Hyper-V Replica does not take."
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in text.split(".")):
        return f"'{name}' is not the DNS name of a host."
    return None


@dataclass(frozen=True)
class Candidate:
    """An inventory host that a Windows name may mean.

    `names` is its variable `hyperv_replica_names` (aliases), `address` its `ansible_host`, `asked` what Windows itself
    answered (Get-VMHost), where it was asked.
    """

    host: str
    names: tuple[str, ...] = ()
    address: str | None = None
    asked: tuple[str, ...] = ()

    def tiers(self) -> tuple[tuple[str, ...], ...]:
        """Its names, from those that the operator gave to those that were found out."""
        return self.names, (self.host,), (self.address,) if self.address else (), self.asked


@dataclass(eq=False)
class AmbiguousName(ReplicaError):
    """A Windows name that fits several hosts of the inventory."""

    name: str
    hosts: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"The name {self.name} fits several hosts of the inventory: {', '.join(self.hosts)}. "
            "Set hyperv_replica_names on the one that is meant, or leave the others out."
        )


def inventory_host(name: str, candidates: Sequence[Candidate]) -> str | None:
    """The candidate that a Windows name means; None when none fits: such a host counts as out of reach.

    Asked tier by tier: a name given by the operator beats the inventory name, which beats the address, which beats
    what a host said itself. Raises AmbiguousName when two candidates fit in one tier.
    """
    for tier in zip(*(candidate.tiers() for candidate in candidates), strict=True):
        fits = tuple(c.host for c, names in zip(candidates, tier, strict=True) if is_one_of(name, names))
        if len(fits) > 1:
            raise AmbiguousName(name, fits)
        if fits:
            return fits[0]
    return None
